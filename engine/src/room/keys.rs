//! What members do with keys: commands of one or more keys, found among those that their menu has.
//!
//! A [`Pressed`] is told of keys and of time. It starts no timer: whoever owns it sleeps until its deadline.

use std::time::{Duration, Instant};

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

    /// Whether only moderators may.
    pub fn is_moderators(self) -> bool {
        matches!(
            self,
            Self::ToggleLock | Self::ToggleMuteAll | Self::ToggleRecord | Self::Admit | Self::KickLast | Self::End
        )
    }
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
    pub fn press(&mut self, key: char, menu: &[(String, Action)], now: Instant) -> Led {
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

    fn find(&mut self, menu: &[(String, Action)], now: Instant) -> Led {
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

    fn menu() -> Vec<(String, Action)> {
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
    fn each_action_is_found_by_its_word() {
        assert!(Action::words().all(|word| Action::of(word).is_some_and(|action| action.word() == word)));
    }
}
