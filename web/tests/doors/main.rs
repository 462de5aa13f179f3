//! The doors as programs meet them: the control socket with its token, and the HTTP pages that watch the server.

mod acme;
mod authority;
mod bans;
mod calls;
mod control;
mod described;
mod hostile;
mod lab;
mod masking;
mod pages;
mod people;
mod receivers;
mod recordings;
mod refused;
mod registrations;
mod services;
mod sockets;
mod sounds;
mod webhooks;
