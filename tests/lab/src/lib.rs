//! The phones and peers that the scenarios drive.
