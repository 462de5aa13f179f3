//! What members do with keys: commands of one or more keys, found among those that their menu has.
//!
//! A [`Pressed`] is told of keys and of time. It starts no timer: whoever owns it sleeps until its deadline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use patchcord_media::dtmf::Key;

use super::rules::Role;

/// How long the next key of a command may take.
const NEXT: Duration = Duration::from_secs(3);

/// The longest command.
pub const MAX_COMMAND: usize = 8;

/// The most commands of one menu.
pub const MAX_COMMANDS: usize = 32;

/// What a key does in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nobody hears the member, or all do again.
    ToggleMute,
    /// It hears nobody, or all again.
    ToggleDeaf,
    /// It raises its hand, or takes it down.
    RaiseHand,
    /// It leaves.
    Leave,
    /// Louder to the others.
    Louder,
    /// Quieter to the others.
    Quieter,
    /// Only moderators come in, or everybody again.
    ToggleLock,
    /// Nobody but moderators is heard, or all again.
    ToggleMuteAll,
    /// The room is recorded, or no longer.
    ToggleRecord,
    /// Everybody who waits comes in.
    Admit,
    /// Who came last is sent out.
    KickLast,
    /// The room ends.
    End,
}

impl Action {
    /// Each with its word.
    const ALL: [(Self, &'static str); 12] = [
        (Self::ToggleMute, "toggle_mute"),
        (Self::ToggleDeaf, "toggle_deaf"),
        (Self::RaiseHand, "raise_hand"),
        (Self::Leave, "leave"),
        (Self::Louder, "louder"),
        (Self::Quieter, "quieter"),
        (Self::ToggleLock, "toggle_lock"),
        (Self::ToggleMuteAll, "toggle_mute_all"),
        (Self::ToggleRecord, "toggle_record"),
        (Self::Admit, "admit"),
        (Self::KickLast, "kick_last"),
        (Self::End, "end"),
    ];

    /// By its word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(action, _)| *action)
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(action, _)| *action == self).map_or("", |(_, word)| word)
    }

    /// All words.
    pub fn words() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|(_, word)| *word)
    }

    /// Whether whoever has that role may.
    pub fn is_for(self, role: Role) -> bool {
        match self {
            Self::ToggleLock | Self::ToggleMuteAll | Self::ToggleRecord | Self::Admit | Self::KickLast | Self::End => {
                role == Role::Moderator
            }
            // Whoever only listens is muted for good.
            Self::ToggleMute => role != Role::Listener,
            Self::ToggleDeaf | Self::RaiseHand | Self::Leave | Self::Louder | Self::Quieter => true,
        }
    }
}

/// Keys, and what they do.
pub type Command = (String, Action);

/// What keys do for the members of a room, by what they may do there. Where there is a menu for a role, it goes before what was
/// said when the member joined: a room that its house has rules for is not to depend on the service that leads there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Menus([Option<Arc<[Command]>>; 3]);

/// A menu that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Not keys, or too many of them.
    #[error("{0:?} is no command: that has 1 to {MAX_COMMAND} keys of a phone")]
    Keys(String),
    /// No such action.
    #[error("a key cannot {0:?}")]
    Action(String),
    /// The action is for others.
    #[error("{action} is not for a {role}", action = .0.word(), role = .1.word())]
    Role(Action, Role),
    /// Too many.
    #[error("a {role} would have more than {MAX_COMMANDS} commands", role = .0.word())]
    Most(Role),
    /// The first is done before the second can be pressed to its end.
    #[error("a {role} who presses {1:?} never comes to {2:?}", role = .0.word())]
    Hidden(Role, String, String),
}

impl Unfit {
    /// What to write instead.
    pub fn remedy(&self) -> String {
        match self {
            Self::Keys(_) => "write 0 to 9, * and #, as \"*6\"".into(),
            Self::Action(_) => format!("write {}", Action::words().collect::<Vec<_>>().join(", ")),
            Self::Role(action, _) if action.is_for(Role::Speaker) => "write it for a speaker or a moderator".into(),
            Self::Role(..) => "write it for a moderator".into(),
            Self::Most(_) => "leave some out".into(),
            Self::Hidden(..) => "let no command begin with another one".into(),
        }
    }
}

