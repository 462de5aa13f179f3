//! Other people's phones in a call: baresip and linphone hold, take back and transfer, and phones that hear say what came of it.

use std::time::Duration;

use patchcord_lab::{
    Account, Baresip, Carrier, Conduct, Handset, Keypad, Lab, Linphone, Model, Server, Verdict, eventually,
};

use crate::calling::{at_home, house};

/// What baresip speaks.
const HZ: f64 = 700.0;

fn alice(server: &Server) -> Account<'static> {
    Account { carrier: Carrier::Udp, server: server.address(Carrier::Udp), user: "alice", password: "secret" }
}

/// Bob and carol, who answer.
async fn both(lab: &Lab, server: &Server) -> (Handset, Handset) {
    let answers = Model::new().when_called(Conduct::Answer);
    (
        at_home(lab, server, "bob", Carrier::Udp, &answers).await,
        at_home(lab, server, "carol", Carrier::Tcp, &answers).await,
    )
}

/// Whether that phone hears the tone of baresip, sooner or later.
async fn hears_the_tone(phone: &Handset, wanted: bool) {
    eventually("the tone is heard, or no longer", async || {
        let heard = phone.listens(Duration::from_millis(500)).await;
        let loud = heard.tone(HZ) > -30.0;
        (loud == wanted).then_some(())
    })
    .await;
}

#[tokio::test]
async fn baresip_holds_takes_back_and_transfers() {
    let server = house().await;
    let lab = Lab::open();
    let (bob, carol) = both(&lab, &server).await;
    let mut baresip = Baresip::calling(&alice(&server), HZ as u32, Keypad::Events);
    assert_eq!(baresip.verdict().await, Verdict::Registered);
    baresip.dial("102").await;
    hears_the_tone(&bob, true).await;
    baresip.holds().await;
    hears_the_tone(&bob, false).await;
    bob.comes_to_hear_sound().await;
    baresip.resumes().await;
    hears_the_tone(&bob, true).await;
    baresip.transfers_to("103").await;
    bob.comes_to_hear(&[&carol]).await;
    carol.comes_to_hear(&[&bob]).await;
}

#[tokio::test]
async fn linphone_holds_takes_back_and_transfers() {
    let server = house().await;
    let lab = Lab::open();
    let (bob, carol) = both(&lab, &server).await;
    let mut linphone = Linphone::start(&alice(&server)).await;
    assert_eq!(linphone.verdict().await, Verdict::Registered);
    linphone.dial("102").await;
    linphone.holds().await;
    bob.comes_to_hear_sound().await;
    linphone.resumes().await;
    linphone.says(HZ as u32).await;
    hears_the_tone(&bob, true).await;
    linphone.transfers_to("103").await;
    bob.comes_to_hear(&[&carol]).await;
    carol.comes_to_hear(&[&bob]).await;
}
