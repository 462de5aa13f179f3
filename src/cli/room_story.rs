//! What is told of a room that is over: who was in, what was done and by whom, who had the floor; and who stood at its door.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use patchcord_engine::{
    journal::{clean, long, moment},
    room::{self, Moment, Past},
};
use serde_json::Value;

use super::{endpoint::table, rooms::text};

/// What happened in a room. That the floor passed is a sum for each member, unless all of it is wanted.
pub fn story(past: &Past, floor: bool) -> String {
    let opened = moment(UNIX_EPOCH + Duration::from_millis(past.opened_ms));
    let mut told = format!(
        "Room {} was open for {}; it ended because {}.\n\n  id      {}\n  opened  {opened} UTC\n  most    {} at once\n",
        clean(&past.room),
        since(past.lasted_ms),
        clean(&past.because()),
        past.id,
        past.most
    );
    told.extend(past.recordings.iter().map(|file| format!("  sound   {}\n", clean(file))));
    let rows = past.stays.iter().map(|stay| {
        let left = stay.left_ms.map_or_else(|| "-".into(), since);
        let call = stay.call.map_or_else(|| "-".into(), |call| call.to_string());
        [
            stay.member.to_string(),
            clean(&stay.called()),
            clean(&stay.role),
            since(stay.came_ms),
            left,
            since(stay.talked_ms),
            call,
        ]
    });
    told += "\nMembers\n";
    told += &table(["MEMBER", "NAME", "ROLE", "CAME AFTER", "LEFT AFTER", "TALKED", "CALL"], rows.collect());
    told += &spoke(past);
    let happened = past.moments.iter().filter(|moment| floor || moment.what != FLOOR);
    let rows: Vec<_> = happened.map(|moment| row(past, moment)).collect();
    if !rows.is_empty() {
        told += "\nWhat happened\n";
        told += &table(["AFTER", "WHAT", "WHOM", "", "ORDERED BY"], rows);
    }
    if past.left_out > 0 {
        told += &format!("{} more are not kept.\n", past.left_out);
    }
    told
}

/// How a record writes that the floor passed.
const FLOOR: &str = "floor";

/// Who spoke for how long, and how often each had the floor: who spoke most first.
fn spoke(past: &Past) -> String {
    let mut floors: BTreeMap<u64, usize> = BTreeMap::new();
    for member in past.moments.iter().filter(|moment| moment.what == FLOOR).filter_map(|moment| moment.member) {
        *floors.entry(member).or_default() += 1;
    }
    let mut spoke: BTreeMap<u64, (String, u64, usize)> = BTreeMap::new();
    for stay in past.stays.iter().filter(|stay| stay.talked_ms > 0) {
        let all = spoke.entry(stay.member).or_insert_with(|| (stay.called(), 0, 0));
        *all = (stay.called(), all.1 + stay.talked_ms, all.2 + stay.talks.len());
    }
    let mut all: Vec<_> = spoke.into_iter().collect();
    all.sort_by_key(|(member, (_, talked, _))| (u64::MAX - talked, *member));
    let lines = all.into_iter().map(|(member, (name, talked, turns))| {
        let floor = match floors.get(&member) {
            None => "never the floor".to_owned(),
            Some(1) => "the floor once".to_owned(),
            Some(times) => format!("the floor {times} times"),
        };
        let turns = if turns == 1 { "1 turn".to_owned() } else { format!("{turns} turns") };
        format!("  {} spoke {} in {turns}, and had {floor}\n", clean(&name), since(talked))
    });
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("\nWho spoke\n{lines}") }
}

fn row(past: &Past, moment: &Moment) -> [String; 5] {
    let member = || moment.member.map(|member| past.called(member).unwrap_or_else(|| format!("member {member}")));
    let whom = moment.visitor.as_ref().map(room::Visitor::called).or_else(member).unwrap_or_else(|| "-".into());
    let from = moment.visitor.as_ref().map(|visitor| format!("from {}", visitor.from));
    let note = [Some(moment.note.clone()).filter(|note| !note.is_empty()), from];
    let note = note.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let by = moment.by.as_ref().map_or_else(|| "-".into(), ToString::to_string);
    [since(moment.at_ms), clean(&moment.said()), clean(&whom), clean(&note), clean(&by)]
}

fn since(at: u64) -> String {
    long(Duration::from_millis(at))
}

/// Who stood at a door and did not come in.
pub fn tries(tries: &Value) -> String {
    let all = tries.as_array().map(Vec::as_slice).unwrap_or_default();
    if all.is_empty() {
        return "Nobody was refused at the door of this room, as far as it is kept.\n".into();
    }
    let rows = all.iter().map(|one| {
        let at = moment(UNIX_EPOCH + Duration::from_millis(one["at_ms"].as_u64().unwrap_or(0)));
        let who = room::called(&text(&one["name"]), &text(&one["number"]));
        let call = Some(text(&one["call"])).filter(|call| !call.is_empty()).unwrap_or_else(|| "-".into());
        [at, who, text(&one["from"]), text(&one["what"]).replace('_', " "), call]
    });
    table(["WHEN (UTC)", "WHO", "FROM", "WHAT", "CALL"], rows.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_floor_is_a_sum_unless_all_of_it_is_wanted_and_who_ordered_what_is_told() {
        let stay = json!({
            "member": 3, "name": "alice", "number": "101", "call": null, "leg": 1, "role": "speaker", "came_ms": 0, "left_ms": 9000,
            "talked_ms": 192_000, "talks": [[0, 1000], [2000, 3000]], "recordings": [],
        });
        let at = |what: &str, by: Value| json!({ "at_ms": 1000, "what": what, "member": 3, "on": true, "note": "", "by": by });
        let anna = json!({ "who": "person", "name": "anna" });
        let past = json!({
            "id": "a", "room": "3001", "opened_ms": 0, "lasted_ms": 9000, "why": "somebody ended it", "most": 1, "stays": [stay],
            "moments": [at("floor", Value::Null), at("floor", Value::Null), at("mute", anna.clone()), at("ended", anna)],
            "recordings": [], "left_out": 0,
        });
        let past: Past = serde_json::from_value(past).expect("a room");
        let told = story(&past, false);
        assert!(told.contains("it ended because anna ended it."), "{told}");
        assert!(told.contains("alice (101) spoke 3 min 12 s in 2 turns, and had the floor 2 times"), "{told}");
        let row = told.lines().find(|line| line.contains("muted")).expect("a line");
        assert!(row.contains("alice (101)") && row.trim_end().ends_with("anna"), "{row}");
        let passed =
            |told: &str| told.lines().filter(|line| line.split_whitespace().any(|word| word == "floor")).count();
        assert_eq!((passed(&told), passed(&story(&past, true))), (1, 3));
    }

    #[test]
    fn a_throttled_try_is_told_with_from_whom() {
        let one = json!({ "at_ms": 0, "what": "throttled", "name": "mallory", "number": "106", "from": "endpoint:mallory", "call": null, "room_id": "a" });
        let told = tries(&json!([one]));
        assert!(
            told.contains("mallory (106)") && told.contains("endpoint:mallory") && told.contains("throttled"),
            "{told}"
        );
        assert!(tries(&json!([])).starts_with("Nobody was refused"));
    }
}
