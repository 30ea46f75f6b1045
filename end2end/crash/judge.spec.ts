import { expect, test } from "@playwright/test";

import { judge, type Answer, type Effect } from "./judge";

const answer = (place: number, quantity: number, more: Partial<Answer> = {}): Answer => ({
  order: "1",
  place,
  lines: { "0010": quantity },
  meant: "promise",
  seen: "sent",
  ...more,
});

const effect = (sequence: number, quantity: number, more: Partial<Effect> = {}): Effect => ({
  order: "1",
  lines: { "0010": quantity },
  sequence,
  key: `key-${sequence}`,
  ...more,
});

test("a history that keeps the promise passes, with holes in the sequence and with answers that nobody knows of", () => {
  const answers = [
    answer(1, 500),
    answer(2, 499, { seen: "refused", meant: "impossible" }),
    answer(3, 498, { seen: "unknown" }),
    answer(4, 497, { seen: "unknown" }),
    answer(5, 496, { meant: "question" }),
    answer(6, 495),
    answer(1, 500, { order: "2", lines: { "0010": 500, "0020": 400 } }),
  ];
  const other = effect(9, 0, { order: "2", key: "key-of-2", lines: { "0010": 500, "0020": 400 } });
  expect(judge(answers, [effect(1, 500), other, effect(4, 497), effect(8, 495)])).toEqual([]);
});

for (const [what, answers, effects, found] of [
  ["a lost answer", [answer(1, 500), answer(2, 499)], [effect(1, 500)], "was lost: order 1, line 0010 with 499"],
  ["an effect that came twice", [answer(1, 500)], [effect(1, 500), effect(2, 500)], "took effect 2 times"],
  ["an unknown answer that came twice", [answer(1, 500, { seen: "unknown" })], [effect(1, 500), effect(2, 500)], "took effect 2 times"],
  ["a refused answer in the ERP", [answer(1, 500, { seen: "refused" })], [effect(1, 500)], "though it was refused"],
  ["an undecided answer in the ERP", [answer(1, 500, { meant: "question" })], [effect(1, 500)], "though the buyer did not decide"],
  ["an answer against the rules", [answer(1, 500, { meant: "impossible" })], [], "was taken against the rules"],
  ["an invented effect", [answer(1, 500)], [effect(1, 500), effect(2, 7)], "nobody answered what the ERP has"],
  ["half of an answer", [answer(1, 500, { lines: { "0010": 500, "0020": 400 } })], [effect(1, 500)], "was lost"],
  ["a swap", [answer(1, 500), answer(2, 499)], [effect(1, 499), effect(2, 500)], "came after a later answer (1 after 2)"],
  ["a sequence that falls", [answer(1, 500), answer(2, 499)], [effect(2, 500), effect(1, 499)], "came with sequence 1 after 2"],
  ["a key that took effect twice", [answer(1, 500), answer(2, 499)], [effect(1, 500), effect(2, 499, { key: "key-1" })], "the key key-1"],
] as [string, Answer[], Effect[], string][]) {
  test(`the judge finds ${what}`, () => {
    expect(judge(answers, effects)).toEqual(expect.arrayContaining([expect.stringContaining(found)]));
  });
}
