/** What goes wrong in front of the screen: it is said clearly, and nothing that was typed or sent is lost or done twice. */
import { after, shown } from "../portal/days";
import { BRENNHOLT, INES, PASSWORD, WEHRLE } from "../portal/people";
import { DAY as day } from "../portal/stock";
import { expect, test } from "../portal/test";
import { thingsOf } from "../portal/things";
import { AnswerPage } from "../pages/answer";
import { OrderPage } from "../pages/order";

for (const scripts of [true, false]) {
  const browser = { javaScriptEnabled: scripts };

  test(`a day that does not exist and a quantity above the open one are named at their fields, ${scripts ? "with" : "without"} scripts`, async ({
    portal,
    visits,
  }) => {
    const number = await portal.stock.order(BRENNHOLT, 2);
    const page = await visits.as(INES, browser);
    const answers = new AnswerPage(page, scripts);
    await answers.open(number);
    const date = answers.line("0010");
    await date.choose("Change");
    await date.day().fill("31 Nov");
    const quantity = answers.line("0020");
    await quantity.choose("Change");
    await quantity.quantity().fill("2000");
    await answers.send();

    await answers.awake();
    await expect(page).toHaveTitle(/^Error: /);
    await expect(answers.problems).toContainText("Nothing was sent");
    await expect(answers.problems).toContainText("November");
    await expect(date.day()).toHaveValue("31 Nov");
    await expect(date.day()).toHaveAttribute("aria-invalid", "true");
    await expect(quantity.quantity()).toHaveValue("2000");

    await test.step("the summary leads to the field, and the corrected form goes through", async () => {
      await answers.problems.getByRole("link", { name: /November/ }).click();
      await expect(date.day()).toBeFocused();
      await date.day().fill(shown(after(day, 1)));
      await answers.send();
      await answers.awake();
      await expect(answers.problems).toContainText("is more than the open quantity 1,000");
      await quantity.quantity().fill("1000");
      await answers.send();
      await expect(page).toHaveURL(`/orders/${number}`);
      await expect(new OrderPage(page, number).notice).toContainText("2 lines are binding");
    });
  });

  test(`an order that changed meanwhile shows the differences, keeps what was typed and takes it when sent again, ${scripts ? "with" : "without"} scripts`, async ({
    portal,
    visits,
  }) => {
    const number = await portal.stock.order(BRENNHOLT, 2);
    const page = await visits.as(INES, browser);
    const order = new OrderPage(page, number);
    const answers = new AnswerPage(page, scripts);
    await answers.open(number);
    await answers.line("0010").choose("Change");
    await answers.line("0010").day().fill(shown(after(day, 1)));
    await answers.line("0020").choose("Confirm");

    await portal.erp.change(number, [{ line: "0020", schedule: 1, quantity: "400" }]);
    const other = await visits.as(INES);
    await expect(async () => {
      await other.goto(`/orders/${number}`);
      await expect(other.getByText("revision 2").first()).toBeVisible({ timeout: 1_000 });
    }).toPass({ timeout: 45_000 });

    await answers.send();
    await answers.awake();
    const panel = page.locator(".conflict");
    await expect(panel).toContainText("This order changed while you were editing");
    await expect(panel.getByRole("row").filter({ hasText: "Line 0020 · quantity" })).toContainText("400");
    await expect(answers.line("0010").day()).toHaveValue(shown(after(day, 1)));
    expect(await portal.erp.accepted(number)).toEqual([]);

    await answers.line("0020").choose("Confirm");
    await answers.line("0020").quantity().fill("400");
    await answers.send();
    await expect(order.notice).toContainText("2 lines are binding");
    await expect
      .poll(() => portal.erp.promised(number), { timeout: 30_000 })
      .toEqual({ "0010": `1000 on ${after(day, 1)}`, "0020": `400 on ${day}` });
  });

  test(`a session that ended asks to sign in, and the typed answer is still there, ${scripts ? "with" : "without"} scripts`, async ({
    portal,
    visits,
  }) => {
    const number = await portal.stock.order(BRENNHOLT, 1);
    const page = await visits.stranger(browser);
    const signIn = async (): Promise<void> => {
      await page.getByLabel("E-mail address").fill(INES.email);
      await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
      await page.getByRole("button", { name: "Sign in" }).click();
    };
    await page.goto(`/orders/${number}/confirm`);
    await expect(page).toHaveURL(/\/sign-in\?next=/);
    await signIn();
    await expect(page).toHaveURL(`/orders/${number}/confirm`);
    const answers = new AnswerPage(page, scripts);
    await answers.awake();
    await answers.line("0010").choose("Change");
    await answers.line("0010").day().fill(shown(after(day, 1)));

    await page.context().clearCookies();
    await answers.send();
    await expect(page).toHaveURL(/\/sign-in\?next=/);
    await signIn();
    await expect(page).toHaveURL(`/orders/${number}/confirm`);
    await answers.awake();
    await expect(answers.line("0010").day()).toHaveValue(shown(after(day, 1)));
    await answers.send();
    await expect(new OrderPage(page, number).notice).toContainText("1 line is binding");
  });
}

test("the same form sent twice counts once, and the second answer says when it was sent", async ({ portal, visits }) => {
  const number = await portal.stock.order(BRENNHOLT, 1);
  const page = await visits.as(INES, { javaScriptEnabled: false });
  const order = new OrderPage(page, number);
  const answers = new AnswerPage(page, false);
  await answers.open(number);
  await answers.line("0010").choose("Confirm");
  // The same form in a second tab of the same browser, as a second click on a slow line sends it.
  const form = await answers.form.evaluate((element: HTMLFormElement) => new URLSearchParams(new FormData(element) as never).toString());
  await answers.send();
  await expect(order.notice).toContainText("Sent at");
  const second = await page.request.post("/do/answer-order", {
    headers: { "content-type": "application/x-www-form-urlencoded", origin: portal.url, accept: "text/html" },
    data: `${form}&f%5Bdo%5D=send`,
  });
  expect(await second.text()).toContain("Already sent at");
  await expect.poll(() => portal.erp.promised(number), { timeout: 30_000 }).toEqual({ "0010": `1000 on ${day}` });
  expect(await portal.erp.accepted(number)).toHaveLength(1);
});

test("an order of another supplier looks like one that does not exist, with a reference to give", async ({ portal, visits }) => {
  const theirs = await portal.stock.order(WEHRLE, 1);
  const page = await visits.as(INES);
  for (const number of [theirs, "4699999999"]) {
    const response = await page.goto(`/orders/${number}`);
    expect(response?.status()).toBe(404);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Not found");
    const reference = response?.headers()["x-correlation-id"] ?? "";
    expect(reference).toMatch(/^[0-9a-f-]{36}$/);
    await expect(page.locator("[data-correlation]")).toHaveText(reference);
  }
});

test("the reference on a timeline, pasted into the search, opens all that belongs to it", async ({ portal, visits }) => {
  const { correlation, order } = await thingsOf(portal);
  const page = await visits.as(INES);
  await page.goto("/");
  await page.getByRole("searchbox", { name: "Search" }).fill(correlation);
  await page.getByRole("searchbox", { name: "Search" }).press("Enter");
  await expect(page).toHaveURL(`/timeline/${correlation}`);
  await expect(page.getByRole("main")).toContainText(order);
  await expect(page.getByRole("main")).toContainText("is in the ERP as");
});
