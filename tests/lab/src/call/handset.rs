//! A phone that calls, as a test has it in hand: what it is told, and what it is asked.
//!
//! Orders that need a call wait for it, questions wait for the fact; both with a deadline and never for mere time. A phone
//! may have several calls; what is said here is about the one that it made or took last and that is not over.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use patchcord_sip::Method;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant as Deadline, interval, timeout, timeout_at};

use super::lab::{Choirs, Voices};
use super::leg::{Ending, Leg, Stage};
use super::machine::{Errand, Machine};
use super::model::Model;
use super::wire::{Arrival, Wire};
use crate::clock;
use crate::reply::Reply;
use crate::sound::voice::Voice;
use crate::wait::PATIENCE;

/// How often a fact is asked for.
pub(super) const BETWEEN_QUESTIONS: Duration = Duration::from_millis(10);
/// What is shown of a phone's messages when a test fails.
const SHOWN: usize = 12;

/// A machine, and who wakes it.
pub(super) struct Set {
    machine: Mutex<Machine>,
    bell: Notify,
}

impl Set {
    pub fn machine(&self) -> MutexGuard<'_, Machine> {
        // A test that fails with a phone in hand still wants to say why.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the machine and sends what comes of it.
    pub fn act<T>(&self, deed: impl FnOnce(&mut Machine, Instant) -> T) -> T {
        let now = clock::now();
        let mut machine = self.machine();
        let done = deed(&mut machine, now);
        machine.flush(now);
        drop(machine);
        self.bell.notify_one();
        done
    }
}

/// What is said with an INVITE beyond the usual.
#[derive(Debug, Clone, Default)]
pub struct Invitation {
    target: String,
    headers: Vec<(String, String)>,
    without_offer: bool,
}

impl Invitation {
    /// To this number or address.
    pub fn to(target: &str) -> Self {
        Self { target: target.to_owned(), ..Self::default() }
    }

    /// One more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without an offer: the other side has to make one.
    pub fn without_offer(mut self) -> Self {
        self.without_offer = true;
        self
    }
}

/// See the module.
pub struct Handset {
    pub(super) set: Arc<Set>,
    pub(super) voices: Voices,
    pub(super) beat: watch::Receiver<Instant>,
    name: String,
    voice: Voice,
    driver: tokio::task::AbortHandle,
}

