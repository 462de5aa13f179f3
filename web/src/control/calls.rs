//! The call settings of an endpoint as the control socket says them. What is as usual is not said.

use patchcord_engine::routing::{Calling, Codec, Forward, plain};
use serde::{Deserialize, Serialize};

use crate::accounts::rules::Unfit;

/// What is not as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallWords {
    /// Codecs, the best first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codecs: Option<Vec<String>>,
    /// `required`, `offered` or `off`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub srtp: Option<String>,
    /// Calls at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u32>,
    /// The number it shows outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_id: Option<String>,
    /// Where its calls go when it cannot take them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward: Option<ForwardWords>,
}

/// Where calls go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForwardWords {
    /// Instead of ringing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub always: Vec<String>,
    /// When it is busy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub busy: Vec<String>,
    /// When nobody answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_answer: Vec<String>,
    /// When it is registered nowhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreachable: Vec<String>,
    /// Seconds that it rings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_s: Option<u64>,
}

impl From<&Calling> for CallWords {
    fn from(calling: &Calling) -> Self {
        let usual = Calling::default();
        let names = || calling.codecs.iter().map(|codec| codec.name().to_owned()).collect();
        Self {
            codecs: (calling.codecs != usual.codecs).then(names),
            srtp: (calling.srtp != usual.srtp).then(|| calling.srtp.to_string()),
            calls: calling.calls,
            caller_id: calling.caller_id.as_deref().map(Into::into),
            forward: (calling.forward != usual.forward).then(|| (&calling.forward).into()),
        }
    }
}

impl From<&Forward> for ForwardWords {
    fn from(forward: &Forward) -> Self {
        let words = |targets: &[Box<str>]| targets.iter().map(|target| target.to_string()).collect();
        Self {
            always: words(&forward.always),
            busy: words(&forward.busy),
            no_answer: words(&forward.no_answer),
            unreachable: words(&forward.unreachable),
            after_s: Some(forward.after.as_secs()),
        }
    }
}

impl TryFrom<CallWords> for Calling {
    type Error = Unfit;

    fn try_from(words: CallWords) -> Result<Self, Unfit> {
        let usual = Self::default();
        let codecs = words.codecs.map(|names| Codec::read(&names.join(","))).transpose();
        let srtp = words.srtp.map(|word| word.parse()).transpose();
        Ok(Self {
            codecs: codecs.map_err(Unfit::Word)?.unwrap_or(usual.codecs),
            srtp: srtp.map_err(Unfit::Word)?.unwrap_or(usual.srtp),
            calls: words.calls,
            caller_id: words.caller_id.map(|number| plain(&number).into()),
            forward: words.forward.map(Forward::try_from).transpose()?.unwrap_or(usual.forward),
        })
    }
}

impl TryFrom<ForwardWords> for Forward {
    type Error = Unfit;

    fn try_from(words: ForwardWords) -> Result<Self, Unfit> {
        let ForwardWords { always, busy, no_answer, unreachable, after_s } = words;
        let kinds = [("always", always), ("busy", busy), ("no_answer", no_answer), ("unreachable", unreachable)];
        let mut text = String::new();
        for (kind, targets) in kinds.into_iter().filter(|(_, targets)| !targets.is_empty()) {
            // A blank would part words here, and is none of a target.
            text += &format!("{kind}={} ", targets.join(",").replace(char::is_whitespace, ""));
        }
        if let Some(after) = after_s {
            text += &format!("after={after}");
        }
        text.parse().map_err(Unfit::Forward)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_comes_back_and_what_is_usual_is_not_said() {
        assert_eq!(CallWords::from(&Calling::default()), CallWords::default());
        let words: CallWords = serde_json::from_str(
            r#"{"codecs": ["pcma"], "srtp": "off", "calls": 2, "caller_id": "+49 30 1",
                "forward": {"busy": ["voicemail"], "no_answer": ["102", "voicemail"]}}"#,
        )
        .expect("words");
        let calling = Calling::try_from(words).expect("fine words");
        assert_eq!(
            calling.to_string(),
            "caller_id=+49301 calls=2 srtp=off codecs=pcma busy=voicemail no_answer=102,voicemail after=20"
        );
        assert_eq!(Calling::try_from(CallWords::from(&calling)), Ok(calling));
    }

    #[test]
    fn wrong_words_are_told_with_a_remedy() {
        let told = |words: CallWords| {
            let unfit = Calling::try_from(words).expect_err("wrong words");
            format!("{unfit}: {}", unfit.remedy())
        };
        let codecs = CallWords { codecs: Some(vec!["gsm".into()]), ..CallWords::default() };
        assert_eq!(told(codecs), "\"gsm\" is no codec: use opus, g722, pcma, pcmu, l16, g729, amr, amr-wb");
        let srtp = CallWords { srtp: Some("maybe".into()), ..CallWords::default() };
        assert_eq!(told(srtp), "\"maybe\" is no way to treat SRTP: write required, offered or off");
        let words = ForwardWords { busy: vec!["a@b".into()], ..ForwardWords::default() };
        let forward = CallWords { forward: Some(words), ..CallWords::default() };
        assert!(told(forward).starts_with("calls cannot be forwarded so: \"a@b\" is no number and no name: write for"));
    }
}
