//! Offer and answer of one leg (RFC 3264, RFC 6337), as a value.
//!
//! ```text
//!            offer · again · turn ──▶ ours is out ──accept──▶ settled
//! settled ─┤                              └──rollback──▶ settled as before
//!            receive ──▶ theirs is in ──answer──▶ settled
//!                              └──rollback──▶ settled as before
//! ```
//!
//! `preview` reads an early answer and moves nothing, so each branch of a forked call can have its own. Lines never vanish
//! and keep their order; payload types keep their meaning; the version of our description grows when it says something else
//! than the last one, and only then. Nothing is sent, no port is opened and no randomness is drawn here.

mod answered;
mod choose;
mod numbers;
mod ours;
mod theirs;
mod written;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use self::numbers::Numbers;
use self::theirs::Theirs;
use super::agreed::{Agreed, Flow, Security, Stream};
use super::description::{Attributes, Description, Host, Media, Origin, Profile};
use super::direction::Direction;
use super::format::Format;
use super::plan::{Part, SoundPlan, Want};
use super::policy::Medium;

/// What names our side's session for as long as the leg lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// A number that nobody else has. Below 2⁶³: there are phones that count with a sign.
    pub id: u64,
    /// The version of the first description, far enough below that.
    pub version: u64,
    /// The address of this machine as the other side knows it.
    pub host: IpAddr,
}

/// An offer at the wrong moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfTurn {
    /// Ours has no answer yet: 491 in SIP (RFC 3261 §14.2).
    #[error("an offer of ours is unanswered")]
    OursIsOut,
    /// Theirs has no answer yet: 500 with Retry-After.
    #[error("an offer of theirs is unanswered")]
    TheirsIsIn,
    /// There is nothing that could be offered again.
    #[error("nothing has been agreed yet")]
    NothingSettled,
}

/// Why there is no agreement: 488 in SIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An answer, or the wish to answer, without an offer.
    #[error("there is no offer to answer")]
    NoOffer,
    /// The part is not sound, is declined, or does not travel as RTP.
    #[error("the part is no sound over RTP")]
    NoSound,
    /// No codec of theirs is one of ours.
    #[error("no codec in common")]
    NoCodec,
    /// We want SRTP and they do not.
    #[error("SRTP is required and not offered")]
    Unprotected,
    /// They want SRTP and we do not.
    #[error("SRTP is offered and not allowed")]
    Protected,
    /// SRTP without keys or fingerprints that we can use.
    #[error("no usable keys or fingerprints for SRTP")]
    NoKeys,
    /// Keys that come by DTLS, and no ICE by which whoever brings them could be met.
    #[error("its keys come by DTLS and it has no ICE")]
    NoIce,
    /// What should be an answer does not fit the offer.
    #[error("the answer does not fit the offer")]
    NotAnAnswer,
    /// We take no part of the offer.
    #[error("no part of the offer is wanted")]
    NothingTaken,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Negotiation {
    session: Session,
    version: u64,
    /// The last description that we made, whatever became of it, as it is sent: until it is taken.
    text: Option<Box<str>>,
    /// By what the next is known to say the same.
    sent: Option<Fingerprint>,
    lines: Vec<Line>,
    agreed: Option<Agreed>,
    pending: Pending,
    numbers: Vec<Numbers>,
}

#[derive(Clone, Debug)]
enum Pending {
    Nothing,
    Ours(Vec<Line>),
    Theirs(Box<Description>),
}

/// One line of our description.
#[derive(Clone, Debug)]
struct Line {
    part: Part,
    /// As it was written.
    media: Media,
    /// The formats that we take, for sound, until both sides have spoken.
    formats: Vec<Format>,
    /// How sound is protected, or offered to be.
    seal: Seal,
}

/// How sound is protected, and the profile that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seal {
    Open(Profile),
    /// With keys in the description; where the profile is open, the other side may do without.
    Keys(Profile),
    /// With a certificate.
    Certificate(Profile),
}