impl Menus {
    /// For whom a menu may be: what is for all, each role has as well.
    pub const WORDS: [&'static str; 4] = ["all", "listener", "speaker", "moderator"];

    const ROLES: [Role; 3] = [Role::Listener, Role::Speaker, Role::Moderator];

    /// One command of the menu of that role, or of the one for all.
    ///
    /// # Errors
    /// When it makes no sense there.
    pub fn command(whose: &str, keys: &str, action: &str) -> Result<Command, Unfit> {
        if !(1..=MAX_COMMAND).contains(&keys.len()) || !keys.chars().all(|key| Key::of_char(key).is_some()) {
            return Err(Unfit::Keys(keys.to_owned()));
        }
        let action = Action::of(action).ok_or_else(|| Unfit::Action(action.to_owned()))?;
        match Role::of(whose) {
            // In the menu for all there is more than a listener may: who presses it is told so.
            Some(role) if !action.is_for(role) => Err(Unfit::Role(action, role)),
            _ => Ok((keys.to_owned(), action)),
        }
    }

    /// All of them by the words for whom they are. A command that a role has of its own goes before the same one for all.
    ///
    /// # Errors
    /// When one of them can not be.
    pub fn of(written: impl Fn(&str) -> Option<Vec<Command>>) -> Result<Self, Unfit> {
        let all = written(Self::WORDS[0]);
        let mut menus = Self::default();
        for (role, menu) in Self::ROLES.into_iter().zip(&mut menus.0) {
            let own = written(role.word());
            if all.is_none() && own.is_none() {
                continue;
            }
            let mut commands = own.unwrap_or_default();
            let others = all.iter().flatten().filter(|(keys, _)| commands.iter().all(|(own, _)| own != keys));
            let others: Vec<Command> = others.cloned().collect();
            commands.extend(others);
            fits_together(role, &commands)?;
            *menu = Some(commands.into());
        }
        Ok(menus)
    }

    /// What keys do for that role; `None` where the room does not say.
    pub fn for_role(&self, role: Role) -> Option<&Arc<[Command]>> {
        let at = Self::ROLES.iter().position(|known| *known == role)?;
        self.0[at].as_ref()
    }
}

fn fits_together(role: Role, commands: &[Command]) -> Result<(), Unfit> {
    if commands.len() > MAX_COMMANDS {
        return Err(Unfit::Most(role));
    }
    for (keys, _) in commands {
        let longer = |(other, _): &&Command| other.len() > keys.len() && other.starts_with(keys.as_str());
        if let Some((other, _)) = commands.iter().find(longer) {
            return Err(Unfit::Hidden(role, keys.clone(), other.clone()));
        }
    }
    Ok(())
}

/// Keys that may become a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pressed {
    keys: String,
    until: Option<Instant>,
}

/// What a key has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Led {
    /// To this.
    To(Action),
    /// Nowhere yet.
    On,
    /// It is no key of the menu.
    Nowhere,
}

impl Pressed {
    /// When it wants to hear that nothing more came.
    pub fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// A key.
    pub fn press(&mut self, key: char, menu: &[Command], now: Instant) -> Led {
        self.expire(now);
        self.keys.push(key);
        let mut led = self.find(menu, now);
        if led == Led::Nowhere && self.keys.len() > 1 {
            // What was begun leads nowhere; the key may begin something else.
            self.keys = key.to_string();
            led = self.find(menu, now);
        }
        if led != Led::On {
            self.keys.clear();
            self.until = None;
        }
        led
    }

    /// Nothing more came in time.
    pub fn expire(&mut self, now: Instant) {
        if self.until.is_some_and(|until| until <= now) {
            self.keys.clear();
            self.until = None;
        }
    }

    fn find(&mut self, menu: &[Command], now: Instant) -> Led {
        if let Some((_, action)) = menu.iter().find(|(command, _)| *command == self.keys) {
            return Led::To(*action);
        }
        if menu.iter().any(|(command, _)| command.starts_with(&self.keys)) {
            self.until = Some(now + NEXT);
            return Led::On;
        }
        Led::Nowhere
    }

