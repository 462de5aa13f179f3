//! Conference rooms: opened, joined, and told what to do.
//!
//! A room is a name: two scripts that say the same one mean the same room. It is there as long as somebody is in it; what it is
//! like is said by whoever opens it first.

use std::time::Duration;

use patchcord_engine::call::{Outcome, Verb};
use patchcord_engine::errand::{Brought, Errand, RoomErrand};
use patchcord_engine::originate::{Then, Wanted};
use patchcord_engine::room::{
    Announce, GATE_DB, Happened, Join, MAX_MEMBERS, MemberId, Order, Place, Role, Rules, WaitFor, Whom, is_name, is_pin,
};
use rhai::{Dynamic, Engine, EvalAltResult, Map};

use super::given::Given;
use super::kind::Kind;
use super::room_keys;
use super::shape::{Field, Record, Shape, field, gives, may_be};
use super::small::from_json;
use super::{Answer, Leg, Of, Part, Word, ended, part};

/// A room, as a script has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room(pub String);

/// The longest that a room may last by what a script says.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

const OPEN: &[Part] = &[
    part("max", Kind::Number, "The most members; 200 where it is missing."),
    part("pin", Kind::Text, "Digits that open it; who does not give them to join is asked, three times."),
    part("moderator_pin", Kind::Text, "Digits that make a moderator of whoever presses them."),
    part("record", Kind::Flag, "Whether it is recorded from its first member on."),
    part("record_members", Kind::Flag, "Whether each member is recorded as well, in a file of its own."),
    part(
        "wait_for",
        Kind::OneOf(&["nobody", "moderator", "admission"]),
        "For whom newcomers wait, with music: nobody, a moderator, or each to be let in by one.",
    ),
    part("music", Kind::Text, "What is heard by those who wait or are held; \"music\" where it is missing."),
    part("lock", Kind::Flag, "Whether only moderators come in."),
    part("end_with_moderator", Kind::Flag, "Whether it ends with its last moderator."),
    part("max_time", Kind::Time, "The longest that it lasts; a minute before, all are warned."),
    part("count", Kind::Flag, "Whether newcomers are told how many others are in."),
    part("sounds", Kind::Flag, "Whether members are told what is done with them; they are where it is missing."),
    part(
        "announce",
        Kind::OneOf(&["nothing", "sound", "name"]),
        "How who comes and goes is announced: not at all, by a sound, or by the name that it is asked to say.",
    ),
    part("talk_events", Kind::Flag, "Whether on_room is told who talks and has the floor."),
    part("automatic_gain", Kind::Flag, "Whether everybody is brought to one loudness."),
    part(
        "gate",
        Kind::Number,
        "What is quieter of anybody than so many decibels is not heard: -60 to -20; no gate where it is missing.",
    ),
    part("denoise", Kind::Flag, "Whether noise is taken out of what each says."),
    part(
        "keys",
        Kind::Map,
        "What keys do, by roles, as #{ all: #{ \"*6\": \"toggle_mute\" }, moderator: #{ \"*2\": \"toggle_lock\" } }: all, listener, speaker, moderator. It goes before the keys of join.",
    ),
];

const JOIN: &[Part] = &[
    part("role", Kind::OneOf(Role::WORDS), "As what: \"speaker\" where it is missing."),
    part("pin", Kind::Text, "The PIN, where it is known; else the caller is asked where the room wants one."),
    part("muted", Kind::Flag, "Whether nobody hears it at first."),
    part("deaf", Kind::Flag, "Whether it hears nobody at first."),
    part("announce", Kind::OneOf(&["nothing", "sound", "name"]), "How it is announced, where not as the room says."),
    part("name", Kind::Text, "By what name others see it."),
    part(
        "keys",
        Kind::Map,
        "What keys do, as #{ \"*6\": \"toggle_mute\" }: toggle_mute, toggle_deaf, raise_hand, leave, louder, quieter; and for moderators toggle_lock, toggle_mute_all, toggle_record, admit, kick_last, end.",
    ),
];

const WHO: Part = part("who", Kind::Who, "A leg, the number of a member, or \"all\".");

/// Why an order was refused.
const WHY: Field = may_be("why", &Shape::Text, "it was done");

