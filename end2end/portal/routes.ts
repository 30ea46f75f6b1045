/**
 * Every page there is, with an address to open, and who may see it. A test compares the table with the program's own
 * routes in `app/src/lib.rs`: a page without its row here fails.
 */
import { readFile } from "node:fs/promises";

import { CLARA, HENRIK, INES, JANA, MARTA, PAUL, PRIYA, ROSA, TOMASZ, type Person } from "./people";

/** What addresses are about; found in a running installation by [`things`]. */
export interface Things {
  /** An order of Brennholt, answered, with a delivery behind it. */
  order: string;
  /** The correlation id of its answer. */
  correlation: string;
  connection: string;
  delivery: string;
  arrival: string;
  person: string;
  /** A ship notice of Brennholt, received in part. */
  notice: string;
  /** The receipt of it. */
  receipt: string;
  /** The difference that it opened. */
  difference: string;
  /** A lot of Brennholt in inspection. */
  lot: string;
  /** The inspection of it. */
  inspection: string;
  /** The hold over it. */
  hold: string;
  /** A certificate of Brennholt. */
  certificate: string;
  /** The inspection plan of an item. */
  plan: string;
  /** A work order of Lindau. */
  workOrder: string;
  /** A report of its shop floor that is kept back from the ERP. */
  posting: string;
  /** A schedule line of Brennholt whose item needs a certificate. */
  certifiedLine: string;
}

export interface PageRow {
  /** As in `app/src/lib.rs`: `/orders/:po/confirm`. */
  route: string;
  /** An address of it. */
  at: (things: Things) => string;
  /** Who sees it; everybody else is told no. Empty: strangers' pages. */
  open: readonly Person[];
  /** Opened by somebody else it looks like nothing at all, because the address names an object. */
  hidden?: boolean;
}

/** One person for each kind of reader. */
export const READERS: readonly Person[] = [INES, PAUL, MARTA, TOMASZ, HENRIK, PRIYA, JANA];

const EXCHANGE = [HENRIK, PRIYA, JANA] as const;
/** One system of them: the demo's serves all plants, and so is not shown to the manager of one. */
const ONE_SYSTEM = [PRIYA, JANA] as const;
/** Of order and timeline: the supplier, the plant's people, and who runs the whole. */
const ABOUT_THE_ORDER = [INES, MARTA, TOMASZ, HENRIK, PRIYA, JANA] as const;

/** Suppliers see their own, the house's people who see quality see all. */
const WHO_SEES_CERTIFICATES = [INES, PAUL, MARTA, TOMASZ, HENRIK] as const;

/** The dock's pages. */
const WHO_SEES_INBOUND = [CLARA, MARTA, TOMASZ, HENRIK] as const;

/** The house's people who see quality. */
const WHO_SEES_QUALITY = [TOMASZ, MARTA, HENRIK] as const;

/** The house's people who see production. */
const WHO_SEES_PRODUCTION = [HENRIK, TOMASZ, MARTA, PRIYA] as const;

