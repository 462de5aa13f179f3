//! How things are.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use maud::html;

use super::{
    Guest, Rooms,
    frame::{Frame, Place},
    wrong::Wrong,
};
use crate::people::Right;

pub async fn show(State(rooms): State<Rooms>, guest: Guest) -> Result<Response, Wrong> {
    guest.may(Right::ReadStatus)?;
    let (status, hindrances) = (rooms.house.status(), rooms.house.hindrances().await);
    let body = html! {
        section #now data-live {
            @for hindrance in &hindrances {
                p.flash.bad role="alert" { "Not ready: " (hindrance) }
            }
            div.tiles {
                div.tile { p.figure { (status.calls) } p.label { "calls now" } }
                div.tile { p.figure { (status.registered) " of " (status.endpoints) } p.label { "endpoints registered" } }
                div.tile { p.figure { (status.sound.ports) } p.label { "ports of sound" } }
            }
        }
    };
    Ok(Frame::new("Home", Place::Home, &guest.0).page(body).into_response())
}
