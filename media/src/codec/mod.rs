//! One file a codec, and the table of them.
//!
//! An encoder takes exactly one frame at its codec's rate; a decoder takes whatever a packet carried. Both append to a
//! buffer of the caller's, who keeps it from packet to packet, so that nothing is allocated while a call runs.

/// Makes packets of sound.
pub trait Encoder: Send {
    /// Appends the payload for one frame of sound at the codec's rate. May append nothing (a codec that says nothing
    /// while nobody speaks): then no packet is sent.
    fn encode(&mut self, samples: &[i16], payload: &mut Vec<u8>);
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
