//! `patchcord rooms …`: the conferences of the running server, and orders for them.

use std::time::{Duration, UNIX_EPOCH};

use clap::builder::{PossibleValue, PossibleValuesParser};
use hyper::Method;
use patchcord_engine::{
    journal::{clean, long, moment},
    room::{self, Past},
};
use patchcord_web::control::words::RoomOrder;
use serde_json::{Value, json};

use super::{
    Context,
    client::{Client, nobody},
    endpoint::table,
    heard::heard,
    outcome::{Failure, Said},
    room_story::{story, tries},
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
        Some(RoomsCommand::Past { id: Some(id), floor, .. }) => {
            let past: Past = client.get(&format!("/api/v1/past-rooms/{}", in_path(&id))).await?;
            Ok(Said::new(story(&past, floor), json!(past)))
        }
        Some(RoomsCommand::Past { id: None, room, limit, empty, .. }) => {
            let named = room.map_or_else(String::new, |room| format!("&room={}", in_path(&room)));
            let all: Value = client.get(&format!("/api/v1/past-rooms?limit={limit}&empty={empty}{named}")).await?;
            Ok(Said::new(past_list(&all["rooms"]), all))
        }
        Some(RoomsCommand::Tries { room, limit }) => {
            let all: Value = client.get(&format!("/api/v1/rooms/{}/tries?limit={limit}", in_path(&room))).await?;
            Ok(Said::new(tries(&all["tries"]), all))
        }
        Some(RoomsCommand::Heard(ears)) => heard(client, &data, ears).await,
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

/// What can be done with a room, each with what it does: `--help` shows them.
const ORDERS: &[(&str, &str)] = &[
    ("mute", "nobody hears the member; --off takes it back"),
    ("deaf", "the member hears nobody; --off takes it back"),
    ("kick", "sends the member out"),
    ("aside", "the member waits outside and hears music; --off brings it back in"),
    ("admit", "lets a member in that waits"),
    ("hand", "raises the member's hand; --off lowers it"),
    ("role", "makes the member what --role says: listener, speaker or moderator"),
    ("lock", "lets nobody else in; --off opens the room again"),
    ("automatic_gain", "brings everybody to one loudness; --off takes it back"),
    ("gain", "makes the member louder or softer for all by --db"),
    ("gate", "leaves out what the member, or everybody, says more softly than --db; --off takes it back"),
    ("denoise", "takes noise out of what the member, or everybody, says; --off takes it back"),
    ("hears", "makes --other louder or softer by --db for this member alone"),
    ("move", "brings the member into the room that --to names"),
    ("merge", "brings all of the room that --to names into this one, and ends that one"),
    ("announce", "plays each --prompt to the member"),
    ("record", "records what all hear; --off ends the recording"),
    ("invite", "calls --target and brings it in"),
    ("end", "sends all out and ends the room"),
];

/// The orders, as the command line takes them.
pub fn orders() -> PossibleValuesParser {
    ORDERS.iter().map(|(name, about)| PossibleValue::new(*name).help(*about)).collect::<Vec<_>>().into()
}

/// A name within an address: what no room may be called is left out, and is then not found.
pub(super) fn in_path(room: &str) -> String {
    room.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-_.+".contains(*letter)).collect()
}

fn list(rooms: &Value) -> String {
    let rooms = rooms.as_array().map(Vec::as_slice).unwrap_or_default();
    if rooms.is_empty() {
        return "No room is open.\n".into();
    }
    let rows = rooms.iter().map(|room| {
        let members = room["members"].as_array().map(Vec::as_slice).unwrap_or_default();
        let talks = members.iter().filter(|member| member["talks"] == true).map(called);
        let marks = [("locked", "locked"), ("recording", "recorded")].into_iter();
        let marks: Vec<&str> = marks.filter(|(key, _)| room[*key] == true).map(|(_, word)| word).collect();
        [text(&room["name"]), members.len().to_string(), talks.collect::<Vec<_>>().join(", "), marks.join(", ")]
    });
    table(["ROOM", "MEMBERS", "SPEAKS", ""], rows.collect())
}

fn members(room: &Value) -> String {
    let rows = room["members"].as_array().map(Vec::as_slice).unwrap_or_default().iter().map(|member| {
        let unheard = member["unheard_ms"].as_u64();
        let unheard = unheard.map(|ms| format!("nothing heard for {}", long(Duration::from_secs(ms / 1000))));
        let marks = ["muted", "deaf", "talks"]
            .into_iter()
            .filter(|mark| member[*mark] == true)
            .chain(member["hand_ms"].is_u64().then_some("hand up"));
        let state = member["state"].as_str().filter(|state| *state != "in");
        let marks: Vec<&str> = state.into_iter().chain(marks).chain(unheard.as_deref()).collect();
        [member["member"].to_string(), called(member), text(&member["role"]), marks.join(", ")]
    });
    table(["MEMBER", "NAME", "ROLE", ""], rows.collect())
}

/// A member by its name and number, or what is known of them.
fn called(member: &Value) -> String {
    room::called(&text(&member["name"]), &text(&member["number"]))
}

fn past_list(rooms: &Value) -> String {
    let rooms = rooms.as_array().map(Vec::as_slice).unwrap_or_default();
    if rooms.is_empty() {
        return "No room that is over is kept.\n".into();
    }
    let rows = rooms.iter().map(|room| {
        let [opened, lasted] =
            ["opened_ms", "lasted_ms"].map(|key| Duration::from_millis(room[key].as_u64().unwrap_or(0)));
        [moment(UNIX_EPOCH + opened), text(&room["id"]), text(&room["room"]), long(lasted), room["most"].to_string()]
    });
    table(["OPENED (UTC)", "ID", "ROOM", "LASTED", "MOST IN IT"], rows.collect())
}

pub(super) fn text(value: &Value) -> String {
    clean(value.as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use patchcord_web::control::words::DEEDS;

    use super::*;

    #[test]
    fn each_order_that_a_room_takes_says_what_it_does() {
        let told: Vec<&str> = ORDERS.iter().map(|(name, _)| *name).collect();
        assert_eq!(told, DEEDS);
    }

    #[test]
    fn a_member_without_a_name_is_told_by_its_number() {
        let room = json!({ "members": [
            { "member": 1, "name": "Ann", "number": "101", "role": "speaker" },
            { "member": 2, "name": "", "number": "102", "role": "speaker" },
        ] });
        let told = members(&room);
        assert!(told.contains("Ann (101)") && told.contains("102"), "{told}");
    }

    #[test]
    fn a_member_of_whom_nothing_is_heard_is_marked() {
        let ann = json!({ "member": 1, "name": "Ann", "number": "101", "role": "speaker", "state": "in", "unheard_ms": 12_345 });
        let told = members(&json!({ "members": [ann] }));
        assert!(told.contains("nothing heard for 12 s"), "{told}");
    }
}
