//! The reader: everything in the field is taken, everything evil is refused with its line.

use super::offers::{self, read, wire};
use crate::codec::Kind;
use crate::sdp::fmtp::{Events, Opus};
use crate::sdp::ice::Ice;
use crate::sdp::read::{Flaw, MAX_ATTRIBUTES, MAX_BYTES, MAX_MEDIA};
use crate::sdp::{Codec, Description, Direction, Format, Malformed};

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";

fn refused(text: &str) -> (usize, Flaw) {
    let Malformed { line, flaw } = Description::parse(text.as_bytes()).expect_err(text);
    (line, flaw)
}

fn after_head(lines: &str) -> (usize, Flaw) {
    refused(&format!("{HEAD}{lines}"))
}

#[test]
fn every_offer_of_the_field_is_read_and_reads_the_same_when_written() {
    for (name, text) in offers::ALL {
        let read = read(text);
        let again = Description::parse(read.to_string().as_bytes());
        assert_eq!(again.as_ref(), Ok(&read), "{name}");
    }
}

#[test]
fn an_offer_in_our_order_is_written_as_it_came() {
    for text in [offers::POLYCOM, offers::ASTERISK, offers::TWILIO, offers::FAX, offers::CHROMIUM, offers::FIREFOX] {
        // One name of a group is written with a space that means nothing.
        let text = text.replace("semantic: ", "semantic:");
        assert_eq!(read(&text).to_string().as_bytes(), wire(&text));
    }
}

#[test]
fn formats_are_in_the_order_of_the_part_with_their_parameters() {
    let description = read(offers::POLYCOM);
    let formats = Format::of(&description.media[0]);
    let said: Vec<_> = formats.iter().map(|format| (format.payload_type, format.codec.to_string())).collect();
    let names = ["G722/8000", "PCMU/8000", "PCMA/8000", "G729/8000", "telephone-event/8000"].map(str::to_owned);
    let expected: Vec<_> = [9, 0, 8, 18, 127].into_iter().zip(names).collect();
    assert_eq!(said, expected);
    assert_eq!(formats[3].parameters.as_deref(), Some("annexb=no"));
}

#[test]
fn fixed_payload_types_need_no_rtpmap() {
    let description = read(offers::OLD);
    let codecs: Vec<_> = Format::of(&description.media[0]).into_iter().map(|format| format.codec).collect();
    assert_eq!(codecs, [Codec::PCMU, Codec::PCMA, Codec::G729]);
    assert_eq!(description.name, "-");
    assert!(description.host_of(&description.media[0]).expect("a host").is_nowhere());
}

#[test]
fn a_browsers_offer_says_opus_keys_and_its_transport() {
    let description = read(offers::CHROMIUM);
    let audio = &description.media[0];
    let formats = Format::of(audio);
    assert!(Opus::parse(formats[0].parameters.as_deref().expect("fmtp")).fec);
    let clocks: Vec<_> = formats.iter().filter(|f| f.codec.is_keys()).map(|f| f.codec.clock_hz()).collect();
    assert_eq!(clocks, [48_000, 8000]);
    let ice = Ice::of(&description, audio).expect("ice");
    assert_eq!((ice.ufrag.as_str(), ice.trickle, ice.lite, ice.candidates.len()), ("4ZcD", true, false, 2));
    assert_eq!(ice.candidates[1].address(), None, "a name of the browser's own");
    assert_eq!(description.groups("BUNDLE").collect::<Vec<_>>(), [["0", "1"]]);
    assert_eq!(audio.rtcp().map(|(port, _)| port), Some(9));
}

#[test]
fn times_of_packets_are_read_also_with_a_fraction() {
    let snom = read(offers::SNOM);
    assert_eq!(snom.media[0].milliseconds("ptime"), Some(20));
    assert_eq!(read(offers::IMS).media[0].milliseconds("maxptime"), Some(240));
    let odd = format!("{HEAD}m=audio 9 RTP/AVP 0\r\na=ptime:0\r\na=maxptime:x\r\n");
    let odd = Description::parse(odd.as_bytes()).expect("read");
    assert_eq!((odd.media[0].milliseconds("ptime"), odd.media[0].milliseconds("maxptime")), (None, None));
}

