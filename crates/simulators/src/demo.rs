//! A believable morning in the ERP of *Norvik Antriebe*, maker of gearboxes and pumps: two plants, six suppliers, forty
//! orders. The same for the same day, so that a demo, a screenshot and a test see the same.
//!
//! Days are relative to `today` and fall on working days. Order 4500012345 for Brennholt Präzision is the one that the
//! documentation and the tests walk through; it is written out, as are the few that show something special. The others are
//! dealt from the suppliers' catalogues.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc, Weekday};
use domain::item::ItemRules;
use domain::lot::StockStatus;
use domain::order::OrderStatus;
use domain::tolerance::{Limit, Outside, Tolerances};
use domain::work_order::{Operation, WorkOrderStatus};
use rust_decimal::Decimal;

use crate::dice::Dice;
use crate::rest::production::{Component, WorkOrder};
use crate::rest::{Item, Line, OpeningStock, Order, Plant, Schedule, Supplier};

/// A thing that a supplier makes.
struct Article {
    number: &'static str,
    description: &'static str,
    revision: Option<&'static str>,
    theirs: &'static str,
    unit: &'static str,
    /// For one unit, in hundredths of a euro.
    cents: i64,
    /// The usual lot, in thousandths of a unit.
    lot: i64,
}

const fn article(
    number: &'static str,
    description: &'static str,
    revision: Option<&'static str>,
    theirs: &'static str,
    unit: &'static str,
    cents: i64,
    lot: i64,
) -> Article {
    Article { number, description, revision, theirs, unit, cents, lot }
}

struct House {
    number: &'static str,
    name: &'static str,
    /// How many of the dealt orders it gets, in proportion.
    share: u64,
    articles: &'static [Article],
}

const BRENNHOLT: House = House {
    number: "100234",
    name: "Brennholt Präzision",
    share: 4,
    articles: &[
        article("0012-00A", "Bearing bracket, cast, machined", Some("C"), "BK-1180", "PCE", 1_480, 1_250_000),
        article("0034-11C", "Gear housing, upper half", Some("B"), "GH-0711-C", "PCE", 3_820, 400_000),
        article("0034-12C", "Gear housing, lower half", Some("B"), "GH-0712-C", "PCE", 3_820, 400_000),
        article("0107-45B", "Output shaft 45 mm, hardened", Some("D"), "SH-4500", "PCE", 965, 1_250_000),
        article("0220-08", "Shim set 0.1–0.5 mm", None, "SM-S08", "SET", 610, 80_000),
        article("0415-90", "Round bar 42CrMo4+QT, Ø 50", None, "RB-50-42", "KG", 234, 1_840_500),
        article("0603-02A", "Flange gasket, aramid", None, "FG-02", "PCE", 84, 2_000_000),
        article("0711-30", "Hex bolt M10 × 40, 10.9", None, "HB-1040", "PCE", 11, 6_000_000),
        article("0108-30A", "Intermediate shaft 30 mm", Some("A"), "SH-3000", "PCE", 745, 600_000),
        article("0035-02", "Planet carrier, milled", Some("A"), "PC-0352", "PCE", 5_260, 120_000),
    ],
};

const WEHRLE: House = House {
    number: "100251",
    name: "Wehrle Hydraulik",
    share: 2,
    articles: &[
        article("2044-11A", "Cylinder 63/36 × 200", Some("E"), "WZ-63-200", "PCE", 18_640, 24_000),
        article("2044-14A", "Cylinder 80/45 × 320", Some("C"), "WZ-80-320", "PCE", 27_450, 12_000),
        article("2051-03", "Proportional valve NG 6, 24 V", None, "WV-P6-24", "PCE", 31_200, 16_000),
        article("2051-07", "Check valve G 3/8", None, "WV-R38", "PCE", 1_290, 150_000),
        article("2060-20", "Hose line DN 12, 1.2 m", None, "WS-12-120", "PCE", 2_415, 80_000),
        article("2071-01", "Seal kit for cylinder 63/36", None, "WD-63", "SET", 1_870, 40_000),
    ],
};

