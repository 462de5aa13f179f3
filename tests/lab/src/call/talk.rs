//! What a phone offers and answers about sound (RFC 3264), written for itself: the server's negotiation is not its own
//! judge. Only the grammar is shared.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use patchcord_media::codec::Kind;
use patchcord_media::frame::Rate;
use patchcord_media::sdp::crypto::{Crypto, MasterKey, Suite};
use patchcord_media::sdp::description::{Attributes, Description, Host, Media, Origin, Profile, Protocol};
use patchcord_media::sdp::{Codec, Direction, Format};

/// How a phone puts the other on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// `sendonly`: the usual way.
    SendOnly,
    /// `inactive`.
    Inactive,
    /// The address `0.0.0.0`, as phones of RFC 2543 did.
    Nowhere,
}

/// What two phones have agreed upon.
#[derive(Debug, Clone)]
pub(crate) struct Agreed {
    /// Where the other wants its sound; `None`: nowhere.
    pub to: Option<SocketAddr>,
    /// In which codec, under which payload type.
    pub speaks: (u8, Kind),
    /// What the other may speak.
    pub hears: Vec<(u8, Kind)>,
    /// Keys as events: payload type and clock, for both ways.
    pub speaks_keys: Option<(u8, u32)>,
    pub hears_keys: Option<(u8, u32)>,
    pub keys: Option<(MasterKey, MasterKey)>,
    /// Where the other wants reports, and whether on the way of the sound.
    pub reports_to: Option<(SocketAddr, bool)>,
}

/// Changes what a phone says of its sound, before anybody sees it.
pub(crate) type Edit = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// One phone's side of one call's negotiation.
pub(crate) struct Talk {
    session: u64,
    version: u64,
    local: SocketAddr,
    pub codecs: Vec<Kind>,
    /// Whether keys as events are offered.
    pub events: bool,
    pub hold: Option<Hold>,
    /// Our key, when sound is to be protected.
    crypto: Option<Crypto>,
    pub offered: bool,
    pub agreed: Option<Agreed>,
    /// Whether reports may go on the way of the sound.
    pub mux: bool,
    pub edit: Option<Edit>,
    written: Option<String>,
}

impl Talk {
    /// `random` names the session and makes the key.
    pub fn new(local: SocketAddr, codecs: &[Kind], suite: Option<Suite>, random: [u8; 46]) -> Self {
        let crypto = suite.map(|suite| {
            let key = MasterKey::new(suite, &random[..suite.length()]).expect("as long as the suite wants it");
            Crypto { tag: 1, key }
        });
        let session = u64::from(u16::from_le_bytes([random[44], random[45]])) + 1;
        Self {
            session,
            version: 1,
            local,
            codecs: codecs.to_vec(),
            events: true,
            hold: None,
            crypto,
            offered: false,
            agreed: None,
            mux: false,
            edit: None,
            written: None,
        }
    }

    /// An offer of what this phone can and wants now.
    pub fn offer(&mut self) -> String {
        self.offered = true;
        let mut formats: Vec<Format> = self.codecs.iter().map(|&kind| format(kind)).collect();
        let mut clocks: Vec<u32> = self.codecs.iter().map(|kind| kind.clock_hz()).collect();
        clocks.sort_unstable();
        clocks.dedup();
        let rates = [Rate::Narrow, Rate::Wide, Rate::Full].into_iter();
        formats.extend(rates.filter(|rate| self.events && clocks.contains(&rate.hz())).map(keys_format));
        let crypto = self.crypto.clone();
        let media = self.audio(&formats, self.wanted(), crypto);
        self.write(vec![media])
    }