/// The call that a room has begun.
const CALL: Field = may_be("call", &Shape::Text, "no call was begun");

/// Who is in a room.
const MEMBER: Shape = Shape::Record(&Record {
    of: "a member of a room",
    fields: &[
        field("member", Shape::Number),
        field("name", Shape::Text),
        field("number", Shape::Text),
        may_be("call", &Shape::Any, "its call has gone"),
        field("leg", Shape::Number),
        field("role", Shape::Text),
        field("state", Shape::Text),
        field("muted", Shape::Flag),
        field("deaf", Shape::Flag),
        field("held", Shape::Flag),
        may_be("hand_ms", &Shape::Number, "its hand is not up"),
        field("talks", Shape::Flag),
        may_be("level", &Shape::Number, "it does not talk"),
        may_be("unheard_ms", &Shape::Number, "something comes from it"),
        field("gain_db", Shape::Number),
        may_be("gate_db", &Shape::Number, "nothing of it is shut out"),
        field("denoise", Shape::Flag),
        field("here_ms", Shape::Number),
        field("talked_ms", Shape::Number),
    ],
});

/// How an order of a room may end.
const DONE: &[&str] = &["done", "refused"];

/// A word that orders something of a room, and of which only counts whether it was done.
macro_rules! order {
    ($name:literal, $takes:expr, $needs:literal, $says:literal, $order:expr $(,)?) => {
        Word {
            of: Of::Room,
            name: $name,
            takes: $takes,
            needs: $needs,
            options: &[],
            ends: DONE,
            gives: gives!($name, field("done", Shape::Number), WHY),
            says: $says,
            does: |given| obey(given, $order),
        }
    };
}

