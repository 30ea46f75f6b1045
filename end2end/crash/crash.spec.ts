/**
 * kill -9 of the serving process at random moments while suppliers answer, a supplier's machine announces, amends and
 * withdraws ship notices, and a quality engineer holds material. Everything that somebody saw as sent must be in the ERP
 * exactly once in effect, in order per order, ship notice and hold, and nothing else.
 *
 * The installation is made by `serve --demo`, stopped, and started again without the demo: from then on the simulated ERP
 * is a process of its own on the same address, with the same book, and outlives the portal. It loses some of its answers.
 *
 * INTERLOCK_CRASHES: how many kills (30). INTERLOCK_SEED: repeats the choices.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "@playwright/test";

import { workday } from "../portal/days";
import { Erp, line, type Tolerances } from "../portal/erp";
import { BRENNHOLT, INES, PAUL, ROSA, TOMASZ, VERA, WEHRLE, type Person, type Supplier } from "../portal/people";
import { freshDirectory, Program, simulator, throwAway, type Watched } from "../portal/program";
import { Dice } from "./dice";
import { judge, judgeMaterial, type Effect } from "./judge";
import { Material } from "./material";
import { CrashEngineer } from "./quality";
import { CrashShipper } from "./shipper";
import { ASKED_FOR, CrashSupplier } from "./supplier";

const CRASHES = Number(process.env["INTERLOCK_CRASHES"] ?? 30);
const SEED = Number(process.env["INTERLOCK_SEED"] ?? Date.now() % 1_000_000);
/** Orders for each of the suppliers who work at the same time. */
const ORDERS_EACH = 3;
/** Lines of each order that is shipped, each with an item of its own, which is held now and then. */
const SHIPPED_LINES = 20;

const AGREED: Tolerances = { short: { up_to: "50", outside: "review" }, over: { up_to: "0", outside: "refuse" } };

const TEAM: [Supplier, Person][] = [
  [BRENNHOLT, INES],
  [BRENNHOLT, INES],
  [WEHRLE, PAUL],
  [WEHRLE, PAUL],
];

const milliseconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count));

