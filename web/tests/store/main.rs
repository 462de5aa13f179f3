//! What the store promises, told to both databases: each law runs on SQLite and on a real PostgreSQL.

mod bans;
mod bindings;
mod calls;
mod cluster;
mod endpoints;
mod failures;
mod finding;
mod foreign;
mod lab;
mod letters;
mod opening;
mod outages;
mod people;
mod receivers;
mod rooms;
mod routes;
mod sessions;
mod shelf;
mod versions;
mod voicemail;
