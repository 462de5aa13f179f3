//! What the store promises, told to both databases: each law runs on SQLite and on a real PostgreSQL.

mod bans;
mod bindings;
mod calls;
mod cluster;
mod endpoints;
mod finding;
mod foreign;
mod lab;
mod letters;
mod opening;
mod outages;
mod people;
mod receivers;
mod rooms;
mod shelf;
mod sessions;
mod voicemail;
mod versions;
