/**
 * From the carton's barcode to a settled difference: the clerk scans, checks in and receives one carton short; a case opens
 * by itself, the supplier answers, the buyer settles it, and all three see the same. Once with scripts and once without.
 */
import type { Page } from "@playwright/test";

import { BRENNHOLT, CLARA, INES, MARTA, PAUL } from "../portal/people";
import { QUANTITY } from "../portal/stock";
import { expect, test, type Portal } from "../portal/test";

/** A day's photo, as small as one can be. */
const PHOTO = {
  name: "crushed.png",
  mimeType: "image/png",
  buffer: Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==", "base64"),
};
const PAPER = {
  name: "list.pdf",
  mimeType: "application/pdf",
  buffer: Buffer.from("%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"),
};

/** The supplier confirms an order and announces all of it in two cartons. */
async function announce(portal: Portal, supplier: Page): Promise<{ order: string; deliveryNote: string; notice: string }> {
  const order = await portal.stock.order(BRENNHOLT, 1);
  const deliveryNote = `LS-${order}`;
  await test.step("the supplier confirms and announces two cartons", async () => {
    await supplier.goto(`/orders/${order}/confirm/all`);
    await supplier.getByRole("main").getByRole("button", { name: /^Confirm/ }).click();
    await expect(supplier).toHaveURL(new RegExp(`/orders/${order}`));
    await supplier.goto(`/orders/${order}/ship`);
    await supplier.getByLabel("Delivery note").fill(deliveryNote);
    await supplier.getByRole("button", { name: "Go on in steps" }).click();
    await supplier.getByRole("button", { name: "Go on to packing" }).click();
    await supplier.getByLabel("In each carton").fill(String(QUANTITY / 2));
    await supplier.getByRole("button", { name: "Pack", exact: true }).click();
    await supplier.getByRole("button", { name: "Go on to transport" }).click();
    await supplier.getByRole("button", { name: "Check and review" }).click();
    await supplier.getByRole("button", { name: "Send ship notice" }).click();
    await expect(supplier).toHaveURL(/\/shipments\/SN-\d+/);
  });
  return { order, deliveryNote, notice: /SN-\d+/.exec(supplier.url())?.[0] ?? "" };
}

