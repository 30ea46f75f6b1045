/** Every number is a link, and the list that it opens has exactly that count. */
import { parse, type HTMLElement } from "node-html-parser";

import { HENRIK, INES, JANA, MARTA, PRIYA, type Person } from "../portal/people";
import { expect, test, type Portal } from "../portal/test";
import { thingsOf } from "../portal/things";

async function page(portal: Portal, person: Person, path: string): Promise<HTMLElement> {
  const response = await fetch(`${portal.url}${path}`, { headers: { accept: "text/html", cookie: await portal.cookie(person) } });
  expect(response.status, path).toBe(200);
  return parse((await response.text()).replaceAll("<!>", ""));
}

/** Links whose text ends with a number of their own: rail, tabs, figures of the home. */
function promises(on: HTMLElement): Map<string, { count: number; words: string }> {
  const found = new Map<string, { count: number; words: string }>();
  for (const link of on.querySelectorAll(".rail a, .saved-views a, .views a, .kpis a, .kpi, a.kpi")) {
    const href = link.getAttribute("href");
    const number = link.querySelector(".count, .value, .n, dd, strong, b")?.textContent.trim();
    if (href?.startsWith("/") && number !== undefined && /^[\d,]+$/.test(number)) {
      found.set(href, { count: Number(number.replaceAll(",", "")), words: link.textContent.replace(/\s+/g, " ").trim() });
    }
  }
  return found;
}

/** How many rows a list really has, over all its pages. */
async function rows(portal: Portal, person: Person, path: string): Promise<number> {
  let [next, sum]: [string | undefined, number] = [path, 0];
  for (let pages = 0; next !== undefined; pages += 1) {
    expect(pages, `${path} comes to an end`).toBeLessThan(100);
    const list: HTMLElement = await page(portal, person, next);
    sum += list.querySelectorAll("main table.data-table tbody tr").length;
    next = list.querySelectorAll("main a[rel=next]")[0]?.getAttribute("href");
  }
  return sum;
}

for (const person of [INES, MARTA, HENRIK, PRIYA, JANA]) {
  test(`the numbers that ${person.name} sees are those of the lists behind them`, async ({ portal }) => {
    test.slow();
    await thingsOf(portal);
    const starts = person === PRIYA || person === HENRIK ? ["/", "/orders", "/deliveries", "/arrivals"] : person === MARTA ? ["/", "/orders", "/deviations"] : ["/", "/orders"];
    const said = new Map<string, { count: number; words: string; start: string }>();
    for (const start of starts) for (const [href, promise] of promises(await page(portal, person, start))) said.set(href, { ...promise, start });
    expect(said.size, "numbers were found").toBeGreaterThan(3);
    for (const [href, { count, words, start }] of said) {
      if (href === "/" || count > 2_000) continue;
      // The system works meanwhile: what arrives between the number and its rows is no contradiction, what stays different is.
      const apart = async (): Promise<number> => (await rows(portal, person, href)) - (promises(await page(portal, person, start)).get(href)?.count ?? 0);
      await expect.poll(apart, { message: `“${words}” on ${start} leads to as many rows on ${href}`, timeout: 30_000 }).toBe(0);
    }
  });
}