pub(super) const WORDS: &[Word] = &[
    Word {
        of: Of::Module("room"),
        name: "open",
        takes: &[part(
            "name",
            Kind::Text,
            "Its name: letters, digits, and the signs - _ . + of which the first may not be a point.",
        )],
        needs: 1,
        options: OPEN,
        ends: &[],
        gives: Shape::Room,
        says: "Opens a conference room, or finds the one of that name, which keeps what it was opened with.",
        does: |given| {
            let name = given.needed("name");
            if !is_name(&name) {
                return Err(given.wrong(format!(
                    "{name:?} is no name of a room: it has letters, digits, and the signs - _ . +, and at most 64 of them"
                )));
            }
            let rules = rules(given)?;
            match ask(given, &name, RoomErrand::Open(Box::new(rules)))? {
                Ok(_) => Ok(Dynamic::from(Room(name))),
                Err(why) => Err(given.wrong(format!("room::open: {why}"))),
            }
        },
    },
    Word {
        of: Of::Leg,
        name: "join",
        takes: &[part("room", Kind::Room, "A room, or its name.")],
        needs: 1,
        options: JOIN,
        ends: &["left", "kicked", "ended", "denied", "gone"],
        gives: gives!("join", may_be("why", &Shape::Text, "the party was in the room"), field("ms", Shape::Number)),
        says: "Brings the party into a conference room until it is out of it. With it come `.why` (of denied: pin, throttled, locked, full, name, busy, no_sound) and `.ms`.",
        does: |given| {
            let Leg(leg) = given.leg();
            let join = joined(given)?;
            match given.scene()?.want(given, Some(leg), Verb::Join(leg, Box::new(join)))? {
                Outcome::Joined { status, why, stayed } => Ok(ended(
                    status.word(),
                    [
                        ("why", why.map_or(Dynamic::UNIT, |why| why.word().into())),
                        ("ms", i64::try_from(stayed.as_millis()).unwrap_or(i64::MAX).into()),
                    ],
                )),
                _ => Ok(ended("gone", [])),
            }
        },
    },
    Word {
        of: Of::Room,
        name: "members",
        takes: &[],
        needs: 0,
        options: &[],
        ends: &[],
        gives: Shape::List(&MEMBER),
        says: "Gives a list of who is in: `.member .name .number .role .state .muted .deaf .talks .level`.",
        does: |given| told(given, Order::Members, || Dynamic::from_array(Vec::new())),
    },
    Word {
        of: Of::Room,
        name: "floor",
        takes: &[],
        needs: 0,
        options: &[],
        ends: &[],
        gives: Shape::Maybe(&MEMBER),
        says: "Gives who has the floor, as of members; () where nobody has talked.",
        does: |given| told(given, Order::Floor, || Dynamic::UNIT),
    },
    order!("mute", &[WHO], 1, "Lets nobody hear somebody; of all, moderators are spared.", |given| {
        Ok(Order::Mute(who(given, "who")?, true))
    }),
    order!("unmute", &[WHO], 1, "Takes that back.", |given| Ok(Order::Mute(who(given, "who")?, false))),
    order!("deaf", &[WHO], 1, "Lets somebody hear nobody.", |given| Ok(Order::Deaf(who(given, "who")?, true))),
    order!("undeaf", &[WHO], 1, "Takes that back.", |given| Ok(Order::Deaf(who(given, "who")?, false))),
    order!("kick", &[WHO], 1, "Sends somebody out; of all, moderators are spared.", |given| {
        Ok(Order::Kick(who(given, "who")?))
    }),
    order!("hold", &[WHO], 1, "Holds somebody out of the room, with music.", |given| {
        Ok(Order::Aside(who(given, "who")?, true))
    }),
    order!("unhold", &[WHO], 1, "Brings somebody back who was held.", |given| {
        Ok(Order::Aside(who(given, "who")?, false))
    }),
    order!("admit", &[WHO], 1, "Lets in somebody who waits.", |given| Ok(Order::Admit(who(given, "who")?))),
    order!("lower_hand", &[WHO], 1, "Takes a raised hand down.", |given| Ok(Order::Hand(who(given, "who")?, false))),
    order!(
        "role",
        &[WHO, part("role", Kind::OneOf(Role::WORDS), "What somebody may do from now on.")],
        2,
        "Makes somebody a moderator, a speaker, or a listener.",
        |given| Ok(Order::Role(who(given, "who")?, Role::of(&given.needed("role")).unwrap_or_default())),
    ),
    order!("lock", &[], 0, "Lets only moderators come in.", |_| Ok(Order::Lock(true))),
    order!("unlock", &[], 0, "Lets everybody come in again.", |_| Ok(Order::Lock(false))),
    order!(
        "automatic_gain",
        &[part("on", Kind::Flag, "Whether it is so from now on.")],
        1,
        "Brings everybody to one loudness, or nobody any more.",
        |given| Ok(Order::AutomaticGain(given.flag("on").unwrap_or(true))),
    ),
    order!(
        "gain",
        &[
            part("listener", Kind::Who, "Who hears, or \"all\"."),
            part("speaker", Kind::Who, "Whom."),
            part("db", Kind::Number, "How much louder or quieter, from -60 (not at all) to 12 dB."),
        ],
        3,
        "Says how loud one hears another: a coach whom only one hears, a whisper.",
        gain,
    ),
    order!(
        "gate",
        &[WHO, part("db", Kind::Number, "What is quieter is not heard, from -60 to -20 dB; 0 is no gate.")],
        2,
        "Shuts out what is quiet of somebody: a room full of people behind it; of all, also of those who come later.",
        |given| {
            let db = given.number("db", -128, 0)?.and_then(|db| i8::try_from(db).ok());
            Ok(Order::Gate(who(given, "who")?, db.filter(|db| *db != 0)))
        },
    ),
    order!(
        "denoise",
        &[WHO],
        1,
        "Takes noise out of what somebody says; of all, also of those who come later.",
        |given| { Ok(Order::Denoise(who(given, "who")?, true)) }
    ),
    order!("undenoise", &[WHO], 1, "Takes that back.", |given| Ok(Order::Denoise(who(given, "who")?, false))),
    order!("play", &[part("prompts", Kind::Prompts, "As of leg.play.")], 1, "Lets all hear prompts.", |given| {
        Ok(Order::Announce(Whom::All, given.texts("prompts")))
    }),
    order!(
        "move_to",
        &[WHO, part("room", Kind::Room, "Another room, or its name.")],
        2,
        "Brings somebody into another room, muted there as here.",
        |given| Ok(Order::Move(who(given, "who")?, room_named(given, "room"))),
    ),
    order!(
        "merge",
        &[part("room", Kind::Room, "Another room, or its name.")],
        1,
        "Brings everybody of another room into this one.",
        |given| Ok(Order::Merge(room_named(given, "room"))),
    ),
    Word {
        of: Of::Room,
        name: "dial",
        takes: &[part("target", Kind::Text, "Who is called, as \"user:alice\" or a number.")],
        needs: 1,
        options: &[],
        ends: DONE,
        gives: gives!("dial", field("done", Shape::Number), CALL, WHY),
        says: "Calls somebody and brings it in when it answers: a call of its own, as originate begins one.",
        does: |given| {
            let Room(name) = given.room();
            let wanted = Wanted::new(&given.needed("target"), Then::Dial(format!("room:{name}")));
            let errand = Verb::Errand(Box::new(Errand::Originate(Box::new(wanted))));
            let Outcome::Brought(brought) = given.scene()?.want(given, None, errand)? else {
                return Ok(ended("refused", [("why", "the call is being taken down".into())]));
            };
            Ok(match *brought {
                Brought::Begun(Ok(call)) => ended("done", [("done", 1_i64.into()), ("call", call.to_string().into())]),
                Brought::Begun(Err(why)) => ended("refused", [("why", why.to_string().into())]),
                _ => ended("refused", [("why", "the house gave another answer".into())]),
            })
        },
    },
    order!("record", &[], 0, "Records what all hear.", |_| Ok(Order::Record(true))),
    order!("stop_record", &[], 0, "Records no longer.", |_| Ok(Order::Record(false))),
    order!("end", &[], 0, "Ends the room; everybody is out.", |_| Ok(Order::End)),
];

