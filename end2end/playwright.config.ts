import { defineConfig } from "@playwright/test";

import { CHROMIUM } from "./portal/chromium";

/** The browser tests of `make test`. Each worker process has an installation of its own; its tests run one after another. */
export default defineConfig({
  testDir: "journeys",
  outputDir: "test-results/journeys",
  workers: 2,
  fullyParallel: true,
  forbidOnly: Boolean(process.env["CI"]),
  retries: 0,
  timeout: 90_000,
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  use: {
    ...CHROMIUM,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    actionTimeout: 15_000,
    navigationTimeout: 20_000,
  },
});
