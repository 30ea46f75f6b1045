/**
 * A supplier's machine in the crash test: announces, amends and withdraws ship notices through `/api/v1/ship-notices`, and
 * writes down what it was answered. It is the only one that ships these lines.
 *
 * Without an answer it does what docs/api.md says: it sends the same call with the same Idempotency-Key again. Now and then
 * it gives up and never finds out.
 */
import { randomUUID } from "node:crypto";

import { expect } from "@playwright/test";

import { workday } from "../portal/days";
import type { Person, Supplier } from "../portal/people";
import { signIn } from "../portal/test";
import type { Dice } from "./dice";
import type { Sending } from "./judge";
import type { WhereIsIt } from "./supplier";

/** How the delivery notes of the test begin, so that they are told from those of the demo. */
export const NOTE = "CRASH-";
/** More than is ordered of any line. */
const FAR_TOO_MUCH = 10_000_000;
/** So many notices are on their way at once. */
const AT_ONCE = 6;
/** A machine may call 600 times a minute, and a sending takes two calls. */
const PAUSE_MS = 120;

interface Line {
  id: string;
  /** Order and line, as the ERP names them. */
  name: string;
}

interface Notice {
  note: string;
  number: string;
  places: number;
}

interface Answered {
  status: number;
  etag: string;
  body: Record<string, unknown>;
}

interface Call {
  method: "POST" | "PUT";
  path: string;
  body: unknown;
  /** The version that it is about. */
  etag?: string;
}

const milliseconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count));

/** What a ship notice with these quantities says, here and in the ERP. */
export const contents = (lines: readonly { name: string; quantity: number }[]): string =>
  lines
    .map(({ name, quantity }) => `${name} ${quantity}`)
    .sort()
    .join(" and ");

export class CrashShipper {
  readonly sendings: Sending[] = [];
  /** What the portal said that it should not have said. */
  readonly strange: string[] = [];
  /** Calls that were sent again after a crash, and what the portal said of them. */
  readonly again = { already: 0, now: 0, refused: 0 };
  #key = "";
  #used = 0;
  #notices: Notice[] = [];
  readonly #lines: Line[] = [];

  constructor(
    readonly orders: string[],
    readonly dice: Dice,
    readonly whereIsIt: WhereIsIt,
  ) {}