    /// Its instants, for those who move a call in time.
    #[cfg(test)]
    pub fn times(&mut self) -> impl Iterator<Item = &mut Instant> {
        self.until.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn menu() -> Vec<Command> {
        vec![("*6".into(), Action::ToggleMute), ("*9".into(), Action::RaiseHand), ("#".into(), Action::Leave)]
    }

    #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_command_of_two_keys_is_done_at_its_second_one() {
        let (mut pressed, now) = (Pressed::default(), now());
        assert_eq!(pressed.press('*', &menu(), now), Led::On);
        assert_eq!(pressed.press('6', &menu(), now), Led::To(Action::ToggleMute));
        assert_eq!(pressed.press('6', &menu(), now), Led::Nowhere);
        assert_eq!(pressed.press('#', &menu(), now), Led::To(Action::Leave));
    }

    #[test]
    fn a_star_of_long_ago_and_a_wrong_turn_are_forgotten() {
        let (mut pressed, now) = (Pressed::default(), now());
        pressed.press('*', &menu(), now);
        assert_eq!(pressed.press('6', &menu(), now + NEXT), Led::Nowhere);
        pressed.press('*', &menu(), now);
        assert_eq!(pressed.press('#', &menu(), now), Led::To(Action::Leave));
        pressed.press('*', &menu(), now);
        pressed.press('*', &menu(), now);
        assert_eq!(pressed.press('9', &menu(), now), Led::To(Action::RaiseHand));
    }

    #[test]
    fn a_role_has_what_is_for_all_and_its_own_before_that() {
        let menus = Menus::of(|whose| match whose {
            "all" => Some(vec![("*6".into(), Action::ToggleMute), ("#".into(), Action::Leave)]),
            "moderator" => Some(vec![("#".into(), Action::End)]),
            "listener" => Some(Vec::new()),
            _ => None,
        })
        .expect("menus");
        let menu = |role| menus.for_role(role).expect("a menu").to_vec();
        let (mute, leave) = (("*6".to_owned(), Action::ToggleMute), ("#".to_owned(), Action::Leave));
        assert_eq!(menu(Role::Speaker), [mute.clone(), leave.clone()]);
        assert_eq!(menu(Role::Moderator), [("#".to_owned(), Action::End), mute.clone()]);
        assert_eq!(menu(Role::Listener), [mute, leave]);
        let none = Menus::of(|whose| (whose == "listener").then(Vec::new)).expect("menus");
        assert_eq!(none.for_role(Role::Listener).map(|menu| menu.len()), Some(0), "no key does anything");
        assert_eq!(none.for_role(Role::Speaker), None, "the room says nothing of speakers");
    }

    #[test]
    fn a_menu_that_cannot_be_says_why_and_what_to_write() {
        let wrong = |unfit: Unfit| format!("{unfit}; {}", unfit.remedy());
        let command = |whose, keys, action| wrong(Menus::command(whose, keys, action).expect_err("unfit"));
        assert_eq!(
            command("all", "6x", "leave"),
            "\"6x\" is no command: that has 1 to 8 keys of a phone; write 0 to 9, * and #, as \"*6\""
        );
        assert!(command("all", "*6", "dance").starts_with("a key cannot \"dance\"; write toggle_mute, toggle_deaf, "));
        assert_eq!(
            command("listener", "*6", "toggle_mute"),
            "toggle_mute is not for a listener; write it for a speaker or a moderator"
        );
        assert_eq!(
            command("speaker", "*2", "toggle_lock"),
            "toggle_lock is not for a speaker; write it for a moderator"
        );
        let hidden = Menus::of(|whose| match whose {
            "all" => Some(vec![("*".into(), Action::Leave)]),
            "moderator" => Some(vec![("*1".into(), Action::End)]),
            _ => None,
        });
        assert_eq!(
            wrong(hidden.expect_err("one hides the other")),
            "a moderator who presses \"*\" never comes to \"*1\"; let no command begin with another one"
        );
    }

    #[test]
    fn each_action_is_found_by_its_word() {
        assert!(Action::words().all(|word| Action::of(word).is_some_and(|action| action.word() == word)));
    }
}
