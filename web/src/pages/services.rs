//! What answers calls: the services that are served, with their versions and their text.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use maud::html;

use super::{
    Guest, Rooms,
    frame::{Frame, Place},
    wrong::Wrong,
};
use crate::{people::Right, problem::Problem};

pub async fn list(State(rooms): State<Rooms>, guest: Guest) -> Result<Response, Wrong> {
    guest.may(Right::ReadRoutes)?;
    let services = rooms.house.services();
    let body = html! {
        h1 { "Services" }
        section.card.flush {
            @if services.is_empty() {
                p.empty { "No script is served. One that is put into the folder of " code { "[scripts]" } " as " code { "menu.rhai" } " is the service menu at once." }
            }
            @else {
                div.scroll {
                    table {
                        thead { tr { th { "Service" } th { "Version and file" } th {} } }
                        tbody {
                            @for service in &services {
                                tr {
                                    td { a href={ "/services/" (service.name) } { strong { (service.name) } } }
                                    td.mono.small { (service.version) br; span.muted { (service.file) } }
                                    td.right.nowrap { a href={ "/records?service=" (service.name) } { "its calls" } }
                                }
                            }
                        }
                    }
                }
            }
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