const KASTELL: House = House {
    number: "100187",
    name: "Kastell Guss",
    share: 2,
    articles: &[
        article("0033-07", "Pump body GJS-400", Some("F"), "KG-4007", "PCE", 4_410, 250_000),
        article("0033-09", "Pump cover GJS-400", Some("D"), "KG-4009", "PCE", 1_985, 250_000),
        article("0012-00R", "Bearing bracket, raw casting", Some("C"), "KG-1200", "PCE", 690, 1_300_000),
        article("0034-11R", "Gear housing, upper half, raw casting", Some("B"), "KG-3411", "PCE", 1_740, 420_000),
        article("0034-12R", "Gear housing, lower half, raw casting", Some("B"), "KG-3412", "PCE", 1_740, 420_000),
    ],
};

const POLYMONT: House = House {
    number: "200118",
    name: "Polymont s.r.o.",
    share: 2,
    articles: &[
        article("0905-18", "Cover, PA66-GF30", Some("B"), "PM-90518", "PCE", 312, 1_500_000),
        article("0905-22", "Fan wheel Ø 140, PA6", Some("A"), "PM-90522", "PCE", 268, 900_000),
        article("0911-04", "Cable gland insert, TPE", None, "PM-91104", "PCE", 37, 5_000_000),
        article("0918-01", "Oil sight glass, PA12 clear", None, "PM-91801", "PCE", 174, 700_000),
        article("0925-10", "Transport cap set for gearbox G4", None, "PM-92510", "SET", 95, 400_000),
    ],
};

const SOERMLAND: House = House {
    number: "100412",
    name: "Sörmland Stål AB",
    share: 1,
    articles: &[
        article("0415-90", "Round bar 42CrMo4+QT, Ø 50", None, "42CRMO4-50", "KG", 221, 2_400_000),
        article("0415-65", "Round bar 42CrMo4+QT, Ø 36", None, "42CRMO4-36", "KG", 226, 1_650_000),
        article("0417-20", "Round bar 16MnCr5, Ø 80", None, "16MNCR5-80", "KG", 187, 3_200_000),
        article("0421-06", "Plate S355J2+N, 20 mm", None, "S355-20", "KG", 142, 4_125_750),
    ],
};

const IBERFIX: House = House {
    number: "100377",
    name: "Iberfix Tornillería",
    share: 2,
    articles: &[
        article("0711-30", "Hex bolt M10 × 40, 10.9", None, "IB-H10-40", "PCE", 10, 6_000_000),
        article("0711-44", "Hex bolt M12 × 60, 10.9", None, "IB-H12-60", "PCE", 19, 4_000_000),
        article("0715-08", "Socket screw M8 × 25, 12.9", None, "IB-C8-25", "PCE", 7, 10_000_000),
        article("0722-12", "Nut M12, class 10, zinc flake", None, "IB-N12", "PCE", 5, 8_000_000),
        article("0730-10", "Washer 10, 300 HV", None, "IB-W10", "PCE", 2, 12_000_000),
        article("0741-02", "Dowel pin set for housing 0034", None, "IB-P34", "SET", 46, 500_000),
    ],
};

const HOUSES: [&House; 6] = [&BRENNHOLT, &WEHRLE, &KASTELL, &POLYMONT, &SOERMLAND, &IBERFIX];

/// How many orders there are.
const ORDERS: usize = 40;

/// Forty orders as of `today`; the first is 4500012345.
pub fn orders(today: NaiveDate) -> Vec<Order> {
    let mut orders = vec![the_order(today), overdue(today), in_two_parts(today), without_prices(today), urgent(today)];
    let mut dice = Dice::new(0x4e_6f_72_76_69_6b);
    let shares: u64 = HOUSES.iter().map(|house| house.share).sum();
    let mut number = 4_500_012_350_u64;
    while orders.len() < ORDERS {
        // Numbers have holes where orders of other suppliers are, who do not use the portal.
        number += 1 + dice.below(3);
        let mut pick = dice.below(shares);
        let mut house = HOUSES[0];
        for candidate in HOUSES {
            if pick < candidate.share {
                house = candidate;
                break;
            }
            pick -= candidate.share;
        }
        orders.push(dealt(today, number, house, &mut dice));
    }
    orders
}

