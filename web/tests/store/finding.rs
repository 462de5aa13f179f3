//! Calls are found by what people ask for, page by page, on both databases.

use std::time::Duration;

use patchcord_engine::journal::{
    Account, Began, By, CallId, Cause, Direction, Fault, Hearing, Journal, LegBegan, LegNumber, Notice, Outcome, Party,
    QualitySample, RecordShelf, Rules, What,
};
use patchcord_sip::hop::Transport;
use patchcord_web::store::{LOOKED_AT, Store, Wanted};

use crate::lab::{Lab, laws, moment};

laws!(
    calls_are_found_by_each_thing_that_is_asked,
    a_call_is_found_by_everybody_who_was_in_it,
    words_and_names_are_found_however_they_are_written,
    each_filter_leads_there_and_the_others_are_looked_at,
    pages_go_on_where_the_last_one_ended,
    a_survey_counts_what_happened,
    what_is_too_old_is_forgotten_and_what_goes_on_is_not,
    only_so_many_calls_are_kept_and_the_eldest_go,
    journals_go_before_their_records,
    all_that_is_kept_too_long_goes_in_one_look
);

fn id(number: u64) -> CallId {
    CallId::new(moment(number), number)
}

/// A call a second: each third is busy, each fifth is recorded, each seventh is tagged.
async fn fill(store: &Store, calls: u64) {
    let batches: Vec<_> = (0..calls)
        .map(|n| {
            let from = Party::named(format!("+4930{n:04}"), if n == 4 { "100%_Eva" } else { "Bob" });
            let service = Some(if n.is_multiple_of(2) { "sales".into() } else { "ring".into() });
            let version = n.is_multiple_of(4).then(|| "two".into());
            let began = Began { service, version, ..Began::new(moment(n), from.clone(), Party::new("102")) };
            let mut journal = Journal::begin(id(n), began, Rules::default());
            let leg = LegBegan {
                leg: LegNumber(0),
                parent: None,
                direction: Direction::Inbound,
                account: Account::Stranger,
                from,
                to: Party::new("102"),
                transport: Transport::Udp,
                peer: "198.51.…#1a2b".into(),
            };
            let at = Duration::from_secs(n);
            journal.note(Duration::ZERO, What::LegBegan(Box::new(leg)));
            journal.note(Duration::from_millis(n), What::Rang(LegNumber(0)));
            if n.is_multiple_of(5) {
                journal.note(at, What::Recording { leg: None, path: format!("day/{n}.wav").into() });
            }
            if n.is_multiple_of(8) {
                let heard = |mos| Hearing { lost_permille: 1, jitter: Duration::ZERO, mos_hundredths: Some(mos) };
                let (good, bad) = (Some(heard(420)), Some(heard(280)));
                let (here, there) = if n.is_multiple_of(16) { (good, bad) } else { (bad, good) };
                let sample = Box::new(QualitySample { here, there, round_trip: None });
                journal.note(at, What::Media { leg: LegNumber(0), notice: Notice::Sampled(sample) });
            }
            if n.is_multiple_of(7) {
                journal.note(at, What::Tag { key: "customer".into(), value: n.to_string().into() });
            }
            let busy = n.is_multiple_of(3);
            let cause = if busy { Cause::status(By::Callee, 486, 17, "busy here") } else { Cause::normal(By::Caller) };
            journal.note(at, What::LegEnded { leg: LegNumber(0), cause: Box::new(cause) });
            journal.end(at, if busy { Outcome::Busy } else { Outcome::Answered })
        })
        .collect();
    store.write_batches(&batches).await.expect("written");
}

