//! What holds in every story, and that the stories are rich enough to say so.

use std::time::Duration;

use patchcord_sip::{Method, Transport};

use super::plan::Kind;
use super::story::{End, Story};
use super::world::Outcome;

/// 64 times T1: how long a client waits and a server remembers.
const PATIENCE: Duration = Duration::from_secs(32);
/// A timer may be a millisecond late.
const TICK: Duration = Duration::from_millis(2);

/// How often what happened, over all seeds.
#[derive(Debug, Default)]
pub struct Tales {
    answered: u32,
    refused: u32,
    cancelled: u32,
    answered_in_spite_of_cancel: u32,
    timed_out: u32,
    unreachable: u32,
    acks_missing: u32,
    replies_lost: u32,
    repeated: u32,
    heard_late_again: u32,
}

macro_rules! law {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err(format!($($words)+));
        }
    };
}

/// Checks every law against the end of one seed.
pub fn hold(end: &Outcome, tales: &mut Tales) -> Result<(), String> {
    law!(end.ended, "the story never ends");
    law!(end.left_in_tables == 0, "{} transactions are left for ever", end.left_in_tables);
    law!(end.deadlines == [None, None], "an empty table wants to be woken");
    for tally in &end.tallies {
        let wrong = tally.malformed_requests + tally.malformed_responses + tally.merged + tally.refused_full;
        law!(wrong == 0, "good messages were refused: {tally:?}");
    }
    for story in &end.stories {
        asker(story, end)?;
        server(story)?;
        wires(story)?;
        tales.note(story);
    }
    Ok(())
}

/// Whoever asks hears one end, and the right one.
fn asker(story: &Story, end: &Outcome) -> Result<(), String> {
    let (asker, plan) = (&story.asker, &story.plan);
    let [(how, at)] = asker.ends[..] else { return Err(format!("a request ended {} times", asker.ends.len())) };
    let first_final = story.wires.finals_arrived.first().copied();
    let asked_at = asker.asked_at.ok_or("a request ended that was never asked")?;
    match how {
        End::Answered(status) => {
            law!(first_final == Some((status, at)), "{status} was told, but {first_final:?} arrived");
            law!(story.server.answers.iter().any(|(given, _)| *given == status), "{status} was never given");
        }
        End::TimedOut => {
            law!(first_final.is_none_or(|(_, arrived)| arrived >= at), "it timed out with an answer at hand");
            let since = if story.wires.provisionals_arrived > 0 && plan.method == Method::Invite {
                asker.cancelled_at.ok_or("an INVITE rang, was not cancelled, and timed out")?.max(asked_at)
            } else {
                asked_at
            };
            law!(at >= since + PATIENCE, "it timed out too early");
        }
        End::Unreachable => {
            let closed_at = end.closed_at.ok_or("a request was unreachable with every way open")?;
            law!(at == closed_at.max(asked_at), "the closed connection was noticed late");
        }
    }
    let invite = plan.method == Method::Invite;
    law!(invite || asker.heard.iter().all(|status| *status == 100), "RFC 4320 allows nothing provisional but 100");
    let succeeded = matches!(how, End::Answered(200..300));
    law!(asker.closed == u32::from(invite && succeeded), "an accepted INVITE ended {} times", asker.closed);
    Ok(())
}

/// Whoever serves hears each request once.
fn server(story: &Story) -> Result<(), String> {
    let server = &story.server;
    law!(
        server.heard_at.is_empty() == (story.wires.requests_arrived.is_empty()),
        "what arrived was not told, or the reverse"
    );
    for (told, earlier) in server.heard_at.iter().skip(1).zip(&server.heard_at) {
        // A wanderer that comes after the server's memory has ended cannot be known again (RFC 3261 §17.2.2).
        let answer = server.answers.iter().map(|(_, at)| at).find(|at| (*earlier..*earlier + PATIENCE).contains(at));
        let remembered_since = answer.unwrap_or(earlier);
        law!(*told >= *remembered_since + PATIENCE, "a repetition was told as a new request");
    }
    law!(server.cancelled <= 1, "one CANCEL was told {} times", server.cancelled);
    law!(server.cancelled == 0 || story.asker.cancelled_at.is_some(), "nobody cancelled");
    let Some(&(status, given_at)) = server.answers.first() else { return Ok(()) };
    let accepted = story.plan.method == Method::Invite && (200..300).contains(&status);
    if !accepted {
        law!(server.acks == 0 && server.ack_missing_at.is_none(), "only the ACK of a 2xx is the owner's business");
        return Ok(());
    }
    // An ACK that arrives in the very moment in which it is given up may fall on either side.
    let over = given_at + PATIENCE;
    let surely = story.wires.acks_arrived.iter().filter(|at| **at < over).count() as u32;
    let perhaps = story.wires.acks_arrived.iter().filter(|at| **at < over + TICK).count() as u32;
    law!((surely..=perhaps).contains(&server.acks), "{surely} ACKs arrived, {} were told", server.acks);
    law!(server.ack_missing_at.is_some() == (server.acks == 0), "an ACK is missing that came, or the reverse");
    law!(
        server.ack_missing_at.is_none_or(|at| at >= over && at <= over + TICK),
        "the ACK was missed at the wrong time"
    );
    Ok(())
}

