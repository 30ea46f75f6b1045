/**
 * A real, unmodified Tryton of its own (`scripts/erp.sh`), and a buyer who works in it over its REST API. What he asks and
 * what stands there is read with his key, never with the portal's.
 */
import { execFile, execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const SCRIPT = fileURLToPath(new URL("../../scripts/erp.sh", import.meta.url));
/** Cold, it installs packages and makes a schema; on two busy cores that takes minutes. */
export const SET_UP_LIMIT_MS = 420_000;

/** What `erp.sh up --json` says, as far as it is used here. */
interface Running {
  url: string;
  database: string;
  key: string;
  buyer_key: string;
  company: number;
  pid: number;
  seed: { suppliers: Record<string, { id: number }>; purchases: Record<string, { id: number; lines: number[] }> };
}

interface Day {
  year: number;
  month: number;
  day: number;
}

interface Move {
  id: number;
  quantity: number;
  planned_date: Day | null;
  state: string;
}

interface Line {
  id: number;
  quantity: number;
  moves: Move[];
}

/** How a line stands: what is ordered, and its open moves by day: `300 on 2026-12-14 and 200 on 2026-12-21`. */
export interface Stands {
  ordered: number;
  moves: string;
}

const run = promisify(execFile);

function environment(directory: string | undefined): NodeJS.ProcessEnv {
  return { ...process.env, ...(directory === undefined ? {} : { INTERLOCK_ERP_DIR: directory }) };
}

/** `erp.sh` with its words; what it answers. */
async function script(directory: string | undefined, ...words: string[]): Promise<string> {
  const { stdout } = await run(SCRIPT, words, { env: environment(directory), timeout: SET_UP_LIMIT_MS });
  return stdout;
}

/** Why no Tryton can be had on this machine, in one line; nothing where it can. Fills the cache. */
export async function cannotBeSetUp(): Promise<string | undefined> {
  try {
    await script(undefined, "prepare");
    return undefined;
  } catch (error) {
    const said = String((error as { stderr?: unknown }).stderr ?? "").trim() || String(error);
    return `no Tryton can be set up here: ${said.split("\n").at(-1)}`;
  }
}

/** The number under which the portal shows a line. */
export const lineNumber = (id: number): string => String(id).padStart(4, "0");

const iso = ({ year, month, day }: Day): string => [year, String(month).padStart(2, "0"), String(day).padStart(2, "0")].join("-");

/** As Tryton wants JSON in an address: base64 with padding. */
const packed = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");

export class Tryton {
  /** It is a process of its own: it would survive a test run that is broken off. */
  readonly #atTheLatest = (): void => {
    execFileSync(SCRIPT, ["stop-server"], { env: environment(this.directory) });
  };

  private constructor(
    readonly directory: string,
    readonly running: Running,
  ) {
    process.once("exit", this.#atTheLatest);
  }

  /** Starts one that keeps its database in this directory. */
  static async up(directory: string): Promise<Tryton> {
    return new Tryton(directory, JSON.parse(await script(directory, "up", "--json")) as Running);
  }

  /** It is down; its database stays. */
  async stop(): Promise<void> {
    await script(this.directory, "stop-server");
  }

  /** … and back, at the same address. */
  async start(): Promise<void> {
    await script(this.directory, "start-server");
  }

  /** It and its database are gone. */
  async down(): Promise<void> {
    await script(this.directory, "down");
    process.off("exit", this.#atTheLatest);
  }

  /** Its log. */
  async log(): Promise<string> {
    return readFile(`${this.directory}/server.log`, "utf8");
  }

  /** The ids of the lines of an order of the seed. */
  lines(order: string): number[] {
    const purchase = this.running.seed.purchases[order];
    if (purchase === undefined) throw new Error(`the seed has no order ${order}`);
    return purchase.lines;
  }

  /** Every line of an order as it stands, by the number that the portal shows. */
  async stands(order: string): Promise<Record<string, Stands>> {
    const stands = (await this.#lines(order)).map(({ id, quantity, moves }): [string, Stands] => {
      const open = moves.filter((move) => move.state !== "cancelled");
      const parts = open.map((move) => [move.planned_date ? iso(move.planned_date) : "no day", move.quantity] as const).sort();
      const words = parts.map(([on, quantity]) => `${quantity} on ${on}`).join(" and ");
      return [lineNumber(id), { ordered: quantity, moves: words || "nothing" }];
    });
    return Object.fromEntries(stands);
  }

  /** How many promises were written down there: one note for each. */
  async promises(order: string): Promise<number> {
    const about = [["resource", "in", [`purchase.purchase,${this.#id(order)}`]]];
    const notes = (await this.#call("GET", "ir.note", { fields: ["message"], domain: about })) as { message: string }[];
    return notes.filter(({ message }) => message.includes("interlock-promise: ")).length;
  }

  /** The buyer wants another quantity of a line: an amendment, which remakes the open moves of the whole order. */
  async amend(order: string, supplier: string, line: number, quantity: number): Promise<void> {
    const party = this.running.seed.suppliers[supplier]?.id;
    const fields = ["product", "product_supplier", "unit", "unit_price", "description"];
    const stands = (await this.#call("GET", `purchase.line/${line}`, { fields })) as Record<string, unknown>;
    const same = Object.fromEntries(fields.map((field) => [field, stands[field]]));
    const values = { action: "line", line, party, ...same, quantity };
    const today = new Date();
    const date = { __class__: "date", year: today.getUTCFullYear(), month: today.getUTCMonth() + 1, day: today.getUTCDate() };
    const body = { purchase: this.#id(order), date, lines: [["create", [values]]] };
    const made = (await this.#call("POST", "purchase.amendment", { fields: ["id"], body })) as { id: number };
    await this.#call("POST", `purchase.amendment/${made.id}/validate_amendment`, { fields: ["id"], body: {} });
  }

  /** The buyer drags the one open move of a line to another day. */
  async drag(order: string, line: number, to: string): Promise<void> {
    const moves = (await this.#lines(order)).find(({ id }) => id === line)?.moves.filter(({ state }) => state === "draft") ?? [];
    const [move, ...others] = moves;
    if (move === undefined || others.length > 0) throw new Error(`line ${line} has ${moves.length} open moves, not one`);
    const [year, month, day] = to.split("-").map(Number);
    const body = { planned_date: { __class__: "date", year, month, day } };
    await this.#call("PUT", `stock.move/${move.id}`, { fields: ["id"], body });
  }

  #id(order: string): number {
    const purchase = this.running.seed.purchases[order];
    if (purchase === undefined) throw new Error(`the seed has no order ${order}`);
    return purchase.id;
  }

  async #lines(order: string): Promise<Line[]> {
    const fields = ["lines.quantity", ...["id", "quantity", "planned_date", "state"].map((field) => `lines.moves.${field}`)];
    const purchase = (await this.#call("GET", `purchase.purchase/${this.#id(order)}`, { fields })) as { lines: Line[] };
    return purchase.lines;
  }

  async #call(method: string, path: string, asked: { fields: string[]; domain?: unknown; body?: unknown }): Promise<unknown> {
    const { url, database, buyer_key, company } = this.running;
    const parameters = new URLSearchParams(asked.fields.map((field) => ["f", field]));
    if (asked.domain !== undefined) parameters.set("d", packed(asked.domain));
    const response = await fetch(`${url}/${database}/rest/model/${path}?${parameters}`, {
      method,
      headers: {
        authorization: `bearer ${buyer_key}`,
        "x-tryton-context": packed({ company, _skip_warnings: true }),
        ...(asked.body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Tryton says ${response.status} to the buyer's ${method} ${path}: ${text.slice(0, 500)}`);
    return text === "" ? null : JSON.parse(text);
  }
}
