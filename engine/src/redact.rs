//! Numbers, names and addresses of people, fit for a log.
//!
//! Whatever says who calls whom from where is logged through [`Redacted`]. It shows the end of a number or name, or the
//! network of an address, and a mark that is the same for the same text as long as the process lives: a log can be
//! followed and searched, and says little about people. Passwords are not redacted, because they are never logged.

use std::{
    fmt::{self, Debug, Display},
    hash::{BuildHasher, RandomState},
    net::{IpAddr, SocketAddr},
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// Whether everything is shown in full, as `[log] redact = false` asks for.
static IN_FULL: AtomicBool = AtomicBool::new(false);

/// What the marks are made with. Unknown outside, so that nobody finds a number by trying all of them.
static MARKS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// How much of the end of a number or name is shown.
const SHOWN: usize = 2;

/// Shorter ones show nothing of themselves: their end would be most of them.
const SHORTEST: usize = 5;

/// Shows all or little from now on. One log, one rule: this is for whoever sets the log up.
pub fn show_in_full(in_full: bool) {
    IN_FULL.store(in_full, Relaxed);
}

/// A number, a name, an address or a SIP URI in a log line.
#[derive(Clone, Copy)]
pub struct Redacted<T>(pub T);

impl<T: Display> Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if IN_FULL.load(Relaxed) {
            return self.0.fmt(f);
        }
        let text = self.0.to_string();
        let mark = MARKS.hash_one(&text) & 0xffff;
        let address = text.parse::<SocketAddr>().map(|address| address.ip());
        match address.or_else(|_| text.trim_matches(['[', ']']).parse::<IpAddr>()) {
            Ok(IpAddr::V4(address)) => {
                let [a, b, ..] = address.octets();
                write!(f, "{a}.{b}.…#{mark:04x}")
            }
            Ok(IpAddr::V6(address)) => {
                let [a, b, ..] = address.segments();
                write!(f, "{a:x}:{b:x}:…#{mark:04x}")
            }
            Err(_) => {
                let count = text.chars().count();
                let end = if count < SHORTEST { count } else { count - SHOWN };
                let shown: String = text.chars().skip(end).collect();
                write!(f, "…{shown}#{mark:04x}")
            }
        }
    }
}

impl<T: Display> Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let shown = Redacted(text).to_string();
        assert_eq!(shown, format!("{:?}", Redacted(text)));
        let (shown, mark) = shown.rsplit_once('#').expect("a mark");
        assert_eq!(mark.len(), 4, "{mark}");
        shown.to_owned()
    }

    #[test]
    fn a_number_shows_its_end_and_a_short_one_nothing() {
        assert_eq!(shown("+4930123101"), "…01");
        assert_eq!(shown("alice"), "…ce");
        assert_eq!(shown("101"), "…");
        assert_eq!(shown(""), "…");
    }

    #[test]
    fn an_address_shows_its_network() {
        assert_eq!(shown("203.0.113.7"), "203.0.…");
        assert_eq!(shown("203.0.113.7:5060"), "203.0.…");
        assert_eq!(shown("[2001:db8::7]:5060"), "2001:db8:…");
        assert_eq!(shown("[2001:db8::7]"), "2001:db8:…");
    }

    #[test]
    fn the_same_text_has_the_same_mark_and_another_text_another() {
        assert_eq!(Redacted("+4930123101").to_string(), Redacted("+4930123101").to_string());
        let marks: std::collections::HashSet<_> = (0..64).map(|n| Redacted(format!("{n:07}00")).to_string()).collect();
        assert!(marks.len() > 60, "{} marks for 64 numbers", marks.len());
    }
}
