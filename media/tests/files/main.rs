//! Files that ffmpeg and sox wrote are read, and files that we wrote are read by ffmpeg and sox.
//!
//! Both programs judge; nothing is compared with what we ourselves wrote or read. They come from the Debian packages
//! `ffmpeg` and `sox`.

mod broken;
mod judges;
mod reading;
mod writing;
