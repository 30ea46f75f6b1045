import { defineConfig } from "@playwright/test";

/** The crash test needs no browser; Playwright is the runner of its TypeScript, with time limits and attachments. */
export default defineConfig({
  testDir: ".",
  outputDir: "../test-results/crash",
  workers: 1,
  timeout: 120_000 + Number(process.env["INTERLOCK_CRASHES"] ?? 30) * 10_000,
  reporter: [["list"]],
});