impl Negotiation {
    /// A leg on which nothing has been said.
    #[must_use]
    pub fn new(session: Session) -> Self {
        let (lines, numbers) = (Vec::new(), Vec::new());
        let (version, pending) = (session.version, Pending::Nothing);
        Self { session, version, text: None, sent: None, lines, agreed: None, pending, numbers }
    }

    /// What is agreed.
    #[must_use]
    pub const fn agreed(&self) -> Option<&Agreed> {
        self.agreed.as_ref()
    }

    /// The last description that we made, as it is sent. Whoever takes it keeps it, where it may have to be sent twice.
    #[must_use]
    pub fn take_text(&mut self) -> Option<Box<str>> {
        self.text.take()
    }

    /// Their offer that waits for our answer.
    #[must_use]
    pub const fn received(&self) -> Option<&Description> {
        match &self.pending {
            Pending::Theirs(offer) => Some(offer),
            _ => None,
        }
    }

    /// Whether an offer of either side is unanswered.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        !matches!(self.pending, Pending::Nothing)
    }

    /// What we want of each settled line, in order: the start of an answer to a re-offer, or of a re-offer.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        self.lines.iter().map(|line| line.part.clone()).collect()
    }

    /// Offers these parts. Lines that no part asks for any more are declined, new ones stand behind.
    ///
    /// # Errors
    /// When another offer is unanswered.
    pub fn offer(&mut self, parts: Vec<Part>) -> Result<Description, OutOfTurn> {
        self.is_free()?;
        let placed = ours::place(&self.lines, parts);
        self.numbers.resize(self.numbers.len().max(placed.len()), Numbers::default());
        let before = self.lines.iter().map(Some).chain(std::iter::repeat(None));
        let placed = placed.into_iter().zip(before).zip(&mut self.numbers).enumerate();
        let (mut lines, mut taken) = (Vec::new(), Vec::new());
        for (index, ((part, before), numbers)) in placed {
            let line = ours::line(index, part, before, numbers, &taken);
            taken.extend(line.formats.iter().map(|format| format.payload_type));
            lines.push(line);
        }
        let sealed = lines.iter().filter(|line| line.is_sealed() && line.media.port != 0);
        let group = words(sealed.filter_map(|line| line.media.mid()));
        let description = self.publish(&mut lines, group);
        lines.shrink_to_fit();
        self.numbers.shrink_to_fit();
        self.numbers.iter_mut().for_each(Numbers::shrink);
        self.pending = Pending::Ours(lines);
        Ok(description)
    }

    /// Offers the settled parts again, as a request without an offer wants it, or a session refresh.
    ///
    /// # Errors
    /// When another offer is unanswered or nothing has been settled.
    pub fn again(&mut self) -> Result<Description, OutOfTurn> {
        self.is_free()?;
        self.agreed.as_ref().ok_or(OutOfTurn::NothingSettled)?;
        self.offer(self.parts())
    }

    /// Offers the settled parts with all sound in this direction: [`Direction::Send`] holds the other side with music,
    /// [`Direction::Neither`] in silence, [`Direction::Both`] takes it back.
    ///
    /// # Errors
    /// When another offer is unanswered or nothing has been settled.
    pub fn turn(&mut self, direction: Direction) -> Result<Description, OutOfTurn> {
        self.is_free()?;
        self.agreed.as_ref().ok_or(OutOfTurn::NothingSettled)?;
        let mut parts = self.parts();
        for part in &mut parts {
            if let Want::Sound(plan) = &mut part.want {
                Arc::make_mut(plan).direction = direction;
            }
        }
        self.offer(parts)
    }

    /// What an early answer to our offer would mean. Settles nothing.
    ///
    /// # Errors
    /// When it fits no offer of ours.
    pub fn preview(&self, answer: &Description) -> Result<Agreed, Refusal> {
        let Pending::Ours(lines) = &self.pending else { return Err(Refusal::NoOffer) };
        read(lines, answer)
    }

    /// Settles our offer by its answer.
    ///
    /// # Errors
    /// When it fits no offer of ours; the offer stays unanswered until [`Negotiation::rollback`].
    pub fn accept(&mut self, answer: &Description) -> Result<&Agreed, Refusal> {
        let agreed = self.preview(answer)?;
        let Pending::Ours(mut lines) = std::mem::replace(&mut self.pending, Pending::Nothing) else {
            return Err(Refusal::NoOffer);
        };
        let off = lines.iter_mut().zip(&agreed.streams).filter(|(_, stream)| stream.flow == Flow::Off);
        off.for_each(|(line, _)| line.part.want = Want::Nothing);
        lines.iter_mut().for_each(Line::settle);
        self.lines = lines;
        Ok(self.agreed.insert(agreed))
    }

    /// Takes in an offer of theirs; it waits for [`Negotiation::answer`].
    ///
    /// # Errors
    /// When another offer is unanswered.
    pub fn receive(&mut self, offer: Description) -> Result<(), OutOfTurn> {
        self.is_free()?;
        self.pending = Pending::Theirs(Box::new(offer));
        Ok(())
    }

    /// Which line of their offer is the sound for this plan.
    ///
    /// # Errors
    /// As [`sound_line_of`].
    pub fn sound_line(&self, plan: &SoundPlan) -> Result<usize, Refusal> {
        sound_line_of(self.received().ok_or(Refusal::NoOffer)?, plan)
    }

    /// Whether their offer begins ICE anew, so that our credentials must be new, too (RFC 8839 §4.4.1.1.1).
    #[must_use]
    pub fn restarts_ice(&self) -> bool {
        let (Some(offer), Some(agreed)) = (self.received(), &self.agreed) else { return false };
        Theirs::all(offer).zip(&agreed.streams).any(|(theirs, stream)| match (&stream.flow, theirs.ice()) {
            (Flow::Sound(sound), Some(new)) => {
                let old = sound.ice.as_ref();
                old.is_some_and(|old| old.ufrag != new.ufrag || old.pwd != new.pwd)
            }
            _ => false,
        })
    }

    /// Answers their offer, a part for each of its lines in order; lines without a part are declined.
    ///
    /// # Errors
    /// When something was offered and nothing of it can be taken: the reason of the first part. The offer stays
    /// unanswered: try other parts, or refuse it and [`rollback`](Negotiation::rollback).
    pub fn answer(&mut self, parts: Vec<Part>) -> Result<Description, Refusal> {
        let Pending::Theirs(offer) = &self.pending else { return Err(Refusal::NoOffer) };
        let mut refusal = None;
        let mut taken = Vec::with_capacity(offer.media.len());
        let mut parts = parts.into_iter();
        for (index, theirs) in Theirs::all(offer).enumerate() {
            let part = parts.next().unwrap_or(Part::nothing(u32::try_from(index).unwrap_or(u32::MAX)));
            let answered = ours::answer(theirs, part, &mut refusal);
            taken.push(answered);
        }
        let offered = Theirs::all(offer).any(|theirs| theirs.is_live());
        if offered && taken.iter().all(|(_, stream)| stream.flow == Flow::Off) {
            return Err(refusal.unwrap_or(Refusal::NothingTaken));
        }
        let group = shared(offer, &taken);
        let (mut lines, mut streams): (Vec<Line>, Vec<Stream>) = taken.into_iter().unzip();
        self.numbers.resize(self.numbers.len().max(lines.len()), Numbers::default());
        for (numbers, line) in self.numbers.iter_mut().zip(&lines) {
            numbers.learn(&line.formats);
        }
        let description = self.publish(&mut lines, group);
        lines.shrink_to_fit();
        lines.iter_mut().for_each(Line::settle);
        self.numbers.shrink_to_fit();
        streams.shrink_to_fit();
        (self.lines, self.agreed, self.pending) = (lines, Some(Agreed { streams }), Pending::Nothing);
        Ok(description)
    }

    /// Forgets the unanswered offer, ours or theirs: it was refused, and what was settled before holds (RFC 6337 §3.4).
    pub fn rollback(&mut self) {
        self.pending = Pending::Nothing;
    }

    const fn is_free(&self) -> Result<(), OutOfTurn> {
        match self.pending {
            Pending::Nothing => Ok(()),
            Pending::Ours(_) => Err(OutOfTurn::OursIsOut),
            Pending::Theirs(_) => Err(OutOfTurn::TheirsIsIn),
        }
    }

    /// Makes a description of lines and gives it its version. Of what is only written the lines keep nothing.
    fn publish(&mut self, lines: &mut [Line], group: Option<String>) -> Description {
        let mut media: Vec<Media> = lines.iter_mut().map(Line::write_out).collect();
        let ours = self.session.host.into();
        let connection: Host = media.iter().find_map(|media| media.connection.clone()).unwrap_or(ours);
        for media in &mut media {
            media.connection = media.connection.take().filter(|own| *own != connection);
        }
        let mut attributes = Attributes::default();
        if let Some(mid) = group {
            attributes.add("group", format_args!("BUNDLE {mid}"));
        }
        if lines.iter().any(Line::is_lite) {
            attributes.flag("ice-lite");
        }
        let origin = |version: u64| Origin {
            user: "-".to_owned(),
            session: self.session.id.to_string(),
            version: version.to_string(),
            host: self.session.host.into(),
        };
        let (name, bandwidth) = ("-".to_owned(), Vec::new());
        let origin_now = origin(self.version);
        let mut description =
            Description { origin: origin_now, name, connection: Some(connection), bandwidth, attributes, media };
        let mut text = description.to_string();
        if self.sent.is_some_and(|sent| sent != Fingerprint::of(&text)) {
            self.version = self.version.wrapping_add(1);
            description.origin = origin(self.version);
            text = description.to_string();
        }
        self.sent = Some(Fingerprint::of(&text));
        self.text = Some(text.into());
        description
    }
}

