//! What keys do in a conference room, as scripts write it: for the roles of a room, and for one who joins.

use patchcord_engine::room::keys::{Command, MAX_COMMAND, MAX_COMMANDS, Unfit};
use patchcord_engine::room::{Action, Menus};
use rhai::{Dynamic, EvalAltResult, Map};

use super::given::Given;
use super::kind::Kind;

/// What keys do in a room, by the words of roles.
pub(super) fn of_room(given: &Given<'_>) -> Result<Menus, Box<EvalAltResult>> {
    let wrong = |unfit: Unfit| given.wrong_with("keys", format!("{unfit}; {}", unfit.remedy()));
    let mut written: Vec<(String, Vec<Command>)> = Vec::new();
    for (whose, menu) in given.map("keys").unwrap_or_default() {
        if !Menus::WORDS.contains(&whose.as_str()) {
            let known = Menus::WORDS.join(", ");
            return Err(given.wrong_with("keys", format!("nobody in a room is {whose:?}; it has menus of {known}")));
        }
        let menu = menu.try_cast::<Map>().ok_or_else(|| {
            given.wrong_with("keys", format!("{whose} wants a map, as #{{ \"*6\": \"toggle_mute\" }}"))
        })?;
        let command = |(keys, action): (rhai::Identifier, Dynamic)| {
            Menus::command(&whose, &keys, &action.to_string()).map_err(wrong)
        };
        written.push((whose.to_string(), menu.into_iter().map(command).collect::<Result<_, _>>()?));
    }
    let of = |whose: &str| written.iter().find(|(word, _)| word == whose).map(|(_, menu)| menu.clone());
    Menus::of(of).map_err(wrong)
}

/// What keys do for one who joins.
pub(super) fn of_join(given: &Given<'_>) -> Result<Vec<Command>, Box<EvalAltResult>> {
    let map = given.map("keys").unwrap_or_default();
    if map.len() > MAX_COMMANDS {
        return Err(given.wrong(format!("`keys` of join has more than {MAX_COMMANDS} commands")));
    }
    let command = |(keys, word): (rhai::Identifier, Dynamic)| {
        Kind::Keys.check(&keys.as_str().into()).map_err(|why| given.wrong_with("keys", why))?;
        if keys.is_empty() || keys.len() > MAX_COMMAND {
            return Err(given.wrong_with("keys", format!("a command has 1 to {MAX_COMMAND} keys")));
        }
        let word = word.to_string();
        let action = Action::of(&word).ok_or_else(|| {
            let known: Vec<&str> = Action::words().collect();
            given.wrong_with("keys", format!("it has no {word:?}; it knows {}", known.join(", ")))
        })?;
        Ok((keys.to_string(), action))
    };
    map.into_iter().map(command).collect()
}