/// Does an order.
fn obey(given: &Given<'_>, order: fn(&Given<'_>) -> Result<Order, Box<EvalAltResult>>) -> Answer {
    let order = order(given)?;
    let Room(name) = given.room();
    match ask(given, &name, RoomErrand::Order(Box::new(order)))? {
        Ok(reply) => {
            let done = reply.get("done").and_then(serde_json::Value::as_i64).unwrap_or(0);
            Ok(ended("done", [("done", done.into())]))
        }
        Err(why) => Ok(ended("refused", [("why", why.into())])),
    }
}

/// Asks for facts; a room that is not there has none.
fn told(given: &Given<'_>, order: Order, nothing: fn() -> Dynamic) -> Answer {
    let Room(name) = given.room();
    match ask(given, &name, RoomErrand::Order(Box::new(order)))? {
        Ok(reply) => from_json(given, reply),
        Err(_) => Ok(nothing()),
    }
}

type Said = Result<serde_json::Value, String>;

fn ask(given: &Given<'_>, room: &str, errand: RoomErrand) -> Result<Said, Box<EvalAltResult>> {
    let errand = Errand::Room(room.to_owned(), errand);
    let answer = match given.scene()?.want(given, None, Verb::Errand(Box::new(errand)))? {
        Outcome::Brought(brought) => match *brought {
            Brought::Answer(answer) => answer,
            _ => Err("the house gave another answer".into()),
        },
        _ => Err("the call is being taken down".into()),
    };
    Ok(answer.and_then(|json| serde_json::from_str(&json).map_err(|error| error.to_string())))
}

fn rules(given: &Given<'_>) -> Result<Rules, Box<EvalAltResult>> {
    let usual = Rules::default();
    let most = given.number("max", 1, MAX_MEMBERS as i64)?;
    for name in ["pin", "moderator_pin"] {
        if given.text(name).is_some_and(|pin| !is_pin(&pin)) {
            return Err(given.wrong_with(name, "a PIN has 1 to 16 digits"));
        }
    }
    let flag = |name: &str, usual: bool| given.flag(name).unwrap_or(usual);
    Ok(Rules {
        most: most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usual.most),
        pin: given.text("pin"),
        moderator_pin: given.text("moderator_pin"),
        wait_for: match given.text("wait_for").as_deref() {
            Some("moderator") => WaitFor::Moderator,
            Some("admission") => WaitFor::Admission,
            _ => WaitFor::Nobody,
        },
        music: given.text("music").or(usual.music),
        longest: given.time("max_time", LONGEST)?,
        end_with_moderator: flag("end_with_moderator", usual.end_with_moderator),
        locked: flag("lock", usual.locked),
        sounds: flag("sounds", usual.sounds),
        count: flag("count", usual.count),
        announce: announced(given).unwrap_or(usual.announce),
        record: flag("record", usual.record),
        record_members: flag("record_members", usual.record_members),
        talk_events: flag("talk_events", usual.talk_events),
        automatic_gain: flag("automatic_gain", usual.automatic_gain),
        gate: given
            .number("gate", (*GATE_DB.start()).into(), (*GATE_DB.end()).into())?
            .and_then(|db| i8::try_from(db).ok()),
        denoise: flag("denoise", usual.denoise),
        keys: room_keys::of_room(given)?,
    })
}