/// Alice calls a menu, which answers, and in it Bob's phone is rung.
fn menu_for_bob(second: u64) -> Journal {
    let (alice, menu, bob) = (Party::new("alice"), Party::new("700"), Party::new("bob"));
    let began = Began::new(moment(second), alice.clone(), menu.clone());
    let mut journal = Journal::begin(id(second), began, Rules::default());
    let leg = |number, direction, name: &str, to| LegBegan {
        leg: LegNumber(number),
        parent: (number > 0).then_some(LegNumber(0)),
        direction,
        account: Account::Endpoint(name.into()),
        from: alice.clone(),
        to,
        transport: Transport::Udp,
        peer: "198.51.…#1a2b".into(),
    };
    journal.note(Duration::ZERO, What::LegBegan(Box::new(leg(0, Direction::Inbound, "alice", menu))));
    journal.note(Duration::from_millis(second % 10 + 8), What::Answered(LegNumber(0)));
    let later = Duration::from_secs(3);
    journal.note(later, What::LegBegan(Box::new(leg(1, Direction::Outbound, "bob", bob))));
    journal.note(later, What::Rang(LegNumber(1)));
    journal
}

/// Each party of a call finds it, by its name and by its number, and finds it once.
async fn a_call_is_found_by_everybody_who_was_in_it(lab: Lab) {
    let store = lab.store().await;
    fill(&store, 12).await;
    let calls = [40, 41].map(|second| menu_for_bob(second).end(Duration::from_secs(9), Outcome::Answered));
    store.write_batches(&calls).await.expect("written");
    for (known, alias) in [("bob", None), ("bob", Some("102")), ("alice", None), ("700", None), ("101", Some("alice"))]
    {
        let alias = alias.map(str::to_owned);
        let wanted = Wanted { number: Some(known.into()), alias: alias.clone(), discreet: true, ..Wanted::default() };
        let mut all = found(&store, wanted.clone()).await;
        // Somebody else called 102, too.
        all.retain(|second| *second >= 40);
        assert_eq!(all, [41, 40], "{known} {alias:?}");
        let one = store.find_calls(&wanted, Some(id(41)), 1).await.expect("found");
        assert_eq!(one.records[0].call, id(40), "{known} {alias:?}");
        let busy = Wanted { outcome: Some(Outcome::Failed), ..wanted };
        assert_eq!(found(&store, busy).await, [0; 0]);
    }
    // Whoever was rung on the way is found by words and by the beginning of a number, too, and so is a call that goes on.
    let mut open = menu_for_bob(42);
    open.note(Duration::from_secs(4), What::Tag { key: "mood".into(), value: "good".into() });
    store.write_batches(&open.drain().into_iter().collect::<Vec<_>>()).await.expect("written");
    let usual = Wanted::default;
    assert_eq!(found(&store, Wanted { text: Some("bOb".into()), ..usual() }).await[..3], [42, 41, 40]);
    assert_eq!(found(&store, Wanted { number: Some("70*".into()), ..usual() }).await, [42, 41, 40]);
    assert_eq!(found(&store, Wanted { number: Some("bo*".into()), ..usual() }).await, [42, 41, 40]);
    let both = Wanted { text: Some("alice".into()), outcome: Some(Outcome::Answered), ..usual() };
    assert_eq!(found(&store, both).await, [41, 40]);
    // What a stranger calls himself finds him, unless it is masked for who asks.
    let named = Wanted { number: Some("bob".into()), ..usual() };
    assert!(found(&store, named.clone()).await.len() > 3);
    assert_eq!(found(&store, Wanted { discreet: true, ..named }).await, [42, 41, 40]);
    store.close().await;
}

async fn found(store: &Store, wanted: Wanted) -> Vec<u64> {
    let found = store.find_calls(&wanted, None, 100).await.expect("found");
    let number = |began: std::time::SystemTime| began.duration_since(moment(0)).expect("later").as_secs();
    found.records.iter().map(|record| number(record.began)).collect()
}

