//! Rooms: those there are now, one of them with who speaks and what can be done, and those that are over.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use patchcord_engine::{
    journal::{clean, long, moment},
    room::{MemberView, RoomView},
};
use serde::Deserialize;

use super::{
    Guest, Posted, Rooms, assets,
    frame::{Frame, Place, hidden},
    wrong::Wrong,
};
use crate::{
    api::rooms as live,
    control::words::RoomOrder,
    people::{Asker, Right},
    store::rooms::PastRoom,
};
use std::time::{Duration, UNIX_EPOCH};

/// Rooms that are over, as many as the page shows.
const PAST: usize = 50;

/// Steps of loudness that the page offers, in decibels.
const GAINS: [i8; 5] = [-12, -6, 0, 6, 12];

/// `GET /rooms`
pub async fn list(State(rooms): State<Rooms>, guest: Guest) -> Result<Response, Wrong> {
    guest.may(Right::ReadCalls)?;
    let now = live::now(&rooms, &guest.0);
    let past = rooms.store.past_rooms(None, None, PAST).await;
    let body = html! {
        div #rooms data-live {
            div.head { h1 { (now.len()) @if now.len() == 1 { " room now" } @else { " rooms now" } } }
            section.card.flush.spaced {
                @if now.is_empty() { p.empty { "No room is open. One opens when its first member comes; endpoints dial 3000 to 3099." } }
                @else { (open(&now)) }
            }
            section.card.flush.spaced {
                h2 { "Over" }
                @match &past {
                    Ok(past) if past.is_empty() => p.empty { "No room has ended yet." },
                    Ok(past) => (over(past)),
                    Err(_) => p.empty { "The database does not answer at the moment." },
                }
            }
        }
    };
    Ok(Frame::new("Rooms", Place::Rooms, &guest.0).page(body).into_response())
}

fn open(now: &[RoomView]) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { th { "Room" } th { "Members" } th { "Speaks" } th {} th.right { "For" } } }
                tbody {
                    @for room in now {
                        tr {
                            td { a href={ "/rooms/" (room.name) } { strong { (room.name) } } }
                            td { (room.members.len()) " of " (room.most) }
                            td { (talking(room)) }
                            td { (marks(room)) }
                            td.right.nowrap { (lasts(room.lasts_ms)) }
                        }
                    }
                }
            }
        }
    }
}

fn over(past: &[PastRoom]) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { th { "Room" } th { "Opened (UTC)" } th.right { "Most members" } th.right { "Lasted" } } }
                tbody {
                    @for room in past {
                        tr {
                            td { a href={ "/past-rooms/" (room.id) } { (room.room) } }
                            td.nowrap { (moment(UNIX_EPOCH + Duration::from_millis(room.opened_ms))) }
                            td.right { (room.most) }
                            td.right.nowrap { (lasts(room.lasted_ms)) }
                        }
                    }
                }
            }
        }
    }
}

fn lasts(ms: u64) -> String {
    long(Duration::from_secs(ms / 1000))
}

/// Who talks now, in words.
fn talking(room: &RoomView) -> String {
    let names: Vec<String> = room.members.iter().filter(|member| member.talks).map(name).collect();
    if names.is_empty() { "nobody".into() } else { names.join(", ") }
}

fn marks(room: &RoomView) -> Markup {
    html! {
        @if room.recording { span.badge.bad { "recorded" } " " }
        @if room.locked { span.badge.warn { "locked" } " " }
        @if room.has_pin { span.badge { "PIN" } }
    }
}

fn name(member: &MemberView) -> String {
    let named = clean(&member.name);
    if named.is_empty() { clean(&member.number) } else { named }
}

