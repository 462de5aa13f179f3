//! The offers and answers of one leg: what we want of its sound, and what came of it.
//!
//! Around the [`Negotiation`] this knows what a leg is told from outside: which codecs, where our port is, whether we hold
//! the party. Bodies go in and come out; when a message may carry one is for whoever sends and hears messages.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use patchcord_media::browser::Credentials;
use patchcord_media::sdp::agreed::Sound;
use patchcord_media::sdp::crypto::{MasterKey, Suite};
use patchcord_media::sdp::description::Shield;
use patchcord_media::sdp::ice::Ice;
use patchcord_media::sdp::policy::{Medium, Protection};
use patchcord_media::sdp::{
    Agreed, Description, Direction, Format, Media, Negotiation, Part, Place, Policy, Refusal, Session, SoundPlan,
    is_bundled, sound_line_of,
};
use patchcord_sip::message::{Headers, Name};
use patchcord_sip::tokens::Tokens;

use super::{Act, LineTerms, Unfit};

/// What the body of an offer or answer is called.
pub(super) const SDP: &str = "application/sdp";

/// The name of the sound among the parts; other lines get the numbers behind it.
const SOUND: u32 = 0;

/// The name of the pictures among the parts: no offer has so many lines.
const PICTURES: u32 = 1000;

/// The most formats of pictures that are passed on: a browser has nine of H.264.
const MAX_PICTURES: usize = 12;

/// The largest key of SRTP, with its salt.
const LONGEST_KEY: usize = 48;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Offers {
    terms: Arc<LineTerms>,
    /// Other codecs than those of the terms, until there is a plan.
    policy: Option<Box<Policy>>,
    /// Shared with the line of sound that it was made into.
    plan: Option<Arc<SoundPlan>>,
    /// What is wanted of pictures, where the other leg has some.
    pictures: Option<Arc<SoundPlan>>,
    talk: Option<Box<Negotiation>>,
    is_holding: bool,
    /// Whether nobody looks at the party's pictures, and it is shown none.
    is_unseen: bool,
}

/// The session description of a message; `None` where it has no body, or one that may be left aside.
pub(super) fn description(message: &Headers) -> Result<Option<Description>, Unfit> {
    let body = message.body_bytes();
    if body.is_empty() {
        return Ok(None);
    }
    if !message.content_type().is_some_and(|kind| kind.is(SDP)) {
        let disposition = message.get(Name::ContentDisposition);
        let optional = disposition.is_some_and(|how| how.to_ascii_lowercase().contains("handling=optional"));
        return if optional { Ok(None) } else { Err(Unfit::Type) };
    }
    if message.get(Name::ContentEncoding).is_some_and(|how| !how.eq_ignore_ascii_case("identity")) {
        return Err(Unfit::Encoding);
    }
    Ok(Some(Description::parse(body)?))
}

/// The formats of the first live sound of a description.
pub(super) fn formats_of(description: &Description) -> Vec<Format> {
    let sound = description.media.iter().find(|media| media.kind.eq_ignore_ascii_case("audio") && media.port != 0);
    sound.map(Format::of).unwrap_or_default()
}

/// The formats of the first live pictures of a description that can pass to another leg.
pub(super) fn pictures_of(description: &Description) -> Vec<Format> {
    let live = |media: &&Media| media.kind.eq_ignore_ascii_case("video") && media.port != 0;
    let is_sealed = speaks_dtls(description);
    let pictures = description.media.iter().find(live);
    let pictures = pictures.filter(|media| !is_sealed || is_bundled(description, media));
    let formats = pictures.map(Format::of).unwrap_or_default();
    formats.into_iter().filter(|format| format.codec.is_picture()).take(MAX_PICTURES).collect()
}

/// Where pictures are taken.
#[derive(Clone, Copy, Debug)]
pub enum ShownAt {
    /// Beside the sound, from this source.
    Beside(u32),
    /// At ports of their own.
    Ports(SocketAddr, Option<SocketAddr>),
}

/// Whether a description speaks as a browser does: the keys of its sound come by DTLS.
pub(super) fn speaks_dtls(description: &Description) -> bool {
    let mut sound = description.media.iter().filter(|media| media.kind.eq_ignore_ascii_case("audio"));
    sound.any(|media| media.profile().is_some_and(|profile| profile.shield == Shield::Dtls))
}