/// What later offers and answers look at in a line of ours.
const KEPT: [&str; 3] = ["mid", "ice-ufrag", "rtcp-rsize"];

/// What tells one description from another: the text itself would be kept as long as the leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint(u64);

impl Fingerprint {
    fn of(text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self(hasher.finish())
    }
}

impl Line {
    /// Both sides have spoken: what it could have been is over. Its numbers stand in [`Numbers`].
    fn settle(&mut self) {
        self.formats = Vec::new();
    }

    /// Gives away what is written, and keeps what the next offer or answer looks at: a line lives as long as its leg.
    fn write_out(&mut self) -> Media {
        let written = &self.media;
        // Those of sound and pictures stand in the line's numbers.
        let formats = if self.formats.is_empty() { written.formats.clone() } else { Vec::new() };
        let mut kept = Media::new(&written.kind, written.port, written.protocol.clone(), formats);
        for line in written.attributes.iter().filter(|line| KEPT.contains(&line.name.as_str())) {
            kept.attributes.push(line.clone());
        }
        self.formats.shrink_to_fit();
        std::mem::replace(&mut self.media, kept)
    }

    /// Whether its keys come by DTLS.
    const fn is_sealed(&self) -> bool {
        matches!(self.seal, Seal::Certificate(_))
    }

