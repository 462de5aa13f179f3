//! What scripts reach outside their calls: each noun with good asks, bad asks and a world that misbehaves.

mod http;
mod lab;
mod server;
mod store;
