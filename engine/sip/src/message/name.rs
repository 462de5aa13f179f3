//! Header names: the known ones as numbers, with their compact forms; all others verbatim.

use std::fmt;

use super::scan;

macro_rules! names {
    ($($variant:ident $text:literal $($compact:literal)?),+ $(,)?) => {
        /// The name of a header field. A compact form and its long form are the same name.
        #[derive(Clone, Copy, Debug)]
        pub enum Name<'a> {
            $(#[doc = concat!("`", $text, "`")] $variant,)+
            /// Any other name, compared without regard to case.
            Other(&'a str),
        }

        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        enum Number { $($variant,)+ Other }

        /// How many names have a number.
        pub(super) const KNOWN: usize = Number::Other as usize;

        const TEXTS: [&str; KNOWN] = [$($text),+];

        const COMPACT: [u8; KNOWN] = [$(names!(@compact $($compact)?)),+];

        const NAMES: [Name<'static>; KNOWN] = [$(Name::$variant),+];

        impl Name<'_> {
            /// The number of a known name; [`OTHER`] for the rest.
            pub(super) const fn number(&self) -> u8 {
                match self {
                    $(Self::$variant => Number::$variant as u8,)+
                    Self::Other(_) => OTHER,
                }
            }
        }
    };
    (@compact) => { 0 };
    (@compact $letter:literal) => { $letter };
}

names! {
    Via "Via" b'v',
    RecordRoute "Record-Route",
    Route "Route",
    MaxForwards "Max-Forwards",
    From "From" b'f',
    To "To" b't',
    CallId "Call-ID" b'i',
    CSeq "CSeq",
    Contact "Contact" b'm',
    Expires "Expires",
    MinExpires "Min-Expires",
    Path "Path",
    ServiceRoute "Service-Route",
    Require "Require",
    ProxyRequire "Proxy-Require",
    Supported "Supported" b'k',
    Unsupported "Unsupported",
    Allow "Allow",
    AllowEvents "Allow-Events" b'u',
    Accept "Accept",
    AcceptEncoding "Accept-Encoding",
    AcceptLanguage "Accept-Language",
    AlertInfo "Alert-Info",
    Authorization "Authorization",
    ProxyAuthorization "Proxy-Authorization",
    WwwAuthenticate "WWW-Authenticate",
    ProxyAuthenticate "Proxy-Authenticate",
    AuthenticationInfo "Authentication-Info",
    CallInfo "Call-Info",
    ContentDisposition "Content-Disposition",
    ContentEncoding "Content-Encoding" b'e',
    ContentLanguage "Content-Language",
    ContentType "Content-Type" b'c',
    ContentLength "Content-Length" b'l',
    Date "Date",
    Diversion "Diversion",
    ErrorInfo "Error-Info",
    Event "Event" b'o',
    FlowTimer "Flow-Timer",
    HistoryInfo "History-Info",
    Identity "Identity" b'y',
    InfoPackage "Info-Package",
    InReplyTo "In-Reply-To",
    Join "Join",
    MimeVersion "MIME-Version",
    MinSe "Min-SE",
    Organization "Organization",
    PAssertedIdentity "P-Asserted-Identity",
    PPreferredIdentity "P-Preferred-Identity",
    Priority "Priority",
    Privacy "Privacy",
    RAck "RAck",
    Reason "Reason",
    RecvInfo "Recv-Info",
    ReferSub "Refer-Sub",
    ReferTo "Refer-To" b'r',
    ReferredBy "Referred-By" b'b',
    RejectContact "Reject-Contact" b'j',
    RemotePartyId "Remote-Party-ID",
    Replaces "Replaces",
    ReplyTo "Reply-To",
    RequestDisposition "Request-Disposition" b'd',
    RetryAfter "Retry-After",
    RSeq "RSeq",
    Server "Server",
    SessionExpires "Session-Expires" b'x',
    SipEtag "SIP-ETag",
    SipIfMatch "SIP-If-Match",
    Subject "Subject" b's',
    SubscriptionState "Subscription-State",
    AcceptContact "Accept-Contact" b'a',
    TargetDialog "Target-Dialog",
    Timestamp "Timestamp",
    UserAgent "User-Agent",
    Warning "Warning",
}

/// The number that all names without one share.
pub(super) const OTHER: u8 = KNOWN as u8;

/// Slots of the name table: a power of two, several times the names, so that probing ends soon.
const TABLE: usize = 512;

const fn fold(hash: u32, byte: u8) -> u32 {
    // Setting bit 5 makes letters lower-case; that it also merges a few marks does no harm in a hash.
    (hash ^ (byte | 0x20) as u32).wrapping_mul(0x0100_0193)
}

/// Depends on the length and three letters, which is enough to tell the known names apart.
const fn place(text: &[u8]) -> usize {
    let len = text.len();
    let hash = fold(fold(fold(0x811c_9dc5 ^ len as u32, text[0]), text[len / 2]), text[len - 1]);
    ((hash ^ (hash >> 15)) as usize) % TABLE
}

const PLACES: [u8; TABLE] = {
    let mut table = [OTHER; TABLE];
    let mut number = 0;
    while number < KNOWN {
        let mut at = place(TEXTS[number].as_bytes());
        while table[at] != OTHER {
            at = (at + 1) % TABLE;
        }
        table[at] = number as u8;
        number += 1;
    }
    table
};

/// The number of each compact letter.
const LETTERS: [u8; 26] = {
    let mut letters = [OTHER; 26];
    let mut number = 0;
    while number < KNOWN {
        if COMPACT[number] != 0 {
            letters[(COMPACT[number] - b'a') as usize] = number as u8;
        }
        number += 1;
    }
    letters
};

/// The number of the name that these bytes spell, long or compact, in any case.
pub(super) fn number_of(text: &[u8]) -> u8 {
    match text {
        [] => OTHER,
        [letter] => {
            let letter = letter.to_ascii_lowercase();
            if letter.is_ascii_lowercase() { LETTERS[usize::from(letter - b'a')] } else { OTHER }
        }
        _ => {
            let mut at = place(text);
            loop {
                let number = PLACES[at];
                let Some(known) = TEXTS.get(usize::from(number)).map(|known| known.as_bytes()) else { return OTHER };
                // Nearly everybody writes names as the RFCs do, and equal bytes are seen faster than equal letters.
                if known == text || known.eq_ignore_ascii_case(text) {
                    return number;
                }
                at = (at + 1) % TABLE;
            }
        }
    }
}

/// How a name with a number is written.
pub(super) fn spelled(number: u8) -> Option<&'static str> {
    TEXTS.get(usize::from(number)).copied()
}

