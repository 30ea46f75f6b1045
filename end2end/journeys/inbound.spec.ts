/**
 * The whole way of material, told once: the supplier ships a confirmed order with two lots and their 3.1 certificates and
 * prints labels, the clerk receives one carton short, the quality engineer measures a value out of its limits and places a
 * hold; in the end the order's timeline, the supplier, the buyer, the ERP, the warehouse and the release check say the same.
 */
import type { Page } from "@playwright/test";

import { shown } from "../portal/days";
import { line } from "../portal/erp";
import { BRENNHOLT, CLARA, INES, MARTA, PAUL, PRIYA, TOMASZ } from "../portal/people";
import { DAY } from "../portal/stock";
import { expect, test } from "../portal/test";

const PDF = Buffer.from("%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
const STEEL = "0415-90";
/** What the works measured: all of it within the limits. */
const MEASURED =
  "C;%;0.42\nSi;%;0.25\nMn;%;0.78\nP;%;0.011\nS;%;0.012\nCr;%;1.05\nMo;%;0.21\nRm;MPa;956\nRp0.2;MPa;720\nA;%;14.5\nKV;J;48";
const GOOD = { lot: "HT-1", kilograms: 600 };
const WEAK = { lot: "HT-2", kilograms: 400, received: 200 };
const FOUND = "Rm 880 MPa, at least 900 asked for";

/** An input by its id, which is the path that a finding names. */
const at = (page: Page, id: string) => page.locator(`[id="${id}"]`);

/** A row of the list of what happened. */
const told = (page: Page, words: string | RegExp, system?: string) => {
  const row = page.locator(".event-list tbody tr").filter({ hasText: words });
  return system === undefined ? row : row.filter({ has: page.locator("td.system", { hasText: new RegExp(`^${system}$`) }) });
};

test("from a ship notice with two lots to a hold that everybody knows of", async ({ portal, visits }) => {
  test.setTimeout(240_000);
  const steel = {
    ...line("0010", "1000", DAY),
    item: { number: STEEL, description: "Round bar 42CrMo4+QT, Ø 50", revision: null, rules: { lots: true, serials: false, inspection: true } },
    unit: "KG",
  };
  const order = await portal.erp.issue(BRENNHOLT, [steel]);
  await expect.poll(() => portal.stock.hasArrived(BRENNHOLT, order), { timeout: 60_000 }).toBe(true);
  const deliveryNote = `LS-${order}`;
  const supplier = await visits.as(INES);

  await test.step("the supplier confirms the order", async () => {
    await supplier.goto(`/orders/${order}/confirm/all`);
    await supplier.getByRole("button", { name: /^Confirm .* as requested$/ }).click();
    await expect(supplier).toHaveURL(`/orders/${order}`);
  });

  for (const { lot } of [GOOD, WEAK]) {
    await test.step(`hands in the 3.1 certificate of ${lot}`, async () => {
      await supplier.goto(`/certificates/new?item=${STEEL}&kind=en_3_1`);
      await supplier.getByLabel("Certificate number").fill(`Z-${lot}`);
      await supplier.getByLabel("PDF, PNG or JPEG").setInputFiles({ name: `${lot}.pdf`, mimeType: "application/pdf", buffer: PDF });
      await supplier.getByRole("button", { name: "Attach" }).click();
      await expect(supplier.getByRole("link", { name: `${lot}.pdf` })).toBeVisible();
      await supplier.getByLabel("Issued by").fill("Stahlwerk Nord");
      await supplier.getByLabel("Date of issue").fill("-3");
      await supplier.getByLabel("Lots or heats").fill(lot);
      await supplier.getByLabel("Or paste a table").fill(MEASURED);
      await supplier.getByRole("button", { name: "Take over the table" }).click();
      await expect(supplier.locator("#check")).toContainText("no differences");
      await supplier.getByRole("button", { name: "Send", exact: true }).click();
      await expect(supplier).toHaveURL(/\/certificates\/[0-9a-f-]{36}$/);
    });
  }

  await test.step("ships two lots in five cartons", async () => {
    await supplier.goto(`/orders/${order}/ship`);
    await supplier.getByRole("button", { name: "Go on in steps" }).last().click();
    const add = supplier.getByRole("button", { name: /^(Enter lots|Add a lot)$/ });
    if (!(await at(supplier, "lines.0.lots.0.lot").isVisible())) await add.click();
    await at(supplier, "lines.0.lots.0.lot").fill(GOOD.lot);
    await at(supplier, "lines.0.lots.0.quantity").fill(String(GOOD.kilograms));
    await supplier.getByRole("button", { name: "Add a lot" }).click();
    await at(supplier, "lines.0.lots.1.lot").fill(WEAK.lot);
    await at(supplier, "lines.0.lots.1.quantity").fill(String(WEAK.kilograms));
    await supplier.getByRole("button", { name: "Go on to packing" }).last().click();
    await at(supplier, "per_carton").fill("200");
    await supplier.getByRole("button", { name: "Pack", exact: true }).click();
    await supplier.getByRole("button", { name: "Go on to transport" }).last().click();
    await at(supplier, "delivery_note").fill(deliveryNote);
    await at(supplier, "arrive_on").fill(shown(DAY));
    await supplier.getByRole("button", { name: "Check and review" }).last().click();
    await expect(supplier.getByText("Everything checks out.")).toBeVisible();
    await supplier.getByRole("button", { name: "Send ship notice" }).last().click();
    await expect(supplier).toHaveURL(/\/shipments\/SN-\d+$/);
  });
  const notice = /SN-\d+/.exec(supplier.url())?.[0] ?? "";

  await test.step("prints the packing slip and the labels", async () => {
    for (const [name, type, begins] of [
      ["Labels", "application/pdf", "%PDF-"],
      ["Labels for a label printer", "text/plain", "^XA"],
    ] as const) {
      const href = await supplier.getByRole("link", { name, exact: true }).getAttribute("href");
      const file = await supplier.request.get(href ?? "");
      expect(file.status(), name).toBe(200);
      expect(file.headers()["content-type"], name).toContain(type);
      expect((await file.body()).toString("latin1"), name).toContain(begins);
    }
  });

  const clerk = await visits.as(CLARA);
  await test.step("the clerk receives one carton short", async () => {
    await clerk.goto(`/inbound/${notice}`);
    await clerk.getByLabel(/^Undamaged, .*HT-1/).fill(String(GOOD.kilograms));
    await clerk.getByLabel(/^Undamaged, .*HT-2/).fill(String(WEAK.received));
    await clerk.getByLabel(/^Nothing more is expected/).check();
    await clerk.getByRole("button", { name: "Post receipt" }).click();
    await expect(clerk).toHaveURL(/\/receipts\/GR-\d+$/);
    await expect(clerk.getByRole("status").first()).toContainText(/Difference DC-\d+ is open/);
  });
  const receipt = /GR-\d+/.exec(clerk.url())?.[0] ?? "";

  const engineer = await visits.as(TOMASZ);
  await test.step("the quality engineer finds a value out of its limits and places a hold", async () => {
    await engineer.goto(`/inspections?q=${WEAK.lot}`);
    await engineer.getByRole("link", { name: WEAK.lot, exact: true }).click();
    await engineer.getByLabel("Rm in MPa").fill("880");
    await engineer.getByRole("button", { name: "Save values, decide later" }).click();
    await expect(engineer.getByRole("main")).toContainText("Rm: 880 MPa is below the lower limit 900 MPa.");
    await engineer.locator('a[href^="/lots/"]').first().click();
    await engineer.getByRole("link", { name: "Place a hold …" }).click();
    await engineer.getByLabel("Reason").selectOption({ label: "value out of limits" });
    await engineer.getByLabel("What was found").fill(FOUND);
    await engineer.getByRole("button", { name: "Place the hold" }).click();
    await expect(engineer).toHaveURL(/\/holds\/QH-\d+$/);
  });
  const hold = /QH-\d+/.exec(engineer.url())?.[0] ?? "";

  await test.step("the strip of the hold: the ERP and the warehouse have confirmed it, and since when", async () => {
    await expect(async () => {
      await engineer.goto(`/holds/${hold}`);
      const knows = engineer.getByRole("region", { name: /^Who knows/ });
      for (const system of ["Simulated ERP", "Simulated warehouse"]) {
        const row = knows.getByRole("listitem").filter({ hasText: system });
        await expect(row).toContainText("confirmed", { timeout: 500 });
        await expect(row).toContainText("since", { timeout: 500 });
      }
    }).toPass({ timeout: 60_000 });
  });

  const buyer = await visits.as(MARTA);
  for (const [who, page] of [
    ["supplier", supplier],
    ["buyer", buyer],
  ] as const) {
    await test.step(`the order's timeline tells it to the ${who}, with the time each system learned it`, async () => {
      await page.goto(`/orders/${order}`);
      await expect(told(page, `Ship notice ${notice}: 1,000 KG of ${STEEL}`, "Portal")).toHaveCount(1);
      await expect(told(page, new RegExp(`Ship notice ${notice} is in the ERP as \\d+`), "ERP")).toHaveCount(1);
      await expect(told(page, new RegExp(`Ship notice ${notice} is in the warehouse system as W\\d+`), "WMS")).toHaveCount(1);
      await expect(told(page, new RegExp(`^.*Received at the dock as ${receipt}`), "Portal")).toHaveCount(1);
      await expect(told(page, new RegExp(`Receipt ${receipt} is in the ERP as \\d+`), "ERP")).toHaveCount(1);
      await expect(told(page, /Difference DC-\d+ opened: .*short, announced 400, received 200/)).toHaveCount(1);
      await expect(told(page, `Hold ${hold} on ${STEEL}`, "Portal")).toContainText(FOUND);
      await expect(told(page, new RegExp(`Hold ${hold} is in the ERP as \\d+`), "ERP")).toHaveCount(1);
      await expect(told(page, new RegExp(`Hold ${hold} is in the warehouse system as W\\d+`), "WMS")).toHaveCount(1);
      for (const { lot } of [GOOD, WEAK]) await expect(told(page, new RegExp(`certificate 3\\.1 Z-${lot} handed in`))).toHaveCount(1);
      for (const time of await page.locator(".event-list td.when time").all()) {
        expect(await time.getAttribute("datetime")).toMatch(/^\d{4}-\d\d-\d\dT/);
      }
      await page.goto(`/holds/${hold}`);
      await expect(page.getByRole("main")).toContainText(FOUND);
      await page.goto(`/receipts/${receipt}`);
      await expect(page.getByRole("row", { name: new RegExp(WEAK.lot) })).toContainText("short");
    });
  }

  await test.step("what the house calls its systems is not for the supplier", async () => {
    await supplier.goto(`/orders/${order}`);
    await expect(supplier.locator(".event-list")).not.toContainText("Simulated");
    await buyer.goto(`/orders/${order}`);
    await expect(buyer.locator(".event-list")).toContainText("Simulated warehouse");
  });

  await test.step("the deliveries and the ERP's own book say the same", async () => {
    const integration = await visits.as(PRIYA);
    for (const document of [notice, hold]) {
      await integration.goto(`/deliveries?q=${document}`);
      for (const system of ["Simulated ERP", "Simulated warehouse"]) {
        await expect(integration.getByRole("row").filter({ hasText: system }).first()).toContainText("delivered");
      }
    }
    const erp = await portal.erp.material();
    expect(erp.inbound_deliveries.find((one) => one.delivery.notice === notice)?.delivery.delivery_note).toBe(deliveryNote);
    expect(erp.holds.find((one) => one.hold.hold === hold)?.active).toBe(true);
  });

  await test.step("the release check says no to the held lot, and why", async () => {
    const key = await shopFloorKey(await visits.as(PRIYA));
    const asked = (lot: string) => ({ plant: "DE10", item: STEEL, lot, quantity: "10" });
    const response = await fetch(`${portal.url}/api/v1/quality/release-checks`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ checks: [asked(WEAK.lot), asked("HT-9")] }),
    });
    expect(response.status).toBe(200);
    const answer = (await response.json()) as Answer;
    const [held, unknown] = answer.checks.map((check) => check.verdict);
    expect(held?.usable).toBe(false);
    expect(JSON.stringify(held?.reasons)).toContain(hold);
    expect(unknown?.reasons.map((one) => one.reason)).toEqual(["unknown"]);
    expect(answer.as_of, "the age of what is said").toMatch(/^\d{4}-/);
  });

  await test.step("to another supplier none of it exists", async () => {
    const other = await visits.as(PAUL);
    for (const address of [`/orders/${order}`, `/shipments/${notice}`, `/receipts/${receipt}`, `/holds/${hold}`]) {
      expect((await other.request.get(address)).status(), address).toBe(404);
    }
  });
});

/** What the release check answers. */
interface Answer {
  as_of: string;
  checks: { verdict: { usable: boolean; reasons: { reason: string }[] } }[];
}

/** A key for a shop-floor system of the house, made on the page for keys, which shows it once. */
async function shopFloorKey(page: Page): Promise<string> {
  await page.goto("/keys");
  await page.getByLabel("Machine", { exact: true }).fill("Shop floor");
  await page.getByLabel("Whose").selectOption("house");
  await page.getByLabel("release-checks:ask").check();
  await page.getByRole("button", { name: "Make the key" }).click();
  const main = page.getByRole("main");
  await expect(main).toContainText(/ilk_[0-9a-f]+_[0-9a-f]{64}/);
  return /ilk_[0-9a-f]+_[0-9a-f]{64}/.exec(await main.innerHTML())?.[0] ?? "";
}