impl Offers {
    pub(super) fn new(terms: Arc<LineTerms>) -> Self {
        let (policy, plan, pictures, talk) = (None, None, None, None);
        Self { terms, policy, plan, pictures, talk, is_holding: false, is_unseen: false }
    }

    fn policy(&self) -> &Policy {
        match (&self.plan, &self.policy) {
            (Some(plan), _) => &plan.policy,
            (None, Some(policy)) => policy,
            (None, None) => &self.terms.policy,
        }
    }

    /// Whether the party is a browser, or speaks as one: keys come by DTLS, and ICE finds the way.
    pub(super) fn is_browser(&self) -> bool {
        self.policy().protection == Protection::Dtls
    }

    /// The party speaks as a browser does, whatever its terms say of keys in descriptions.
    pub(super) fn meet_browser(&mut self) {
        let policy = Policy { protection: Protection::Dtls, ..self.policy().clone() };
        self.set_policy(policy);
    }

    /// Other codecs from the next offer or answer on. A browser stays one.
    pub(super) fn set_policy(&mut self, mut policy: Policy) {
        if self.is_browser() {
            policy.protection = Protection::Dtls;
        }
        match &mut self.plan {
            Some(plan) => Arc::make_mut(plan).policy = policy,
            None => self.policy = Some(Box::new(policy)),
        }
    }

    pub(super) fn has_place(&self) -> bool {
        self.plan.is_some()
    }

    /// Our port. Keys are drawn where some may be needed and none were brought.
    pub(super) fn set_place(&mut self, mut place: Place, tokens: &mut Tokens) {
        let policy = self.policy().clone();
        if place.keys.is_empty() && place.fingerprint.is_none() && policy.protection != Protection::Plain {
            place.keys = drawn(tokens);
        }
        if self.talk.is_none() {
            // Half of what is allowed: there are phones that count with a sign, and the version must have room to grow.
            let id = tokens.number() >> 2;
            self.talk = Some(Box::new(Negotiation::new(Session { id, version: 1, host: place.rtp.ip() })));
        }
        self.policy = None;
        self.plan = Some(Arc::new(SoundPlan { policy, place, direction: self.direction() }));
    }

    /// Pictures are offered and taken from now on: those of these formats, on ports of their own, or on the way of the sound by
    /// the name of their source.
    pub(super) fn show(&mut self, formats: &[Format], kbit: u32, at: ShownAt, tokens: &mut Tokens) {
        let Some(sound) = &self.plan else { return };
        let protection = sound.policy.protection;
        let mut place = match at {
            ShownAt::Beside(source) => {
                let name = sound.place.source.as_ref().map(|(_, name)| name.clone());
                Place { source: Some((source, name.unwrap_or_default())), ..sound.place.clone() }
            }
            ShownAt::Ports(rtp, rtcp) => Place::new(rtp, rtcp),
        };
        if place.fingerprint.is_none() && protection != Protection::Plain {
            place.keys = drawn(tokens);
        }
        let policy = Policy::pictures(formats, kbit, protection);
        let direction = self.pictures_direction();
        self.pictures = Some(Arc::new(SoundPlan { policy, place, direction }));
    }

    /// Pictures are no longer offered or taken.
    pub(super) fn hide(&mut self) {
        self.pictures = None;
    }

    /// Whether somebody looks at the party's pictures and shows it some: the direction from the next offer on. Whether that
    /// is another one.
    pub(super) fn look(&mut self, look: bool) -> bool {
        self.is_unseen = !look;
        self.turn_pictures()
    }

    pub(super) const fn is_unseen(&self) -> bool {
        self.is_unseen
    }

    const fn pictures_direction(&self) -> Direction {
        if self.is_holding || self.is_unseen { Direction::Neither } else { Direction::Both }
    }

    fn turn_pictures(&mut self) -> bool {
        let direction = self.pictures_direction();
        let turned = self.pictures.as_mut().filter(|plan| plan.direction != direction);
        turned.map(|plan| Arc::make_mut(plan).direction = direction).is_some()
    }

    /// What is wanted of pictures: of what was agreed nothing changes.
    fn pictures_plan(&self) -> Option<Arc<SoundPlan>> {
        let mut plan = self.pictures.clone()?;
        if let (Some(agreed), Medium::Pictures { kbit }) = (self.pictures(), plan.policy.medium)
            && let Some(format) = agreed.receive.first()
        {
            let policy = Policy::pictures(std::slice::from_ref(format), kbit, plan.policy.protection);
            Arc::make_mut(&mut plan).policy = policy;
        }
        Some(plan)
    }

