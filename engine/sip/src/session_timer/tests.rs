//! RFC 4028, clause by clause, and four hours of it.

use proptest::prelude::*;

use super::*;
use crate::message::{Message, Method};

const HALF_HOUR: Duration = Duration::from_secs(1800);
const SECOND: Duration = Duration::from_secs(1);

#[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
fn start() -> Instant {
    Instant::now()
}

fn request(headers: &str) -> Request {
    let text = format!("INVITE sip:b@b SIP/2.0\r\n{headers}\r\n");
    let Message::Request(request) = Message::parse(text.into()).unwrap() else { panic!("a request") };
    request
}

fn response(status: u16, headers: &str) -> Response {
    let text = format!("SIP/2.0 {status} X\r\n{headers}\r\n");
    let Message::Response(response) = Message::parse(text.into()).unwrap() else { panic!("a response") };
    response
}

fn sent(draft: Draft) -> Request {
    let Ok(Message::Request(request)) = Message::parse(draft.finish()) else { panic!("a request") };
    request
}

fn answered(headers: &str) -> Option<String> {
    let answered = Rules { alone: false, ..Rules::default() }.answer(&request(headers), None).unwrap()?;
    Some(answered.says().to_string())
}

#[test]
fn the_answer_follows_table_2() {
    for (headers, says) in [
        ("", None),
        ("Supported: timer\r\n", Some("1800;refresher=uac")),
        ("Session-Expires: 600\r\n", Some("600;refresher=uas")),
        ("x: 600\r\nk: timer\r\n", Some("600;refresher=uac")),
        ("Session-Expires: 600;refresher=uas\r\nSupported: timer\r\n", Some("600;refresher=uas")),
        ("Session-Expires: 600 ; Refresher=UAC\r\nSupported: timer\r\n", Some("600;refresher=uac")),
        ("Session-Expires: 7200\r\nSupported: timer\r\n", Some("1800;refresher=uac")),
        ("Session-Expires: 7200\r\nMin-SE: 3600\r\nSupported: timer\r\n", Some("3600;refresher=uac")),
        ("Session-Expires: 60\r\n", Some("90;refresher=uas")),
    ] {
        assert_eq!(answered(headers).as_deref(), says, "{headers}");
    }
}

#[test]
fn a_caller_without_timers_is_refreshed_by_us_alone_when_the_rules_say_so() {
    let answered = Rules::default().answer(&request(""), None).unwrap().unwrap();
    let timer = answered.timer(start());
    assert!(timer.we_refresh());
    let ok = answered.write(Draft::request(Method::Invite, "sip:x"));
    assert_eq!((ok.get(Name::Require), ok.get(Name::SessionExpires)), (None, Some("1800;refresher=uas")));
}

#[test]
fn an_interval_below_the_minimum_gets_422_with_the_minimum() {
    let rules = Rules { minimum: Duration::from_secs(300), ..Rules::default() };
    let refused = rules.answer(&request("Session-Expires: 200\r\nSupported: timer\r\n"), None).unwrap_err();
    assert_eq!(refused.status(), 422);
    let reply = refused.write(Draft::request(Method::Invite, "sip:x"));
    assert_eq!(reply.get(Name::MinSe), Some("300"));
    // Below 90 seconds nobody may go, whatever the rules say.
    let lax = Rules { minimum: SECOND, ..Rules::default() };
    let refused = lax.answer(&request("Session-Expires: 89\r\nSupported: timer\r\n"), None).unwrap_err();
    assert_eq!(refused, Refused::TooSmall { least: LEAST });
}

#[test]
fn the_2xx_requires_timers_of_who_knows_them() {
    let answered = Rules::default().answer(&request("Session-Expires: 600\r\nSupported: timer\r\n"), None);
    let ok = answered.unwrap().unwrap().write(Draft::request(Method::Invite, "sip:x"));
    assert_eq!((ok.get(Name::Require), ok.get(Name::SessionExpires)), (Some("timer"), Some("600;refresher=uac")));
}

#[test]
fn a_refresh_that_does_not_say_who_refreshes_leaves_it_as_it_is() {
    let refresh = request("Session-Expires: 600\r\nSupported: timer\r\n");
    for (ours, refresher) in [(Some(true), Refresher::Uas), (Some(false), Refresher::Uac)] {
        let answered = Rules::default().answer(&refresh, ours).unwrap().unwrap();
        assert_eq!(answered.says().refresher, Some(refresher));
    }
}