/// Nobody talks too much.
fn wires(story: &Story) -> Result<(), String> {
    let (wires, invite) = (&story.wires, story.plan.method == Method::Invite);
    let most = if invite { 7 } else { 11 };
    law!((1..=most).contains(&wires.requests_sent), "a request was sent {} times", wires.requests_sent);
    law!(wires.cancels_sent <= 11, "CANCEL was sent {} times", wires.cancels_sent);
    law!(wires.cancels_sent == 0 || wires.provisionals_arrived > 0, "CANCEL went out before a sign of life");
    let acknowledged = |late: Duration| match story.asker.ends[0] {
        (End::Answered(_), at) if invite => {
            wires.finals_arrived.iter().filter(|(_, arrived)| *arrived < at + PATIENCE + late).count() as u32
        }
        _ => 0,
    };
    let (surely, perhaps) = (acknowledged(Duration::ZERO), acknowledged(TICK));
    law!((surely..=perhaps).contains(&wires.acks_sent), "{} ACKs for {surely} answers", wires.acks_sent);
    let occasions = 11 * story.server.answers.len() + wires.requests_arrived.len();
    law!(wires.finals_sent as usize <= occasions, "an answer was sent {} times", wires.finals_sent);
    let Some(&(status, given_at)) = story.server.answers.first() else { return Ok(()) };
    // RFC 4320: nobody waits any more for an answer this late, so it is not sent.
    let too_late = !invite && story.server.heard_at.first().is_some_and(|heard| given_at + TICK >= *heard + PATIENCE);
    if !too_late && !story.server.reply_lost && (!invite || status >= 300) {
        // Every repetition is answered again, until the ACK or until it is forgotten.
        let quiet_from = wires.acks_arrived.first().copied().unwrap_or(given_at + PATIENCE).min(given_at + PATIENCE);
        let again = wires.requests_arrived.iter().filter(|at| **at > given_at && **at < quiet_from).count();
        law!(wires.finals_sent as usize > again, "{} answers to {again} repetitions", wires.finals_sent);
    }
    Ok(())
}

impl Tales {
    fn note(&mut self, story: &Story) {
        let cancelled = story.wires.cancels_sent > 0;
        match story.asker.ends[0].0 {
            End::Answered(200..300) => {
                self.answered += 1;
                self.answered_in_spite_of_cancel += u32::from(cancelled);
            }
            End::Answered(487) => self.cancelled += 1,
            End::Answered(_) => self.refused += 1,
            End::TimedOut => self.timed_out += 1,
            End::Unreachable => self.unreachable += 1,
        }
        self.acks_missing += u32::from(story.server.ack_missing_at.is_some());
        self.replies_lost += u32::from(story.server.reply_lost);
        self.repeated += u32::from(story.wires.requests_sent > 1);
        self.heard_late_again += u32::from(story.server.heard_at.len() > 1);
    }

    /// Laws are worth what they were tried on: everything that can happen must have happened often.
    pub fn are_rich(&self, kind: Kind, transport: Transport) {
        let (invites, lossy) = (kind == Kind::Invites, !transport.is_reliable());
        let expected = [
            (true, self.answered, "answered"),
            (true, self.refused, "refused"),
            (true, self.timed_out, "timed out"),
            (invites, self.cancelled, "cancelled"),
            (invites, self.answered_in_spite_of_cancel, "answered in spite of CANCEL"),
            (invites, self.acks_missing, "without ACK"),
            (lossy, self.repeated, "repeated"),
            (lossy && !invites, self.heard_late_again, "heard again after they were forgotten"),
            (!lossy, self.unreachable, "unreachable"),
            (!lossy, self.replies_lost, "answered over a closed connection"),
        ];
        for (wanted, count, what) in expected {
            assert!(!wanted || count >= 20, "only {count} requests were {what}: {self:?}");
        }
    }
}
