//! A row that was chosen in the worklist, as it travels in a form: the schedule line, the version that was read, the order.

use domain::id::ScheduleLineId;
use serde::{Deserialize, Serialize};
use store::order_list::LineRow;

/// A chosen row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pick {
    /// The schedule line.
    pub line: ScheduleLineId,
    /// The version that was read.
    pub version: i64,
    /// The order's number.
    pub order: String,
}

impl Pick {
    /// The row as a choice.
    pub fn of(row: &LineRow) -> Self {
        Self { line: row.schedule_line_id, version: row.version, order: row.order.clone() }
    }

    /// All of these that can be read, each line once.
    pub fn read<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let mut picks: Vec<Self> = Vec::new();
        for pick in words.into_iter().filter_map(|word| word.parse::<Self>().ok()) {
            if !picks.iter().any(|known| known.line == pick.line) {
                picks.push(pick);
            }
        }
        picks
    }
}

impl std::fmt::Display for Pick {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.line, self.version, self.order)
    }
}

impl std::str::FromStr for Pick {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().ok_or(());
        Ok(Self {
            line: next()?.parse().map_err(|_| ())?,
            version: next()?.parse().map_err(|_| ())?,
            order: next()?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_survives_the_form_whatever_the_order_is_called() {
        let pick = Pick { line: uuid::Uuid::from_u128(7).into(), version: 3, order: "45.000/1 ä".to_owned() };
        assert_eq!(pick.to_string().parse(), Ok(pick.clone()));
        assert_eq!(Pick::read(["nonsense", &pick.to_string(), &pick.to_string()]), [pick]);
    }
}
