/**
 * The simulated ERP through its back door `/_control` (docs/rest-protocol.md): issues orders, changes them, misbehaves when
 * told to, and says what took effect there, so that a test compares both sides.
 */
import { workday } from "./days";
import type { Supplier } from "./people";

export interface Limit {
  up_to: string;
  outside: "review" | "refuse";
}

export interface Tolerances {
  late?: Limit;
  early?: Limit;
  short?: Limit;
  over?: Limit;
  dearer?: Limit;
}

export interface Schedule {
  number: number;
  quantity: string;
  requested_on: string;
}

export interface Line {
  number: string;
  item: { number: string; description: string; revision: string | null; rules?: { lots: boolean; serials: boolean; inspection: boolean } };
  supplier_item: string;
  unit: string;
  price: string;
  tolerances: Tolerances;
  schedule: Schedule[];
}

export interface Order {
  number: string;
  version?: number;
  status: "open" | "closed" | "cancelled";
  supplier: Supplier;
  plant: { code: string; name: string };
  buyer: string;
  currency: string;
  incoterm: string;
  lines: Line[];
}

/** What was promised for a schedule line. */
export interface ConfirmedLine {
  line: string;
  schedule: number;
  commitments: { quantity: string; deliver_on: string | null; ship_on?: string; price?: string }[];
}

/** A confirmation that took effect. */
export interface Accepted {
  position: number;
  document: string;
  idempotency_key: string;
  in_order: boolean;
  repeats: number;
  confirmation: { order: string; revision: number; sequence: number; event: string; lines: ConfirmedLine[] };
}

/** What it knows of material. */
export interface Material {
  inbound_deliveries: { document: string; delivery: { notice: string; delivery_note: string } }[];
  holds: { active: boolean; hold: { hold: string } }[];
}

/** A message about material that took effect. */
export interface Taken {
  position: number;
  idempotency_key: string;
  in_order: boolean;
  repeats: number;
  head: { event: string; sequence: number };
  told:
    | ({ what: "delivery" } & Delivery)
    | { what: "cancellation"; notice: string; version: number; delivery_note: string; reason: string }
    | ({ what: "hold" } & Held)
    | { what: "release"; hold: string; disposition: string; reason: string }
    | { what: "moved" | "receipt" | "reversal" | "decision" };
}

/** A ship notice as it was told. */
export interface Delivery {
  notice: string;
  version: number;
  delivery_note: string;
  lines: { order: string; line: string; quantity: string }[];
}

/** A hold as it was told. */
export interface Held {
  hold: string;
  scope: string;
  item: string;
  note: string;
}

export interface Change {
  line: string;
  schedule?: number;
  quantity?: string;
  requested_on?: string;
  price?: string;
  remove?: boolean;
}

export type Fault = { fault: string; count?: number; on?: "health" | "orders" | "confirmations" | "inbound_deliveries" | "holds"; percent?: number } & Record<
  string,
  unknown
>;

/** One day late or three early, five percent short: by rule. More goes to the buyer; more than five percent over is refused. */
export const USUAL: Tolerances = {
  late: { up_to: "1", outside: "review" },
  early: { up_to: "3", outside: "review" },
  short: { up_to: "5", outside: "review" },
  over: { up_to: "5", outside: "refuse" },
  dearer: { up_to: "0", outside: "review" },
};

/** A line of an order of the tests. */
export function line(number: string, quantity: string, requestedOn = workday(21), tolerances: Tolerances = USUAL): Line {
  return {
    number,
    item: { number: `T-${number}`, description: `Test part ${number}`, revision: "A" },
    supplier_item: `S-${number}`,
    unit: "PCE",
    price: "12.50",
    tolerances,
    schedule: [{ number: 1, quantity, requested_on: requestedOn }],
  };
}

export class Erp {
  static #issued = 0;

  constructor(readonly url: string) {}

  /** Issues an order under a number that nobody used before; gives the number. */
  async issue(supplier: Supplier, lines: Line[]): Promise<string> {
    Erp.#issued += 1;
    const number = `46${String(process.pid % 100_000).padStart(5, "0")}${String(Erp.#issued).padStart(3, "0")}`;
    const order: Order = {
      number,
      status: "open",
      supplier,
      plant: { code: "DE10", name: "Lindau" },
      buyer: "Marta Lindqvist",
      currency: "EUR",
      incoterm: "DAP Lindau",
      lines,
    };
    await this.#call("POST", "/orders", order);
    return number;
  }

  /** Changes lines of an order, as a buyer would in the ERP. */
  async change(number: string, changes: Change[]): Promise<void> {
    await this.#call("POST", `/orders/${number}/changes`, changes);
  }

  /** Every order it has. */
  async orders(): Promise<Order[]> {
    const answer = (await this.#call("GET", "/orders")) as { orders: Order[] };
    return answer.orders;
  }

  /** Everything that took effect, in order; of one order where it is named. */
  async accepted(number?: string): Promise<Accepted[]> {
    const answer = (await this.#call("GET", "/accepted")) as { accepted: Accepted[] };
    return answer.accepted.filter((one) => number === undefined || one.confirmation.order === number);
  }

  /** What is promised for each line now, by the last confirmation that took effect: `0010: 600 on 2026-12-04`. */
  async promised(number: string): Promise<Record<string, string>> {
    const promised: Record<string, string> = {};
    for (const { confirmation } of await this.accepted(number)) {
      for (const { line, commitments } of confirmation.lines) {
        const parts = commitments.map((part) => `${Number(part.quantity)} on ${part.deliver_on ?? "no day"}`);
        promised[line] = parts.length > 0 ? parts.join(" and ") : "nothing";
      }
    }
    return promised;
  }

  /** What it expects to come in, and the holds it knows of. */
  async material(): Promise<Material> {
    const { inbound_deliveries: expected } = (await this.#call("GET", "/inbound-deliveries")) as Pick<Material, "inbound_deliveries">;
    const { holds } = (await this.#call("GET", "/holds")) as Pick<Material, "holds">;
    return { inbound_deliveries: expected, holds };
  }

  /** Everything about material that took effect, in order. */
  async taken(): Promise<Taken[]> {
    return ((await this.#call("GET", "/taken")) as { taken: Taken[] }).taken;
  }

  /** Ship notices as they stand there. */
  async inboundDeliveries(): Promise<{ delivery: Delivery; cancelled: boolean }[]> {
    const answer = (await this.#call("GET", "/inbound-deliveries")) as { inbound_deliveries: { delivery: Delivery; cancelled: boolean }[] };
    return answer.inbound_deliveries;
  }

  /** Holds, and whether they are in force there. */
  async holds(): Promise<{ hold: Held; active: boolean }[]> {
    return ((await this.#call("GET", "/holds")) as { holds: { hold: Held; active: boolean }[] }).holds;
  }

  /** From now on something goes wrong. */
  async fault(fault: Fault): Promise<void> {
    await this.#call("POST", "/faults", fault);
  }

  /** Nothing goes wrong any more. */
  async calm(): Promise<void> {
    await this.#call("DELETE", "/faults");
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.url}/_control${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`the simulated ERP says ${response.status} to ${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  }
}
