//! The lines of a journal in words, for people: what happened on which leg, one line an entry.
//!
//! Whatever somebody else said is shown without controls, so that no caller writes on a terminal where he likes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{
    entry::{Cause, Entry, LegBegan, Notice, Way, What},
    facts::Facts,
    ladder::label,
    party::Account,
    passing::{Forwarded, PassedOn},
    quality::{Hearing, QualitySample},
    sentence::{claimed, long, plain, shown},
};
use crate::door::date::civil;

/// Bytes of one text that are shown in a line.
const SHOWN: usize = 200;

/// A moment as `2026-11-21 16:50:03`, in UTC.
pub fn moment(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02}", month + 1)
}

/// An entry as a line: when, on which leg, what.
pub fn line(entry: &Entry) -> String {
    let leg = entry.what.leg().map_or_else(|| "     ".to_owned(), |leg| format!("leg {leg}"));
    format!("{:>9.3} s  {leg:<7}{}", entry.at.as_secs_f64(), words(&entry.what))
}

/// What happened, without when and on which leg.
pub fn words(what: &What) -> String {
    match what {
        What::Began(began) => {
            let service = began.service.as_deref().map(|name| format!(", heard by service {}", clean(name)));
            let version = began.version.as_deref().map(|version| format!(" version {}", clean(version)));
            let route = began.route.as_deref().map(|route| format!(", by route {}", clean(route)));
            let beside = [service, version, route].into_iter().flatten().collect::<String>();
            if began.by_house {
                return format!("the server calls {} as {}{beside}", shown(&began.to), shown(&began.from));
            }
            let claims = claimed(&began.from).map(|name| format!(" (as {name})")).unwrap_or_default();
            format!("{}{claims} calls {}{beside}", shown(&began.from), shown(&began.to))
        }
        What::LegBegan(began) => leg_began(began),
        What::Message { way: Way::Theirs, text, .. } => format!("came  {}", label(&text.shown())),
        What::Message { way: Way::Ours, text, .. } => format!("sent  {}", label(&text.shown())),
        What::Heard { event, facts, .. } => format!("heard {}{}", clean(event), told(facts)),
        What::Verb(verb) => {
            let place = verb.place.as_deref().map(|place| format!("  at {}", clean(place)));
            format!("{} {}({}){}", verb.id, clean(&verb.name), clean(&verb.arguments), place.unwrap_or_default())
        }
        What::Result { verb, status, facts } => format!("{verb} → {}{}", clean(status), told(facts)),
        What::Media { notice, .. } => heard(notice),
        What::Rang(_) => "rings".into(),
        What::EarlyMedia(_) => "sound before the answer".into(),
        What::Answered(_) => "answered".into(),
        What::Bridged(one, other) => format!("legs {one} and {other} hear each other"),
        What::Unbridged(_) => "hears its partner no longer".into(),
        What::EnteredRoom { room, .. } => format!("is in room {}", clean(room)),
        What::LeftRoom(_) => "is out of the room".into(),
        What::Passed(passed) => passed_on(passed),
        What::Forwarded { forwarded, .. } => forwarded_by(forwarded),
        What::Held(_) => "put us on hold".into(),
        What::Resumed(_) => "took us back from hold".into(),
        What::Recording { path, .. } => format!("is recorded into {}", clean(path)),
        What::ToldRecorded(_) => "has heard that it is recorded".into(),
        What::Tag { key, value } => format!("tag {} = {}", clean(key), clean(value)),
        What::LegEnded { cause, .. } => format!("ended {}", ended(cause)),
        What::Ended(outcome) => format!("the call is over: {}", outcome.word().replace('_', " ")),
    }
}

fn passed_on(passed: &PassedOn) -> String {
    let whom = match passed.to {
        Some(itself) if itself == passed.leg => "a service".into(),
        Some(to) => format!("leg {to}"),
        None => "somebody of another call".into(),
    };
    match passed.is_done() {
        true => format!("is passed on to {whom} (by {})", passed.by),
        false => format!("is not passed on, SIP {} (by {})", passed.sip, passed.by),
    }
}

fn forwarded_by(forwarded: &Forwarded) -> String {
    let phone = || forwarded.leg.map_or_else(|| "somebody".into(), |leg| format!("the phone of leg {leg}"));
    let by = forwarded.by.as_deref().map_or_else(phone, clean);
    format!("is called because {by} sends the call on ({})", forwarded.because.replace('_', " "))
}

fn leg_began(began: &LegBegan) -> String {
    let account = match &began.account {
        Account::Endpoint(name) => format!("endpoint {}", clean(name)),
        Account::Trunk(name) => format!("trunk {}", clean(name)),
        Account::Stranger => "somewhere".into(),
    };
    let parent = began.parent.map_or_else(String::new, |parent| format!(" for leg {parent}"));
    format!("{}, {account} over {} at {}{parent}", began.direction, began.transport, clean(&began.peer))
}