#[test]
fn broken_headers_are_400() {
    for headers in
        ["Session-Expires: x\r\n", "Session-Expires: 600;refresher=me\r\n", "Min-SE: -1\r\n", "x: 4294967296\r\n"]
    {
        let refused = Rules::default().answer(&request(headers), None).unwrap_err();
        assert_eq!(refused.status(), 400, "{headers}");
    }
}

#[test]
fn a_422_raises_the_wish_and_the_next_try_says_min_se() {
    let mut wish = Wish::new(&Rules::default());
    let first = sent(wish.ask(Draft::request(Method::Invite, "sip:x")));
    assert_eq!((first.get(Name::SessionExpires), first.get(Name::MinSe)), (Some("1800"), None));
    assert!(first.supports("timer"));

    assert_eq!(wish.raise(&response(422, "Min-SE: 3600\r\n")), Ok(true));
    let second = sent(wish.ask(Draft::request(Method::Invite, "sip:x")));
    assert_eq!((second.get(Name::SessionExpires), second.get(Name::MinSe)), (Some("3600"), Some("3600")));
}

#[test]
fn a_422_that_teaches_nothing_ends_the_tries() {
    let mut wish = Wish::new(&Rules::default());
    assert_eq!(wish.raise(&response(422, "")), Ok(false));
    assert_eq!(wish.raise(&response(422, "Min-SE: 1800\r\n")), Ok(false));
    assert_eq!(wish.raise(&response(422, "Min-SE: x\r\n")).map_err(Fault::status), Err(400));
}

#[test]
fn the_2xx_says_who_refreshes() {
    let wish = Wish::new(&Rules::default());
    let settled = |headers: &str| wish.settled(&response(200, headers), start()).unwrap().unwrap();
    assert!(settled("Session-Expires: 600;refresher=uac\r\n").we_refresh());
    assert!(!settled("Session-Expires: 600;refresher=uas\r\n").we_refresh());
    assert!(settled("Session-Expires: 600\r\n").we_refresh());
    assert_eq!(settled("").interval(), HALF_HOUR, "the other side knows none: ours alone");
    let never_alone = Wish::new(&Rules { alone: false, ..Rules::default() });
    assert_eq!(never_alone.settled(&response(200, ""), start()), Ok(None));
}

#[test]
fn the_refresher_refreshes_at_half_time_and_ends_when_nobody_answers() {
    let now = start();
    let mut timer = SessionTimer::new(HALF_HOUR, true, now);
    assert_eq!(timer.deadline(), now + HALF_HOUR / 2);
    assert_eq!(timer.expire(now + HALF_HOUR / 2 - SECOND), None);
    assert_eq!(timer.expire(now + HALF_HOUR / 2), Some(Due::Refresh));
    assert_eq!(timer.deadline(), now + HALF_HOUR - MARGIN);
    assert_eq!(timer.expire(timer.deadline()), Some(Due::End));
}

#[test]
fn the_waiting_side_ends_32_seconds_or_a_third_before_the_time() {
    let now = start();
    assert_eq!(SessionTimer::new(HALF_HOUR, false, now).deadline(), now + HALF_HOUR - MARGIN);
    assert_eq!(SessionTimer::new(LEAST, false, now).deadline(), now + 60 * SECOND);
}

#[test]
fn a_refresh_refused_for_now_is_tried_again_before_the_end() {
    let now = start();
    let mut timer = SessionTimer::new(HALF_HOUR, true, now);
    let half = now + HALF_HOUR / 2;
    assert_eq!(timer.expire(half), Some(Due::Refresh));
    timer.postpone(half, 3 * SECOND);
    assert_eq!(timer.expire(half + 2 * SECOND), None);
    assert_eq!(timer.expire(half + 3 * SECOND), Some(Due::Refresh));
}

/// Two sides with their timers; messages arrive at once unless the other side is dead.
struct Pair {
    caller: SessionTimer,
    called: SessionTimer,
    wish: Wish,
}

impl Pair {
    fn connect(now: Instant) -> Self {
        let wish = Wish::new(&Rules::default());
        let invite = sent(wish.ask(Draft::request(Method::Invite, "sip:x")));
        let answered = Rules::default().answer(&invite, None).unwrap().unwrap();
        let ok = response(200, &format!("Session-Expires: {}\r\n", answered.says()));
        Self { caller: wish.settled(&ok, now).unwrap().unwrap(), called: answered.timer(now), wish }
    }

