//! Who ordered something of a room, as its record tells it; and how people in it are called.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use super::told::MemberId;

/// What kind of orderer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orderer {
    /// A person, at the dashboard.
    Person,
    /// A program, by its token.
    Token,
    /// Whoever may use the command line of the server.
    CommandLine,
    /// A service.
    Script,
    /// A member, by a key.
    Member,
}

/// Who ordered something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// What kind.
    pub who: Orderer,
    /// Its name: of a person, a token, a service, or a member.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The number of a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<u64>,
}

impl By {
    /// A person, a token or a service of that name.
    pub fn named(who: Orderer, name: &str) -> Self {
        Self { who, name: name.to_owned(), member: None }
    }

    /// The command line.
    pub const fn command_line() -> Self {
        Self { who: Orderer::CommandLine, name: String::new(), member: None }
    }

    /// A member, which is called so.
    pub const fn member(id: MemberId, name: String) -> Self {
        Self { who: Orderer::Member, name, member: Some(id.0) }
    }
}

impl Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.who {
            Orderer::Person => write!(f, "{}", self.name),
            Orderer::Token => write!(f, "token {}", self.name),
            Orderer::CommandLine => write!(f, "the command line"),
            Orderer::Script => write!(f, "service {}", self.name),
            Orderer::Member => write!(f, "{} by a key", self.name),
        }
    }
}

/// What somebody with that name and number is called: `alice (101)`, or by whichever is known.
#[must_use]
pub fn called(name: &str, number: &str) -> String {
    match (name, number) {
        ("", "") => "(unknown)".to_owned(),
        ("", known) | (known, "") => known.to_owned(),
        (name, number) if name == number => number.to_owned(),
        (name, number) => format!("{name} ({number})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_called_by_name_and_number_or_by_what_is_known() {
        let all = [("alice", "101"), ("101", "101"), ("", "101"), ("alice", ""), ("", "")];
        let all = all.map(|(name, number)| called(name, number));
        assert_eq!(all, ["alice (101)", "101", "101", "alice", "(unknown)"]);
    }

    #[test]
    fn who_ordered_something_is_told_in_words() {
        let alice = By::member(MemberId(3), called("alice", "101"));
        let all = [By::named(Orderer::Person, "anna"), By::named(Orderer::Token, "shop"), By::command_line(), alice];
        assert_eq!(all.map(|by| by.to_string()), ["anna", "token shop", "the command line", "alice (101) by a key"]);
    }
}