/// Why a leg ended: by whom, with which causes and words.
pub fn ended(cause: &Cause) -> String {
    let sip = cause.sip.map_or_else(String::new, |sip| format!(", SIP {sip}"));
    let reason = match clean(&cause.reason) {
        reason if reason.is_empty() => String::new(),
        reason => format!(": {reason}"),
    };
    let place = cause.place.as_deref().map_or_else(String::new, |place| format!(" (at {})", clean(place)));
    if let Some(deed) = cause.by_operator() {
        return format!("by an operator (cause {}{sip}): {deed}", cause.q850);
    }
    format!("by {} (cause {}{sip}){reason}{place}", cause.by, cause.q850)
}

fn heard(notice: &Notice) -> String {
    match notice {
        Notice::Latched(from) => format!("sound comes from {}", clean(from)),
        Notice::Silent(time) => format!("no sound for {}", long(*time)),
        Notice::Resumed => "sound comes again".into(),
        Notice::Said(words) => clean(words),
        Notice::Sampled(sample) => sampled(sample),
    }
}

fn sampled(sample: &QualitySample) -> String {
    let direction = |name: &str, heard: Option<Hearing>| {
        heard.map(|Hearing { lost_permille, jitter, mos_hundredths }| {
            let mos = mos_hundredths.map(|mos| format!(", MOS {}.{:02}", mos / 100, mos % 100)).unwrap_or_default();
            format!(" {name}: lost {}.{} %, jitter {}{mos}", lost_permille / 10, lost_permille % 10, millis(jitter))
        })
    };
    let way = sample.round_trip.map(|time| format!(" there and back {}", millis(time)));
    let parts = [direction("here", sample.here), direction("there", sample.there), way];
    format!("quality{}", parts.into_iter().flatten().collect::<Vec<_>>().join(";"))
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn told(facts: &Facts) -> String {
    facts.iter().map(|(name, said)| format!("  {}={}", clean(name), clean(said))).collect()
}

fn clean(text: &str) -> String {
    plain(text, SHOWN)
}

/// Letters of Hebrew, Arabic and their neighbours.
pub(super) fn runs_left(letter: char) -> bool {
    matches!(letter, '\u{0590}'..='\u{08ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        call::cause,
        journal::{By, Verb, VerbNumber, testing::*},
    };

    fn words_of(what: What) -> String {
        line(&Entry { number: 0, at: Duration::from_millis(1234), what })
    }

    #[test]
    fn a_moment_is_shown_to_the_second() {
        assert_eq!(moment(UNIX_EPOCH), "1970-01-01 00:00:00");
        assert_eq!(moment(wall()), "2027-01-15 08:00:00");
    }

    #[test]
    fn what_an_operator_did_is_told_as_his_and_without_a_status_that_nobody_sent() {
        let by_operator = |reason: &str| Cause { reason: reason.into(), ..Cause::normal(By::System) };
        assert_eq!(ended(&by_operator(cause::HUNG_UP_OUTSIDE)), "by an operator (cause 16): hung up");
        assert_eq!(ended(&by_operator(cause::PASSED_ON_OUTSIDE)), "by an operator (cause 16): transferred");
        assert_eq!(ended(&by_operator("two hours are over")), "by system (cause 16): two hours are over");
    }

    #[test]
    fn lines_say_when_where_and_what() {
        let verb = Verb {
            id: VerbNumber(3),
            leg: Some(ALICE),
            name: "play".into(),
            arguments: "welcome".into(),
            terms: None,
            place: Some("ivr.rhai:12".into()),
        };
        assert_eq!(words_of(What::Verb(Box::new(verb))), "    1.234 s  leg 0  #3 play(welcome)  at ivr.rhai:12");
        let verb = VerbNumber((1 << 63) | 1);
        let result = What::Result { verb, status: "answered".into(), facts: Facts::NONE };
        assert_eq!(words_of(result), "    1.234 s         house #1 → answered");
        let heard = Hearing { lost_permille: 12, jitter: Duration::from_micros(2300), mos_hundredths: Some(408) };
        let sample = QualitySample { here: Some(heard), there: None, round_trip: Some(Duration::from_millis(21)) };
        let notice = Notice::Sampled(Box::new(sample));
        assert_eq!(
            words_of(What::Media { leg: BOB, notice }),
            "    1.234 s  leg 1  quality here: lost 1.2 %, jitter 2.3 ms, MOS 4.08; there and back 21.0 ms"
        );
        let facts = Facts::NONE.with("key", "5").with("via", "rtp");
        let key = What::Heard { leg: Some(ALICE), event: "key".into(), facts };
        assert_eq!(words_of(key), "    1.234 s  leg 0  heard key  key=5  via=rtp");
    }

    #[test]
    fn nobody_writes_on_a_terminal_where_he_likes() {
        let tag = What::Tag { key: "\x1b[2J".into(), value: "a\r\nb\x07".into() };
        assert_eq!(words_of(tag).chars().filter(|letter| letter.is_control()).count(), 0);
    }
}
