/**
 * The way of an order through both sides: the supplier answers, the buyer decides, the ERP has exactly what was promised.
 * Once with scripts and once without; the pages and the outcome are the same.
 */
import { after, short, shown } from "../portal/days";
import { BRENNHOLT, INES, MARTA, PASSWORD } from "../portal/people";
import { DAY as day } from "../portal/stock";
import { expect, test } from "../portal/test";
import { AnswerPage } from "../pages/answer";
import { DeviationsPage } from "../pages/deviations";
import { OrderPage } from "../pages/order";

for (const scripts of [true, false]) {
  const browser = { javaScriptEnabled: scripts };

  test(`an order is answered, decided and lands in the ERP, ${scripts ? "with" : "without"} scripts`, async ({ portal, visits }) => {
    test.slow();
    const number = await portal.stock.order(BRENNHOLT, 5);

    const supplier = await visits.stranger(browser);
    await test.step("the supplier signs in and sees what is to do", async () => {
      await supplier.goto("/");
      await supplier.getByLabel("E-mail address").fill(INES.email);
      await supplier.getByLabel("Password", { exact: true }).fill(PASSWORD);
      await supplier.getByRole("button", { name: "Sign in" }).click();
      await expect(supplier).toHaveURL("/");
      await expect(supplier.getByRole("heading", { name: "Next to answer" })).toBeVisible();
      await supplier.getByRole("link", { name: "All that wait for you" }).click();
      await expect(supplier).toHaveURL("/orders?status=open");
    });

    const order = new OrderPage(supplier, number);
    await test.step("he answers line by line and is told before sending what goes to the buyer", async () => {
      await supplier.getByRole("searchbox", { name: "Search" }).fill(number);
      await supplier.getByRole("searchbox", { name: "Search" }).press("Enter");
      await expect(supplier).toHaveURL(`/orders/${number}`);
      await supplier.getByRole("link", { name: "Answer line by line" }).click();
      const answers = new AnswerPage(supplier, scripts);
      await answers.awake();

      await answers.line("0010").choose("Confirm");

      const inside = answers.line("0020");
      await inside.choose("Change");
      await inside.day().fill(shown(after(day, 1)));
      if (scripts) {
        await expect(inside.then).toHaveText("accepted by rule");
        await expect(inside.row).toContainText("1 day later: within tolerance (1 d)");
      }

      const late = answers.line("0030");
      await late.choose("Change");
      await late.day().fill(shown(after(day, 5)));
      await late.reason.selectOption({ label: "Machine breakdown" });
      if (scripts) {
        await expect(late.then).toHaveText("goes to the buyer");
        await expect(late.row).toContainText("5 days later than requested: goes to the buyer");
      }

      const split = answers.line("0040");
      await split.addPart();
      await split.quantity(1).fill("600");
      await split.quantity(2).fill("400");
      await split.day(2).fill(shown(after(day, 7)));
      await split.reason.selectOption({ label: "Material shortage" });

      const reject = answers.line("0050");
      await reject.choose("Reject");
      await reject.reason.selectOption({ label: "No longer made" });

      await answers.sendToBuyer();
    });

    await test.step("two lines are binding and reach the ERP, three wait for the buyer", async () => {
      await expect(supplier).toHaveURL(`/orders/${number}`);
      await expect(order.notice).toContainText("2 lines are binding and on their way to the ERP, 3 lines wait for the buyer");
      await expect(order.answer("0010")).toHaveText("confirmed");
      await expect(order.answer("0020")).toHaveText("confirmed, +1 d");
      await expect(order.answer("0030")).toContainText("buyer decides");
      await order.until(async () => {
        const [accepted] = await portal.erp.accepted(number);
        expect(accepted, "the ERP has the confirmation").toBeDefined();
        await expect(order.sync("0010")).toContainText(`in ERP as ${accepted?.document}`, { timeout: 1_000 });
        await expect(order.timeline).toContainText(`is in the ERP as ${accepted?.document}`, { timeout: 1_000 });
      });
      expect(await portal.erp.promised(number)).toEqual({ "0010": `1000 on ${day}`, "0020": `1000 on ${after(day, 1)}` });
    });

    const buyer = await visits.as(MARTA, browser);
    await test.step("the buyer accepts one deviation, counters one and rejects one", async () => {
      const deviations = new DeviationsPage(buyer);
      await deviations.open(number);
      await expect(deviations.rows).toHaveCount(3);
      await deviations.accept(number, "0030");
      await deviations.open(number);
      await deviations.counter(number, "0040", [{ quantity: "1000", day: shown(after(day, 3)) }], "One truck, please.");
      await deviations.open(number);
      await deviations.reject(number, "0050", "We still need it.");
      await deviations.open(number);
      await expect(deviations.rows).toHaveCount(0);
    });

    await test.step("the supplier sees the decisions, takes the counter and confirms what was rejected", async () => {
      await order.open();
      await expect(order.answer("0030")).toHaveText("confirmed, +5 d");
      await expect(order.answer("0040")).toHaveText(`buyer proposes ${short(after(day, 3))}`);
      await expect(order.answer("0050")).toHaveText("not answered");
      await expect(order.timeline).toContainText("We still need it.");
      const answers = new AnswerPage(supplier, scripts);
      await answers.open(number);
      await answers.line("0040").choose("Take proposal");
      await answers.line("0050").choose("Confirm");
      await answers.send();
      await expect(order.notice).toContainText("2 lines are binding");
    });

    await test.step("the ERP has exactly what was promised, and the page says so", async () => {
      const promised = {
        "0010": `1000 on ${day}`,
        "0020": `1000 on ${after(day, 1)}`,
        "0030": `1000 on ${after(day, 5)}`,
        "0040": `1000 on ${after(day, 3)}`,
        "0050": `1000 on ${day}`,
      };
      await expect.poll(() => portal.erp.promised(number), { timeout: 30_000 }).toEqual(promised);
      expect((await portal.erp.accepted(number)).every((accepted) => accepted.in_order)).toBe(true);
      await order.until(async () => {
        for (const name of Object.keys(promised)) await expect(order.sync(name)).toContainText("in ERP as", { timeout: 1_000 });
      });
    });
  });

  test(`a whole order is confirmed as requested in three clicks, ${scripts ? "with" : "without"} scripts`, async ({ portal, visits }) => {
    const number = await portal.stock.order(BRENNHOLT, 2);
    const page = await visits.as(INES, browser);
    const order = new OrderPage(page, number);
    await order.open();
    await page.getByRole("link", { name: "Confirm 2 lines as requested" }).click();
    await page.getByRole("button", { name: "Confirm 2 lines as requested" }).click();
    await expect(order.notice).toContainText("2 lines are binding and on their way to the ERP");
    await expect
      .poll(() => portal.erp.promised(number), { timeout: 30_000 })
      .toEqual({ "0010": `1000 on ${day}`, "0020": `1000 on ${day}` });
  });
}
