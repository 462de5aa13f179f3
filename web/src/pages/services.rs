//! What answers calls: the services that are served, with their versions, what was found of them, and what is wrong with their files.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

use super::{
    Guest, Rooms,
    frame::{Frame, Place},
    troubles::{findings, told},
    wrong::Wrong,
};
use crate::{
    house::{Service, Trouble},
    people::Right,
    problem::Problem,
};

pub async fn list(State(rooms): State<Rooms>, guest: Guest) -> Result<Response, Wrong> {
    guest.may(Right::ReadRoutes)?;
    let (services, troubles) = (rooms.house.services(), rooms.house.troubles());
    let body = html! {
        h1 { "Services" }
        (told(&troubles, &guest.0, true))
        section.card.flush {
            @if services.is_empty() {
                p.empty { "No script is served. One that is put into the folder of " code { "[scripts]" } " as " code { "menu.rhai" } " is the service menu at once." }
            }
            @else { div.scroll { (table(&services, &troubles)) } }
        }
    };
    Ok(Frame::new("Services", Place::Services, &guest.0).page(body).into_response())
}

pub async fn text(State(rooms): State<Rooms>, guest: Guest, Path(name): Path<String>) -> Result<Response, Wrong> {
    guest.may(Right::ReadRoutes)?;
    let Some(service) = rooms.house.services().into_iter().find(|service| service.name == name) else {
        return Err(Wrong::from(Problem::new(StatusCode::NOT_FOUND, "there is no such service")).to(&guest.0));
    };
    let body = html! {
        div { p.kicker { a href="/services" { "Services" } " · version " (service.version) " · " span.mono { (service.file) } } h1 { (service.name) } }
        section.card.flush {
            @if !guest.0.rights.read_sources() { p.empty { "Operators and admins may read it: numbers, PINs and keys may be written there." } }
            @else { ol.source { @for (at, line) in service.text.lines().enumerate() { li #{ "l" (at + 1) } { code { (line) } } } } }
        }
    };
    Ok(Frame::new(&service.name, Place::Services, &guest.0).page(body).into_response())
}

fn table(services: &[Service], troubles: &[Trouble]) -> Markup {
    let is_troubled = |service: &Service| troubles.iter().any(|trouble| trouble.service == service.name);
    html! {
        table.rows.services {
            thead { tr { th { "Service" } th { "Version and file" } th { "Tests and faults" } th {} } }
            tbody {
                @for service in services {
                    tr {
                        td {
                            a href={ "/services/" (service.name) } { strong { (service.name) } }
                            @if is_troubled(service) { p { span.badge.bad { "see above" } } }
                        }
                        td.mono.small { (service.version) br; span.muted { (service.file) } }
                        td { (findings(service.findings, service.shipped)) }
                        td.right.nowrap { a href={ "/records?service=" (service.name) } { "its calls" } }
                    }
                }
            }
        }
    }
}
