/**
 * Every page as people meet it: readable by WCAG 2.2 AA in both themes and on a phone, no scrolling sideways, the main
 * action within reach of the keyboard. (Console, policy and foreign requests are watched in every test.)
 */
import { AxeBuilder } from "@axe-core/playwright";
import type { BrowserContextOptions, Page } from "@playwright/test";

import { INES, MARTA } from "../portal/people";
import { PAGES, type Things } from "../portal/routes";
import { expect, test } from "../portal/test";
import { thingsOf } from "../portal/things";

const WIDE: BrowserContextOptions = { viewport: { width: 1440, height: 1000 } };
const PHONE: BrowserContextOptions = { viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true };

const LOOKS: [string, BrowserContextOptions, "light" | "dark"][] = [
  ["light at 1440 px", WIDE, "light"],
  ["dark at 1440 px", WIDE, "dark"],
  ["light at 360 px", PHONE, "light"],
];

async function violations(page: Page): Promise<string[]> {
  const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
  return found.violations.map(({ id, help, nodes }) => `${id}: ${help}, at ${nodes.map((node) => node.target.join(" ")).join(" · ")}`);
}

/** How much wider than the window the page is. */
const overhang = (page: Page): Promise<number> => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

/** In parts, so that the workers share them. */
const PARTS = 3;

for (const [look, context, theme] of LOOKS) for (let part = 0; part < PARTS; part += 1) {
  test(`every page is accessible and fits, ${look}, part ${part + 1} of ${PARTS}`, async ({ portal, visits }) => {
    test.slow();
    const things: Things = await thingsOf(portal);
    const readers = new Map<string, Page>();
    for (const row of PAGES.filter((_, index) => index % PARTS === part)) {
      // Who sees the page; where a supplier and an insider do, it is two pages.
      const [first, ...others] = row.open;
      const inside = others.find((person) => first === INES && person === MARTA);
      for (const person of [first, inside].filter((one, index) => index === 0 || one !== undefined)) {
        const name = person?.email ?? "stranger";
        const page = readers.get(name) ?? (person ? await visits.as(person, context) : await visits.stranger(context));
        if (!readers.has(name)) await page.context().addCookies([{ name: "theme", value: theme, url: portal.url }]);
        readers.set(name, page);
        await test.step(`${row.route} for ${person?.name ?? "a stranger"}`, async () => {
          await page.goto(row.at(things));
          await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
          await expect(page.getByRole("heading", { level: 1 })).toHaveCount(1);
          expect.soft(await violations(page), row.route).toEqual([]);
          expect.soft(await overhang(page), `${row.route} is wider than the window`).toBeLessThanOrEqual(0);
        });
      }
    }
  });
}

test("the check for accessibility finds a planted mistake", async ({ visits }) => {
  const page = await visits.stranger();
  await page.goto("/sign-in");
  await page.evaluate(() => document.querySelector("label[for=mail]")?.remove());
  expect(await violations(page)).toEqual([expect.stringContaining("label: ")]);
});

test("the first thing that Tab reaches skips to the content, and the main action is within reach of the keyboard", async ({
  portal,
  visits,
}) => {
  const { open } = await thingsOf(portal);
  const page = await visits.as(INES);
  await page.goto(`/orders/${open}`);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  const main = page.getByRole("link", { name: /^Confirm .* as requested$/ });
  await expect(async () => {
    await page.keyboard.press("Tab");
    await expect(main).toBeFocused({ timeout: 50 });
  }).toPass({ timeout: 10_000, intervals: [0] });
  expect(await main.evaluate((element) => getComputedStyle(element).outlineStyle), "the focus is visible").not.toBe("none");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`/orders/${open}/confirm/all`);
});

test("the answer form is filled in with the keyboard alone", async ({ portal, visits }) => {
  const { open } = await thingsOf(portal);
  const page = await visits.as(INES);
  await page.goto(`/orders/${open}/confirm`);
  await expect(page.locator("#answer-form")).toHaveAttribute("data-hydrated", "");
  await page.getByLabel("Quantity, line 0010", { exact: true }).focus();
  await page.keyboard.press("Control+Enter");
  await expect(page.getByLabel("Answer, line 0010", { exact: true })).toHaveValue("accept");
  await expect(page.locator("[data-then]").first()).toHaveText("as requested");
});
