/** What the shop floor reports: recorded, posted in the ERP, and what is blocked is decided by a person. */
import { HENRIK } from "../portal/people";
import { expect, test } from "../portal/test";

test("a report that the ERP cannot take is corrected with a reason, and what waited behind it is posted too", async ({ portal, visits }) => {
  const lot = { item: "0107-45B", lot: "SH-26-0871" };
  await portal.report({ type: "consumption", work_order: "1000118", quantity: "3", unit: "BOX", station: "A-12", ...lot });
  await portal.report({ type: "completion", work_order: "1000118", quantity: "2", unit: "PCE", lot: "G-77", station: "A-14" });

  const page = await visits.as(HENRIK);
  await expect(async () => {
    await page.goto("/postings");
    await expect(page.getByRole("cell", { name: /Consumption: 3 BOX of 0107-45B/ })).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 30_000 });
  const row = page.getByRole("row").filter({ hasText: "3 BOX of 0107-45B" });
  await expect(row).toContainText("unit not known");
  await expect(row).toContainText("1 posting waits behind it");
  await row.getByRole("link", { name: "Decide" }).click();

  await page.getByLabel("Unit").fill("PCE");
  await page.getByRole("button", { name: "Correct" }).click();
  await expect(page.getByText("Say why", { exact: false }).first(), "a reason is asked for, and nothing typed is lost").toBeVisible();
  await expect(page.getByLabel("Unit")).toHaveValue("PCE");
  await page.getByRole("textbox", { name: "Why" }).first().fill("The terminal was set to boxes");
  await page.getByRole("button", { name: "Correct" }).click();

  await page.goto("/production");
  await page.getByRole("link", { name: "1000118" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Work order 1000118" })).toBeVisible();
  const reports = page.locator("#reports");
  await expect(async () => {
    await page.reload();
    const corrected = reports.getByRole("row").filter({ hasText: "Consumption: 3 PCE of 0107-45B" });
    await expect(corrected).toContainText("in the ERP", { timeout: 500 });
    const made = reports.getByRole("row").filter({ hasText: "lot G-77" });
    await expect(made).toContainText("in the ERP", { timeout: 500 });
  }).toPass({ timeout: 30_000 });
  await expect(reports, "the original is kept").toContainText("3 BOX of 0107-45B");
});
