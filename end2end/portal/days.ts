/** Days as the portal writes and reads them. The demo's plants lie in Central Europe; the tests' days are far from midnight. */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

/** `2026-12-04`, so many days from today, never on a week-end (moved to the Monday after). */
export function workday(inDays: number): string {
  const day = new Date();
  day.setUTCDate(day.getUTCDate() + inDays);
  while (day.getUTCDay() === 0 || day.getUTCDay() === 6) day.setUTCDate(day.getUTCDate() + 1);
  return day.toISOString().slice(0, 10);
}

/** So many days after an ISO day. */
export function after(iso: string, days: number): string {
  const day = new Date(`${iso}T00:00:00Z`);
  day.setUTCDate(day.getUTCDate() + days);
  return day.toISOString().slice(0, 10);
}

/** `04 Dec 2026`, as pages show a day. */
export function shown(iso: string): string {
  const [year, month, day] = iso.split("-");
  return `${day} ${MONTHS[Number(month) - 1]} ${year}`;
}

/** `04 Dec`. */
export function short(iso: string): string {
  return shown(iso).slice(0, 6);
}
