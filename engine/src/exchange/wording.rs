//! What a call hears, says and is told, in the words of its journal.
//!
//! Secrets are left out here: keys that are sent, what people write, what is asked of the world and with which headers it answers.

use patchcord_media::dtmf::{Key, Press, Via};

use crate::call::verb::{Dial, Gather, Outcome as VerbOutcome, Play, Record, Transfer, Verb};
use crate::call::{LegEvent, LegId};
use crate::errand::{Brought, Errand};
use crate::journal::{Facts, MAX_TEXT, SECRET_KEY};
use crate::occasion::{KEPT_ABOUT, Kind, Occasion};
use crate::originate::{Then, Wanted};
use crate::room::Happened;

/// The longest answer of the world that is kept, in bytes: what scripts decide by is short.
const LONGEST_ANSWER: usize = 4096;

/// An event in a word or two, and what goes with it.
pub fn heard(event: &LegEvent) -> (&'static str, Facts) {
    match event {
        LegEvent::Key(press) => ("key", pressed(press, press.key.to_string())),
        LegEvent::Played(_, how) => ("played", Facts::NONE.with("how", format!("{how:?}").to_lowercase())),
        LegEvent::NotPlayed(_, why) => ("not played", Facts::NONE.with("why", why)),
        LegEvent::KeysSent => ("keys sent", Facts::NONE),
        LegEvent::Recorded(_, Ok((file, _))) => ("recorded", Facts::NONE.with("file", file)),
        LegEvent::Recorded(_, Err(why)) => ("not recorded", Facts::NONE.with("why", why)),
        LegEvent::Quiet(_) => ("silence", Facts::NONE),
        LegEvent::Unusable(ending) => ("unusable sound", Facts::NONE.with("why", &ending.reason)),
        LegEvent::Info(kind, _) => ("info", Facts::NONE.with("type", kind)),
        LegEvent::Message(kind, _) => ("message", Facts::NONE.with("type", kind)),
        LegEvent::Refer(wish) => ("refer", Facts::NONE.with("to", &wish.to)),
        LegEvent::ReferProgress(status) => ("refer progress", Facts::NONE.with("status", status.to_string())),
        LegEvent::LineRefused(status) => ("refused in the call", Facts::NONE.with("status", status.to_string())),
        _ => ("event", Facts::NONE),
    }
}

/// A key of a secret: that there was one, and how it came.
pub fn secret_key(press: &Press) -> Facts {
    pressed(press, SECRET_KEY.to_owned())
}

fn pressed(press: &Press, shown: String) -> Facts {
    let way = match press.via {
        Via::Rtp => "rtp",
        Via::Info => "info",
        Via::Inband => "inband",
    };
    Facts::NONE.with("digit", shown).with("via", way).with("ms", press.duration.as_millis().to_string())
}

/// What a conference room has told a leg, so that it can be told again.
pub fn of_room(happened: &Happened) -> Facts {
    let facts = Facts::NONE.with("room", &happened.room).with("kind", happened.kind.word());
    let facts = facts.with("members", happened.members.to_string());
    let flags = [("on", happened.on), ("me", happened.me)];
    let facts = flags.into_iter().filter(|(_, is_so)| *is_so).fold(facts, |facts, (name, _)| facts.with(name, "yes"));
    match &happened.who {
        Some(who) => {
            let facts = facts.with("member", who.member.0.to_string()).with("role", who.role.word());
            facts.with("name", &who.name).with("number", &who.number)
        }
        None => facts,
    }
}

