/**
 * The judge of the crash test: compares what suppliers saw with what took effect in the ERP. Pure, and written apart from
 * the program: it knows only the promise. `judge.spec.ts` proves with planted wrong histories that it can find each breach.
 */

/** One answer that a supplier tried to send; the only writer of its order. */
export interface Answer {
  order: string;
  /** The n-th that was tried for this order, from 1. */
  place: number;
  /** Line → quantity. No two answers of a line have the same quantity, so that each is known by it. */
  lines: Record<string, number>;
  /** What becomes of it if it is taken: a promise, a question to the buyer, or nothing because a rule says no. */
  meant: "promise" | "question" | "impossible";
  /** What the supplier saw in the end: it is sent; it was refused; or the connection broke and nobody asked again. */
  seen: "sent" | "refused" | "unknown";
}

/** One confirmation that took effect in the ERP, in the order in which it did. */
export interface Effect {
  order: string;
  lines: Record<string, number>;
  /** Grows within an order. */
  sequence: number;
  /** The idempotency key it came with. */
  key: string;
}

/** What is broken, as sentences; nothing when the promise was kept. */
export function judge(answers: readonly Answer[], effects: readonly Effect[]): string[] {
  return [...unknownTo(answers, effects), ...onceEach(answers, effects), ...inOrder(answers, effects), ...keysOnce(effects)];
}

