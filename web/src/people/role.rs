//! What somebody may do: rights, and the roles and scopes that bundle them.

use std::{fmt, str::FromStr};

/// That word is no role, or no right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of them")]
pub struct UnknownWord(pub String);

/// One thing that a door may ask for. A token's scope is the name of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// How the server is.
    ReadStatus,
    /// What became of calls, with numbers masked.
    ReadRecords,
    /// Numbers and names in full, and the text of SIP messages.
    ReadNumbers,
    /// Listening to recordings.
    ReadRecordings,
    /// Calls under way.
    ReadCalls,
    /// Hanging them up.
    ChangeCalls,
    /// Endpoints and where they are.
    ReadEndpoints,
    /// Adding and removing them.
    ChangeEndpoints,
    /// Routes, trunks and what would happen.
    ReadRoutes,
    /// Reading the configuration again.
    ChangeServer,
    /// Users and tokens.
    ChangePeople,
    /// Who did what.
    ReadAudit,
    /// Tokens of guests who call from web pages.
    MintTokens,
    /// Refusing addresses, and letting them in again.
    ChangeBans,
    /// Deleting recordings.
    ChangeRecordings,
    /// Uploading and removing prompts.
    ChangeSounds,
    /// Asking services over HTTP.
    AskServices,
    /// What services say: numbers, PINs and keys may be written in them. Numbers must be readable, too.
    ReadSources,
    /// Adding, changing and removing routes: whoever may can have calls made at the house's cost.
    ChangeRoutes,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::ReadStatus,
        Self::ReadRecords,
        Self::ReadNumbers,
        Self::ReadRecordings,
        Self::ReadCalls,
        Self::ChangeCalls,
        Self::ReadEndpoints,
        Self::ChangeEndpoints,
        Self::ReadRoutes,
        Self::ChangeServer,
        Self::ChangePeople,
        Self::ReadAudit,
        Self::MintTokens,
        Self::ChangeBans,
        Self::ChangeRecordings,
        Self::ChangeSounds,
        Self::AskServices,
        Self::ReadSources,
        Self::ChangeRoutes,
    ];

    /// Its name as a scope.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ReadStatus => "status:read",
            Self::ReadRecords => "records:read",
            Self::ReadNumbers => "numbers:read",
            Self::ReadRecordings => "recordings:read",
            Self::ReadCalls => "calls:read",
            Self::ChangeCalls => "calls:write",
            Self::ReadEndpoints => "endpoints:read",
            Self::ChangeEndpoints => "endpoints:write",
            Self::ReadRoutes => "routes:read",
            Self::ChangeServer => "server:write",
            Self::ChangePeople => "people:write",
            Self::ReadAudit => "audit:read",
            Self::MintTokens => "tokens:mint",
            Self::ChangeBans => "bans:write",
            Self::ChangeRecordings => "recordings:write",
            Self::ChangeSounds => "sounds:write",
            Self::AskServices => "services:ask",
            Self::ReadSources => "sources:read",
            Self::ChangeRoutes => "routes:write",
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl FromStr for Right {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let known = Self::ALL.into_iter().find(|right| right.word() == text);
        known.ok_or_else(|| UnknownWord(text.into()))
    }
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u32);

impl Rights {
    /// Every right there is.
    pub fn all() -> Self {
        Right::ALL.into_iter().collect()
    }

    /// Whether that one is among them.
    pub fn has(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// Whether the text of services may be read: what may stand in it are numbers, too.
    pub fn read_sources(self) -> bool {
        self.has(Right::ReadSources) && self.has(Right::ReadNumbers)
    }

    /// Those that are in both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are not in the other.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those of a token: scopes with blanks between.
    pub fn of_scopes(text: &str) -> Result<Self, UnknownWord> {
        text.split_whitespace().map(str::parse).collect()
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<T: IntoIterator<Item = Right>>(rights: T) -> Self {
        Self(rights.into_iter().fold(0, |all, right| all | right.bit()))
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = Right::ALL.into_iter().filter(|right| self.has(*right)).map(Right::word).collect();
        f.pad(&words.join(" "))
    }
}

/// What a person is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// May do everything.
    Admin,
    /// Sees everything about calls, listens to recordings, hangs up, adds endpoints.
    Operator,
    /// Sees what happened, with numbers masked.
    Viewer,
}

impl Role {
    /// All of them, the mightiest first.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Operator, Self::Viewer];

