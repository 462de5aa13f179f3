//! Who takes part in a call, as a person would name them.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{facts::shorten, stamps};

/// A caller or a callee.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The number or user name; a whole address where it is none of ours.
    pub number: Box<str>,
    /// The name that stood beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
}

impl Party {
    /// One that says only its number.
    pub fn new(number: impl Into<Box<str>>) -> Self {
        Self { number: number.into(), name: None }
    }

    /// One that also says a name.
    pub fn named(number: impl Into<Box<str>>, name: impl Into<Box<str>>) -> Self {
        Self { number: number.into(), name: Some(name.into()) }
    }

    pub(super) fn shorten(&mut self) {
        shorten(&mut self.number);
        self.name.iter_mut().for_each(shorten);
    }

    pub(super) fn weight(&self) -> usize {
        self.number.len() + self.name.as_ref().map_or(0, |name| name.len())
    }
}

/// What we know the other end of a leg as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// An endpoint of ours, by its name.
    Endpoint(Box<str>),
    /// A trunk, by its name.
    Trunk(Box<str>),
    /// Nobody we have a name for: an address somewhere.
    Stranger,
}

impl Account {
    pub(super) fn shorten(&mut self) {
        match self {
            Self::Endpoint(name) | Self::Trunk(name) => shorten(name),
            Self::Stranger => {}
        }
    }

    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Endpoint(name) | Self::Trunk(name) => name.len(),
            Self::Stranger => 0,
        }
    }
}

/// How a call begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    /// The wall's time at offset zero of the journal.
    #[serde(with = "stamps::millis", rename = "wall_ms")]
    pub wall: SystemTime,
    /// The service that hears the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Box<str>>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Box<str>>,
    /// The route that led to it, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Box<str>>,
    /// Who calls.
    pub from: Party,
    /// Who is called, as it was dialled.
    pub to: Party,
    /// Whether the house itself calls, and `from` is who is shown to those who are called.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_house: bool,
}

impl Began {
    /// A call from one to the other, of which nothing else is known.
    pub fn new(wall: SystemTime, from: Party, to: Party) -> Self {
        Self { wall, service: None, version: None, route: None, from, to, by_house: false }
    }

    pub(super) fn shorten(&mut self) {
        self.wall = stamps::whole_millis(self.wall);
        [&mut self.service, &mut self.version, &mut self.route].into_iter().flatten().for_each(shorten);
        self.from.shorten();
        self.to.shorten();
    }

    pub(super) fn weight(&self) -> usize {
        let texts = [&self.service, &self.version, &self.route].into_iter().flatten();
        texts.map(|text| text.len()).sum::<usize>() + self.from.weight() + self.to.weight()
    }
}
