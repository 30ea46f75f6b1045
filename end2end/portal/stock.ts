/**
 * Orders for tests to answer. The portal reads the ERP every few seconds, so orders are issued many at once: the first test
 * of a worker waits for a delivery of them, the others find theirs there.
 */
import { expect } from "@playwright/test";

import { workday } from "./days";
import { line, type Erp } from "./erp";
import { BRENNHOLT, WEHRLE, type Supplier } from "./people";

/** Every line asks for so much … */
export const QUANTITY = 1000;
/** … for this day. */
export const DAY = workday(21);

/** What one delivery of orders holds: supplier, number of lines, how many orders. */
const DELIVERY: readonly [Supplier, number, number][] = [
  [BRENNHOLT, 1, 10],
  [BRENNHOLT, 2, 8],
  [BRENNHOLT, 5, 4],
  [WEHRLE, 1, 4],
];

export class Stock {
  readonly #there = new Map<string, string[]>();

  constructor(
    readonly erp: Erp,
    /** Whether the portal has this order already. */
    readonly hasArrived: (supplier: Supplier, number: string) => Promise<boolean>,
  ) {}

  /** An order that nobody touched, with so many lines (`0010`, `0020` …), each of which asks for [`QUANTITY`] on [`DAY`]. */
  async order(supplier: Supplier, lines: 1 | 2 | 5): Promise<string> {
    const shelf = `${supplier.number} ${lines}`;
    if (!this.#there.get(shelf)?.length) await this.#restock();
    const number = this.#there.get(shelf)?.pop();
    if (number === undefined) throw new Error(`no delivery has orders of ${supplier.name} with ${lines} lines`);
    return number;
  }

  async #restock(): Promise<void> {
    const last = new Map<Supplier, string>();
    for (const [supplier, lines, orders] of DELIVERY) {
      const shelf = this.#there.get(`${supplier.number} ${lines}`) ?? [];
      this.#there.set(`${supplier.number} ${lines}`, shelf);
      for (let count = 0; count < orders; count += 1) {
        const rows = Array.from({ length: lines }, (_, row) => line(String((row + 1) * 10).padStart(4, "0"), String(QUANTITY), DAY));
        const number = await this.erp.issue(supplier, rows);
        shelf.push(number);
        last.set(supplier, number);
      }
    }
    for (const [supplier, number] of last) {
      const look = (): Promise<boolean> => this.hasArrived(supplier, number);
      await expect.poll(look, { message: `order ${number} arrives`, timeout: 60_000, intervals: [250] }).toBe(true);
    }
  }
}
