import { expect, test } from "@playwright/test";

import { judge, judgeMaterial, type Answer, type Effect, type Sending, type Standing, type Taking } from "./judge";

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

const sending = (place: number, says: string, more: Partial<Sending> = {}): Sending => ({ about: "LS-1", place, says, meant: "told", seen: "sent", ...more });
const taking = (sequence: number, says: string, more: Partial<Taking> = {}): Taking => ({ about: "LS-1", says, sequence, key: `key-${sequence}`, ...more });
const stands = (says: string, ended = false, about = "LS-1"): Standing => ({ about, says, ended });

test("ship notices and holds that were told once and in order pass, with what nobody knows of and what waits", () => {
  const sendings = [
    sending(1, "five", { version: 1 }),
    sending(2, "six", { seen: "unknown" }),
    sending(3, "seven", { seen: "unknown" }),
    sending(4, "too many", { seen: "refused", meant: "impossible" }),
    sending(5, "withdrawn", { ends: true, version: 2 }),
    sending(1, "held", { about: "scratches" }),
    sending(2, "asked", { about: "scratches", meant: "question" }),
    sending(1, "held", { about: "burrs", seen: "refused" }),
  ];
  const takings = [
    taking(1, "five", { version: 1 }),
    taking(1, "held", { about: "scratches", key: "key-of-hold" }),
    taking(2, "seven", { version: 2 }),
    taking(4, "withdrawn", { version: 2 }),
  ];
  expect(judgeMaterial(sendings, takings, [stands("seven", true), stands("held", false, "scratches")])).toEqual([]);
});

for (const [what, sendings, takings, standing, found] of [
  ["a lost ship notice", [sending(1, "five")], [], [], "was lost: LS-1: five"],
  ["a lost withdrawal", [sending(1, "five"), sending(2, "withdrawn", { ends: true })], [taking(1, "five")], [stands("five")], "was lost: LS-1: withdrawn"],
  ["a hold that came twice", [sending(1, "held")], [taking(1, "held"), taking(2, "held")], [stands("held")], "took effect 2 times"],
  ["an unknown one that came twice", [sending(1, "five", { seen: "unknown" })], [taking(1, "five"), taking(2, "five")], [stands("five")], "took effect 2 times"],
  ["a refused one in the ERP", [sending(1, "five", { seen: "refused" })], [taking(1, "five")], [stands("five")], "though it was refused"],
  ["one against the rules in the ERP", [sending(1, "far too many", { seen: "unknown", meant: "impossible" })], [taking(1, "far too many")], [stands("far too many")], "took effect against the rules"],
  ["one taken against the rules", [sending(1, "far too many", { meant: "impossible" })], [], [], "was taken against the rules"],
  [
    "a release that nobody confirmed",
    [sending(1, "held"), sending(2, "asked", { meant: "question" })],
    [taking(1, "held"), taking(2, "asked")],
    [stands("asked")],
    "though a second person has to say yes",
  ],
  ["an invented release", [sending(1, "held")], [taking(1, "held"), taking(2, "released")], [stands("held", true)], "nobody sent what the ERP has: LS-1: released"],
  ["a swap", [sending(1, "five"), sending(2, "six")], [taking(1, "six"), taking(2, "five")], [stands("five")], "came after a later one (1 after 2)"],
  ["a sequence that falls", [sending(1, "five"), sending(2, "six")], [taking(2, "five"), taking(1, "six")], [stands("six")], "came with sequence 1 after 2"],
  ["a key that took effect twice", [sending(1, "five"), sending(2, "six")], [taking(1, "five"), taking(2, "six", { key: "key-1" })], [stands("six")], "the key key-1"],
  ["another version", [sending(1, "five", { version: 1 })], [taking(1, "five", { version: 2 })], [stands("five")], "is version 1 for its sender and 2 in the ERP"],
  ["an old version in force", [sending(1, "five"), sending(2, "six")], [taking(1, "five"), taking(2, "six")], [stands("five")], "stands otherwise than it was told"],
  ["a withdrawn one that is expected", [sending(1, "five"), sending(2, "withdrawn", { ends: true })], [taking(1, "five"), taking(2, "withdrawn")], [stands("five")], "told was “five”, ended"],
  ["one that came from nowhere", [], [], [stands("five")], "stands otherwise than it was told: LS-1 is “five”, in force, told was nothing"],
] as [string, Sending[], Taking[], Standing[], string][]) {
  test(`the judge of material finds ${what}`, () => {
    expect(judgeMaterial(sendings, takings, standing)).toEqual(expect.arrayContaining([expect.stringContaining(found)]));
  });
}