for (const scripts of [true, false]) {
  const browser = { javaScriptEnabled: scripts };

  test(`a shipment is received one carton short, ${scripts ? "with" : "without"} scripts`, async ({ portal, visits }) => {
    test.slow();
    const supplier = await visits.as(INES, browser);
    const { order, deliveryNote, notice } = await announce(portal, supplier);
    const sscc = /\d{18}/.exec((await supplier.locator(".units").textContent()) ?? "")?.[0] ?? "";
    expect(sscc).toHaveLength(18);

    const clerk = await visits.as(CLARA, browser);
    await test.step("the clerk scans a carton, checks in and begins to unload", async () => {
      await clerk.goto("/");
      const scan = clerk.getByLabel(/^Scan a package/);
      await scan.fill(`]C100${sscc}`);
      await scan.press("Enter");
      await expect(clerk).toHaveURL(`/inbound/${notice}?package=${sscc}`);
      await expect(clerk.getByRole("status").filter({ hasText: "Scanned" })).toContainText(sscc);
      await clerk.getByRole("button", { name: "Check in at the gate" }).click();
      await expect(clerk.getByRole("status").first()).toContainText("is checked in");
      await clerk.getByRole("button", { name: "Begin unloading" }).click();
      await clerk.goto("/inbound?column=receiving");
      await expect(clerk.getByRole("link", { name: notice })).toContainText(deliveryNote);
    });

    await test.step("what is wrong is said beside the field, and what was typed stays", async () => {
      await clerk.goto(`/inbound/${notice}`);
      await clerk.getByLabel(/^Undamaged, T-/).first().fill("some");
      await clerk.getByRole("button", { name: "Post receipt" }).click();
      await expect(clerk.getByRole("alert")).toContainText("“some” is not a number");
      await expect(clerk.getByLabel(/^Undamaged, T-/).first()).toHaveValue("some");
    });

    await test.step("he receives one carton of two, and nothing more is expected", async () => {
      await clerk.getByLabel(/^Undamaged, T-/).first().fill(String(QUANTITY / 2));
      await clerk.getByLabel(/^Nothing more is expected/).check();
      await clerk.getByRole("button", { name: "Post receipt" }).click();
      await expect(clerk).toHaveURL(/\/receipts\/GR-\d+$/);
      await expect(clerk.getByRole("status").first()).toContainText(/Received as GR-\d+\. Difference DC-\d+ is open/);
      await expect(clerk.getByRole("row", { name: /^T-/ })).toContainText("short");
    });
    const receipt = new URL(clerk.url()).pathname;
    const difference = (await clerk.getByRole("link", { name: /^DC-\d+$/ }).first().getAttribute("href")) ?? "";

    await test.step("the supplier finds the case and says how he sees it", async () => {
      await supplier.goto("/differences?state=answer");
      await supplier.getByRole("link", { name: difference.slice("/differences/".length) }).click();
      const row = supplier.getByRole("row", { name: /^T-/ });
      await expect(row).toContainText("1,000");
      await expect(row).toContainText("500");
      await supplier.getByLabel("How you see it").fill("The second carton stands in our hall.");
      await supplier.getByRole("button", { name: "Send answer" }).click();
      await expect(supplier.getByText("with the buyer", { exact: true })).toBeVisible();
    });

    await test.step("the buyer settles it, and all see the same", async () => {
      const buyer = await visits.as(MARTA, browser);
      await buyer.goto(difference);
      await expect(buyer.getByText("The second carton stands in our hall.")).toBeVisible();
      await buyer.getByLabel("What the supplier reads").fill("Please ship it with the next delivery.");
      await buyer.getByRole("button", { name: "Settle" }).click();
      await expect(buyer.getByRole("alert")).toContainText("Choose how it is settled");
      await buyer.getByLabel("How it is settled").selectOption({ label: "Supplier ships the rest" });
      await buyer.getByRole("button", { name: "Settle" }).click();
      await supplier.goto(difference);
      for (const page of [buyer, supplier]) {
        await expect(page.getByText("Settled: Supplier ships the rest.", { exact: true })).toBeVisible();
        await expect(page.getByText("Please ship it with the next delivery.").first()).toBeVisible();
      }
      await supplier.goto(`/orders/${order}`);
      await expect(supplier.getByRole("link", { name: receipt.slice("/receipts/".length) }).first()).toBeVisible();
    });

    await test.step("to another supplier none of it exists", async () => {
      const other = await visits.as(PAUL, browser);
      for (const address of [receipt, difference, `/shipments/${notice}`]) {
        expect((await other.request.get(address)).status(), address).toBe(404);
      }
      expect((await other.request.get(`/inbound/${notice}`)).status()).toBe(403);
    });
  });

  test(`a photo of damage goes to the supplier and to no other, ${scripts ? "with" : "without"} scripts`, async ({ portal, visits }) => {
    const supplier = await visits.as(INES, browser);
    const { notice } = await announce(portal, supplier);
    const clerk = await visits.as(CLARA, browser);
    const photo = clerk.getByLabel(/^Photo of the damage, T-/).first();
    const attach = clerk.getByRole("button", { name: "Attach photos" });
    const post = clerk.getByRole("button", { name: "Post receipt" });

    await test.step("three pieces are crushed; what is no photo is refused beside its field", async () => {
      await clerk.goto(`/inbound/${notice}`);
      await clerk.getByLabel(/^Undamaged, T-/).first().fill(String(QUANTITY - 3));
      await clerk.getByLabel(/^Damaged, T-/).first().fill("3");
      await clerk.getByLabel(/^Note, T-/).first().fill("Three are crushed");
      await clerk.getByLabel(/^Nothing more is expected/).check();
      await clerk.getByText(/^Photo of damage/).first().click();
      await photo.setInputFiles(PAPER);
      await attach.click();
      await expect(clerk.getByRole("alert")).toContainText("A photo is a PNG or JPEG image");
      await expect(clerk.getByLabel(/^Damaged, T-/).first()).toHaveValue("3");
    });

    await test.step("a photo that was chosen and not attached is not lost in silence", async () => {
      await photo.setInputFiles(PHOTO);
      await post.click();
      await expect(clerk.getByRole("alert")).toContainText("was not attached");
    });

    await test.step("it is attached, with all that was typed, and posted", async () => {
      await photo.setInputFiles(PHOTO);
      await attach.click();
      await expect(clerk.getByRole("link", { name: PHOTO.name })).toBeVisible();
      await expect(clerk.getByRole("alert")).toHaveCount(0);
      await expect(clerk.getByLabel(/^Nothing more is expected/)).toBeChecked();
      await post.click();
      await expect(clerk).toHaveURL(/\/receipts\/GR-\d+$/);
      await expect(clerk.getByRole("img", { name: /^Photo of the damage to T-.*crushed\.png$/ })).toBeVisible();
    });
    const difference = (await clerk.getByRole("link", { name: /^DC-\d+$/ }).first().getAttribute("href")) ?? "";

    await test.step("the supplier and the buyer see it in the difference; another supplier does not", async () => {
      let address = "";
      for (const person of [INES, MARTA]) {
        const page = await visits.as(person, browser);
        await page.goto(difference);
        const picture = page.getByRole("img", { name: /^Photo of the damage to T-/ });
        await expect(picture).toBeVisible();
        address = (await picture.getAttribute("src")) ?? "";
        const given = await page.request.get(address);
        expect([given.status(), given.headers()["content-type"]]).toEqual([200, "image/png"]);
        expect(await given.body()).toEqual(PHOTO.buffer);
      }
      const other = await visits.as(PAUL, browser);
      expect((await other.request.get(address)).status()).toBe(404);
    });
  });
}
