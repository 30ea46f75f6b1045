/** `/orders/:po`: one order with its lines, its terms and its history. */
import { expect, type Locator, type Page } from "@playwright/test";

export class OrderPage {
  constructor(
    readonly page: Page,
    readonly number: string,
  ) {}

  async open(): Promise<void> {
    await this.page.goto(`/orders/${this.number}`);
  }

  /** The row of a line. */
  line(number: string): Locator {
    return this.page.locator(`#line-${number}`);
  }

  /** What was answered. */
  answer(number: string): Locator {
    return this.line(number).locator(".a-status");
  }

  /** Whether the ERP has it. */
  sync(number: string): Locator {
    return this.line(number).locator(".a-sync");
  }

  get notice(): Locator {
    return this.page.locator(".notice");
  }

  get timeline(): Locator {
    return this.page.locator("section").filter({ has: this.page.getByRole("heading", { name: /Timeline|History|Events/ }) });
  }

  /** Opens it again until the page says so; the worker's part takes moments. */
  async until(says: (order: this) => Promise<void>): Promise<void> {
    await expect(async () => {
      await this.open();
      await says(this);
    }).toPass({ timeout: 30_000 });
  }
}
