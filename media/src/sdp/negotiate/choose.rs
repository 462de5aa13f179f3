//! Answers one part of sound: which codecs, which keys, which way, and why not.

use super::Refusal;
use super::theirs::Theirs;
use super::written::Written;
use crate::sdp::agreed::{Asks, KeyEvents, Keys, Security, Sound};
use crate::sdp::crypto::Crypto;
use crate::sdp::description::{Media, Profile, Shield};
use crate::sdp::direction::Direction;
use crate::sdp::dtls::Setup;
use crate::sdp::fmtp::Events;
use crate::sdp::format::Format;
use crate::sdp::plan::SoundPlan;
use crate::sdp::policy::{Order, Policy, Protection};

/// An answered part: what it says and what it means.
pub(super) struct Chosen {
    pub(super) media: Media,
    /// The formats that we take.
    pub(super) formats: Vec<Format>,
    pub(super) sound: Sound,
}

/// Whether an offered part can be answered, and how it would be protected; or why it cannot be.
pub(super) fn judge(theirs: Theirs<'_>, plan: &SoundPlan) -> Result<Security, Refusal> {
    let security = secure(theirs, plan, profile(theirs, plan)?.shield)?;
    let meets = |format: &Format| plan.policy.codecs.iter().any(|choice| choice.meets(format));
    let speaks = theirs.formats().iter().any(|format| format.codec.is_speech() && meets(format));
    if speaks { Ok(security) } else { Err(Refusal::NoCodec) }
}

/// The profile of a live part of what is planned.
fn profile(theirs: Theirs<'_>, plan: &SoundPlan) -> Result<Profile, Refusal> {
    let kind = plan.policy.medium.kind();
    let profile = theirs.media.profile().filter(|_| theirs.media.kind.eq_ignore_ascii_case(kind));
    profile.filter(|_| theirs.is_live()).ok_or(Refusal::NoSound)
}

/// Answers an offered part, or says why it cannot be.
pub(super) fn sound(theirs: Theirs<'_>, plan: &SoundPlan) -> Result<Chosen, Refusal> {
    let profile = profile(theirs, plan)?;
    let security = secure(theirs, plan, profile.shield)?;
    let (speech, beside) = formats(&theirs.formats(), &plan.policy)?;
    let ours: Vec<Format> = speech.iter().chain(&beside).map(|chosen| chosen.ours.clone()).collect();
    let ice = theirs.ice().filter(|_| plan.place.ice.is_some());
    let mux = theirs.has_mux() && (plan.policy.rtcp_mux || plan.place.rtcp.is_none());
    let direction = plan.direction.and(theirs.direction().turned());
    let written = Written {
        plan,
        profile,
        formats: &ours,
        direction,
        crypto: match &security {
            Security::Sdes { tag, local, .. } => vec![Crypto { tag: *tag, key: local.clone() }],
            _ => Vec::new(),
        },
        setup: match &security {
            Security::Dtls { setup, .. } => Some(*setup),
            _ => None,
        },
        ice: ice.is_some(),
        mux,
        // One port for both leaves nothing to be said of another.
        rtcp: !mux,
        reduced: theirs.media.attributes.has("rtcp-rsize"),
        mid: theirs.media.mid(),
        asks: Asks::of(theirs.media),
    };
    let mut media = written.media();
    media.kind.clone_from(&theirs.media.kind);
    let reduced = written.reduced;
    let send: Vec<Format> = speech.iter().map(|chosen| chosen.theirs.clone()).collect();
    let beside_theirs: Vec<Format> = beside.iter().map(|chosen| chosen.theirs.clone()).collect();
    let way = Way { theirs, mux, reduced, direction, security, ice: ice.is_some() };
    let sound = way.sound(plan, (send, &beside_theirs), &ours);
    Ok(Chosen { media, sound, formats: ours })
}

/// What was found out about how a part travels.
pub(super) struct Way<'a> {
    pub(super) theirs: Theirs<'a>,
    pub(super) mux: bool,
    pub(super) reduced: bool,
    pub(super) direction: Direction,
    pub(super) security: Security,
    /// Whether we said ICE, too.
    pub(super) ice: bool,
}

impl Way<'_> {
    /// Puts together what was agreed. `sent` is speech and what goes beside it in their numbers, `ours` everything in ours.
    pub(super) fn sound(self, plan: &SoundPlan, sent: (Vec<Format>, &[Format]), ours: &[Format]) -> Sound {
        let (mut send, beside) = sent;
        let mut receive: Vec<Format> = ours.iter().filter(|format| format.codec.is_speech()).cloned().collect();
        // What was agreed is kept for as long as the leg lives.
        send.shrink_to_fit();
        receive.shrink_to_fit();
        let clock = send.first().map_or(8000, |format| format.codec.clock_hz());
        let noise = |formats: &[Format]| {
            let found =
                formats.iter().find(|format| format.codec.is_comfort_noise() && format.codec.clock_hz() == clock);
            found.map(|format| format.payload_type)
        };
        let keys = Keys { send: best_keys(&key_events(beside), clock), receive: key_events(ours) };
        let rtp = self.theirs.rtp();
        let ice = self.theirs.ice().filter(|_| self.ice);
        Sound {
            rtp,
            rtcp: if self.mux { rtp } else { self.theirs.rtcp() },
            direction: self.direction,
            noise_sent: noise(beside),
            noise_received: noise(ours),
            receive,
            send,
            keys,
            ptime_ms: packet(self.theirs.media, &plan.policy),
            asked_ms: self.theirs.media.milliseconds("ptime").map(|_| packet(self.theirs.media, &plan.policy)),
            most_ms: self.theirs.media.milliseconds("maxptime"),
            security: self.security,
            rtcp_mux: self.mux,
            rtcp_reduced: self.reduced,
            ice,
            mid: self.theirs.media.mid().map(str::to_owned),
            asks: Asks::of(self.theirs.media),
        }
    }
}

