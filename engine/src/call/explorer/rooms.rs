//! The rooms of the explorer: at what point each leg stands with its room, and what the room may say next. No more than a room of
//! the house would say; who is out is not spoken to.

use std::collections::BTreeMap;

use super::super::LegId;
use crate::room::{Asked, Denial, Leaving, MemberId, Told};

/// How far a leg and its room have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Point {
    /// The room has the word.
    Door,
    /// The call has it.
    Asked,
    /// The party is in, and may be told so much more.
    In(u8),
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Rooms(BTreeMap<LegId, Point>);

impl Rooms {
    pub fn are_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A call says something.
    pub fn hears(&mut self, leg: LegId, asked: &Asked) -> Result<(), String> {
        let before = match asked {
            Asked::Leave => self.0.remove(&leg),
            Asked::Join(_) if self.0.contains_key(&leg) => return Err(format!("{leg:?} joins twice")),
            Asked::Join(_) => {
                self.0.insert(leg, Point::Door);
                return Ok(());
            }
            Asked::Pin(_) | Asked::Name(_) | Asked::Ready => match self.0.insert(leg, Point::Door) {
                Some(Point::Asked) => return Ok(()),
                other => return Err(format!("{asked:?} of {leg:?}, which was not asked: {other:?}")),
            },
            Asked::Act(_) | Asked::Held(_) | Asked::Recorded(_) => self.0.get(&leg).copied(),
        };
        before.map(drop).ok_or_else(|| format!("{asked:?} of {leg:?}, which is in no room"))
    }

    /// What may be said.
    pub fn words(&self) -> impl Iterator<Item = (LegId, Told)> {
        self.0.iter().flat_map(|(leg, point)| {
            let words = match point {
                Point::Door => vec![
                    Told::AskPin { again: true, or_none: false },
                    Told::AskName,
                    Told::Wait(Some("music".into())),
                    Told::Greet(vec!["alone".into()]),
                    Told::In(MemberId(1)),
                    Told::Out(Leaving::Denied(Denial::Full)),
                ],
                Point::Asked => vec![Told::Out(Leaving::Ended)],
                Point::In(0) => vec![Told::Out(Leaving::Kicked)],
                Point::In(_) => {
                    let music = Some("music".to_owned());
                    let aside = [Told::Aside(true, music), Told::Aside(false, None), Told::Moved("other".into())];
                    let recorded = [true, false].map(Told::Recorded);
                    let said = [Told::Say(vec!["muted".into()]), Told::Out(Leaving::Left)];
                    said.into_iter().chain(aside).chain(recorded).collect()
                }
            };
            words.into_iter().map(|told| (*leg, told))
        })
    }

    /// A room says something.
    pub fn says(&mut self, leg: LegId, told: &Told) {
        let Some(point) = self.0.get_mut(&leg) else { return };
        *point = match (told, *point) {
            (Told::Out(_), _) => {
                self.0.remove(&leg);
                return;
            }
            (Told::AskPin { .. } | Told::AskName | Told::Greet(_), _) => Point::Asked,
            (Told::In(_), _) => Point::In(2),
            (_, Point::In(left)) => Point::In(left.saturating_sub(1)),
            (_, same) => same,
        };
    }
}
