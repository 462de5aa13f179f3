//! Transfers: those that the party asks for, and those that we ask the party for.
//!
//! ```text
//! party ─REFER─▶ the call hears Refer ─AcceptRefer─▶ 202, NOTIFY 100 ─ReferProgress─▶ NOTIFY … terminated
//!                                     └─RejectRefer─▶ refused
//! call ─Refer─▶ REFER ─202─▶ NOTIFYs ─▶ the call hears ReferProgress
//! ```
//!
//! One of each at a time: a phone has one transfer button.

use std::time::{Duration, Instant};

use bytes::Bytes;
use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Draft, Fault, Method, Name, Request, Response};
use patchcord_sip::subscription::{Due, Event, Notifier, Phase, Reason, Subscriber, SubscriptionState};
use patchcord_sip::transaction::ServerId;
use patchcord_sip::transfer::{Progress, ReferTo, SIPFRAG, wants_news};
use patchcord_sip::uri::Uri;

use super::asking::What;
use super::{Cx, Line, Stage, Unfit};
use crate::call::LegEvent;
use crate::call::event::{Meets, ReferWish};

/// How long the party's subscription to the progress of its transfer lasts: longer than anybody rings.
const LASTS: Duration = Duration::from_secs(300);

/// Until when the call has to say yes or no: the REFER is repeated for 32 seconds at most.
const PATIENCE: Duration = Duration::from_secs(20);

/// The transfers of a line.
#[derive(Debug, Default)]
pub(super) struct Refers {
    wish: Option<Wish>,
    told: Option<Told>,
    ours: Option<Ours>,
}

/// A REFER that the call has not decided about.
#[derive(Debug)]
struct Wish {
    id: ServerId,
    request: Request,
    hop: Hop,
    decide_by: Instant,
}

/// A transfer that the party is told of.
#[derive(Debug)]
struct Told {
    notifier: Notifier,
    event: String,
    status: u16,
}

/// A transfer that we have asked for.
#[derive(Debug)]
struct Ours {
    subscriber: Subscriber,
    status: u16,
}

impl Refers {
    pub(super) fn deadline(&self) -> Option<Instant> {
        let wish = self.wish.as_ref().map(|wish| wish.decide_by);
        let told = self.told.as_ref().and_then(|told| told.notifier.deadline());
        let ours = self.ours.as_ref().and_then(|ours| ours.subscriber.deadline());
        [wish, told, ours].into_iter().flatten().min()
    }
}

impl Line {
    /// The party asks to be transferred.
    pub(super) fn refer(&mut self, id: ServerId, request: &Request, hop: &Hop, cx: &mut Cx<'_>) -> Result<(), Unfit> {
        let to = ReferTo::of(request)?;
        if to.method()? != Method::Invite {
            return Err(Unfit::Fault(Fault::new(403, "Only INVITE Can Be Referred To")));
        }
        let (replaces, joins) = (to.replaces()?, to.join()?);
        if replaces.is_some() && joins.is_some() {
            return Err(Unfit::Fault(Fault::bad("Both Replaces And Join")));
        }
        wants_news(request)?;
        if self.stage != Stage::Up || self.refers.as_ref().is_some_and(|refers| refers.is_busy()) {
            return Err(Unfit::Crossed(None));
        }
        let wish = ReferWish {
            to: to.target().into_owned(),
            replaces: None,
            replaces_elsewhere: replaces.map(|replaces| replaces.to_string()),
            meets: joins.map(|joins| Meets::Unfound(joins.to_string())),
        };
        let refers = self.refers.get_or_insert_default();
        refers.wish = Some(Wish { id, request: request.clone(), hop: *hop, decide_by: cx.now + PATIENCE });
        cx.tell(LegEvent::Refer(wish));
        Ok(())
    }