impl Handset {
    pub(super) fn open(
        name: &str,
        model: Model,
        voice: Voice,
        choirs: Choirs,
        voices: Voices,
        beat: watch::Receiver<Instant>,
        lab: &Handle,
    ) -> Self {
        let (transport, ip) = (model.transport, model.ip);
        let machine = Machine::new(name, model, voice.clone(), choirs, lab);
        let set = Arc::new(Set { machine: Mutex::new(machine), bell: Notify::new() });
        let up = Arc::downgrade(&set);
        let wire = Wire::open(
            transport,
            ip,
            lab,
            Arc::new(move |arrival| {
                let Some(set) = up.upgrade() else { return };
                set.act(|machine, now| match arrival {
                    Arrival::Message(bytes, hop) => machine.receive(bytes, hop, now),
                    Arrival::Closed(flow) => machine.closed(flow),
                });
            }),
        );
        set.machine().wire = Some(wire);
        let driver = lab.spawn(drive(set.clone())).abort_handle();
        Self { set, voices, beat, name: name.to_owned(), voice, driver }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its tone.
    pub fn voice(&self) -> &Voice {
        &self.voice
    }

    /// The address at which it can be called directly.
    pub fn uri(&self) -> String {
        self.set.machine().uri()
    }

    /// Waits for a fact about this phone; panics with its name and what the phone heard last when it does not come.
    pub(crate) async fn until<T>(&self, fact: &str, mut ask: impl FnMut(&mut Machine) -> Option<T>) -> T {
        let asking = async {
            let mut rhythm = interval(BETWEEN_QUESTIONS);
            loop {
                rhythm.tick().await;
                if let Some(answer) = ask(&mut self.set.machine()) {
                    return answer;
                }
            }
        };
        match timeout(PATIENCE, asking).await {
            Ok(answer) => answer,
            Err(_) => panic!("waited {PATIENCE:?} in vain: {} {fact}\n{}", self.name, self.last_heard()),
        }
    }

    fn last_heard(&self) -> String {
        let machine = self.set.machine();
        let from = machine.journal.len().saturating_sub(SHOWN);
        machine.journal[from..].iter().map(|reply| format!("--- heard:\n{}\n", reply.text())).collect()
    }

    /// Registers with its server; gives the status of the final answer.
    pub async fn registers(&self) -> u16 {
        self.registers_for(600).await
    }

    /// Registers for that many seconds; 0 takes it back.
    pub async fn registers_for(&self, seconds: u32) -> u16 {
        self.set.act(|machine, now| machine.register(seconds, now));
        self.until("hears how it is registered", |machine| machine.registered).await
    }

    /// Calls a number at its server, or an address. What follows waits for what it needs.
    pub fn dial(&self, number: &str) {
        self.invites(&Invitation::to(number));
    }

    /// The same with more to say.
    pub fn invites(&self, invitation: &Invitation) {
        let Invitation { target, headers, without_offer } = invitation.clone();
        self.set.act(|machine, now| {
            let target = machine.target(&target);
            machine.invite(&target, headers, !without_offer, now);
        });
    }

    /// Waits until this phone is called.
    pub async fn is_called(&self) {
        self.until("is called", ringing).await;
    }

    /// Waits until this phone is called, and answers; the call stands when this returns.
    pub async fn answers(&self) {
        let leg = self.until("is called", ringing).await;
        self.set.act(|machine, now| machine.answer(leg, now));
        self.until("hears that its answer has arrived", |machine| {
            (machine.legs[leg].stage != Stage::Unacknowledged).then_some(())
        })
        .await;
    }

    /// Waits until this phone is called, and plays early sound: 183 with a description.
    pub async fn plays_early(&self) {
        self.says_provisionally(183, true).await;
    }

    /// Waits until this phone is called, and says that status: with sound or without.
    pub async fn says_provisionally(&self, status: u16, with_sound: bool) {
        let leg = self.until("is called", ringing).await;
        self.set.act(|machine, now| machine.ring(leg, status, with_sound, now));
    }

    /// Waits until this phone is called, and refuses: 486 is busy, 603 declines.
    pub async fn refuses(&self, status: u16) {
        let leg = self.until("is called", ringing).await;
        self.set.act(|machine, now| machine.refuse_call(leg, status, None, now));
    }

    /// Waits until this phone is called, and sends the caller elsewhere (302).
    pub async fn redirects_to(&self, address: &str) {
        let leg = self.until("is called", ringing).await;
        self.set.act(|machine, now| machine.refuse_call(leg, 302, Some(address), now));
    }

    /// Waits until the phone that was called rings: the status that said so.
    pub async fn hears_ringing(&self) -> u16 {
        let rings = |stage: &Stage| match stage {
            Stage::Rings(status) => Some(*status),
            _ => None,
        };
        self.until("hears that it rings", |machine| rings(&current(machine)?.stage)).await
    }

    /// Waits until its call is answered.
    pub async fn is_answered(&self) {
        let answered = |leg: &Leg| match &leg.stage {
            Stage::Up => Some(None),
            Stage::Over(ending) => Some(Some(ending.clone())),
            _ => None,
        };
        let ending = self.until("is answered", |machine| answered(current(machine)?)).await;
        assert_eq!(ending, None, "the call of {} is over instead of answered", self.name);
    }

    /// Waits until its call is refused: the status.
    pub async fn is_refused(&self) -> u16 {
        let ending = self.is_over().await;
        ending.status.unwrap_or_else(|| panic!("the call was answered before it ended: {ending:?}"))
    }

    /// Waits until its last call is over: who ended it, and how.
    pub async fn is_over(&self) -> Ending {
        self.until("hears that its call is over", |machine| match &machine.legs.last()?.stage {
            Stage::Over(ending) => Some(ending.clone()),
            _ => None,
        })
        .await
    }

    /// Ends its call, however far it is, and waits until that is so.
    pub async fn hangs_up(&self) {
        let leg = self.leg();
        self.set.act(|machine, now| machine.end_call(leg, now));
        self.until("has hung up", |machine| machine.legs[leg].is_over().then_some(())).await;
        self.until("hears that its BYE has arrived", |machine| {
            let silent = machine.errands.values().all(
                |errand| !matches!(errand, Errand::Inside { leg: of, say, .. } if *of == leg && say.method == Method::Bye),
            );
            silent.then_some(())
        })
        .await;
    }

    /// The header of the INVITE by which this phone was called last.
    pub fn was_called_with(&self, header: &str) -> Option<String> {
        let heard = self.heard();
        let invite = heard.iter().rev().find(|heard| heard.text().starts_with("INVITE "))?;
        invite.header(header).map(str::to_owned)
    }

    /// Every message that came, in order.
    pub fn heard(&self) -> Vec<Reply> {
        self.set.machine().journal.clone()
    }

    /// Has everything that this phone sends go through `twist` first, which may change or swallow it.
    pub fn twists(&self, twist: impl FnMut(&str) -> Option<String> + Send + 'static) {
        self.set.machine().twist = Some(Box::new(twist));
    }

    /// Has every description of its sound that this phone sends from its next call on go through `edit`: other attributes,
    /// other parts, nonsense. The message around it stays in order.
    pub fn describes(&self, edit: impl Fn(&str) -> String + Send + Sync + 'static) {
        self.set.machine().edit = Some(Arc::new(edit));
    }

    /// Hangs up every connection without a word, as a phone that loses its network. UDP has none.
    pub fn loses_connections(&self) {
        self.set.machine().wire().hang_up();
    }

    /// Waits until its call stands.
    pub(super) async fn is_in_call(&self) {
        self.until("is in a call", |machine| current(machine)?.is_up().then_some(())).await;
    }

    /// Waits until its call has sound, early or not.
    pub(super) async fn has_sound(&self) {
        self.until("has sound", |machine| current(machine)?.talk.agreed.as_ref().map(drop)).await;
    }

    /// The call that orders are about.
    pub(super) fn leg(&self) -> usize {
        let machine = self.set.machine();
        let open = machine.legs.iter().rposition(|leg| !leg.is_over());
        open.or(machine.legs.len().checked_sub(1)).unwrap_or_else(|| panic!("{} has no call", self.name))
    }

    /// Writes all that it remembers of its call to a WAV file.
    pub fn saves(&self, path: &Path) {
        let leg = self.leg();
        let port = self.set.machine().legs[leg].port.clone();
        let ends = port.ends();
        crate::sound::wav::write(path, ends.ear.tape().rate(), ends.ear.tape().all());
    }
}

impl Drop for Handset {
    fn drop(&mut self) {
        self.driver.abort();
        let mut machine = self.set.machine();
        machine.legs.iter().for_each(|leg| leg.port.close());
        if let Some(wire) = machine.wire.take() {
            wire.close();
        }
    }
}

fn ringing(machine: &mut Machine) -> Option<usize> {
    machine.legs.iter().rposition(Leg::is_calling_us)
}

pub(super) fn current(machine: &Machine) -> Option<&Leg> {
    machine.legs.iter().rfind(|leg| !leg.is_over()).or(machine.legs.last())
}

/// Wakes a machine when something is due.
async fn drive(set: Arc<Set>) {
    loop {
        let deadline = set.machine().deadline();
        match deadline {
            None => set.bell.notified().await,
            Some(due) => {
                // Either way the machine is asked again.
                let _rung = timeout_at(Deadline::from_std(due), set.bell.notified()).await;
                if due <= clock::now() {
                    set.act(|machine, now| machine.wake(now));
                }
            }
        }
    }
}
