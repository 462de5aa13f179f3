//! Reads one part of an answer to an offer of ours.

use super::choose::Way;
use super::theirs::Theirs;
use super::{Line, Refusal, Seal};
use crate::sdp::agreed::{Security, Sound};
use crate::sdp::description::{Profile, Shield};
use crate::sdp::dtls::Setup;
use crate::sdp::fmtp;
use crate::sdp::format::Format;
use crate::sdp::plan::SoundPlan;
use crate::sdp::policy::Protection;

/// What the answer means for a line of sound that we offered.
pub(super) fn sound(theirs: Theirs<'_>, plan: &SoundPlan, line: &Line) -> Result<Sound, Refusal> {
    let shield = theirs.media.profile().ok_or(Refusal::NotAnAnswer)?.shield;
    let security = secure(theirs, plan, line.seal, shield)?;
    let answered = formats(theirs, &line.formats);
    // What we take is what we offered of what they took, in their order and under our numbers.
    let ours: Vec<Format> = answered.iter().map(|(_, ours)| ours.clone()).collect();
    let theirs_all: Vec<Format> = answered.into_iter().map(|(theirs, _)| theirs).collect();
    let (send, beside): (Vec<_>, Vec<_>) = theirs_all.into_iter().partition(|format| format.codec.is_speech());
    if send.is_empty() {
        return Err(Refusal::NoCodec);
    }
    let way = Way {
        theirs,
        mux: theirs.has_mux() && offers_mux(plan),
        reduced: theirs.media.attributes.has("rtcp-rsize") && line.media.attributes.has("rtcp-rsize"),
        direction: plan.direction.and(theirs.direction().turned()),
        security,
        ice: line.media.attributes.has("ice-ufrag"),
    };
    Ok(way.sound(plan, (send, &beside), &ours))
}

/// Whether our offer says that reports may share the port.
pub(super) fn offers_mux(plan: &SoundPlan) -> bool {
    plan.policy.rtcp_mux || plan.place.rtcp.is_none()
}

/// Pairs of what they answered and what we offered. Numbers may differ (RFC 3264 §6.1); a number without `rtpmap` means
/// what it meant in the offer.
fn formats(theirs: Theirs<'_>, offered: &[Format]) -> Vec<(Format, Format)> {
    let explained = theirs.formats();
    let pair = |number: u8| {
        let Some(theirs) = explained.iter().find(|format| format.payload_type == number) else {
            let ours = offered.iter().find(|format| format.payload_type == number)?;
            return Some((ours.clone(), ours.clone()));
        };
        let same = |ours: &&Format| {
            ours.codec == theirs.codec
                && fmtp::agree(&ours.codec, ours.parameters.as_deref(), theirs.parameters.as_deref())
        };
        // The same number first: AMR may be offered twice, packed in two ways.
        let alike = offered.iter().filter(|ours| ours.payload_type == number).find(same);
        // Who leaves out the packing of AMR means the offer's.
        let sloppy = || offered.iter().find(|ours| ours.codec == theirs.codec && ours.payload_type == number);
        let ours = alike.or_else(|| offered.iter().find(same)).or_else(sloppy)?;
        Some((theirs.clone(), ours.clone()))
    };
    theirs.media.payload_types().into_iter().filter_map(pair).collect()
}

fn secure(theirs: Theirs<'_>, plan: &SoundPlan, seal: Seal, shield: Shield) -> Result<Security, Refusal> {
    let optional = plan.policy.protection == Protection::Offered;
    match seal {
        Seal::Open(_) if shield == Shield::Open => Ok(Security::Open),
        Seal::Open(_) => Err(Refusal::NotAnAnswer),
        // Keys that we cannot use would be noise on the line, so only an answer without any is open.
        Seal::Keys(Profile { shield: Shield::Open, .. })
            if optional && shield == Shield::Open && !theirs.media.attributes.has("crypto") =>
        {
            Ok(Security::Open)
        }
        Seal::Keys(_) => sdes(theirs, plan).ok_or(Refusal::NoKeys),
        Seal::Certificate(_) => dtls(theirs, plan).ok_or(theirs.keyless(plan)),
    }
}

/// The answer names one of our lines by its tag, with the same suite.
fn sdes(theirs: Theirs<'_>, plan: &SoundPlan) -> Option<Security> {
    let crypto = theirs.keys().next()?;
    let local = plan.place.keys.get(usize::try_from(crypto.tag).ok()?.checked_sub(1)?)?;
    let same = local.suite() == crypto.key.suite();
    same.then(|| Security::Sdes { tag: crypto.tag, local: local.clone(), remote: crypto.key })
}

fn dtls(theirs: Theirs<'_>, plan: &SoundPlan) -> Option<Security> {
    let remote = theirs.fingerprints();
    if remote.is_empty() || plan.place.fingerprint.is_none() || !theirs.can_be_met(plan) {
        return None;
    }
    // Who begins is said by the answer; who says nothing begins (RFC 4145 §4.1).
    let setup = theirs.setup(Setup::Active).answered();
    Some(Security::Dtls { setup, remote })
}