  /** The supplier's administrator makes the key on the page /keys. */
  async takeKey(supplier: Supplier, administrator: Person): Promise<void> {
    const url = await this.whereIsIt();
    const cookie = await signIn(url, administrator);
    const form = new URLSearchParams({ "typed[name]": "Crash test", "typed[owner]": `supplier:${supplier.number}`, "typed[lasts]": "30" });
    for (const right of ["orders:read", "orders:answer", "ship-notices:read", "ship-notices:send"]) form.append("typed[rights][]", right);
    await fetch(`${url}/do/make-key`, { method: "POST", redirect: "manual", headers: { cookie, origin: url }, body: form });
    const page = await (await fetch(`${url}/keys`, { headers: { cookie, accept: "text/html" } })).text();
    this.#key = /ilk_[0-9a-f]+_[0-9a-f]{64}/.exec(page)?.[0] ?? "";
    if (!this.#key) throw new Error(`${administrator.name} was shown no key`);
  }

  /** Waits for the own orders and confirms them as asked, so that they can be shipped. */
  async confirmOrders(): Promise<void> {
    for (const order of this.orders) {
      const path = `/orders/${order}`;
      await expect.poll(async () => (await this.#call("GET", path))?.status, { message: `order ${order} arrives`, timeout: 60_000, intervals: [250] }).toBe(200);
      const read = await this.#call("GET", path);
      const lines = (read?.body["lines"] ?? []) as { number: string; schedule: { schedule_line_id: string; version: number }[] }[];
      const parts = lines.flatMap(({ number, schedule }) => schedule.map((part) => ({ ...part, name: `${order}/${number}` })));
      const answers = parts.map(({ schedule_line_id, version }) => ({ schedule_line_id, version, kind: "accept" }));
      const said = await this.#call("POST", `${path}/confirmations`, { answers }, { "idempotency-key": randomUUID(), "if-match": read?.etag ?? "" });
      if (said === undefined || said.status >= 300) throw new Error(`order ${order} was not confirmed: ${JSON.stringify(said)}`);
      this.#lines.push(...parts.map(({ schedule_line_id, name }) => ({ id: schedule_line_id, name })));
    }
  }

  /** Ships until told to stop. */
  async work(goOn: () => boolean): Promise<void> {
    while (goOn()) {
      if (this.#notices.length < AT_ONCE && this.dice.percent(40)) await this.#announce();
      else if (this.#notices.length > 0) await this.#change(this.dice.pick(this.#notices));
      await milliseconds(PAUSE_MS);
    }
  }

  /** How many ship notices the portal says the ERP does not have yet. */
  async waiting(): Promise<number> {
    const said = await this.#call("GET", "/ship-notices?view=not_in_erp&size=200");
    const notices = said?.status === 200 ? (said.body["notices"] as { delivery_note: string }[]) : undefined;
    if (notices === undefined) throw new Error(`the list of what the ERP does not have was not answered: ${JSON.stringify(said)}`);
    return notices.filter((one) => one.delivery_note.startsWith(NOTE)).length;
  }

  async #announce(): Promise<void> {
    const possible = this.dice.percent(85);
    const note = `${NOTE}${this.sendings.length + 1}`;
    const { body, says } = this.#content(note, possible);
    const sending: Sending = { about: note, place: 1, says, meant: possible ? "told" : "impossible", seen: "unknown" };
    const number = await this.#send(sending, { method: "POST", path: "/ship-notices", body });
    if (sending.seen === "sent" && number !== undefined) this.#notices.push({ note, number, places: 1 });
  }

  /** Amends or withdraws it, or tries what the rules do not allow. */
  async #change(notice: Notice): Promise<void> {
    const path = `/ship-notices/${notice.number}`;
    const read = await this.#call("GET", path);
    if (read?.status !== 200) {
      if (read && read.status < 500) this.strange.push(`${path} was answered with ${read.status}`);
      return;
    }
    const withdrawn = read.body["status"] === "cancelled";
    const stale = this.dice.percent(8);
    // Any other version than the one in force.
    const etag = stale ? read.etag.replace(/\d+/, (version) => String(Number(version) + 7)) : read.etag;
    const meant = withdrawn || stale ? "impossible" : "told";
    notice.places += 1;
    const common = { about: notice.note, place: notice.places, meant, seen: "unknown" } as const;
    if (withdrawn) this.#notices = this.#notices.filter((one) => one !== notice);
    if (!withdrawn && this.dice.percent(25)) {
      const reason = `sold elsewhere ${this.sendings.length + 1}`;
      const sending: Sending = { ...common, says: `withdrawn, ${reason}`, ends: true };
      await this.#send(sending, { method: "POST", path: `${path}/cancellation`, body: { reason }, etag });
    } else {
      const { body, says } = this.#content(notice.note, true);
      await this.#send({ ...common, says }, { method: "PUT", path, body, etag });
    }
  }

  #content(note: string, possible: boolean): { body: unknown; says: string } {
    this.#used += 1;
    const quantity = possible ? this.#used : FAR_TOO_MUCH + this.#used;
    const first = this.dice.pick(this.#lines);
    const second = this.dice.pick(this.#lines);
    const lines = first === second || this.dice.percent(60) ? [first] : [first, second];
    return {
      body: {
        delivery_note: note,
        ship_on: workday(20),
        arrive_on: workday(24),
        lines: lines.map(({ id }) => ({ schedule_line_id: id, quantity: String(quantity) })),
      },
      says: contents(lines.map(({ name }) => ({ name, quantity }))),
    };
  }

  /** Sends until it is answered or given up; gives the number of the notice. */
  async #send(sending: Sending, call: Call): Promise<string | undefined> {
    this.sendings.push(sending);
    const headers = { "idempotency-key": randomUUID(), ...(call.etag === undefined ? {} : { "if-match": call.etag }) };
    for (let turn = 1; ; turn += 1) {
      const said = await this.#call(call.method, call.path, call.body, headers);
      if (said === undefined || said.status >= 500) {
        if (this.dice.percent(12)) return undefined;
        continue;
      }
      if (said.status === 429) {
        await milliseconds(1_000);
        continue;
      }
      if (said.status >= 300) {
        sending.seen = "refused";
        if (turn > 1) this.again.refused += 1;
        if (sending.meant === "told") this.strange.push(`${sending.about} was refused: ${JSON.stringify(said.body)}`);
        return undefined;
      }
      sending.seen = "sent";
      const { number, version, already } = said.body as { number: string; version: number; already: boolean };
      sending.version = version;
      if (turn > 1) this.again[already ? "already" : "now"] += 1;
      else if (already) this.strange.push(`a new sending was taken for one that is sent: ${sending.about}`);
      return number;
    }
  }

  /** A call; nothing when the portal went away before it answered. */
  async #call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answered | undefined> {
    const url = await this.whereIsIt();
    try {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#key}`, ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const read = text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {};
      return { status: response.status, etag: response.headers.get("etag") ?? "", body: read };
    } catch {
      return undefined;
    }
  }
}
