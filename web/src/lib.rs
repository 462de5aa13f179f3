//! The store, the HTTP doors and the control socket.
//!
//! ```text
//! store      the only SQL of the house; implements the shelves that the engine asks for
//! accounts   endpoints added, changed and removed, over directory and store
//! folder     the data folder, held by one server at a time
//! people     who may open the dashboard, and what programs may ask
//! recordings their files, within their folder
//! sounds     prompts that are uploaded, with their versions
//! failures   what went wrong last when endpoints wanted to register, over restarts
//! call_files a call as text and as packets
//! feed       what happens to calls and in rooms, as it happens
//! room_news  who tells the feed what happens in rooms
//! retention  what is kept for how long
//! bans       who is refused at every door, kept over a restart
//! routes     those that are added while the server runs
//! masking    calls for people who may not see numbers
//! api        /api/v1, one table of doors
//! pages      the dashboard
//! control    the socket in the data folder that the commands speak to
//! doors      /healthz, /readyz, /metrics
//! phone      browsers that are phones: their sockets
//! house      what control and doors ask of the running server; `main` answers
//! versions   texts that services had, on their way into the store
//! workshop   what is asked of the scripts themselves; `main` answers
//! fetch      prompts from HTTP and from an object store, for the loader of `media`
//! outside    what scripts reach outside their calls: stored values, servers
//! uploads    recordings that are brought into a bucket
//! webhooks   what happens here, told to programs elsewhere
//! serve      HTTP on a listening socket, within limits
//! ```
//!
//! Nothing here decides about SIP.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod acme;
pub mod api;
pub mod bans;
mod call_files;
pub mod control;
pub mod doors;
pub mod failures;
pub mod feed;
pub mod fetch;
pub mod folder;
pub mod heard;
pub mod house;
pub mod json;
pub mod masking;
pub mod metrics;
pub mod outside;
pub mod pages;
pub mod past_rooms;
pub mod people;
pub mod phone;
pub mod problem;
pub mod recordings;
pub mod retention;
pub mod room_news;
pub mod routes;
pub mod serve;
pub mod sounds;
pub mod store;
pub mod uploads;
pub mod versions;
pub mod webhooks;
pub mod workshop;