    /// One side refreshes, the other answers; `by_caller` is who sends.
    fn refresh(&mut self, by_caller: bool, now: Instant) {
        let (sender, receiver) =
            if by_caller { (&mut self.caller, &mut self.called) } else { (&mut self.called, &mut self.caller) };
        let wish = sender.wish(&self.wish);
        let update = sent(wish.ask(Draft::request(Method::Update, "sip:x")));
        let answered = Rules::default().answer(&update, Some(receiver.we_refresh())).unwrap().unwrap();
        let ok = response(200, &format!("Session-Expires: {}\r\n", answered.says()));
        *receiver = answered.timer(now);
        *sender = wish.settled(&ok, now).unwrap().unwrap();
    }

    fn next(&self) -> Instant {
        self.caller.deadline().min(self.called.deadline())
    }
}

fn four_hours(caller_refreshes: bool) {
    let begin = start();
    let mut pair = Pair::connect(begin);
    if !caller_refreshes {
        pair.called.we_refresh = true;
        pair.refresh(false, begin);
    }
    assert_eq!((pair.caller.we_refresh(), pair.called.we_refresh()), (caller_refreshes, !caller_refreshes));
    let mut refreshes = 0;
    while pair.next() < begin + Duration::from_secs(4 * 3600) {
        let now = pair.next();
        let due = [pair.caller.expire(now), pair.called.expire(now)];
        let expected = if caller_refreshes { [Some(Due::Refresh), None] } else { [None, Some(Due::Refresh)] };
        assert_eq!(due, expected, "only the refresher has anything to do");
        pair.refresh(caller_refreshes, now);
        assert_eq!(pair.called.we_refresh(), !caller_refreshes, "the roles stay");
        refreshes += 1;
    }
    assert_eq!(refreshes, 15, "every quarter of an hour");

    // Then the network dies: both notice within the interval.
    let dead = pair.next();
    for timer in [&mut pair.caller, &mut pair.called] {
        while timer.expire(timer.deadline()) != Some(Due::End) {}
        assert!(timer.deadline() <= dead + HALF_HOUR);
    }
}

#[test]
fn four_hours_with_the_caller_refreshing_then_silence_ends_the_call() {
    four_hours(true);
}

#[test]
fn four_hours_with_the_called_side_refreshing_then_silence_ends_the_call() {
    four_hours(false);
}

proptest! {
    #[test]
    fn both_sides_always_agree_on_who_refreshes_and_how_often(
        interval in 1..10_000_u64,
        minimum in 1..2_000_u64,
        their_minimum in 1..2_000_u64,
        refresher in prop::option::of(prop::bool::ANY),
    ) {
        let now = start();
        let seconds = Duration::from_secs;
        let rules = Rules { minimum: seconds(minimum), ..Rules::default() };
        let mut wish = Wish::new(&Rules { interval: seconds(interval), minimum: seconds(their_minimum), alone: true });
        wish.refresher = refresher.map(|uac| if uac { Refresher::Uac } else { Refresher::Uas });
        let mut tries = 0;
        let answered = loop {
            let invite = sent(wish.ask(Draft::request(Method::Invite, "sip:x")));
            match rules.answer(&invite, None) {
                Ok(answered) => break answered.unwrap(),
                Err(refused) => {
                    let reply = refused.write(Draft::request(Method::Invite, "sip:x"));
                    let min_se = reply.get(Name::MinSe).unwrap().to_owned();
                    prop_assert_eq!(wish.raise(&response(422, &format!("Min-SE: {min_se}\r\n"))), Ok(true));
                }
            }
            tries += 1;
            prop_assert!(tries <= 1, "one 422 teaches all there is to know");
        };
        let ok = response(200, &format!("Session-Expires: {}\r\n", answered.says()));
        let (called, caller) = (answered.timer(now), wish.settled(&ok, now).unwrap().unwrap());
        prop_assert_eq!(called.interval(), caller.interval());
        prop_assert_ne!(called.we_refresh(), caller.we_refresh());
        prop_assert!(called.interval() >= LEAST && called.interval() >= rules.minimum.max(LEAST).min(wish.interval));
        let (mut refreshing, waiting) = if called.we_refresh() { (called, caller) } else { (caller, called) };
        prop_assert!(refreshing.deadline() < waiting.deadline(), "there is time to refresh");
        prop_assert_eq!(refreshing.expire(refreshing.deadline()), Some(Due::Refresh));
    }
}
