/** Reads a form out of a page as a browser would send it. */
import { parse } from "node-html-parser";

/** A browser takes leptos' marks `<!>` for empty comments; the parser takes them for text. */
const read = (html: string): ReturnType<typeof parse> => parse(html.replaceAll("<!>", ""), { comment: false });

/** The fields of the form that the selector finds, in their order; none where the page has no such form. */
export function fields(html: string, selector: string): URLSearchParams | undefined {
  const form = read(html).querySelector(selector);
  if (!form) return undefined;
  const sent = new URLSearchParams();
  for (const field of form.querySelectorAll("input, select, textarea")) {
    const name = field.getAttribute("name");
    if (!name) continue;
    if (field.tagName === "SELECT") {
      const options = field.querySelectorAll("option");
      const chosen = options.find((option) => option.hasAttribute("selected")) ?? options[0];
      sent.append(name, chosen?.getAttribute("value") ?? "");
    } else {
      sent.append(name, field.tagName === "TEXTAREA" ? field.textContent : (field.getAttribute("value") ?? ""));
    }
  }
  return sent;
}

/** The text of the first element that the selector finds. */
export function textOf(html: string, selector: string): string | undefined {
  return read(html).querySelector(selector)?.textContent.replace(/\s+/g, " ").trim();
}