async fn calls_are_found_by_each_thing_that_is_asked(lab: Lab) {
    let store = lab.store().await;
    fill(&store, 12).await;
    let usual = Wanted::default;
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(found(&store, Wanted { number: some("+49300007"), ..usual() }).await, [7]);
    assert_eq!(found(&store, Wanted { number: some("+4930001*"), ..usual() }).await, [11, 10]);
    assert_eq!(found(&store, Wanted { number: some("102"), ..usual() }).await.len(), 12);
    assert_eq!(found(&store, Wanted { service: some("sales"), ..usual() }).await, [10, 8, 6, 4, 2, 0]);
    assert_eq!(found(&store, Wanted { version: some("two"), ..usual() }).await, [8, 4, 0]);
    assert_eq!(found(&store, Wanted { worse: Some(300), ..usual() }).await, [8, 0]);
    assert_eq!(found(&store, Wanted { worse: Some(280), ..usual() }).await, [0; 0]);
    assert_eq!(found(&store, Wanted { worse: Some(300), number: some("102"), cause: Some(16), ..usual() }).await, [8]);
    assert_eq!(found(&store, Wanted { outcome: Some(Outcome::Busy), ..usual() }).await, [9, 6, 3, 0]);
    assert_eq!(found(&store, Wanted { by: Some(By::Callee), ..usual() }).await, [9, 6, 3, 0]);
    assert_eq!(found(&store, Wanted { fault: Some(Fault::Server), ..usual() }).await, [0; 0]);
    assert_eq!(found(&store, Wanted { cause: Some(486), ..usual() }).await, [9, 6, 3, 0]);
    assert_eq!(found(&store, Wanted { cause: Some(17), service: some("ring"), ..usual() }).await, [9, 3]);
    assert_eq!(found(&store, Wanted { since: Some(moment(10)), ..usual() }).await, [11, 10]);
    assert_eq!(found(&store, Wanted { until: Some(moment(2)), ..usual() }).await, [1, 0]);
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(found(&store, Wanted { longer: seconds(3), shorter: seconds(5), ..usual() }).await, [5, 4, 3]);
    assert_eq!(found(&store, Wanted { recorded: Some(true), ..usual() }).await, [10, 5, 0]);
    assert_eq!(found(&store, Wanted { recorded: Some(false), ..usual() }).await.len(), 9);
    assert_eq!(found(&store, Wanted { tag: Some(("customer".into(), None)), ..usual() }).await, [7, 0]);
    assert_eq!(found(&store, Wanted { tag: Some(("customer".into(), some("7"))), ..usual() }).await, [7]);
    assert_eq!(found(&store, Wanted { tag: Some(("custom".into(), None)), ..usual() }).await, [0; 0]);
    assert_eq!(found(&store, Wanted { text: some("BUSY"), ..usual() }).await, [9, 6, 3, 0]);
    // What LIKE would take for anything is a letter like others.
    assert_eq!(found(&store, Wanted { text: some("100%_e"), ..usual() }).await, [4]);
    assert_eq!(found(&store, Wanted { text: some("%"), ..usual() }).await, [4]);
    store.close().await;
}

