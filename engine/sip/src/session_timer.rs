//! Session timers (RFC 4028): a call whose other end has died without a word ends all the same.
//!
//! ```text
//! asking     Wish::ask ──Session-Expires──▶ 422: Wish::raise and ask again │ 2xx: Wish::settled
//! answering  Rules::answer(request) ──▶ 422 with Min-SE │ what the 2xx says, and the timer
//!
//! SessionTimer, refreshing:  start ──half──▶ Refresh ──2xx──▶ settled again │ no 2xx ──▶ End
//!               waiting:     start ──interval less min(32 s, a third)──▶ End
//! ```
//!
//! Pure: whoever owns a [`SessionTimer`] sleeps until [`deadline`](SessionTimer::deadline), then calls
//! [`expire`](SessionTimer::expire), and sends the UPDATE or re-INVITE, or the BYE.

use std::fmt;
use std::time::{Duration, Instant};

use crate::message::scan::{number, trim};
use crate::message::{Draft, Fault, Headers, Name, Params, Request, Response};

/// The extension's name in Supported and Require.
pub const OPTION: &str = "timer";

/// No side may ask for less (§4): refreshing more often than this would be load without use.
pub const LEAST: Duration = Duration::from_secs(90);

/// How long before the end the waiting side gives up, unless a third of the interval is less (§10).
const MARGIN: Duration = Duration::from_secs(32);

/// Who refreshes, seen from one request: its sender or whoever answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// The sender of the request.
    Uac,
    /// The one that answers.
    Uas,
}

/// The value of a Session-Expires header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// The interval.
    pub interval: Duration,
    /// Who refreshes, when it is said.
    pub refresher: Option<Refresher>,
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.interval.as_secs())?;
        match self.refresher {
            Some(Refresher::Uac) => f.write_str(";refresher=uac"),
            Some(Refresher::Uas) => f.write_str(";refresher=uas"),
            None => Ok(()),
        }
    }
}

impl SessionExpires {
    /// What a message says; `None` when it says nothing, 400 when it makes no sense.
    pub fn of(headers: &Headers) -> Result<Option<Self>, Fault> {
        const BAD: Fault = Fault::bad("Bad Session-Expires");
        let Some(value) = headers.get(Name::SessionExpires) else { return Ok(None) };
        let (interval, params) = value.split_once(';').unwrap_or((value, ""));
        let refresher = match Params::new(params).get("refresher") {
            None => None,
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            Some(_) => return Err(BAD),
        };
        Ok(Some(Self { interval: seconds(interval).ok_or(BAD)?, refresher }))
    }
}

fn seconds(text: &str) -> Option<Duration> {
    // Larger ones are no time that anybody waits for; they would make instants overflow.
    number(trim(text))
        .and_then(|seconds| u32::try_from(seconds).ok())
        .map(|seconds| Duration::from_secs(seconds.into()))
}

fn min_se(headers: &Headers) -> Result<Option<Duration>, Fault> {
    let Some(value) = headers.get(Name::MinSe) else { return Ok(None) };
    let (value, _) = value.split_once(';').unwrap_or((value, ""));
    seconds(value).map(Some).ok_or(Fault::bad("Bad Min-SE"))
}

/// What this server wants of session timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The interval that we ask for: a dead call is noticed within it. Half an hour is what RFC 4028 §4 recommends.
    pub interval: Duration,
    /// The shortest that we take; never below [`LEAST`].
    pub minimum: Duration,
    /// Whether we refresh alone where the other side knows no session timers, so that its death is noticed, too.
    pub alone: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { interval: Duration::from_secs(1800), minimum: LEAST, alone: true }
    }
}

/// Why a request was not answered 2xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The interval is below our minimum: 422, whose Min-SE says the minimum (§9).
    #[error("the session interval is below {} s", least.as_secs())]
    TooSmall {
        /// The minimum.
        least: Duration,
    },
    /// A header makes no sense.
    #[error(transparent)]
    Malformed(#[from] Fault),
}

impl Refused {
    /// The status that says so.
    pub const fn status(self) -> u16 {
        match self {
            Self::TooSmall { .. } => 422,
            Self::Malformed(fault) => fault.status(),
        }
    }

    /// The reply, with the minimum in it.
    pub fn write(self, reply: Draft) -> Draft {
        match self {
            Self::TooSmall { least } => reply.header(Name::MinSe, least.as_secs()),
            Self::Malformed(fault) => reply.phrase(fault.phrase()),
        }
    }
}

/// What a 2xx of ours says, and what follows from it for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    says: SessionExpires,
    /// Whether the other side knows session timers, so that Require may say so.
    require: bool,
}

impl Answered {
    /// Adds what was agreed to the 2xx.
    pub fn write(&self, reply: Draft) -> Draft {
        let reply = if self.require { reply.header(Name::Require, OPTION) } else { reply };
        reply.header(Name::SessionExpires, self.says)
    }

    /// The timer that starts when the 2xx is sent.
    pub fn timer(&self, now: Instant) -> SessionTimer {
        SessionTimer::new(self.says.interval, self.says.refresher == Some(Refresher::Uas), now)
    }

    /// What the 2xx says.
    pub fn says(&self) -> SessionExpires {
        self.says
    }
}

