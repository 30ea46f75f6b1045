import { defineConfig } from "@playwright/test";

import { CHROMIUM } from "../portal/chromium";

/** `make shots`: the pictures of the README. Not part of the tests. */
export default defineConfig({
  testDir: ".",
  outputDir: "../test-results/shots",
  workers: 1,
  timeout: 120_000,
  reporter: [["list"]],
  use: { ...CHROMIUM, locale: "en-GB", timezoneId: "Europe/Berlin", colorScheme: "light" },
});