    /// The call takes the transfer.
    pub(super) fn accept_refer(&mut self, cx: &mut Cx<'_>) {
        let Some(wish) = self.refers.as_deref_mut().and_then(|refers| refers.wish.take()) else { return };
        let silent = wants_news(&wish.request) == Ok(false);
        let status = if silent { 200 } else { 202 };
        let Some(dialog) = self.dialog.as_deref_mut() else { return };
        let mut reply = match dialog.reply(&wish.request, wish.hop.peer, status) {
            Ok(reply) => reply,
            Err(fault) => return decline(&wish, fault.status(), cx),
        };
        if silent {
            reply = reply.text(Name::ReferSub, "false");
        }
        cx.respond(wish.id, &reply);
        if silent {
            return;
        }
        // RFC 3515 §2.4.6: which of several it is. Phones that know one only ask for one only.
        let event = match wish.request.cseq() {
            Ok(cseq) => format!("refer;id={}", cseq.number),
            Err(_) => "refer".to_owned(),
        };
        let notifier = Notifier::accept(LASTS, true, cx.now);
        if let Some(refers) = self.refers.as_deref_mut() {
            refers.told = Some(Told { notifier, event, status: 100 });
        }
        self.notify_now(cx);
    }

    /// The call does not take it.
    pub(super) fn reject_refer(&mut self, status: u16, cx: &mut Cx<'_>) {
        if let Some(wish) = self.refers.as_deref_mut().and_then(|refers| refers.wish.take()) {
            decline(&wish, if (300..700).contains(&status) { status } else { 603 }, cx);
        }
    }

    /// How the transfer goes that the party asked for.
    pub(super) fn refer_progress(&mut self, status: u16, cx: &mut Cx<'_>) {
        let Some(told) = self.refers.as_deref_mut().and_then(|refers| refers.told.as_mut()) else { return };
        if told.status >= 200 || !(100..700).contains(&status) {
            return;
        }
        told.status = status;
        if status >= 200 {
            told.notifier.terminate(Reason::NoResource, None);
        } else {
            told.notifier.changed();
        }
        self.notify_now(cx);
    }

    /// Sends the NOTIFY that is wanted, unless one is under way.
    fn notify_now(&mut self, cx: &mut Cx<'_>) {
        let (Some(dialog), Some(refers)) = (self.dialog.as_deref_mut(), self.refers.as_deref_mut()) else { return };
        let Some(told) = refers.told.as_mut() else { return };
        let Some(state) = told.notifier.poll(cx.now) else { return };
        let body = Progress::of_status(told.status).body();
        let draft = dialog.request(Method::Notify).text(Name::Event, &told.event);
        let draft = draft.header(Name::SubscriptionState, state).body(SIPFRAG, body.clone());
        self.ask(What::Notify, draft, body, cx);
    }

    /// A NOTIFY of ours was answered, or not.
    pub(super) fn notify_answered(&mut self, response: Option<&Response>, cx: &mut Cx<'_>) {
        let Some(refers) = self.refers.as_deref_mut() else { return };
        let Some(told) = refers.told.as_mut() else { return };
        let retry = response.is_some_and(|response| response.retry_after().is_some());
        told.notifier.answered(response.map(|response| response.status().code()), retry);
        refers.told.take_if(|told| told.notifier.is_over());
        if self.stage == Stage::Up {
            self.notify_now(cx);
        }
    }

    /// Asks the party's phone to call somebody else.
    pub(super) fn send_refer(&mut self, to: &str, cx: &mut Cx<'_>) {
        let busy = self.refers.as_ref().is_some_and(|refers| refers.ours.is_some());
        let Some(dialog) = self.dialog.as_deref_mut().filter(|_| self.stage == Stage::Up && !busy) else {
            return cx.tell(LegEvent::LineRefused(491));
        };
        let value = match Uri::parse(to) {
            Ok(uri) => ReferTo::write(&uri, None),
            Err(fault) => return cx.tell(LegEvent::LineRefused(fault.status())),
        };
        let by = patchcord_sip::message::NameAddr::parse(dialog.local()).map(|addr| format!("<{}>", addr.uri));
        let mut draft = dialog.request(Method::Refer).text(Name::ReferTo, &value);
        if let Ok(by) = by {
            draft = draft.text(Name::ReferredBy, &by);
        }
        let subscriber = Subscriber::new(LASTS, self.terms.t1, cx.now);
        self.refers.get_or_insert_default().ours = Some(Ours { subscriber, status: 100 });
        self.ask(What::Refer, draft, Bytes::new(), cx);
    }

