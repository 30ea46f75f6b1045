/**
 * Who may see and do what. Every page × every kind of reader, every form × those who may not send it, and what is too much.
 * (Strangers, other sites and other content types are tried on every route in `server/tests/access`.)
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { INES, JANA, MARTA, PAUL, PRIYA, TOMASZ, WEHRLE, type Person } from "../portal/people";
import { PAGES, READERS, routesOfTheProgram } from "../portal/routes";
import { expect, test, type Portal } from "../portal/test";
import { thingsOf } from "../portal/things";

test("every page of the program has a row in the table of pages", async () => {
  expect([...PAGES.map((row) => row.route)].sort()).toEqual((await routesOfTheProgram()).sort());
});

async function open(portal: Portal, person: Person | undefined, path: string): Promise<{ status: number; to: string; text: string }> {
  const headers = { accept: "text/html", ...(person ? { cookie: await portal.cookie(person) } : {}) };
  const response = await fetch(`${portal.url}${path}`, { redirect: "manual", headers });
  return { status: response.status, to: response.headers.get("location") ?? "", text: await response.text() };
}

test("every page is shown to those whom it is for, and to nobody else", async ({ portal }) => {
  const things = await thingsOf(portal);
  for (const row of PAGES.filter((one) => one.open.length > 0)) {
    const path = row.at(things);
    for (const person of READERS) {
      const { status } = await open(portal, person, path);
      if (row.open.includes(person)) expect.soft(status, `${row.route} for ${person.name}`).toBe(200);
      else expect.soft(row.hidden ? [403, 404] : [403], `${row.route} for ${person.name}: ${status}`).toContain(status);
    }
    const stranger = await open(portal, undefined, path);
    expect.soft([stranger.status, stranger.to.split("?")[0]], `${row.route} for a stranger`).toEqual([303, "/sign-in"]);
  }
});

test("nothing of one supplier is on any page of another", async ({ portal }) => {
  const things = await thingsOf(portal);
  const theirs = await portal.stock.order(WEHRLE, 1);
  const orders = await portal.erp.orders();
  const foreign = (mine: string): string[] => orders.filter((order) => order.supplier.number !== mine).map((order) => order.number);
  const lists = ["/", "/orders?size=200", `/orders?q=${theirs}`, `/search?q=${theirs}`, "/search?q=Wehrle", "/orders?supplier=100251", "/profile"];
  for (const path of lists) {
    const { status, text } = await open(portal, INES, path);
    expect(status, path).toBe(200);
    const leaked = foreign("100234").filter((number) => text.replaceAll(theirs, path.includes(theirs) ? "" : theirs).includes(number));
    expect(leaked, `${path} as Ines shows orders of others`).toEqual([]);
    expect(text.includes("Wehrle") && !path.includes("Wehrle"), `${path} as Ines names another supplier`).toBe(false);
  }
  // A correlation id is no key: what is behind it is seen within the own scope.
  const timeline = await open(portal, PAUL, `/timeline/${things.correlation}`);
  expect(timeline.status).toBe(200);
  expect(timeline.text).not.toContain(things.order);
});

/** Every form: where it goes, what a wrongdoer fills in about things that exist, and who must not. */
test("no form does anything for those who may not, though they know every id", async ({ portal }) => {
  const { order, open: untouched, connection, delivery, arrival, person } = await thingsOf(portal);
  const form = (await open(portal, INES, `/orders/${untouched}/confirm`)).text;
  const line = /line-([0-9a-f-]{36})-0-answer/.exec(form)?.[1] ?? "";
  expect(line, "the id of a schedule line").not.toBe("");
  const orderId = /data-props="[^"]*?([0-9a-f-]{36})/.exec((await open(portal, INES, `/orders/${untouched}`)).text)?.[1] ?? "";
  expect(orderId, "the id of the order").not.toBe("");
  const submission = "01890000-0000-7000-8000-00000000beef";
  const key = `f[line-${line}-0-`;
  const answer = { order: untouched, "f[revision]": "1", "f[submission]": submission, [`${key}answer]`]: "reject", [`${key}reason]`]: "other", [`${key}note]`]: "x", [`${key}version]`]: "1", "f[checked]": line };
  const pick = { submission, "picks[]": `${untouched}:${line}:1`, note: "because", back: "/deviations" };
  const supplier = [PAUL];
  const suppliers = [INES, PAUL];
  const others = [INES, PAUL, MARTA, TOMASZ];
  const tries: [string, Record<string, string>, Person[]][] = [
    ["answer-order", answer, [...supplier, TOMASZ, PRIYA, JANA]],
    ["confirm-as-requested", { order: untouched, revision: "1", submission, [`versions[${line}]`]: "1" }, [...supplier, TOMASZ, PRIYA, JANA]],
    ["order-opened", { order_id: orderId }, [...supplier, MARTA]],
    ["accept-deviations", pick, [...suppliers, TOMASZ, PRIYA, JANA]],
    ["reject-deviations", pick, [...suppliers, TOMASZ, PRIYA, JANA]],
    ["counter-deviations", pick, [...suppliers, TOMASZ, PRIYA, JANA]],
    ["act-on-connection", { id: connection, act: "pause", reason: "because" }, [...others, JANA]],
    ["test-connection", { id: connection }, [...others, JANA]],
    ["add-connection", { kind: "rest", name: "Mine" }, [...others, JANA]],
    ["save-connection", { id: connection, version: "1", name: "Mine" }, [...others, JANA]],
    ["act-on-delivery", { id: delivery, act: "resend", reason: "because" }, [...others, JANA]],
    ["reapply-arrival", { id: arrival, reason: "because" }, [...others, JANA]],
    ["invite-person", { email: "evil@wehrle.example", name: "Evil", "roles[]": "administrator" }, [...others, PRIYA]],
    ["save-person", { id: person, name: "Evil", "roles[]": "administrator" }, [...others, PRIYA]],
    ["act-on-person", { id: person, act: "disable", reason: "because" }, [...others, PRIYA]],
  ];
  const accepted = JSON.stringify(await portal.erp.accepted());
  for (const [endpoint, fields, people] of tries) {
    for (const who of people) {
      const response = await fetch(`${portal.url}/do/${endpoint}`, {
        method: "POST",
        redirect: "manual",
        headers: {
          accept: "text/html",
          origin: portal.url,
          cookie: await portal.cookie(who),
          "content-type": "application/x-www-form-urlencoded",
        },
        body: new URLSearchParams(fields),
      });
      if (endpoint === "order-opened") continue; // says nothing to anybody; whether it was noted is looked at below
      const kept = response.status === 303 && !(response.headers.get("location") ?? "").includes("__err");
      expect.soft([403, 404, 422].includes(response.status) || kept, `${endpoint} as ${who.name}: ${response.status}`).toBe(true);
    }
  }
  await test.step("nothing came of it", async () => {
    const page = await open(portal, INES, `/orders/${untouched}`);
    expect(page.text).toContain("Confirm 5 lines as requested");
    expect(page.text).toContain("not yet by the supplier");
    expect((await open(portal, PRIYA, `/connections/${connection}`)).text).not.toContain("paused since");
    expect((await open(portal, PRIYA, "/connections")).text).not.toContain("Mine");
    expect((await open(portal, JANA, "/people")).text).not.toContain("Evil");
    expect((await open(portal, PRIYA, `/deliveries?q=${order}`)).text).not.toContain("a person, again");
    expect(JSON.stringify(await portal.erp.accepted())).toBe(accepted);
  });
  await test.step("every form of the program that needs a role was tried", async () => {
    expect(tries.map(([endpoint]) => endpoint).sort()).toEqual((await formsOfTheProgram()).filter((one) => !OPEN.includes(one)).sort());
  });
});

