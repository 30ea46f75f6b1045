//! Which certificates an item needs, and how far each need is met. One rule for the sending of a ship notice, the release
//! check and every page.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{CertificateKind, CertificatePer, CertificateStatus};
use crate::id::{CertificateId, ItemId, PlantId, SupplierId};
use crate::text::text_enum;

/// A rule: this item needs such a certificate, from one supplier or any, for one plant or all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// Of which item.
    pub item_id: ItemId,
    /// From this supplier only.
    pub supplier_id: Option<SupplierId>,
    /// For this plant only.
    pub plant_id: Option<PlantId>,
    /// Which certificate.
    pub kind: CertificateKind,
    /// What one covers.
    pub per: CertificatePer,
}

impl Requirement {
    /// The more it names, the more it counts.
    const fn weight(&self) -> u8 {
        (if self.supplier_id.is_some() { 2 } else { 0 }) + (if self.plant_id.is_some() { 1 } else { 0 })
    }
}

/// What is supplied: where the rules are looked up and what they are applied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supplied {
    /// Which item.
    pub item_id: ItemId,
    /// By whom; none where material lies there and nobody knows. Only rules for any supplier apply to it then, and no
    /// certificate is for it.
    pub supplier_id: Option<SupplierId>,
    /// To which plant.
    pub plant_id: PlantId,
    /// In which of the supplier's lots; empty where none is known yet.
    pub lots: Vec<String>,
    /// With which delivery note, where it is known.
    pub delivery_note: Option<String>,
}

/// One certificate that must be there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Need {
    /// For which item.
    pub item_id: ItemId,
    /// Which certificate.
    pub kind: CertificateKind,
    /// What one covers.
    pub per: CertificatePer,
    /// For which lot; none for a delivery or a standing one, and while no lot is known.
    pub lot: Option<String>,
    /// For which delivery, where one covers a delivery.
    pub delivery_note: Option<String>,
}

/// The certificates that this supply needs: rules that name the supplier or the plant replace general ones of the same
/// kind; a stricter kind of EN 10204 does not replace a weaker one, because one paper may serve both.
pub fn needs(requirements: &[Requirement], supplied: &Supplied) -> Vec<Need> {
    let mut rules: Vec<&Requirement> = Vec::new();
    for rule in requirements {
        let applies = rule.item_id == supplied.item_id
            && rule.supplier_id.is_none_or(|supplier| Some(supplier) == supplied.supplier_id)
            && rule.plant_id.is_none_or(|plant| plant == supplied.plant_id);
        if !applies {
            continue;
        }
        match rules.iter_mut().find(|known| known.kind == rule.kind) {
            Some(known) if known.weight() < rule.weight() => *known = rule,
            Some(_) => {}
            None => rules.push(rule),
        }
    }
    rules.sort_by_key(|rule| rule.kind);
    let mut needs = Vec::new();
    for rule in rules {
        let need = |lot: Option<String>| Need {
            item_id: rule.item_id,
            kind: rule.kind,
            per: rule.per,
            lot,
            delivery_note: supplied.delivery_note.clone().filter(|_| rule.per == CertificatePer::Delivery),
        };
        if rule.per == CertificatePer::Lot && !supplied.lots.is_empty() {
            let mut lots: Vec<&String> = supplied.lots.iter().collect();
            lots.sort_unstable();
            lots.dedup();
            needs.extend(lots.into_iter().map(|lot| need(Some(lot.clone()))));
        } else {
            needs.push(need(None));
        }
    }
    needs
}

text_enum! {
    /// How far a need is met.
    pub enum Coverage {
        /// Nothing was handed in.
        Missing = "missing",
        /// What was handed in was turned away.
        Rejected = "rejected",
        /// It was accepted and does not count any more.
        Expired = "expired",
        /// Handed in, not looked at.
        Submitted = "submitted",
        /// Let go by somebody who may.
        Waived = "waived",
        /// There and accepted.
        Accepted = "accepted",
    }
}

impl Coverage {
    /// Whether a ship notice may be sent.
    pub const fn lets_ship(self) -> bool {
        matches!(self, Self::Submitted | Self::Waived | Self::Accepted)
    }

