//! `patchcord rooms heard …`: what a member of a room heard, as a file. The room's record says whose ears there are; the sound is made
//! by the server.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use patchcord_engine::{journal::clean, room};
use serde_json::{Value, json};

use super::{
    client::{Client, nobody},
    outcome::{Exit, Failure, Said},
    rooms::in_path,
    words::RoomEars,
};

const DAY_MS: u64 = 86_400_000;

/// Bytes of a wav before its samples.
const HEAD: usize = 44;

/// `patchcord rooms heard`
pub async fn heard(client: Client, data: &Path, ears: RoomEars) -> Result<Said, Failure> {
    let again = async || Client::connect(data).await?.ok_or_else(|| nobody(data));
    let RoomEars { room, member, from, to, out } = ears;
    let room = in_path(&room);
    let (path, past) = find(client, again, &room).await?;
    let opened = past["opened_ms"].as_u64().unwrap_or_default();
    let time = |text: Option<String>| text.map(|text| since_opening(&text, opened)).transpose();
    let (from, to) = (time(from)?, time(to)?);
    let member = ears_of(&past, &member, from.unwrap_or_default())?;
    let mut asked = format!("{path}/heard?member={member}");
    asked.extend(from.map(|ms| format!("&from_ms={ms}")));
    asked.extend(to.map(|ms| format!("&to_ms={ms}")));
    let wav = again().await?.bytes(&asked).await?;
    let unwritten = |error: std::io::Error| {
        Failure::new(
            Exit::Refused,
            format!("{} cannot be written: {error}", out.display()),
            "name another file with -o",
        )
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&out).map_err(unwritten)?;
    file.write_all(&wav).map_err(unwritten)?;
    let hz = wav.get(24..28).map_or(0, |hz| u32::from_le_bytes([hz[0], hz[1], hz[2], hz[3]]));
    let seconds = wav.len().saturating_sub(HEAD) as f64 / 2.0 / f64::from(hz.max(1));
    let text = format!("{seconds:.1} s of what member {member} heard are in {}.\n", out.display());
    Ok(Said::new(text, json!({ "file": out, "member": member, "seconds": seconds, "sample_rate_hz": hz })))
}

/// The room that goes on, or else the one that is over of that id or name: where it is asked, and its record.
async fn find(
    client: Client,
    again: impl AsyncFn() -> Result<Client, Failure>,
    room: &str,
) -> Result<(String, Value), Failure> {
    let stories: Value = client.get(&format!("/api/v1/past-rooms?room={room}&limit=1")).await?;
    let live = format!("/api/v1/rooms/{room}");
    if let Ok(story) = again().await?.get::<Value>(&format!("{live}/story")).await {
        return Ok((live, story));
    }
    let id = stories["rooms"][0]["id"].as_str().unwrap_or(room);
    let path = format!("/api/v1/past-rooms/{id}");
    let past = again().await?.get(&path).await?;
    Ok((path, past))
}

/// The number of a member by what it is called: the one that was in at that time, or came after it.
fn ears_of(past: &Value, named: &str, from: u64) -> Result<u64, Failure> {
    let stays = past["stays"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_one = |stay: &&Value| {
        let text = |key: &str| stay[key].as_str().unwrap_or_default();
        let by_number = named.parse().is_ok_and(|member: u64| stay["member"] == member);
        let called = room::called(text("name"), text("number"));
        by_number || text("number") == named || [text("name"), &called].iter().any(|it| it.eq_ignore_ascii_case(named))
    };
    let there = |stay: &&Value| stay["left_ms"].as_u64().is_none_or(|left| left > from);
    let found: Vec<&Value> = stays.iter().filter(is_one).collect();
    let one = found.iter().copied().find(|stay| there(stay)).or(found.last().copied());
    one.and_then(|stay| stay["member"].as_u64()).ok_or_else(|| {
        let text = |stay: &Value, key: &str| clean(stay[key].as_str().unwrap_or_default());
        let called = |stay: &Value| room::called(&text(stay, "name"), &text(stay, "number"));
        let were: Vec<String> = stays.iter().map(called).collect();
        let remedy = format!("there were: {}", were.join(", "));
        Failure::new(Exit::Refused, format!("nobody called {named:?} was in the room"), remedy)
    })
}

/// A time as milliseconds since the room was opened: `10:42`, `10:42:30` in UTC, or `90s`, `15m`, `2h` after the opening.
fn since_opening(text: &str, opened_ms: u64) -> Result<u64, Failure> {
    let wrong = || {
        let remedy = "write it as in 10:42 or 10:42:30 (UTC), or 90s, 15m, 2h after the opening";
        Failure::new(Exit::Unusable, format!("{text:?} is no time"), remedy)
    };
    if text.contains(':') {
        let mut at_ms = 0;
        let mut units = [(24, 3_600_000), (60, 60_000), (60, 1000)].into_iter();
        for part in text.split(':') {
            let (most, unit) = units.next().ok_or_else(wrong)?;
            at_ms += part.parse::<u64>().ok().filter(|part| *part < most).ok_or_else(wrong)? * unit;
        }
        let opened_at = opened_ms % DAY_MS;
        // The same day, or, in a room that went on over midnight, the next one. A moment before the opening is the opening.
        let early = opened_at.saturating_sub(at_ms);
        return Ok(if early > DAY_MS / 2 { at_ms + DAY_MS - opened_at } else { at_ms.saturating_sub(opened_at) });
    }
    let unit = [('s', 1000), ('m', 60_000), ('h', 3_600_000)].into_iter().find(|(letter, _)| text.ends_with(*letter));
    let (letter, unit) = unit.ok_or_else(wrong)?;
    let number: u64 = text.trim_end_matches(letter).parse().map_err(|_| wrong())?;
    number.checked_mul(unit).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_of_the_clock_or_counted_from_the_opening() {
        // Opened at 23:50:10 UTC.
        let opened = DAY_MS * 20_000 + ((23 * 60 + 50) * 60 + 10) * 1000;
        let since = |text: &str| since_opening(text, opened).ok();
        assert_eq!([since("23:51"), since("23:50:12"), since("23:50")], [Some(50_000), Some(2000), Some(0)]);
        assert_eq!(since("00:01"), Some(650_000), "after midnight");
        assert_eq!([since("90s"), since("15m"), since("2h")], [Some(90_000), Some(900_000), Some(7_200_000)]);
        for wrong in ["", "10", "24:00", "10:60", "1:2:3:4", "s", "-5s", "99999999999999999999h", "ü"] {
            assert_eq!(since(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn ears_are_found_by_name_number_or_member_and_by_the_time() {
        let past = json!({ "stays": [
            { "member": 3, "name": "Bob", "number": "101", "left_ms": 1000 },
            { "member": 5, "name": "Bob", "number": "101", "left_ms": null },
        ] });
        let ears = |named: &str, from| ears_of(&past, named, from).ok();
        assert_eq!(
            [ears("bob", 0), ears("bob", 1500), ears("101", 1500), ears("3", 9000), ears("Bob (101)", 0)],
            [Some(3), Some(5), Some(5), Some(3), Some(3)]
        );
        assert_eq!(ears("carol", 0), None);
    }
}
