//! A message as the lab hears it: text, with the few questions that tests put to it.

/// A SIP message that arrived, mostly a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    text: String,
}

impl Reply {
    pub(crate) fn new(text: String) -> Self {
        Self { text }
    }

    /// Everything that was said.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The status of a response; panics for a request.
    pub fn status(&self) -> u16 {
        let status = self.text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok());
        status.unwrap_or_else(|| panic!("this is no response: {}", self.text))
    }

    /// Whether this answers a request; otherwise it is one.
    pub fn is_response(&self) -> bool {
        self.text.starts_with("SIP/2.0 ")
    }

    /// The first value of a header, by its long name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Each line of a header.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        head.split("\r\n").skip(1).filter_map(move |line| {
            let (said, value) = line.split_once(':')?;
            said.trim().eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The contacts listed, whether on one line or on several.
    pub fn contacts(&self) -> Vec<&str> {
        // The lab's own contacts hold no comma inside quotes or brackets, so a plain split will do.
        self.all("Contact").flat_map(|line| line.split(',')).map(str::trim).collect()
    }

    /// The `expires` of the contact that has `part` in it.
    pub fn expires_of(&self, part: &str) -> Option<u32> {
        let contact = self.contacts().into_iter().find(|contact| contact.contains(part))?;
        let (_, after) = contact.rsplit_once(";expires=")?;
        after.split(';').next()?.parse().ok()
    }

    pub(crate) fn answers(&self, call_id: &str, cseq: &str) -> bool {
        self.is_response() && self.header("Call-ID") == Some(call_id) && self.header("CSeq") == Some(cseq)
    }
}
