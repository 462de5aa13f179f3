//! A party whose partner holds it is told so, where it wants to know: pages show it. What is heard meanwhile is the call's to say.

use super::Turn;
use super::talk::Talk;
use crate::call::LegId;

impl Talk {
    /// Tells who is held, and no longer, what it does not know yet. Whoever is parted from who held it is held no more.
    pub(super) fn match_holds(&mut self, turn: &mut Turn<'_, '_>) {
        let unaware: Vec<(LegId, bool)> = self
            .ends
            .iter()
            .filter(|end| !end.gone)
            .map(|end| {
                let partner = end.partner.and_then(|leg| self.ends.iter().find(|end| end.leg == leg && !end.gone));
                (end, partner.is_some_and(|partner| partner.line.holds()))
            })
            .filter(|(end, held)| end.line.lacks_word_of(*held))
            .map(|(end, held)| (end.leg, held))
            .collect();
        for (leg, held) in unaware {
            self.on_line(leg, turn, |line, cx| line.tell_other_holds(held, cx));
        }
    }
}
