//! What phones and browsers send is read; what is broken is refused with its line.

mod laws;
mod offers;
mod reading;
