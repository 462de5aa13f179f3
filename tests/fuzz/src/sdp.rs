//! A message body: it is read, asked everything, and written again.

use patchcord_media::sdp::crypto::Crypto;
use patchcord_media::sdp::dtls::{Fingerprint, Setup};
use patchcord_media::sdp::fmtp::{Events, Opus};
use patchcord_media::sdp::ice::{Candidate, Ice};
use patchcord_media::sdp::read::{MAX_ATTRIBUTES, MAX_BYTES, MAX_FORMATS, MAX_MEDIA};
use patchcord_media::sdp::{Description, Format, Media};

/// Reads a description, asks it everything, and reads what it writes.
pub fn sdp(data: &[u8]) {
    let description = match Description::parse(data) {
        Ok(description) => description,
        Err(malformed) => {
            assert!((1..=MAX_BYTES + 1).contains(&malformed.line), "an error is on a line of the text");
            return;
        }
    };
    let text = description.to_string();
    assert_eq!(Description::parse(text.as_bytes()).as_ref(), Ok(&description), "what is written reads the same");
    assert!(description.media.len() <= MAX_MEDIA);
    let attributes = description.media.iter().map(|media| media.attributes.len()).sum::<usize>();
    assert!(attributes + description.attributes.len() <= MAX_ATTRIBUTES);
    let _ = description.groups("BUNDLE").map(|mids| mids.len()).sum::<usize>();
    description.media.iter().for_each(|media| part(&description, media));
}

fn part(description: &Description, media: &Media) {
    assert!(media.port == 0 || description.host_of(media).is_some());
    assert!(media.formats.len() <= MAX_FORMATS);
    let formats = Format::of(media);
    for format in &formats {
        assert!(media.payload_types().contains(&format.payload_type));
        let parameters = format.parameters.as_deref().unwrap_or_default();
        assert_eq!(Events::parse(&Events::parse(parameters).to_string()), Events::parse(parameters));
        assert_eq!(Opus::parse(&Opus::parse(parameters).to_string()), Opus::parse(parameters));
    }
    for value in media.attributes.iter().filter_map(|attribute| attribute.value.as_deref()) {
        // Each of these may stand anywhere; what one writes it reads the same.
        if let Some(crypto) = Crypto::parse(value) {
            assert_eq!(Crypto::parse(&crypto.to_string()), Some(crypto));
        }
        if let Some(fingerprint) = Fingerprint::parse(value) {
            assert_eq!(Fingerprint::parse(&fingerprint.to_string()), Some(fingerprint));
        }
        if let Some(candidate) = Candidate::parse(value) {
            assert_eq!(Candidate::parse(&candidate.to_string()), Some(candidate));
        }
        let _ = Setup::parse(value).map(Setup::answered);
    }
    let _ = (description.direction_of(media), media.rtcp(), media.milliseconds("ptime"), media.mid());
    let _ = Ice::of(description, media);
}
