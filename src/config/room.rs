//! `[[room]]`: conference rooms that the file names: their PINs, who waits for whom, how they end.

use std::{collections::HashSet, time::Duration};

use patchcord_engine::room::keys::{Command, Unfit};
use patchcord_engine::room::{Announce, GATE_DB, MAX_MEMBERS, MAX_ROOMS, Menus, Rules, WaitFor, is_name, is_pin};

use super::{mail::one_of, problem::Wrong, section::Section, tree::Environment};

/// The longest that a room may last.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// Reads them all; no two have the same name.
pub fn read_all(sections: Vec<Section<'_>>, environment: &Environment) -> Vec<(String, Rules)> {
    let mut names = HashSet::new();
    let mut rooms = Vec::new();
    for mut section in sections {
        let place = section.place().clone();
        let Some((name, rules)) = read(&mut section, environment) else { continue };
        if !names.insert(name.clone()) {
            let wrong = Wrong::new(format!("{name} stands there twice"), "give one another name");
            section.object(&place, "name", wrong);
        }
        if rooms.len() >= MAX_ROOMS {
            let wrong =
                Wrong::new(format!("there are more than {MAX_ROOMS}"), "let a service open them as they are needed");
            section.object(&place, "name", wrong);
        }
        rooms.push((name, rules));
    }
    rooms
}

/// What keys do: a section for each role, and one for all of them.
fn keys(section: &mut Section<'_>) -> Menus {
    if !section.has("keys") {
        return Menus::default();
    }
    let wrong = |unfit: Unfit| Wrong::new(unfit.to_string(), unfit.remedy());
    let mut keys = section.take_section("keys");
    let written = Menus::WORDS.map(|whose| {
        let is_there = keys.has(whose);
        let mut menu = keys.take_section(whose);
        is_there.then(|| menu.take_pairs(|keys, action| Menus::command(whose, keys, action).map_err(wrong)))
    });
    keys.close();
    let written: Vec<(&str, Option<Vec<Command>>)> = Menus::WORDS.into_iter().zip(written).collect();
    let of = |whose: &str| written.iter().find(|(word, _)| *word == whose).and_then(|(_, menu)| menu.clone());
    let place = keys.place().clone();
    Menus::of(of).map_err(|unfit| section.object(&place, "keys", wrong(unfit))).unwrap_or_default()
}

fn read(section: &mut Section<'_>, environment: &Environment) -> Option<(String, Rules)> {
    let place = section.place().clone();
    let usual = Rules::default();
    let has_name = section.has("name");
    let name = section.take_parsed("name", |text| match is_name(text) {
        true => Ok(text.to_owned()),
        false => {
            let remedy = "write its number, as \"3000\", or a name of letters, digits and - _ . +";
            Err(Wrong::new(format!("{text:?} cannot be the name of a room"), remedy))
        }
    });
    let pin_of = |text: &str| match is_pin(text) {
        true => Ok(text.to_owned()),
        // What was written may be a secret.
        false => Err(Wrong::new("is no PIN", "write 1 to 16 digits in quotes, as \"4711\"")),
    };
    let rules = Rules {
        most: section.take_number("max", 1..=MAX_MEMBERS).unwrap_or(usual.most),
        pin: one_of(section, ["pin", "pin_env"], environment, pin_of),
        moderator_pin: one_of(section, ["moderator_pin", "moderator_pin_env"], environment, pin_of),
        wait_for: section
            .take_parsed("wait_for", |text| match text {
                "nobody" => Ok(WaitFor::Nobody),
                "moderator" => Ok(WaitFor::Moderator),
                "admission" => Ok(WaitFor::Admission),
                _ => Err(Wrong::new(format!("{text:?} is nobody to wait for"), "write nobody, moderator or admission")),
            })
            .map_or(usual.wait_for, |(wait_for, _)| wait_for),
        music: section.take_text("music").map(|(music, _)| music).or(usual.music),
        longest: section.take_duration("max_time", Duration::from_secs(60)..=LONGEST),
        end_with_moderator: section.take_boolean("end_with_moderator").unwrap_or(usual.end_with_moderator),
        locked: section.take_boolean("lock").unwrap_or(usual.locked),
        sounds: section.take_boolean("sounds").unwrap_or(usual.sounds),
        count: section.take_boolean("count").unwrap_or(usual.count),
        announce: section
            .take_parsed("announce", |text| match text {
                "nothing" => Ok(Announce::Nothing),
                "sound" => Ok(Announce::Sound),
                "name" => Ok(Announce::Name),
                _ => Err(Wrong::new(format!("{text:?} is no way to announce"), "write nothing, sound or name")),
            })
            .map_or(usual.announce, |(announce, _)| announce),
        record: section.take_boolean("record").unwrap_or(usual.record),
        record_members: section.take_boolean("record_members").unwrap_or(usual.record_members),
        talk_events: section.take_boolean("talk_events").unwrap_or(usual.talk_events),
        automatic_gain: section.take_boolean("automatic_gain").unwrap_or(usual.automatic_gain),
        gate: section.take_decibels("gate", GATE_DB),
        denoise: section.take_boolean("denoise").unwrap_or(usual.denoise),
        keys: keys(section),
    };
    section.close();
    if !has_name {
        section.object(&place, "name", Wrong::new("is missing", "write name = \"3000\", the number that is dialled"));
    }
    Some((name?.0, rules))
}