    /// What is agreed of pictures.
    pub(super) fn pictures(&self) -> Option<&Arc<Sound>> {
        self.talk.as_ref()?.agreed()?.pictures()
    }

    const fn direction(&self) -> Direction {
        if self.is_holding { Direction::Send } else { Direction::Both }
    }

    /// What we want of the direction from the next offer on.
    pub(super) fn hold(&mut self, hold: bool) {
        self.is_holding = hold;
        let direction = self.direction();
        if let Some(plan) = self.plan.as_mut().filter(|plan| plan.direction != direction) {
            Arc::make_mut(plan).direction = direction;
        }
        self.turn_pictures();
    }

    pub(super) const fn is_holding(&self) -> bool {
        self.is_holding
    }

    /// What is agreed.
    pub(super) fn sound(&self) -> Option<&Arc<Sound>> {
        self.talk.as_ref()?.agreed()?.sound()
    }

    /// Whether the party holds us, as far as it can be told while we do not hold it.
    pub(super) fn is_held(&self) -> bool {
        !self.is_holding() && self.talk.as_ref().is_some_and(|talk| talk.agreed().is_some()) && self.is_mute()
    }

    fn is_mute(&self) -> bool {
        self.sound().is_none_or(|sound| sound.is_held())
    }

    /// Whether an offer could be answered at all, before any port is open.
    pub(super) fn can_answer(&self, offer: &Description) -> Result<(), Unfit> {
        // Whether a certificate is there shows with the port.
        if self.policy().protection == Protection::Dtls {
            return Ok(());
        }
        let mut place = Place::new(([0, 0, 0, 0], 9).into(), None);
        if self.policy().protection != Protection::Plain {
            let any = |suite: Suite| MasterKey::new(suite, &[0; LONGEST_KEY][..suite.length()]);
            place.keys = Suite::ALL.into_iter().filter_map(any).collect();
        }
        sound_line_of(offer, &SoundPlan { policy: self.policy().clone(), place, direction: Direction::Both })?;
        Ok(())
    }

    fn plan(&self) -> Result<Arc<SoundPlan>, Unfit> {
        self.plan.clone().ok_or(Unfit::NoPlace)
    }

    /// An offer of ours. One behind the first begins with what is agreed, so that a hold or a refresh changes no codec.
    pub(super) fn offer(&mut self) -> Result<Bytes, Unfit> {
        let mut plan = self.plan()?;
        if let Some(sound) = self.sound() {
            let policy = plan.policy.after(&sound.send);
            if policy.codecs != plan.policy.codecs {
                Arc::make_mut(&mut plan).policy = policy;
            }
        }
        let pictures = self.pictures_plan().map(|plan| Part::sound(PICTURES, plan));
        let parts = [Part::sound(SOUND, plan)].into_iter().chain(pictures).collect();
        let talk = self.talk.as_mut().ok_or(Unfit::NoPlace)?;
        talk.offer(parts)?;
        Ok(said(talk))
    }

    /// Answers an offer of theirs. When it cannot be answered, what was agreed before holds.
    pub(super) fn answer(&mut self, offer: Description) -> Result<Bytes, Unfit> {
        let plan = self.plan()?;
        let pictures = self.pictures_plan().and_then(|plan| Some((pictures_line(&offer, &plan)?, plan)));
        let talk = self.talk.as_mut().ok_or(Unfit::NoPlace)?;
        let lines = offer.media.len();
        let is_live = offer.media.iter().any(|media| media.port != 0);
        let sound = match sound_line(&offer, &plan) {
            Ok(line) => Some(line),
            // Some phones hold by taking every line away.
            Err(_) if !is_live && talk.agreed().is_some() => None,
            Err(reason) => return Err(reason.into()),
        };
        talk.receive(offer)?;
        let part = |line: usize| match (sound, &pictures) {
            (Some(sound), _) if sound == line => Part::sound(SOUND, plan.clone()),
            (Some(_), Some((at, plan))) if *at == line => Part::sound(PICTURES, plan.clone()),
            _ => Part::nothing(u32::try_from(line).unwrap_or(u32::MAX - 1) + 1),
        };
        match talk.answer((0..lines).map(part).collect()) {
            Ok(_) => Ok(said(talk)),
            Err(reason) => {
                talk.rollback();
                Err(reason.into())
            }
        }
    }

