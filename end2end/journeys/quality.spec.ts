/**
 * A value out of its limits: the quality engineer decides and places a hold, sees which systems know, the supplier reads it,
 * and only a second person ends it. With and without JavaScript.
 */
import type { BrowserContextOptions, Page } from "@playwright/test";

import { CLARA, INES, PAUL, TOMASZ, VERA } from "../portal/people";
import { expect, test } from "../portal/test";

const ORDER = "4500012345";

const BROWSERS: [string, string, BrowserContextOptions][] = [
  ["with JavaScript", "H-20001", {}],
  ["without JavaScript", "H-20002", { javaScriptEnabled: false }],
];

/** The clerk receives 100 kg of round bar in one lot. */
async function receive(clerk: Page, lot: string): Promise<void> {
  await clerk.goto(`/inbound/orders/${ORDER}`);
  await clerk.locator('[name="f[r5-accepted]"]').fill("100");
  await clerk.locator('[name="f[r5-lot]"]').fill(lot);
  await clerk.locator('[name="delivery_note"]').fill(`LS-${lot}`);
  await clerk.getByRole("button", { name: "Post receipt" }).click();
  await expect(clerk).toHaveURL(/\/receipts\/GR-\d+$/);
}

for (const [how, lot, browser] of BROWSERS) {
  test(`a value out of limits leads to a hold that two people end, ${how}`, async ({ visits }) => {
    test.slow();
    await receive(await visits.as(CLARA, browser), lot);
    const engineer = await visits.as(TOMASZ, browser);

    await test.step("the inspection says which value is out of its limits", async () => {
      await engineer.goto(`/inspections?q=${lot}`);
      await engineer.getByRole("link", { name: lot, exact: true }).click();
      await engineer.getByLabel("Rm in MPa").fill("880");
      await engineer.getByRole("button", { name: "Save values, decide later" }).click();
      const row = engineer.getByRole("row", { name: /^Rm/ });
      await expect(row).toContainText("below the limit");
      await expect(engineer.getByRole("main")).toContainText("Rm: 880 MPa is below the lower limit 900 MPa.");
    });

    await test.step("a decision must add up to the whole and be explained", async () => {
      await engineer.getByLabel("Blocked, KG").fill("40");
      await engineer.getByRole("button", { name: "Decide on the lot" }).click();
      await expect(engineer.getByRole("alert")).toContainText("The parts add up to 40 KG");
      await engineer.getByLabel("Released, KG").fill("60");
      await engineer.getByLabel("Reason").fill("60 kg from the good end of the bar");
      await engineer.getByRole("button", { name: "Decide on the lot" }).click();
      await expect(engineer).toHaveURL(/\/lots\/[0-9a-f-]{36}$/);
    });

    await test.step("a hold is placed, and the strip says which systems know", async () => {
      await engineer.getByRole("link", { name: "Place a hold …" }).click();
      await engineer.getByLabel("Reason").selectOption({ label: "value out of limits" });
      await engineer.getByRole("button", { name: "Place the hold" }).click();
      await expect(engineer.getByRole("alert")).toContainText("Say what was found");
      await engineer.getByLabel("What was found").fill("Rm 880 MPa, at least 900 asked for");
      await engineer.getByRole("button", { name: "Place the hold" }).click();
      await expect(engineer).toHaveURL(/\/holds\/QH-\d+$/);
      const hold = engineer.url();
      await expect(async () => {
        await engineer.goto(hold);
        const knows = engineer.getByRole("region", { name: /^Who knows/ });
        await expect(knows.getByRole("listitem").filter({ hasText: "Simulated ERP" })).toContainText("since", { timeout: 500 });
        await expect(knows.getByText("confirmed", { exact: true }).first()).toBeVisible({ timeout: 500 });
      }).toPass({ timeout: 30_000 });
    });
    const hold = engineer.url();

    await test.step("the lot may not be used, and the reason leads to the hold", async () => {
      await engineer.getByRole("link", { name: lot, exact: true }).click();
      await engineer.getByLabel(/^Ask for another quantity/).fill("10");
      await engineer.getByRole("button", { name: "Ask", exact: true }).click();
      await expect(engineer.getByRole("main")).toContainText("10.000 KG of this lot may not be used.");
      await engineer.getByRole("link", { name: "Open the hold" }).click();
      await expect(engineer).toHaveURL(hold);
    });

    await test.step("its supplier reads it and cannot end it; another one does not see it", async () => {
      const supplier = await visits.as(INES, browser);
      await supplier.goto(hold);
      await expect(supplier.getByRole("main")).toContainText("Rm 880 MPa, at least 900 asked for");
      await expect(supplier.getByRole("link", { name: /release/i })).toHaveCount(0);
      const other = await visits.as(PAUL, browser);
      expect((await other.request.get(hold)).status()).toBe(404);
    });

    await test.step("one person asks, and cannot confirm his own request", async () => {
      await engineer.goto(hold);
      await engineer.getByRole("link", { name: "Ask for release …" }).click();
      await engineer.getByRole("button", { name: "Ask for the release" }).click();
      await expect(engineer.getByRole("alert")).toContainText("Choose what becomes of the material");
      await engineer.getByLabel("What becomes of the material").selectOption({ label: "use as it is" });
      await engineer.getByLabel("Why the hold may end").fill("Measured again: 912 MPa");
      await engineer.getByRole("button", { name: "Ask for the release" }).click();
      await expect(engineer.getByRole("main")).toContainText("somebody else must confirm it");
    });

    await test.step("the second person ends it", async () => {
      const second = await visits.as(VERA, browser);
      await second.goto("/holds?state=release_requested");
      await second.goto(hold);
      await second.getByRole("link", { name: "Confirm the release …" }).click();
      await expect(second.getByRole("main")).toContainText("Measured again: 912 MPa");
      await second.getByRole("button", { name: "Release the hold" }).click();
      await expect(second).toHaveURL(hold);
      await expect(second.getByText("released", { exact: true }).first()).toBeVisible();
    });
  });
}
