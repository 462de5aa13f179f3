//! What a phone can, and how it behaves by itself.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use patchcord_media::codec::Kind;
use patchcord_media::frame::Rate;
use patchcord_media::sdp::crypto::Suite;
use patchcord_sip::Transport;
use patchcord_sip::session_timer::Rules;

use crate::digest::Algorithm;
use crate::line::Carrier;

/// What a phone does by itself when it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// It rings, and waits for the test to answer.
    Ring,
    /// It rings and answers at once.
    Answer,
    /// It plays early sound (183) and waits for the test to answer.
    Early,
    /// It refuses with this status: 486 is busy, 603 declines.
    Refuse(u16),
    /// It says nothing but the 100 that its transactions say.
    Ignore,
}

/// By which way a phone sends its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keypad {
    /// As events beside the sound (RFC 4733).
    Events,
    /// As tones in the sound.
    Tones,
    /// As SIP INFO with a body of `application/dtmf-relay`.
    InfoRelay,
    /// As SIP INFO with a body of `application/dtmf`.
    InfoPlain,
}

/// What a phone makes of reliable provisional responses (RFC 3262).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reliability {
    /// It knows nothing of them.
    Never,
    /// It takes them, and sends them to whoever takes them.
    Supported,
    /// It calls nobody who does not send them.
    Required,
}

/// Whether and where a phone sends reports about its sound (RTCP), and takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reports {
    /// Not at all.
    None,
    /// On the port behind that of the sound.
    Beside,
    /// On the way of the sound where the other side wants that, too (`rtcp-mux`); else beside it.
    Muxed,
}

/// A kind of phone. A plain value: one model serves for a hundred phones.
#[derive(Debug, Clone)]
pub struct Model {
    pub(crate) transport: Transport,
    pub(crate) ip: IpAddr,
    pub(crate) server: Option<SocketAddr>,
    pub(crate) password: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) codecs: Vec<Kind>,
    pub(crate) suite: Option<Suite>,
    pub(crate) keypad: Keypad,
    pub(crate) conduct: Conduct,
    pub(crate) reliability: Reliability,
    pub(crate) session: Option<Rules>,
    pub(crate) deaf: bool,
    pub(crate) reports: Reports,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            transport: Transport::Udp,
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            server: None,
            password: String::new(),
            algorithm: Algorithm::Md5,
            codecs: vec![Kind::Pcmu, Kind::Pcma],
            suite: None,
            keypad: Keypad::Events,
            conduct: Conduct::Ring,
            reliability: Reliability::Supported,
            session: Some(Rules { alone: false, ..Rules::default() }),
            deaf: false,
            reports: Reports::None,
        }
    }
}

impl Model {
    /// UDP, G.711, keys as events; rings when it is called.
    pub fn new() -> Self {
        Self::default()
    }

    /// Over that transport.
    pub fn over(mut self, transport: impl Into<Transport>) -> Self {
        self.transport = transport.into();
        self
    }

    /// At home with that server: everything outside of a call goes there.
    pub fn at(mut self, server: SocketAddr) -> Self {
        self.server = Some(server);
        self.ip = if server.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        self
    }

    /// With a socket at that address.
    pub fn on(mut self, ip: IpAddr) -> Self {
        self.ip = ip;
        self
    }

    /// Proves itself with this password.
    pub fn password(mut self, password: &str) -> Self {
        self.password = password.to_owned();
        self
    }

    /// Proves itself by that algorithm.
    pub fn proving_by(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Speaks these codecs, the dearest first.
    pub fn codecs(mut self, codecs: &[Kind]) -> Self {
        self.codecs = codecs.to_vec();
        self
    }

    /// Protects its sound with keys in the description, and talks to nobody who does not.
    pub fn secure(mut self, suite: Suite) -> Self {
        self.suite = Some(suite);
        self
    }

    /// Sends its keys that way. One that has only tones offers no events beside the sound.
    pub fn keypad(mut self, keypad: Keypad) -> Self {
        self.keypad = keypad;
        self
    }

    /// Does that when it is called.
    pub fn when_called(mut self, conduct: Conduct) -> Self {
        self.conduct = conduct;
        self
    }

    /// What it makes of reliable provisional responses.
    pub fn reliability(mut self, reliability: Reliability) -> Self {
        self.reliability = reliability;
        self
    }

    /// Asks for session timers of this interval, and takes none below `minimum`. [`Model::new`] asks for half an hour.
    pub fn session(mut self, interval: Duration, minimum: Duration) -> Self {
        self.session = Some(Rules { interval, minimum, alone: false });
        self
    }

    /// Knows nothing of session timers.
    pub fn without_session_timer(mut self) -> Self {
        self.session = None;
        self
    }

    /// Counts what it hears and does not listen: for hundreds of phones that only make load.
    pub fn deaf(mut self) -> Self {
        self.deaf = true;
        self
    }

    /// Sends and takes reports about its sound.
    pub fn reports(mut self, reports: Reports) -> Self {
        self.reports = reports;
        self
    }

    /// The rate at which it hears: that of its widest codec.
    pub(crate) fn rate(&self) -> Rate {
        self.codecs.iter().map(|kind| kind.rate()).max().unwrap_or(Rate::Narrow)
    }

    /// What it says of itself in Supported.
    pub(crate) fn supported(&self) -> String {
        let mut words = vec!["replaces"];
        words.extend((self.reliability != Reliability::Never).then_some("100rel"));
        words.extend(self.session.map(|_| "timer"));
        words.join(", ")
    }
}

impl From<Carrier> for Transport {
    fn from(carrier: Carrier) -> Self {
        match carrier {
            Carrier::Udp => Self::Udp,
            Carrier::Tcp => Self::Tcp,
            Carrier::Tls => Self::Tls,
        }
    }
}