impl<'a> Name<'a> {
    /// The name that this text spells, long or compact, in any case.
    pub fn of(text: &'a str) -> Self {
        Self::numbered(number_of(text.as_bytes())).unwrap_or(Self::Other(text))
    }

    pub(super) fn numbered(number: u8) -> Option<Self> {
        NAMES.get(usize::from(number)).copied()
    }

    /// The name as it is written: the long form of a known one.
    pub fn as_str(&self) -> &'a str {
        match self {
            Self::Other(text) => text,
            known => TEXTS[usize::from(known.number())],
        }
    }

    /// A name that can be written: `None` when it is no token (RFC 3261 §25.1).
    pub fn writable(self) -> Option<Self> {
        scan::is_token(self.as_str().as_bytes()).then_some(self)
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Name<'_>) -> bool {
        // `Other("via")` made by hand is still Via.
        let (mine, theirs) = (self.settled(), other.settled());
        mine == theirs && (mine != OTHER || self.as_str().eq_ignore_ascii_case(other.as_str()))
    }
}

impl Eq for Name<'_> {}

impl Name<'_> {
    /// The number, also of a known name that somebody wrapped in `Other`.
    pub(super) fn settled(&self) -> u8 {
        match self {
            Self::Other(text) => number_of(text.as_bytes()),
            known => known.number(),
        }
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for (number, text) in TEXTS.iter().enumerate() {
            assert_eq!(usize::from(number_of(text.as_bytes())), number, "{text}");
            assert_eq!(usize::from(number_of(text.to_uppercase().as_bytes())), number, "{text}");
            assert_eq!(usize::from(number_of(text.to_lowercase().as_bytes())), number, "{text}");
            assert_eq!(NAMES[number].as_str(), *text);
        }
    }

    #[test]
    fn compact_forms_are_the_same_name() {
        for (compact, long) in [
            ("v", "Via"),
            ("f", "From"),
            ("t", "To"),
            ("i", "Call-ID"),
            ("m", "Contact"),
            ("l", "Content-Length"),
            ("c", "Content-Type"),
            ("e", "Content-Encoding"),
            ("k", "Supported"),
            ("s", "Subject"),
            ("o", "Event"),
            ("u", "Allow-Events"),
            ("r", "Refer-To"),
            ("b", "Referred-By"),
            ("x", "Session-Expires"),
            ("a", "Accept-Contact"),
            ("d", "Request-Disposition"),
            ("j", "Reject-Contact"),
            ("y", "Identity"),
        ] {
            assert_eq!(Name::of(compact), Name::of(long));
            assert_eq!(Name::of(&compact.to_uppercase()), Name::of(long));
            assert!(!matches!(Name::of(compact), Name::Other(_)), "{compact}");
        }
        assert!(matches!(Name::of("z"), Name::Other("z")));
    }

    #[test]
    fn unknown_names_keep_their_spelling_and_ignore_case_when_compared() {
        assert_eq!(Name::of("X-Wild").as_str(), "X-Wild");
        assert_eq!(Name::of("X-Wild"), Name::Other("x-wild"));
        assert_ne!(Name::of("X-Wild"), Name::Other("x-mild"));
        assert_eq!(Name::Other("VIA"), Name::Via);
    }
}
