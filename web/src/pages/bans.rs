//! Who is refused at every door: why, by whom and until when; banned and let in again from here.

use std::time::{Duration, UNIX_EPOCH};

use axum::{
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use patchcord_engine::{
    bans::MAX_REASON,
    journal::{clean, long},
    runtime::clock,
};
use serde::Deserialize;

use super::{
    Guest, Posted, Rooms,
    frame::{Frame, Place, csrf},
    words::when,
    wrong::Wrong,
};
use crate::{
    api::bans as doors,
    control::words::{BanTold, NewBan},
    people::{Asker, Right},
};

/// Bans on a page; with more of them nobody reads a list, and finds one by its address.
const MOST: usize = 500;

/// How long a ban may last, as the page offers it: its seconds, and in words. No seconds: until somebody lifts it.
const TIMES: [(&str, &str); 5] =
    [("3600", "an hour"), ("86400", "a day"), ("604800", "a week"), ("2592000", "a month"), ("", "until it is lifted")];

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    text: String,
}

/// `GET /bans`
pub async fn show(State(rooms): State<Rooms>, guest: Guest, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    guest.may(Right::ReadEndpoints)?;
    let all: Vec<BanTold> = rooms.accounts.board().bans.list().into_iter().map(BanTold::from).collect();
    let text = asked.text.trim().to_lowercase();
    let fits = |ban: &&BanTold| ban.network.contains(&text) || ban.reason.to_lowercase().contains(&text);
    let found: Vec<&BanTold> = all.iter().filter(fits).collect();
    let may = guest.0.rights.has(Right::ChangeBans);
    let body = html! {
        div.head {
            div { p.kicker { (all.len()) " stand" } h1 { "Bans" } }
            form.inline method="get" action="/bans" role="search" {
                input name="text" value=(asked.text) placeholder="address or reason" aria-label="Address or reason" maxlength="64";
                button type="submit" { "Find" }
            }
        }
        @if may { (new(&guest.0)) }
        section.card.flush {
            @if found.is_empty() {
                p.empty {
                    @if all.is_empty() {
                        "Nobody is banned. Whoever guesses passwords is, by the house, for a while."
                        @if may { " Name an address above to ban it yourself." } @else { " Operators and admins ban others." }
                    } @else { "No ban is like that. " a href="/bans" { "See all of them" } "." }
                }
            } @else { (table(&found, &guest.0, may)) }
            @if found.len() > MOST { p.empty { (found.len() - MOST) " more; look for an address." } }
        }
    };
    Ok(Frame::new("Bans", Place::Bans, &guest.0).page(body).into_response())
}

fn new(asker: &Asker) -> Markup {
    html! {
        section.card {
            h2 { "Ban an address or a network" }
            form.fields method="post" action="/bans" {
                (csrf(asker))
                label { span { "Address or network" } input name="network" placeholder="192.0.2.0/24" maxlength="64" required autocomplete="off"; }
                label { span { "Why" } input name="reason" placeholder="guesses passwords" maxlength=(MAX_REASON) required; }
                label { span { "For" } select name="for_s" { @for (seconds, words) in TIMES { option value=(seconds) { (words) } } } }
                div.buttons { button.danger type="submit" { "Ban" } }
            }
        }
    }
}

fn table(bans: &[&BanTold], asker: &Asker, may: bool) -> Markup {
    let at = |ms: u64| UNIX_EPOCH + Duration::from_millis(ms);
    let now = clock::wall();
    html! {
        div.scroll {
            table.middle.rows.named {
                thead { tr { th { "Who" } th { "Why" } th { "By" } th { "Since (UTC)" } th { "For another" } @if may { th {} } } }
                tbody {
                    @for ban in bans.iter().take(MOST) {
                        tr {
                            td.mono { strong { (ban.network) } }
                            td.wide { (clean(&ban.reason)) }
                            td data-of="by" { @if ban.automatic { span.badge { "the house" } } @else { (clean(&ban.made_by)) } }
                            td.nowrap data-of="since" { (when(at(ban.made_ms))) }
                            td.nowrap data-of="for" {
                                @match ban.until_ms {
                                    Some(until) => (long(Duration::from_secs(at(until).duration_since(now).unwrap_or_default().as_secs()))),
                                    None => "until lifted",
                                }
                            }
                            @if may {
                                td.right {
                                    form method="post" action="/bans/lift" {
                                        (csrf(asker))
                                        input type="hidden" name="network" value=(ban.network);
                                        button type="submit" aria-label={ "Let " (ban.network) " in again" } { "Let in" }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[derive(Deserialize)]
pub struct Wanted {
    network: String,
    reason: String,
    #[serde(default)]
    for_s: String,
}

/// `POST /bans`
pub async fn ban(State(rooms): State<Rooms>, guest: Guest, Posted(wanted): Posted<Wanted>) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeBans)?;
    // What is no number is none that the page offers; it is refused as a time that cannot be.
    let for_s = (!wanted.for_s.is_empty()).then(|| wanted.for_s.parse().unwrap_or(0));
    let new = NewBan { network: wanted.network.trim().into(), reason: wanted.reason, for_s };
    doors::make(&rooms, &guest.0, new).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    Ok(Redirect::to("/bans"))
}

#[derive(Deserialize)]
pub struct Which {
    network: String,
}

/// `POST /bans/lift`
pub async fn lift(State(rooms): State<Rooms>, guest: Guest, Posted(which): Posted<Which>) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeBans)?;
    doors::lift(&rooms, &guest.0, &which.network).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    Ok(Redirect::to("/bans"))
}
