//! Who is told: receivers of the configuration, which nobody changes while the server runs, and those that were added beside them.

use std::sync::Arc;

use super::{Settings, event::Pattern};

/// Who is told of what, and what its deliveries are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Receiver {
    /// Its name, if it was added; none: the configuration says it.
    pub id: Option<String>,
    /// Its address. No two have the same.
    pub url: String,
    /// What a delivery is signed with.
    pub secret: String,
    /// What it hears of.
    pub events: Vec<Pattern>,
}

/// A secret is never shown.
impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut told = f.debug_struct("Receiver");
        told.field("id", &self.id).field("url", &self.url).field("events", &self.events).finish_non_exhaustive()
    }
}

impl Receiver {
    /// Whether it wants to hear of that.
    pub fn takes(&self, event: &str) -> bool {
        self.events.iter().any(|pattern| pattern.takes(event))
    }
}

/// Those of the configuration.
pub(super) fn configured(settings: Settings) -> Arc<[Receiver]> {
    let Settings { urls, secret, events } = settings;
    let receiver = |url| Receiver { id: None, url, secret: secret.clone(), events: events.clone() };
    urls.into_iter().map(receiver).collect()
}

/// Those of the configuration, and behind them those that were added. What both name is told once, as the configuration says.
pub(super) fn with(receivers: &[Receiver], added: Vec<Receiver>) -> Arc<[Receiver]> {
    let mut all: Vec<Receiver> = receivers.iter().filter(|known| known.id.is_none()).cloned().collect();
    for receiver in added {
        if !all.iter().any(|known| known.url == receiver.url) {
            all.push(receiver);
        }
    }
    all.into()
}