    /// What this phone answers to an offer; `None` when it cannot: 488.
    pub fn answer(&mut self, offer: &Description) -> Option<String> {
        let profile = if self.crypto.is_some() { Profile::SAVP } else { Profile::AVP };
        let usable = |media: &&Media| media.kind == "audio" && media.port != 0 && media.profile() == Some(profile);
        let theirs = offer.media.iter().find(usable)?;
        let crypto = self.answered_key(theirs)?;
        let formats = Format::of(theirs);
        let chosen =
            formats.iter().find(|format| format.codec.kind().is_some_and(|kind| self.codecs.contains(&kind)))?;
        let kind = chosen.codec.kind()?;
        let clock = chosen.codec.clock_hz();
        let keys = formats.iter().find(|format| format.codec.is_keys() && format.codec.clock_hz() == clock);
        let keys = keys.or_else(|| formats.iter().find(|format| format.codec.is_keys()));
        let direction = self.wanted().and(offer.direction_of(theirs).turned());
        let both: Vec<Format> = [Some(chosen), keys].into_iter().flatten().cloned().collect();
        let mut media = self.audio(&both, direction, crypto.as_ref().map(|(ours, _)| ours.clone()));
        // RFC 5761 §5.1.1: only who was offered it may answer it.
        let mux = theirs.attributes.has("rtcp-mux");
        media.attributes.retain(|attribute| mux || attribute.name != "rtcp-mux");
        let keys = keys.map(|format| (format.payload_type, format.codec.clock_hz()));
        self.agreed = Some(Agreed {
            to: way(offer, theirs).filter(|_| direction.sends()),
            speaks: (chosen.payload_type, kind),
            hears: vec![(chosen.payload_type, kind)],
            speaks_keys: keys,
            hears_keys: keys,
            keys: crypto.map(|(ours, theirs)| (ours.key, theirs.key)),
            reports_to: self.way_of_reports(offer, theirs),
        });
        let at = offer.media.iter().position(|media| std::ptr::eq(media, theirs))?;
        let parts =
            offer.media.iter().enumerate().map(|(n, part)| if n == at { media.clone() } else { declined(part) });
        let parts = parts.collect();
        Some(self.write(parts))
    }

    /// Takes the other's answer to our offer. `None` when there is nothing to speak in it.
    pub fn accept(&mut self, answer: &Description) -> Option<()> {
        self.offered = false;
        let theirs = answer.media.iter().find(|media| media.kind == "audio" && media.port != 0)?;
        let formats = Format::of(theirs);
        let ours = |format: &Format| {
            let kind = format.codec.kind().filter(|kind| self.codecs.contains(kind))?;
            Some((format.payload_type, kind))
        };
        let speaks = formats.iter().find_map(ours)?;
        let keys = formats.iter().filter(|format| format.codec.is_keys());
        let keys: Vec<_> = keys.map(|format| (format.payload_type, format.codec.clock_hz())).collect();
        let clock = speaks.1.clock_hz();
        let spoken = keys.iter().find(|(_, hz)| *hz == clock).or(keys.first()).copied();
        let theirs_key = theirs.attributes.all("crypto").find_map(Crypto::parse);
        let secured = match (&self.crypto, theirs_key) {
            (Some(ours), Some(theirs)) => Some((ours.key.clone(), theirs.key)),
            (None, None) => None,
            _ => return None,
        };
        let direction = self.wanted().and(answer.direction_of(theirs).turned());
        let heard_keys = spoken.map(|(_, hz)| (keys_format_of(hz).payload_type, hz));
        self.agreed = Some(Agreed {
            to: way(answer, theirs).filter(|_| direction.sends()),
            speaks,
            hears: self.codecs.iter().map(|&kind| (format(kind).payload_type, kind)).collect(),
            speaks_keys: spoken,
            hears_keys: heard_keys,
            keys: secured,
            reports_to: self.way_of_reports(answer, theirs),
        });
        Some(())
    }

    /// What was written last, for who asks for it again.
    pub fn written(&self) -> Option<&str> {
        self.written.as_deref()
    }

    fn way_of_reports(&self, theirs: &Description, media: &Media) -> Option<(SocketAddr, bool)> {
        let to = way(theirs, media)?;
        if self.mux && media.attributes.has("rtcp-mux") {
            return Some((to, true));
        }
        let (port, ip) = media.rtcp().unwrap_or((to.port().saturating_add(1), None));
        Some((SocketAddr::new(ip.unwrap_or(to.ip()), port), false))
    }

