/**
 * A quality engineer in the crash test: holds everything of an item from a supplier, asks for its release, and lets a second
 * person confirm most of them, all through the portal's real pages and forms. Nobody else holds these items.
 */
import type { Person, Supplier } from "../portal/people";
import { signIn } from "../portal/test";
import type { Dice } from "./dice";
import { fields } from "./form";
import type { Sending } from "./judge";
import type { WhereIsIt } from "./supplier";

/** How what was found begins, so that the holds of the test are told from those of the demo. */
export const FOUND = "Crash test, finding ";

/** What the ERP is told of a hold, in words. */
export const HELD = "held";
export const released = (reason: string): string => `released, ${reason}`;

const PAUSE_MS = 60;

type Step = "place-hold" | "request-release" | "release-hold";

const milliseconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count));

interface Hold {
  number: string;
  item: string;
  /** Its note, by which it is known. */
  found: string;
}

export class CrashEngineer {
  readonly sendings: Sending[] = [];
  /** What the portal said that it should not have said. */
  readonly strange: string[] = [];
  /** Forms that were sent again after a crash. */
  readonly again = { sent: 0, refused: 0 };
  readonly #cookies = new Map<Person, string>();
  #free: string[];
  #holds: Hold[] = [];

  constructor(
    readonly engineer: Person,
    readonly second: Person,
    readonly supplier: Supplier,
    items: readonly string[],
    readonly dice: Dice,
    readonly whereIsIt: WhereIsIt,
  ) {
    this.#free = [...items];
  }

  async signIn(): Promise<void> {
    for (const person of [this.engineer, this.second]) this.#cookies.set(person, await signIn(await this.whereIsIt(), person));
  }

  /** Holds and releases until told to stop. */
  async work(goOn: () => boolean): Promise<void> {
    while (goOn()) {
      if (this.#free.length > 0 && (this.#holds.length < 2 || this.dice.percent(55))) await this.#place();
      else if (this.#holds.length > 0) await this.#release(this.dice.pick(this.#holds));
      await milliseconds(PAUSE_MS);
    }
  }

  async #place(): Promise<void> {
    const form = await this.#form(this.engineer, "/holds/new", "place-hold");
    if (!form) return;
    const held = this.#holds.map((hold) => hold.item);
    // What is held already cannot be held again.
    const possible = held.length === 0 || this.dice.percent(85);
    const item = this.dice.pick(possible ? this.#free : held);
    const found = `${FOUND}${this.sendings.length + 1}`;
    const typed = { scope: "supplier_item", item, supplier: this.supplier.number, reason: "out_of_limits", note: found, owner: "" };
    for (const [name, value] of Object.entries(typed)) form.set(name, value);
    const sending: Sending = { about: found, place: 1, says: HELD, meant: possible ? "told" : "impossible", seen: "unknown" };
    const to = await this.#send(sending, this.engineer, "place-hold", form, /^\/holds\/(QH-\d+)$/);
    if (!possible) return;
    // Where nobody knows whether it is held, nothing more is done with the item.
    this.#free = this.#free.filter((one) => one !== item);
    if (to !== undefined) this.#holds.push({ number: to, item, found });
  }

  /** Asks for the release, and mostly the second person says yes. */
  async #release(hold: Hold): Promise<void> {
    const asking = await this.#form(this.engineer, `/holds/${hold.number}/release`, "request-release");
    if (!asking) return;
    this.#holds = this.#holds.filter((one) => one !== hold);
    const reason = `measured again ${this.sendings.length + 1}`;
    asking.set("disposition", "use_as_is");
    asking.set("reason", reason);
    const page = new RegExp(`^/holds/(${hold.number})$`);
    const asked: Sending = { about: hold.found, place: 2, says: `asked for, ${reason}`, meant: "question", seen: "unknown" };
    await this.#send(asked, this.engineer, "request-release", asking, page);
    if (asked.seen !== "sent" || this.dice.percent(20)) return;
    let confirming: URLSearchParams | undefined;
    for (let turn = 1; turn <= 20 && !confirming; turn += 1) confirming = await this.#form(this.second, `/holds/${hold.number}/release`, "release-hold");
    if (!confirming) return;
    const confirmed: Sending = { about: hold.found, place: 3, says: released(reason), ends: true, meant: "told", seen: "unknown" };
    await this.#send(confirmed, this.second, "release-hold", confirming, page);
    if (confirmed.seen === "sent") this.#free.push(hold.item);
  }

  /** Sends the form until it is answered or given up; gives the number of the hold. */
  async #send(sending: Sending, person: Person, step: Step, form: URLSearchParams, done: RegExp): Promise<string | undefined> {
    this.sendings.push(sending);
    for (let turn = 1; ; turn += 1) {
      const said = await this.#post(person, step, form);
      if (said === undefined || said.status >= 500) {
        if (this.dice.percent(25)) return undefined;
        continue;
      }
      const number = said.status === 303 ? done.exec(said.to)?.[1] : undefined;
      if (number !== undefined) {
        sending.seen = "sent";
        if (turn > 1) this.again.sent += 1;
        return number;
      }
      if (said.status !== 303 || !/^\/holds\/(new|QH-\d+\/release)$/.test(said.to)) {
        this.strange.push(`${step} was answered with ${said.status} to “${said.to}”`);
        return undefined;
      }
      sending.seen = "refused";
      if (turn > 1) this.again.refused += 1;
      if (sending.meant !== "impossible") this.strange.push(`${step} for “${sending.about}” was refused`);
      return undefined;
    }
  }

  /** The form of a page, or nothing when the portal went away or was going. */
  async #form(person: Person, path: string, step: Step): Promise<URLSearchParams | undefined> {
    const url = await this.whereIsIt();
    try {
      const response = await fetch(`${url}${path}`, { redirect: "manual", headers: { ...this.#cookie(person), accept: "text/html" } });
      const page = await response.text();
      if (response.status >= 500) return undefined;
      const form = response.status === 200 ? fields(page, `form[action="/do/${step}"]`) : undefined;
      if (!form) this.strange.push(`${path} was answered with ${response.status}, without the form of ${step}`);
      return form;
    } catch {
      return undefined;
    }
  }

  /** Sends a form; nothing when the portal went away before it answered. */
  async #post(person: Person, step: Step, form: URLSearchParams): Promise<{ status: number; to: string } | undefined> {
    const url = await this.whereIsIt();
    try {
      const response = await fetch(`${url}/do/${step}`, {
        method: "POST",
        redirect: "manual",
        headers: { ...this.#cookie(person), origin: url, "content-type": "application/x-www-form-urlencoded" },
        body: form,
      });
      await response.arrayBuffer();
      return { status: response.status, to: response.headers.get("location") ?? "" };
    } catch {
      return undefined;
    }
  }

  #cookie(person: Person): { cookie: string } {
    return { cookie: this.#cookies.get(person) ?? "" };
  }
}
