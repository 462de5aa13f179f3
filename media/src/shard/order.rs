//! What a media thread is told.
//!
//! An order carries what it needs ready made: sockets are bound, encoders made and sounds decoded by whoever asks, so that
//! the thread only moves values to their places.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use super::handshakes::Shaken;
use super::porch::{Brought, Guest, Wish};
use super::port::{Pictures, Port, Protection, Wire};
use super::room::Partial;
use crate::browser::{Credentials, Remote, Role};
use crate::clean::Cleaner;
use crate::codec::{Decoder, Encoder, Kind, Settings};
use crate::dtmf::{Key, Press};
use crate::frame::Rate;
use crate::mixer::{Gain, Rules};
use crate::prompt::Cursor;
use crate::recording::{Scribe, Tap};
use crate::sdp::dtls::Fingerprint;

/// The most codecs that a party may choose from packet to packet; an answer lists one or two.
pub const MAX_HEARD: usize = 4;

/// A port, for as long as the process lives: numbers are never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortId(pub(crate) u64);

impl PortId {
    /// The number by which a room's ledger names its members.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// How we speak to the party.
pub struct Speaking {
    /// The codec.
    pub kind: Kind,
    /// The number that the party gave it.
    pub payload_type: u8,
    /// How its coder may spend bits and time.
    pub settings: Settings,
    /// Milliseconds of sound that a packet of ours should have: 10, 20, 30 or more; Opus comes in steps of 20.
    pub packet_ms: u16,
    /// Milliseconds that a packet should have that is passed on; `None`: whatever it has.
    pub asked_ms: Option<u16>,
    /// The most that any packet may have, also one that is passed on; `None`: whatever it has.
    pub most_ms: Option<u16>,
    /// Who makes its packets; `None` for a codec that is only passed on.
    pub encoder: Option<Box<dyn Encoder>>,
}

impl Speaking {
    /// To speak a codec in packets of the usual length, with a coder made for it.
    #[must_use]
    pub fn new(kind: Kind, payload_type: u8, settings: Settings) -> Self {
        Self {
            kind,
            payload_type,
            settings,
            packet_ms: 20,
            asked_ms: None,
            most_ms: None,
            encoder: kind.encoder(&settings),
        }
    }
}

/// One way in which the party may speak to us.
pub struct Hearing {
    /// The codec.
    pub kind: Kind,
    /// The number that we gave it.
    pub payload_type: u8,
    /// Who understands its packets; `None` for a codec that is only passed on.
    pub decoder: Option<Box<dyn Decoder>>,
}

impl Hearing {
    /// To hear a codec, with a coder made for it.
    #[must_use]
    pub fn new(kind: Kind, payload_type: u8) -> Self {
        Self { kind, payload_type, decoder: kind.decoder() }
    }
}

/// Keys beside the sound (RFC 4733).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// The number that whoever hears them gave.
    pub payload_type: u8,
    /// Ticks of their clock a second.
    pub clock_hz: u32,
}

/// What both ends agreed on, ready to run.
pub struct Terms {
    /// Where the party hears sound; `None` until it is known.
    pub remote: Option<SocketAddr>,
    /// Where the party hears reports, when not beside the sound.
    pub remote_reports: Option<SocketAddr>,
    /// Whether reports come and go through the socket of the sound.
    pub mux: bool,
    /// How we speak; `None` when the party does not want to hear us now.
    pub speaking: Option<Speaking>,
    /// How the party may speak, at most [`MAX_HEARD`]; empty when we do not want to hear it now.
    pub hearing: Vec<Hearing>,
    /// The number that we gave to the noise for times of silence.
    pub comfort_in: Option<u8>,
    /// What protects packets.
    pub protection: Protection,
    /// Who is to be met, where it is a browser.
    pub browser: Option<Box<Browser>>,
    /// How we send keys.
    pub keys_out: Option<Keys>,
    /// How keys come.
    pub keys_in: Option<Keys>,
    /// After how long without a packet of sound or a report the party counts as silent; `None` while it may be.
    pub silence_after: Option<Duration>,
    /// By which rules pictures pass, where these are no sound.
    pub pictures: Option<Pictures>,
}

impl Terms {
    /// To speak and hear one codec under one number, and nothing else: no keys, no protection, nobody known yet.
    #[must_use]
    pub fn plain(kind: Kind, payload_type: u8) -> Self {
        Self {
            remote: None,
            remote_reports: None,
            mux: false,
            speaking: Some(Speaking::new(kind, payload_type, Settings::default())),
            hearing: vec![Hearing::new(kind, payload_type)],
            comfort_in: None,
            protection: Protection::Open,
            browser: None,
            keys_out: None,
            keys_in: None,
            silence_after: None,
            pictures: None,
        }
    }

    /// Takes over the coders of older terms where the codec is the same: they know what was said before.
    pub(crate) fn keep(&mut self, old: &mut Self) {
        if let (Some(new), Some(old)) = (&mut self.speaking, &mut old.speaking)
            && new.kind == old.kind
        {
            std::mem::swap(&mut new.encoder, &mut old.encoder);
        }
        self.protection.keep(&mut old.protection);
        for new in &mut self.hearing {
            if let Some(old) = old.hearing.iter_mut().find(|old| old.kind == new.kind) {
                std::mem::swap(&mut new.decoder, &mut old.decoder);
            }
        }
    }
}

/// A browser as its description says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Browser {
    /// Its side of ICE.
    pub ice: Remote,
    /// Who begins the handshake.
    pub role: Role,
    /// One of these is its certificate's.
    pub fingerprints: Vec<Fingerprint>,
}