function same(a: Record<string, number>, b: Record<string, number>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

const belongs = (answer: Answer, effect: Effect): boolean => answer.order === effect.order && same(answer.lines, effect.lines);

const named = (one: Answer | Effect): string =>
  `order ${one.order}, ${Object.entries(one.lines)
    .map(([line, quantity]) => `line ${line} with ${quantity}`)
    .join(" and ")}`;

function unknownTo(answers: readonly Answer[], effects: readonly Effect[]): string[] {
  return effects
    .filter((effect) => !answers.some((answer) => belongs(answer, effect)))
    .map((effect) => `nobody answered what the ERP has: ${named(effect)}`);
}

function onceEach(answers: readonly Answer[], effects: readonly Effect[]): string[] {
  return answers.flatMap((answer) => {
    const times = effects.filter((effect) => belongs(answer, effect)).length;
    if (times > 1) return [`took effect ${times} times: ${named(answer)}`];
    if (answer.seen === "sent" && answer.meant === "impossible") return [`was taken against the rules: ${named(answer)}`];
    if (times === 1 && answer.meant !== "promise") return [`took effect though the buyer did not decide: ${named(answer)}`];
    if (times === 1 && answer.seen === "refused") return [`took effect though it was refused: ${named(answer)}`];
    if (times === 0 && answer.seen === "sent" && answer.meant === "promise") return [`was lost: ${named(answer)}`];
    return [];
  });
}

function inOrder(answers: readonly Answer[], effects: readonly Effect[]): string[] {
  const last = new Map<string, { sequence: number; place: number }>();
  return effects.flatMap((effect) => {
    const place = answers.find((answer) => belongs(answer, effect))?.place ?? 0;
    const before = last.get(effect.order);
    last.set(effect.order, { sequence: effect.sequence, place });
    if (before === undefined) return [];
    if (effect.sequence <= before.sequence) {
      return [`came with sequence ${effect.sequence} after ${before.sequence}: ${named(effect)}`];
    }
    if (place <= before.place) return [`came after a later answer (${place} after ${before.place}): ${named(effect)}`];
    return [];
  });
}

function keysOnce(effects: readonly Effect[]): string[] {
  const seen = new Set<string>();
  return effects.flatMap((effect) => {
    const twice = seen.has(effect.key);
    seen.add(effect.key);
    return twice ? [`the key ${effect.key} took effect twice: ${named(effect)}`] : [];
  });
}

/** One message about material that somebody tried to send; the only writer of what it is about. */
export interface Sending {
  /** The delivery note of a ship notice, or the words of a hold. */
  about: string;
  /** The n-th that was tried about it, from 1. */
  place: number;
  /** What it says. No two about the same thing say the same, so that each is known by it. */
  says: string;
  /** It ends what it is about: withdrawn, or released. */
  ends?: boolean;
  /** What becomes of it if it is taken: it is told, it waits for a second person, or a rule says no. */
  meant: "told" | "question" | "impossible";
  /** What its sender saw in the end. */
  seen: "sent" | "refused" | "unknown";
  /** The version that its sender was told, where there are versions. */
  version?: number;
}

/** One message about material that took effect in the ERP, in the order in which it did. */
export interface Taking {
  about: string;
  says: string;
  version?: number;
  /** Grows within what it is about. */
  sequence: number;
  /** The idempotency key it came with. */
  key: string;
}

/** How a ship notice or a hold stands in the ERP at the end. */
export interface Standing {
  about: string;
  /** What it was told last, the end aside. */
  says: string;
  ended: boolean;
}

/** What is broken about ship notices and holds, as sentences; nothing when the promise was kept. */
export function judgeMaterial(sendings: readonly Sending[], takings: readonly Taking[], standing: readonly Standing[]): string[] {
  const sent = new Map(sendings.map((one) => [nameOf(one), one]));
  const took = new Map<string, Taking[]>();
  for (const one of takings) took.set(nameOf(one), [...(took.get(nameOf(one)) ?? []), one]);
  return [
    ...takings.filter((one) => !sent.has(nameOf(one))).map((one) => `nobody sent what the ERP has: ${nameOf(one)}`),
    ...sendings.flatMap((one) => keptOnce(one, took.get(nameOf(one)) ?? [])),
    ...inTurn(sent, takings),
    ...keysOfMaterial(takings),
    ...standsAsTold(sent, takings, standing),
  ];
}

const nameOf = (one: { about: string; says: string }): string => `${one.about}: ${one.says}`;

function keptOnce(sending: Sending, takings: readonly Taking[]): string[] {
  const name = nameOf(sending);
  const [first] = takings;
  if (sending.seen === "sent" && sending.meant === "impossible") return [`was taken against the rules: ${name}`];
  if (first === undefined) return sending.seen === "sent" && sending.meant === "told" ? [`was lost: ${name}`] : [];
  if (takings.length > 1) return [`took effect ${takings.length} times: ${name}`];
  if (sending.meant === "question") return [`took effect though a second person has to say yes: ${name}`];
  if (sending.seen === "refused") return [`took effect though it was refused: ${name}`];
  if (sending.meant === "impossible") return [`took effect against the rules: ${name}`];
  if (sending.version !== undefined && sending.version !== first.version) {
    return [`is version ${sending.version} for its sender and ${first.version} in the ERP: ${name}`];
  }
  return [];
}

function inTurn(sent: ReadonlyMap<string, Sending>, takings: readonly Taking[]): string[] {
  const last = new Map<string, { sequence: number; place: number }>();
  return takings.flatMap((taking) => {
    const before = last.get(taking.about);
    const place = sent.get(nameOf(taking))?.place ?? 0;
    last.set(taking.about, { sequence: taking.sequence, place });
    if (before === undefined) return [];
    if (taking.sequence <= before.sequence) return [`came with sequence ${taking.sequence} after ${before.sequence}: ${nameOf(taking)}`];
    if (place <= before.place) return [`came after a later one (${place} after ${before.place}): ${nameOf(taking)}`];
    return [];
  });
}

function keysOfMaterial(takings: readonly Taking[]): string[] {
  const seen = new Set<string>();
  return takings.flatMap((taking) => {
    const twice = seen.has(taking.key);
    seen.add(taking.key);
    return twice ? [`the key ${taking.key} took effect twice: ${nameOf(taking)}`] : [];
  });
}

/** What the ERP shows at the end is what it was told last, and it ended if it was told so. */
function standsAsTold(sent: ReadonlyMap<string, Sending>, takings: readonly Taking[], standing: readonly Standing[]): string[] {
  const expected = new Map<string, Standing>();
  for (const taking of takings) {
    const { about } = taking;
    const before = expected.get(about);
    const ends = sent.get(nameOf(taking))?.ends === true;
    expected.set(about, { about, says: ends ? (before?.says ?? "") : taking.says, ended: ends });
  }
  const there = new Map(standing.map((one) => [one.about, one]));
  const words = (one: Standing | undefined): string => (one ? `“${one.says}”, ${one.ended ? "ended" : "in force"}` : "nothing");
  return [...new Set([...expected.keys(), ...there.keys()])]
    .filter((about) => words(expected.get(about)) !== words(there.get(about)))
    .map((about) => `stands otherwise than it was told: ${about} is ${words(there.get(about))}, told was ${words(expected.get(about))}`);
}