/// A verb's name, its leg, and what it was told.
pub fn spoken(verb: &Verb) -> (&'static str, Option<LegId>, String) {
    let none = String::new;
    match verb {
        Verb::Ring(leg) => ("ring", Some(*leg), none()),
        Verb::Progress(leg) => ("progress", Some(*leg), none()),
        Verb::Answer(leg) => ("answer", Some(*leg), none()),
        Verb::Reject(leg, status, reason) => {
            ("reject", Some(*leg), format!("{status} {}", reason.as_deref().unwrap_or_default()))
        }
        Verb::Redirect(leg, to) => ("redirect", Some(*leg), to.clone()),
        Verb::HangUp(leg, cause) => ("hangup", Some(*leg), cause.to_string()),
        Verb::Play(leg, play) => ("play", Some(*leg), play.prompts.join(", ")),
        Verb::StartPlay(leg, play) => ("start_play", Some(*leg), play.prompts.join(", ")),
        Verb::Stop(handle) => ("stop", None, handle.0.to_string()),
        Verb::Gather(leg, gather) => {
            let prompts = gather.prompt.as_ref().map_or_else(String::new, |prompt| prompt.prompts.join(", ") + ": ");
            ("gather", Some(*leg), format!("{prompts}{} to {} digits", gather.min, gather.max))
        }
        Verb::Record(leg, record) => ("record", Some(*leg), format!("at most {} s", record.max.as_secs())),
        Verb::StartRecord(leg, _) => ("start_record", Some(*leg), none()),
        Verb::PauseRecord(handle, paused) => (if *paused { "pause" } else { "resume" }, None, handle.0.to_string()),
        Verb::Dial(leg, dial) => ("dial", Some(*leg), dial.targets.join(", ")),
        Verb::CallOut(dial) => ("call_out", None, dial.targets.join(", ")),
        Verb::Bridge(a, b) => ("bridge", Some(*a), b.0.to_string()),
        Verb::Unbridge(leg) => ("unbridge", Some(*leg), none()),
        Verb::Echo(leg) => ("echo", Some(*leg), none()),
        Verb::Join(leg, join) => ("join", Some(*leg), join.room.clone()),
        Verb::Hold(leg, music) => ("hold", Some(*leg), music.clone().unwrap_or_default()),
        Verb::Unhold(leg) => ("unhold", Some(*leg), none()),
        Verb::Transfer(leg, transfer) => ("transfer", Some(*leg), transfer.to.clone()),
        Verb::Refer(leg, to) => ("refer", Some(*leg), to.clone()),
        Verb::AcceptRefer(leg) => ("accept", Some(*leg), none()),
        Verb::RejectRefer(leg, status) => ("reject", Some(*leg), status.to_string()),
        // Keys may be secrets: how many there were is enough.
        Verb::SendKeys(leg, keys) => ("send_keys", Some(*leg), format!("{} keys", keys.keys.len())),
        Verb::SendInfo(leg, kind, _) => ("send_info", Some(*leg), kind.clone()),
        Verb::SendMessage(leg, _) => ("send_message", Some(*leg), none()),
        Verb::Sleep(time) => ("sleep", None, format!("{} ms", time.as_millis())),
        Verb::After(time) => ("after", None, format!("{} ms", time.as_millis())),
        Verb::Log(kind, _) => ("log", None, kind.clone()),
        Verb::Tag(key, value) => ("tag", None, format!("{key}={value}")),
        Verb::Detach(leg) => ("detach", Some(*leg), none()),
        Verb::Errand(errand) => match &**errand {
            Errand::Facts(leg) => ("facts", Some(*leg), none()),
            Errand::Moment => ("moment", None, none()),
            Errand::Merge(leg) => ("merge", Some(*leg), none()),
            Errand::Originate(wanted) => ("originate", None, goes_on(wanted)),
            // An answer may be a token: its length is enough.
            Errand::Reply(answer) => ("reply", None, format!("{} bytes", answer.len())),
            Errand::Room(room, _) => ("room", None, room.clone()),
            // What is asked may be a secret: which part of the world it was is enough.
            Errand::Outside(outside) => ("errand", None, outside.noun.clone()),
        },
    }
}

