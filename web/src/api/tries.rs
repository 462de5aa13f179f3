//! Who stood at the door of a room and did not come in: wrong PINs and refusals, over all lives of that room that are kept.

use axum::extract::State;
use patchcord_engine::{
    room::{DENIED, Moment, Past, Visitor, WRONG_PIN},
    runtime::clock,
};
use serde::{Deserialize, Serialize};

use super::{
    Rooms,
    ask::{Asked, Named, line},
    rooms::mask_visitor,
    wanted::at_most,
};
use crate::{
    json::Json,
    people::{Asker, Right, guard::away},
    problem::Problem,
};

/// Tries in a page, unless something else is asked for; and at most.
const PAGE: usize = 100;
/// See [`PAGE`].
const MAX_PAGE: usize = 500;

/// Lives of a room that are looked through for one page.
const LIVES: usize = 100;

/// Somebody at the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Try {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// `wrong_pin`, or why it was not let in: `pin`, `throttled`, `locked`, `full`, `no_sound`.
    pub what: String,
    /// Who.
    #[serde(flatten)]
    pub visitor: Visitor,
    /// The life of the room.
    pub room_id: String,
}

impl Try {
    fn of(past: &Past, moment: &Moment) -> Option<Self> {
        let what = match moment.what.as_str() {
            WRONG_PIN => WRONG_PIN,
            DENIED => &moment.note,
            _ => return None,
        };
        let at_ms = past.opened_ms + moment.at_ms;
        Some(Self { at_ms, what: what.to_owned(), visitor: moment.visitor.clone()?, room_id: past.id.clone() })
    }

    /// What came of it, in words.
    pub fn said(&self) -> &str {
        match self.what.as_str() {
            WRONG_PIN => "the PIN was wrong",
            "pin" => "sent away: three wrong PINs",
            "throttled" => "not asked: too many wrong PINs from there",
            "locked" => "refused: the room was locked",
            "full" => "refused: the room was full",
            "no_sound" => "its sound could not be brought in",
            other => other,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    before_ms: Option<u64>,
    limit: Option<usize>,
}

#[derive(Serialize)]
pub(crate) struct Tries {
    pub tries: Vec<Try>,
    /// Whoever wants earlier ones asks for those before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_before_ms: Option<u64>,
}

/// `GET /api/v1/rooms/{room}/tries`
pub(super) async fn list(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(name): Named<String>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Tries>, Problem> {
    line("room", &name)?;
    of(&rooms, &asker, &name, wanted.before_ms, at_most(wanted.limit, PAGE, MAX_PAGE)?).await.map(Json)
}

/// Those of a room, the latest first, as this one may see them.
pub(crate) async fn of(
    rooms: &Rooms,
    asker: &Asker,
    name: &str,
    before_ms: Option<u64>,
    limit: usize,
) -> Result<Tries, Problem> {
    let before = before_ms.unwrap_or(u64::MAX);
    let kept = rooms.store.tried_rooms(name, before, LIVES).await.map_err(|error| away(&error))?;
    let more_lives = kept.len() == LIVES;
    let first_of_page = kept.last().map(|past| past.opened_ms);
    let now = rooms.accounts.board().rooms.story(name, clock::now());
    let mut told = page(now.iter().chain(&kept), before, limit.clamp(1, MAX_PAGE));
    if told.next_before_ms.is_none() && more_lives {
        told.next_before_ms = first_of_page;
    }
    if !asker.rights.has(Right::ReadNumbers) {
        told.tries.iter_mut().for_each(|one| mask_visitor(&mut one.visitor));
    }
    Ok(told)
}

/// The latest of these lives, which come the latest first; what happened in one moment stays together.
fn page<'a>(lives: impl Iterator<Item = &'a Past>, before: u64, limit: usize) -> Tries {
    let mut tries: Vec<Try> = Vec::new();
    for past in lives {
        for one in past.moments.iter().rev().filter_map(|moment| Try::of(past, moment)) {
            if one.at_ms >= before {
                continue;
            }
            match tries.last() {
                Some(last) if tries.len() >= limit && last.at_ms != one.at_ms => {
                    let next_before_ms = Some(last.at_ms);
                    return Tries { tries, next_before_ms };
                }
                _ => tries.push(one),
            }
        }
    }
    Tries { tries, next_before_ms: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn life(id: &str, opened_ms: u64, moments: &[(u64, &str, &str)]) -> Past {
        let visitor = json!({ "name": "mallory", "number": "106", "from": "endpoint:mallory", "call": null });
        let moments: Vec<_> = moments
            .iter()
            .map(|(at, what, note)| json!({ "at_ms": at, "what": what, "member": null, "on": true, "note": note, "visitor": visitor }))
            .chain([json!({ "at_ms": 1, "what": "lock", "member": null, "on": true, "note": "" })])
            .collect();
        let past = json!({
            "id": id, "room": "3001", "opened_ms": opened_ms, "lasted_ms": 9, "why": "nobody came in", "most": 0, "stays": [],
            "moments": moments, "recordings": [], "left_out": 0,
        });
        serde_json::from_value(past).expect("a life")
    }

    #[test]
    fn tries_of_all_lives_are_told_the_latest_first_and_in_pages() {
        let lives = [
            life("b", 5000, &[(10, "denied", "throttled")]),
            life("a", 1000, &[(5, "wrong_pin", ""), (7, "wrong_pin", ""), (7, "denied", "pin")]),
        ];
        let told = |before, limit| {
            let page = page(lives.iter(), before, limit);
            let tries: Vec<_> = page.tries.iter().map(|one| (one.at_ms, one.what.clone())).collect();
            (tries, page.next_before_ms)
        };
        let (all, next) = told(u64::MAX, 9);
        let whats: Vec<_> = all.iter().map(|(at, what)| (*at, &**what)).collect();
        assert_eq!(whats, [(5010, "throttled"), (1007, "pin"), (1007, "wrong_pin"), (1005, "wrong_pin")]);
        assert_eq!(next, None);
        let (first, next) = told(u64::MAX, 2);
        assert_eq!((first.len(), next), (3, Some(1007)), "what happened at once stays together");
        assert_eq!(told(1007, 2), (vec![(1005, "wrong_pin".to_owned())], None));
    }
}