/// In letters of any language, small or large, from three letters on and below; in calls that are over and in one that goes on; and no
/// more once a call is forgotten.
async fn words_and_names_are_found_however_they_are_written(lab: Lab) {
    let store = lab.store().await;
    let named = |second, number: &str, name: &str| {
        let began = Began::new(moment(second), Party::named(number, name), Party::new("bob"));
        Journal::begin(id(second), began, Rules::default())
    };
    let over = [(1, "+4930100", "Özgür Şahin"), (2, "+4930101", "JÜRGEN MÜLLER"), (3, "+4931", "an_na 100% \"x\"")];
    let over =
        over.map(|(second, number, name)| named(second, number, name).end(Duration::from_secs(3), Outcome::Answered));
    store.write_batches(&over).await.expect("written");
    let open = named(4, "+4930102", "Jürgen Öz").drain().expect("an open row");
    store.write_batches(&[open]).await.expect("written");

    let usual = Wanted::default;
    let words = async |text: &str| found(&store, Wanted { text: Some(text.into()), ..usual() }).await;
    for (text, calls) in [
        ("özgür", &[1][..]),
        ("ÖZGÜR", &[1]),
        ("zgür ş", &[1]),
        ("jürgen", &[4, 2]),
        ("Müller", &[2]),
        ("öz", &[4, 1]),
        ("N_N", &[3]),
        ("n_n", &[3]),
        ("n_na 100% \"X", &[3]),
        ("0% \\", &[]),
        ("4930", &[4, 2, 1]),
        ("bob", &[4, 3, 2, 1]),
        ("bobby", &[]),
    ] {
        assert_eq!(words(text).await, calls, "{text}");
    }
    let number = async |number: &str| found(&store, Wanted { number: Some(number.into()), ..usual() }).await;
    assert_eq!(number("özgür şahin").await, [1]);
    assert_eq!(number("Jürgen Müller").await, [2]);
    assert_eq!(number("+49301*").await, [4, 2, 1]);
    assert_eq!(number("+4930*").await, [4, 2, 1]);
    assert_eq!(number("b*").await, [4, 3, 2, 1]);
    let both = Wanted { text: Some("jürgen".into()), outcome: Some(Outcome::Answered), ..usual() };
    assert_eq!(found(&store, both).await, [2]);
    let both = Wanted { text: Some("jürgen".into()), until: Some(moment(4)), ..usual() };
    assert_eq!(found(&store, both).await, [2]);
    // Page after page.
    let wanted = Wanted { text: Some("bob".into()), ..usual() };
    let first = store.find_calls(&wanted, None, 2).await.expect("found");
    assert_eq!(first.next, Some(id(3)));
    let second = store.find_calls(&wanted, first.next, 2).await.expect("found");
    assert_eq!(second.records.iter().map(|record| record.call).collect::<Vec<_>>(), [id(2), id(1)]);

    assert_eq!(store.forget_calls(moment(3)).await.expect("forgotten"), 2);
    assert_eq!(
        lab.ask("SELECT CAST(COUNT(*) AS TEXT) FROM calls_words").await,
        "1",
        "what is forgotten leaves no words"
    );
    assert_eq!(words("özgür").await, [0; 0]);
    assert_eq!(words("bob").await, [4, 3]);
    store.close().await;
}

