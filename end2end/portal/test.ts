/**
 * `test` with what every journey needs: an own installation for each worker process, its simulated ERP, and browsers in
 * which somebody is signed in. On failure the program's log is attached.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test as plain, type BrowserContextOptions, type Page } from "@playwright/test";

import { Erp } from "./erp";
import { INES, PASSWORD, PAUL, WEHRLE, type Person } from "./people";
import { freshDirectory, Program, throwAway } from "./program";
import { Stock } from "./stock";
import { Watch } from "./watch";

/** One installation with demo data. */
export interface Portal {
  url: string;
  erp: Erp;
  program: Program;
  /** Orders to answer. */
  stock: Stock;
  /** The cookie of a person's session; made at the first wish. */
  cookie(person: Person): Promise<string>;
  /** Reports something as the shop floor of Lindau would. */
  report(message: Record<string, unknown>): Promise<void>;
  /** The session of a person as a browser keeps it. */
  session(person: Person): Promise<BrowserContextOptions["storageState"]>;
}

export interface Visits {
  /** A browser of its own, at the sign-in page or wherever it goes. */
  stranger(options?: BrowserContextOptions): Promise<Page>;
  /** A browser of its own in which this person is signed in. */
  as(person: Person, options?: BrowserContextOptions): Promise<Page>;
}

/** The name of the session cookie without TLS. */
const COOKIE = "interlock";

/** Signs in through the form, without a browser; gives the cookie. */
export async function signIn(url: string, person: Person): Promise<string> {
  const response = await fetch(`${url}/do/sign-in`, {
    method: "POST",
    redirect: "manual",
    headers: { "content-type": "application/x-www-form-urlencoded", origin: url },
    body: new URLSearchParams({ email: person.email, password: PASSWORD, next: "" }),
  });
  const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(";")[0] ?? "");
  const session = cookies.find((cookie) => cookie.startsWith(`${COOKIE}=`));
  if (response.status !== 303 || !session) {
    throw new Error(`${person.email} could not sign in: ${response.status} to ${response.headers.get("location")}`);
  }
  return session;
}

export const test = plain.extend<{ visits: Visits; watch: Watch; logOnFailure: void }, { portal: Portal }>({
  portal: [
    async ({}, use) => {
      const directory = await freshDirectory();
      const program = await Program.serve({ directory, demo: true }).catch(async (error: unknown) => {
        await throwAway(directory);
        throw error;
      });
      const erp = new Erp(await program.erpUrl());
      const sessions = new Map<string, string>();
      const { hostname } = new URL(program.url);
      const cookie = async (person: Person): Promise<string> => {
        const session = sessions.get(person.email) ?? (await signIn(program.url, person));
        sessions.set(person.email, session);
        return session;
      };
      const stock = new Stock(erp, async (supplier, number) => {
        const headers = { accept: "text/html", cookie: await cookie(supplier === WEHRLE ? PAUL : INES) };
        return (await fetch(`${program.url}/orders/${number}`, { redirect: "manual", headers })).status === 200;
      });
      await use({
        url: program.url,
        erp,
        program,
        stock,
        cookie,
        async report(message) {
          const key = await readFile(join(directory, "secrets", "simulated-floor"), "utf8");
          const sent = await fetch(`${program.url}/api/v1/arrivals/${encodeURIComponent("Simulated shop floor")}`, {
            method: "POST",
            headers: { authorization: `Bearer ${key.trim()}`, "content-type": "application/json" },
            body: JSON.stringify({ id: crypto.randomUUID(), at: new Date(Date.now() - 60_000).toISOString(), ...message }),
          });
          if (sent.status !== 202) throw new Error(`the report was answered with ${sent.status}: ${await sent.text()}`);
        },
        async session(person) {
          const [name = "", value = ""] = (await cookie(person)).split("=", 2);
          const rest = { domain: hostname, path: "/", expires: -1, httpOnly: true, secure: false, sameSite: "Lax" as const };
          return { cookies: [{ name, value, ...rest }], origins: [] };
        },
      });
      await program.process.stop();
      await throwAway(directory);
    },
    { scope: "worker", timeout: 120_000 },
  ],

  baseURL: async ({ portal }, use) => use(portal.url),

  watch: async ({ portal }, use) => {
    const watch = new Watch(portal.url);
    await use(watch);
    expect(watch.found, "no console error, no policy violation, no request to another origin").toEqual([]);
  },

  visits: async ({ browser, portal, watch }, use) => {
    const contexts: { close(): Promise<void> }[] = [];
    const open = async (options: BrowserContextOptions): Promise<Page> => {
      const context = await browser.newContext({ baseURL: portal.url, viewport: { width: 1440, height: 1000 }, ...options });
      watch.over(context);
      contexts.push(context);
      return context.newPage();
    };
    await use({
      stranger: (options = {}) => open(options),
      as: async (person, options = {}) => {
        const storageState = await portal.session(person);
        return open({ ...options, ...(storageState === undefined ? {} : { storageState }) });
      },
    });
    for (const context of contexts) await context.close();
  },

  logOnFailure: [
    async ({ portal }, use, info) => {
      await use();
      if (info.status !== info.expectedStatus) {
        await info.attach("log of the program", { body: portal.program.process.said, contentType: "text/plain" });
      }
    },
    { auto: true },
  ],
});

export { expect };
