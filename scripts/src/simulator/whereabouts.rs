//! Where the targets of a dial are: endpoints, groups and numbers that a test has spoken of. Nobody else is there.

use patchcord_engine::call::effect::{ByTrunk, Through, Way};
use patchcord_engine::call::event::{NotFound, Serving};
use patchcord_engine::exchange::led;
use serde_json::{Value, json};

use super::house::House;
use super::party::{Manner, PartyId};

/// How a target begins that only browsers of somebody are to ring for.
const BROWSER: &str = "browser:";

/// The trunk by which numbers on the network are called.
pub(super) const TRUNK: &str = "outside";

impl House {
    /// The ways to a target: `user:alice`, `browser:alice`, `forward:alice:102`, `sip:alice@example.org`, `tel:+4930…`, a group or a number.
    pub fn locate(&mut self, address: &str) -> Result<Vec<Vec<Way>>, NotFound> {
        // `forward:alice:102`, `forward:alice:busy:102`
        let forwarded = address.strip_prefix("forward:").and_then(|rest| rest.rsplit_once(':'));
        let address = forwarded.map_or(address, |(_, target)| target);
        if let Some(service) = address.strip_prefix("service:") {
            let there = self.services.find(service).is_some();
            return Err(if there { NotFound::Service(Serving::named(service)) } else { NotFound::Unknown });
        }
        // Who is named as a user rings, also where the number of that name leads to a service.
        let is_named = address.starts_with("user:") || address.starts_with(BROWSER);
        let rings = is_named && self.names.contains_key(name_in(address));
        if let Some(service) = self.routes.get(name_in(address)).filter(|_| !rings) {
            let called = forwarded.is_none().then(|| name_in(address).to_owned());
            return Err(NotFound::Service(Serving { service: service.clone(), called }));
        }
        if let Some(members) = self.groups.get(address).cloned() {
            let found = members.iter().filter_map(|member| self.locate(&format!("user:{member}")).ok());
            let ways: Vec<Vec<Way>> = found.flatten().collect();
            return if ways.is_empty() { Err(NotFound::Unreachable) } else { Ok(ways) };
        }
        let name = name_in(address);
        let Some(party) = self.known(name) else {
            return Err(if is_named {
                NotFound::Unknown
            } else {
                NotFound::Forbidden(format!("no test has spoken of {address}; say t.endpoint(\"{name}\")"))
            });
        };
        let them = &self.parties[party];
        let has_no_page = address.starts_with(BROWSER) && !them.is_browser;
        if (them.manner == Manner::Unregistered || has_no_page) && them.is_endpoint {
            return Err(NotFound::Unreachable);
        }
        let way = if them.is_endpoint {
            let user = &them.name;
            Way { uri: format!("sip:{user}@phone.invalid"), through: Through::Binding(user.clone(), 0) }
        } else {
            let by = ByTrunk { name: TRUNK.to_owned(), ..ByTrunk::default() };
            Way { uri: format!("sip:{name}@{TRUNK}.invalid"), through: Through::Trunk(by) }
        };
        Ok(vec![vec![way]])
    }

    /// A party that a test has spoken of; a pattern as `+4930*` stands for each number that begins so.
    fn known(&mut self, name: &str) -> Option<PartyId> {
        if let Some(&party) = self.names.get(name) {
            return Some(party);
        }
        let fits = |pattern: &str| pattern.strip_suffix('*').is_some_and(|begin| name.starts_with(begin));
        let pattern = self.names.iter().filter(|(pattern, _)| fits(pattern)).max_by_key(|(pattern, _)| pattern.len());
        let like = *pattern?.1;
        let party = self.party(name);
        let (manner, presses) = (self.parties[like].manner.clone(), self.parties[like].presses.clone());
        (self.parties[party].is_endpoint, self.parties[party].is_browser) =
            (self.parties[like].is_endpoint, self.parties[like].is_browser);
        self.parties[party].manner = manner;
        self.parties[party].presses = presses;
        Some(party)
    }

    /// Where a target would lead, as the errand `route` tells it.
    pub fn leads(&mut self, ask: &str) -> String {
        let ask: Value = serde_json::from_str(ask).unwrap_or_default();
        led(self.locate(ask["target"].as_str().unwrap_or_default()).map(drop))
    }

    /// Where a user is registered, as the errand `registrar` tells it.
    pub fn registrations(&self, ask: &str) -> String {
        let ask: Value = serde_json::from_str(ask).unwrap_or_default();
        let user = ask["user"].as_str().unwrap_or_default();
        let party = self.names.get(user).map(|party| &self.parties[*party]);
        let here = party.filter(|party| party.is_endpoint && party.manner != Manner::Unregistered);
        json!(here.map(|party| json!({ "address": format!("sip:{}@phone.invalid", party.name), "age_s": 0 })))
            .as_object()
            .map_or_else(|| json!([]), |one| json!([one]))
            .to_string()
    }
}

/// The name in a target: without its scheme and its host.
fn name_in(address: &str) -> &str {
    let schemes = ["user:", "sips:", "sip:", "tel:", BROWSER];
    let rest = schemes.iter().find_map(|scheme| address.strip_prefix(scheme)).unwrap_or(address);
    rest.split(['@', ';']).next().unwrap_or(rest)
}
