/** What the simulated ERP was told of the ship notices and holds of the crash test, in the words of the judge. */
import type { Delivery, Erp, Taken } from "../portal/erp";
import type { Standing, Taking } from "./judge";
import { FOUND, HELD, released } from "./quality";
import { contents, NOTE } from "./shipper";

const says = (delivery: Delivery): string =>
  contents(delivery.lines.map(({ order, line, quantity }) => ({ name: `${order}/${line}`, quantity: Number(quantity) })));

export class Material {
  private constructor(
    /** In the order in which they took effect. */
    readonly takings: Taking[],
    readonly standing: Standing[],
    /** How often something came again, without effect. */
    readonly repeats: number,
    /** As the ERP itself noted it. */
    readonly inOrder: boolean,
  ) {}

  static async of(erp: Erp): Promise<Material> {
    const [taken, deliveries, holds] = await Promise.all([erp.taken(), erp.inboundDeliveries(), erp.holds()]);
    const found = new Map(holds.map(({ hold }) => [hold.hold, hold.note]));
    const read = taken.flatMap((one) => {
      const what = reading(one, found);
      const ours = what !== undefined && (what.about.startsWith(NOTE) || what.about.startsWith(FOUND));
      return ours ? [{ one, taking: { ...what, sequence: one.head.sequence, key: one.idempotency_key } }] : [];
    });
    const standing = [
      ...deliveries.map(({ delivery, cancelled }) => ({ about: delivery.delivery_note, says: says(delivery), ended: cancelled })),
      ...holds.map(({ hold, active }) => ({ about: hold.note, says: HELD, ended: !active })),
    ].filter(({ about }) => about.startsWith(NOTE) || about.startsWith(FOUND));
    return new Material(
      read.map(({ taking }) => taking),
      standing,
      read.reduce((sum, { one }) => sum + one.repeats, 0),
      read.every(({ one }) => one.in_order),
    );
  }
}

/** What it is about and says; nothing for what the test does not send. */
function reading({ told }: Taken, found: ReadonlyMap<string, string>): { about: string; says: string; version?: number } | undefined {
  switch (told.what) {
    case "delivery":
      return { about: told.delivery_note, says: says(told), version: told.version };
    case "cancellation":
      return { about: told.delivery_note, says: `withdrawn, ${told.reason}`, version: told.version };
    case "hold":
      return { about: told.note, says: HELD };
    case "release":
      return { about: found.get(told.hold) ?? `the unknown hold ${told.hold}`, says: released(told.reason) };
    default:
      return undefined;
  }
}
