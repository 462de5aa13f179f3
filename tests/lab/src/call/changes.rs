//! What a phone changes in a call that stands: hold, codecs, who talks to whom.

use patchcord_media::codec::Kind;
use patchcord_sip::Method;

use super::handset::Handset;
use super::leg::Leg;
use super::machine::{Machine, Say};
use super::talk::Hold;

impl Handset {
    /// Puts the other side on hold, and waits until it knows.
    pub async fn holds(&self) {
        self.holds_by(Hold::SendOnly).await;
    }

    /// The same by another way of saying so.
    pub async fn holds_by(&self, hold: Hold) {
        self.offers_again(Method::Invite, |leg| leg.talk.hold = Some(hold)).await;
    }

    /// Takes the other side back from hold.
    pub async fn resumes(&self) {
        self.offers_again(Method::Invite, |leg| leg.talk.hold = None).await;
    }

    /// Offers other codecs from now on, by another INVITE.
    pub async fn changes_codecs(&self, codecs: &[Kind]) -> u16 {
        self.offers_again(Method::Invite, |leg| leg.talk.codecs = codecs.to_vec()).await
    }

    /// Offers what it has offered again, by UPDATE. Gives the status.
    pub async fn updates(&self) -> u16 {
        self.offers_again(Method::Update, |_| {}).await
    }

    async fn offers_again(&self, method: Method, change: impl FnOnce(&mut Leg)) -> u16 {
        self.is_in_call().await;
        let leg = self.leg();
        let before = self.set.act(|machine, now| {
            let before = machine.legs[leg].outcomes.len();
            change(&mut machine.legs[leg]);
            machine.offer_by(leg, method.clone(), now);
            before
        });
        self.outcome(leg, &method, before).await
    }

    async fn outcome(&self, leg: usize, method: &Method, before: usize) -> u16 {
        let fact = format!("hears how its {method} is answered");
        let found = |machine: &mut Machine| {
            let outcomes = &machine.legs[leg].outcomes[before..];
            outcomes.iter().find(|outcome| outcome.method == *method).map(|outcome| outcome.status)
        };
        self.until(&fact, found).await
    }

    /// Sends a request of any kind inside its call; gives the status of the answer.
    pub async fn asks(&self, method: &str, headers: &[(&str, &str)], body: Option<(&'static str, &str)>) -> u16 {
        self.is_in_call().await;
        let leg = self.leg();
        let method = Method::parse(method.as_bytes()).expect("a method is a token");
        let say = headers.iter().fold(Say::new(method.clone()), |say, (name, value)| say.with(name, *value));
        let say = match body {
            Some((kind, text)) => say.body(kind, text.to_owned()),
            None => say,
        };
        let before = self.set.act(|machine, now| {
            let before = machine.legs[leg].outcomes.len();
            machine.ask_inside(leg, say, now);
            before
        });
        self.outcome(leg, &method, before).await
    }

    /// Has the other side call somebody else and hangs up when that is answered or refused: the status.
    pub async fn transfers_to(&self, target: &str) -> u16 {
        self.is_in_call().await;
        let leg = self.leg();
        self.transfers(leg, target, None).await
    }

    /// With two calls: brings the two others together, and leaves. The status that the transfer ended with.
    pub async fn joins_its_calls(&self) -> u16 {
        self.is_in_call().await;
        let (first, second, target) = {
            let mut machine = self.set.machine();
            let mut up = machine.legs.iter().enumerate().filter(|(_, leg)| leg.is_up()).map(|(at, _)| at);
            let first = up.next().expect("a first call");
            let second = up.next().expect("a second call");
            let target = machine.legs[second].dialog().expect("a call that stands has a dialog").target().to_owned();
            (first, second, target)
        };
        self.transfers(first, &target, Some(second)).await
    }

    async fn transfers(&self, leg: usize, target: &str, replaced: Option<usize>) -> u16 {
        let before = self.set.act(|machine, now| {
            let before = machine.legs[leg].outcomes.len();
            let target = machine.target(target);
            machine.refer(leg, &target, replaced, now);
            before
        });
        let accepted = self.outcome(leg, &Method::Refer, before).await;
        if accepted >= 300 {
            return accepted;
        }
        let fact = "hears how its transfer ended";
        let status = self
            .until(fact, |machine| {
                let told = machine.legs[leg].progress.as_ref().filter(|told| told.is_final()).map(|told| told.status);
                // Whoever is taken over may be gone before it says so.
                told.or(machine.legs[leg].is_over().then_some(200))
            })
            .await;
        self.set.act(|machine, now| {
            if status < 300 {
                machine.end_call(leg, now);
            }
        });
        status
    }
}