/// The order of the documentation: eight lines, one of them outside what the supplier will manage.
fn the_order(today: NaiveDate) -> Order {
    let days = [1, 4, 4, 6, 8, 11, 11, 15];
    let lines = BRENNHOLT.articles.iter().zip(days).enumerate().map(|(index, (article, in_days))| Line {
        tolerances: agreed(1, 3, 5),
        ..line(index, article, vec![(article.lot, workday(today, in_days))])
    });
    order("4500012345", &BRENNHOLT, &LINDAU, lines.collect())
}

/// Should have come three days ago and was never answered.
fn overdue(today: NaiveDate) -> Order {
    let lines = vec![
        line(0, &KASTELL.articles[0], vec![(250_000, workday(today, -3))]),
        line(1, &KASTELL.articles[1], vec![(250_000, workday(today, 5))]),
    ];
    order("4500012299", &KASTELL, &LINDAU, lines)
}

/// One line for two days.
fn in_two_parts(today: NaiveDate) -> Order {
    let lines = vec![
        line(0, &BRENNHOLT.articles[3], vec![(750_000, workday(today, 9)), (500_000, workday(today, 23))]),
        Line {
            tolerances: Tolerances {
                late: Some(Limit { up_to: Decimal::TWO, outside: Outside::Refuse }),
                ..Tolerances::default()
            },
            ..line(1, &BRENNHOLT.articles[9], vec![(120_000, workday(today, 16))])
        },
    ];
    order("4500012340", &BRENNHOLT, &BRNO, lines)
}

/// Prices are settled elsewhere and not shared.
fn without_prices(today: NaiveDate) -> Order {
    let lines = [0_usize, 2, 3]
        .into_iter()
        .enumerate()
        .map(|(index, article)| {
            let article = &SOERMLAND.articles[article];
            Line { price: None, ..line(index, article, vec![(article.lot, workday(today, 12))]) }
        })
        .collect();
    order("4500012331", &SOERMLAND, &LINDAU, lines)
}

/// Wanted tomorrow.
fn urgent(today: NaiveDate) -> Order {
    let lines = vec![line(0, &BRENNHOLT.articles[4], vec![(40_000, workday(today, 1))])];
    order("4500012348", &BRENNHOLT, &LINDAU, lines)
}

fn dealt(today: NaiveDate, number: u64, house: &House, dice: &mut Dice) -> Order {
    let plant = if dice.below(3) == 0 { &BRNO } else { &LINDAU };
    // Most orders are short, some are long.
    let count = 1 + dice.below(4) + if dice.below(4) == 0 { dice.below(9) } else { 0 };
    let first = i64::try_from(3 + dice.below(40)).unwrap_or(3);
    let start = dice.below(house.articles.len() as u64);
    let lines = (0..count).map(|index| {
        let place = usize::try_from((start + index) % house.articles.len() as u64).unwrap_or(0);
        let article = &house.articles[place];
        let quantity = article.lot * i64::try_from(1 + dice.below(3)).unwrap_or(1);
        let day = workday(today, first + i64::try_from(index + dice.below(3)).unwrap_or(0));
        let line = line(usize::try_from(index).unwrap_or(0), article, vec![(quantity, day)]);
        match dice.below(3) {
            0 => Line { tolerances: agreed(2, 5, 10), ..line },
            _ => line,
        }
    });
    order(&number.to_string(), house, plant, lines.collect())
}

struct Place {
    code: &'static str,
    name: &'static str,
    buyer: &'static str,
    incoterm: &'static str,
}

