//! Flows of RFC 3665, 5359 and 5589 with SIPp on both sides: who is sent what, in which order, and nothing besides.
//!
//! What is heard is proved elsewhere, by phones that hear; here somebody who knows nothing of us reads every message.

use patchcord_lab::{Account, Carrier, Conduct, Flow, Lab, Model, Place, Server, Setup};

use crate::calling::at_home;
use crate::records::records;
use crate::setup;
use crate::three_way::escaped;

/// SIPp has no TLS.
const CARRIERS: [Carrier; 2] = [Carrier::Udp, Carrier::Tcp];

/// A server whose number 77 leads to the carrier at `there`, and alice, who may call it.
async fn house(there: &Place, more: &str) -> Server {
    house_of(setup(), there, more).await
}

async fn house_of(setup: Setup, there: &Place, more: &str) -> Server {
    let trunk = format!(
        "[[trunk]]\nname = \"north\"\nservers = [\"{}\"]\nfrom = [\"192.0.2.1\"]\noptions = false\n[[route]]\nnumber = \"77\"\ntrunk = \"north\"\n{more}",
        there.uri()
    );
    setup.endpoint_with("alice", "secret", "number = \"101\"").toml(&trunk).start().await
}

/// Plays both sides over each carrier.
pub async fn both(caller: impl Fn(&Account<'_>) -> Flow, callee: Flow) {
    for carrier in CARRIERS {
        let (here, there) = (Place::on(carrier), Place::on(carrier));
        let server = house(&there, "").await;
        let address = server.address(carrier);
        let account = Account { carrier, server: address, user: "alice", password: "secret" };
        let called = there.expects(&callee, address).await;
        here.plays(&caller(&account), address).ends_well().await;
        called.ends_well().await;
    }
}

/// Rings and is answered.
fn answered() -> Flow {
    Flow::called().answers("180 Ringing", "", "").answers("200 OK", "", Flow::sound()).is_asked("ACK")
}

fn talks(account: &Account<'_>) -> Flow {
    Flow::calls(account, "77").hears(180).hears(200).ack()
}

#[tokio::test]
async fn a_call_is_answered_and_the_caller_hangs_up() {
    both(|alice| talks(alice).waits(200).hangs_up(), answered().is_hung_up()).await;
}

#[tokio::test]
async fn a_call_is_answered_and_the_callee_hangs_up() {
    both(|alice| talks(alice).is_hung_up(), answered().waits(200).hangs_up_back()).await;
}

#[tokio::test]
async fn sound_before_the_answer_goes_through() {
    let early = Flow::called().answers("183 Session Progress", "", Flow::sound()).waits(200);
    let callee = early.answers("200 OK", "", Flow::sound()).is_asked("ACK").is_hung_up();
    both(|alice| Flow::calls(alice, "77").hears(183).hears(200).ack().hangs_up(), callee).await;
}

#[tokio::test]
async fn who_gives_up_while_it_rings_ends_the_ringing() {
    let callee = Flow::called().answers("180 Ringing", "", "").is_asked("CANCEL").says("200 OK");
    let callee = callee.refuses_invite("487 Request Terminated").is_asked("ACK");
    both(|alice| Flow::calls(alice, "77").hears(180).cancels().hears(200).hears(487).ack_refusal(), callee).await;
}

#[tokio::test]
async fn what_the_callee_says_instead_of_answering_the_caller_hears() {
    for (said, heard) in
        [("486 Busy Here", 486), ("480 Temporarily Unavailable", 480), ("603 Decline", 603), ("404 Not Found", 404)]
    {
        let callee = Flow::called().answers(said, "", "").is_asked("ACK");
        both(|alice| Flow::calls(alice, "77").hears(heard).ack_refusal(), callee).await;
    }
}

#[tokio::test]
async fn a_call_without_an_offer_gets_one_and_answers_it() {
    let callee = Flow::called().answers("180 Ringing", "", "").answers("200 OK", "", Flow::sound()).is_asked("ACK");
    both(
        |alice| {
            Flow::calls_with(alice, "77", "", "").hears(180).hears(200).ack_with(Flow::sound()).waits(200).hangs_up()
        },
        callee.is_hung_up(),
    )
    .await;
}

#[tokio::test]
async fn a_call_is_held_and_resumed() {
    let held = Flow::sound().to_owned() + "a=sendonly\n";
    both(
        |alice| {
            let held = talks(alice).waits(100).asks("INVITE", "", &held).hears(200).ack();
            held.waits(200).asks("INVITE", "", Flow::sound()).hears(200).ack().waits(100).hangs_up()
        },
        answered().is_hung_up(),
    )
    .await;
}

#[tokio::test]
async fn a_caller_that_wants_its_provisional_answers_reliably_gets_them_so() {
    let callee = Flow::called().answers("180 Ringing", "", "").waits(200).answers("200 OK", "", Flow::sound());
    both(
        |alice| {
            let rings = Flow::calls_with(alice, "77", "Require: 100rel\n", Flow::sound()).hears_reliably(180).prack();
            rings.hears(200).hears(200).ack().waits(100).hangs_up()
        },
        callee.is_asked("ACK").is_hung_up(),
    )
    .await;
}

#[tokio::test]
async fn a_session_that_is_too_short_is_refused_with_the_least_that_we_take() {
    for carrier in CARRIERS {
        let (here, there) = (Place::on(carrier), Place::on(carrier));
        let server = house(&there, "").await;
        let address = server.address(carrier);
        let account = Account { carrier, server: address, user: "alice", password: "secret" };
        let timer = "Supported: timer\nSession-Expires: 30\n";
        let caller =
            Flow::calls_with(&account, "77", timer, Flow::sound()).hears_with(422, "Min-SE: *90").ack_refusal();
        here.plays(&caller, address).ends_well().await;
    }
}

#[tokio::test]
async fn a_blind_transfer_tells_the_one_who_transfers_how_it_goes_and_leaves_the_others_to_each_other() {
    for carrier in CARRIERS {
        let [here, there, target] = [(); 3].map(|()| Place::on(carrier));
        let server = house(&there, &south(&target)).await;
        let address = server.address(carrier);
        let account = Account { carrier, server: address, user: "alice", password: "secret" };
        let refers = talks(&account).waits(100).asks("REFER", "Refer-To: <sip:78@[remote_ip]:[remote_port]>\n", "");
        let told = refers.hears(202).is_asked_with("NOTIFY", "SIP/2.0 100").says("200 OK");
        let told = told.is_asked_with("NOTIFY", "SIP/2.0 200").says("200 OK").is_hung_up();

        // Who is passed on is told with whom it talks now.
        let told_so = answered().is_asked_with("INVITE", "P-Asserted-Identity: .*78");
        let told_so = told_so.says_with("200 OK", "", Flow::sound()).is_asked("ACK");
        let passed_on = there.expects(&told_so.waits(1500).hangs_up_back(), address).await;
        // Progress that comes faster than it is read is told by its last word: whoever is called takes its time.
        let answers = Flow::called().waits(500).answers("200 OK", "", Flow::sound()).is_asked("ACK").is_hung_up();
        let reached = target.expects(&answers, address).await;
        here.plays(&told, address).ends_well().await;
        passed_on.ends_well().await;
        reached.ends_well().await;
    }
}

#[tokio::test]
async fn an_attended_transfer_joins_those_with_whom_somebody_talks_and_lets_it_go() {
    for carrier in CARRIERS {
        let [here, aside, there, target] = [(); 4].map(|()| Place::on(carrier));
        let server = house(&there, &south(&target)).await;
        let address = server.address(carrier);
        let account = Account { carrier, server: address, user: "alice", password: "secret" };
        // Either one is told with whom it talks now; the one who is passed on hangs up later.
        let told_so = |by: &str| {
            let told = answered().is_asked_with("INVITE", &format!("P-Asserted-Identity: .*{by}"));
            told.says_with("200 OK", "", Flow::sound()).is_asked("ACK")
        };
        let passed_on = there.expects(&told_so("78").waits(500).hangs_up_back(), address).await;
        let reached = target.expects(&told_so("77").is_hung_up(), address).await;
        let consults = aside.plays(&Flow::calls(&account, "78").hears(180).hears(200).ack().is_hung_up(), address);
        let dialog = escaped(&consults.dialog().await);
        // SIPp cannot take what comes while it answers: it wants to hear nothing of how it goes (RFC 4488).
        let refer_to = format!("Refer-To: <sip:78@[remote_ip]:[remote_port]?Replaces={dialog}>\nRefer-Sub: false\n");
        let refers = talks(&account).waits(100).asks("REFER", &refer_to, "").hears(200).is_hung_up();
        here.plays(&refers, address).ends_well().await;
        consults.ends_well().await;
        passed_on.ends_well().await;
        reached.ends_well().await;
        let told = records(&server, 2).await;
        let passed: Vec<_> = told.iter().filter_map(|told| told["record"]["passed"].as_array()).flatten().collect();
        assert!(passed.iter().any(|passed| passed["sip"] == 200), "{told:#?}");
    }
}

#[tokio::test]
async fn who_does_not_answer_is_stopped_and_the_next_one_is_called() {
    for carrier in CARRIERS {
        let [here, there, target] = [(); 3].map(|()| Place::on(carrier));
        let hunts =
            "fn on_invite(caller) { caller.dial([\"77\", \"78\"], #{ strategy: \"one_by_one\", ring: 1.s() }); }";
        let route = "[[route]]\nnumber = \"80\"\nservice = \"hunt\"\n";
        let server = house_of(setup().service("hunt", hunts), &there, &(south(&target) + route)).await;
        let address = server.address(carrier);
        let account = Account { carrier, server: address, user: "alice", password: "secret" };
        let stopped = Flow::called().answers("180 Ringing", "", "").is_asked("CANCEL").says("200 OK");
        let stopped = stopped.refuses_invite("487 Request Terminated").is_asked("ACK");
        let stopped = there.expects(&stopped, address).await;
        let takes = target.expects(&answered().is_hung_up(), address).await;
        let caller = Flow::calls(&account, "80").hears(180).hears(200).ack().waits(100).hangs_up();
        here.plays(&caller, address).ends_well().await;
        stopped.ends_well().await;
        takes.ends_well().await;
        let told = records(&server, 1).await;
        let legs = told[0]["record"]["legs"].as_array().expect("legs");
        assert_eq!(legs.len(), 3, "{told:#?}");
        let call = told[0]["record"]["call"].as_str().expect("an id");
        let (ladder, fine) = server.run(&["calls", "show", call], "").await;
        assert!(fine && ladder.contains("CANCEL"), "what we said ourselves stands in the ladder: {ladder}");
        assert!(legs[1]["answered_us"].is_null() && !legs[2]["answered_us"].is_null(), "{told:#?}");
    }
}

#[tokio::test]
async fn a_call_goes_on_by_the_next_carrier_when_the_first_has_failed() {
    for carrier in CARRIERS {
        let [here, there, target] = [(); 3].map(|()| Place::on(carrier));
        let server =
            house(&there, &(south(&target) + "[[route]]\nnumber = \"79\"\ntrunk = [\"north\", \"south\"]\n")).await;
        let address = server.address(carrier);
        let account = Account { carrier, server: address, user: "alice", password: "secret" };
        let fails =
            there.expects(&Flow::called().answers("503 Service Unavailable", "", "").is_asked("ACK"), address).await;
        let takes = target.expects(&answered().is_hung_up(), address).await;
        let caller = Flow::calls(&account, "79").hears(180).hears(200).ack().waits(100).hangs_up();
        here.plays(&caller, address).ends_well().await;
        fails.ends_well().await;
        takes.ends_well().await;
    }
}

#[tokio::test]
async fn who_is_sent_elsewhere_by_the_callee_is_called_there() {
    for carrier in CARRIERS {
        let [here, there, target] = [(); 3].map(|()| Place::on(carrier));
        let server = house(&there, &south(&target)).await;
        let address = server.address(carrier);
        let account = Account { carrier, server: address, user: "alice", password: "secret" };
        let moved =
            Flow::called().answers_to("302 Moved Temporarily", "<sip:78@[remote_ip]:[remote_port]>").is_asked("ACK");
        let moved = there.expects(&moved, address).await;
        let takes = target.expects(&answered().is_hung_up(), address).await;
        here.plays(&talks(&account).waits(100).hangs_up(), address).ends_well().await;
        moved.ends_well().await;
        takes.ends_well().await;
    }
}

/// Bob's phone behaves so, his calls go on to the carrier by that rule, and alice talks there in the end.
async fn forwards(rule: &str, bob: Option<Conduct>) {
    for carrier in CARRIERS {
        let [here, there] = [(); 2].map(|()| Place::on(carrier));
        let bobs = format!(
            "[[endpoint]]\nuser = \"bob\"\npassword = \"secret\"\nnumber = \"102\"\nforward = {{ {rule} = \"77\", after = \"1s\" }}\n"
        );
        let server = house(&there, &bobs).await;
        let lab = Lab::open();
        let phone = match bob {
            Some(conduct) => {
                Some(at_home(&lab, &server, "bob", Carrier::Udp, &Model::new().when_called(conduct)).await)
            }
            None => None,
        };
        let address = server.address(carrier);
        let account = Account { carrier, server: address, user: "alice", password: "secret" };
        let takes = there.expects(&answered().is_hung_up(), address).await;
        let caller = Flow::calls(&account, "102").hears(180).hears(200).ack().waits(100).hangs_up();
        here.plays(&caller, address).ends_well().await;
        takes.ends_well().await;
        drop(phone);
    }
}

#[tokio::test]
async fn a_call_is_forwarded_without_a_condition() {
    forwards("always", None).await;
}

#[tokio::test]
async fn a_call_is_forwarded_when_the_callee_is_busy() {
    forwards("busy", Some(Conduct::Refuse(486))).await;
}

#[tokio::test]
async fn a_call_is_forwarded_when_nobody_answers() {
    forwards("no_answer", Some(Conduct::Ring)).await;
}

#[tokio::test]
async fn a_phone_that_rings_and_is_not_answered_is_stopped_and_the_caller_hears_so() {
    for carrier in CARRIERS {
        let [here, there] = [(); 2].map(|()| Place::on(carrier));
        let bobs =
            "[[endpoint]]\nuser = \"bob\"\npassword = \"secret\"\nnumber = \"102\"\nforward = { after = \"1s\" }\n";
        let server = house(&there, bobs).await;
        let lab = Lab::open();
        let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
        let address = server.address(carrier);
        let account = Account { carrier, server: address, user: "alice", password: "secret" };
        let caller = Flow::calls(&account, "102").hears(180).hears(480).ack_refusal();
        here.plays(&caller, address).ends_well().await;
        bob.is_over().await;
    }
}

/// A second carrier, for 78.
fn south(target: &Place) -> String {
    format!(
        "[[trunk]]\nname = \"south\"\nservers = [\"{}\"]\nfrom = [\"192.0.2.2\"]\noptions = false\n[[route]]\nnumber = \"78\"\ntrunk = \"south\"\n",
        target.uri()
    )
}