    /// Whether it says that our ICE answers checks only.
    fn is_lite(&self) -> bool {
        let Want::Sound(plan) = &self.part.want else { return false };
        self.media.attributes.has("ice-ufrag") && plan.place.ice.as_ref().is_some_and(|ice| ice.lite)
    }
}

/// Which line of an offer is the sound for this plan: the first that can be answered, one that is protected before one that is
/// not, because some phones offer both.
///
/// # Errors
/// With the reason of the first sound that cannot be answered.
pub fn sound_line_of(offer: &Description, plan: &SoundPlan) -> Result<usize, Refusal> {
    let mut open = None;
    let mut refusal = Refusal::NoSound;
    for (index, theirs) in Theirs::all(offer).enumerate() {
        match choose::judge(theirs, plan) {
            Ok(security) if security != Security::Open => return Ok(index),
            Ok(_) => open = open.or(Some(index)),
            Err(reason) if refusal == Refusal::NoSound => refusal = reason,
            Err(_) => {}
        }
    }
    open.ok_or(refusal)
}

/// What an answer means for the lines of our offer. Lines that the answer leaves out are declined by that.
fn read(lines: &[Line], answer: &Description) -> Result<Agreed, Refusal> {
    if answer.media.len() > lines.len() {
        return Err(Refusal::NotAnAnswer);
    }
    let mut streams = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let theirs = answer.media.get(index).map(|media| Theirs::new(answer, media));
        let flow = match (&line.part.want, theirs) {
            (_, Some(theirs)) if !theirs.media.kind.eq_ignore_ascii_case(&line.media.kind) => {
                return Err(Refusal::NotAnAnswer);
            }
            (Want::Sound(plan), Some(theirs)) if theirs.is_live() => {
                let goes_alone =
                    line.is_sealed() && plan.policy.medium != Medium::Sound && !is_bundled(answer, theirs.media);
                match answered::sound(theirs, plan, line) {
                    // Pictures have no way of their own to a browser.
                    _ if goes_alone => Flow::Off,
                    Ok(agreed) => Flow::of(plan.policy.medium, agreed),
                    // A call may stand without pictures.
                    Err(_) if plan.policy.medium != Medium::Sound => Flow::Off,
                    Err(reason) => return Err(reason),
                }
            }
            (Want::Relay(relay), Some(theirs)) if theirs.is_live() => {
                Some(relay).filter(|relay| relay.fits(theirs.media)).ok_or(Refusal::NotAnAnswer)?;
                Flow::Relay(Box::new(theirs.relay()))
            }
            _ => Flow::Off,
        };
        streams.push(Stream { tag: line.part.tag, flow });
    }
    Ok(Agreed { streams })
}

