//! A plant: the unit of rollout, of calendars and of offline autonomy.

use serde::{Deserialize, Serialize};

use crate::calendar::ZoneName;
use crate::id::PlantId;
use crate::tolerance::Tolerances;

/// A plant of the buyer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plant {
    /// Our id.
    pub plant_id: PlantId,
    /// Short code, e.g. `DE10`.
    pub code: String,
    /// Its name, e.g. `Lindau`.
    pub name: String,
    /// IANA zone, e.g. `Europe/Berlin`; delivery dates are days in it.
    pub zone: ZoneName,
    /// What deviates by less is accepted by rule, where neither line nor supplier says otherwise.
    pub tolerances: Tolerances,
}