/// A prompt to be played.
pub struct Play {
    /// Where it stands, and all that follows.
    pub cursor: Box<Cursor>,
    /// The codec of its packets, where it has any. One that is not the party's ends the prompt ([`Played::Unfit`]).
    pub kind: Option<Kind>,
    /// The name under which its end is told.
    pub tag: u64,
}

/// A recording.
pub struct Record {
    /// The media thread's end of it.
    pub tap: Box<Tap>,
    /// The rate of its plan.
    pub rate: Rate,
}

/// Why a prompt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Played {
    /// It was over.
    Ended,
    /// It was stopped.
    Stopped,
    /// Another one took its place.
    Replaced,
    /// Its packets are of a codec that the party no longer speaks; play it again from where it was.
    Unfit,
}

/// What a port is told.
pub enum Order {
    /// To follow new terms, from the first or a later offer and answer.
    Tune(Box<Terms>),
    /// To let two parties hear each other. The other port lives on the same thread.
    Bridge(PortId),
    /// To pass datagrams between two ports as they are, whatever they hold.
    Relay(PortId),
    /// To let the party hear itself.
    Echo,
    /// To let the party hear nobody, and nobody it.
    Part,
    /// To play a prompt, in place of whatever else the party would hear.
    Play(Play),
    /// To stop the prompt.
    Stop,
    /// To stop the prompt after so many frames in all.
    StopAt(u64),
    /// To send a key, held for so long, behind those that wait ([`Notice::Pressed`](super::Notice) when all are sent): as
    /// events, or as tones in the sound where the party takes none.
    Press(Key, Duration),
    /// To listen for tones of keys in the sound, or no longer.
    Tones(bool),
    /// A press that came by another way, as a SIP INFO: it is told like any other, once.
    Pressed(Press),
    /// To record what the party says and is told.
    Record(Record),
    /// To bring the party into a room of the same thread.
    Enter(RoomId),
    /// How the party stands in its room.
    Stand(Stand),
    /// To have what the party says in its room made clean by that, or by nothing.
    Clean(Option<Box<Cleaner>>),
    /// To be found by a browser under other credentials: its description begins ICE anew.
    Restart(Credentials),
    /// Where a browser may be as well, and what it thinks of each: its description goes on.
    Learn(Vec<(SocketAddr, u32)>),
    /// To close.
    Close,
}

/// How a member stands in its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// Whether nobody hears it.
    Muted(bool),
    /// Whether it hears nobody.
    Deaf(bool),
    /// How loud all hear it.
    Gain(Gain),
    /// How loud it alone hears another member.
    Hears(PortId, Gain),
}

/// A room, for as long as the process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub(crate) u64);

/// What a room is told.
pub enum RoomOrder {
    /// To be mixed by other rules.
    Rules(Rules),
    /// To record what all hear who are silent.
    Record(Record),
    /// To play samples to all; the tag names the end.
    Announce(Play),
    /// To stop that.
    Hush,
    /// To close. Its members hear nobody then.
    Close,
}

/// Makes the ledger of a further part of a room, 1 being the first that is made so; `None` where none can be kept.
pub type Keeper = Box<dyn FnMut(usize) -> Option<Box<Scribe>> + Send>;

/// A port that is to live on a thread.
pub(crate) struct Opening {
    pub id: PortId,
    pub listener: usize,
    pub rtp: Wire,
    pub rtcp: Option<Wire>,
    /// The thread that reads the socket, where it is shared.
    pub home: Option<usize>,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
}

/// What a thread finds in its ring.
pub(crate) enum Command {
    Open(Box<Opening>),
    /// To read the socket that browsers share.
    Gate(Arc<UdpSocket>),
    /// To open a port for a browser that comes by a gate of this thread.
    Host(Box<Opening>, Box<Guest>),
    /// What the thread of a port wants of the one that reads its socket.
    Wish(PortId, Wish),
    /// What the thread that reads a port's socket brings to the one where it lives.
    Bring(PortId, Brought),
    /// What has come of a handshake, for the thread that reads the socket.
    Shaken(PortId, Shaken),
    Port(PortId, Order),
    /// To hand a port to another thread.
    Hand(PortId, usize),
    /// A port that comes from another thread.
    Adopt(Box<Port>),
    /// To open a room, or a part of one.
    OpenRoom(RoomId, usize, Rules),
    Room(RoomId, RoomOrder),
    /// To keep a ledger of all that the members of a part say and are done to, from before the first one enters.
    Keep(RoomId, Box<Scribe>),
    /// That another thread has a part of this room, too.
    Peer(RoomId, usize),
    /// To send what a member of a room says by itself to another thread as well.
    SingleOut(PortId, usize),
    /// What a part of a room sums up on another thread.
    Partial(RoomId, Box<Partial>),
    /// To close everything and end.
    Finish,
}

impl Command {
    /// Whether the thread's next tick is soon enough: 5 ms at most. Browsers are not kept waiting, because a check that
    /// finds nobody is repeated tens of milliseconds later; nor is what threads say to each other in every round.
    pub fn can_wait(&self) -> bool {
        match self {
            Self::Port(_, Order::Tune(terms)) => terms.browser.is_none(),
            Self::Port(_, Order::Restart(_)) => false,
            Self::Open(_)
            | Self::Port(..)
            | Self::Hand(..)
            | Self::OpenRoom(..)
            | Self::Room(..)
            | Self::Keep(..)
            | Self::Peer(..)
            | Self::SingleOut(..) => true,
            Self::Gate(_)
            | Self::Host(..)
            | Self::Wish(..)
            | Self::Bring(..)
            | Self::Shaken(..)
            | Self::Adopt(_)
            | Self::Partial(..)
            | Self::Finish => false,
        }
    }
}
