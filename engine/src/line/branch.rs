//! The early dialogs of a call of ours: one for each phone that rings, each with its own sound.

use std::sync::Arc;

use bytes::Bytes;
use patchcord_media::sdp::agreed::Sound;
use patchcord_media::sdp::{Agreed, Description};
use patchcord_sip::dialog::{Dialog, Turn};
use patchcord_sip::hop::Hop;
use patchcord_sip::message::{Draft, Fault, Method, Name, Request, Response};
use patchcord_sip::reliable::{Order, Received};
use patchcord_sip::transaction::ServerId;

use super::asking::way_to;
use super::calling::Calling;
use super::inside::serve_told;
use super::lead::Lead;
use super::offers::{Offers, SDP, description, tune};
use super::{Cx, Line, Unfit, unfit};
use crate::call::LegEvent;

/// One early dialog, beside what the fork knows of it.
#[derive(Debug)]
pub(super) struct Twig {
    /// The tag of the phone.
    pub(super) tag: Box<str>,
    received: Received,
    /// Its own state of offer and answer, from the first description on.
    pub(super) offers: Option<Box<Offers>>,
    /// An early answer that may have been the only one.
    pub(super) answer: Option<Box<Description>>,
}

impl Twig {
    pub(super) fn new(tag: &str) -> Self {
        Self { tag: tag.into(), received: Received::default(), offers: None, answer: None }
    }
}

/// A PRACK with its body, and which way it goes.
type Prack = Option<(Draft, Bytes, Lead)>;

impl Line {
    /// A provisional response of the early dialog in that place.
    pub(super) fn hear_twig(
        &mut self,
        at: usize,
        response: &Response,
        hop: &Hop,
        cx: &mut Cx<'_>,
    ) -> Result<Prack, Unfit> {
        let Some(calling) = self.calling.as_deref_mut() else { return Ok(None) };
        let Calling { forks, twigs, tuned, shown, body, is_heard, .. } = calling;
        let twig = &mut twigs[at];
        let Some(dialog) = forks.dialogs().iter_mut().find(|dialog| *dialog.id().remote == *twig.tag) else {
            return Ok(None);
        };
        let rack = match twig.received.hear(response)? {
            Order::NotReliable => None,
            Order::Acknowledge(rack) => Some(rack),
            Order::Duplicate | Order::OutOfOrder => return Ok(None),
        };
        let said = description(response);
        let mut answer = None;
        if let Ok(Some(said)) = &said {
            let offers = twig.offers.get_or_insert_with(|| Box::new(self.offers.clone()));
            let settled = match (body.is_some(), rack.is_some()) {
                // Ours was answered: for good, or as a foretaste.
                (true, true) if offers.is_pending() => {
                    dialog.turns.answered();
                    offers.accept(said).map(|()| both_of(offers)).map_err(Unfit::from)
                }
                (true, false) if offers.is_pending() => {
                    twig.answer = Some(Box::new(said.clone()));
                    let foretaste = |agreed: Agreed| (agreed.sound().cloned(), agreed.pictures().cloned());
                    offers.preview(said).map(foretaste).map_err(Unfit::from)
                }
                // Theirs, which only a reliable response may bring first; or another one behind the answer.
                (_, true) => offers.answer(said.clone()).map(|text| {
                    answer = Some(text);
                    both_of(offers)
                }),
                (_, false) => Ok(both_of(offers)),
            };
            match settled {
                Ok((sound, pictures)) => {
                    *shown = pictures;
                    tune(tuned.take(), sound.as_ref(), cx.acts);
                    *tuned = sound;
                    if tuned.is_some() && !std::mem::replace(is_heard, true) {
                        cx.tell(LegEvent::EarlyMedia);
                    }
                }
                Err(unfit) => tracing::debug!(why = %unfit, "early sound does not fit"),
            }
        } else if let Err(unfit) = &said {
            tracing::debug!(why = %unfit, "an early description cannot be read");
        }
        let Some(rack) = rack else { return Ok(None) };
        let mut prack = dialog.request(Method::Prack).header(Name::RAck, rack);
        if let Some(answer) = &answer {
            prack = prack.body(SDP, answer.clone());
        }
        Ok(Some((prack, answer.unwrap_or_default(), way_to(dialog, hop))))
    }

    /// A request of the party inside an early dialog.
    pub(super) fn serve_branch(
        &mut self,
        at: usize,
        id: ServerId,
        request: &Request,
        hop: &Hop,
        cx: &mut Cx<'_>,
    ) -> Result<(), Unfit> {
        let reliable = self.terms.reliable;
        let Some(calling) = self.calling.as_deref_mut() else { return Err(GONE) };
        let Calling { forks, twigs, tuned, .. } = calling;
        let twig = &mut twigs[at];
        let dialog = forks.dialogs().iter_mut().find(|dialog| *dialog.id().remote == *twig.tag).ok_or(GONE)?;
        // RFC 3261 §15: the called side ends an early dialog by its final response, not by BYE.
        if *request.method() == Method::Bye {
            return Err(GONE);
        }
        dialog.hear(request)?;
        unfit::extensions(request, reliable)?;
        match request.method() {
            Method::Update => {
                let sound = update(dialog, twig.offers.as_deref_mut(), id, request, hop, cx)?;
                if sound {
                    let after = twig.offers.as_ref().and_then(|offers| offers.sound());
                    tune(tuned.take(), after, cx.acts);
                    *tuned = after.cloned();
                }
                Ok(())
            }
            Method::Invite => Err(Unfit::Crossed(None)),
            Method::Options => {
                let reply = Draft::reply(request, hop.peer, 200).text(Name::Allow, super::inside::ALLOW);
                cx.respond(id, &reply);
                Ok(())
            }
            _ => serve_told(id, request, hop, cx),
        }
    }
}

/// What is agreed of sound, and of pictures.
fn both_of(offers: &Offers) -> (Option<Arc<Sound>>, Option<Arc<Sound>>) {
    (offers.sound().cloned(), offers.pictures().cloned())
}

const GONE: Unfit = Unfit::Fault(Fault::new(481, "Call/Transaction Does Not Exist"));

/// An UPDATE in an early dialog; whether the sound may have changed.
fn update(
    dialog: &mut Dialog,
    offers: Option<&mut Offers>,
    id: ServerId,
    request: &Request,
    hop: &Hop,
    cx: &mut Cx<'_>,
) -> Result<bool, Unfit> {
    let offer = description(request)?;
    let offered = offer.is_some();
    if let Err(clash) = dialog.turns.begin(Turn::Theirs, &Method::Update, offered) {
        return Err(Unfit::Crossed(clash.retry_after(cx.tokens.number())));
    }
    let body = match (offer, offers) {
        (Some(offer), Some(offers)) => offers.answer(offer).map(Some),
        // Nothing has been answered in this dialog: ours is still open.
        (Some(_), None) => Err(Unfit::Crossed(None)),
        (None, _) => Ok(None),
    };
    let reply = body.and_then(|body| {
        let reply = dialog.reply(request, hop.peer, 200)?;
        Ok(match body {
            Some(body) => reply.body(SDP, body),
            None => reply,
        })
    });
    let status = reply.as_ref().map_or_else(Unfit::status, |_| 200);
    if offered && status == 200 {
        dialog.turns.answered();
    }
    dialog.turns.finish(&Method::Update, status);
    cx.respond(id, &reply?);
    Ok(offered)
}