const LINDAU: Place = Place { code: "DE10", name: "Lindau", buyer: "Marta Lindqvist", incoterm: "DAP Lindau" };
const BRNO: Place = Place { code: "CZ20", name: "Brno", buyer: "Jan Novák", incoterm: "DAP Brno" };

fn order(number: &str, house: &House, place: &Place, lines: Vec<Line>) -> Order {
    Order {
        number: number.to_owned(),
        version: 0,
        changed_at: DateTime::UNIX_EPOCH,
        status: OrderStatus::Open,
        supplier: Supplier { number: house.number.to_owned(), name: house.name.to_owned() },
        plant: Plant { code: place.code.to_owned(), name: place.name.to_owned() },
        buyer: Some(place.buyer.to_owned()),
        currency: "EUR".to_owned(),
        incoterm: Some(place.incoterm.to_owned()),
        lines,
    }
}

/// A line with its schedule as (thousandths, day).
fn line(index: usize, article: &Article, schedule: Vec<(i64, NaiveDate)>) -> Line {
    Line {
        number: format!("{:04}", (index + 1) * 10),
        item: Item {
            number: article.number.to_owned(),
            description: article.description.to_owned(),
            revision: article.revision.map(str::to_owned),
            rules: rules(article.number),
        },
        supplier_item: Some(article.theirs.to_owned()),
        unit: article.unit.to_owned(),
        price: Some(Decimal::new(article.cents, 2)),
        tolerances: Tolerances::default(),
        schedule: (1..)
            .zip(schedule)
            .map(|(number, (thousandths, requested_on))| Schedule {
                number,
                quantity: Decimal::new(thousandths, 3).normalize(),
                requested_on,
            })
            .collect(),
    }
}

/// How some items must be handled: steel and shafts in lots that are inspected, gaskets with a shelf life, one valve piece by
/// piece. Of all others the ERP does not say.
fn rules(item: &str) -> Option<ItemRules> {
    let inspected = ItemRules { lots: true, inspection: true, ..ItemRules::default() };
    let ageing = |days, left| ItemRules {
        lots: true,
        shelf_life_days: Some(days),
        days_left_on_arrival: Some(left),
        ..ItemRules::default()
    };
    match item {
        "0107-45B" | "0108-30A" | "0415-90" | "0415-65" | "0417-20" | "0421-06" => Some(inspected),
        "0603-02A" => Some(ageing(730, 365)),
        "2071-01" => Some(ageing(1_095, 540)),
        "2051-03" => Some(ItemRules { serials: true, ..ItemRules::default() }),
        _ => None,
    }
}

