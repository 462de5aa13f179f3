//! `[[endpoint]]`: phones and browsers that the file names.

use std::{collections::HashMap, sync::Arc};

use patchcord_engine::routing::{Digests, Endpoint, Origin};
use patchcord_sip::digest::Credential;
use patchcord_web::{
    accounts::rules::{self, Unfit},
    outside::Mailboxes,
};

use super::{
    calling, mail,
    problem::{Place, Wrong},
    section::Section,
    sections,
    tree::Environment,
};

/// What holds for all of them.
#[derive(Clone, Copy)]
pub struct Everybody<'a> {
    pub domain: Option<&'a str>,
    pub digests: Digests,
    /// Numbers that no endpoint may have.
    pub emergency: &'a [Box<str>],
}

/// Reads them all; two may share neither a name nor a number, nor may one be called what rings another.
pub fn read_all(
    sections: Vec<Section<'_>>,
    everybody: Everybody<'_>,
    environment: &Environment,
) -> (Vec<Endpoint>, Mailboxes) {
    let mut names = HashMap::new();
    let mut numbers = HashMap::new();
    let mut endpoints: Vec<Endpoint> = Vec::new();
    let mut number_places = Vec::new();
    let mut mailboxes = Mailboxes::new();
    for mut section in sections {
        let mailbox = mail::mailbox(&mut section, environment);
        let Some((endpoint, number_place)) = read(&mut section, everybody, environment) else { continue };
        let place = section.place().clone();
        if names.insert(endpoint.user.clone(), ()).is_some() {
            let wrong = Wrong::new(format!("{} stands there twice", endpoint.user), "give one another name");
            section.object(&place, "user", wrong);
        }
        if let Some(other) = endpoint.number.clone().and_then(|number| numbers.insert(number, endpoint.user.clone())) {
            let reason = format!("{} already rings {other}", endpoint.number.as_deref().unwrap_or_default());
            section.object(&number_place, "number", Wrong::new(reason, "give one another number"));
        }
        mailboxes.extend(mailbox.map(|mailbox| (endpoint.user.to_string(), mailbox)));
        endpoints.push(endpoint);
        number_places.push((section, number_place));
    }
    for (endpoint, (section, place)) in endpoints.iter().zip(&number_places) {
        let named = endpoint.number.as_deref().filter(|number| names.contains_key(*number));
        if let Some(number) = named.filter(|number| *number != &*endpoint.user) {
            let reason = format!("{number} is the name of another endpoint");
            section.object(place, "number", Wrong::new(reason, "give it another number"));
        }
    }
    (endpoints, mailboxes)
}

fn read(section: &mut Section<'_>, everybody: Everybody<'_>, environment: &Environment) -> Option<(Endpoint, Place)> {
    let place = section.place().clone();
    let has_user = section.has("user");
    let user = section.take_parsed("user", |text| rules::user(text).map(|()| text.to_owned()).map_err(unfit));
    let number = section.take_parsed("number", |text| rules::number(text).map(|()| Box::from(text)).map_err(unfit));
    let credential = credential(section, everybody.domain, environment);
    let digests = sections::digests(section);
    let calling = calling::read(section);
    section.close();
    if !has_user {
        section.object(&place, "user", Wrong::new("is missing", "write user = \"alice\" or the like"));
    }
    let number_place = number.as_ref().map_or(place.clone(), |(_, place)| place.clone());
    let (number, credential) = (number.map(|(number, _)| number), credential?);
    if let Some(number) = number.as_ref().filter(|number| everybody.emergency.contains(*number)) {
        let remedy = "give it another number, or list the others as emergency in [limits]";
        section.object(&number_place, "number", Wrong::new(format!("{number} is for emergencies"), remedy));
    }
    let asked = digests.unwrap_or(everybody.digests);
    if !credential.algorithms().any(|algorithm| asked.has(algorithm)) {
        let reason = format!("is no hash by {asked}, which is what it will be asked for");
        section.object(&place, "ha1", Wrong::new(reason, "write the other hash, or name its algorithm as digest"));
    }
    let endpoint = Endpoint::new(&user?.0, credential, Origin::File);
    Some((Endpoint { digests, number, calling: calling.into(), ..endpoint }, number_place))
}

/// The one of `password`, `password_env` and `ha1` that is there.
fn credential(section: &mut Section<'_>, domain: Option<&str>, environment: &Environment) -> Option<Credential> {
    let place = section.place().clone();
    let given = ["password", "password_env", "ha1"].into_iter().filter(|key| section.has(key)).count();
    let password = section.take_parsed("password", checked_password);
    let from_environment = section.take_parsed("password_env", |name| match environment.get(name) {
        Some(found) => checked_password(found),
        None => {
            let reason = format!("environment variable {name} is not set");
            Err(Wrong::new(reason, format!("set {name} before the server starts")))
        }
    });
    let hashes = section.take_one_or_more("ha1", hash);
    if given != 1 {
        let reason = if given == 0 { "is missing" } else { "is given twice" };
        let remedy = "write exactly one of password, password_env and ha1";
        section.object(&place, "password", Wrong::new(reason, remedy));
        return None;
    }
    if let Some((password, _)) = password.or(from_environment) {
        return Some(Credential::Password(password));
    }
    let hashes = hashes?;
    if domain.is_none() {
        let wrong = Wrong::new("needs a domain: the hash is good for one realm only", "set domain in [server]");
        section.object(&place, "ha1", wrong);
    }
    let mut credential = (None, None);
    for hash in hashes {
        match hash {
            Hash::Md5(bytes) => credential.0 = Some(bytes),
            Hash::Sha256(bytes) => credential.1 = Some(bytes),
        }
    }
    Some(Credential::Ha1 { md5: credential.0, sha256: credential.1 })
}

pub fn checked_password(text: &str) -> Result<Arc<str>, Wrong> {
    rules::password(text).map(|()| text.into()).map_err(unfit)
}

fn unfit(unfit: Unfit) -> Wrong {
    Wrong::new(unfit.to_string(), unfit.remedy())
}

enum Hash {
    Md5([u8; 16]),
    Sha256([u8; 32]),
}

fn hash(text: &str) -> Result<Hash, Wrong> {
    let byte = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
    let bytes = bytes.unwrap_or_default();
    let md5 = <[u8; 16]>::try_from(&bytes[..]).map(Hash::Md5);
    let sha256 = <[u8; 32]>::try_from(&bytes[..]).map(Hash::Sha256);
    md5.or(sha256).map_err(|_| {
        let remedy = "write the MD5 (32 hexadecimal digits) or SHA-256 (64) of user:realm:password, or both";
        Wrong::new("it is no hash", remedy)
    })
}
