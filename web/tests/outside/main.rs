//! What scripts reach outside their calls: each noun with good asks, bad asks and a world that misbehaves.

mod db;
mod http;
mod lab;
mod mail;
mod mailbox;
mod registrar;
mod server;
mod smtp;
mod store;
