//! Writes the text that Prometheus reads.
//!
//! Holds no numbers: whoever has them is asked when somebody looks.

use std::fmt::{Display, Write};

/// What every name begins with.
const PREFIX: &str = "patchcord_";

/// A page of metrics while it is written.
#[derive(Default)]
pub struct Exposition(String);

/// Whether a value may fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It is what it is now.
    Gauge,
}

impl Exposition {
    /// A value that only grows; `_total` is added to its name.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(Kind::Counter, name, help, &[("", "", value)]);
    }

    /// A value of now.
    pub fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family(Kind::Gauge, name, help, &[("", "", value)]);
    }

    /// Several values of one name, each with a label and what it says.
    pub fn family<T: Display>(&mut self, kind: Kind, name: &str, help: &str, samples: &[(&str, T, u64)]) {
        let (word, suffix) = match kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
        };
        let page = &mut self.0;
        let wrote = (|| {
            writeln!(page, "# HELP {PREFIX}{name}{suffix} {help}")?;
            writeln!(page, "# TYPE {PREFIX}{name}{suffix} {word}")?;
            for (label, said, value) in samples {
                match *label {
                    "" => writeln!(page, "{PREFIX}{name}{suffix} {value}")?,
                    label => writeln!(page, "{PREFIX}{name}{suffix}{{{label}=\"{said}\"}} {value}")?,
                }
            }
            std::fmt::Result::Ok(())
        })();
        wrote.expect("a String takes every text");
    }

    /// The page.
    pub fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_prometheus_reads() {
        let mut page = Exposition::default();
        page.gauge("registrations", "Bindings that stand now", 3);
        let samples = [("transport", "udp", 1), ("transport", "tcp", 2)];
        page.family(Kind::Counter, "sip_messages_received", "SIP messages that came", &samples);
        assert_eq!(
            page.into_text(),
            "# HELP patchcord_registrations Bindings that stand now\n\
             # TYPE patchcord_registrations gauge\n\
             patchcord_registrations 3\n\
             # HELP patchcord_sip_messages_received_total SIP messages that came\n\
             # TYPE patchcord_sip_messages_received_total counter\n\
             patchcord_sip_messages_received_total{transport=\"udp\"} 1\n\
             patchcord_sip_messages_received_total{transport=\"tcp\"} 2\n"
        );
    }
}
