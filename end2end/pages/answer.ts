/** `/orders/:po/confirm`: the supplier's answer, line by line. Fields are found by their labels, as people find them. */
import { expect, type Locator, type Page } from "@playwright/test";

export type Kind = "Confirm" | "Change" | "Backorder" | "Reject" | "Not yet" | "Take proposal" | "Keep";

export class AnswerPage {
  constructor(
    readonly page: Page,
    /** Whether the browser runs scripts: then the island is waited for, and hints come while one types. */
    readonly scripts: boolean,
  ) {}

  async open(number: string, all = false): Promise<void> {
    await this.page.goto(`/orders/${number}/confirm${all ? "?all=1" : ""}`);
    await this.awake();
  }

  /** Before the island is awake a click is a plain form's, and typing gives no hint. */
  async awake(): Promise<void> {
    await expect(this.form).toBeVisible();
    if (this.scripts) await expect(this.form).toHaveAttribute("data-hydrated", "");
  }

  get form(): Locator {
    return this.page.locator("#answer-form");
  }

  line(number: string): LineAnswer {
    return new LineAnswer(this, number);
  }

  /** Presses "Check and send". */
  async send(): Promise<void> {
    await this.form.getByRole("button", { name: /^Check and send/ }).click();
  }

  /** Sends answers of which some go to the buyer: without scripts they are shown so first, and sent again. */
  async sendToBuyer(): Promise<void> {
    await this.send();
    if (this.scripts) return;
    await expect(this.page.getByRole("status").filter({ hasText: "Nothing was sent yet" })).toBeVisible();
    await this.send();
  }

  /** What is wrong, first thing on the page. */
  get problems(): Locator {
    return this.page.locator(".error-summary");
  }
}

export class LineAnswer {
  constructor(
    readonly answers: AnswerPage,
    readonly number: string,
  ) {}

  #field(label: string, part?: number): Locator {
    const name = `${label}, line ${this.number}${part === undefined ? "" : ` part ${part}`}`;
    return this.answers.page.getByLabel(name, { exact: true });
  }

  get kind(): Locator {
    return this.#field("Answer");
  }

  quantity(part?: number): Locator {
    return this.#field("Quantity", part);
  }

  day(part?: number): Locator {
    return this.#field("Delivery date", part);
  }

  get reason(): Locator {
    return this.#field("Reason");
  }

  /** The line's main row. */
  get row(): Locator {
    return this.answers.form.getByRole("row").filter({ has: this.kind });
  }

  /** What will happen to it. */
  get then(): Locator {
    return this.row.locator("[data-then]");
  }

  async choose(kind: Kind): Promise<void> {
    await this.kind.selectOption({ label: kind });
  }

  async addPart(): Promise<void> {
    await this.row.getByRole("button", { name: "Add part" }).click();
    await this.answers.awake();
  }
}
