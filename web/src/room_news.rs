//! Who comes and goes in rooms, told to receivers of webhooks, and to the feed of events with a number, so that whoever was away hears what he missed.
//!
//! It looks at the rooms there are as often as they change, four times a second at most, and tells what is other than it was; who
//! came and went between two looks is not told, and stands in the story of the room. Who talks, and how loud, is told elsewhere.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use patchcord_engine::{
    journal::CallId,
    room::{MemberId, MemberView, RoomView},
    runtime::clock,
    switchboard::Switchboard,
};
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use crate::{feed::Feed, webhooks::Webhooks};

/// How often somebody looks.
const LOOK: Duration = Duration::from_millis(250);

/// What happened in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is a room.
    Opened,
    /// Somebody is in.
    Joined,
    /// Somebody is out.
    Left,
    /// There is no such room any more.
    Over,
}

impl Kind {
    /// Its name as an event.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Opened => "room.opened",
            Self::Joined => "room.joined",
            Self::Left => "room.left",
            Self::Over => "room.over",
        }
    }
}

/// An event of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoomNews {
    /// What.
    #[serde(skip)]
    pub kind: Kind,
    /// The name of the room.
    pub room: String,
    /// The name of this life of it, under which it is kept once it is over.
    pub id: String,
    /// Whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<Seen>,
}

/// A member, as it was when it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Its number in the house.
    pub member: MemberId,
    /// Its name and number.
    pub name: String,
    /// See `name`.
    pub number: String,
    /// Its call.
    pub call: Option<CallId>,
}

/// The rooms as they were when somebody looked last: as many as there may be, each with its members.
#[derive(Default)]
struct Known(BTreeMap<String, Room>);

struct Room {
    name: String,
    members: BTreeMap<MemberId, Seen>,
}

/// Tells what happens in rooms, until `stopped` says that it is over.
pub async fn watch(
    board: Arc<Switchboard>,
    (feed, webhooks): (Arc<Feed>, Arc<Webhooks>),
    mut stopped: watch::Receiver<bool>,
) {
    let mut turn = tokio::time::interval(LOOK);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut known, mut changes) = (Known::default(), 0);
    loop {
        tokio::select! {
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => return,
            _ = turn.tick() => {}
        }
        let now = board.rooms.changes();
        if std::mem::replace(&mut changes, now) != now {
            for news in known.look(&board.rooms.list(clock::now())) {
                webhooks.tell(news.kind.word(), clock::wall(), || json!(news));
                feed.publish_room(news);
            }
        }
    }
}

impl Known {
    /// What is other than it was.
    fn look(&mut self, rooms: &[RoomView]) -> Vec<RoomNews> {
        let mut told = Vec::new();
        for room in rooms {
            let known = self.0.entry(room.id.clone()).or_insert_with(|| {
                told.push(news(Kind::Opened, &room.name, &room.id, None));
                Room { name: room.name.clone(), members: BTreeMap::new() }
            });
            let now: BTreeMap<MemberId, Seen> = room.members.iter().filter(|one| is_in(one)).map(seen).collect();
            for (member, gone) in &known.members {
                if !now.contains_key(member) {
                    told.push(news(Kind::Left, &room.name, &room.id, Some(gone.clone())));
                }
            }
            for (member, come) in &now {
                if !known.members.contains_key(member) {
                    told.push(news(Kind::Joined, &room.name, &room.id, Some(come.clone())));
                }
            }
            known.members = now;
        }
        self.0.retain(|id, room| {
            let is_there = rooms.iter().any(|one| one.id == *id);
            if !is_there {
                let left = std::mem::take(&mut room.members).into_values();
                told.extend(left.map(|gone| news(Kind::Left, &room.name, id, Some(gone))));
                told.push(news(Kind::Over, &room.name, id, None));
            }
            is_there
        });
        told
    }
}

/// Whoever is asked at the door, or waits, is not in yet.
fn is_in(member: &MemberView) -> bool {
    matches!(member.state, "in" | "aside")
}

fn seen(member: &MemberView) -> (MemberId, Seen) {
    let MemberView { member, name, number, call, .. } = member;
    (*member, Seen { member: *member, name: name.clone(), number: number.clone(), call: *call })
}

fn news(kind: Kind, room: &str, id: &str, member: Option<Seen>) -> RoomNews {
    RoomNews { kind, room: room.into(), id: id.into(), member }
}

#[cfg(test)]
mod tests {
    use patchcord_engine::room::Role;

    use super::*;

    fn member(number: u64, state: &'static str) -> MemberView {
        MemberView {
            member: MemberId(number),
            name: format!("Member {number}"),
            number: format!("10{number}"),
            call: None,
            leg: 0,
            role: Role::Speaker,
            state,
            muted: false,
            deaf: false,
            held: false,
            hand_ms: None,
            talks: false,
            level: None,
            unheard_ms: None,
            gain_db: 0,
            gate_db: None,
            denoise: false,
            here_ms: 0,
            talked_ms: 0,
        }
    }

    fn room(id: &str, members: Vec<MemberView>) -> RoomView {
        RoomView {
            name: "weekly".into(),
            id: id.into(),
            opened_ms: 1,
            lasts_ms: 1,
            members,
            most: 10,
            locked: false,
            recording: false,
            has_pin: false,
            automatic_gain: false,
            gate_db: None,
            denoise: false,
            floor: None,
        }
    }

    /// Each event as a word and the number of its member.
    fn told(known: &mut Known, rooms: &[RoomView]) -> Vec<(&'static str, Option<u64>)> {
        let number = |seen: Seen| seen.member.0;
        known.look(rooms).into_iter().map(|news| (news.kind.word(), news.member.map(number))).collect()
    }

    #[test]
    fn whoever_comes_and_goes_is_told_once() {
        let mut known = Known::default();
        let now = [room("a", vec![member(1, "in"), member(2, "door")])];
        assert_eq!(told(&mut known, &now), [("room.opened", None), ("room.joined", Some(1))]);
        assert_eq!(told(&mut known, &now), []);
        let now = [room("a", vec![member(2, "in"), member(3, "aside")])];
        assert_eq!(
            told(&mut known, &now),
            [("room.left", Some(1)), ("room.joined", Some(2)), ("room.joined", Some(3))]
        );
        assert_eq!(told(&mut known, &[]), [("room.left", Some(2)), ("room.left", Some(3)), ("room.over", None)]);
        assert_eq!(told(&mut known, &[]), []);
    }

    #[test]
    fn a_room_of_the_same_name_is_another_one() {
        let mut known = Known::default();
        told(&mut known, &[room("a", vec![member(1, "in")])]);
        let again = told(&mut known, &[room("b", vec![member(1, "in")])]);
        let (opened, joined) = (("room.opened", None), ("room.joined", Some(1)));
        assert_eq!(again, [opened, joined, ("room.left", Some(1)), ("room.over", None)]);
    }
}
