//! Who holds what: a call in words, for a watchdog that finds one that should have gone.

use super::Call;
use super::leg::Stage;
use super::scope::Story;
use super::work::Work;

impl Call {
    /// Each leg and each verb under way, in words. Empty when the call is over.
    pub fn owns(&self) -> Vec<String> {
        let legs = self.legs.iter().map(|(id, leg)| {
            let stage = match &leg.stage {
                Stage::Asked => "is asked".to_owned(),
                Stage::Ringing => "rings".to_owned(),
                Stage::Calling { .. } => "waits for an answer".to_owned(),
                Stage::Early => "hears us before the answer".to_owned(),
                Stage::Answering => "waits for its acknowledgement".to_owned(),
                Stage::Answered => "is answered".to_owned(),
                Stage::Ending { why, .. } => format!("is ending: {}", why.reason),
            };
            let with = leg.partner.map(|other| format!(", joined with leg {}", other.0)).unwrap_or_default();
            let verb = leg.busy.map(|verb| format!(", held by verb {}", verb.0)).unwrap_or_default();
            format!("leg {} {stage}{with}{verb}", id.0)
        });
        let works = self.works.iter().map(|(verb, work)| {
            let (what, leg) = match work {
                Work::Answer(leg) => ("answer", Some(*leg)),
                Work::Play(leg, _) => ("play", Some(*leg)),
                Work::Gather(leg, _) => ("gather", Some(*leg)),
                Work::Record(leg, _) => ("record", Some(*leg)),
                Work::Dial(dialling) => ("dial", dialling.by),
                Work::Bridge(leg, _) => ("bridge", Some(*leg)),
                Work::Echo(leg) => ("echo", Some(*leg)),
                Work::Join(joining) => ("join", Some(joining.leg)),
                Work::Keys(sending) => ("send_keys", Some(sending.leg)),
                Work::Refer(leg, _) => ("refer", Some(*leg)),
                Work::Transfer(leg) => ("transfer", Some(*leg)),
                Work::Sleep(_) => ("sleep", None),
                Work::Stop(_) => ("stop", None),
                Work::Errand(_) => ("errand", None),
            };
            let on = leg.map(|leg| format!(" on leg {}", leg.0)).unwrap_or_default();
            format!("verb {} is {what}{on}", verb.0)
        });
        // Not what the program is to be told: that may be somebody's PIN.
        let story = (!self.is_over()).then(|| match &self.story {
            Story::Unbegun => "the story has not begun".to_owned(),
            Story::Told { .. } => format!("the story is told; {}", self.turn.in_words()),
            Story::Ended { .. } | Story::Over => format!("the story has ended; {}", self.turn.in_words()),
        });
        legs.chain(works).chain(story).collect()
    }
}
