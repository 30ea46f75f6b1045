/**
 * The packing slip on paper: sheets with numbers and heads of their own, and a code that leads whoever scans it to the ship
 * notice. (That the code can be read by somebody else's reader is tested beside the code that draws it.)
 */
import { type Page } from "@playwright/test";

import { BRENNHOLT, CLARA, INES, MARTA } from "../portal/people";
import { QUANTITY } from "../portal/stock";
import { expect, test, type Portal } from "../portal/test";

/** Announces an order in this many cartons; gives the ship notice's number. */
async function announce(portal: Portal, supplier: Page, cartons: number): Promise<string> {
  const order = await portal.stock.order(BRENNHOLT, 1);
  await supplier.goto(`/orders/${order}/confirm/all`);
  await supplier.getByRole("main").getByRole("button", { name: /^Confirm/ }).click();
  await expect(supplier).toHaveURL(new RegExp(`/orders/${order}`));
  await supplier.goto(`/orders/${order}/ship`);
  await supplier.getByLabel("Delivery note").fill(`LS-${order}`);
  await supplier.getByRole("button", { name: "Go on in steps" }).click();
  await supplier.getByRole("button", { name: "Go on to packing" }).click();
  await supplier.getByLabel("In each carton").fill(String(QUANTITY / cartons));
  await supplier.getByRole("button", { name: "Pack", exact: true }).click();
  await supplier.getByRole("button", { name: "Go on to transport" }).click();
  await supplier.getByRole("button", { name: "Check and review" }).click();
  await supplier.getByRole("button", { name: "Send ship notice" }).click();
  await expect(supplier).toHaveURL(/\/shipments\/SN-\d+/);
  return /SN-\d+/.exec(supplier.url())?.[0] ?? "";
}

/** Sheets of a PDF as Chromium writes it: its page objects are not compressed. */
const sheets = (pdf: Buffer): number => pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0;

/** Whether the stylesheets number the sheets; a browser that knows no margin boxes drops the rule. */
const numbersSheets = (page: Page): Promise<boolean> =>
  page.evaluate(() => {
    const rules = (list: CSSRuleList): CSSRule[] =>
      [...list].flatMap((rule) => ["cssRules" in rule ? rules(rule.cssRules as CSSRuleList) : [], rule].flat());
    const all = [...document.styleSheets].flatMap((sheet) => rules(sheet.cssRules));
    return all.some((rule) => rule.cssText.startsWith("@page") && /counter\(page\).*counter\(pages\)/.test(rule.cssText));
  });

test("a slip of a hundred packages takes some numbered sheets, each with the head of its table", async ({ portal, visits }) => {
  test.slow();
  const page = await visits.as(INES);
  const notice = await announce(portal, page, 100);
  await page.getByRole("link", { name: "Packing slip" }).click();
  await expect(page).toHaveURL(`/shipments/${notice}/print/slip`);
  expect(await numbersSheets(page)).toBe(true);
  expect(sheets(await page.pdf({ format: "A4" })), "sheets").toBeGreaterThanOrEqual(3);
  expect(sheets(await page.pdf({ format: "A4" })), "sheets").toBeLessThanOrEqual(6);

  await page.emulateMedia({ media: "print" });
  await expect(page.locator(".running").first()).toContainText(notice);
  for (const table of await page.locator(".slip thead").all()) {
    expect(await table.evaluate((head) => getComputedStyle(head).display)).toBe("table-header-group");
  }
  await expect(page.getByRole("navigation").first()).toBeHidden();
  const code = await page.getByRole("img", { name: /^QR code/ }).boundingBox();
  // 25 mm at 96 dots per inch: what a phone reads at arm's length.
  expect(code?.width).toBeGreaterThan(95);
  expect(code?.height).toBe(code?.width);
});

test("whoever scans the slip comes to the ship notice", async ({ portal, visits }) => {
  const supplier = await visits.as(INES);
  const notice = await announce(portal, supplier, 2);
  await supplier.goto(`/shipments/${notice}/print/slip`);
  const name = (await supplier.getByRole("img", { name: /^QR code/ }).getAttribute("aria-label")) ?? "";
  const address = name.replace("QR code: ", "");
  expect(address).toBe(`${portal.url}/shipments/${notice}`);

  await test.step("a scanner types it into the search box", async () => {
    const buyer = await visits.as(MARTA);
    await buyer.goto(`/search?q=${encodeURIComponent(address)}`);
    await expect(buyer).toHaveURL(`/shipments/${notice}`);
  });
  await test.step("and into the field of the dock", async () => {
    const clerk = await visits.as(CLARA);
    await clerk.goto("/inbound");
    await clerk.getByLabel(/^Scan/).fill(address);
    await clerk.getByLabel(/^Scan/).press("Enter");
    await expect(clerk).toHaveURL(`/inbound/${notice}`);
  });
});