/// Whatever leads to the calls, what else was asked for counts as well; a call to oneself is one call.
async fn each_filter_leads_there_and_the_others_are_looked_at(lab: Lab) {
    let store = lab.store().await;
    fill(&store, 43).await;
    let oneself = Began::new(moment(50), Party::new("102"), Party::new("102"));
    let oneself = Journal::begin(id(50), oneself, Rules::default()).end(Duration::from_secs(1), Outcome::Failed);
    store.write_batches(&[oneself]).await.expect("written");
    let usual = Wanted::default;
    let some = |text: &str| Some(text.to_owned());
    let number = || Wanted { number: some("102"), ..usual() };
    assert_eq!(found(&store, Wanted { since: Some(moment(41)), ..number() }).await, [50, 42, 41]);
    assert_eq!(found(&store, Wanted { problems: true, ..number() }).await, [50]);
    assert_eq!(found(&store, Wanted { problems: true, ..usual() }).await, [50]);
    assert_eq!(found(&store, Wanted { outcome: Some(Outcome::Failed), problems: true, ..usual() }).await, [50]);
    let busy = Some(Outcome::Busy);
    assert_eq!(found(&store, Wanted { outcome: busy, service: some("sales"), ..number() }).await.len(), 8);
    assert_eq!(found(&store, Wanted { outcome: busy, service: some("sales"), ..usual() }).await.len(), 8);
    assert_eq!(found(&store, Wanted { outcome: busy, recorded: Some(true), ..usual() }).await, [30, 15, 0]);
    let tag = || Some(("customer".into(), None));
    assert_eq!(found(&store, Wanted { tag: tag(), recorded: Some(true), ..usual() }).await, [35, 0]);
    assert_eq!(found(&store, Wanted { tag: tag(), outcome: busy, ..number() }).await, [42, 21, 0]);
    assert_eq!(found(&store, Wanted { service: some("sales"), tag: tag(), ..usual() }).await, [42, 28, 14, 0]);
    assert_eq!(found(&store, Wanted { service: some("nothing"), ..number() }).await, [0; 0]);
    // Page after page, over both indexes of a number.
    let (mut before, mut all) = (None, Vec::new());
    loop {
        let wanted = Wanted { shorter: Some(Duration::from_secs(40)), ..number() };
        let page = store.find_calls(&wanted, before, 7).await.expect("found");
        all.extend(page.records.iter().map(|record| record.call));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert!(all.len() == 42 && all.is_sorted_by(|a, b| a > b), "{}: {all:?}", all.len());
    store.close().await;
}

async fn pages_go_on_where_the_last_one_ended(lab: Lab) {
    let store = lab.store().await;
    fill(&store, 30).await;
    let wanted = Wanted { recorded: Some(false), ..Wanted::default() };
    let (mut before, mut all, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = store.find_calls(&wanted, before, 7).await.expect("found");
        all.extend(page.records.iter().map(|record| record.call));
        pages += 1;
        match page.next {
            Some(next) => before = Some(next),
            None => break,
        }
    }
    assert!(all.len() == 24 && all.is_sorted_by(|a, b| a > b), "{all:?}");
    assert_eq!(pages, 4, "seven and seven and seven and three; nothing looks further than {LOOKED_AT}");
    store.close().await;
}

async fn a_survey_counts_what_happened(lab: Lab) {
    let store = lab.store().await;
    fill(&store, 21).await;
    let survey = store.survey(moment(0)).await.expect("counted");
    assert_eq!((survey.over(), survey.answered), (21, 0));
    assert_eq!(survey.outcomes, [(Outcome::Answered, 14), (Outcome::Busy, 7)]);
    assert_eq!(survey.usual_delay, Some(Duration::from_millis(10)));
    assert_eq!(survey.long_delay, Some(Duration::from_millis(19)));
    // A menu that answers after 8 ms and rings Bob after three seconds; the server stops in the middle of it.
    store.write_batches(&[menu_for_bob(30).end(Duration::from_secs(9), Outcome::Interrupted)]).await.expect("written");
    let menu = store.survey(moment(30)).await.expect("counted");
    assert_eq!((menu.over(), menu.answered), (1, 1));
    assert_eq!(menu.usual_delay, Some(Duration::from_millis(8)), "what the caller waited for");
    // Of two calls the slower one is the one that 95 of 100 wait for.
    store.write_batches(&[menu_for_bob(31).end(Duration::from_secs(9), Outcome::Answered)]).await.expect("written");
    let two = store.survey(moment(30)).await.expect("counted");
    assert_eq!((two.usual_delay, two.long_delay), (Some(Duration::from_millis(8)), Some(Duration::from_millis(9))));
    assert_eq!(store.survey(moment(100)).await.expect("counted").over(), 0);
    store.close().await;
}

async fn what_is_too_old_is_forgotten_and_what_goes_on_is_not(lab: Lab) {
    let store = lab.store().await;
    fill(&store, 1200).await;
    let open = Began::new(moment(3), Party::new("alice"), Party::new("102"));
    let mut going_on = Journal::begin(CallId::new(moment(3), 9999), open, Rules::default());
    store.write_batches(&[going_on.drain().expect("an open row")]).await.expect("written");

    assert_eq!(store.forget_calls(moment(1100)).await.expect("forgotten"), 1100);
    assert_eq!(store.forget_calls(moment(1100)).await.expect("looked at"), 0);
    assert_eq!(found(&store, Wanted { until: Some(moment(1100)), ..Wanted::default() }).await, [3]);
    assert_eq!(found(&store, Wanted { service: Some("sales".into()), ..Wanted::default() }).await.len(), 50);
    assert!(store.story(id(5)).await.expect("looked up").is_none());
    assert!(store.story(id(1100)).await.expect("looked up").is_some_and(|story| !story.entries.is_empty()));
    store.close().await;
}

async fn only_so_many_calls_are_kept_and_the_eldest_go(lab: Lab) {
    let store = lab.store().await;
    fill(&store, 1_200).await;
    assert_eq!(store.forget_calls_beyond(1_200).await.expect("asked"), 0);
    assert_eq!(store.forget_calls_beyond(100).await.expect("forgotten"), 1_100);
    let left = found(&store, Wanted::default()).await;
    assert_eq!((left.len(), left[0], left[99]), (100, 1_199, 1_100));
    assert!(store.story(id(1_099)).await.expect("asked").is_none());
}

async fn journals_go_before_their_records(lab: Lab) {
    let store = lab.store().await;
    fill(&store, 10).await;
    assert_eq!(store.forget_journals(moment(4)).await.expect("forgotten"), 4);
    assert_eq!(store.forget_journals(moment(4)).await.expect("nothing is left"), 0);
    let old = store.story(id(3)).await.expect("asked").expect("its record stays");
    assert!(old.entries.is_empty() && old.record.legs.len() == 1);
    assert!(!store.story(id(4)).await.expect("asked").expect("it is kept").entries.is_empty());
}

/// Journals, records, rooms and recordings, by one set of rules, as the server does it each hour.
async fn all_that_is_kept_too_long_goes_in_one_look(lab: Lab) {
    use patchcord_web::retention::{Forgotten, Kept, forget};
    const DAY: u64 = 86_400;
    let store = lab.store().await;
    // A call a day for ten days, the last one of which goes on.
    for day in 0..10 {
        let began = Began::new(moment(day * DAY), Party::new("alice"), Party::new("102"));
        let mut journal = Journal::begin(CallId::new(moment(day * DAY), day), began, Rules::default());
        let batch = match day {
            9 => journal.drain().expect("an open row"),
            _ => journal.end(Duration::from_secs(3), Outcome::Cancelled),
        };
        store.write_batches(&[batch]).await.expect("written");
    }
    let recordings = lab.folder().join("recordings");
    for day in ["2027-01-15", "2027-01-20", "2027-01-25"] {
        std::fs::create_dir_all(recordings.join(day)).expect("a folder");
        std::fs::write(recordings.join(day).join("one.wav"), vec![0; 100]).expect("written");
    }
    let days = |days: u64| Some(Duration::from_secs(days * DAY));
    let kept = Kept { journals: days(3), records: days(6), recordings: days(6), ..Kept::default() };
    let (forgotten, now) = (Forgotten::default(), moment(10 * DAY));
    for _ in 0..2 {
        forget(&store, recordings.as_path().into(), kept, &forgotten, now).await;
        let all = store.find_calls(&Wanted::default(), None, 100).await.expect("found").records;
        let day = |began: std::time::SystemTime| began.duration_since(moment(0)).expect("later").as_secs() / DAY;
        assert_eq!(all.iter().map(|record| day(record.began)).collect::<Vec<_>>(), [9, 8, 7, 6, 5, 4]);
        let mut told = Vec::new();
        for record in &all {
            let story = store.story(record.call).await.expect("found").expect("kept");
            told.push(!story.entries.is_empty());
        }
        assert_eq!(told, [true, true, true, false, false, false], "journals of the last three days");
        let left = ["2027-01-15", "2027-01-20", "2027-01-25"].map(|day| recordings.join(day).exists());
        assert_eq!(left, [false, true, true]);
    }
    let most = Kept { most_records: Some(2), most_recorded: Some(100), ..Kept::default() };
    forget(&store, recordings.as_path().into(), most, &forgotten, now).await;
    assert_eq!(store.find_calls(&Wanted::default(), None, 100).await.expect("found").records.len(), 2);
    assert!(!recordings.join("2027-01-20").exists() && recordings.join("2027-01-25/one.wav").exists());
    let mut page = patchcord_web::metrics::Exposition::default();
    forgotten.measure(&mut page);
    let measured = page.into_text();
    for told in ["forgotten_records_total 8", "forgotten_recordings_total 2", "forgetting_failed_total 0"] {
        assert!(measured.contains(told), "{told} of {measured}");
    }
    store.close().await;
}
