//! Holding a party and passing it on: by us, by its own phone, or because it asked.

use std::rc::Rc;

use patchcord_engine::call::event::ReferWish;
use patchcord_engine::call::verb::Transfer;
use patchcord_engine::call::{LegId, Outcome, Verb};
use patchcord_engine::errand::{Brought, Errand};
use rhai::{Dynamic, Engine, Map};

use super::given::Given;
use super::kind::Kind;
use super::leg::simple;
use super::shape::{Shape, field, gives, may_be};
use super::{Answer, Leg, Of, Word, ended, part};

/// The wish of a party to be transferred.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The leg of the party.
    pub leg: LegId,
    /// What it asked for.
    pub said: Rc<ReferWish>,
}

/// Teaches Rhai what a wish says.
pub(super) fn register(engine: &mut Engine) {
    for show in ["to_string", "to_debug"] {
        engine.register_fn(show, |wish: &mut Wish| format!("the wish to be transferred to {}", wish.said.to));
    }
    engine.register_get("to", |wish: &mut Wish| {
        let uri = wish.said.to.as_str();
        let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
        let address = rest.split([';', '?']).next().unwrap_or(rest);
        let (user, host) = address.split_once('@').unwrap_or((address, ""));
        Map::from([("uri".into(), uri.into()), ("user".into(), user.into()), ("host".into(), host.into())])
    });
    engine.register_get("replaces", |wish: &mut Wish| {
        wish.said.replaces.is_some() || wish.said.replaces_elsewhere.is_some()
    });
}

pub(super) const WORDS: &[Word] = &[
    Word {
        of: Of::Leg,
        name: "hold",
        takes: &[],
        needs: 0,
        options: &[part("music", Kind::Text, "What the party hears; the house's music where it is missing.")],
        ends: &["ok", "gone"],
        gives: gives!("hold"),
        says: "Holds a party: it hears music, and nobody hears it.",
        does: |given| {
            let music = given.text("music");
            simple(given, |leg| Verb::Hold(leg, music))
        },
    },
    Word {
        of: Of::Leg,
        name: "unhold",
        takes: &[],
        needs: 0,
        options: &[],
        ends: &["ok", "gone"],
        gives: gives!("unhold"),
        says: "Takes that back.",
        does: |given| simple(given, Verb::Unhold),
    },
    Word {
        of: Of::Leg,
        name: "transfer",
        takes: &[part(
            "to",
            Kind::Text,
            "To whom, as a target of dial. Where that is a service, as \"service:voicemail\" or a number that leads to one, it takes the party, and nothing behind the transfer is done.",
        )],
        needs: 1,
        options: &[
            part(
                "kind",
                Kind::OneOf(&["blind", "attended"]),
                "Whether the one who transfers stays until it is answered; \"blind\" where it is missing.",
            ),
            part(
                "return_on_fail",
                Kind::Flag,
                "Whether the party comes back when it fails; it does where it is missing.",
            ),
        ],
        ends: &["completed", "failed", "returned", "gone"],
        gives: gives!("transfer", field("sip", Shape::Number)),
        says: "Transfers the party to somebody else through us; the last status of SIP is `.sip`.",
        does: |given| {
            let Leg(leg) = given.leg();
            let transfer = Transfer {
                to: given.needed("to"),
                attended: given.text("kind").is_some_and(|kind| kind == "attended"),
                return_on_fail: given.flag("return_on_fail").unwrap_or(true),
            };
            transferred(given, Verb::Transfer(leg, transfer))
        },
    },
    Word {
        of: Of::Leg,
        name: "refer",
        takes: &[part("to", Kind::Text, "To whom, as \"sip:bob@example.org\".")],
        needs: 1,
        options: &[],
        ends: &["completed", "failed", "gone"],
        gives: gives!("refer", field("sip", Shape::Number)),
        says: "Asks the party's own phone to call somebody else (REFER); the last status of SIP is `.sip`.",
        does: |given| {
            let verb = Verb::Refer(given.leg().0, given.needed("to"));
            transferred(given, verb)
        },
    },
    Word {
        of: Of::Leg,
        name: "merge",
        takes: &[],
        needs: 0,
        options: &[],
        ends: &["ok", "failed", "gone"],
        gives: gives!("merge", may_be("why", &Shape::Text, "both calls were merged")),
        says: "Merges two calls of a phone into a three-way call: the party, whoever it talks with, and whoever talks with the same endpoint in its latest other call go on in one room. `failed` where it has no other call in which somebody talks with it; why is `.why`.",
        does: |given| {
            let Leg(leg) = given.leg();
            let errand = Verb::Errand(Box::new(Errand::Merge(leg)));
            let (status, why) = match given.scene()?.want(given, Some(leg), errand)? {
                Outcome::Brought(brought) => match *brought {
                    Brought::Answer(Ok(_)) => ("ok", Dynamic::UNIT),
                    Brought::Answer(Err(why)) => ("failed", why.into()),
                    _ => return Err(given.wrong("the house gave another answer")),
                },
                other => (super::sound::status_of(&other), Dynamic::UNIT),
            };
            Ok(ended(status, [("why", why)]))
        },
    },
    Word {
        of: Of::Wish,
        name: "accept",
        takes: &[],
        needs: 0,
        options: &[],
        ends: &["ok", "gone"],
        gives: gives!("accept"),
        says: "Says yes to a party that asked to be transferred.",
        does: |given| answer(given, Verb::AcceptRefer),
    },
    Word {
        of: Of::Wish,
        name: "reject",
        takes: &[part("code", Kind::Number, "The SIP status, from 400 to 699; 603 where it is missing.")],
        needs: 0,
        options: &[],
        ends: &["ok", "gone"],
        gives: gives!("reject"),
        says: "Says no.",
        does: |given| {
            let code = given.number("code", 400, 699)?.unwrap_or(603);
            answer(given, |leg| Verb::RejectRefer(leg, u16::try_from(code).unwrap_or(603)))
        },
    },
];

fn answer(given: &Given<'_>, verb: impl FnOnce(LegId) -> Verb) -> Answer {
    let leg = given.wish().leg;
    let status = given.scene()?.want_status(given, leg, verb(leg))?;
    Ok(ended(status.word(), []))
}

fn transferred(given: &Given<'_>, verb: Verb) -> Answer {
    Ok(match given.scene()?.want(given, Some(given.leg().0), verb)? {
        Outcome::Transferred { status, sip } => ended(status.word(), [("sip", i64::from(sip).into())]),
        other => ended(super::sound::status_of(&other), [("sip", Dynamic::from(0_i64))]),
    })
}
