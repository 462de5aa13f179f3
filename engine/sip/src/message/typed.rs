//! Headers with a meaning, read when somebody asks. Everything borrows from the message.

use super::memo::{first_via, name_addr};
use super::scan::{self, count, is_blank, trim};
use super::{Contact, Fault, Headers, MediaType, Method, Name, NameAddr, Via};

/// The largest sequence number a request may carry (RFC 3261 §8.1.1.5).
pub const MAX_CSEQ: u32 = (1 << 31) - 1;

/// The place of a request in its dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2³¹.
    pub number: u32,
    /// The method of the request, also in its response.
    pub method: Method,
}

/// Digits as a 32-bit number; `None` for what is none and for what does not fit.
pub(super) fn number(text: &str) -> Option<u32> {
    scan::number(text)?.try_into().ok()
}

/// Number and method of a CSeq.
pub(super) fn read_cseq(value: &str) -> Result<(u32, &str), Fault> {
    const BAD: Fault = Fault::bad("Bad CSeq");
    let blank = count(value.as_bytes(), |byte| !is_blank(byte));
    if blank == value.len() {
        return Err(BAD);
    }
    let (digits, method) = (&value[..blank], trim(&value[blank..]));
    if !scan::is_token(method.as_bytes()) {
        return Err(BAD);
    }
    let number = number(digits).filter(|&number| number <= MAX_CSEQ).ok_or(Fault::bad("CSeq out of range"))?;
    Ok((number, method))
}

