//! From what two descriptions agreed on to what a port runs by: coders are made here, and keys, off the media thread.

use std::time::Duration;

use super::order::{Browser, Hearing, Keys, MAX_HEARD, Speaking, Terms};
use super::port::{Guard, Pictures, Protection};
use crate::browser::{Remote, Role};
use crate::codec::{Kind, Settings};
use crate::rtp::srtp::{Master, Receiver, Sender, Suite, WrongLength};
use crate::sdp::Format;
use crate::sdp::agreed::{KeyEvents, Security, Sound};
use crate::sdp::crypto::MasterKey;
use crate::sdp::dtls::Setup;
use crate::sdp::fmtp;

/// A browser checks its way every few seconds, also when it is held; RFC 7675 gives up after 30 s.
const BROWSER_SILENCE: Duration = Duration::from_secs(30);

/// What was agreed cannot run here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The keys come by DTLS, and nothing says how to meet whoever speaks it.
    #[error("the keys of this stream come by DTLS, but its description has no ICE")]
    NoIce,
    /// Nobody begins the handshake.
    #[error("the keys of this stream come by DTLS, but nobody is to begin")]
    Hold,
    /// A key that is not of its suite.
    #[error("a key is not of its suite")]
    Key,
}

impl From<WrongLength> for Unfit {
    fn from(_: WrongLength) -> Self {
        Self::Key
    }
}

impl Terms {
    /// The terms by which pictures pass. Who vanishes is told by its sound; a browser is met by it, too.
    ///
    /// # Errors
    /// When the stream is protected in a way that is not known here.
    pub fn of_pictures(pictures: &Sound, before: Option<&Sound>, kbit: u32) -> Result<Self, Unfit> {
        let mut terms = Self::made(pictures, before)?;
        // The other party is told one codec: what is sent by the first of several.
        terms.hearing.truncate(1);
        Ok(Self { pictures: Some(Pictures { kbit, asks: pictures.asks }), ..terms })
    }

    /// The terms that both descriptions make. `before` is what was agreed last, where this is a later offer and answer:
    /// keys that stayed the same go on where they are.
    ///
    /// # Errors
    /// When the stream is protected in a way that is not known here.
    pub fn of(sound: &Sound, before: Option<&Sound>, silence_after: Option<Duration>) -> Result<Self, Unfit> {
        Ok(Self {
            browser: browser(sound)?,
            silence_after: match sound.security {
                Security::Dtls { .. } => Some(BROWSER_SILENCE),
                // Who is asked to be silent is not told of.
                _ => silence_after.filter(|_| sound.direction.receives()),
            },
            ..Self::made(sound, before)?
        })
    }

    fn made(sound: &Sound, before: Option<&Sound>) -> Result<Self, Unfit> {
        let spoken = sound.send.iter().find_map(|format| Some((format, format.codec.kind()?)));
        let speaking = spoken.filter(|_| sound.direction.sends()).map(|(format, kind)| Speaking {
            packet_ms: sound.ptime_ms,
            asked_ms: sound.asked_ms,
            most_ms: sound.most_ms,
            ..Speaking::new(kind, format.payload_type, settings(kind, format))
        });
        let heard = sound.receive.iter().filter(|_| sound.direction.receives());
        let hearing = heard.filter_map(|format| {
            let kind = format.codec.kind()?;
            Some(Hearing::new(kind, format.payload_type))
        });
        let hearing: Vec<_> = hearing.take(MAX_HEARD).collect();
        // Keys count by the clock of the sound beside them.
        let clock_hz = hearing.first().map(|hearing| hearing.kind.clock_hz());
        let beside = |keys: &&KeyEvents| Some(keys.clock_hz) == clock_hz;
        let keys_in = sound.keys.receive.iter().find(beside).or_else(|| sound.keys.receive.first());
        let keys = |keys: &KeyEvents| Keys { payload_type: keys.payload_type, clock_hz: keys.clock_hz };
        Ok(Self {
            remote: sound.rtp,
            remote_reports: sound.rtcp,
            mux: sound.rtcp_mux,
            speaking,
            hearing,
            comfort_in: sound.noise_received,
            protection: protection(&sound.security, before.map(|before| &before.security))?,
            browser: None,
            keys_out: sound.keys.send.as_ref().map(keys),
            keys_in: keys_in.map(keys),
            silence_after: None,
            pictures: None,
        })
    }
}

/// How we encode for a party: as it asked, where the codec can be asked.
fn settings(kind: Kind, format: &Format) -> Settings {
    let usual = Settings::default();
    if kind != Kind::Opus {
        return usual;
    }
    let asked = fmtp::Opus::parse(format.parameters.as_deref().unwrap_or_default());
    let most_bitrate = asked.bitrate.unwrap_or(usual.most_bitrate);
    Settings {
        bitrate: usual.bitrate.min(most_bitrate),
        most_bitrate,
        forward_error_correction: asked.fec,
        discontinuous: asked.dtx,
        ..usual
    }
}

fn protection(security: &Security, before: Option<&Security>) -> Result<Protection, Unfit> {
    match (security, before) {
        (Security::Open, _) => Ok(Protection::Open),
        (Security::Dtls { .. }, _) => Ok(Protection::Awaited),
        (Security::Sdes { local, remote, .. }, Some(Security::Sdes { local: old_local, remote: old_remote, .. }))
            if (local, remote) == (old_local, old_remote) =>
        {
            Ok(Protection::Kept)
        }
        (Security::Sdes { local, remote, .. }, _) => {
            let (sender, receiver) = (Sender::new(&master(local)?), Receiver::new(&master(remote)?));
            Ok(Protection::Keys(Box::new(Guard { sender, receiver })))
        }
    }
}

