//! `[web]`: where HTTP is served, which pages may open sockets, and what helps browsers to be reached.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use patchcord_engine::runtime::CertificateSource;
use patchcord_web::{
    phone::{Ice, Origin, Origins, ice, origin},
    serve,
};

use super::{mail::one_of, problem::Wrong, section::Section, tree::Environment};

/// Where HTTP is served unless told otherwise: for this machine alone.
const LISTEN: serve::Place =
    serve::Place { secure: false, address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080) };

/// What `[web]` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// Where HTTP is served.
    pub listen: Vec<serve::Place>,
    /// The certificate that is shown there; `None`: the one that SIP shows.
    pub certificate: Option<CertificateSource>,
    /// Sites whose pages may open sockets.
    pub origins: Origins,
    /// Servers that browsers are told of.
    pub ice: Ice,
}

/// Reads `[web]`.
pub fn read(section: &mut Section<'_>, base: &Path, environment: &Environment) -> Web {
    let listen = section.take_list("listen", place).unwrap_or_else(|| vec![LISTEN]);
    let certificate = certificate(section, base);
    let origin = |text: &str| {
        let remedy =
            "write it as a browser's address bar shows it, as in \"https://shop.example.org\"; \"*\" is every site";
        text.parse::<Origin>().map_err(|wrong| Wrong::new(wrong.to_string(), remedy))
    };
    let place = section.place().clone();
    let origins = section.take_list("origins", origin).unwrap_or_default();
    if origins.len() > origin::MOST {
        let wrong = Wrong::new(format!("names {} sites", origins.len()), format!("name at most {}", origin::MOST));
        section.object(&place, "origins", wrong);
    }
    let stun = section.take_list("stun", |text| server(text, &["stun"], "stun:stun.example.org:3478"));
    let (turn, secret) = turn(section, environment);
    section.refuse_later("acme");
    section.close();
    let ice = Ice { stun: stun.unwrap_or_default(), turn, secret };
    Web { listen, certificate, origins: Origins::from_iter(origins), ice }
}

fn place(text: &str) -> Result<serve::Place, Wrong> {
    let (secure, address) = match text.split_once(':') {
        Some(("http", address)) => (false, address),
        Some(("https", address)) => (true, address),
        _ => (false, text),
    };
    let remedy = "write an address with a port, as in \"http:127.0.0.1:8080\" or \"https:0.0.0.0:8443\"";
    let read = address.parse().map(|address| serve::Place { secure, address });
    read.map_err(|_| Wrong::new(format!("{address:?} is no address with a port"), remedy))
}

/// The files of a certificate for pages alone.
fn certificate(section: &mut Section<'_>, base: &Path) -> Option<CertificateSource> {
    let mut path = |key| section.take_text(key).map(|(path, place)| (base.join(path), place));
    match (path("certificate"), path("key")) {
        (Some((certificate, _)), Some((key, _))) => Some(CertificateSource::Files { certificate, key }),
        (Some((_, place)), None) => {
            section.object(&place, "key", Wrong::new("is missing beside certificate", "name the key's PEM file too"));
            None
        }
        (None, Some((_, place))) => {
            let wrong = Wrong::new("is missing beside key", "name the certificate's PEM file too");
            section.object(&place, "certificate", wrong);
            None
        }
        (None, None) => None,
    }
}

/// `turn = { servers = […], secret_env = "…" }`
fn turn(section: &mut Section<'_>, environment: &Environment) -> (Vec<String>, Option<String>) {
    let is_there = section.has("turn");
    let mut turn = section.take_section("turn");
    let servers = turn.take_list("servers", |text| server(text, &["turn", "turns"], "turn:turn.example.org:3478"));
    let secret = one_of(&mut turn, ["secret", "secret_env"], environment, |text| match text {
        "" => Err(Wrong::new("it is empty", "write the secret that the TURN server has as static-auth-secret")),
        text => Ok(text.to_owned()),
    });
    turn.close();
    let place = section.place().clone();
    let servers = servers.unwrap_or_default();
    if is_there && servers.is_empty() {
        section.object(&place, "turn.servers", Wrong::new("is empty", "write servers = [\"turn:turn.example.org\"]"));
    }
    if servers.len() > ice::MOST {
        let wrong = Wrong::new(format!("names {} servers", servers.len()), format!("name at most {}", ice::MOST));
        section.object(&place, "turn.servers", wrong);
    }
    (servers, secret)
}

/// The address of a STUN or TURN server (RFC 7064, RFC 7065).
fn server(text: &str, schemes: &[&str], example: &str) -> Result<String, Wrong> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_[]:?=".contains(c);
    let known = text.split_once(':').filter(|(scheme, host)| schemes.contains(scheme) && !host.is_empty());
    match known {
        Some((_, rest)) if rest.chars().all(plain) => Ok(text.to_owned()),
        _ => Err(Wrong::new(format!("{text:?} is no address of such a server"), format!("write \"{example}\""))),
    }
}
