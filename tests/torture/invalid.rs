//! RFC 4475: messages that are refused, each with the status that says why, or dropped.

use patchcord_sip::{Message, Name, NotSip};

use crate::Outcome::{self, Dropped, NotHeard, Refused};
use crate::{Row, nothing, request};

/// The rows of this file.
pub fn rows() -> Vec<Row> {
    let mut rows = start_lines();
    rows.extend(headers());
    rows.extend(framing());
    rows.extend(responses());
    rows
}

fn row(name: &'static str, outcome: Outcome, reason: &'static str, look: fn(&Message)) -> Row {
    Row { name, outcome, reason, look }
}

/// The detail that goes beside the status.
fn phrase(message: &Message) -> &'static str {
    request(message).check().unwrap_err().phrase()
}

fn start_lines() -> Vec<Row> {
    vec![
        row("ltgtruri", Refused(400), "brackets around the Request-URI are reasonably always refused", |message| {
            assert_eq!(request(message).uri_text(), "<sip:user@example.com>");
        }),
        row("lwsruri", Refused(400), "a blank inside the Request-URI should be answered 400", |message| {
            assert_eq!(phrase(message), "Bad blanks in the request line");
        }),
        row(
            "lwsstart",
            Refused(400),
            "guessing at blanks between the parts of the line helps no honest sender",
            |message| {
                assert_eq!(phrase(message), "Bad blanks in the request line");
            },
        ),
        row("trws", Refused(400), "blanks behind the version may be refused, and are", |message| {
            assert_eq!(phrase(message), "Bad blanks in the request line");
        }),
        row(
            "escruri",
            Refused(400),
            "headers have no place in a Request-URI and must never become headers",
            |message| {
                assert_eq!(phrase(message), "Headers in the Request-URI");
                assert!(!message.headers().has(Name::Route));
            },
        ),
        row(
            "test",
            NotHeard(NotSip::StartLine),
            "left over in the archive; without a version the line is not of SIP",
            nothing,
        ),
        row("badvers", Refused(505), "SIP/7.0 is a version we do not speak", nothing),
        row("mismatch01", Refused(400), "the method of CSeq is not that of the request line", |message| {
            assert_eq!(phrase(message), "CSeq method does not match");
        }),
        row(
            "mismatch02",
            Refused(501),
            "an unknown method may have rules of its own: 501 ages better than 400",
            nothing,
        ),
    ]
}

fn headers() -> Vec<Row> {
    vec![
        row("badinv01", Refused(400), "a Via entry of semicolons is no Via entry", |message| {
            assert_eq!(phrase(message), "Bad parameters in Via");
            assert!(message.headers().contacts().any(|contact| contact.is_err()), "nor are the contact's parameters");
        }),
        row(
            "scalar02",
            Refused(400),
            "CSeq above 2³¹ is refused; overlarge expiries alone would mean the default",
            |message| {
                let headers = message.headers();
                assert_eq!(phrase(message), "CSeq out of range");
                assert_eq!(headers.max_forwards().unwrap_err().status(), 400);
                assert_eq!(headers.expires(), None);
                let contact = headers.contact().unwrap().unwrap().addr().unwrap();
                assert_eq!((contact.params.has("expires"), contact.expires()), (true, None));
            },
        ),
        row("quotbal", Refused(400), "where an open quote ends is anybody's guess", |message| {
            assert_eq!(phrase(message), "Quote without an end");
        }),
        row(
            "regbadct",
            Refused(400),
            "a contact with headers needs brackets, or they could be the contact's",
            |message| {
                assert_eq!(phrase(message), "Address needs angle brackets");
            },
        ),
        row("badaspec", Refused(400), "blanks inside an address are reasonably refused", |message| {
            assert!(message.headers().from().is_ok() && message.headers().to().is_err());
        }),
        row("baddn", Refused(400), "a comma in a display name needs quotes", |message| {
            assert_eq!(phrase(message), "Display name needs quotes");
        }),
        row("insuf", Refused(400), "nothing can be done without From, To and Call-ID", |message| {
            assert_eq!(phrase(message), "Missing From");
        }),
        row("multi01", Refused(400), "two From, To, Call-ID, CSeq and Max-Forwards contradict each other", |message| {
            assert_eq!(phrase(message), "More than one From");
            assert_eq!(message.headers().all(Name::CallId).count(), 2);
        }),
    ]
}

fn framing() -> Vec<Row> {
    vec![
        row("clerr", Refused(400), "the datagram is shorter than it says", |message| {
            assert_eq!(phrase(message), "Body shorter than Content-Length");
        }),
        row("ncl", Refused(400), "a negative length is none", |message| {
            assert_eq!(phrase(message), "Bad Content-Length");
        }),
        row("mcl01", Refused(400), "two lengths that differ are none", |message| {
            assert_eq!(phrase(message), "Contradicting Content-Length");
        }),
    ]
}

fn responses() -> Vec<Row> {
    vec![
        row("scalarlg", Dropped, "no request of ours has a CSeq above 2³¹", |message| {
            assert_eq!(message.headers().retry_after(), None);
        }),
        row("bigcode", NotHeard(NotSip::StatusCode), "a status above 699 answers nothing we asked", nothing),
        row("bcast", Dropped, "a response with a second Via is meant for a proxy, and we are none", |message| {
            assert_eq!(message.headers().vias().count(), 2);
        }),
    ]
}
