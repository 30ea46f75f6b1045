/**
 * The pictures of the README, taken of the running program with its demo data: `make shots` writes docs/images.
 * The story is that of order 4500012345, as the documentation tells it.
 */
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import type { Page } from "@playwright/test";

import { AnswerPage } from "../pages/answer";
import { OrderPage } from "../pages/order";
import { INES, MARTA } from "../portal/people";
import { expect, test } from "../portal/test";

const IMAGES = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const NUMBER = "4500012345";

async function shoot(page: Page, name: string): Promise<void> {
  await page.mouse.move(0, 0);
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: `${IMAGES}${name}.png`, animations: "disabled" });
}

test("pictures of an answer from the form to the ERP", async ({ visits }) => {
  await mkdir(IMAGES, { recursive: true });
  const viewport = { width: 1440, height: 1000 };
  const supplier = await visits.as(INES, { viewport });
  const order = new OrderPage(supplier, NUMBER);
  await expect(async () => {
    const response = await supplier.goto(`/orders/${NUMBER}`);
    expect(response?.status()).toBe(200);
  }).toPass({ timeout: 60_000 });

  const answers = new AnswerPage(supplier, true);
  await answers.open(NUMBER);
  const split = answers.line("0040");
  await split.addPart();
  await split.quantity(1).fill("600");
  await split.quantity(2).fill("400");
  await split.day(2).fill("+7");
  await split.reason.selectOption({ label: "Material shortage" });
  const late = answers.line("0010");
  await late.choose("Change");
  await late.day().fill("+3");
  await late.reason.selectOption({ label: "Machine breakdown" });
  await answers.line("0030").choose("Change");
  await answers.line("0030").day().fill("+1");
  await answers.line("0060").choose("Change");
  await answers.line("0060").quantity().fill("1800");
  for (const line of ["0020", "0050"]) await answers.line(line).choose("Confirm");
  const reject = answers.line("0080");
  await reject.choose("Reject");
  await reject.reason.selectOption({ label: "No longer made" });
  await expect(late.then).toHaveText("goes to the buyer");
  await shoot(supplier, "confirm");

  await answers.send();
  await expect(order.notice).toContainText("Sent at");
  await order.until(() => expect(order.sync("0020")).toContainText("in ERP as", { timeout: 1_000 }));
  await shoot(supplier, "order");

  const buyer = await visits.as(MARTA, { viewport: { ...viewport, height: 640 } });
  await buyer.goto("/deviations");
  await expect(buyer.getByRole("checkbox", { name: /^Select / })).not.toHaveCount(0);
  await shoot(buyer, "deviations");
});