    /// The REFER was answered.
    pub(super) fn refer_answered(&mut self, status: u16, cx: &mut Cx<'_>) {
        let Some(refers) = self.refers.as_deref_mut() else { return };
        if status >= 300 {
            if refers.ours.take().is_some() {
                cx.tell(LegEvent::ReferProgress(status));
            }
        } else if let Some(ours) = &mut refers.ours {
            ours.subscriber.accepted(None, cx.now);
        }
    }

    /// How a transfer goes that we asked for.
    pub(super) fn notify(&mut self, id: ServerId, request: &Request, hop: &Hop, cx: &mut Cx<'_>) -> Result<(), Unfit> {
        const NONE: Unfit = Unfit::Fault(Fault::new(481, "Subscription Does Not Exist"));
        if Event::of(request)?.package != "refer" {
            return Err(Unfit::Fault(Fault::new(489, "Bad Event")));
        }
        let state = SubscriptionState::of(request)?;
        let refers = self.refers.as_deref_mut().filter(|refers| refers.ours.is_some()).ok_or(NONE)?;
        let ours = refers.ours.as_mut().ok_or(NONE)?;
        let progress = match request.body_bytes().is_empty() {
            true => None,
            false => Some(Progress::of(request)?.status),
        };
        ours.subscriber.notified(&state, cx.now);
        ours.status = progress.unwrap_or(ours.status);
        let mut status = ours.status;
        if state.phase == Phase::Terminated {
            // It ends without having said how: nobody knows.
            status = if status < 200 { 408 } else { status };
            refers.ours = None;
        } else if status >= 200 {
            // The last word; the subscription may linger, and whatever follows gets 481.
            refers.ours = None;
        }
        self.answer_plainly(id, request, hop, cx)?;
        cx.tell(LegEvent::ReferProgress(status));
        Ok(())
    }

    /// What is due about transfers.
    pub(super) fn wake_refers(&mut self, cx: &mut Cx<'_>) {
        let Some(refers) = self.refers.as_deref_mut() else { return };
        if let Some(wish) = refers.wish.take_if(|wish| cx.now >= wish.decide_by) {
            decline(&wish, 603, cx);
        }
        if let Some(ours) = &mut refers.ours
            && let Some(due) = ours.subscriber.expire(cx.now)
            && due == Due::Over
        {
            refers.ours = None;
            cx.tell(LegEvent::ReferProgress(408));
        }
        if let Some(told) = &mut refers.told {
            told.notifier.expire(cx.now);
        }
        self.notify_now(cx);
    }

    /// We hang up: the last word about a transfer goes out before the BYE, whether or not the one before is answered.
    pub(super) fn last_word(&mut self, cx: &mut Cx<'_>) {
        if let Some(told) = self.refers.as_deref_mut().and_then(|refers| refers.told.as_mut()) {
            told.notifier.answered(Some(200), false);
            told.notifier.terminate(Reason::NoResource, None);
            self.notify_now(cx);
        }
    }

    /// The line ends: who waits for a word gets it.
    pub(super) fn end_refers(&mut self, cx: &mut Cx<'_>) {
        let Some(mut refers) = self.refers.take() else { return };
        if let Some(wish) = refers.wish.take() {
            decline(&wish, 487, cx);
        }
        if refers.ours.take().is_some() {
            cx.tell(LegEvent::ReferProgress(487));
        }
    }
}

impl Refers {
    fn is_busy(&self) -> bool {
        self.wish.is_some() || self.told.is_some()
    }
}

fn decline(wish: &Wish, status: u16, cx: &mut Cx<'_>) {
    cx.respond(wish.id, &Draft::reply(&wish.request, wish.hop.peer, status));
}
