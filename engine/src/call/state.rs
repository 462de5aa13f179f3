//! The state of a call without the time of day: two calls whose next steps are the same are equal, whenever they began. For those who
//! visit equal states once.

use std::time::Instant;

use super::Call;
use super::play::Sounding;
use super::transfer::Taking;
use super::work::{Back, Work};

impl Call {
    /// The same call, as if it were `origin` now. The origin has to be later than any call is long.
    pub(crate) fn moved(&self, now: Instant, origin: Instant) -> Self {
        let mut call = self.clone();
        let move_to = |at: &mut Instant| {
            *at = match at.checked_duration_since(now) {
                Some(ahead) => origin + ahead,
                None => origin - now.duration_since(*at),
            };
        };
        for leg in call.legs.values_mut() {
            leg.times().for_each(move_to);
            leg.sounds.iter_mut().flat_map(Sounding::times).for_each(move_to);
        }
        for work in call.works.values_mut() {
            match work {
                Work::Gather(_, gathering) => gathering.times().for_each(move_to),
                Work::Record(_, recording) => recording.times().for_each(move_to),
                Work::Dial(dialling) => dialling.times().for_each(move_to),
                Work::Keys(sending) => sending.times().for_each(move_to),
                Work::Join(joining) => joining.times().for_each(move_to),
                Work::Refer(_, at) | Work::Sleep(at) | Work::Errand(at) => move_to(at),
                Work::Answer(_) | Work::Play(..) | Work::Bridge(..) | Work::Echo(_) | Work::Transfer(_) => {}
                Work::Stop(_) => {}
            }
        }
        call.takings.values_mut().flat_map(Taking::times).for_each(move_to);
        for back in call.backs.values_mut() {
            if let Back::Record { until: Some(until), .. } | Back::Timer(until) = back {
                move_to(until);
            }
        }
        call.turn.times().for_each(move_to);
        call.story.times().for_each(move_to);
        call
    }
}