test(`${CRASHES} times kill -9 lose no answer and double none`, async ({}, info) => {
  console.log(`seed ${SEED}`);
  const directory = await freshDirectory();
  const dice = new Dice(SEED);
  let program: Program | undefined;
  let book: Watched | undefined;
  try {
    const first = await Program.serve({ directory, demo: true });
    const erpUrl = await first.erpUrl();
    await first.process.stop();
    const key = await readFile(join(directory, "secrets", "simulated-erp"), "utf8");
    book = await simulator(new URL(erpUrl).host, key, join(directory, "simulated-erp.json"));
    const erp = new Erp(erpUrl);

    const settings = { INTERLOCK_LOG_FILTER: "warn" };
    const serve = (): Promise<Program> => Program.serve({ directory, demo: false, settings });
    // Who asks where the portal is waits until it is there again.
    let there: Promise<Program> = serve();
    program = await there;
    const suppliers: CrashSupplier[] = [];
    for (const [supplier, person] of TEAM) {
      const orders: string[] = [];
      for (let count = 0; count < ORDERS_EACH; count += 1) {
        const lines = ["0010", "0020"].map((number) => line(number, String(ASKED_FOR), workday(30), AGREED));
        orders.push(await erp.issue(supplier, lines));
      }
      const one = new CrashSupplier(person, orders, new Dice(dice.between(0, 1e9)), async () => (await there).url);
      await one.signIn();
      suppliers.push(one);
    }
    const shipped = Array.from({ length: SHIPPED_LINES }, (_, index) => line(String(index + 1).padStart(4, "0"), String(ASKED_FOR), workday(30), AGREED));
    const toShip = [await erp.issue(BRENNHOLT, shipped), await erp.issue(BRENNHOLT, shipped)];
    const where = async (): Promise<string> => (await there).url;
    const shipper = new CrashShipper(toShip, new Dice(dice.between(0, 1e9)), where);
    await shipper.takeKey(BRENNHOLT, ROSA);
    const items = shipped.map((one) => one.item.number);
    const engineer = new CrashEngineer(TOMASZ, VERA, BRENNHOLT, items, new Dice(dice.between(0, 1e9)), where);
    await engineer.signIn();
    for (const supplier of suppliers) await supplier.ordersArrive();
    await shipper.confirmOrders();

    for (const on of ["confirmations", "inbound_deliveries", "holds"] as const) await erp.fault({ fault: "lose_answers", on, percent: 3 });
    let more = true;
    const working = Promise.all([...suppliers, shipper, engineer].map((one) => one.work(() => more)));
    for (let crash = 1; crash <= CRASHES; crash += 1) {
      // The random moment is the test: it is not a wait for something.
      await milliseconds(dice.between(150, 2_500));
      const dying = program;
      there = dying.process.kill().then(serve);
      program = await there;
    }
    more = false;
    await working;
    await erp.calm();

    await expect
      .poll(async () => Promise.all(suppliers.map((supplier) => supplier.waiting())), {
        message: "the portal says that the ERP has everything",
        timeout: 90_000,
        intervals: [500],
      })
      .toEqual(suppliers.map(() => 0));
    const sendings = [...shipper.sendings, ...engineer.sendings];
    const broken = async (): Promise<string[]> => {
      const material = await Material.of(erp);
      return judgeMaterial(sendings, material.takings, material.standing);
    };
    const underway = async (): Promise<unknown> => ({
      notices: await shipper.waiting(),
      lost: (await broken()).filter((one) => one.startsWith("was lost")),
    });
    await expect
      .poll(underway, { message: "the ERP has all ship notices and holds", timeout: 90_000, intervals: [500] })
      .toEqual({ notices: 0, lost: [] });

    const answers = suppliers.flatMap((supplier) => supplier.answers);
    const orders = new Set(answers.map((answer) => answer.order));
    const accepted = (await erp.accepted()).filter((one) => orders.has(one.confirmation.order));
    const effects: Effect[] = accepted.map(({ confirmation, idempotency_key }) => ({
      order: confirmation.order,
      sequence: confirmation.sequence,
      key: idempotency_key,
      lines: Object.fromEntries(confirmation.lines.map((one) => [one.line, one.commitments.reduce((sum, part) => sum + Number(part.quantity), 0)])),
    }));
    const count = (seen: string): number => answers.filter((answer) => answer.seen === seen).length;
    const again = suppliers.map((supplier) => supplier.again);
    const sum = (pick: (one: CrashSupplier["again"]) => number): number => again.reduce((total, one) => total + pick(one), 0);
    console.log(
      `${CRASHES} crashes, ${answers.length} answers: ${count("sent")} sent, ${count("refused")} refused, ${count("unknown")} unknown; ` +
        `${effects.length} effects, ${accepted.reduce((total, one) => total + one.repeats, 0)} repeats without effect; sent again after a crash: ` +
        `${sum((one) => one.already)} had counted, ${sum((one) => one.now)} had not, ${sum((one) => one.refused)} refused`,
    );
    const material = await Material.of(erp);
    for (const [what, list, again] of [
      ["ship notices", shipper.sendings, shipper.again],
      ["holds", engineer.sendings, engineer.again],
    ] as const) {
      const seen = (word: string): number => list.filter((one) => one.seen === word).length;
      console.log(`${what}: ${list.length} sendings: ${seen("sent")} sent, ${seen("refused")} refused, ${seen("unknown")} unknown; sent again after a crash: ${JSON.stringify(again)}`);
    }
    console.log(`${material.takings.length} effects of them, ${material.repeats} repeats without effect`);
    await info.attach("history", { body: JSON.stringify({ seed: SEED, answers, accepted, sendings, material }, null, 1), contentType: "application/json" });
    expect([...suppliers, shipper, engineer].flatMap((one) => one.strange), "the portal said nothing strange").toEqual([]);
    expect(judge(answers, effects), "every promise was kept").toEqual([]);
    expect(accepted.every((one) => one.in_order) && material.inOrder, "the ERP saw no swap").toBe(true);
    expect(count("sent"), "enough was sent for the test to mean something").toBeGreaterThan(CRASHES);
    expect(await broken(), "every promise on ship notices and holds was kept").toEqual([]);
    for (const one of [shipper, engineer]) {
      expect(one.sendings.filter((sending) => sending.seen === "sent").length, "enough was sent").toBeGreaterThan(CRASHES / 3);
    }
  } finally {
    await program?.process.stop();
    await book?.stop();
    await info.attach("last log", { body: program?.process.said ?? "", contentType: "text/plain" });
    await throwAway(directory);
  }
});
