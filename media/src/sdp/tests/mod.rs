//! What phones and browsers send is read; what is broken is refused with its line.

mod laws;
pub(in crate::sdp) mod offers;
mod reading;