/** Forms about oneself, or for strangers; and the pages' own loaders. */
const OPEN = [
  "change-password",
  "choose-password",
  "end-my-sessions",
  "load-link",
  "load-profile",
  "load-sign-in",
  "set-up",
  "sign-in",
  "sign-in-demo",
  "sign-out",
  "theme",
];

async function formsOfTheProgram(): Promise<string[]> {
  const root = fileURLToPath(new URL("../../app/src", import.meta.url));
  const files = (await readdir(root, { recursive: true })).filter((file) => file.endsWith(".rs"));
  const sources = await Promise.all(files.map((file) => readFile(join(root, file), "utf8")));
  // An example in a comment is no form.
  return sources.flatMap((source) => [...source.matchAll(/^#\[server\([^)]*endpoint = "([^"]+)"/gm)].map(([, name = ""]) => name));
}

test("a form of 200 MB is told its limit and disturbs nobody", async ({ portal }) => {
  const body = new Uint8Array(200 * 1024 * 1024).fill(120);
  const response = await fetch(`${portal.url}/do/answer-order`, {
    method: "POST",
    headers: {
      accept: "text/html",
      origin: portal.url,
      cookie: await portal.cookie(INES),
      "content-type": "application/x-www-form-urlencoded",
    },
    body,
  });
  expect(response.status).toBe(413);
  expect(await response.text()).toContain("larger than the 1024 KiB that a form may have. Nothing was changed.");
  expect((await fetch(`${portal.url}/readyz`)).status).toBe(200);
});
