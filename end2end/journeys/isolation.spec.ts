/**
 * Who may see and do what. Every page × every kind of reader, every form × those who may not send it, and what is too much.
 * (Strangers, other sites and other content types are tried on every route in `server/tests/access`.)
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { parse } from "node-html-parser";

import { CLARA, HENRIK, INES, JANA, MARTA, PAUL, PRIYA, ROSA, TOMASZ, WEHRLE, type Person } from "../portal/people";
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
  const things = await thingsOf(portal);
  const { order, open: untouched, connection, delivery, arrival, person } = things;
  const { notice, receipt, difference, lot, inspection, hold, certificate, certifiedLine, plan, posting } = things;
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
  const notShipping = [PAUL, MARTA, TOMASZ, CLARA, HENRIK, PRIYA, JANA];
  const notAtTheDock = [...suppliers, MARTA, TOMASZ, HENRIK, PRIYA, JANA];
  const notQuality = [...suppliers, MARTA, CLARA, HENRIK, PRIYA, JANA];
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
    ["read-connection-now", { id: connection }, [...others, JANA]],
    ["make-key", { "typed[name]": "Evil", "typed[owner]": "house", "typed[rights][]": "read_orders", "typed[lasts]": "30" }, [...others, JANA]],
    ["rotate-key", { id: submission, overlap: "24" }, [...others, JANA]],
    ["revoke-key", { id: submission }, [...others, JANA]],
    ["start-shipment", { [`f[line-${line}]`]: "1" }, notShipping],
    ["ship-order", { order: untouched, "f[submission]": submission, "f[do]": "send", "f[delivery_note]": "Evil", "f[ship_on]": "+1", "f[arrive_on]": "+3" }, notShipping],
    ["ship-step", { draft: submission, step: "review", "f[do]": "send" }, notShipping],
    ["amend-shipment", { number: notice }, notShipping],
    ["duplicate-shipment", { number: notice }, notShipping],
    ["cancel-shipment", { number: notice, version: "1", submission, reason: "Evil" }, notShipping],
    ["tell-shipment", { number: notice, submission, milestone: "departed", happened_at: "2026-11-01T08:00", note: "Evil" }, [PAUL, MARTA, TOMASZ, HENRIK, PRIYA, JANA]],
    ["check-in", { number: notice, milestone: "arrived", submission }, [PAUL, MARTA, TOMASZ, HENRIK, PRIYA, JANA]],
    ["receive", { against: "notice", number: notice, version: "1", submission, complete: "yes", delivery_note: "Evil", "f[r0-accepted]": "1" }, notAtTheDock],
    ["receive-all", { number: notice, version: "1", submission }, notAtTheDock],
    ["reverse-receipt", { number: receipt, submission, reason: "Evil" }, notAtTheDock],
    ["answer-difference", { number: difference, submission, note: "Evil" }, [PAUL, PRIYA, JANA]],
    ["close-difference", { number: difference, submission, outcome: "accepted", note: "Evil" }, [...suppliers, TOMASZ, CLARA, HENRIK, PRIYA, JANA]],
    ["hand-in-certificate", { submission, act: "send", replaces: certificate, "f[item]": "0415-90", "f[number]": "Evil", "f[confirmed]": "on" }, [PAUL, MARTA, TOMASZ, CLARA, PRIYA, JANA]],
    ["decide-certificate", { id: certificate, submission, act: "accept", reason: "Evil" }, notQuality],
    ["waive-certificate", { submission, line: certifiedLine, kind: "en_3_1", reason: "Evil" }, [...suppliers, CLARA, HENRIK, PRIYA, JANA]],
    ["save-specification", { item: "0415-90", read: "0", submission, "f[note]": "Evil" }, notQuality],
    ["add-requirement", { item: "0415-90", "f[kind]": "en_3_1", "f[per]": "lot" }, notQuality],
    ["end-requirement", { id: submission }, notQuality],
    ["record-values", { inspection, "f[v0]": "666" }, notQuality],
    ["decide-inspection", { submission, inspection, "f[note]": "Evil" }, notQuality],
    ["place-hold", { submission, scope: "lot", lot_id: lot, reason: "identity", note: "Evil" }, notQuality],
    ["request-release", { submission, number: hold, disposition: "use_as_is", reason: "Evil" }, notQuality],
    ["release-hold", { submission, number: hold }, notQuality],
    ["move-lot-stock", { submission, lot, from: "in_inspection", to: "unrestricted", quantity: "1", reason: "Evil" }, notQuality],
    ["set-inspection-plan", { submission, plan_id: plan, read: "1", item: "0415-90", plant: "DE10", plan: "none", reason: "Evil" }, notQuality],
    ["put-back-inspection-plan", { submission, plan_id: plan, version: "1", read: "1" }, notQuality],
    ["set-hold-policy", { submission, plant: "DE10", about: "any", read: "0", persons: "one", reason: "Evil" }, notQuality],
    ["decide-posting", { submission, report: posting, act: "cancel", reason: "Evil" }, [...suppliers, MARTA, TOMASZ, CLARA, JANA]],
    ["ask-stock", { item: "0415-90", plant: "DE10" }, [...suppliers, PRIYA, JANA]],
  ];
  const told = async (): Promise<string[]> => {
    // A sentence that is shown once, on whatever page comes next, is no part of it.
    for (const who of [INES, MARTA, TOMASZ]) await open(portal, who, "/profile");
    return Promise.all(pagesOf(things).map(async ([who, path]) => said((await open(portal, who, path)).text)));
  };
  const before = await told();
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
    const after = await told();
    pagesOf(things).forEach(([, path], index) => expect.soft(after[index], path).toBe(before[index]));
    expect(await Promise.all([ROSA, PRIYA].map(async (who) => (await open(portal, who, "/keys")).text.includes("Evil")))).toEqual([false, false]);
  });
  await test.step("every form of the program that needs a role was tried", async () => {
    expect(tries.map(([endpoint]) => endpoint).sort()).toEqual((await formsOfTheProgram()).filter((one) => !OPEN.includes(one)).sort());
  });
});

/** The pages on which something would stand that a wrongdoer achieved, each with somebody who sees all of it. */
function pagesOf(things: Awaited<ReturnType<typeof thingsOf>>): [Person, string][] {
  return [
    [INES, `/orders/${things.open}`],
    [INES, `/shipments/${things.notice}`],
    [MARTA, `/receipts/${things.receipt}`],
    [MARTA, `/differences/${things.difference}`],
    [TOMASZ, `/lots/${things.lot}`],
    [TOMASZ, `/inspections/${things.inspection}`],
    [TOMASZ, `/holds/${things.hold}`],
    [TOMASZ, "/holds"],
    [TOMASZ, `/certificates/${things.certificate}`],
    [TOMASZ, "/specifications/0415-90"],
  ];
}

/** What a page says, without times that count on and without inputs. */
function said(text: string): string {
  const main = parse(text.replaceAll("<!>", "")).querySelector("main");
  if (main === null) throw new Error("the page has no main part");
  main.querySelectorAll("time, input").forEach((one) => one.remove());
  return main.structuredText.replaceAll(/<?\d+ (s|min)\b/g, "a while");
}

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
