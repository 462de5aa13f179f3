//! What a child may be.

use std::fmt;
use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::str::FromStr;

use patchcord_media::codec::Kind;

/// See the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A bare loop: what one leg says is sent to the other.
    FloorRelay,
    /// A bare loop: what comes is read, and each leg is sent a packet every 20 ms.
    FloorPackets,
    /// Bridged legs, two and two.
    Relay,
    /// Legs that hear a prompt and whose keys are heard.
    Ivr,
    /// Rooms of so many members.
    Rooms(usize),
    /// The same, whose members speak Opus.
    OpusRooms(usize),
    /// Rooms of so many members, from each of whose voices noise is taken.
    CleanRooms(usize),
    /// Legs that are there and silent.
    Idle,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FloorRelay => f.write_str("floor-relay"),
            Self::FloorPackets => f.write_str("floor-packets"),
            Self::Relay => f.write_str("relay"),
            Self::Ivr => f.write_str("ivr"),
            Self::Rooms(size) => write!(f, "rooms-{size}"),
            Self::OpusRooms(size) => write!(f, "opus-rooms-{size}"),
            Self::CleanRooms(size) => write!(f, "clean-rooms-{size}"),
            Self::Idle => f.write_str("idle"),
        }
    }
}

impl Role {
    /// What its legs speak.
    #[must_use]
    pub fn kind(self) -> Kind {
        if matches!(self, Self::OpusRooms(_)) { Kind::Opus } else { Kind::Pcmu }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "floor-relay" => Ok(Self::FloorRelay),
            "floor-packets" => Ok(Self::FloorPackets),
            "relay" => Ok(Self::Relay),
            "ivr" => Ok(Self::Ivr),
            "idle" => Ok(Self::Idle),
            _ => {
                let size = |name: &str| text.strip_prefix(name).and_then(|size| size.parse().ok());
                let found = (size("rooms-").map(Self::Rooms))
                    .or_else(|| size("opus-rooms-").map(Self::OpusRooms))
                    .or_else(|| size("clean-rooms-").map(Self::CleanRooms));
                found.ok_or_else(|| format!("{text} is no role"))
            }
        }
    }
}

/// What a child counts: allocations, and what the media plane counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Allocations since it started.
    pub allocations: u64,
    /// Packets that came and went.
    pub packets_in: u64,
    /// See `packets_in`.
    pub packets_out: u64,
    /// Ticks that came late, and ticks in all.
    pub late: u64,
    /// See `late`.
    pub ticks: u64,
    /// Frames encoded for one listener, and for many at once.
    pub own_encodes: u64,
    /// See `own_encodes`.
    pub shared_encodes: u64,
}

impl Counted {
    /// What was counted since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            allocations: self.allocations - earlier.allocations,
            packets_in: self.packets_in - earlier.packets_in,
            packets_out: self.packets_out - earlier.packets_out,
            late: self.late - earlier.late,
            ticks: self.ticks - earlier.ticks,
            own_encodes: self.own_encodes - earlier.own_encodes,
            shared_encodes: self.shared_encodes - earlier.shared_encodes,
        }
    }

    /// Reads what [`Counted::write`] wrote.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let mut numbers = line.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self {
            allocations: next()?,
            packets_in: next()?,
            packets_out: next()?,
            late: next()?,
            ticks: next()?,
            own_encodes: next()?,
            shared_encodes: next()?,
        })
    }

    fn write(&self) -> String {
        let Self { allocations, packets_in, packets_out, late, ticks, own_encodes, shared_encodes } = self;
        format!("{allocations} {packets_in} {packets_out} {late} {ticks} {own_encodes} {shared_encodes}")
    }
}

/// Tells the parent where the legs are, and then what was counted for each line that comes, until no more comes.
///
/// # Errors
/// When the parent cannot be told.
pub fn converse(legs: &[SocketAddr], mut count: impl FnMut() -> Counted) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let places: Vec<_> = legs.iter().map(SocketAddr::to_string).collect();
    writeln!(out, "{}", places.join(" "))?;
    for line in io::stdin().lock().lines() {
        line?;
        writeln!(out, "{}", count().write())?;
        out.flush()?;
    }
    Ok(())
}
