/** The ERP is away, or says no: the pages say so, nothing is lost, and a person decides where a machine must not. */
import { BRENNHOLT, INES, JANA, PRIYA } from "../portal/people";
import { DAY as day } from "../portal/stock";
import { expect, test } from "../portal/test";
import { OrderPage } from "../pages/order";

test.afterEach(async ({ portal }) => portal.erp.calm());

test("while the ERP is down answers wait and the pages say so; when it is back they land by themselves", async ({ portal, visits }) => {
  const number = await portal.stock.order(BRENNHOLT, 1);
  const supplier = await visits.as(INES);
  const order = new OrderPage(supplier, number);
  await portal.erp.fault({ fault: "down" });
  await order.open();
  await supplier.getByRole("link", { name: "Confirm 1 line as requested" }).click();
  await supplier.getByRole("button", { name: "Confirm 1 line as requested" }).click();
  await expect(order.notice).toContainText("1 line is binding and on its way to the ERP");
  await expect(order.answer("0010")).toHaveText("confirmed");
  await expect(order.sync("0010")).not.toContainText("in ERP");

  const admin = await visits.as(PRIYA);
  await test.step("the connection is not called any more, and says why", async () => {
    await expect(async () => {
      await admin.goto("/connections");
      await expect(admin.getByRole("row").filter({ hasText: "Simulated ERP" })).toContainText("not called", { timeout: 1_000 });
    }).toPass({ timeout: 30_000 });
    await supplier.goto("/orders?status=not_in_erp");
    await expect(supplier.getByRole("row").filter({ hasText: number })).toHaveCount(1);
  });

  await test.step("the ERP comes back, and the admin does not wait for the next try", async () => {
    expect(await portal.erp.accepted(number)).toEqual([]);
    await portal.erp.calm();
    await admin.getByRole("link", { name: "Simulated ERP" }).click();
    const button = admin.locator("details").filter({ hasText: "Try now" });
    if (await button.isVisible()) {
      await button.locator("summary").click();
      await button.getByLabel("Why").fill("The ERP is back");
      await button.getByRole("button", { name: "Try now" }).click();
    }
    await expect.poll(() => portal.erp.promised(number), { timeout: 60_000 }).toEqual({ "0010": `1000 on ${day}` });
    expect(await portal.erp.accepted(number)).toHaveLength(1);
    await order.until(() => expect(order.sync("0010")).toContainText("in ERP as", { timeout: 1_000 }));
    await expect(async () => {
      await admin.goto("/connections");
      await expect(admin.getByRole("row").filter({ hasText: "Simulated ERP" })).toContainText("running", { timeout: 1_000 });
    }).toPass({ timeout: 30_000 });
  });
});

for (const decision of ["Retry", "Skip"] as const) {
  test(`what the ERP refuses is parked with its reason until the integration admin decides: ${decision}`, async ({ portal, visits }) => {
    const number = await portal.stock.order(BRENNHOLT, 1);
    const supplier = await visits.as(INES);
    const order = new OrderPage(supplier, number);
      await portal.erp.fault({ fault: "refuse", order: number, reason: "Posting period 11 is closed." });
    await supplier.goto(`/orders/${number}/confirm/all`);
    await supplier.getByRole("button", { name: "Confirm 1 line as requested" }).click();
    await order.until(() => expect(order.sync("0010")).toContainText("not taken by the ERP", { timeout: 1_000 }));
    // Suppliers read what kind of trouble it is; the ERP's own words are for the house.
    await expect(supplier.getByText("Posting period")).toHaveCount(0);

    const admin = await visits.as(PRIYA);
    await admin.goto(`/deliveries?state=parked&q=${number}`);
    const row = admin.getByRole("row").filter({ hasText: number });
    await expect(row).toContainText("Posting period 11 is closed.");
    await row.getByRole("link", { name: new RegExp(number) }).click();
    await portal.erp.calm();
    const form = admin.locator("details.act").filter({ hasText: decision });
    await form.locator("summary").click();
    await form.getByLabel("Why").fill(`Decided in a test: ${decision}`);
    await form.getByRole("button", { name: decision }).click();
    await expect(admin.locator(".notice").first()).toContainText(decision === "Retry" ? "It is tried at once." : "It is left out.");

    if (decision === "Retry") {
      await expect.poll(() => portal.erp.promised(number), { timeout: 30_000 }).toEqual({ "0010": `1000 on ${day}` });
      await order.until(() => expect(order.sync("0010")).toContainText("in ERP as", { timeout: 1_000 }));
    } else {
      await order.until(() => expect(order.sync("0010")).toContainText("left out of the ERP by decision", { timeout: 1_000 }));
      expect(await portal.erp.accepted(number)).toEqual([]);
    }
    await test.step("who decided and why is in the audit log", async () => {
      const administrator = await visits.as(JANA);
      await administrator.goto("/audit");
      await expect(administrator.getByRole("row").filter({ hasText: `Decided in a test: ${decision}` }).first()).toContainText(PRIYA.name);
    });
  });
}