impl Rules {
    /// Judges an INVITE or UPDATE, the first of a session or a refresh (§9, table 2). `None`: no timer.
    ///
    /// `refreshing` is who of the two sides refreshes now, `Some(true)` for us: it stays so unless the request says
    /// otherwise. At first the caller refreshes where it can.
    pub fn answer(&self, request: &Request, refreshing: Option<bool>) -> Result<Option<Answered>, Refused> {
        let least = self.minimum.max(LEAST);
        let theirs = SessionExpires::of(request)?;
        let floor = min_se(request)?.unwrap_or(LEAST).max(LEAST);
        let able = request.supports(OPTION) || request.requires(OPTION);
        match theirs {
            // A proxy may have put the header in; who does not know timers cannot read a 422.
            Some(theirs) if able && theirs.interval < least => return Err(Refused::TooSmall { least }),
            None if !able && !self.alone => return Ok(None),
            _ => {}
        }
        let wish = self.interval.max(least).max(floor);
        // §9: never above what the request says, never below its Min-SE.
        let interval = theirs.map_or(wish, |theirs| theirs.interval.min(wish).max(floor));
        let refresher = match theirs.and_then(|theirs| theirs.refresher) {
            _ if !able => Refresher::Uas,
            Some(said) => said,
            None if refreshing == Some(true) => Refresher::Uas,
            None => Refresher::Uac,
        };
        Ok(Some(Answered { says: SessionExpires { interval, refresher: Some(refresher) }, require: able }))
    }
}

/// What we ask for in our own requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    interval: Duration,
    /// The largest Min-SE that a 422 has named.
    floor: Option<Duration>,
    refresher: Option<Refresher>,
    alone: bool,
}

impl Wish {
    /// For the first INVITE: the answering side may say who refreshes.
    pub fn new(rules: &Rules) -> Self {
        Self {
            interval: rules.interval.max(rules.minimum).max(LEAST),
            floor: None,
            refresher: None,
            alone: rules.alone,
        }
    }

    /// Adds what we ask for to an INVITE or UPDATE.
    pub fn ask(&self, request: Draft) -> Draft {
        let says = SessionExpires { interval: self.interval, refresher: self.refresher };
        let request = request.header(Name::Supported, OPTION).header(Name::SessionExpires, says);
        // §7.2: said only when a 422 has taught us one.
        match self.floor {
            Some(floor) => request.header(Name::MinSe, floor.as_secs()),
            None => request,
        }
    }

    /// Learns from a 422 (§7.3). False when it teaches nothing, so that another try would end the same way.
    pub fn raise(&mut self, refusal: &Response) -> Result<bool, Fault> {
        let Some(least) = min_se(refusal)? else { return Ok(false) };
        if least <= self.interval {
            return Ok(false);
        }
        self.interval = least;
        self.floor = Some(self.floor.map_or(least, |floor| floor.max(least)));
        Ok(true)
    }

    /// The timer that a 2xx to our request starts (§7.2). Without Session-Expires in it there is none, but ours alone where
    /// the rules want one.
    pub fn settled(&self, response: &Response, now: Instant) -> Result<Option<SessionTimer>, Fault> {
        match SessionExpires::of(response)? {
            // The table leaves no response without refresher; we asked, so we refresh.
            Some(said) => {
                Ok(Some(SessionTimer::new(said.interval.max(LEAST), said.refresher != Some(Refresher::Uas), now)))
            }
            None if self.alone => Ok(Some(SessionTimer::new(self.interval, true, now))),
            None => Ok(None),
        }
    }
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Send a refresh: an UPDATE, or a re-INVITE to who knows none (§7.4).
    Refresh,
    /// Nobody has refreshed in time: send BYE.
    End,
}

/// The clock of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimer {
    interval: Duration,
    end: Instant,
    /// When we refresh; `None` while the other side does, or our refresh is on its way.
    refresh: Option<Instant>,
    we_refresh: bool,
}

impl SessionTimer {
    fn new(interval: Duration, we_refresh: bool, now: Instant) -> Self {
        let margin = MARGIN.min(interval / 3);
        Self { interval, end: now + interval - margin, refresh: we_refresh.then(|| now + interval / 2), we_refresh }
    }

    /// Whether we are the one that refreshes.
    pub fn we_refresh(&self) -> bool {
        self.we_refresh
    }

    /// The interval agreed upon.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// What a refresh or any other INVITE and UPDATE of ours asks for, so that the roles stay (§7.4).
    pub fn wish(&self, before: &Wish) -> Wish {
        let refresher = Some(if self.we_refresh { Refresher::Uac } else { Refresher::Uas });
        Wish { interval: self.interval, refresher, ..*before }
    }

    /// When to call [`expire`](Self::expire).
    pub fn deadline(&self) -> Instant {
        self.refresh.map_or(self.end, |refresh| refresh.min(self.end))
    }

    /// What is due by now. After a 2xx to a refresh a new timer takes the place of this one.
    pub fn expire(&mut self, now: Instant) -> Option<Due> {
        if now >= self.end {
            return Some(Due::End);
        }
        if now >= self.refresh? {
            self.refresh = None;
            return Some(Due::Refresh);
        }
        None
    }

    /// The refresh was refused for now (491, 500 with Retry-After): it is due again after the wait.
    pub fn postpone(&mut self, now: Instant, wait: Duration) {
        if self.we_refresh {
            self.refresh = Some(now + wait);
        }
    }
}

#[cfg(test)]
mod tests;
