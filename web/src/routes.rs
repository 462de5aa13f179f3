//! Routes that are added while the server runs, beside those of the configuration: what one is, and who keeps them.
//!
//! ```text
//! written ─▶ read as [[route]] is ─▶ does it go with what there is? ─▶ store ─▶ plan
//! ```
//!
//! Reading and joining are the composition root's, which has the configuration; nothing here decides what a route may say.

use std::time::SystemTime;

use patchcord_engine::routing::Route;
use serde_json::{Map, Value};

use crate::{house::Answer, problem::Problem};

/// Most routes that are added: more are written into the file, or a service looks the numbers up. Each change makes the whole
/// plan anew.
pub const MOST_ADDED: usize = 1_000;

/// Longest route as it is written, in bytes of JSON: sixteen trunks and every key of `rewrite` take half of it.
pub const LONGEST_WRITTEN: usize = 4 << 10;

/// What a route says: the keys of `[[route]]`.
pub type Written = Map<String, Value>;

/// A route that was added, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Added {
    /// Its name among those that were added.
    pub id: String,
    /// What it says.
    pub written: Written,
    /// Who wrote it last.
    pub written_by: String,
    /// When it was added. Of two alike, the one that was added first wins.
    pub added_at: SystemTime,
}

/// One that is kept, and whether it is in force.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The route as it is kept.
    pub added: Added,
    /// What it is in the plan, or why it is not in it: a trunk is gone, or the file has the number now.
    pub route: Result<Route, Problem>,
}

/// What is to become of one.
#[derive(Clone, Debug)]
pub enum Change {
    /// It is added.
    Add(Written),
    /// The one of that name says something else.
    Put(String, Written),
    /// The one of that name is no more.
    Remove(String),
}

/// Keeps routes that are added, and puts them in force.
pub trait RouteBook: Send + Sync {
    /// All of them, in the order in which they were added.
    fn kept(&self) -> Vec<Kept>;
    /// Changes one in the store and in the plan, for somebody of that name; gives it as it is now, or as it was when it is removed.
    fn change(&self, change: Change, by: String) -> Answer<'_, Result<Added, Problem>>;
}