/// What a verb was told beside what [`spoken`] says, whether the script named it or not: by that a replay tells a changed option
/// from the same. What may be a secret is left out: which answers are taken, and what headers say.
pub fn terms(verb: &Verb) -> Option<String> {
    Some(match verb {
        Verb::Play(_, play) | Verb::StartPlay(_, play) => of_play(play),
        Verb::Gather(_, gather) => {
            let Gather {
                min: _,
                max: _,
                accept: _,
                prompt,
                end,
                timeout,
                gap,
                barge_in,
                tries,
                invalid,
                clear_first,
                secret: _,
            } = &**gather;
            let flags = [(!*barge_in, ", no barge-in"), (*clear_first, ", from a clear start")];
            let flags: String = flags.into_iter().filter(|(is_so, _)| *is_so).map(|(_, words)| words).collect();
            let again = invalid.as_ref().map_or_else(String::new, |play| format!(", else {}", play.prompts.join(", ")));
            let asks = prompt.as_ref().map_or_else(String::new, |play| format!(", asked {}", of_play(play)));
            format!("{timeout:?}, gap {gap:?}, {tries} tries, end {}{flags}{again}{asks}", of_keys(end))
        }
        Verb::Record(_, record) | Verb::StartRecord(_, record) => {
            let Record { max, silence, end, beep, min, format, both } = record;
            let flags = [(*beep, ", beep"), (*both, ", both sides")];
            let flags: String = flags.into_iter().filter(|(is_so, _)| *is_so).map(|(_, words)| words).collect();
            let format = format.as_deref().unwrap_or("the house's format");
            format!("{format}, {min:?} to {max:?}, silence {silence:?}, end {}{flags}", of_keys(end))
        }
        Verb::Dial(_, dial) | Verb::CallOut(dial) => of_dial(dial),
        Verb::Transfer(_, Transfer { to: _, attended, return_on_fail }) => {
            let kind = if *attended { "attended" } else { "blind" };
            format!("{kind}{}", if *return_on_fail { ", comes back" } else { "" })
        }
        _ => return None,
    })
}

fn of_play(Play { prompts: _, stop_keys, volume_db, loops, from }: &Play) -> String {
    format!("{volume_db} dB, {loops} times, from {from:?}, stop keys {}", of_keys(stop_keys))
}

fn of_keys(keys: &[Key]) -> String {
    if keys.is_empty() { "none".into() } else { keys.iter().map(ToString::to_string).collect() }
}

fn of_dial(dial: &Dial) -> String {
    let Dial { targets: _, strategy, ring, ringback, screen, caller_id, present, max_talk, warn_at, .. } = dial;
    let headers = dial.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let screen = screen.as_ref().map(|screen| format!("{} {} {:?}", screen.prompt, screen.key, screen.timeout));
    format!(
        "{strategy:?}, rings {ring:?}, hears {ringback:?}, screen {screen:?}, as {caller_id:?}, shown {present}, talk {max_talk:?}, \
         warned {warn_at:?}, headers {headers}, codecs {:?}, secure {:?}, recorded {}",
        dial.codecs, dial.secure, dial.record
    )
}

/// Who is rung, and what goes on then.
fn goes_on(wanted: &Wanted) -> String {
    match &wanted.then {
        Then::Service(service) => format!("{}, then service {service}", wanted.target),
        Then::Dial(other) => format!("{}, then {other}", wanted.target),
    }
}

/// How a verb ended, and what was told with it.
pub fn result(outcome: &VerbOutcome) -> (&'static str, Facts) {
    let none = Facts::NONE;
    match outcome {
        VerbOutcome::Plain(status) => (status.word(), none),
        VerbOutcome::Handle(handle) => ("started", none.with("handle", handle.0.to_string())),
        VerbOutcome::Gathered { status, digits } => (status.word(), none.with("keys", digits.len().to_string())),
        VerbOutcome::Recorded { status, file, length } => {
            let facts = none.with("ms", length.as_millis().to_string());
            (status.word(), file.iter().fold(facts, |facts, file| facts.with("file", file)))
        }
        VerbOutcome::Dialled { status, leg, sip, talk } => {
            let facts = none.with("sip", sip.to_string()).with("talk_ms", talk.as_millis().to_string());
            (status.word(), leg.iter().fold(facts, |facts, leg| facts.with("leg", leg.0.to_string())))
        }
        VerbOutcome::Transferred { status, sip } => (status.word(), none.with("sip", sip.to_string())),
        VerbOutcome::Joined { status, why, stayed } => {
            let facts = none.with("ms", stayed.as_millis().to_string());
            (status.word(), why.iter().fold(facts, |facts, why| facts.with("why", why.word())))
        }
        VerbOutcome::Brought(brought) => fetched(brought),
        VerbOutcome::Misuse(misuse) => ("misuse", none.with("why", misuse.to_string())),
    }
}

