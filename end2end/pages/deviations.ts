/** `/deviations`: the buyer's worklist, and the pages on which he counters and rejects. */
import { expect, type Locator, type Page } from "@playwright/test";

export class DeviationsPage {
  constructor(readonly page: Page) {}

  /** What waits of one order. */
  async open(number: string): Promise<void> {
    await this.page.goto(`/deviations?q=${number}`);
  }

  get rows(): Locator {
    return this.page.getByRole("checkbox", { name: /^Select / });
  }

  get notice(): Locator {
    return this.page.locator(".notice");
  }

  async accept(number: string, line: string): Promise<void> {
    await this.#select(number, line);
    await this.page.getByRole("button", { name: "Accept", exact: true }).click();
    await expect(this.notice).toContainText("Accepted 1 line");
  }

  async reject(number: string, line: string, why: string): Promise<void> {
    await this.#select(number, line);
    await this.page.getByRole("button", { name: "Reject …" }).click();
    await this.page.getByLabel("What the supplier reads").fill(why);
    await this.page.getByRole("button", { name: "Reject 1 deviation" }).click();
    await expect(this.notice).toContainText("1 line rejected");
  }

  async counter(number: string, line: string, parts: { quantity: string; day: string }[], why: string): Promise<void> {
    await this.#select(number, line);
    await this.page.getByRole("button", { name: "Counter …" }).click();
    for (const [index, part] of parts.entries()) {
      const of = `${number} / ${line} part ${index + 1}`;
      await this.page.getByLabel(`Quantity, ${of}`).fill(part.quantity);
      await this.page.getByLabel(`Delivery day, ${of}`).fill(part.day);
    }
    await this.page.getByLabel("What the supplier reads").fill(why);
    await this.page.getByRole("button", { name: "Send 1 counter" }).click();
    await expect(this.notice).toContainText("1 line countered");
  }

  async #select(number: string, line: string): Promise<void> {
    await this.page.getByRole("checkbox", { name: `Select ${number} / ${line}` }).check();
  }
}
