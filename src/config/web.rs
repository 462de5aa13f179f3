//! `[web]`: where HTTP is served, which pages may open sockets, and what helps browsers to be reached.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use patchcord_engine::runtime::CertificateSource;
use patchcord_web::{
    acme,
    phone::{Ice, Origin, Origins, ice, origin},
    serve,
};

use ipnet::IpNet;
use url::{Host, Url};

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
    /// Where certificates are fetched, if they are.
    pub acme: Option<acme::Settings>,
    /// Sites whose pages may open sockets.
    pub origins: Origins,
    /// Proxies that say for whom they ask.
    pub proxies: serve::Proxies,
    /// Servers that browsers are told of.
    pub ice: Ice,
}

/// Reads `[web]`.
pub fn read(section: &mut Section<'_>, base: &Path, data: &Path, environment: &Environment) -> Web {
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
    let proxies = section.take_list("proxies", network).unwrap_or_default();
    if proxies.len() > serve::proxies::MOST {
        let wrong =
            Wrong::new(format!("names {} networks", proxies.len()), format!("name at most {}", serve::proxies::MOST));
        section.object(&place, "proxies", wrong);
    }
    let stun = section.take_list("stun", |text| server(text, &["stun"], "stun:stun.example.org:3478"));
    let (turn, secret) = turn(section, environment);
    let acme = acme(section, data);
    if let (Some(_), Some(_)) = (&acme, &certificate) {
        let wrong = Wrong::new("stands beside certificate", "remove one of them: a certificate is given, or fetched");
        section.object(&place, "acme", wrong);
    }
    section.close();
    let ice = Ice { stun: stun.unwrap_or_default(), turn, secret };
    Web { listen, certificate, acme, origins: Origins::from_iter(origins), proxies: proxies.into_iter().collect(), ice }
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, Wrong> {
    let one = || text.parse::<IpAddr>().map(IpNet::from);
    let wrong = || Wrong::new(format!("{text:?} is no address and no network"), "write \"10.0.0.5\" or \"10.0.0.0/8\"");
    text.parse().or_else(|_| one()).map_err(|_| wrong())
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

/// `acme = { domains = […], contact = "…", directory = "…" }`
fn acme(section: &mut Section<'_>, data: &Path) -> Option<acme::Settings> {
    let is_there = section.has("acme");
    let place = section.place().clone();
    let mut acme = section.take_section("acme");
    // One that cannot be read has been told.
    let told = Cell::new(false);
    let names = acme.take_list("domains", |text| {
        let label = |label: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            !label.is_empty() && label.len() < 64 && label.chars().all(plain)
        };
        // Nothing that ends in a number is a name.
        let is_name =
            text.split('.').all(label) && text.rsplit('.').next().is_some_and(|top| top.parse::<u32>().is_err());
        match is_name && text.contains('.') && text.len() < 254 {
            true => Ok(text.to_ascii_lowercase()),
            false => {
                told.set(true);
                Err(Wrong::new(format!("{text:?} is no name of a server"), "write \"pbx.example.org\""))
            }
        }
    });
    let contact = acme.take_parsed("contact", |text| match text.split_once('@') {
        Some((who, host)) if !who.is_empty() && host.contains('.') && !text.contains([' ', ':', ',']) => {
            Ok(text.to_owned())
        }
        _ => Err(Wrong::new(format!("{text:?} is no mail address"), "write \"ops@example.org\"")),
    });
    let directory = acme.take_parsed("directory", |text| match Url::parse(text) {
        // An authority on this machine needs no secrecy.
        Ok(url) if url.scheme() == "https" || (url.scheme() == "http" && is_here(&url)) => Ok(url),
        _ => Err(Wrong::new(
            format!("{text:?} is no address of an authority's directory"),
            format!("write it whole, as in \"{}\"", acme::LETS_ENCRYPT),
        )),
    });
    acme.close();
    let names = names.unwrap_or_default();
    if is_there && names.is_empty() && !told.get() {
        section.object(&place, "acme.domains", Wrong::new("is empty", "write domains = [\"pbx.example.org\"]"));
    }
    if names.len() > acme::MOST_NAMES {
        let wrong = Wrong::new(format!("names {} servers", names.len()), format!("name at most {}", acme::MOST_NAMES));
        section.object(&place, "acme.domains", wrong);
    }
    let usual = || Url::parse(acme::LETS_ENCRYPT).expect("it is an address");
    let (directory, folder) = (directory.map_or_else(usual, |(url, _)| url), data.join("acme"));
    let contact = contact.map(|(contact, _)| contact);
    is_there.then_some(acme::Settings { names, contact, directory, folder })
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
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
