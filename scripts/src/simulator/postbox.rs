//! Mailboxes for tests: messages in memory, a PIN that opens all of them unless a test says otherwise, and nobody to write letters to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::limits;

/// What opens every mailbox of a test.
const PIN: &str = "1234";

/// Wrong PINs after which none is looked at.
const TRIES: u32 = 3;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Postbox {
    messages: Vec<Message>,
    /// How many there ever were.
    saved: usize,
    wrong: u32,
    /// What a test has said of mailboxes, by their owner.
    owners: BTreeMap<String, Owner>,
}

/// What a test says of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// What opens it; nothing does where there is none.
    pub pin: Option<String>,
    /// Where letters about it go.
    pub mail: Option<String>,
    /// Whether nothing more goes in.
    pub full: bool,
}

impl Default for Owner {
    fn default() -> Self {
        Self { pin: Some(PIN.into()), mail: None, full: false }
    }
}

#[derive(Debug)]
struct Message {
    owner: String,
    told: Value,
}

impl Postbox {
    /// What comes of an errand to `mailbox`.
    pub fn answer(&mut self, ask: &Value, at_ms: u64) -> Result<Value, String> {
        let text = |name: &str| ask[name].as_str().unwrap_or_default().to_owned();
        let user = text("user");
        let own = |message: &&Message| message.owner == user;
        match ask["do"].as_str().unwrap_or_default() {
            "about" => {
                let owner = self.owner(&user);
                Ok(json!({ "mail": owner.mail, "pin": owner.pin.is_some() }))
            }
            "count" => {
                let heard = self.messages.iter().filter(own).filter(|message| message.told["heard"] == true).count();
                Ok(
                    json!({ "unheard": self.messages.iter().filter(own).count() - heard, "heard": heard, "full": self.owner(&user).full }),
                )
            }
            "save" if self.messages.len() >= limits::KEPT => Err("a test takes no more messages".into()),
            "save" => {
                self.saved += 1;
                let id = format!("message-{}", self.saved);
                let told = json!({
                    "id": id, "file": text("file"), "from": text("from"), "ms": ask["ms"], "at_ms": at_ms, "heard": false,
                });
                self.messages.push(Message { owner: user, told });
                Ok(json!({ "id": id }))
            }
            "list" => {
                let mut own: Vec<Value> =
                    self.messages.iter().filter(own).map(|message| message.told.clone()).collect();
                own.sort_by_key(|told| told["heard"] == true);
                Ok(own.into())
            }
            "mark_heard" => {
                let id = text("id");
                let found = self.messages.iter_mut().find(|message| message.owner == user && message.told["id"] == *id);
                Ok(found.map(|message| message.told["heard"] = true.into()).is_some().into())
            }
            "delete" => {
                let (id, before) = (text("id"), self.messages.len());
                self.messages.retain(|message| message.owner != user || message.told["id"] != *id);
                Ok((self.messages.len() < before).into())
            }
            "pin" => Ok(self.tries(&user, &text("pin"))),
            other => Err(format!("a mailbox does not {other:?}")),
        }
    }

    /// What a test says of a mailbox.
    pub fn set_owner(&mut self, user: &str, owner: Owner) {
        self.owners.insert(user.to_owned(), owner);
    }

    /// What is known of it.
    pub fn owner(&self, user: &str) -> Owner {
        self.owners.get(user).cloned().unwrap_or_default()
    }

    /// What lies in it.
    pub fn messages(&self, user: &str) -> Vec<Value> {
        self.messages.iter().filter(|message| message.owner == user).map(|message| message.told.clone()).collect()
    }

    fn tries(&mut self, user: &str, pin: &str) -> Value {
        if self.wrong >= TRIES {
            return json!({ "status": "locked", "locked_s": 900 });
        }
        if self.owner(user).pin.as_deref() == Some(pin) {
            self.wrong = 0;
            return json!({ "status": "ok" });
        }
        self.wrong += 1;
        json!({ "status": "wrong", "tries_left": TRIES - self.wrong })
    }
}