export const PAGES: readonly PageRow[] = [
  { route: "/sign-in", at: () => "/sign-in", open: [] },
  { route: "/password/:token", at: () => "/password/0123456789abcdef", open: [] },
  { route: "/set-up/:token", at: () => "/set-up/0123456789abcdef", open: [] },
  { route: "/", at: () => "/", open: READERS },
  { route: "/home", at: () => "/home", open: READERS },
  { route: "/profile", at: () => "/profile", open: READERS },
  { route: "/search", at: () => "/search?q=shaft", open: READERS },
  { route: "/orders", at: () => "/orders", open: READERS },
  { route: "/orders/:po", at: ({ order }) => `/orders/${order}`, open: ABOUT_THE_ORDER, hidden: true },
  { route: "/orders/:po/confirm", at: ({ order }) => `/orders/${order}/confirm?all=1`, open: [INES, MARTA], hidden: true },
  { route: "/orders/:po/confirm/all", at: ({ order }) => `/orders/${order}/confirm/all`, open: [INES, MARTA], hidden: true },
  { route: "/orders/:po/ship", at: ({ order }) => `/orders/${order}/ship`, open: [INES], hidden: true },
  { route: "/shipments", at: () => "/shipments", open: READERS },
  { route: "/shipments/new", at: () => "/shipments/new", open: [INES, PAUL] },
  // A draft that is gone says so to whoever may ship; drafts in use are on the journeys of shipments.
  { route: "/shipments/new/:draft/lines", at: () => "/shipments/new/none/lines", open: [INES, PAUL] },
  { route: "/shipments/new/:draft/packing", at: () => "/shipments/new/none/packing", open: [INES, PAUL] },
  { route: "/shipments/new/:draft/transport", at: () => "/shipments/new/none/transport", open: [INES, PAUL] },
  { route: "/shipments/new/:draft/review", at: () => "/shipments/new/none/review", open: [INES, PAUL] },
  { route: "/shipments/:number", at: ({ notice }) => `/shipments/${notice}`, open: ABOUT_THE_ORDER, hidden: true },
  { route: "/shipments/:number/print/slip", at: ({ notice }) => `/shipments/${notice}/print/slip`, open: ABOUT_THE_ORDER, hidden: true },
  { route: "/shipments/:number/cancel", at: ({ notice }) => `/shipments/${notice}/cancel`, open: [INES], hidden: true },
  { route: "/shipments/:number/tell", at: ({ notice }) => `/shipments/${notice}/tell`, open: [INES], hidden: true },
  { route: "/timeline/:correlation", at: ({ correlation }) => `/timeline/${correlation}`, open: READERS },
  { route: "/deviations", at: () => "/deviations", open: [MARTA] },
  { route: "/deviations/reject", at: () => "/deviations/reject", open: [MARTA] },
  { route: "/deviations/counter", at: () => "/deviations/counter", open: [MARTA] },
  { route: "/certificates", at: () => "/certificates?view=all", open: WHO_SEES_CERTIFICATES },
  { route: "/certificates/new", at: () => "/certificates/new", open: [INES, PAUL] },
  { route: "/certificates/waive", at: ({ certifiedLine }) => `/certificates/waive?line=${certifiedLine}&kind=en_3_1`, open: [MARTA, TOMASZ], hidden: true },
  { route: "/certificates/:id", at: ({ certificate }) => `/certificates/${certificate}`, open: [INES, MARTA, TOMASZ, HENRIK], hidden: true },
  { route: "/specifications", at: () => "/specifications", open: WHO_SEES_CERTIFICATES },
  { route: "/specifications/:item", at: () => "/specifications/0415-90", open: [INES, MARTA, TOMASZ, HENRIK], hidden: true },
  { route: "/inbound", at: () => "/inbound", open: WHO_SEES_INBOUND },
  { route: "/inbound/orders/:po", at: ({ order }) => `/inbound/orders/${order}`, open: WHO_SEES_INBOUND, hidden: true },
  { route: "/inbound/:notice", at: ({ notice }) => `/inbound/${notice}`, open: WHO_SEES_INBOUND, hidden: true },
  { route: "/receipts/:number", at: ({ receipt }) => `/receipts/${receipt}`, open: [INES, MARTA, TOMASZ, HENRIK, PRIYA, JANA], hidden: true },
  { route: "/differences", at: () => "/differences", open: [INES, PAUL, MARTA, TOMASZ, HENRIK] },
  { route: "/differences/:number", at: ({ difference }) => `/differences/${difference}`, open: [INES, MARTA, TOMASZ, HENRIK], hidden: true },
  { route: "/inspections", at: () => "/inspections", open: WHO_SEES_QUALITY },
  { route: "/inspections/:id", at: ({ inspection }) => `/inspections/${inspection}`, open: WHO_SEES_QUALITY, hidden: true },
  { route: "/lots/:id", at: ({ lot }) => `/lots/${lot}`, open: [INES, MARTA, TOMASZ, HENRIK, PRIYA, JANA], hidden: true },
  { route: "/holds", at: () => "/holds", open: READERS },
  { route: "/holds/new", at: ({ lot }) => `/holds/new?lot=${lot}`, open: [TOMASZ], hidden: true },
  { route: "/holds/:number", at: ({ hold }) => `/holds/${hold}`, open: [INES, MARTA, TOMASZ, HENRIK, PRIYA, JANA], hidden: true },
  { route: "/holds/:number/release", at: ({ hold }) => `/holds/${hold}/release`, open: [TOMASZ], hidden: true },
  { route: "/trace", at: () => "/trace", open: WHO_SEES_QUALITY },
  { route: "/trace/:kind/:id", at: ({ lot }) => `/trace/lot/${lot}`, open: WHO_SEES_QUALITY, hidden: true },
  { route: "/stock", at: () => "/stock", open: WHO_SEES_QUALITY },
  { route: "/quality/plans", at: () => "/quality/plans", open: WHO_SEES_QUALITY },
  { route: "/quality/plans/new", at: () => "/quality/plans/new", open: [TOMASZ] },
  { route: "/quality/plans/:id", at: ({ plan }) => `/quality/plans/${plan}`, open: WHO_SEES_QUALITY, hidden: true },
  { route: "/quality/policies", at: () => "/quality/policies", open: WHO_SEES_QUALITY },
  { route: "/quality/policies/:plant/:reason", at: () => "/quality/policies/DE10/any", open: WHO_SEES_QUALITY, hidden: true },
  { route: "/production", at: () => "/production", open: WHO_SEES_PRODUCTION },
  { route: "/production/:id", at: ({ workOrder }) => `/production/${workOrder}`, open: WHO_SEES_PRODUCTION, hidden: true },
  { route: "/postings", at: () => "/postings", open: WHO_SEES_PRODUCTION },
  { route: "/postings/:id", at: ({ posting }) => `/postings/${posting}`, open: WHO_SEES_PRODUCTION, hidden: true },
  { route: "/connections", at: () => "/connections", open: EXCHANGE },
  { route: "/connections/new", at: () => "/connections/new", open: [PRIYA] },
  { route: "/connections/:id", at: ({ connection }) => `/connections/${connection}`, open: ONE_SYSTEM, hidden: true },
  { route: "/connections/:id/edit", at: ({ connection }) => `/connections/${connection}/edit`, open: [PRIYA], hidden: true },
  { route: "/deliveries", at: () => "/deliveries", open: EXCHANGE },
  { route: "/deliveries/:id", at: ({ delivery }) => `/deliveries/${delivery}`, open: EXCHANGE, hidden: true },
  { route: "/arrivals", at: () => "/arrivals", open: EXCHANGE },
  { route: "/arrivals/:id", at: ({ arrival }) => `/arrivals/${arrival}`, open: ONE_SYSTEM, hidden: true },
  { route: "/people", at: () => "/people", open: [JANA] },
  { route: "/people/new", at: () => "/people/new", open: [JANA] },
  { route: "/people/:id", at: ({ person }) => `/people/${person}`, open: [JANA], hidden: true },
  { route: "/people/:id/edit", at: ({ person }) => `/people/${person}/edit`, open: [JANA], hidden: true },
  { route: "/keys", at: () => "/keys", open: [PRIYA, ROSA] },
  { route: "/audit", at: () => "/audit", open: [JANA] },
];

/** The routes of the program, read from its source. */
export async function routesOfTheProgram(): Promise<string[]> {
  const source = await readFile(new URL("../../app/src/lib.rs", import.meta.url), "utf8");
  const rows = [...source.matchAll(/<Route path=(.+?) view=/g)].map(([, path = ""]) => path);
  return rows.map((path) => {
    const steps = [...path.matchAll(/(Static|Param)Segment\("([^"]*)"\)/g)];
    return `/${steps.map(([, kind, name]) => (kind === "Param" ? `:${name}` : name)).join("/")}`;
  });
}