/// The names of the lines that we took and that share the transport of their group. Every other line that we took goes its
/// own way.
fn shared(offer: &Description, taken: &[(Line, Stream)]) -> Option<String> {
    let mids: Vec<&str> =
        taken.iter().filter(|(_, stream)| is_sound(&stream.flow)).filter_map(|(line, _)| line.media.mid()).collect();
    let group = offer.groups("BUNDLE").find(|group| mids.iter().any(|mid| group.contains(mid)))?;
    words(mids.into_iter().filter(|mid| group.contains(mid)))
}

/// Names as a group lists them; `None` where nobody is in it.
fn words<'a>(mids: impl Iterator<Item = &'a str>) -> Option<String> {
    Some(mids.collect::<Vec<_>>().join(" ")).filter(|words| !words.is_empty())
}

/// Whether a part of a description shares the transport of the description's first live sound.
#[must_use]
pub fn is_bundled(description: &Description, media: &Media) -> bool {
    let mut live = description.media.iter().filter(|media| media.port != 0);
    let sound = live.find(|media| media.kind.eq_ignore_ascii_case("audio")).and_then(Media::mid);
    let (Some(sound), Some(mid)) = (sound, media.mid()) else { return false };
    description.groups("BUNDLE").any(|group| group.contains(&sound) && group.contains(&mid))
}

const fn is_sound(flow: &Flow) -> bool {
    matches!(flow, Flow::Sound(_) | Flow::Pictures(_))
}

#[cfg(test)]
mod tests;