/// What an errand has brought: all that a program was told by it, so that the call can be played again.
fn fetched(brought: &Brought) -> (&'static str, Facts) {
    match brought {
        Brought::Facts(None) => ("gone", Facts::NONE),
        Brought::Facts(Some(known)) => {
            let told = [("from", &known.from), ("to", &known.to), ("number", &known.number), ("name", &known.name)];
            let how = [
                ("transport", &known.transport),
                ("codec", &known.codec),
                ("state", &known.state),
                ("vars", &known.vars),
            ];
            let facts = told.into_iter().chain(how).filter(|(_, said)| !said.is_empty());
            let facts = facts.fold(Facts::NONE, |facts, (name, said)| facts.with(name, said));
            let whose = [("endpoint", &known.endpoint), ("trunk", &known.trunk)];
            let facts = whose.into_iter().fold(facts, |facts, (name, said)| match said {
                Some(said) => facts.with(name, said),
                None => facts,
            });
            ("ok", if known.secure { facts.with("secure", "yes") } else { facts })
        }
        Brought::Moment { wall, seed } => {
            ("ok", Facts::NONE.with("wall_ms", wall.as_millis().to_string()).with("seed", seed.to_string()))
        }
        Brought::Begun(Ok(call)) => ("begun", Facts::NONE.with("call", call.to_string())),
        Brought::Begun(Err(why)) => (why.word(), Facts::NONE.with("why", why.to_string())),
        Brought::Answer(Err(why)) => ("failed", Facts::NONE.with("why", why)),
        Brought::Answer(Ok(answer)) => ("ok", answered(answer)),
    }
}

/// What a service was asked, so that it can be asked again. What people write to it is left out.
pub fn asked(occasion: &Occasion) -> Facts {
    let facts = Facts::NONE.with("kind", occasion.kind.word()).with("from", &occasion.from);
    let mut about: serde_json::Value = serde_json::from_str(&occasion.about).unwrap_or_default();
    if let Some(about) = about.as_object_mut().filter(|_| occasion.kind == Kind::Message) {
        about.insert("body".into(), serde_json::Value::Null);
    }
    in_pieces(facts, "about", &about.to_string(), KEPT_ABOUT)
}

/// A long text in as many pieces as it needs; one that is longer than that is left out.
fn in_pieces(mut facts: Facts, name: &'static str, text: &str, most: usize) -> Facts {
    if text.len() > most {
        return facts.with(format!("{name}_bytes"), text.len().to_string());
    }
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(MAX_TEXT));
        facts = facts.with(name, piece);
        rest = behind;
    }
    facts
}

/// An answer of the world, in as many pieces as it needs; of a web server without its headers, which may be secrets. One that is
/// too long is left out.
fn answered(answer: &str) -> Facts {
    let mut json: serde_json::Value = serde_json::from_str(answer).unwrap_or_default();
    // Whoever has a token may call with it.
    let is_token = |text: &str| text.starts_with("pbt_");
    if let Some(token) = json.get_mut("token").filter(|token| token.as_str().is_some_and(is_token)) {
        *token = "pbt_…".into();
        return in_pieces(Facts::NONE, "answer", &json.to_string(), LONGEST_ANSWER);
    }
    let of_web = json.get("status").is_some() && json.get("body").is_some();
    let kept = match json.as_object_mut().filter(|_| of_web) {
        Some(reply) => {
            reply.remove("headers");
            json.to_string()
        }
        None => answer.to_owned(),
    };
    in_pieces(Facts::NONE, "answer", &kept, LONGEST_ANSWER)
}
