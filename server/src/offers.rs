//! What pages are told of the kinds of systems that can be connected: `app` cannot see the connectors, so their names,
//! settings and feeds are handed to it as data.

use app::exchange::offer::{Offer, OfferedSetting, Offers};
use connectors::registry::KINDS;

/// All kinds of the registry, in its order.
pub fn offers() -> Offers {
    let offers = KINDS.iter().map(|kind| Offer {
        kind: kind.name.to_owned(),
        title: kind.title.to_owned(),
        carries: kind.carries.to_vec(),
        feeds: kind.feeds.iter().map(|feed| feed.name.to_owned()).collect(),
        settings: kind
            .settings
            .iter()
            .map(|setting| OfferedSetting {
                key: setting.key.to_owned(),
                label: setting.label.to_owned(),
                help: setting.help.to_owned(),
                required: setting.required,
                secret: setting.secret,
            })
            .collect(),
    });
    Offers(offers.collect())
}
