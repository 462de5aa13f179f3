//! A room that goes on: who is in, who speaks, who had the floor; and everything that can be done with it and with each of them.

use std::collections::BTreeSet;

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use patchcord_engine::{
    room::{MemberView, Past, Role, RoomView},
    runtime::clock,
};
use serde::Deserialize;

use super::{
    super::{
        Guest, Posted, Rooms, assets,
        frame::{Frame, Place, hidden},
        wrong::Wrong,
    },
    lasts, lines, marks, name,
};
use crate::{
    api::{rooms as live, sounds},
    control::words::RoomOrder,
    people::{Asker, Right},
};

/// Steps of loudness that the page offers, in decibels; the first is silence to whoever hears it so.
const GAINS: [i8; 6] = [-60, -12, -6, 0, 6, 12];

/// Names that a field offers; whoever has more of them types.
const MOST_OFFERED: usize = 500;

/// `GET /rooms/{room}`
pub async fn show(State(rooms): State<Rooms>, guest: Guest, Path(called): Path<String>) -> Result<Response, Wrong> {
    guest.may(Right::ReadCalls)?;
    let room = live::one(&rooms, &guest.0, &called).map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let story = live::story(&rooms, &guest.0, &called);
    let may = guest.0.rights.has(Right::ChangeCalls);
    let others = live::now(&rooms, &guest.0).into_iter().map(|other| other.name).filter(|other| *other != room.name);
    let prompts = if may { sounds::all(&rooms).await.unwrap_or_default() } else { Vec::new() };
    // A prompt without a language before it is heard in that of the house.
    let prompts = prompts.iter().map(|prompt| prompt.name.rsplit('/').next().unwrap_or_default().to_owned());
    let prompts: BTreeSet<String> = prompts.collect();
    let body = html! {
        div data-room=(room.name) {
            div.head #room-head {
                div { p.kicker { a href="/rooms" { "Rooms" } " · open for " (lasts(room.lasts_ms)) " · " (room.members.len()) " of " (room.most) } h1 { (room.name) " " (marks(&room)) } }
                @if may { (for_all(&room, &guest.0)) }
            }
            @if may {
                (wishes(&room, &guest.0))
                div #room-sound { (sound(&room, &guest.0)) }
                (offered("prompt", prompts.into_iter()))
                (offered("room", others))
            }
            section.card.flush.spaced {
                div.seats #seats {
                    @if room.members.is_empty() { p.empty { "Nobody is in." } }
                    @for member in &room.members { (seat(&room, member, &guest.0, may)) }
                }
            }
            @if let Some(story) = &story { (history(story)) }
            p.small.muted #room-state role="status" {}
        }
        script type="module" src=(assets::address("rooms.js")) {}
    };
    Ok(Frame::new(&room.name, Place::Rooms, &guest.0).page(body).into_response())
}

/// What the fields of that name offer to whoever types.
fn offered(field: &str, names: impl Iterator<Item = String>) -> Markup {
    html! { datalist id={ "offered-" (field) } { @for name in names.take(MOST_OFFERED) { option value=(name) {} } } }
}

fn history(story: &Past) -> Markup {
    html! {
        section.card.flush.spaced {
            h2 { "Who spoke when" }
            div #room-history { (lines::draw(story)) }
        }
    }
}

/// What is done with the room as a whole, by one press.
fn for_all(room: &RoomView, asker: &Asker) -> Markup {
    let deed = |deed: &str, on: bool, says: &str| button(room, asker, None, deed, on, says);
    let waits = room.members.iter().any(|member| member.state == "waiting");
    html! {
        div.deeds {
            @if waits { (deed("admit", true, "Let all in")) }
            (deed("mute", true, "Mute all"))
            (deed("mute", false, "Unmute all"))
            (deed("lock", !room.locked, if room.locked { "Unlock" } else { "Lock" }))
            (deed("record", !room.recording, if room.recording { "Stop recording" } else { "Record" }))
            (deed("end", true, "End room"))
        }
    }
}

/// What is done with the room as a whole, with a word.
fn wishes(room: &RoomView, asker: &Asker) -> Markup {
    html! {
        div.wishes {
            (field(room, asker, None, "invite", "target", "user:alice or +4930…", "Invite"))
            (field(room, asker, None, "announce", "prompt", "one-moment", "Announce"))
            (field(room, asker, None, "merge", "room", "other room", "Take in its members"))
        }
    }
}

/// How all of them sound, also those who come later.
fn sound(room: &RoomView, asker: &Asker) -> Markup {
    let even = room.automatic_gain;
    html! {
        details.more {
            summary { "Sound of all" }
            div.wishes {
                (button(room, asker, None, "automatic_gain", !even, if even { "Leave loudness" } else { "Even loudness out" }))
                (button(room, asker, None, "denoise", !room.denoise, if room.denoise { "Leave noise" } else { "Take noise out" }))
                (chosen(room, asker, None, "gate", "Not heard below", html! { (gates(room.gate_db)) }))
            }
        }
    }
}

