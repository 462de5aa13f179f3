//! Legs that offer and answer, without wires.

mod browser;
mod changing;
mod laws;
mod lines;
mod passing;
mod pictures;
mod protected;
mod speech;

use std::net::{IpAddr, SocketAddr};

use super::{Negotiation, Session};
use crate::sdp::agreed::Sound;
use crate::sdp::crypto::{MasterKey, Suite};
use crate::sdp::policy::Policy;
use crate::sdp::{Agreed, Codec, Description, Direction, Part, Place, SoundPlan};

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

fn leg() -> Negotiation {
    Negotiation::new(Session { id: 42, version: 7, host: HERE })
}

fn at(port: u16) -> SocketAddr {
    (HERE, port).into()
}

fn policy() -> Policy {
    Policy::new([Codec::PCMA, Codec::PCMU, Codec::G722, Codec::OPUS])
}

fn plan(policy: Policy) -> SoundPlan {
    SoundPlan { policy, place: Place::new(at(10_000), Some(at(10_001))), direction: Direction::Both }
}

fn sound() -> Vec<Part> {
    vec![Part::sound(0, plan(policy()))]
}

fn key(suite: Suite, seed: u8) -> MasterKey {
    MasterKey::new(suite, &vec![seed; suite.length()]).expect("as long as the suite wants it")
}

/// A leg that has taken in an offer.
fn hearing(offer: &str) -> Negotiation {
    let mut leg = leg();
    leg.receive(read(offer)).expect("nothing is pending");
    leg
}

/// A leg that has answered an offer with its sound in the first line.
fn answering(offer: &str) -> (Negotiation, Description) {
    let mut leg = hearing(offer);
    let answer = leg.answer(sound()).expect("sound in common");
    (leg, answer)
}

fn settled(leg: &Negotiation) -> Sound {
    heard(leg.agreed().expect("settled"))
}

fn heard(agreed: &Agreed) -> Sound {
    Sound::clone(agreed.sound().expect("sound"))
}

/// Reads text whose head is added when it has none.
fn read(text: &str) -> Description {
    if text.trim_start().starts_with("v=") {
        return crate::sdp::tests::offers::read(text);
    }
    crate::sdp::tests::offers::read(&format!("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n{text}"))
}

/// The lines of a part of a description that is sent, after it has been through the wire.
fn lines(description: &Description, index: usize) -> Vec<String> {
    let read = Description::parse(description.to_string().as_bytes()).expect("what we send can be read");
    read.media[index].to_string().lines().map(str::to_owned).collect()
}
