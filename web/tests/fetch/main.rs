//! Prompts from elsewhere, asked for as the loader asks: real sockets on loopback, servers of our own that misbehave.

mod lab;
mod loaded;
mod store;
mod uploads;
mod web;
