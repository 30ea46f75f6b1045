/**
 * A 3.1 certificate from the supplier's desk to the quality engineer's decision: one value out of limits is seen before it is
 * sent, rejected with a reason, replaced and accepted. Once with scripts and once without.
 */
import { INES, PAUL, TOMASZ } from "../portal/people";
import { expect, test } from "../portal/test";

const PDF = Buffer.from("%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
const ITEM = "0415-90";

/** What a spreadsheet holds; the strength is the one that is wrong at first. */
const table = (strength: string): string =>
  ["C;%;0,42", "Si;%;0.25", "Mn;%;0.78", "P;ppm;110", "S;%;0.012", "Cr;%;1.05", "Mo;%;0.21", `Rm;N/mm²;${strength}`, "Rp0,2;MPa;720", "A;%;14,5", "KV;J;48"].join("\n");

for (const scripts of [true, false]) {
  const browser = { javaScriptEnabled: scripts };
  const number = `Z-${scripts ? "1001" : "1002"}`;
  const lot = `H-${scripts ? "4711" : "4712"}`;

  test(`a certificate is handed in, rejected, replaced and accepted, ${scripts ? "with" : "without"} scripts`, async ({ visits }) => {
    test.slow();
    const supplier = await visits.as(INES, browser);

    await test.step("the supplier attaches the file first, and nothing typed is lost", async () => {
      await expect(async () => {
        // The item is there once the ERP has told of its orders.
        await supplier.goto(`/certificates/new?item=${ITEM}&kind=en_3_1`);
        await expect(supplier.getByLabel("Item", { exact: true })).toHaveValue(ITEM, { timeout: 1_000 });
      }).toPass({ timeout: 30_000 });
      await supplier.getByLabel("Certificate number").fill(number);
      await supplier.getByLabel("PDF, PNG or JPEG").setInputFiles({ name: "../../Zeugnis.pdf", mimeType: "application/pdf", buffer: PDF });
      await supplier.getByRole("button", { name: "Attach" }).click();
      await expect(supplier.getByRole("link", { name: "Zeugnis.pdf" })).toBeVisible();
      await expect(supplier.getByLabel("Certificate number")).toHaveValue(number);
    });

    await test.step("he pastes the values and sees the one out of limits before sending", async () => {
      await supplier.getByLabel("Issued by").fill("Stahlwerk Nord");
      await supplier.getByLabel("Date of issue").fill("-3");
      await supplier.getByLabel("Lots or heats").fill(lot);
      await supplier.getByLabel("Or paste a table").fill(table("880"));
      await supplier.getByRole("button", { name: "Take over the table" }).click();
      const check = supplier.locator("#check");
      await expect(check).toContainText("1 difference");
      await expect(check).toContainText("Rm: 880 N/mm² (880 MPa) is below the lower limit 900 MPa.");
      await expect(check.getByRole("row", { name: /^P/ })).toContainText("0.011");
      await supplier.getByRole("button", { name: "Send", exact: true }).click();
      await expect(supplier.getByRole("alert")).toContainText("Look at the differences below");
      await supplier.getByLabel("I have seen the differences").check();
      await supplier.getByRole("button", { name: "Send", exact: true }).click();
      await expect(supplier).toHaveURL(/\/certificates\/[0-9a-f-]{36}$/);
      await expect(supplier.getByRole("status").first()).toContainText(`Certificate ${number}`);
    });
    const first = supplier.url();

    await test.step("nobody of another supplier can open it", async () => {
      const other = await visits.as(PAUL, browser);
      expect((await other.request.get(first)).status()).toBe(404);
      const file = await supplier.getByRole("link", { name: "Zeugnis.pdf" }).getAttribute("href");
      expect((await other.request.get(file ?? "")).status()).toBe(404);
      const given = await supplier.request.get(file ?? "");
      expect(given.headers()["content-disposition"]).toContain("attachment");
      expect(given.headers()["content-security-policy"]).toBe("sandbox; default-src 'none'");
    });

    const engineer = await visits.as(TOMASZ, browser);
    await test.step("the quality engineer compares and rejects with a reason", async () => {
      await engineer.goto("/certificates");
      await engineer.getByRole("link", { name: number }).click();
      const row = engineer.getByRole("row", { name: /^Rm/ });
      await expect(row).toContainText("below limit");
      await expect(row).toContainText("880");
      await engineer.locator("summary", { hasText: "Reject" }).click();
      await engineer.getByLabel("Why").fill("Rm is below 900 MPa");
      await engineer.getByRole("button", { name: "Reject" }).click();
      await expect(engineer.getByText("rejected", { exact: true }).first()).toBeVisible();
    });

    await test.step("the supplier is told and replaces it", async () => {
      await supplier.goto("/certificates?view=rejected");
      await supplier.getByRole("link", { name: number }).click();
      await expect(supplier.getByRole("main")).toContainText("Rm is below 900 MPa");
      await supplier.getByRole("link", { name: "Replace" }).click();
      await expect(supplier.getByLabel("Certificate number")).toHaveValue(number);
      const rm = supplier.locator("tr", { has: supplier.locator('input[value="Rm"]') });
      await rm.locator('input[aria-label^="Value"]').fill("956");
      await supplier.getByRole("button", { name: "Compare", exact: true }).click();
      await expect(supplier.locator("#check")).toContainText("no differences");
      await supplier.getByRole("button", { name: "Send", exact: true }).click();
      await expect(supplier).toHaveURL(/\/certificates\/[0-9a-f-]{36}$/);
    });

    await test.step("it is accepted, and the old one says that it was replaced", async () => {
      await engineer.goto(supplier.url());
      await engineer.locator("summary", { hasText: "Accept" }).click();
      await engineer.getByRole("button", { name: "Accept" }).click();
      await expect(engineer.getByText("accepted", { exact: true }).first()).toBeVisible();
      await engineer.goto(first);
      await expect(engineer.getByRole("main")).toContainText("A newer one took its place");
    });
  });
}