fn announced(given: &Given<'_>) -> Option<Announce> {
    match given.text("announce")?.as_str() {
        "sound" => Some(Announce::Sound),
        "name" => Some(Announce::Name),
        _ => Some(Announce::Nothing),
    }
}

fn joined(given: &Given<'_>) -> Result<Join, Box<EvalAltResult>> {
    Ok(Join {
        room: room_named(given, "room"),
        role: given.text("role").and_then(|role| Role::of(&role)).unwrap_or_default(),
        pin: given.text("pin"),
        muted: given.flag("muted").unwrap_or(false),
        deaf: given.flag("deaf").unwrap_or(false),
        announce: announced(given),
        keys: room_keys::of_join(given)?,
        watches: given.scene()?.watches.get(),
        name: given.text("name"),
    })
}

fn gain(given: &Given<'_>) -> Result<Order, Box<EvalAltResult>> {
    let db = given.number("db", -60, 12)?.and_then(|db| i8::try_from(db).ok()).unwrap_or(0);
    let speaker = who(given, "speaker")?;
    Ok(match who(given, "listener")? {
        Whom::All => Order::Gain(speaker, db),
        listener => Order::Hears(listener, speaker, db),
    })
}

/// A leg, a member, or all.
fn who(given: &Given<'_>, name: &str) -> Result<Whom, Box<EvalAltResult>> {
    let Some(value) = given.get(name) else { return Err(given.wrong(format!("`{name}` is missing"))) };
    if let Some(Leg(leg)) = value.clone().try_cast::<Leg>() {
        // The house knows which call this is.
        return Ok(Whom::Leg(Place { shard: 0, call: 0, leg }));
    }
    match value.as_int() {
        Ok(number) => Ok(Whom::Member(MemberId(u64::try_from(number).unwrap_or(0)))),
        Err(_) => Ok(Whom::All),
    }
}

fn room_named(given: &Given<'_>, name: &str) -> String {
    let value = given.get(name).cloned().unwrap_or_default();
    match value.clone().try_cast::<Room>() {
        Some(Room(name)) => name,
        None => value.to_string(),
    }
}

/// What has happened, as `on_room` is told.
pub fn happened(happened: &Happened) -> Map {
    let who = happened.who.as_ref();
    let member = who.map_or(Dynamic::UNIT, |who| i64::try_from(who.member.0).unwrap_or(i64::MAX).into());
    Map::from([
        ("room".into(), happened.room.clone().into()),
        ("kind".into(), happened.kind.word().into()),
        ("on".into(), happened.on.into()),
        ("me".into(), happened.me.into()),
        ("members".into(), i64::try_from(happened.members).unwrap_or(i64::MAX).into()),
        ("member".into(), member),
        ("name".into(), who.map(|who| who.name.clone()).unwrap_or_default().into()),
        ("number".into(), who.map(|who| who.number.clone()).unwrap_or_default().into()),
        ("role".into(), who.map_or("", |who| who.role.word()).into()),
    ])
}

/// Teaches Rhai what a room tells of itself.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Room>("Room");
    engine.register_get("name", |room: &mut Room| room.0.clone());
    engine.register_fn("to_string", |room: &mut Room| room.0.clone());
    engine.register_fn("to_debug", |room: &mut Room| format!("room {}", room.0));
    engine.register_fn("!=", |one: Room, other: Room| one != other);
    engine.register_fn("==", |one: Room, other: Room| one == other);
}
