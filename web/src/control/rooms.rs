//! Orders for rooms, as they are written in JSON and in the forms of pages.

use patchcord_engine::room::{Join, MemberId, Order, Role, Whom};
use serde::{Deserialize, Serialize};

/// The longest name of a prompt, a target or a room.
pub const LONGEST: usize = 256;

/// Prompts of one announcement.
pub const PROMPTS: usize = 32;

/// What is wanted of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoomOrder {
    /// `mute`, `deaf`, `kick`, `aside`, `admit`, `hand`, `role`, `lock`, `automatic_gain`, `gain`, `gate`, `denoise`, `hears`, `move`, `merge`,
    /// `announce`, `record`, `invite` or `end`.
    #[serde(rename = "do")]
    pub deed: String,
    /// The member that it is for; everybody where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<u64>,
    /// Of `hears`: whom the member hears otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<u64>,
    /// Whether it begins or ends; it begins where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<bool>,
    /// Of `gain`, `gate` and `hears`: decibels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db: Option<i8>,
    /// Of `role`: `listener`, `speaker` or `moderator`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Of `move` and `merge`: the other room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// Of `invite`: who is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Of `announce`: what is heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Vec<String>>,
}

/// Deeds that there are.
pub const DEEDS: &[&str] = &[
    "mute",
    "deaf",
    "kick",
    "aside",
    "admit",
    "hand",
    "role",
    "lock",
    "automatic_gain",
    "gain",
    "gate",
    "denoise",
    "hears",
    "move",
    "merge",
    "announce",
    "record",
    "invite",
    "end",
];

/// An order that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoOrder {
    /// Nobody can do that.
    #[error("a room cannot {0:?}; it can {list}", list = DEEDS.join(", "))]
    Deed(String),
    /// Something is missing, or no text that can be one.
    #[error("{deed} wants {what}")]
    Wants {
        /// What was to be done.
        deed: String,
        /// What it wants.
        what: &'static str,
    },
}

impl RoomOrder {
    /// As the house takes it; `into` is the room that it is for.
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn read(self, into: &str) -> Result<Order, NoOrder> {
        let wants = |what| NoOrder::Wants { deed: self.deed.clone(), what };
        let fits = |text: &&String| !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
        let whom = self.member.map_or(Whom::All, |member| Whom::Member(MemberId(member)));
        let on = self.on.unwrap_or(true);
        let room = || self.room.as_ref().filter(fits).cloned().ok_or(wants("room, the name of the other one"));
        let db = || self.db.ok_or(wants("db, a number of decibels"));
        Ok(match self.deed.as_str() {
            "mute" => Order::Mute(whom, on),
            "deaf" => Order::Deaf(whom, on),
            "kick" => Order::Kick(whom),
            "aside" => Order::Aside(whom, on),
            "admit" => Order::Admit(whom),
            "hand" => Order::Hand(whom, on),
            "role" => {
                let role = self.role.as_deref().and_then(Role::of);
                Order::Role(whom, role.ok_or(wants("role: listener, speaker or moderator"))?)
            }
            "lock" => Order::Lock(on),
            "automatic_gain" => Order::AutomaticGain(on),
            "gain" => Order::Gain(whom, db()?),
            "gate" if on => Order::Gate(whom, Some(db()?)),
            "gate" => Order::Gate(whom, None),
            "denoise" => Order::Denoise(whom, on),
            "hears" => {
                let other = self.other.ok_or(wants("other, the number of a member"))?;
                Order::Hears(whom, Whom::Member(MemberId(other)), db()?)
            }
            "move" => Order::Move(whom, room()?),
            "merge" => Order::Merge(room()?),
            "announce" => {
                let prompts = self.prompts.as_ref().filter(|all| (1..=PROMPTS).contains(&all.len()));
                let prompts = prompts.filter(|all| all.iter().all(|prompt| fits(&prompt)));
                Order::Announce(whom, prompts.cloned().ok_or(wants("prompts, a list of names"))?)
            }
            "record" => Order::Record(on),
            "invite" => {
                let target = self.target.as_ref().filter(fits).cloned();
                Order::Invite(target.ok_or(wants("target, as user:alice"))?, Box::new(Join::to(into)))
            }
            "end" => Order::End,
            _ => return Err(NoOrder::Deed(self.deed.clone())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(json: &str) -> Result<Order, NoOrder> {
        serde_json::from_str::<RoomOrder>(json).expect("JSON").read("weekly")
    }

    #[test]
    fn each_deed_is_an_order_or_says_what_it_wants() {
        let three = Whom::Member(MemberId(3));
        assert_eq!(order(r#"{"do":"mute","member":3}"#), Ok(Order::Mute(three, true)));
        assert_eq!(order(r#"{"do":"mute","on":false}"#), Ok(Order::Mute(Whom::All, false)));
        assert_eq!(order(r#"{"do":"move","member":3,"room":"b"}"#), Ok(Order::Move(three, "b".into())));
        assert_eq!(order(r#"{"do":"automatic_gain","on":false}"#), Ok(Order::AutomaticGain(false)));
        for deed in DEEDS {
            let read = RoomOrder { deed: (*deed).to_owned(), ..RoomOrder::default() }.read("weekly");
            assert!(!matches!(read, Err(NoOrder::Deed(_))), "{deed}: {read:?}");
        }
        let told = order(r#"{"do":"dance"}"#).expect_err("rooms do not").to_string();
        assert!(told.starts_with("a room cannot \"dance\"; it can mute, deaf"), "{told}");
        let told = order(r#"{"do":"announce","prompts":[]}"#).expect_err("nothing").to_string();
        assert_eq!(told, "announce wants prompts, a list of names");
    }
}
