//! The lab's own phones, phone to phone on loopback: what a test may believe when it says whom it hears.

mod calls;
mod changes;
mod crowd;
mod refusals;
mod ringing;
mod sound;
mod transfers;

use patchcord_lab::{Handset, Lab, Model};

/// Two phones of a model.
fn two_of(lab: &Lab, model: &Model) -> (Handset, Handset) {
    (lab.phone_like("alice", model), lab.phone_like("bob", model))
}

/// Two phones in a call that stands.
async fn two_in_a_call(lab: &Lab, model: &Model) -> (Handset, Handset) {
    let (alice, bob) = two_of(lab, model);
    call(&alice, &bob).await;
    (alice, bob)
}

/// Has one phone call another that answers.
async fn call(from: &Handset, to: &Handset) {
    from.dial(&to.uri());
    to.answers().await;
    from.is_answered().await;
}