    /// As it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
        }
    }

    /// What it may do.
    pub fn rights(self) -> Rights {
        const WATCHING: [Right; 5] =
            [Right::ReadStatus, Right::ReadRecords, Right::ReadCalls, Right::ReadEndpoints, Right::ReadRoutes];
        const WORKING: [Right; 8] = [
            Right::ReadNumbers,
            Right::ReadRecordings,
            Right::ChangeCalls,
            Right::ChangeEndpoints,
            Right::ChangeBans,
            Right::ChangeSounds,
            Right::AskServices,
            Right::ReadSources,
        ];
        match self {
            Self::Admin => Rights::all(),
            Self::Operator => WATCHING.into_iter().chain(WORKING).collect(),
            Self::Viewer => WATCHING.into_iter().collect(),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Role {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let known = Self::ALL.into_iter().find(|role| role.word() == text);
        known.ok_or_else(|| UnknownWord(text.into()))
    }
}

/// For whom numbers are masked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Masking {
    /// For viewers.
    #[default]
    Viewers,
    /// For operators, too: admins alone see them whole, and programs whose token says so.
    Operators,
    /// For nobody: whoever may see calls sees who called.
    Nobody,
}

impl Masking {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Viewers, Self::Operators, Self::Nobody];

    /// As it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewers => "viewers",
            Self::Operators => "operators",
            Self::Nobody => "nobody",
        }
    }

    /// What a role may do where numbers are masked so.
    pub fn rights(self, role: Role) -> Rights {
        let sees = match (self, role) {
            (_, Role::Admin) | (Self::Nobody, _) => true,
            (Self::Viewers, role) => role == Role::Operator,
            (Self::Operators, _) => false,
        };
        let numbers: Rights = std::iter::once(Right::ReadNumbers).collect();
        let rights = role.rights();
        if sees { Rights(rights.0 | numbers.0) } else { Rights(rights.0 & !numbers.0) }
    }
}

impl FromStr for Masking {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let known = Self::ALL.into_iter().find(|masking| masking.word() == text);
        known.ok_or_else(|| UnknownWord(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masking_says_who_sees_numbers_and_nothing_else() {
        let sees = |masking: Masking| Role::ALL.map(|role| masking.rights(role).has(Right::ReadNumbers));
        assert_eq!(Masking::ALL.map(sees), [[true, true, false], [true, false, false], [true, true, true]]);
        let others = |rights: Rights| Rights(rights.0 & !Right::ReadNumbers.bit());
        for (masking, role) in Masking::ALL.into_iter().flat_map(|masking| Role::ALL.map(|role| (masking, role))) {
            assert_eq!(others(masking.rights(role)), others(role.rights()), "{masking:?} {role}");
            assert_eq!(masking.word().parse(), Ok(masking));
        }
        assert_eq!(Role::ALL.map(|role| Masking::default().rights(role)), Role::ALL.map(Role::rights));
        assert!(!Masking::Operators.rights(Role::Operator).read_sources(), "what may stand in them are numbers");
        assert!(!Masking::Nobody.rights(Role::Viewer).read_sources());
    }

    #[test]
    fn each_role_may_do_what_the_lesser_one_may() {
        let [admin, operator, viewer] = Role::ALL.map(Role::rights);
        assert_eq!(operator.and(viewer), viewer);
        assert_eq!(admin.and(operator), operator);
        assert!(!operator.has(Right::ChangePeople) && !viewer.has(Right::ReadNumbers));
        assert!(operator.read_sources() && !viewer.read_sources());
        assert!(admin.has(Right::ChangeRoutes) && !operator.has(Right::ChangeRoutes), "it may cost money");
        assert!(!viewer.has(Right::ReadRecordings) && !viewer.has(Right::ChangeCalls));
    }

    #[test]
    fn scopes_are_read_as_they_are_written() {
        let text = Rights::all().to_string();
        assert_eq!(Rights::of_scopes(&text), Ok(Rights::all()));
        assert_eq!(Rights::of_scopes("records:read  calls:all"), Err(UnknownWord("calls:all".into())));
    }
}
