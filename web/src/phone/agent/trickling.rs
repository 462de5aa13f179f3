//! Candidates that come after the description that they belong to (RFC 8838): they follow it to the engine as INFO (RFC 8840).
//!
//! Where the engine tries the page by checks of its own, one of them may be the only way there is. Before a talk stands nobody
//! is tried, and a page that waits for its candidates has them all in its description: then nothing comes here.

use std::time::Instant;

use patchcord_media::sdp::{
    Description,
    ice::{Candidate, Ice, MAX_CANDIDATES},
};
use patchcord_sip::Method;

use super::{Agent, Refusal, Said, Stage};

const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// What names the description that candidates belong to, and how many have followed it.
pub(super) struct Followed {
    ufrag: String,
    pwd: String,
    mid: String,
    followers: usize,
}

impl Followed {
    /// The talk and the description that a page speaks of, where it describes itself.
    pub fn by(said: &Said) -> Option<(String, Self)> {
        let (talk, sdp) = match said {
            Said::Dial { talk, sdp, .. }
            | Said::Answer { talk, sdp }
            | Said::Offer { talk, sdp }
            | Said::Accept { talk, sdp } => (talk, sdp),
            _ => return None,
        };
        let description = Description::parse(sdp.as_bytes()).ok()?;
        let media = description.media.first()?;
        let Ice { ufrag, pwd, .. } = Ice::of(&description, media)?;
        let mid = description.attribute_of(media, "mid").unwrap_or("0").to_owned();
        Some((talk.clone(), Self { ufrag, pwd, mid, followers: 0 }))
    }

    /// The fragment with another candidate; none any more behind the last that the engine takes.
    fn fragment(&mut self, candidate: &Candidate) -> Option<String> {
        if self.followers == MAX_CANDIDATES {
            return None;
        }
        self.followers += 1;
        let Self { ufrag, pwd, mid, .. } = self;
        Some(format!(
            "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\nm=audio 9 RTP/AVP 0\r\na=mid:{mid}\r\na=candidate:{candidate}\r\n"
        ))
    }
}

impl Agent {
    /// Another candidate of the page; an empty one says that it was the last.
    pub(super) fn learn(&mut self, name: &str, candidate: Option<&str>, now: Instant) -> Result<(), Refusal> {
        let malformed = || Refusal::new("malformed", "a candidate is written as the browser writes it");
        let written = candidate.filter(|written| !written.is_empty());
        let read = written.map(|written| Candidate::parse(written).ok_or_else(malformed)).transpose()?;
        let talk = self.find(name)?;
        let (Some(candidate), Stage::Up) = (read, talk.stage) else { return Ok(()) };
        let Some(fragment) = talk.followed.as_mut().and_then(|followed| followed.fragment(&candidate)) else {
            return Ok(());
        };
        self.ask(name, Method::Info, |draft| draft.body(FRAGMENT, fragment.into()), now).map(drop)
    }
}
