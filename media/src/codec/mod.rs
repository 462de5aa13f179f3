//! One file a codec, and the table of them.
//!
//! An encoder takes exactly one frame at its codec's rate; a decoder takes whatever a packet carried. Both append to a
//! buffer of the caller's, who keeps it from packet to packet, so that nothing is allocated while a call runs.
//!
//! | file | what it knows |
//! |---|---|
//! | [`Kind`] in `table` | every codec by name: clock, rate, payload type, and who makes its encoder and decoder |
//! | `pcmu`, `pcma`, and `law` which they share | G.711 |
//! | `g722`, `opus`, `l16`, `comfort` | a codec each |
//! | `passing` | codecs that are named here and never decoded |
//! | [`resample`] | from one rate to another on the live path |
//! | [`level`], [`voice`] | how loud, whether somebody speaks, and one loudness for all |
//! | `conceal` | sound in place of a lost packet, for codecs that have none of their own |

mod comfort;
mod conceal;
mod g722;
#[cfg(test)]
pub(crate) mod hearing;
mod l16;
mod law;
pub mod level;
pub(crate) mod opus;
mod passing;
mod pcma;
mod pcmu;
pub mod resample;
mod table;
pub mod voice;

pub use comfort::Noise;
pub use conceal::Concealer;
pub use table::{Kind, Settings};

/// Makes packets of sound.
pub trait Encoder: Send {
    /// Appends the payload for one frame of sound at the codec's rate. May append nothing (a codec that says nothing
    /// while nobody speaks): then no packet is sent.
    fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>);

    /// Takes other settings from the next frame on, as load or the far end's reports ask. Most codecs have none.
    fn adjust(&mut self, _settings: &Settings) {}
}

/// Makes sound of packets.
pub trait Decoder: Send {
    /// Appends the sound of one packet at the codec's rate.
    ///
    /// # Errors
    /// When the payload is not of this codec; nothing has been appended then.
    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> Result<(), Undecodable>;

    /// Appends `missing` samples in place of a lost packet. `next` is the packet after it, where it has come already: some
    /// codecs repeat there what was lost.
    fn conceal(&mut self, missing: usize, next: Option<&[u8]>, samples: &mut Vec<i16>);

    /// Appends silence as long as the packet, where the packet itself says that nobody speaks in it; false, and nothing, for
    /// all others. For whoever would not be heard anyhow until somebody speaks: it costs next to nothing.
    fn doze(&mut self, _payload: &[u8], _samples: &mut Vec<i16>) -> bool {
        false
    }
}

/// A payload that is not of this codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payload of {length} bytes is not {codec}")]
pub struct Undecodable {
    /// The codec's name as SDP writes it.
    pub codec: &'static str,
    /// How long the payload is.
    pub length: usize,
}

/// The longest sound that one packet may carry. RFC 3551 asks receivers for 200 ms, Opus can carry 120 ms; more than this in
/// a packet is not speech of a call, and whoever keeps the samples has a buffer of known size.
pub const MAX_PACKET: std::time::Duration = std::time::Duration::from_millis(240);