/// How many milliseconds to put in a packet: what they like, within what they and we allow.
fn packet(theirs: &Media, policy: &Policy) -> u16 {
    let liked = theirs.milliseconds("ptime").unwrap_or(policy.ptime_ms);
    let most = theirs.milliseconds("maxptime").map_or(policy.most_ms, |most| most.min(policy.most_ms));
    liked.min(most).max(1)
}

fn key_events(formats: &[Format]) -> Vec<KeyEvents> {
    let keys = formats.iter().filter(|format| format.codec.is_keys());
    let event = |format: &Format| KeyEvents {
        payload_type: format.payload_type,
        clock_hz: format.codec.clock_hz(),
        events: Events::parse(format.parameters.as_deref().unwrap_or_default()),
    };
    keys.map(event).collect()
}

/// RFC 4733 §2.4: the clock of the speech beside it; another one where nothing else is to be had.
fn best_keys(keys: &[KeyEvents], clock_hz: u32) -> Option<KeyEvents> {
    keys.iter().find(|keys| keys.clock_hz == clock_hz).or(keys.first()).copied()
}

/// A format that both have.
struct Both {
    theirs: Format,
    /// The same number, with what we ask.
    ours: Format,
}

/// Speech and what goes beside it.
fn formats(offered: &[Format], policy: &Policy) -> Result<(Vec<Both>, Vec<Both>), Refusal> {
    let meet = |theirs: &Format| {
        let choice = policy.codecs.iter().find(|choice| choice.meets(theirs))?;
        // What only passes, and of which the other leg said nothing, is taken as it is offered.
        let unsaid = || theirs.parameters.clone().filter(|_| choice.passing);
        let parameters = choice.parameters.clone().or_else(unsaid);
        Some(Both { theirs: theirs.clone(), ours: Format { parameters, ..theirs.clone() } })
    };
    let mut speech: Vec<Both> = match policy.order {
        Order::Theirs => offered.iter().filter(|format| format.codec.is_speech()).filter_map(meet).collect(),
        Order::Ours => {
            let found = policy.codecs.iter().filter_map(|choice| offered.iter().find(|format| choice.meets(format)));
            found.filter_map(meet).collect()
        }
    };
    if policy.one {
        speech.truncate(1);
    }
    if speech.is_empty() {
        return Err(Refusal::NoCodec);
    }
    let beside = beside(offered, policy, &speech);
    Ok((speech, beside))
}

fn beside(offered: &[Format], policy: &Policy, speech: &[Both]) -> Vec<Both> {
    let same_clock = |format: &&Format| speech.iter().any(|both| both.ours.codec.clock_hz() == format.codec.clock_hz());
    let mut found = Vec::new();
    if let Some(events) = policy.keys {
        let keys = || offered.iter().filter(|format| format.codec.is_keys());
        let mut taken: Vec<&Format> = keys().filter(same_clock).collect();
        if taken.is_empty() {
            taken.extend(keys().next());
        }
        found.extend(taken.into_iter().map(|theirs| {
            let ours = Format { parameters: Some(events.to_string()), ..theirs.clone() };
            Both { theirs: theirs.clone(), ours }
        }));
    }
    if policy.comfort_noise {
        let noise = offered.iter().filter(|format| format.codec.is_comfort_noise()).filter(same_clock);
        found.extend(noise.map(|format| Both { theirs: format.clone(), ours: format.clone() }));
    }
    found
}

fn secure(theirs: Theirs<'_>, plan: &SoundPlan, shield: Shield) -> Result<Security, Refusal> {
    match (shield, plan.policy.protection) {
        (Shield::Open, Protection::Plain) => Ok(Security::Open),
        (Shield::Open, Protection::Offered) => Ok(sdes(theirs, plan).unwrap_or(Security::Open)),
        (Shield::Open, Protection::Sdes | Protection::Dtls) => sdes(theirs, plan).ok_or(Refusal::Unprotected),
        (_, Protection::Plain) => Err(Refusal::Protected),
        (Shield::Secure, _) => dtls(theirs, plan).or_else(|| sdes(theirs, plan)).ok_or(theirs.keyless(plan)),
        (Shield::Dtls, _) => dtls(theirs, plan).ok_or(theirs.keyless(plan)),
    }
}

/// The first of their keys for a suite of ours: their order counts (RFC 4568 §5.1.2).
fn sdes(theirs: Theirs<'_>, plan: &SoundPlan) -> Option<Security> {
    theirs.keys().find_map(|crypto| {
        let local = plan.place.keys.iter().find(|key| key.suite() == crypto.key.suite())?;
        Some(Security::Sdes { tag: crypto.tag, local: local.clone(), remote: crypto.key })
    })
}

fn dtls(theirs: Theirs<'_>, plan: &SoundPlan) -> Option<Security> {
    let remote = theirs.fingerprints();
    if remote.is_empty() || plan.place.fingerprint.is_none() || !theirs.can_be_met(plan) {
        return None;
    }
    // RFC 5763 §5 wants `actpass` in offers; who says nothing would begin (RFC 4145 §4.1).
    let setup = theirs.setup(Setup::Active).answered();
    Some(Security::Dtls { setup, remote })
}
