//! What is due when: session timers, repetitions, second tries.

use std::time::{Duration, Instant};

use patchcord_sip::message::{Fault, Method, Request, Response};
use patchcord_sip::reliable::Reliable;
use patchcord_sip::session_timer::{Answered, Due, Refused, Rules, SessionTimer, Wish};

use super::{Cx, Line, cause};

/// How long to wait before a session is refreshed again when the party refused it for no reason that passes.
const AGAIN: Duration = Duration::from_secs(10);

/// The session timer of a line, and what our next request asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    timer: SessionTimer,
    wish: Wish,
}

impl Clock {
    /// A 2xx of ours starts it.
    pub(super) fn answered(rules: &Rules, answered: Option<Answered>, now: Instant) -> Option<Self> {
        let timer = answered?.timer(now);
        Some(Self { timer, wish: timer.wish(&Wish::new(rules)) })
    }

    /// A 2xx of theirs starts it.
    pub(super) fn settled(wish: &Wish, response: &Response, now: Instant) -> Result<Option<Self>, Fault> {
        let timer = wish.settled(response, now)?;
        Ok(timer.map(|timer| Self { timer, wish: timer.wish(wish) }))
    }
}

impl Line {
    /// What our next INVITE or UPDATE asks for.
    pub(super) fn wish(&self) -> Wish {
        self.clock.as_ref().map_or_else(|| Wish::new(&self.terms.session), |clock| clock.wish)
    }

    /// Learns from a 422; false when it teaches nothing.
    pub(super) fn raise(&mut self, refusal: &Response) -> bool {
        match &mut self.clock {
            Some(clock) => clock.wish.raise(refusal).unwrap_or(false),
            None => false,
        }
    }

    /// Judges a refresh of theirs, or a request that is one beside other things.
    pub(super) fn judge_session(&self, request: &Request) -> Result<Option<Answered>, Refused> {
        self.terms.session.answer(request, self.clock.as_ref().map(|clock| clock.timer.we_refresh()))
    }

    /// A 2xx of ours to an INVITE or UPDATE starts the timer anew.
    pub(super) fn session_answered(&mut self, answered: Option<Answered>, now: Instant) {
        self.clock = Clock::answered(&self.terms.session, answered, now);
    }

    /// A 2xx of theirs starts the timer anew. One that makes no sense leaves it as it was.
    pub(super) fn session_settled(&mut self, response: &Response, now: Instant) {
        if let Ok(clock) = Clock::settled(&self.wish(), response, now) {
            self.clock = clock;
        }
    }

    /// A refresh was refused for now.
    pub(super) fn postpone(&mut self, now: Instant, wait: Option<Duration>) {
        if let Some(clock) = &mut self.clock {
            clock.timer.postpone(now, wait.unwrap_or(AGAIN));
        }
    }

    /// When [`Line::wake`] wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let called = self.called.as_ref().and_then(|called| {
            let reliable = called.reliable.as_ref().and_then(Reliable::deadline);
            [reliable, called.remind].into_iter().flatten().min()
        });
        let session = self.clock.as_ref().map(|clock| clock.timer.deadline());
        let refers = self.refers.as_ref().and_then(|refers| refers.deadline());
        let asked = self.asked_deadline();
        [called, session, self.changes.retry_at, refers, asked, self.bye_by].into_iter().flatten().min()
    }

    /// The deadline has come.
    pub fn wake(&mut self, cx: &mut Cx<'_>) {
        self.wake_called(cx);
        self.wake_refers(cx);
        self.give_up(cx);
        if self.bye_by.is_some_and(|by| cx.now >= by) {
            self.say_bye(cx);
        }
        match self.clock.as_mut().and_then(|clock| clock.timer.expire(cx.now)) {
            Some(Due::Refresh) => self.changes.refresh = true,
            Some(Due::End) => self.fail(cause::TIMED_OUT, Some(408), "the session was not refreshed in time", cx),
            None => {}
        }
        self.go_on(cx);
    }

    /// The method that refreshes a session: UPDATE for who takes it, because it needs no offer (RFC 4028 §7.4).
    pub(super) fn refreshing_method(&self) -> Method {
        if self.takes_update { Method::Update } else { Method::Invite }
    }
}
