/** Finds an object of each kind in a running installation, through its own pages; makes an answered order first. */
import { expect } from "@playwright/test";
import { parse } from "node-html-parser";

import { BRENNHOLT, CLARA, HENRIK, INES, JANA, PRIYA, TOMASZ, type Person } from "./people";
import type { Things } from "./routes";
import type { Portal } from "./test";

const known = new WeakMap<Portal, Promise<Things & { open: string }>>();

/** The same for all tests of a worker; `open` is an order that nobody answers. */
export function thingsOf(portal: Portal): Promise<Things & { open: string }> {
  const found = known.get(portal) ?? find(portal);
  known.set(portal, found);
  return found;
}

async function page(portal: Portal, person: Person, path: string): Promise<ReturnType<typeof parse>> {
  const response = await fetch(`${portal.url}${path}`, { headers: { accept: "text/html", cookie: await portal.cookie(person) } });
  if (response.status !== 200) throw new Error(`${path} was answered with ${response.status} to ${person.name}`);
  return parse((await response.text()).replaceAll("<!>", ""));
}

/** The last step of the first link that begins like this. */
async function linked(portal: Portal, person: Person, path: string, begins: string): Promise<string> {
  const links = (await page(portal, person, path)).querySelectorAll(`a[href^="${begins}"]`);
  const ids = links.map((link) => link.getAttribute("href")?.slice(begins.length).split(/[?#]/)[0] ?? "");
  const id = ids.find((one) => /^[0-9a-f-]{36}$/.test(one));
  if (id === undefined) throw new Error(`${path} has no link to ${begins}…`);
  return id;
}

/** A certificate of Brennholt for an item that every demo has, handed in as a browser would. */
async function certificate(portal: Portal): Promise<string> {
  const form = async (): Promise<string> => {
    const fields = (await page(portal, INES, "/certificates/new?item=0415-90")).querySelector('input[name="f[supplier]"]');
    return fields?.getAttribute("value") ?? "";
  };
  await expect.poll(form, { timeout: 15_000 }).not.toBe("");
  const fields = { supplier: await form(), item: "0415-90", kind: "en_3_1", per: "lot", number: "Z-1", issuer: "Stahlwerk", issued_on: "-2", lots: "H-1", "v0-name": "Rm", "v0-unit": "MPa", "v0-value": "880", confirmed: "on" };
  const body = new URLSearchParams({ submission: crypto.randomUUID(), act: "send" });
  for (const [name, text] of Object.entries(fields)) body.append(`f[${name}]`, text);
  const sent = await fetch(`${portal.url}/do/hand-in-certificate`, {
    method: "POST",
    redirect: "manual",
    headers: { cookie: await portal.cookie(INES), origin: portal.url, "content-type": "application/x-www-form-urlencoded" },
    body,
  });
  const id = /^\/certificates\/([0-9a-f-]{36})$/.exec(sent.headers.get("location") ?? "")?.[1];
  if (id === undefined) throw new Error(`the certificate was not taken: ${sent.status} to ${sent.headers.get("location")}`);
  return id;
}

/** A plan for an item that every demo has. */
async function plan(portal: Portal): Promise<string> {
  const changes = { item: "0415-90", plant: "DE10", plan: "every", reason: "A new mill" };
  const saved = await send(portal, TOMASZ, "/quality/plans/new?item=0415-90", "/do/set-inspection-plan", changes);
  const id = /^\/quality\/plans\/([0-9a-f-]{36})/.exec(saved)?.[1];
  if (id === undefined) throw new Error(`the plan was not saved: ${saved}`);
  return id;
}

/** A report in a unit that its item is not counted in: a rule keeps it back from the ERP. */
async function posting(portal: Portal): Promise<string> {
  await portal.report({ type: "consumption", work_order: "1000119", item: "0415-90", lot: "H-77812", quantity: "2", unit: "M" });
  const found = async (): Promise<string> => linked(portal, HENRIK, "/postings", "/postings/").catch(() => "");
  await expect.poll(found, { timeout: 20_000 }).not.toBe("");
  return found();
}

/** The sixth line of the order that the documentation walks through: round bar, which needs a 3.1. */
async function certifiedLine(portal: Portal): Promise<string> {
  const form = (await page(portal, INES, "/orders/4500012345/confirm?all=1")).toString();
  const lines = [...new Set([...form.matchAll(/line-([0-9a-f-]{36})-0-/g)].map(([, id]) => id))];
  const line = lines[5];
  if (line === undefined) throw new Error(`order 4500012345 has ${lines.length} lines to answer`);
  return line;
}

/** Sends a form of a page as a browser would, with some of its fields changed; gives the address it led to. */
async function send(portal: Portal, person: Person, path: string, action: string, changes: Record<string, string>): Promise<string> {
  const forms = (await page(portal, person, path)).querySelectorAll(`form[action="${action}"]`);
  const fields = new Map<string, string>();
  for (const field of forms[0]?.querySelectorAll("input") ?? []) {
    if (field.getAttribute("type") === "checkbox" && field.getAttribute("checked") === undefined) continue;
    fields.set(field.getAttribute("name") ?? "", field.getAttribute("value") ?? "");
  }
  for (const [name, value] of Object.entries(changes)) fields.set(name, value);
  const sent = await fetch(`${portal.url}${action}`, {
    method: "POST",
    redirect: "manual",
    headers: { cookie: await portal.cookie(person), origin: portal.url, "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams([...fields]),
  });
  return sent.headers.get("location") ?? `${sent.status}`;
}

/** An order that was shipped and received in part, with the difference that this opened. */
async function received(portal: Portal): Promise<{ notice: string; receipt: string; difference: string }> {
  const order = await portal.stock.order(BRENNHOLT, 1);
  await send(portal, INES, `/orders/${order}/confirm/all`, "/do/confirm-as-requested", {});
  const shipped = await send(portal, INES, `/orders/${order}/ship`, "/do/ship-order", { "f[delivery_note]": `LS-${order}`, "f[do]": "send" });
  const notice = /^\/shipments\/(SN-\d+)$/.exec(shipped)?.[1];
  if (notice === undefined) throw new Error(`order ${order} was not shipped: ${shipped}`);
  const taken = await send(portal, CLARA, `/inbound/${notice}`, "/do/receive", { "f[r0-accepted]": "10", complete: "yes" });
  const receipt = /^\/receipts\/(GR-\d+)$/.exec(taken)?.[1];
  if (receipt === undefined) throw new Error(`${notice} was not received: ${taken}`);
  const links = (await page(portal, CLARA, taken)).querySelectorAll('a[href^="/differences/"]');
  return { notice, receipt, difference: links[0]?.getAttribute("href")?.slice("/differences/".length) ?? "" };
}

/** A lot of round bar that came without a ship notice, waits for its inspection and is under a hold. */
export async function heldLot(portal: Portal, lot: string): Promise<{ lot: string; inspection: string; hold: string }> {
  const received = await send(portal, CLARA, "/inbound/orders/4500012345", "/do/receive", {
    "f[r5-accepted]": "100",
    "f[r5-lot]": lot,
    delivery_note: `LS-${lot}`,
  });
  if (!received.startsWith("/receipts/")) throw new Error(`lot ${lot} was not received: ${received}`);
  const inspection = await linked(portal, TOMASZ, `/inspections?q=${lot}`, "/inspections/");
  const id = await linked(portal, TOMASZ, `/inspections/${inspection}`, "/lots/");
  const placed = await send(portal, TOMASZ, `/holds/new?lot=${id}`, "/do/place-hold", {
    scope: "lot",
    reason: "identity",
    note: "The label cannot be read",
  });
  const hold = /^\/holds\/(QH-\d+)$/.exec(placed)?.[1];
  if (hold === undefined) throw new Error(`lot ${lot} was not held: ${placed}`);
  return { lot: id, inspection, hold };
}

async function find(portal: Portal): Promise<Things & { open: string }> {
  const order = await portal.stock.order(BRENNHOLT, 2);
  const open = await portal.stock.order(BRENNHOLT, 5);
  const form = (await page(portal, INES, `/orders/${order}/confirm/all`)).querySelector('form[action="/do/confirm-as-requested"]');
  const fields = new URLSearchParams();
  for (const field of form?.querySelectorAll("input") ?? []) {
    fields.append(field.getAttribute("name") ?? "", field.getAttribute("value") ?? "");
  }
  const sent = await fetch(`${portal.url}/do/confirm-as-requested`, {
    method: "POST",
    redirect: "manual",
    headers: { cookie: await portal.cookie(INES), origin: portal.url, "content-type": "application/x-www-form-urlencoded" },
    body: fields,
  });
  if (sent.status !== 303) throw new Error(`the order was not confirmed: ${sent.status}`);
  await expect.poll(async () => (await portal.erp.accepted(order)).length, { timeout: 30_000 }).toBe(1);
  const delivery = async (): Promise<string> => linked(portal, PRIYA, `/deliveries?q=${order}`, "/deliveries/").catch(() => "");
  await expect.poll(delivery, { timeout: 15_000 }).not.toBe("");
  return {
    order,
    open,
    correlation: await linked(portal, INES, `/orders/${order}`, "/timeline/"),
    connection: await linked(portal, PRIYA, "/connections", "/connections/"),
    delivery: await delivery(),
    arrival: await linked(portal, PRIYA, "/arrivals", "/arrivals/"),
    person: await linked(portal, JANA, "/people", "/people/"),
    ...(await received(portal)),
    ...(await heldLot(portal, "H-10001")),
    certificate: await certificate(portal),
    plan: await plan(portal),
    workOrder: await linked(portal, HENRIK, "/production", "/production/"),
    posting: await posting(portal),
    certifiedLine: await certifiedLine(portal),
  };
}
