//! Several phones of one person, so that what is said of one does not speak against what is said of another.
//!
//! Those that did the same are told of once. Of one that was not even reached nothing is said beside another that rang. The others are
//! told apart: one of Bob's phones, another of Bob's phones.

/// What is said of a phone that was given up before it rang.
pub const NOT_RUNG: &str = " did not ring";

/// What stands behind somebody's name where it is his phone.
pub const PHONE: &str = "'s phone";

/// What is said of a phone of which nobody has heard anything.
const SILENT: [&str; 5] =
    [NOT_RUNG, " did not answer", " could not be reached", " is being called", " stopped: it was answered elsewhere"];

/// See the module.
pub fn told_apart(parts: &mut Vec<String>) {
    let said = parts.clone();
    let others = |silent: &str| {
        let name = SILENT.iter().find_map(|end| silent.strip_suffix(end).filter(|name| is_whole(name, end)));
        name.is_some_and(|name| said.iter().any(|part| part.starts_with(name) && !is_silent(part)))
    };
    let mut place = 0;
    parts.retain(|part| {
        place += 1;
        !said[..place - 1].contains(part) && !others(part)
    });
    let whose = |part: &str| part.split_once(PHONE).map(|(owner, _)| owner.to_owned());
    let owners: Vec<_> = parts.iter().map(|part| whose(part)).collect();
    for (place, owner) in owners.iter().enumerate() {
        let Some(owner) = owner else { continue };
        let is_his = |other: &&Option<String>| other.as_deref() == Some(owner);
        if owners.iter().filter(is_his).count() > 1 {
            let which = if owners[..place].iter().any(|other| is_his(&other)) { "another" } else { "one" };
            let (front, name) = owner.rsplit_once(", ").map_or(("", &**owner), |(front, name)| (front, name));
            let between = if front.is_empty() { "" } else { ", " };
            let rest = parts[place].split_once(PHONE).map(|(_, rest)| rest.to_owned()).unwrap_or_default();
            parts[place] = format!("{front}{between}{which} of {name}{PHONE}s{rest}");
        }
    }
}

/// Whether that is the name of a phone and nothing else: what rang and did not answer was heard of.
fn is_whole(name: &str, end: &str) -> bool {
    end == NOT_RUNG || name.ends_with(PHONE)
}

fn is_silent(part: &str) -> bool {
    SILENT.iter().any(|end| part.strip_suffix(end).is_some_and(|name| is_whole(name, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(parts: &[&str]) -> Vec<String> {
        let mut parts = parts.iter().map(|part| (*part).to_owned()).collect();
        told_apart(&mut parts);
        parts
    }

    #[test]
    fn what_is_said_of_two_phones_of_one_person_does_not_speak_against_itself() {
        for silent in ["did not answer", "is being called", "did not ring", "stopped: it was answered elsewhere"] {
            let both = told(&[&format!("Bob's phone {silent}"), "Bob's phone rang 6 s and answered"]);
            assert_eq!(both, ["Bob's phone rang 6 s and answered"]);
        }
        let busy = told(&["Bob's phone was busy", "Bob's phone rang 6 s and answered", "Carol's phone was busy"]);
        assert_eq!(
            busy,
            ["one of Bob's phones was busy", "another of Bob's phones rang 6 s and answered", "Carol's phone was busy"]
        );
        assert_eq!(told(&["Bob's phone did not answer"]), ["Bob's phone did not answer"]);
        assert_eq!(told(&["Bob's phone rings", "Bob's phone rings"]), ["Bob's phone rings"]);
        let sent = told(&["forwarded by Alice, Bob's phone was busy", "forwarded by Alice, Bob's phone declined"]);
        assert_eq!(sent[1], "forwarded by Alice, another of Bob's phones declined");
    }
}