    /// Whether an offer of theirs begins ICE anew: after a change of its network a browser has other credentials.
    pub(super) fn restarts_ice(&self, offer: &Description) -> bool {
        let Some(before) = self.sound().and_then(|sound| sound.ice.as_ref()) else { return false };
        let now = offer.media.iter().find_map(|media| Ice::of(offer, media));
        now.is_some_and(|now| (now.ufrag, now.pwd) != (before.ufrag.clone(), before.pwd.clone()))
    }

    /// We are found under these credentials from the next offer or answer on.
    pub(super) fn restart_ice(&mut self, ours: &Credentials) {
        for plan in [&mut self.plan, &mut self.pictures].into_iter().flatten() {
            if let Some(ice) = &mut Arc::make_mut(plan).place.ice {
                (ice.ufrag, ice.pwd) = (ours.ufrag.clone(), ours.pwd.clone());
            }
        }
    }

    /// What an early answer to our offer would mean.
    pub(super) fn preview(&self, answer: &Description) -> Result<Agreed, Refusal> {
        self.talk.as_ref().ok_or(Refusal::NoOffer)?.preview(answer)
    }

    /// Settles our offer by its answer.
    pub(super) fn accept(&mut self, answer: &Description) -> Result<(), Refusal> {
        let talk = self.talk.as_mut().ok_or(Refusal::NoOffer)?;
        let is_first = talk.agreed().is_none();
        // A call cannot begin without sound, though it may lose it for a while.
        if talk.accept(answer)?.sound().is_none() && is_first { Err(Refusal::NothingTaken) } else { Ok(()) }
    }

    /// Whether an offer of either side waits for its answer.
    pub(super) fn is_pending(&self) -> bool {
        self.talk.as_ref().is_some_and(|talk| talk.is_pending())
    }

    /// Our offer was refused.
    pub(super) fn rollback(&mut self) {
        if let Some(talk) = &mut self.talk {
            talk.rollback();
        }
    }
}

/// Which line is the sound. Nearly every offer has one line only, and whether it will do shows in the answer.
fn sound_line(offer: &Description, plan: &SoundPlan) -> Result<usize, Refusal> {
    match &offer.media[..] {
        [only] if only.kind.eq_ignore_ascii_case("audio") && only.port != 0 => Ok(0),
        _ => sound_line_of(offer, plan),
    }
}

/// Which line is the pictures. A browser has them where its sound is, or has none.
fn pictures_line(offer: &Description, plan: &SoundPlan) -> Option<usize> {
    let line = sound_line_of(offer, plan).ok()?;
    let is_sealed = plan.policy.protection == Protection::Dtls;
    (!is_sealed || is_bundled(offer, &offer.media[line])).then_some(line)
}

fn said(talk: &mut Negotiation) -> Bytes {
    talk.take_text().map(|text| Bytes::from(text.into_boxed_bytes())).unwrap_or_default()
}

/// A key for whichever suite an offer may want.
fn drawn(tokens: &mut Tokens) -> Vec<MasterKey> {
    let mut keys = Vec::with_capacity(Suite::ALL.len());
    keys.extend(Suite::ALL.into_iter().filter_map(|suite| draw(suite, tokens)));
    keys
}

fn draw(suite: Suite, tokens: &mut Tokens) -> Option<MasterKey> {
    MasterKey::new(suite, &tokens.bytes::<LONGEST_KEY>()[..suite.length()])
}

/// Tells the port of a leg when other terms hold than before. Sound that was taken away goes neither way.
pub(super) fn tune(before: Option<Arc<Sound>>, after: Option<&Arc<Sound>>, acts: &mut Vec<Act>) {
    match (before, after) {
        (before, Some(after)) if before.as_ref() != Some(after) => {
            acts.push(Act::Tune(after.clone(), before));
        }
        (Some(before), None) if before.direction != Direction::Neither => {
            let silent = Sound { direction: Direction::Neither, ..(*before).clone() };
            acts.push(Act::Tune(Arc::new(silent), Some(before)));
        }
        _ => {}
    }
}
