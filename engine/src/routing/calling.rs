//! What an endpoint may do in a call, and what is agreed with it: the call fields of `[[endpoint]]`.
//!
//! Values only. Who rings whom is the plan's, what stands in SDP the media plane's.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, LazyLock},
};

use super::Forward;

/// The call settings of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calling {
    /// Codecs that are agreed with it, the best first.
    pub codecs: Vec<Codec>,
    /// Whether its sound is enciphered.
    pub srtp: Srtp,
    /// Calls at once, called and calling together; `None`: what the server allows each endpoint.
    pub calls: Option<u32>,
    /// The number it shows outside.
    pub caller_id: Option<Box<str>>,
    /// Where its calls go when it cannot take them.
    pub forward: Forward,
}

impl Default for Calling {
    fn default() -> Self {
        Self {
            codecs: Codec::USUAL.into(),
            srtp: Srtp::default(),
            calls: None,
            caller_id: None,
            forward: Forward::default(),
        }
    }
}

impl Calling {
    /// The settings of an endpoint that says nothing, kept once for all of them.
    pub fn usual() -> Arc<Self> {
        static USUAL: LazyLock<Arc<Calling>> = LazyLock::new(Arc::default);
        USUAL.clone()
    }
}

/// What is not as usual, as in `calls=4 srtp=required`; nothing when all is.
impl fmt::Display for Calling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = Self::default();
        let mut said = Vec::new();
        if let Some(number) = &self.caller_id {
            said.push(format!("caller_id={number}"));
        }
        if let Some(calls) = self.calls {
            said.push(format!("calls={calls}"));
        }
        if self.srtp != usual.srtp {
            said.push(format!("srtp={}", self.srtp));
        }
        if self.codecs != usual.codecs {
            said.push(format!("codecs={}", Codec::write(&self.codecs)));
        }
        if self.forward != usual.forward {
            said.push(self.forward.to_string());
        }
        f.write_str(&said.join(" "))
    }
}

/// A codec by the name that people write. The media plane knows what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Opus.
    Opus,
    /// G.722.
    G722,
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
    /// Samples as they are.
    L16,
    /// G.729, passed on only.
    G729,
    /// AMR, passed on only.
    Amr,
    /// AMR wideband, passed on only.
    AmrWb,
}

/// A word that is none of the names it should be one of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no {what}")]
pub struct UnknownWord {
    /// What was written.
    pub word: String,
    /// What should have been.
    pub what: &'static str,
}

impl Codec {
    /// Those that are agreed unless told otherwise: wide band first.
    pub const USUAL: [Self; 4] = [Self::Opus, Self::G722, Self::Pcma, Self::Pcmu];

    const NAMES: [(&'static str, Self); 8] = [
        ("opus", Self::Opus),
        ("g722", Self::G722),
        ("pcma", Self::Pcma),
        ("pcmu", Self::Pcmu),
        ("l16", Self::L16),
        ("g729", Self::G729),
        ("amr", Self::Amr),
        ("amr-wb", Self::AmrWb),
    ];

    /// As the configuration writes it; SDP writes the same, in any case of letters.
    pub fn name(self) -> &'static str {
        name_of(&Self::NAMES, self)
    }

    /// A list of them as it is kept: `opus,pcma`.
    pub fn write(codecs: &[Self]) -> String {
        codecs.iter().map(|codec| codec.name()).collect::<Vec<_>>().join(",")
    }

    /// Such a list; none of it may be empty or stand there twice.
    pub fn read(text: &str) -> Result<Vec<Self>, UnknownWord> {
        let mut codecs = Vec::new();
        for word in text.split(',') {
            let codec = word.parse()?;
            if codecs.contains(&codec) {
                return Err(UnknownWord { word: text.into(), what: "list of different codecs" });
            }
            codecs.push(codec);
        }
        Ok(codecs)
    }

    /// Every name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().map(|(name, _)| *name)
    }
}

impl FromStr for Codec {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        named(&Self::NAMES, text, "codec")
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether sound is enciphered with keys in SDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Srtp {
    /// Always; a call without is refused.
    Required,
    /// Where the other side offers or takes it.
    #[default]
    Offered,
    /// Never.
    Off,
}

impl Srtp {
    const NAMES: [(&'static str, Self); 3] =
        [("required", Self::Required), ("offered", Self::Offered), ("off", Self::Off)];
}

impl FromStr for Srtp {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        named(&Self::NAMES, text, "way to treat SRTP")
    }
}

impl fmt::Display for Srtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name_of(&Self::NAMES, *self))
    }
}

fn named<T: Copy>(names: &[(&'static str, T)], text: &str, what: &'static str) -> Result<T, UnknownWord> {
    let found = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim()));
    found.map(|(_, value)| *value).ok_or_else(|| UnknownWord { word: text.trim().into(), what })
}

fn name_of<T: Copy + PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, named)| *named == value).map(|(name, _)| *name).expect("each has a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_unusual_is_said() {
        assert_eq!(Calling::default().to_string(), "");
        let calling = Calling {
            codecs: vec![Codec::Opus, Codec::Pcma],
            srtp: Srtp::Required,
            calls: Some(4),
            caller_id: Some("+4930123".into()),
            forward: "busy=voicemail".parse().expect("a forwarding"),
        };
        let said = "caller_id=+4930123 calls=4 srtp=required codecs=opus,pcma busy=voicemail after=20";
        assert_eq!(calling.to_string(), said);
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in Codec::names() {
            assert_eq!(name.parse::<Codec>().map(Codec::name), Ok(name));
        }
        assert_eq!("PCMA".parse(), Ok(Codec::Pcma));
        assert_eq!("gsm".parse::<Codec>(), Err(UnknownWord { word: "gsm".into(), what: "codec" }));
        assert_eq!(Codec::read("pcma, opus"), Ok(vec![Codec::Pcma, Codec::Opus]));
        assert_eq!(Codec::read("").map_err(|wrong| wrong.to_string()), Err("\"\" is no codec".into()));
        let twice = "\"pcma,PCMA\" is no list of different codecs";
        assert_eq!(Codec::read("pcma,PCMA").map_err(|wrong| wrong.to_string()), Err(twice.into()));
        for srtp in [Srtp::Required, Srtp::Offered, Srtp::Off] {
            assert_eq!(srtp.to_string().parse(), Ok(srtp));
        }
    }
}