#[test]
fn a_direction_of_the_session_holds_for_parts_without_one() {
    let text = format!("{HEAD}a=sendonly\r\nm=audio 9 RTP/AVP 0\r\nm=audio 9 RTP/AVP 0\r\na=inactive\r\n");
    let description = Description::parse(text.as_bytes()).expect("read");
    let directions: Vec<_> = description.media.iter().map(|media| description.direction_of(media)).collect();
    assert_eq!(directions, [Direction::Send, Direction::Neither]);
}

#[test]
fn what_decides_is_refused_with_its_line_and_reason() {
    for (text, line, flaw) in [
        ("", 1, Flaw::NoVersion),
        ("\r\n\r\n", 1, Flaw::NoVersion),
        ("o=- 1 1 IN IP4 192.0.2.1\r\n", 1, Flaw::NoVersion),
        ("v=1\r\n", 1, Flaw::NoVersion),
        ("hello", 1, Flaw::NoVersion),
        ("v=0\r\ns=-\r\n", 3, Flaw::NoOrigin),
        ("v=0\r\nv=0\r\n", 2, Flaw::Twice),
        ("v=0\r\no=- 1 1 IN IP4\r\n", 2, Flaw::Origin),
        ("v=0\r\no=- x 1 IN IP4 192.0.2.1\r\n", 2, Flaw::Origin),
        ("v=0\ro=- 1 1 IN IP4 192.0.2.1\rs=-\r", 1, Flaw::ControlCharacter),
        ("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=\0\r\n", 3, Flaw::ControlCharacter),
        ("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nm=audio 9 RTP/AVP 0\r\n", 3, Flaw::NoConnection),
    ] {
        assert_eq!(refused(text), (line, flaw), "{text:?}");
    }
}

#[test]
fn a_broken_line_below_a_good_head_is_refused() {
    for (lines, flaw) in [
        ("m=audio 99999 RTP/AVP 0\r\n", Flaw::Port),
        ("m=audio -1 RTP/AVP 0\r\n", Flaw::Port),
        ("m=audio +9 RTP/AVP 0\r\n", Flaw::Port),
        ("m=audio 9/99999999999999999999 RTP/AVP 0\r\n", Flaw::Port),
        ("m=audio 9 RTP/AVP\r\n", Flaw::Media),
        ("m=audio 9\r\n", Flaw::Media),
        ("m=\r\n", Flaw::Media),
        ("m=au:dio 9 RTP/AVP 0\r\n", Flaw::Media),
        ("m=audio 9 RTP/AVP 128\r\n", Flaw::PayloadType),
        ("m=audio 9 RTP/AVP opus\r\n", Flaw::PayloadType),
        ("m=audio 9 RTP/AVP 340282366920938463463374607431768211456\r\n", Flaw::PayloadType),
        ("c=IN IP4 192.0.2.1\r\n", Flaw::Twice),
        ("s=again\r\n", Flaw::Twice),
        ("a=rtpmap:0 PCMU\r\n", Flaw::RtpMap),
        ("a=rtpmap:0 PCMU/99999999999\r\n", Flaw::RtpMap),
        ("a=rtpmap:200 PCMU/8000\r\n", Flaw::RtpMap),
        ("a=rtpmap:0 PCMU/0\r\n", Flaw::RtpMap),
        ("a=rtpmap\r\n", Flaw::RtpMap),
        ("a=:value\r\n", Flaw::Attribute),
        ("a=\r\n", Flaw::Attribute),
        ("b=AS\r\n", Flaw::Bandwidth),
        ("b=AS:-1\r\n", Flaw::Bandwidth),
        ("nonsense\r\n", Flaw::NotALine),
        ("=\r\n", Flaw::NotALine),
        ("1=2\r\n", Flaw::NotALine),
    ] {
        assert_eq!(after_head(lines), (6, flaw), "{lines:?}");
    }
}