/// What the plants make in the next days: gearboxes and pumps out of what the suppliers bring. Two run today, one waits for
/// shafts that a supplier has promised, one is planned for next week, and one goes into another.
pub fn work_orders(now: DateTime<Utc>) -> Vec<WorkOrder> {
    let made = |number: &str, description: &str| Item {
        number: number.to_owned(),
        description: description.to_owned(),
        revision: None,
        rules: Some(ItemRules { lots: true, ..ItemRules::default() }),
    };
    let bought = |place: usize| {
        let article = &BRENNHOLT.articles[place];
        let item = Item {
            number: article.number.to_owned(),
            description: article.description.to_owned(),
            revision: article.revision.map(str::to_owned),
            rules: rules(article.number),
        };
        (item, article.unit)
    };
    let component = |number: &str, (item, unit): (Item, &str), quantity: i64, backflush: bool| Component {
        number: number.to_owned(),
        item,
        unit: unit.to_owned(),
        quantity: quantity.into(),
        backflush,
    };
    let operation = |number: &str, name: &str, station: &str| Operation {
        number: number.to_owned(),
        name: name.to_owned(),
        station: Some(station.to_owned()),
    };
    let (shafts, bars, gaskets, bolts, housings) = (3, 5, 6, 7, 1);
    let gearbox = || (made("0900-40", "Gearbox G40"), "PCE");
    let plant = |code: &str, name: &str| Plant { code: code.to_owned(), name: name.to_owned() };
    let lindau = || plant("DE10", "Lindau");
    let order =
        |number: &str, status, item: Item, quantity: i64, begins: i64, hours: i64, components, operations| WorkOrder {
            number: number.to_owned(),
            version: 0,
            changed_at: now,
            status,
            plant: lindau(),
            item,
            unit: "PCE".to_owned(),
            quantity: quantity.into(),
            starts_at: now + TimeDelta::hours(begins),
            due_at: now + TimeDelta::hours(begins + hours),
            components,
            operations,
        };
    let assembly = || vec![operation("0010", "Press bearings", "A-12"), operation("0020", "Assemble", "A-14")];
    vec![
        order(
            "1000118",
            WorkOrderStatus::Released,
            made("0900-40", "Gearbox G40"),
            60,
            -5,
            30,
            vec![
                component("0010", bought(shafts), 60, false),
                component("0020", bought(housings), 60, false),
                component("0030", bought(gaskets), 120, false),
                component("0040", bought(bolts), 720, true),
            ],
            assembly(),
        ),
        order(
            "1000119",
            WorkOrderStatus::Released,
            made("0910-15", "Pump shaft, turned"),
            200,
            2,
            20,
            vec![component("0010", bought(bars), 640, false)],
            vec![operation("0010", "Turn", "T-03"), operation("0020", "Grind", "G-01")],
        ),
        order(
            "1000121",
            WorkOrderStatus::Released,
            made("0900-40", "Gearbox G40"),
            900,
            52,
            60,
            vec![
                component("0010", bought(shafts), 900, false),
                component("0020", bought(housings), 900, false),
                component("0030", bought(gaskets), 1_800, false),
            ],
            assembly(),
        ),
        order(
            "1000124",
            WorkOrderStatus::Planned,
            made("0950-02", "Drive unit D2"),
            40,
            170,
            40,
            vec![component("0010", gearbox(), 40, false), component("0020", bought(gaskets), 80, false)],
            vec![operation("0010", "Marry", "M-01"), operation("0020", "Test run", "P-02")],
        ),
    ]
}

/// What lies in the plants in the morning.
pub fn stock(now: DateTime<Utc>) -> Vec<OpeningStock> {
    let there = |plant: &str, article: &Article, lot: Option<&str>, place: &str, status, thousandths| OpeningStock {
        plant: plant.to_owned(),
        item: article.number.to_owned(),
        unit: article.unit.to_owned(),
        lot: lot.map(str::to_owned),
        status,
        location: Some(place.to_owned()),
        quantity: Decimal::new(thousandths, 3).normalize(),
        since: now,
    };
    let [brackets, housings, .., bolts, _, _] = BRENNHOLT.articles else { return Vec::new() };
    let (shafts, bars, gaskets) = (&BRENNHOLT.articles[3], &BRENNHOLT.articles[5], &BRENNHOLT.articles[6]);
    vec![
        there("DE10", brackets, None, "A-02-14", StockStatus::Unrestricted, 310_000),
        there("DE10", housings, None, "A-04-01", StockStatus::Unrestricted, 96_000),
        there("DE10", bolts, None, "K-11-07", StockStatus::Unrestricted, 14_200_000),
        there("DE10", shafts, Some("SH-26-0871"), "B-01-03", StockStatus::Unrestricted, 420_000),
        there("DE10", shafts, Some("SH-26-0902"), "Q-01", StockStatus::Inspection, 380_000),
        there("DE10", bars, Some("H-77812"), "S-02", StockStatus::Unrestricted, 962_500),
        there("DE10", bars, Some("H-77940"), "Q-02", StockStatus::Blocked, 318_000),
        there("DE10", gaskets, Some("FG-2548"), "C-03-22", StockStatus::Unrestricted, 1_150_000),
        there("CZ20", shafts, Some("SH-26-0866"), "R1-05", StockStatus::Unrestricted, 250_000),
        there("CZ20", bars, Some("H-77655"), "R4-01", StockStatus::Unrestricted, 1_204_750),
    ]
}

