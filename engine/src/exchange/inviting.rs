//! Calling somebody into a conference room: a call of its own, whose story is the stay in the room.

use std::time::Duration;

use patchcord_sip::uri::Uri;

use super::{Exchange, incoming};
use crate::call::Verb;
use crate::originate::{NotBegun, Then, Wanted};
use crate::program::{End, Program, Step, VerbId, Wake};
use crate::room::Join;
use crate::routing::{Ask, Caller, Verdict};
use crate::runtime::Wire;
use crate::switchboard::Switchboard;

/// How long somebody rings who is called into a room: as long as a person waits for an answer.
pub const GUEST_RING: Duration = Duration::from_secs(45);

/// The story of somebody who was called into a room.
struct Guest(Option<Box<Join>>);

impl Program for Guest {
    fn resume(&mut self, wake: Wake) -> Step {
        match wake {
            Wake::Begin(leg) => match self.0.take() {
                Some(join) => Step::Wants(VerbId(1), Verb::Join(leg, join)),
                None => Step::Finished(End::Told),
            },
            Wake::Heard(_) => Step::Waits,
            Wake::Result(..) | Wake::Breathed { .. } | Wake::Gone | Wake::Occasion(_) => Step::Finished(End::Told),
        }
    }
}

/// The story of somebody who is called into a room: the stay there.
#[must_use]
pub fn guest(join: Box<Join>) -> Box<dyn Program> {
    Box::new(Guest(Some(join)))
}

/// Whether the house can call somebody of that name, by the routes and endpoints that there are now; not whether anybody is there.
///
/// # Errors
/// When nobody is called so, or no route leads there.
pub fn may_call(board: &Switchboard, target: &str) -> Result<(), NotBegun> {
    let target = target.trim();
    if let Some(user) = ["user:", "browser:"].into_iter().find_map(|kind| target.strip_prefix(kind)) {
        return board.directory.reached_by(user).map(drop).ok_or_else(|| NotBegun::Nobody(user.to_owned()));
    }
    let uri = Uri::parse(target).ok().filter(|_| target.contains(':'));
    let called = uri.as_ref().and_then(incoming::called);
    let host = uri.as_ref().and_then(|uri| uri.host());
    let ask = Ask { host, ..Ask::new(Caller::Service, called.as_deref().unwrap_or(target)) };
    match board.plan().decide(&ask, &board.directory).verdict {
        Verdict::Ring(_) | Verdict::Trunks(_) => Ok(()),
        Verdict::Service(_) => Err(NotBegun::Nobody(target.to_owned())),
        Verdict::Refused(denial) => Err(NotBegun::Forbidden(target.to_owned(), denial.to_string())),
    }
}

impl Exchange {
    /// Calls somebody and brings it into a room. Whom the house may call, those who run its rooms may.
    pub(super) fn call_into(&mut self, target: &str, join: Box<Join>, wire: &mut Wire<'_>) {
        let room = join.room.clone();
        let wanted = Wanted { ring: GUEST_RING, ..Wanted::new(target, Then::Dial(format!("room:{room}"))) };
        if let Err(why) = self.call_for(&wanted, guest(join), wire) {
            tracing::warn!(room, %why, "nobody is called into the room");
            self.board.rooms.not_called(&room, target, &why.to_string(), wire.now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::verb::Status;
    use crate::call::{LegId, Outcome};

    #[test]
    fn the_story_of_a_guest_is_its_stay() {
        let mut guest = Guest(Some(Box::new(Join::to("weekly"))));
        let wants = guest.resume(Wake::Begin(LegId::FIRST));
        assert!(matches!(wants, Step::Wants(_, Verb::Join(LegId::FIRST, join)) if join.room == "weekly"));
        let left = Outcome::Joined { status: Status::Left, why: None, stayed: GUEST_RING };
        assert_eq!(guest.resume(Wake::Result(VerbId(1), left)), Step::Finished(End::Told));
    }
}