impl Headers {
    /// The newest Via entry: on a request, whoever sent it to us.
    pub fn top_via(&self) -> Result<Via<'_>, Fault> {
        let line = self.value(Name::Via)?.ok_or(Fault::bad("Missing Via"))?;
        first_via(self.memo().top_via, line)
    }

    /// Every Via entry, newest first.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'_>, Fault>> {
        self.list(Name::Via).map(Via::parse)
    }

    /// Who the request is from.
    pub fn from(&self) -> Result<NameAddr<'_>, Fault> {
        name_addr(self.memo().from, self.value(Name::From)?.ok_or(Fault::bad("Missing From"))?)
    }

    /// Who the request is meant for.
    pub fn to(&self) -> Result<NameAddr<'_>, Fault> {
        name_addr(self.memo().to, self.value(Name::To)?.ok_or(Fault::bad("Missing To"))?)
    }

    /// The tag of From.
    pub fn from_tag(&self) -> Result<Option<&str>, Fault> {
        let value = self.value(Name::From)?.ok_or(Fault::bad("Missing From"))?;
        match self.memo().from {
            Some(marks) => Ok(marks.tag(value)),
            None => NameAddr::parse(value).map(|address| address.tag()),
        }
    }

    /// The tag of To: `None` outside a dialog.
    pub fn to_tag(&self) -> Result<Option<&str>, Fault> {
        let value = self.value(Name::To)?.ok_or(Fault::bad("Missing To"))?;
        match self.memo().to {
            Some(marks) => Ok(marks.tag(value)),
            None => NameAddr::parse(value).map(|address| address.tag()),
        }
    }

    /// The name of the call, compared byte by byte.
    pub fn call_id(&self) -> Result<&str, Fault> {
        let id = self.value(Name::CallId)?.ok_or(Fault::bad("Missing Call-ID"))?;
        if self.memo().has_call_id {
            return Ok(id);
        }
        if id.is_empty() || id.bytes().fold(false, |odd, byte| odd | (byte <= b' ') | (byte == 0x7f)) {
            return Err(Fault::bad("Bad Call-ID"));
        }
        Ok(id)
    }

    /// Sequence number and method.
    pub fn cseq(&self) -> Result<CSeq, Fault> {
        let (number, method) = self.cseq_text()?;
        let method = Method::known(method.as_bytes())
            .unwrap_or_else(|| Method::Other(self.bytes().slice_ref(method.as_bytes())));
        Ok(CSeq { number, method })
    }

    /// As [`cseq`](Self::cseq), the method as it is written.
    pub(crate) fn cseq_text(&self) -> Result<(u32, &str), Fault> {
        let value = self.value(Name::CSeq)?.ok_or(Fault::bad("Missing CSeq"))?;
        match self.memo().cseq {
            Some((number, method)) => Ok((number, method.cut(value))),
            None => read_cseq(value),
        }
    }

    /// The contacts of all lines.
    pub fn contacts(&self) -> impl Iterator<Item = Result<Contact<'_>, Fault>> {
        let only = self.memo().contact;
        self.list(Name::Contact).map(move |text| match only {
            Some(marks) => Ok(Contact::Addr(marks.cut(text))),
            None => Contact::parse(text),
        })
    }

    /// The one contact of a request or response that makes a dialog.
    pub fn contact(&self) -> Result<Option<Contact<'_>>, Fault> {
        self.contacts().next().transpose()
    }

    /// How many more hops the request may make; `None` from elements older than RFC 3261.
    pub fn max_forwards(&self) -> Result<Option<u8>, Fault> {
        let Some(value) = self.value(Name::MaxForwards)? else { return Ok(None) };
        let hops = scan::number(value).and_then(|hops| u8::try_from(hops).ok());
        hops.map(Some).ok_or(Fault::bad("Bad Max-Forwards"))
    }

    /// The seconds of Expires; `None` also when they make no sense, because RFC 3261 §20.19 and RFC 4475 §3.1.2.4 want
    /// the default then, not a refusal.
    pub fn expires(&self) -> Option<u32> {
        number(self.get(Name::Expires)?)
    }

    /// The seconds of Min-Expires.
    pub fn min_expires(&self) -> Option<u32> {
        number(self.get(Name::MinExpires)?)
    }

    /// The seconds of Retry-After, without its comment and parameters.
    pub fn retry_after(&self) -> Option<u32> {
        let value = self.get(Name::RetryAfter)?;
        number(trim(value.split([';', '(']).next()?))
    }

    /// The Route entries, next hop first.
    pub fn routes(&self) -> impl Iterator<Item = Result<NameAddr<'_>, Fault>> {
        self.list(Name::Route).map(NameAddr::parse)
    }

    /// The Record-Route entries, newest first.
    pub fn record_routes(&self) -> impl Iterator<Item = Result<NameAddr<'_>, Fault>> {
        self.list(Name::RecordRoute).map(NameAddr::parse)
    }

    /// The Path entries of a registration (RFC 3327).
    pub fn paths(&self) -> impl Iterator<Item = Result<NameAddr<'_>, Fault>> {
        self.list(Name::Path).map(NameAddr::parse)
    }

    /// What the body is.
    pub fn content_type(&self) -> Option<MediaType<'_>> {
        self.get(Name::ContentType).map(MediaType::of)
    }

    /// The extensions without which the sender does not want an answer.
    pub fn require(&self) -> impl Iterator<Item = &str> {
        self.tokens(Name::Require)
    }

    /// The extensions a proxy must know.
    pub fn proxy_require(&self) -> impl Iterator<Item = &str> {
        self.tokens(Name::ProxyRequire)
    }

    /// The extensions the sender knows.
    pub fn supported(&self) -> impl Iterator<Item = &str> {
        self.tokens(Name::Supported)
    }

    /// Whether the sender knows this extension.
    pub fn supports(&self, option: &str) -> bool {
        self.supported().any(|known| known.eq_ignore_ascii_case(option))
    }

    /// Whether the sender demands this extension.
    pub fn requires(&self, option: &str) -> bool {
        self.require().any(|wanted| wanted.eq_ignore_ascii_case(option))
    }

    /// The methods the sender takes.
    pub fn allow(&self) -> impl Iterator<Item = &str> {
        self.tokens(Name::Allow)
    }

    /// The demanded extensions that are not among `known`: what Unsupported lists in the 420 (RFC 3261 §8.2.2.3).
    pub fn unknown_extensions<'a>(&'a self, known: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
        self.require().filter(|option| !known.iter().any(|known| known.eq_ignore_ascii_case(option)))
    }

    /// The words of a comma list; empty ones are passed over.
    pub fn tokens<'a>(&'a self, name: Name<'a>) -> impl Iterator<Item = &'a str> + Clone + 'a {
        self.list(name).filter(|token| !token.is_empty())
    }
}