/// `GET /rooms/{room}`
pub async fn show(State(rooms): State<Rooms>, guest: Guest, Path(called): Path<String>) -> Result<Response, Wrong> {
    guest.may(Right::ReadCalls)?;
    let room = live::one(&rooms, &guest.0, &called).map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let may = guest.0.rights.has(Right::ChangeCalls);
    let body = html! {
        div data-room=(room.name) data-seats=(seats(&room)) {
            div.head {
                div { p.kicker { a href="/rooms" { "Rooms" } " · open for " (lasts(room.lasts_ms)) } h1 { (room.name) " " (marks(&room)) } }
                @if may { (for_all(&room, &guest.0)) }
            }
            section.card.flush.spaced {
                @if room.members.is_empty() { p.empty { "Nobody is in." } }
                div.seats { @for member in &room.members { (seat(&room, member, &guest.0, may)) } }
            }
        }
        script type="module" src=(assets::address("rooms.js")) {}
    };
    Ok(Frame::new(&room.name, Place::Rooms, &guest.0).page(body).into_response())
}

/// All that the page shows of a room but who talks: where it changes, `rooms.js` has the page drawn again.
fn seats(room: &RoomView) -> String {
    let seats = room.members.iter().map(|member| {
        let MemberView { member, state, muted, deaf, role, gain_db, hand_ms, .. } = member;
        format!("{},{state},{muted},{deaf},{},{gain_db},{}", member.0, role.word(), hand_ms.is_some())
    });
    format!("{}|{}|{}", seats.collect::<Vec<_>>().join(";"), room.locked, room.recording)
}

/// What can be done with the whole room.
fn for_all(room: &RoomView, asker: &Asker) -> Markup {
    let deed = |deed: &str, on: bool, says: &str| button(room, asker, None, deed, on, says);
    html! {
        div.deeds {
            (deed("mute", true, "Mute all"))
            (deed("mute", false, "Unmute all"))
            (deed("lock", !room.locked, if room.locked { "Unlock" } else { "Lock" }))
            (deed("record", !room.recording, if room.recording { "Stop recording" } else { "Record" }))
            (field(room, asker, None, "invite", "target", "user:alice", "Invite"))
            (field(room, asker, None, "announce", "prompt", "welcome", "Announce"))
            (deed("end", true, "End room"))
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
                strong { (name(member)) }
                span.small.muted {
                    (clean(&member.number)) " · " (member.role.word()) " · here " (lasts(member.here_ms)) ", talked " (lasts(member.talked_ms))
                }
                span {
                    @if member.state != "in" { span.badge.warn { (member.state) } " " }
                    @if member.muted { span.badge { "muted" } " " }
                    @if member.deaf { span.badge { "deaf" } " " }
                    @if member.hand_ms.is_some() { span.badge.live { "hand up" } " " }
                    @if let Some(call) = member.call { a.small href={ "/calls/" (call) } { "its call" } }
                }
            }
            meter min="0" max="1" value=(format!("{level:.2}")) aria-label={ "How loud " (name(member)) " is" } {}
            @if may {
                div.deeds {
                    @if member.state == "waiting" { (button(room, asker, of, "admit", true, "Let in")) }
                    (button(room, asker, of, "mute", !member.muted, if member.muted { "Unmute" } else { "Mute" }))
                    (button(room, asker, of, "deaf", !member.deaf, if member.deaf { "Let hear" } else { "Deafen" }))
                    (gain(room, asker, member))
                    (field(room, asker, of, "move", "room", "other room", "Move"))
                    (button(room, asker, of, "kick", true, "Kick"))
                }
            }
        }
    }
}

/// A form whose only content is what it does.
fn button(room: &RoomView, asker: &Asker, of: Option<&MemberView>, deed: &str, on: bool, says: &str) -> Markup {
    html! {
        form method="post" action={ "/rooms/" (room.name) "/order" } {
            (order(asker, of, deed))
            input type="hidden" name="on" value=(on);
            button.danger[matches!(deed, "kick" | "end")] type="submit" data-deed=(deed) { (says) }
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
            input name=(field) placeholder=(example) aria-label=(says) required size="10";
            button type="submit" data-deed=(deed) { (says) }
        }
    }
}