fn seat(room: &RoomView, member: &MemberView, asker: &Asker, may: bool) -> Markup {
    let of = Some(member);
    let level = member.level.filter(|_| member.talks).map_or(0.0, |level| (1.0 - f32::from(level) / 60.0).max(0.0));
    let class = match (member.talks, room.floor == Some(member.member)) {
        (true, true) => "seat talks floor",
        (true, false) => "seat talks",
        (false, true) => "seat floor",
        (false, false) => "seat",
    };
    html! {
        div class=(class) data-member=(member.member.0) {
            div.name {
                strong { (called(room, member)) }
                span.small.muted {
                    (member.role.word()) " · here " (lasts(member.here_ms)) ", talked " (lasts(member.talked_ms))
                }
                span {
                    @if member.state != "in" { span.badge.warn { (state(member.state)) } " " }
                    @if member.muted { span.badge { "muted" } " " }
                    @if member.deaf { span.badge { "deaf" } " " }
                    @if member.held { span.badge { "holds" } " " }
                    @if let Some(unheard) = member.unheard_ms { span.badge.bad title="Its phone, or the way to it, may be gone: neither sound nor a report has come" { "nothing heard for " (lasts(unheard)) } " " }
                    @if member.hand_ms.is_some() { span.badge.live { "hand up" } " " }
                    @if let Some(call) = member.call { a.small href={ "/calls/" (call) } { "its call" } }
                }
            }
            meter min="0" max="1" value=(format!("{level:.2}")) aria-label={ "How loud " (called(room, member)) " is" } {}
            @if may { (deeds(room, member, asker, of)) }
        }
    }
}

/// What a member is called, with its number in the room where another one is called the same.
fn called(room: &RoomView, member: &MemberView) -> String {
    let its = name(member);
    let is_shared = room.members.iter().any(|other| other.member != member.member && name(other) == its);
    if is_shared { format!("{its} (member {})", member.member.0) } else { its }
}

/// What a button does that says it in a word.
fn hinted(deed: &str, on: bool) -> Option<&'static str> {
    Some(match (deed, on) {
        ("mute", true) => "Nobody hears them",
        ("mute", false) => "They are heard again",
        ("deaf", true) => "It hears nobody",
        ("deaf", false) => "It hears the others again",
        ("aside", true) => "Out of the room, with music, until it is taken back in",
        ("aside", false) => "It hears the others and is heard again",
        ("hand", _) => "As the member does itself by a key",
        ("kick", _) => "It is sent out of the room",
        ("denoise", true) => "What is no speech is not let through; music is noise, too",
        ("automatic_gain", true) => "Everybody is brought to one loudness",
        ("automatic_gain", false) => "Each is as loud as it comes",
        ("lock", true) => "Only moderators come in from now on",
        ("record", true) => "What all hear is recorded from now on",
        ("end", _) => "Everybody is sent out, and the room is over",
        ("admit", _) => "Whoever waits at the door comes in",
        ("invite", _) => "Somebody is called, and is in the room when it answers",
        ("announce", _) => "A prompt, or a tone as tone::440:1000",
        ("merge", _) => "All members of the other room come into this one",
        ("move", _) => "It goes to the other room, which opens where there is none",
        _ => return None,
    })
}

/// How a member stands, in words.
fn state(state: &str) -> &str {
    match state {
        "aside" => "held out of the room",
        "door" => "at the door",
        other => other,
    }
}

fn deeds(room: &RoomView, member: &MemberView, asker: &Asker, of: Option<&MemberView>) -> Markup {
    let aside = member.state == "aside";
    html! {
        div.deeds {
            @if member.state == "waiting" { (button(room, asker, of, "admit", true, "Let in")) }
            (button(room, asker, of, "mute", !member.muted, if member.muted { "Unmute" } else { "Mute" }))
            (button(room, asker, of, "deaf", !member.deaf, if member.deaf { "Let hear" } else { "Deafen" }))
            (button(room, asker, of, "aside", !aside, if aside { "Take back in" } else { "Hold" }))
            (button(room, asker, of, "hand", member.hand_ms.is_none(), if member.hand_ms.is_some() { "Hand down" } else { "Raise hand" }))
            (button(room, asker, of, "kick", true, "Kick"))
            (button(room, asker, of, "denoise", !member.denoise, if member.denoise { "Leave noise" } else { "Take noise out" }))
            details.more {
                summary { "More" }
                div.wishes {
                    (chosen(room, asker, of, "role", "Role", html! {
                        select name="role" aria-label="Role" {
                            @for role in [Role::Listener, Role::Speaker, Role::Moderator] {
                                option value=(role.word()) selected[role == member.role] { (role.word()) }
                            }
                        }
                    }))
                    (chosen(room, asker, of, "gain", "Loudness", html! { (gains("Loudness", member.gain_db)) }))
                    (chosen(room, asker, of, "gate", "Not heard below", html! { (gates(member.gate_db)) }))
                    (hears(room, member, asker))
                    (field(room, asker, of, "move", "room", "other room", "Move"))
                    (field(room, asker, of, "announce", "prompt", "one-moment", "Play to it"))
                }
            }
        }
    }
}

