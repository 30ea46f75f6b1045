/**
 * A supplier in the crash test: answers the lines of the own orders over and over, through the portal's real pages and
 * forms, and writes down what he saw. He is the only one who answers these orders.
 *
 * When the portal dies under him he does what people do: sometimes he sends the same form again (the same submission, so
 * it counts once, and the portal tells whether it had counted), sometimes he never finds out.
 */
import { expect } from "@playwright/test";

import type { Person } from "../portal/people";
import { signIn } from "../portal/test";
import type { Dice } from "./dice";
import { fields, textOf } from "./form";
import type { Answer } from "./judge";

/** Where the portal is now; resolves when it answers. */
export type WhereIsIt = () => Promise<string>;

/** Answers count down from here, so that each quantity of a line is used once. */
export const ASKED_FOR = 100_000;
/** Shorter than this is for the buyer; the orders' tolerance says so. */
export const BY_RULE_FROM = 50_000;

type Outcome = { seen: Answer["seen"]; words?: string };

export class CrashSupplier {
  readonly answers: Answer[] = [];
  /** What the portal said that it should not have said. */
  readonly strange: string[] = [];
  #cookie = "";
  #used = 0;
  /** Forms that were sent again after a crash, and what the portal said of them. */
  readonly again = { already: 0, now: 0, refused: 0 };

  constructor(
    readonly person: Person,
    readonly orders: string[],
    readonly dice: Dice,
    readonly whereIsIt: WhereIsIt,
  ) {}

  async signIn(): Promise<void> {
    this.#cookie = await signIn(await this.whereIsIt(), this.person);
  }

  /** Waits until the portal has the own orders: the worker reads the ERP every few seconds. */
  async ordersArrive(): Promise<void> {
    for (const order of this.orders) {
      const url = await this.whereIsIt();
      const look = async (): Promise<number> =>
        (await fetch(`${url}/orders/${order}`, { redirect: "manual", headers: { cookie: this.#cookie, accept: "text/html" } })).status;
      await expect.poll(look, { message: `order ${order} arrives`, timeout: 60_000, intervals: [250] }).toBe(200);
    }
  }

  /** Answers until told to stop. */
  async work(goOn: () => boolean): Promise<void> {
    while (goOn()) {
      const order = this.dice.pick(this.orders);
      const form = await this.#form(order);
      if (form) await this.#answer(order, form);
    }
  }

  /** How many lines the portal says the ERP does not have yet. */
  async waiting(): Promise<number> {
    const page = await this.#get("/orders?status=not_in_erp");
    const words = (page && textOf(page, 'a[aria-current][href="/orders?status=not_in_erp"]')) ?? "";
    const count = /^Not in ERP\s*([\d,]+)$/.exec(words)?.[1];
    if (count === undefined) throw new Error(`the list of what the ERP does not have was not shown: “${words}”`);
    return Number(count.replaceAll(",", ""));
  }

  /** The form of an order, without a draft: what was refused before is discarded, because each answer is a new one. */
  async #form(order: string): Promise<URLSearchParams | undefined> {
    const page = await this.#get(`/orders/${order}/confirm?all=1`);
    const form = page === undefined ? undefined : fields(page, "#answer-form");
    if (page !== undefined && !form) this.strange.push(`order ${order} has no form: ${textOf(page, "h1")}`);
    const draft = page !== undefined && (textOf(page, ".error-summary") ?? textOf(page, "#answers-title span")) !== "";
    if (!form || !draft) return form;
    form.set("f[do]", "discard");
    await this.#post(form);
    return undefined;
  }

  async #answer(order: string, form: URLSearchParams): Promise<void> {
    const rows = [...form.keys()].flatMap((name) => /^f\[line-([0-9a-f-]{36})-0-answer\]$/.exec(name)?.[1] ?? []);
    const numbers = ["0010", "0020"];
    const meant = this.dice.percent(80) ? "promise" : this.dice.percent(50) ? "question" : "impossible";
    const both = this.dice.percent(30);
    const only = this.dice.between(0, rows.length - 1);
    const lines: Record<string, number> = {};
    const told: string[] = [];
    rows.forEach((id, index) => {
      // A draft of a refused answer comes back with the form; each answer says everything anew.
      const answered = both || index === only;
      const quantity = this.#quantity(meant);
      form.set(`f[line-${id}-0-answer]`, answered ? "change" : "");
      form.set(`f[line-${id}-0-reason]`, answered ? "capacity" : "");
      if (!answered) return;
      lines[numbers[index] ?? "?"] = quantity;
      form.set(`f[line-${id}-0-quantity]`, String(quantity));
      told.push(id);
    });
    form.set("f[checked]", meant === "question" ? told.join(",") : "");
    form.set("f[do]", "send");
    const answer: Answer = { order, place: this.answers.length + 1, lines, meant, seen: "unknown" };
    this.answers.push(answer);
    const first = await this.#send(order, form);
    answer.seen = first.seen;
    if (first.words?.startsWith("Already sent")) this.strange.push(`a new answer was taken for one that is sent: ${first.words}`);
    while (answer.seen === "unknown" && this.dice.percent(60)) {
      const again = await this.#send(order, form);
      answer.seen = again.seen;
      if (again.seen === "refused") this.again.refused += 1;
      else if (again.words?.startsWith("Already sent")) this.again.already += 1;
      else if (again.seen === "sent") this.again.now += 1;
    }
  }

  #quantity(meant: Answer["meant"]): number {
    this.#used += 1;
    switch (meant) {
      case "promise":
        return ASKED_FOR - this.#used;
      case "question":
        return BY_RULE_FROM - this.#used;
      case "impossible":
        return ASKED_FOR * 2 + this.#used;
    }
  }

  async #send(order: string, form: URLSearchParams): Promise<Outcome> {
    const response = await this.#post(form);
    if (!response) return { seen: "unknown" };
    const to = response.headers.get("location") ?? "";
    if (response.status === 303 && to === `/orders/${order}`) {
      // It is sent, whether or not the next page still comes; what that page says must be the same.
      const words = textOf((await this.#get(to)) ?? "", ".notice");
      if (words !== undefined && !/^(Sent|Already sent) at /.test(words)) this.strange.push(`after sending it said: ${words}`);
      return { seen: "sent", ...(words === undefined ? {} : { words }) };
    }
    if (response.status === 303 && to.startsWith(`/orders/${order}/confirm`)) return { seen: "refused" };
    if (response.status < 500) this.strange.push(`sending was answered with ${response.status} to “${to}”`);
    return { seen: "unknown" };
  }

  /** Sends the form; nothing when the portal went away before it answered. */
  async #post(form: URLSearchParams): Promise<Response | undefined> {
    const url = await this.whereIsIt();
    try {
      const response = await fetch(`${url}/do/answer-order`, {
        method: "POST",
        redirect: "manual",
        headers: { cookie: this.#cookie, origin: url, "content-type": "application/x-www-form-urlencoded" },
        body: form,
      });
      await response.arrayBuffer();
      return response;
    } catch {
      return undefined;
    }
  }

  /** A page, or nothing when the portal went away or was going. */
  async #get(path: string): Promise<string | undefined> {
    const url = await this.whereIsIt();
    try {
      const response = await fetch(`${url}${path}`, { redirect: "manual", headers: { cookie: this.#cookie, accept: "text/html" } });
      const page = await response.text();
      if (response.status === 200) return page;
      if (response.status < 500) this.strange.push(`GET ${path} was answered with ${response.status} to “${response.headers.get("location")}”`);
      return undefined;
    } catch {
      return undefined;
    }
  }
}