    /// Whether the material may be used.
    pub const fn lets_use(self) -> bool {
        matches!(self, Self::Waived | Self::Accepted)
    }
}

/// A need and how far it is met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// The need.
    pub need: Need,
    /// How far it is met.
    pub coverage: Coverage,
    /// The certificate that says so, where there is one.
    pub certificate: Option<(CertificateId, String)>,
    /// Its last day, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<NaiveDate>,
}

/// Each need once, however many lines or deliveries share it. The worst of its coverages counts: a waiver of one line does
/// not let the other go.
pub fn each_once(covered: impl IntoIterator<Item = Covered>) -> Vec<Covered> {
    let mut needs: Vec<Covered> = Vec::new();
    for one in covered {
        match needs.iter_mut().find(|known| known.need == one.need) {
            Some(known) if one.coverage < known.coverage => *known = one,
            Some(_) => {}
            None => needs.push(one),
        }
    }
    needs
}

/// A certificate as far as coverage goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub certificate_id: CertificateId,
    /// Its number.
    pub number: String,
    /// Of which item.
    pub item_id: ItemId,
    /// Its type.
    pub kind: CertificateKind,
    /// What it covers.
    pub per: CertificatePer,
    /// Where it stands.
    pub status: CertificateStatus,
    /// Its lots.
    pub lots: Vec<String>,
    /// Its delivery.
    pub delivery_note: Option<String>,
    /// Last day on which a standing one counts.
    pub valid_until: Option<NaiveDate>,
}

/// A waiver as far as coverage goes: already only those for the schedule line or shipment in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// Of which item.
    pub item_id: ItemId,
    /// Of which kind.
    pub kind: CertificateKind,
    /// For one lot, or all.
    pub lot: Option<String>,
}

/// How far each need is met on this day by these certificates of the supplier and these waivers. The best counts.
pub fn cover(needs: Vec<Need>, held: &[Held], waivers: &[Waiver], on: NaiveDate) -> Vec<Covered> {
    needs
        .into_iter()
        .map(|need| {
            let waived = waivers.iter().any(|waiver| {
                waiver.item_id == need.item_id
                    && waiver.kind == need.kind
                    && waiver.lot.as_deref().is_none_or(|lot| need.lot.as_deref().is_some_and(|of| same(of, lot)))
            });
            let best = held
                .iter()
                .filter(|one| one.meets(&need))
                .filter_map(|one| Some((one.coverage(on)?, one)))
                .max_by_key(|(coverage, _)| *coverage);
            let without = |need, coverage| Covered { need, coverage, certificate: None, valid_until: None };
            match best {
                Some((coverage, one)) if !waived || coverage >= Coverage::Waived => Covered {
                    need,
                    coverage,
                    certificate: Some((one.certificate_id, one.number.clone())),
                    valid_until: one.valid_until,
                },
                _ if waived => without(need, Coverage::Waived),
                _ => without(need, Coverage::Missing),
            }
        })
        .collect()
}

/// Lots and delivery notes are compared without case and without blanks around them: people type them.
fn same(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}

impl Held {
    fn meets(&self, need: &Need) -> bool {
        if self.item_id != need.item_id || !self.kind.serves(need.kind) {
            return false;
        }
        match need.per {
            CertificatePer::Lot => match &need.lot {
                Some(lot) => self.lots.iter().any(|held| same(held, lot)),
                None => false, // no lot is known yet, so no certificate can be for it
            },
            CertificatePer::Delivery => match (&need.delivery_note, &self.delivery_note) {
                (Some(wanted), Some(held)) => same(wanted, held),
                _ => false,
            },
            CertificatePer::Standing => self.per == CertificatePer::Standing,
        }
    }

