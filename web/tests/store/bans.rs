//! Bans: written as they change, and given back as far as they stand.

use std::time::Duration;

use patchcord_engine::bans::{Ban, News, network};

use crate::lab::{Lab, laws, moment};

laws! {
    bans_are_kept_changed_and_forgotten,
}

fn ban(text: &str, until: Option<u64>, automatic: bool) -> Ban {
    let network = network(text).expect("a network");
    let until = until.map(|second| moment(0) + Duration::from_secs(second));
    Ban { network, reason: "scans ☂".into(), made_by: "alice".into(), made_at: moment(0), until, automatic }
}

async fn bans_are_kept_changed_and_forgotten(lab: Lab) {
    let store = lab.store().await;
    let [one, two, three] =
        [ban("192.0.2.0/24", None, false), ban("2001:db8::/64", Some(60), true), ban("198.51.100.7", Some(10), false)];
    let made = [&one, &two, &three].map(|ban| News::Made(ban.clone()));
    store.keep_bans(&made).await.expect("kept");
    let mut found = store.bans(moment(10)).await.expect("read");
    found.sort_by_key(|ban| ban.network);
    assert_eq!(found, [one.clone(), two.clone()], "the third is over");
    let longer = Ban { until: Some(moment(999)), ..one.clone() };
    store.keep_bans(&[News::Made(longer.clone()), News::Over(two.network)]).await.expect("kept");
    assert_eq!(store.bans(moment(10)).await.expect("read"), [longer]);
}