fn gain(room: &RoomView, asker: &Asker, member: &MemberView) -> Markup {
    html! {
        form method="post" action={ "/rooms/" (room.name) "/order" } {
            (order(asker, Some(member), "gain"))
            select name="db" aria-label="Loudness" {
                @if !GAINS.contains(&member.gain_db) { option selected { (member.gain_db) } }
                @for step in GAINS { option value=(step) selected[step == member.gain_db] { (step) " dB" } }
            }
            button type="submit" data-deed="gain" { "Set" }
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
    on: Option<bool>,
    db: Option<i8>,
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
    let Wanted { deed, member, on, db, room, target, prompt } = wanted;
    let ends = deed == "end";
    let prompts = prompt.map(|prompt| vec![prompt]);
    let order = RoomOrder { deed, member, on, db, room, target, prompts, ..RoomOrder::default() };
    live::order(&rooms, &guest.0, &called, order).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    Ok(Redirect::to(&if ends { "/rooms".to_owned() } else { format!("/rooms/{called}") }))
}

/// `GET /past-rooms/{id}`
pub async fn past(State(rooms): State<Rooms>, guest: Guest, Path(id): Path<String>) -> Result<Response, Wrong> {
    guest.may(Right::ReadCalls)?;
    let past = live::past_story(&rooms, &guest.0, &id).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let began = UNIX_EPOCH + Duration::from_millis(past.opened_ms);
    let at = |ms: u64| format!("{}:{:02}", ms / 60_000, ms / 1000 % 60);
    let named = |member: Option<u64>| {
        let stay = past.stays.iter().find(|stay| Some(stay.member) == member);
        stay.map_or_else(String::new, |stay| clean(if stay.name.is_empty() { &stay.number } else { &stay.name }))
    };
    let body = html! {
        div {
            p.kicker { a href="/rooms" { "Rooms" } " · " (moment(began)) " UTC" }
            h1 { (past.room) }
            p { "It lasted " (lasts(past.lasted_ms)) ", had " (past.most) " members at most, and ended because " (clean(&past.why)) "." }
        }
        section.card.flush {
            h2 { "Who spoke when" }
            div.seats {
                @for stay in &past.stays {
                    div.seat {
                        div.name {
                            strong { (named(Some(stay.member))) }
                            span.small.muted { (stay.role) " · talked " (lasts(stay.talked_ms)) }
                            @if let Some(call) = stay.call { a.small href={ "/calls/" (call) } { "its call" } }
                        }
                        span.small.nowrap { (at(stay.came_ms)) " – " (at(stay.left_ms.unwrap_or(past.lasted_ms))) }
                        (talks(&stay.talks, past.lasted_ms))
                    }
                }
            }
        }
        section.card.flush {
            h2 { "What happened" }
            div.scroll { table { tbody {
                @for moment in &past.moments {
                    tr {
                        td.mono.nowrap { (at(moment.at_ms)) }
                        td { (clean(&moment.what)) @if !moment.on { " ended" } }
                        td { (named(moment.member)) }
                        td.small { (clean(&moment.note)) }
                    }
                }
            } } }
            @if past.left_out > 0 { p.empty { (past.left_out) " more are not kept." } }
        }
    };
    Ok(Frame::new(&past.room, Place::Rooms, &guest.0).page(body).into_response())
}

/// When somebody talked, on the time of the room.
fn talks(talks: &[(u64, u64)], lasted: u64) -> Markup {
    let lasted = lasted.max(1) as f64;
    let part = |ms: u64| ms as f64 * 1000.0 / lasted;
    html! {
        svg.talk-line viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label={ (talks.len()) " times of talk" } {
            @for (from, until) in talks {
                rect x=(format!("{:.1}", part(*from))) y="0" height="10" width=(format!("{:.1}", part(until.saturating_sub(*from)).max(2.0))) {}
            }
        }
    }
}