/// How loud this one hears another one.
fn hears(room: &RoomView, member: &MemberView, asker: &Asker) -> Markup {
    let others = room.members.iter().filter(|other| other.member != member.member);
    html! {
        @if room.members.len() > 1 {
            (chosen(room, asker, Some(member), "hears", "Hears", html! {
                select name="other" aria-label="Whom it hears" {
                    @for other in others { option value=(other.member.0) { (called(room, other)) } }
                }
                (gains("How loud it hears that one", 0))
            }))
        }
    }
}

fn gates(now: Option<i8>) -> Markup {
    html! {
        select name="gate" aria-label="Not heard below" {
            option value="" selected[now.is_none()] { "no gate" }
            @for step in [-50, -40, -30_i8] { option value=(step) selected[Some(step) == now] { (step) " dB" } }
        }
    }
}

fn gains(label: &str, now: i8) -> Markup {
    html! {
        select name="db" aria-label=(label) {
            @if !GAINS.contains(&now) { option value=(now) selected { (now) " dB" } }
            @for step in GAINS {
                option value=(step) selected[step == now] { @if step == GAINS[0] { "not at all" } @else { (step) " dB" } }
            }
        }
    }
}

/// A form with something to choose from.
fn chosen(room: &RoomView, asker: &Asker, of: Option<&MemberView>, deed: &str, says: &str, fields: Markup) -> Markup {
    html! {
        form method="post" action={ "/rooms/" (room.name) "/order" } {
            (order(asker, of, deed))
            span.small.muted { (says) }
            (fields)
            button type="submit" data-deed=(deed) { "Set" }
        }
    }
}

/// A form whose only content is what it does.
fn button(room: &RoomView, asker: &Asker, of: Option<&MemberView>, deed: &str, on: bool, says: &str) -> Markup {
    html! {
        form method="post" action={ "/rooms/" (room.name) "/order" } {
            (order(asker, of, deed))
            input type="hidden" name="on" value=(on);
            button.danger[matches!(deed, "kick" | "end")] type="submit" data-deed=(deed) title=[hinted(deed, on)] { (says) }
        }
    }
}

/// A form with one field.
fn field(
    room: &RoomView,
    asker: &Asker,
    of: Option<&MemberView>,
    deed: &str,
    field: &str,
    example: &str,
    says: &str,
) -> Markup {
    html! {
        form method="post" action={ "/rooms/" (room.name) "/order" } {
            (order(asker, of, deed))
            input name=(field) placeholder=(example) aria-label=(says) required maxlength="256" list={ "offered-" (field) };
            button type="submit" data-deed=(deed) title=[hinted(deed, true)] { (says) }
        }
    }
}

fn order(asker: &Asker, of: Option<&MemberView>, deed: &str) -> Markup {
    let csrf = asker.session.as_ref().map(|session| session.csrf.as_str()).unwrap_or_default();
    html! {
        (hidden(csrf))
        input type="hidden" name="do" value=(deed);
        @if let Some(member) = of { input type="hidden" name="member" value=(member.member.0); }
    }
}

/// What a form of the page says.
#[derive(Deserialize)]
pub struct Wanted {
    #[serde(rename = "do")]
    deed: String,
    member: Option<u64>,
    other: Option<u64>,
    on: Option<bool>,
    db: Option<i8>,
    gate: Option<String>,
    role: Option<String>,
    room: Option<String>,
    target: Option<String>,
    prompt: Option<String>,
}

/// `POST /rooms/{room}/order`
pub async fn obey(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(called): Path<String>,
    Posted(wanted): Posted<Wanted>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeCalls)?;
    let Wanted { deed, member, other, mut on, mut db, gate, role, room, target, prompt } = wanted;
    if let Some(gate) = gate {
        db = gate.parse().ok();
        on = Some(db.is_some());
    }
    let prompts = prompt.map(|prompt| vec![prompt]);
    let order = RoomOrder { deed, member, other, on, db, role, room, target, prompts };
    live::order(&rooms, &guest.0, &called, order).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    // A room whose last member is gone is over.
    let there = rooms.accounts.board().rooms.find(&called, clock::now()).is_some();
    Ok(Redirect::to(&if there { format!("/rooms/{called}") } else { "/rooms".to_owned() }))
}
