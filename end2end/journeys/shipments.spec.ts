/**
 * A supplier ships: lines, two lots, packing, transport, review; then he amends and withdraws. With scripts, without, and on
 * a phone; a refusal keeps what was typed, and nothing is asked twice.
 */
import type { BrowserContextOptions, Page } from "@playwright/test";

import { after, shown } from "../portal/days";
import { BRENNHOLT, INES, MARTA, PAUL } from "../portal/people";
import { DAY, QUANTITY } from "../portal/stock";
import { expect, test } from "../portal/test";

const LOOKS: [string, BrowserContextOptions][] = [
  ["with scripts", {}],
  ["without scripts", { javaScriptEnabled: false }],
  ["on a phone", { viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true }],
];

/** An input by its id, which is the path that a finding names. */
const at = (page: Page, id: string) => page.locator(`[id="${id}"]`);

async function confirm(page: Page, number: string): Promise<void> {
  await page.goto(`/orders/${number}/confirm/all`);
  await page.getByRole("button", { name: /^Confirm .* as requested$/ }).click();
  await expect(page).toHaveURL(`/orders/${number}`);
}

for (const [look, options] of LOOKS) {
  test(`two lots are packed, announced, amended and withdrawn, ${look}`, async ({ portal, visits }) => {
    test.slow();
    const number = await portal.stock.order(BRENNHOLT, 1);
    const page = await visits.as(INES, options);
    await confirm(page, number);
    const note = `LS-${number}`;

    await test.step("the line is proposed with what is confirmed", async () => {
      await page.getByRole("link", { name: "Ship as confirmed" }).click();
      await expect(page).toHaveURL(`/orders/${number}/ship`);
      await page.getByRole("button", { name: "Go on in steps" }).last().click();
      await expect(page).toHaveURL(/\/shipments\/new\/[0-9a-f-]+\/lines$/);
      await expect(at(page, "lines.0.quantity")).toHaveValue("1,000");
    });

    await test.step("two lots; what cannot be read is said and kept", async () => {
      await page.getByRole("button", { name: /^(Enter lots|Add a lot)$/ }).click();
      await at(page, "lines.0.lots.0.lot").fill("H-1");
      await at(page, "lines.0.lots.0.quantity").fill("many");
      await page.getByRole("button", { name: "Go on to packing" }).last().click();
      await expect(page.getByRole("alert")).toContainText("“many” is not a number");
      await expect(at(page, "lines.0.lots.0.lot")).toHaveValue("H-1");
      await expect(at(page, "lines.0.lots.0.quantity")).toHaveValue("many");
      await at(page, "lines.0.lots.0.quantity").fill("600");
      await page.getByRole("button", { name: "Add a lot" }).click();
      await expect(at(page, "lines.0.lots.1.quantity")).toHaveValue("400");
      await at(page, "lines.0.lots.1.lot").fill("H-2");
      await page.getByRole("button", { name: "Go on to packing" }).last().click();
    });

    await test.step("everything is packed alike, and Back loses nothing", async () => {
      await at(page, "per_carton").fill("200");
      await at(page, "per_pallet").fill("3");
      await page.getByRole("button", { name: "Pack", exact: true }).click();
      await expect(page.getByRole("heading", { name: "Packages 7" })).toBeVisible();
      await page.getByRole("link", { name: "1 Lines and lots" }).click();
      await expect(at(page, "lines.0.lots.1.lot")).toHaveValue("H-2");
      await page.getByRole("link", { name: "3 Transport" }).click();
    });

    await test.step("the review says what is missing and leads there", async () => {
      await at(page, "arrive_on").fill(shown(DAY));
      await page.getByRole("button", { name: "Check and review" }).last().click();
      await page.getByRole("link", { name: /^Enter the number of your delivery note/ }).click();
      await expect(page).toHaveURL(/\/transport#delivery_note$/);
      await at(page, "delivery_note").fill(note);
      await page.getByRole("button", { name: "Check and review" }).last().click();
      await expect(page.getByText("Everything checks out.")).toBeVisible();
      await page.getByRole("button", { name: "Send ship notice" }).last().click();
      await expect(page).toHaveURL(/\/shipments\/SN-\d+$/);
      await expect(page.getByText(/^Ship notice SN-\d+ is sent/)).toBeVisible();
    });
    const path = new URL(page.url()).pathname;

    await test.step("the order and its buyer see it, another supplier does not", async () => {
      const buyer = await visits.as(MARTA);
      await buyer.goto(path);
      await expect(buyer.getByRole("heading", { level: 1 })).toContainText("Ship notice");
      await buyer.goto(`/orders/${number}`);
      await expect(buyer.getByRole("row").filter({ hasText: "0010" }).first()).toContainText("shipped");
      const stranger = await visits.as(PAUL);
      await stranger.goto(path).catch(() => undefined);
      await expect(stranger.getByRole("heading", { level: 1 })).toHaveText("Not found");
    });

    await test.step("more than is open is refused, less is amended", async () => {
      await page.getByRole("button", { name: "Amend" }).click();
      await at(page, "lines.0.lots.1.quantity").fill("900");
      await at(page, "lines.0.quantity").fill("1500");
      await page.getByRole("button", { name: "Go on to packing" }).last().click();
      await page.getByRole("button", { name: "Take all out" }).click();
      await page.getByRole("button", { name: "Go on to transport" }).last().click();
      await page.getByRole("button", { name: "Check and review" }).last().click();
      await page.getByRole("link", { name: /is more than is open/ }).click();
      await expect(at(page, "lines.0.quantity")).toHaveValue("1500");
      await at(page, "lines.0.lots.1.quantity").fill("100");
      await at(page, "lines.0.quantity").fill("700");
      await page.getByRole("button", { name: "Go on to packing" }).last().click();
      await page.getByRole("link", { name: "4 Review" }).click();
      await at(page, "reason").fill("Miscounted");
      await page.getByRole("button", { name: "Send the newer version" }).last().click();
      await expect(page).toHaveURL(path);
      await expect(page.getByText(/is amended: version 2/)).toBeVisible();
      await expect(page.getByRole("listitem").filter({ hasText: "lot H-2 100 PCE instead of 400" }).first()).toBeVisible();
    });

    await test.step("it is withdrawn with a reason, and its quantity is open again", async () => {
      await page.getByRole("link", { name: "Withdraw" }).click();
      await page.getByRole("button", { name: "Withdraw the ship notice" }).click();
      await expect(page.getByRole("alert")).toContainText("Say why in a few words");
      await page.getByLabel("Why").fill("Truck broke down");
      await page.getByRole("button", { name: "Withdraw the ship notice" }).click();
      await expect(page).toHaveURL(path);
      await expect(page.getByText("“Truck broke down”").first()).toBeVisible();
      await page.goto(`/orders/${number}`);
      await expect(page.getByRole("link", { name: "Ship as confirmed" })).toBeVisible();
    });
  });
}

test("an order is shipped as confirmed in one step, and a delay says which promise it threatens", async ({ portal, visits }) => {
  const number = await portal.stock.order(BRENNHOLT, 2);
  const page = await visits.as(INES);
  await confirm(page, number);
  await page.goto(`/orders/${number}/ship`);
  await at(page, "delivery_note").fill(`LS-${number}`);
  await at(page, "arrive_on").fill(shown(DAY));
  await page.getByRole("button", { name: "Ship as confirmed" }).click();
  await expect(page).toHaveURL(/\/shipments\/SN-\d+$/);
  await expect(page.getByRole("cell", { name: new RegExp(`^${QUANTITY.toLocaleString("en-GB")}\\s*PCE$`) }).first()).toBeVisible();
  await page.getByRole("link", { name: "Tell a milestone" }).click();
  await page.getByLabel("What happened").selectOption({ label: "delayed" });
  await page.getByRole("button", { name: "Tell everybody" }).click();
  await expect(page.getByRole("alert")).toContainText("A delay needs the day");
  await page.getByLabel("New arrival date").fill(shown(after(DAY, 2)));
  await page.getByRole("button", { name: "Tell everybody" }).click();
  await expect(page.getByText(/after the day promised for/)).toBeVisible();
});

test("a notice of more lots than the page has fields for is amended and keeps every one", async ({ portal, visits }) => {
  const number = await portal.stock.order(BRENNHOLT, 1);
  const page = await visits.as(INES);
  await confirm(page, number);
  await page.goto(`/orders/${number}/ship`);
  await page.getByRole("button", { name: "Go on in steps" }).last().click();
  const table = Array.from({ length: 450 }, (_, nth) => `LOT-${String(nth).padStart(3, "0")};${nth === 0 ? 551 : 1}`);
  await page.getByRole("button", { name: "Enter lots" }).click();
  await page.getByRole("group").filter({ hasText: "Paste many lots" }).locator("summary").click();
  await at(page, "lines.0.lots.0.quantity").fill("");
  await at(page, "lines.0.paste").fill(table.join("\n"));
  await page.getByRole("button", { name: "Take them over" }).click();
  await expect(page.getByText(/^450 lots: too long for fields/)).toBeVisible();
  await expect(at(page, "lines.0.lots.0.lot")).toHaveCount(0);
  await page.getByRole("link", { name: "3 Transport" }).click();
  await at(page, "delivery_note").fill(`LS-${number}`);
  await at(page, "arrive_on").fill(shown(DAY));
  await page.getByRole("button", { name: "Check and review" }).last().click();
  await page.getByRole("button", { name: "Send ship notice" }).last().click();
  await expect(page).toHaveURL(/\/shipments\/SN-\d+$/);
  const path = new URL(page.url()).pathname;

  await page.getByRole("button", { name: "Amend" }).click();
  await page.getByRole("button", { name: "Go on to packing" }).last().click();
  await page.getByRole("button", { name: "Go on to transport" }).last().click();
  await at(page, "carrier").fill("Dachser");
  await page.getByRole("button", { name: "Check and review" }).last().click();
  await at(page, "reason").fill("Another carrier");
  await page.getByRole("button", { name: "Send the newer version" }).last().click();
  await expect(page.getByText(/is amended: version 2/)).toBeVisible();
  await page.goto(`${path}?all=1`);
  await expect(page.getByText("LOT-449")).toBeVisible();
  await expect(page.getByRole("row").filter({ hasText: "LOT-" })).toHaveCount(450);
});