    fn coverage(&self, on: NaiveDate) -> Option<Coverage> {
        match self.status {
            CertificateStatus::Replaced => None,
            CertificateStatus::Rejected => Some(Coverage::Rejected),
            _ if self.per == CertificatePer::Standing && self.valid_until.is_some_and(|until| until < on) => {
                Some(Coverage::Expired)
            }
            CertificateStatus::Submitted => Some(Coverage::Submitted),
            CertificateStatus::Accepted => Some(Coverage::Accepted),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const ITEM: ItemId = ItemId(Uuid::from_u128(1));
    const SUPPLIER: SupplierId = SupplierId(Uuid::from_u128(2));
    const PLANT: PlantId = PlantId(Uuid::from_u128(3));

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn rule(kind: CertificateKind, per: CertificatePer) -> Requirement {
        Requirement { item_id: ITEM, supplier_id: None, plant_id: None, kind, per }
    }

    fn supplied(lots: &[&str], note: Option<&str>) -> Supplied {
        Supplied {
            item_id: ITEM,
            supplier_id: Some(SUPPLIER),
            plant_id: PLANT,
            lots: lots.iter().map(|lot| (*lot).to_owned()).collect(),
            delivery_note: note.map(str::to_owned),
        }
    }

    fn held(kind: CertificateKind, status: CertificateStatus, lots: &[&str]) -> Held {
        Held {
            certificate_id: CertificateId(Uuid::from_u128(9)),
            number: "Z-1".to_owned(),
            item_id: ITEM,
            kind,
            per: CertificatePer::Lot,
            status,
            lots: lots.iter().map(|lot| (*lot).to_owned()).collect(),
            delivery_note: None,
            valid_until: None,
        }
    }

    #[test]
    fn each_lot_needs_its_own_and_a_delivery_one_for_all() {
        let rules =
            [rule(CertificateKind::En31, CertificatePer::Lot), rule(CertificateKind::Coc, CertificatePer::Delivery)];
        let needs = needs(&rules, &supplied(&["B", "A", "A"], Some("LS-1")));
        let short: Vec<_> =
            needs.iter().map(|need| (need.kind.short(), need.lot.as_deref(), need.delivery_note.as_deref())).collect();
        assert_eq!(short, [("CoC", None, Some("LS-1")), ("3.1", Some("A"), None), ("3.1", Some("B"), None)]);
    }

    #[test]
    fn a_rule_for_one_supplier_replaces_the_general_one_and_a_foreign_one_says_nothing() {
        let general = rule(CertificateKind::Coc, CertificatePer::Delivery);
        let own = Requirement { supplier_id: Some(SUPPLIER), per: CertificatePer::Standing, ..general.clone() };
        let foreign = Requirement {
            supplier_id: Some(SupplierId(Uuid::from_u128(77))),
            ..rule(CertificateKind::En32, CertificatePer::Lot)
        };
        for rules in [[general.clone(), own.clone(), foreign.clone()], [foreign, own, general]] {
            let needs = needs(&rules, &supplied(&[], None));
            assert_eq!(needs.len(), 1);
            assert_eq!(needs[0].per, CertificatePer::Standing);
        }
    }

    #[test]
    fn coverage_by_table() {
        use CertificateKind::{Coa, En22, En31, En32};
        use CertificateStatus::{Accepted, Rejected, Replaced, Submitted};
        let one = |list: Vec<Held>, waivers: &[Waiver]| {
            let needs = needs(&[rule(En31, CertificatePer::Lot)], &supplied(&["A"], None));
            cover(needs, &list, waivers, day("2026-12-04")).remove(0).coverage
        };
        let waiver = |lot: Option<&str>| Waiver { item_id: ITEM, kind: En31, lot: lot.map(str::to_owned) };
        assert_eq!(one(vec![], &[]), Coverage::Missing);
        assert_eq!(one(vec![held(En31, Submitted, &["A"])], &[]), Coverage::Submitted);
        assert_eq!(one(vec![held(En31, Submitted, &["B"])], &[]), Coverage::Missing, "for another lot");
        assert_eq!(one(vec![held(En31, Submitted, &[" a "])], &[]), Coverage::Submitted, "typed otherwise");
        assert_eq!(one(vec![held(En32, Accepted, &["A"])], &[]), Coverage::Accepted, "stricter serves");
        assert_eq!(one(vec![held(En22, Accepted, &["A"])], &[]), Coverage::Missing, "weaker does not");
        assert_eq!(one(vec![held(Coa, Accepted, &["A"])], &[]), Coverage::Missing, "another family does not");
        assert_eq!(one(vec![held(En31, Rejected, &["A"])], &[]), Coverage::Rejected);
        assert_eq!(one(vec![held(En31, Rejected, &["A"]), held(En31, Submitted, &["A"])], &[]), Coverage::Submitted);
        assert_eq!(one(vec![held(En31, Replaced, &["A"])], &[]), Coverage::Missing);
        assert_eq!(one(vec![], &[waiver(None)]), Coverage::Waived);
        assert_eq!(one(vec![held(En31, Rejected, &["A"])], &[waiver(Some("A"))]), Coverage::Waived);
        assert_eq!(one(vec![], &[waiver(Some(" a "))]), Coverage::Waived, "typed otherwise");
        assert_eq!(one(vec![], &[waiver(Some("B"))]), Coverage::Missing);
        assert_eq!(one(vec![held(En31, Accepted, &["A"])], &[waiver(None)]), Coverage::Accepted);
    }

    #[test]
    fn of_an_unknown_supplier_general_rules_ask_and_those_for_one_do_not() {
        let general = rule(CertificateKind::En31, CertificatePer::Lot);
        let own = Requirement { supplier_id: Some(SUPPLIER), ..rule(CertificateKind::Coc, CertificatePer::Standing) };
        let unknown = Supplied { supplier_id: None, ..supplied(&["A"], None) };
        let kinds: Vec<_> = needs(&[general, own], &unknown).iter().map(|need| need.kind).collect();
        assert_eq!(kinds, [CertificateKind::En31]);
    }

    #[test]
    fn a_need_of_two_lines_is_one_and_as_bad_as_the_worse_of_them() {
        let covered = |waivers: &[Waiver]| {
            let needs = needs(&[rule(CertificateKind::En31, CertificatePer::Lot)], &supplied(&["A"], None));
            cover(needs, &[], waivers, day("2026-12-04"))
        };
        let waiver = Waiver { item_id: ITEM, kind: CertificateKind::En31, lot: None };
        let (let_go, not) = (covered(&[waiver]), covered(&[]));
        for both in [[let_go.clone(), not.clone()], [not, let_go]] {
            let once = each_once(both.into_iter().flatten());
            assert_eq!(once.iter().map(|one| one.coverage).collect::<Vec<_>>(), [Coverage::Missing]);
        }
    }

    #[test]
    fn a_standing_one_counts_to_its_last_day_included() {
        let needs = || needs(&[rule(CertificateKind::Coc, CertificatePer::Standing)], &supplied(&["A"], Some("LS")));
        let standing = Held {
            per: CertificatePer::Standing,
            valid_until: Some(day("2026-12-04")),
            ..held(CertificateKind::Coc, CertificateStatus::Accepted, &[])
        };
        let on = |text| cover(needs(), std::slice::from_ref(&standing), &[], day(text)).remove(0).coverage;
        assert_eq!(on("2026-12-04"), Coverage::Accepted);
        assert_eq!(on("2026-12-05"), Coverage::Expired);
    }

    proptest! {
        #[test]
        fn another_certificate_never_makes_it_worse(kinds in proptest::collection::vec((0..CertificateKind::ALL.len(), 0..CertificateStatus::ALL.len(), any::<bool>()), 0..6)) {
            let list: Vec<Held> = kinds.iter().map(|(kind, status, a)| {
                held(CertificateKind::ALL[*kind], CertificateStatus::ALL[*status], if *a { &["A"] } else { &["B"] })
            }).collect();
            let mut last = Coverage::Missing;
            for count in 0..=list.len() {
                let needs = needs(&[rule(CertificateKind::En31, CertificatePer::Lot)], &supplied(&["A"], None));
                let now = cover(needs, &list[..count], &[], day("2026-12-04")).remove(0).coverage;
                prop_assert!(now >= last);
                last = now;
            }
        }
    }
}