/// Who is to be met, where the keys come by DTLS.
fn browser(sound: &Sound) -> Result<Option<Box<Browser>>, Unfit> {
    let Security::Dtls { setup, remote } = &sound.security else { return Ok(None) };
    let ice = sound.ice.as_ref().ok_or(Unfit::NoIce)?;
    let role = match setup {
        Setup::Active => Role::Begins,
        Setup::Passive | Setup::Either => Role::Waits,
        Setup::Hold => return Err(Unfit::Hold),
    };
    Ok(Some(Box::new(Browser { ice: Remote::of(ice), role, fingerprints: remote.clone() })))
}

fn master(key: &MasterKey) -> Result<Master, Unfit> {
    let suite = Suite::named(key.suite().name()).ok_or(Unfit::Key)?;
    Ok(Master::new(suite, &[key.key(), key.salt()].concat())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::agreed::{Asks, Keys as AgreedKeys};
    use crate::sdp::fmtp::Events;
    use crate::sdp::ice::Ice;
    use crate::sdp::{Codec, Direction, crypto};

    fn key(seed: u8) -> MasterKey {
        let suite = crypto::Suite::AesCm128Sha1_80;
        MasterKey::new(suite, &vec![seed; suite.length()]).expect("a key of its length")
    }

    fn sound(security: Security, direction: Direction) -> Sound {
        let keys = |clock_hz| KeyEvents { payload_type: 101, clock_hz, events: Events::KEYS };
        Sound {
            rtp: "192.0.2.1:4000".parse().ok(),
            rtcp: "192.0.2.1:4001".parse().ok(),
            direction,
            send: vec![Format::new(8, Codec::PCMA)],
            receive: vec![Format::new(8, Codec::PCMA), Format::new(0, Codec::PCMU)],
            keys: AgreedKeys { send: Some(keys(8000)), receive: vec![keys(48_000), keys(8000)] },
            noise_sent: None,
            noise_received: Some(13),
            ptime_ms: 30,
            asked_ms: Some(30),
            most_ms: Some(40),
            security,
            rtcp_mux: false,
            rtcp_reduced: false,
            ice: None,
            mid: None,
            asks: Asks::default(),
        }
    }

    #[test]
    fn what_was_agreed_is_what_runs() {
        let terms = Terms::of(&sound(Security::Open, Direction::Both), None, None).expect("nothing unusual");
        let speaking = terms.speaking.expect("both ways");
        assert_eq!((speaking.kind, speaking.payload_type, speaking.encoder.is_some()), (Kind::Pcma, 8, true));
        assert_eq!((speaking.packet_ms, speaking.asked_ms, speaking.most_ms), (30, Some(30), Some(40)));
        assert_eq!(terms.hearing.iter().map(|hearing| hearing.kind).collect::<Vec<_>>(), [Kind::Pcma, Kind::Pcmu]);
        assert_eq!(terms.keys_in, Some(Keys { payload_type: 101, clock_hz: 8000 }), "the clock of the sound");
        assert_eq!((terms.comfort_in, terms.remote), (Some(13), "192.0.2.1:4000".parse().ok()));
    }

    #[test]
    fn a_held_party_is_not_spoken_to_and_may_speak() {
        let terms = Terms::of(&sound(Security::Open, Direction::Receive), None, None).expect("nothing unusual");
        assert!(terms.speaking.is_none());
        assert_eq!(terms.hearing.len(), 2);
        let limit = Some(Duration::from_secs(60));
        let terms = Terms::of(&sound(Security::Open, Direction::Neither), None, limit).expect("nothing unusual");
        assert!(terms.speaking.is_none() && terms.hearing.is_empty());
        assert_eq!(terms.silence_after, None, "it was asked to be silent");
        let terms = Terms::of(&sound(Security::Open, Direction::Both), None, limit).expect("nothing unusual");
        assert_eq!(terms.silence_after, limit);
    }

    #[test]
    fn keys_that_stay_the_same_go_on_and_others_begin() {
        let sdes = |seed| Security::Sdes { tag: 1, local: key(seed), remote: key(9) };
        let [first, second] = [1, 2].map(|seed| sound(sdes(seed), Direction::Both));
        let of = |sound, before| Terms::of(sound, before, None).map(|terms| terms.protection);
        assert!(matches!(of(&first, None), Ok(Protection::Keys(_))));
        assert!(matches!(of(&first, Some(&first)), Ok(Protection::Kept)));
        assert!(matches!(of(&second, Some(&first)), Ok(Protection::Keys(_))));
    }

    #[test]
    fn a_browser_is_waited_for_where_it_begins_and_watched_also_while_it_is_held() {
        let dtls = |setup| Security::Dtls { setup, remote: Vec::new() };
        let mut held = sound(dtls(Setup::Passive), Direction::Neither);
        assert_eq!(Terms::of(&held, None, None).map(|_| ()), Err(Unfit::NoIce));
        held.ice = Some(Ice { ufrag: "them".into(), ..Ice::default() });
        let terms = Terms::of(&held, None, None).expect("a browser");
        assert!(matches!(terms.protection, Protection::Awaited));
        assert_eq!(terms.silence_after, Some(BROWSER_SILENCE));
        let browser = terms.browser.expect("a browser");
        assert_eq!((browser.ice.ufrag.as_str(), browser.role), ("them", Role::Waits));
        held.security = dtls(Setup::Hold);
        assert_eq!(Terms::of(&held, None, None).map(|_| ()), Err(Unfit::Hold));
    }
}
