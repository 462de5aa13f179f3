//! The server binary: command line, configuration, and the one place where the rooms are joined.
#![forbid(unsafe_code)]

fn main() {}