#[test]
fn an_address_must_be_one() {
    for host in
        ["", "IN", "IN IP4", "IN IP4 1.2.3.4.5", "IN IP4 999.1.1.1", "IN IP6 :::1", "IN IP5 ::1", "X IP4 192.0.2.1"]
    {
        let text = HEAD.replace("c=IN IP4 192.0.2.1", &format!("c={host}"));
        assert_eq!(refused(&text), (4, Flaw::Connection), "{host:?}");
    }
    for (host, written) in [
        ("IN IP4 233.252.0.1/127/3", "IN IP4 233.252.0.1"),
        ("IN IP4 2001:db8::1", "IN IP6 2001:db8::1"),
        ("IN IP6 [2001:db8::1]", "IN IP6 2001:db8::1"),
        ("in ip4 sbc.example.org", "IN IP4 sbc.example.org"),
    ] {
        let text = HEAD.replace("c=IN IP4 192.0.2.1", &format!("c={host}"));
        let description = Description::parse(text.as_bytes()).expect(host);
        assert_eq!(description.connection.expect("a host").to_string(), written);
    }
}

#[test]
fn each_limit_is_refused_where_it_is_passed() {
    let attributes = "a=x\r\n".repeat(10_000);
    assert_eq!(after_head(&attributes), (5 + MAX_ATTRIBUTES + 1, Flaw::TooManyAttributes));
    let media = "m=audio 9 RTP/AVP 0\r\n".repeat(MAX_MEDIA + 1);
    assert_eq!(after_head(&media), (5 + MAX_MEDIA + 1, Flaw::TooManyMedia));
    assert_eq!(after_head(&format!("m=audio 9 RTP/AVP{}\r\n", " 0".repeat(129))), (6, Flaw::TooManyFormats));
    assert_eq!(after_head(&"b=AS:1\r\n".repeat(9)), (14, Flaw::TooManyBandwidths));
    assert_eq!(refused(&"v".repeat(MAX_BYTES + 1)), (1, Flaw::TooLong));
}

#[test]
fn names_in_another_alphabet_hurt_nobody() {
    let mut bytes = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=\xfc\xff\xfe\r\ni=\xc3\r\na=x:\xe9\r\n".to_vec();
    assert_eq!(Description::parse(&bytes).map(|description| description.attributes.len()), Ok(1));
    bytes.extend(b"m=\xe9 9 RTP/AVP 0\r\n");
    assert_eq!(Description::parse(&bytes), Err(Malformed { line: 6, flaw: Flaw::Media }));
}

#[test]
fn a_number_of_any_length_names_a_session() {
    let text = format!("v=0\no=- {} 18446744073709551616 IN IP4 192.0.2.1\n", "9".repeat(300));
    let description = Description::parse(text.as_bytes()).expect("read");
    assert_eq!(description.origin.version, "18446744073709551616");
}

#[test]
fn what_explains_no_format_of_its_part_is_not_one() {
    let text = format!("{HEAD}a=rtpmap:0 opus/48000/2\r\nm=audio 9 RTP/AVP 96 96 8\r\na=rtpmap:97 opus/48000/2\r\n");
    let description = Description::parse(text.as_bytes()).expect("read");
    assert_eq!(Format::of(&description.media[0]), [Format::new(8, Codec::PCMA)]);
}

#[test]
fn every_codec_of_the_house_is_found_by_its_name() {
    for kind in Kind::ALL {
        let codec = Codec::from(kind);
        assert_eq!((codec.kind(), codec.fixed_payload_type()), (Some(kind), kind.payload_type()));
    }
    assert_eq!(Codec::GSM.kind(), None);
}

#[test]
fn an_error_says_where_and_why() {
    let malformed = Description::parse(b"v=0\r\no=me\r\n").expect_err("malformed");
    assert_eq!(malformed.to_string(), "line 2: o= is: user, session, version, IN, IP4 or IP6, address");
}

#[test]
fn events_of_a_gateway_are_read() {
    let description = read(offers::TWILIO);
    let keys = Format::of(&description.media[0]).pop().expect("formats");
    let events = Events::parse(keys.parameters.as_deref().expect("fmtp"));
    assert!(keys.codec == Codec::KEYS && events.has(16) && !events.has(17));
}
