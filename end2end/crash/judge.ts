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
