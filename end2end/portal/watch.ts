/**
 * What no page may do, watched on every page of every test: speak to another origin, break its own content security
 * policy, or write an error to the console.
 */
import type { BrowserContext, Page } from "@playwright/test";

/** Chromium says this of every document with an error status; those pages are asked for on purpose. */
const STATUS_OF_DOCUMENT = /Failed to load resource: the server responded with a status of \d+/;

export class Watch {
  readonly #origin: string;
  /** What was found, as sentences. */
  readonly found: string[] = [];

  constructor(url: string) {
    this.#origin = new URL(url).origin;
  }

  over(context: BrowserContext): void {
    context.on("page", (page) => this.#page(page));
    context.on("request", (request) => {
      const url = new URL(request.url());
      const ours = url.origin === this.#origin || url.protocol === "data:" || url.protocol === "blob:";
      if (!ours) this.found.push(`a request left for ${url.origin} (${request.resourceType()})`);
    });
  }

  #page(page: Page): void {
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      const of = message.location().url;
      if (STATUS_OF_DOCUMENT.test(message.text()) && !new URL(of || this.#origin).pathname.startsWith("/pkg/")) return;
      this.found.push(`the console says: ${message.text()} (${of}, on ${page.url()})`);
    });
    page.on("pageerror", (error) => this.found.push(`a script failed: ${error.message} (on ${page.url()})`));
  }
}
