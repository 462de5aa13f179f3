//! One party of the explored world, with its line and its port: what it may do next, and what the call may tell it.

use super::super::effect::SoundTag;
use super::super::{LineOrder, SoundOrder};

/// A party, from the first that is heard of it until its line has told its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Party {
    pub stage: Stage,
    /// Whether it holds us.
    pub holds: bool,
    /// A transfer that it asked for: not answered yet, and accepted.
    pub wishes: bool,
    pub passes: bool,
    /// How often it may still hold, and ask for a transfer.
    pub holds_left: u8,
    pub wishes_left: u8,
    pub keys_left: u8,
    /// What it hears that has an end.
    pub hears: Option<SoundTag>,
    pub key_due: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// It calls us, and we have ordered nothing or the answer.
    Calls {
        answered: bool,
    },
    Asked,
    Rings,
    Early,
    Up,
    /// We ended it; its answer may have been on its way.
    Ending {
        answer_due: bool,
    },
}

impl Party {
    pub fn new(stage: Stage) -> Self {
        Self {
            stage,
            holds: false,
            wishes: false,
            passes: false,
            holds_left: 2,
            wishes_left: 1,
            keys_left: 2,
            hears: None,
            key_due: false,
        }
    }

    /// The line obeys; or says why it never should have heard this.
    pub fn obey(&mut self, order: &LineOrder) -> Result<(), String> {
        let ending = matches!(self.stage, Stage::Ending { .. });
        if ending && !matches!(order, LineOrder::HangUp { .. }) {
            return Err(format!("{order:?} to a leg that is ending"));
        }
        let calls = matches!(self.stage, Stage::Calls { answered: false });
        match order {
            LineOrder::HangUp { .. } => {
                let answer_due = matches!(self.stage, Stage::Asked | Stage::Rings | Stage::Early);
                // The line itself answers what the party still asks for.
                self.wishes = false;
                if !ending {
                    self.stage = Stage::Ending { answer_due };
                }
            }
            LineOrder::Ring | LineOrder::Progress if !calls => return Err(format!("{order:?} in {:?}", self.stage)),
            LineOrder::Refuse(..) if !calls => return Err(format!("a refusal in {:?}", self.stage)),
            LineOrder::Refuse(..) => self.stage = Stage::Ending { answer_due: false },
            LineOrder::Answer if !calls => return Err(format!("an answer in {:?}", self.stage)),
            LineOrder::Answer => self.stage = Stage::Calls { answered: true },
            LineOrder::AcceptRefer | LineOrder::RejectRefer(_) => {
                if !std::mem::take(&mut self.wishes) {
                    return Err("an answer to a transfer that nobody asked for".into());
                }
                self.passes = *order == LineOrder::AcceptRefer;
            }
            LineOrder::ReferProgress(status) => {
                if !self.passes {
                    return Err(format!("progress {status} of a transfer that is none"));
                }
                self.passes = *status < 200;
            }
            LineOrder::Invite(_) => return Err("a second INVITE".into()),
            _ => {}
        }
        Ok(())
    }

    /// The port obeys; or says why it never should have heard this.
    pub fn sound(&mut self, order: &SoundOrder) -> Result<(), String> {
        if matches!(self.stage, Stage::Ending { .. }) {
            return Err(format!("{order:?} to the port of a leg that is ending"));
        }
        match order {
            SoundOrder::Play { tag, endless, .. } => self.hears = (!endless).then_some(*tag),
            SoundOrder::Stop => self.hears = None,
            SoundOrder::Press(..) => self.key_due = true,
            _ => {}
        }
        Ok(())
    }
}
