//! `patchcord rooms …`: the conferences of the running server, and orders for them.

use hyper::Method;
use patchcord_engine::journal::clean;
use patchcord_web::control::words::RoomOrder;
use serde_json::{Value, json};

use super::{
    Context,
    client::{Client, nobody},
    endpoint::table,
    outcome::{Failure, Said},
    words::{RoomDeed, RoomsCommand},
};

/// `patchcord rooms`
pub async fn rooms(context: Context, command: Option<RoomsCommand>) -> Result<Said, Failure> {
    let data = context.data()?;
    let client = Client::connect(&data).await?.ok_or_else(|| nobody(&data))?;
    match command {
        None => {
            let all: Value = client.get("/api/v1/rooms").await?;
            Ok(Said::new(list(&all["rooms"]), all))
        }
        Some(RoomsCommand::Show { room }) => {
            let room: Value = client.get(&format!("/api/v1/rooms/{}", in_path(&room))).await?;
            Ok(Said::new(members(&room), room))
        }
        Some(RoomsCommand::Order(deed)) => {
            let RoomDeed { room, deed, member, other, off, db, role, to, target, prompt } = deed;
            let prompts = Some(prompt).filter(|prompts| !prompts.is_empty());
            let wanted = RoomOrder { deed, member, other, on: Some(!off), db, role, room: to, target, prompts };
            let path = format!("/api/v1/rooms/{}/orders", in_path(&room));
            let reply: Value = client.ask(Method::POST, &path, &wanted).await?;
            let text = match reply["done"].as_u64() {
                Some(done) => format!("Done for {done}.\n"),
                None => format!("{reply}\n"),
            };
            Ok(Said::new(text, json!({ "reply": reply })))
        }
    }
}

/// A name within an address: what no room may be called is left out, and is then not found.
fn in_path(room: &str) -> String {
    room.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-_.+".contains(*letter)).collect()
}

fn list(rooms: &Value) -> String {
    let rooms = rooms.as_array().map(Vec::as_slice).unwrap_or_default();
    if rooms.is_empty() {
        return "No room is open.\n".into();
    }
    let rows = rooms.iter().map(|room| {
        let members = room["members"].as_array().map(Vec::as_slice).unwrap_or_default();
        let talks = members.iter().filter(|member| member["talks"] == true).map(|member| text(&member["name"]));
        let marks = [("locked", "locked"), ("recording", "recorded")].into_iter();
        let marks: Vec<&str> = marks.filter(|(key, _)| room[*key] == true).map(|(_, word)| word).collect();
        [text(&room["name"]), members.len().to_string(), talks.collect::<Vec<_>>().join(", "), marks.join(", ")]
    });
    table(["ROOM", "MEMBERS", "SPEAKS", ""], rows.collect())
}

fn members(room: &Value) -> String {
    let rows = room["members"].as_array().map(Vec::as_slice).unwrap_or_default().iter().map(|member| {
        let marks = ["muted", "deaf", "talks"].into_iter().filter(|mark| member[*mark] == true);
        let state = member["state"].as_str().filter(|state| *state != "in");
        let marks: Vec<&str> = state.into_iter().chain(marks).collect();
        [member["member"].to_string(), text(&member["name"]), text(&member["role"]), marks.join(", ")]
    });
    table(["MEMBER", "NAME", "ROLE", ""], rows.collect())
}

fn text(value: &Value) -> String {
    clean(value.as_str().unwrap_or_default())
}