    fn wanted(&self) -> Direction {
        match self.hold {
            None | Some(Hold::Nowhere) => Direction::Both,
            Some(Hold::SendOnly) => Direction::Send,
            Some(Hold::Inactive) => Direction::Neither,
        }
    }

    fn answered_key(&self, theirs: &Media) -> Option<Option<(Crypto, Crypto)>> {
        let Some(ours) = &self.crypto else { return Some(None) };
        let mut offered = theirs.attributes.all("crypto").filter_map(Crypto::parse);
        let theirs = offered.find(|theirs| theirs.key.suite() == ours.key.suite())?;
        Some(Some((Crypto { tag: theirs.tag, key: ours.key.clone() }, theirs)))
    }

    fn audio(&self, formats: &[Format], direction: Direction, crypto: Option<Crypto>) -> Media {
        let profile = if crypto.is_some() { Profile::SAVP } else { Profile::AVP };
        let numbers = formats.iter().map(|format| format.payload_type.to_string()).collect();
        let mut media = Media::new("audio", self.local.port(), Protocol::Rtp(profile), numbers);
        formats.iter().for_each(|format| format.write_to(&mut media));
        media.attributes.add("ptime", 20);
        if let Some(crypto) = crypto {
            media.attributes.add("crypto", crypto);
        }
        if self.mux {
            media.attributes.flag("rtcp-mux");
        }
        media.attributes.flag(direction.text());
        media
    }

    fn write(&mut self, media: Vec<Media>) -> String {
        let host = match (self.hold, self.local.ip()) {
            (Some(Hold::Nowhere), IpAddr::V4(_)) => Host::Ip(Ipv4Addr::UNSPECIFIED.into()),
            (Some(Hold::Nowhere), IpAddr::V6(_)) => Host::Ip(Ipv6Addr::UNSPECIFIED.into()),
            (_, ip) => Host::Ip(ip),
        };
        let mut description = Description {
            origin: Origin {
                user: "-".to_owned(),
                session: self.session.to_string(),
                version: self.version.to_string(),
                host: Host::Ip(self.local.ip()),
            },
            name: "-".to_owned(),
            connection: Some(host),
            bandwidth: Vec::new(),
            attributes: Attributes::default(),
            media,
        };
        // RFC 3264 §8: the version grows with each change, and only then.
        if self.written.as_ref().is_some_and(|before| *before != description.to_string()) {
            self.version += 1;
            description.origin.version = self.version.to_string();
        }
        let written = description.to_string();
        let edited = self.edit.as_ref().map(|edit| edit(&written));
        self.written = Some(written.clone());
        edited.unwrap_or(written)
    }
}

/// Where the other wants its sound.
fn way(description: &Description, media: &Media) -> Option<SocketAddr> {
    let host = description.host_of(media).filter(|host| !host.is_nowhere())?;
    Some(SocketAddr::new(host.ip()?, media.port))
}

fn declined(part: &Media) -> Media {
    Media { port: 0, attributes: Attributes::default(), ..part.clone() }
}

/// The payload type under which this phone knows a codec, where the codec has none of its own.
fn format(kind: Kind) -> Format {
    let chosen = match kind {
        Kind::Opus => 111,
        Kind::L16(Rate::Narrow) => 96,
        Kind::L16(Rate::Wide) => 97,
        _ => 98,
    };
    let parameters = (kind == Kind::Opus).then(|| "useinbandfec=1".to_owned());
    Format { parameters, ..Format::new(kind.payload_type().unwrap_or(chosen), Codec::from(kind)) }
}

fn keys_format(rate: Rate) -> Format {
    let number = match rate {
        Rate::Narrow => 101,
        Rate::Wide => 102,
        Rate::Full => 110,
    };
    let codec = Codec::from(Kind::TelephoneEvent(rate));
    Format { parameters: Some("0-15".to_owned()), ..Format::new(number, codec) }
}

fn keys_format_of(clock_hz: u32) -> Format {
    let rate = [Rate::Narrow, Rate::Wide, Rate::Full].into_iter().find(|rate| rate.hz() == clock_hz);
    keys_format(rate.unwrap_or(Rate::Narrow))
}
