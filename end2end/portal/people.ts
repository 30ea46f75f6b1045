/** The people of the demo. They all have one password, which the sign-in page shows. */

export const PASSWORD = "interlock-demo";

export interface Person {
  email: string;
  name: string;
}

/** Supplier user of Brennholt Präzision. */
export const INES: Person = { email: "ines@brennholt.example", name: "Ines Kolbe" };
/** Administrator of Brennholt Präzision. */
export const ROSA: Person = { email: "rosa@brennholt.example", name: "Rosa Brennholt" };
/** Supplier user of Wehrle Hydraulik. */
export const PAUL: Person = { email: "paul@wehrle.example", name: "Paul Wehrle" };
/** Buyer of both plants. */
export const MARTA: Person = { email: "marta@norvik.example", name: "Marta Lindqvist" };
/** Quality engineer. */
export const TOMASZ: Person = { email: "tomasz@norvik.example", name: "Tomasz Zieliński" };
/** The second quality engineer: a hold takes two. */
export const VERA: Person = { email: "vera@norvik.example", name: "Vera Kučerová" };
/** Receiving clerk of the plant in Lindau. */
export const CLARA: Person = { email: "clara@norvik.example", name: "Clara Weiss" };
/** Plant manager. */
export const HENRIK: Person = { email: "henrik@norvik.example", name: "Henrik Brandt" };
/** Integration admin. */
export const PRIYA: Person = { email: "priya@norvik.example", name: "Priya Raman" };
/** Administrator. */
export const JANA: Person = { email: "jana@norvik.example", name: "Jana Nováková" };

/** A supplier as the ERP names it. */
export interface Supplier {
  number: string;
  name: string;
}

export const BRENNHOLT: Supplier = { number: "100234", name: "Brennholt Präzision" };
export const WEHRLE: Supplier = { number: "100251", name: "Wehrle Hydraulik" };
