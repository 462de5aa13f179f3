//! The real binary against real peers: what a person with a telephone, or with bad intentions, would notice.
//!
//! Each test starts a server of its own on loopback, with a data folder of its own. Nothing here sleeps; every
//! wait is for a fact and has a deadline.

mod added_routes;
mod announced;
mod browser_transfers;
mod browsers;
mod calling;
#[path = "../../web/tests/store/cluster.rs"]
mod cluster;
mod crashes;
mod crowds;
mod described;
mod dialled;
mod doors;
mod drained;
mod elsewhere;
mod flows;
mod handsets;
mod lasting;
mod ledgers;
#[path = "../../web/tests/outside/smtp.rs"]
#[allow(dead_code, reason = "the tests beside it do more with the mail room")]
mod mail_room;
mod meetings;
mod native_browsers;
mod occasions;
mod odd_members;
mod operators;
mod originated;
mod other_calls;
mod other_phones;
mod outages;
mod outside;
mod page_figures;
mod page_floods;
mod page_phones;
mod page_states;
mod page_talks;
mod pages;
mod pictures_moved;
mod pressed;
mod records;
mod refusals;
mod registering;
mod rooms;
mod ruled_rooms;
mod scripts;
mod served;
mod shards;
mod shipped;
mod slow;
mod streams;
mod three_way;
mod torture;
mod trunks;
mod turned;
mod twelve;
mod videos;
mod walking;

use patchcord_lab::{Server, Setup};

/// A server to be told more before it starts.
fn setup() -> Setup {
    Setup::new(env!("CARGO_BIN_EXE_patchcord"))
}

/// A server that knows alice, whose password is `secret`, and takes either digest from her.
async fn alices_server() -> Server {
    setup().endpoint_with("alice", "secret", BOTH_DIGESTS).start().await
}

/// SHA-256 offered first and MD5 beside it.
const BOTH_DIGESTS: &str = "digest = [\"sha-256\", \"md5\"]";

/// Where an endpoint can be reached, as `patchcord registrations` tells it.
async fn bindings(server: &Server, user: &str) -> Vec<String> {
    let all = server.json(&["registrations", "--json"]).await;
    let all = all["registrations"].as_array().expect("a list of registrations");
    let its = all.iter().filter(|registration| registration["user"] == user);
    its.map(|registration| registration["contact"].as_str().expect("a contact").to_owned()).collect()
}

/// How many bindings the server says it holds.
async fn bindings_held(server: &Server) -> u64 {
    let status = server.json(&["status", "--json"]).await;
    status["bindings"].as_u64().unwrap_or_else(|| panic!("no count of bindings in {status}"))
}

/// `count` accounts with a password each.
fn accounts(count: usize) -> Vec<(String, String)> {
    (0..count).map(|number| (format!("u{number:05}"), format!("secret{number:05}"))).collect()
}