/// Days late, days early, percent more or less; beyond it the buyer decides. The price stays as ordered.
fn agreed(late: u32, early: u32, percent: u32) -> Tolerances {
    let limit = |up_to: u32| Some(Limit { up_to: up_to.into(), outside: Outside::Review });
    Tolerances { late: limit(late), early: limit(early), short: limit(percent), over: limit(percent), dearer: limit(0) }
}

/// So many days from today, moved to the next Monday where it falls on a week-end (back to Friday in the past).
fn workday(today: NaiveDate, in_days: i64) -> NaiveDate {
    let away = Days::new(in_days.unsigned_abs());
    let day = if in_days < 0 { today.checked_sub_days(away) } else { today.checked_add_days(away) }.unwrap_or(today);
    let move_by = |back: u64, ahead: u64| {
        if in_days < 0 { day.checked_sub_days(Days::new(back)) } else { day.checked_add_days(Days::new(ahead)) }
    };
    match day.weekday() {
        Weekday::Sat => move_by(1, 2),
        Weekday::Sun => move_by(2, 1),
        _ => Some(day),
    }
    .unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    #[test]
    fn the_demo_is_the_same_for_the_same_day_and_never_on_a_week_end() {
        for today in ["2026-12-03", "2026-12-05", "2027-02-28"].map(day) {
            let orders = orders(today);
            assert_eq!(orders, super::orders(today));
            assert_eq!(orders.len(), ORDERS);
            let numbers: BTreeSet<_> = orders.iter().map(|order| &order.number).collect();
            assert_eq!(numbers.len(), ORDERS, "each number once");
            for line in orders.iter().flat_map(|order| &order.lines) {
                for schedule in &line.schedule {
                    assert!(!matches!(schedule.requested_on.weekday(), Weekday::Sat | Weekday::Sun), "{schedule:?}");
                    assert!(schedule.quantity > Decimal::ZERO);
                }
            }
            assert!(orders.iter().all(|order| (1..=12).contains(&order.lines.len())));
        }
    }

    #[test]
    fn it_has_something_of_everything() {
        let today = day("2026-12-03");
        let orders = orders(today);
        for house in HOUSES {
            let count = orders.iter().filter(|order| order.supplier.number == house.number).count();
            assert!(count >= 2, "{} has {count}", house.name);
        }
        let lines = || orders.iter().flat_map(|order| &order.lines);
        assert!(lines().any(|line| line.schedule.len() == 2));
        assert!(lines().any(|line| line.schedule.iter().any(|schedule| schedule.requested_on < today)));
        assert!(lines().any(|line| line.price.is_none()));
        assert!(orders.iter().any(|order| order.plant.code == "CZ20"));
        assert!(orders.iter().any(|order| order.lines.len() > 6));
    }

    #[test]
    fn the_order_of_the_documentation_is_as_the_documentation_says() {
        let orders = orders(day("2026-12-03"));
        let order = &orders[0];
        assert_eq!((order.number.as_str(), order.supplier.name.as_str()), ("4500012345", "Brennholt Präzision"));
        let told: Vec<String> = order
            .lines
            .iter()
            .map(|line| {
                let schedule = &line.schedule[0];
                format!(
                    "{} {} {} {} {} {}",
                    line.number,
                    line.item.number,
                    schedule.quantity,
                    line.unit,
                    schedule.requested_on,
                    line.price.expect("a price")
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "0010 0012-00A 1250 PCE 2026-12-04 14.80",
                "0020 0034-11C 400 PCE 2026-12-07 38.20",
                "0030 0034-12C 400 PCE 2026-12-07 38.20",
                "0040 0107-45B 1250 PCE 2026-12-09 9.65",
                "0050 0220-08 80 SET 2026-12-11 6.10",
                "0060 0415-90 1840.5 KG 2026-12-14 2.34",
                "0070 0603-02A 2000 PCE 2026-12-14 0.84",
                "0080 0711-30 6000 PCE 2026-12-18 0.11",
            ]
        );
    }
}
