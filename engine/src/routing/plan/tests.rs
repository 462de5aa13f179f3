//! Who may call whom: each rule by example, and the order of all of them by law.

use patchcord_sip::digest::Credential;
use proptest::prelude::*;

use super::*;
use crate::routing::{Endpoint, Form, Inward, Numbering, Origin, Source};

fn directory() -> Directory {
    let endpoint = |user: &str, number: &str, caller_id: Option<&str>| Endpoint {
        number: Some(number.into()),
        calling: Calling { caller_id: caller_id.map(Into::into), ..Calling::default() }.into(),
        ..Endpoint::new(user, Credential::Password("x".into()), Origin::File)
    };
    let directory = Directory::default();
    let endpoints = vec![endpoint("alice", "101", Some("+4930123101")), endpoint("bob", "102", None)];
    directory.replace_file(endpoints, Vec::new()).expect("two endpoints");
    directory
}

fn route(number: &str, from: &str, target: &str) -> Route {
    let names = |list: &str| list.split(',').map(Arc::from).collect::<Vec<_>>();
    let target = match target.split_once(' ').expect("a kind and a name") {
        ("trunk", list) => Target::Trunks(names(list)),
        ("endpoint", list) => Target::Endpoints(names(list)),
        (_, service) => Target::Service(service.into()),
    };
    let from = from.split(',').map(|source| source.parse().expect("a source")).collect();
    Route { number: number.parse().expect("a pattern"), from, target, rewrite: None, origin: Origin::File }
}

fn north() -> Trunk {
    let numbering = Numbering { country: Some("49".into()), area: Some("30".into()), ..Numbering::default() };
    Trunk {
        inward: Inward { numbering: Some(numbering.clone()), ..Inward::default() },
        outward: Outward {
            called_form: Form::International,
            caller_form: Form::National,
            numbering,
            ..Outward::default()
        },
        ..Trunk::new("north", vec!["sip:203.0.113.1".into()])
    }
}

fn plan(routes: Vec<Route>) -> Plan {
    let south = Trunk { caller_id: Some("+4940555".into()), ..Trunk::new("south", vec!["sip:203.0.113.2".into()]) };
    let settings = PlanSettings { routes, trunks: vec![north(), south], ..PlanSettings::default() };
    Plan::new(settings, None).expect("a plan")
}

/// Where a call leads, in a few letters.
fn leads(plan: &Plan, caller: Caller<'_>, called: &str) -> String {
    let decision = plan.decide(&Ask::new(caller, called), &directory());
    match decision.verdict {
        Verdict::Service(service) => format!("service {service}"),
        Verdict::Ring(users) => format!("ring {}", users.join(",")),
        Verdict::Trunks(ways) => {
            let way = |way: &Way| format!("{}:{}:{}", way.trunk.name, way.number, way.caller.as_deref().unwrap_or("-"));
            ways.iter().map(way).collect::<Vec<_>>().join(" ")
        }
        Verdict::Refused(denial) => denial.status().to_string(),
    }
}

const ALICE: Caller<'_> = Caller::Endpoint("alice");
const BOB: Caller<'_> = Caller::Browser("bob");
const NORTH: Caller<'_> = Caller::Trunk("north");
const STRANGER: Caller<'_> = Caller::Stranger(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));

#[test]
fn without_routes_endpoints_reach_each_other_and_what_is_shipped_and_nobody_else_anything() {
    let plan = Plan::default();
    for (called, expected) in [
        ("102", "ring bob"),
        ("1-02", "ring bob"),
        ("bob", "ring bob"),
        ("9196", "service echo"),
        ("9197", "service tone"),
        ("1000", "service reception"),
        ("3042", "service conference"),
        ("*97", "service voicemail"),
        ("199", "403"),
        ("+4930123", "403"),
        ("carol", "404"),
        ("112", "503"),
        ("", "484"),
    ] {
        assert_eq!(leads(&plan, ALICE, called), expected, "{called}");
        assert_eq!(leads(&plan, BOB, called), expected, "{called}");
        assert_eq!(leads(&plan, STRANGER, called), if called.is_empty() { "484" } else { "403" }, "{called}");
    }
    assert_eq!(leads(&plan, NORTH, "102"), "404", "there is no such trunk");
}

#[test]
fn a_carrier_reaches_only_what_a_route_gives_it() {
    let plan = plan(vec![
        route("+4930123101", "trunk:north", "endpoint alice,gone"),
        route("+4930123*", "trunk:north", "service reception"),
        route("+4930129", "trunk:north", "endpoint gone"),
    ]);
    assert_eq!(leads(&plan, NORTH, "030123101"), "ring alice", "it is read as this carrier writes it");
    assert_eq!(leads(&plan, NORTH, "004930123999"), "service reception");
    assert_eq!(leads(&plan, NORTH, "030129"), "404", "the endpoint is not there");
    for called in ["102", "bob", "9196", "1000", "040555"] {
        assert_eq!(leads(&plan, NORTH, called), "404", "{called}");
    }
    assert_eq!(leads(&plan, Caller::Trunk("south"), "+4930123101"), "403", "the route is north's");
}

#[test]
fn the_outside_is_reached_by_a_route_only_each_trunk_in_its_own_way() {
    let plan = plan(vec![route("+*", "endpoints", "trunk north,south")]);
    assert_eq!(
        leads(&plan, ALICE, "+49 (40) 777"),
        "north:004940777:030123101 south:+4940777:+4930123101",
        "alice shows her number outside"
    );
    assert_eq!(leads(&plan, BOB, "+4940777"), "north:004940777:- south:+4940777:+4940555", "bob has none");
    assert_eq!(leads(&plan, STRANGER, "+4940777"), "403");
    assert_eq!(leads(&plan, NORTH, "+4940777"), "403");
}

#[test]
fn a_route_rewrites_before_the_trunk_does() {
    let nine = crate::routing::Edit { strip: "0".into(), prepend: "".into() };
    let mut out = route("00*", "endpoints", "trunk north");
    out.rewrite = Some(Outward { called: nine, ..Outward::default() });
    let plan = plan(vec![out]);
    assert_eq!(leads(&plan, ALICE, "0040777"), "north:004940777:030123101", "0 for the outside, 040777 dialled");
}

#[test]
fn the_most_specific_rule_wins_whatever_stands_first() {
    let plan = plan(vec![
        route("*", "endpoints", "service any"),
        route("/\\+49.*/", "endpoints", "service expression"),
        route("+49*", "endpoints", "service germany"),
        route("+4930*", "endpoints", "service berlin"),
        route("+4930123", "endpoints", "service exact"),
        route("/1.*/", "endpoints", "service ones"),
        route("3*", "endpoints", "service threes"),
        route("9196", "endpoints", "service mine"),
        route("101", "endpoints", "service secretary"),
    ]);
    for (called, expected) in [
        ("+4930123", "service exact"),
        ("+49301", "service berlin"),
        ("+4940", "service germany"),
        ("+43", "service any"),
        ("9196", "service mine"),
        ("101", "service secretary"),
        ("102", "ring bob"),
        ("1000", "service reception"),
        ("1", "service ones"),
        ("3000", "service conference"),
        ("3100", "service threes"),
        ("carol", "service any"),
        ("bob", "ring bob"),
    ] {
        assert_eq!(leads(&plan, ALICE, called), expected, "{called}");
    }
}

#[test]
fn a_route_with_an_equal_beginning_takes_the_conferences() {
    let taken = plan(vec![route("30*", "endpoints", "service mine")]);
    assert_eq!(leads(&taken, ALICE, "3000"), "service mine");
}

#[test]
fn of_two_alike_the_narrower_wins_and_then_the_first() {
    let plan = plan(vec![
        route("7", "anyone", "service anyone"),
        route("7", "endpoints", "service endpoints"),
        route("7", "endpoints", "service second"),
        route("7", "browsers", "service browsers"),
        route("7", "trunk:north,trunk:south", "service carriers"),
    ]);
    assert_eq!(leads(&plan, ALICE, "7"), "service endpoints");
    assert_eq!(leads(&plan, BOB, "7"), "service browsers");
    assert_eq!(leads(&plan, Caller::Trunk("south"), "7"), "service carriers");
    assert_eq!(leads(&plan, STRANGER, "7"), "service anyone");
}

#[test]
fn an_emergency_goes_out_untouched_whatever_else_its_number_could_mean() {
    let settings =
        PlanSettings { trunks: vec![north()], emergency: vec!["110".into(), "102".into()], ..PlanSettings::default() };
    let plan = Plan::new(settings, None).expect("a plan");
    assert_eq!(leads(&plan, ALICE, "110"), "north:110:030123101");
    assert_eq!(leads(&plan, ALICE, "102"), "north:102:030123101", "bob is not the police");
    let decided = |ask: &Ask<'_>| plan.decide(ask, &directory());
    assert!(decided(&Ask::new(ALICE, "110")).emergency);
    assert!(!decided(&Ask::new(ALICE, "101")).emergency);
    assert!(!decided(&Ask::new(NORTH, "110")).emergency, "a carrier's call passes no limit");
    assert!(!decided(&Ask::new(STRANGER, "110")).emergency);
    let sos = decided(&Ask { emergency: true, ..Ask::new(ALICE, "sos") });
    assert_eq!((&*sos.called, sos.emergency), ("110", true));
}

#[test]
fn a_route_for_an_emergency_decides_where_it_goes() {
    let plan = plan(vec![route("112", "endpoints", "trunk south"), route("*", "endpoints", "trunk north")]);
    assert_eq!(leads(&plan, ALICE, "112"), "south:112:+4930123101");
    assert_eq!(leads(&plan, ALICE, "911"), "north:911:030123101");
}

#[test]
fn an_address_elsewhere_is_not_ours_to_serve() {
    let settings = PlanSettings { domain: Some("example.org".into()), ..PlanSettings::default() };
    let plan = Plan::new(settings, None).expect("a plan");
    let status = |host| match plan.decide(&Ask { host: Some(host), ..Ask::new(ALICE, "bob") }, &directory()).verdict {
        Verdict::Refused(denial) => denial.status(),
        _ => 200,
    };
    assert_eq!(status("Example.org"), 200);
    assert_eq!(status("192.0.2.7"), 200);
    assert_eq!(status("[2001:db8::1]"), 200);
    assert_eq!(status("example.com"), 403);
}

#[test]
fn what_the_caller_is_called_inside_is_its_number_and_of_a_carrier_what_it_says() {
    let plan = plan(vec![route("+4930*", "trunk:north", "service reception")]);
    let from = |ask: &Ask<'_>| plan.decide(ask, &directory()).from;
    let lies = Ask { from: Some("+1666"), ..Ask::new(ALICE, "102") };
    assert_eq!(from(&lies).as_deref(), Some("101"));
    assert_eq!(from(&Ask { from: Some("040 777"), ..Ask::new(NORTH, "030123") }).as_deref(), Some("+4940777"));
    assert_eq!(from(&Ask { from: Some("anonymous"), ..Ask::new(NORTH, "030123") }).as_deref(), Some("anonymous"));
}

#[test]
fn an_endpoint_forwards_where_it_could_call_itself_and_to_services_by_name() {
    let plan = plan(vec![route("+49*", "endpoints", "trunk south")]);
    let leads = |target: &str| plan.forward("alice", target, &directory()).verdict;
    assert!(matches!(leads("voicemail"), Verdict::Service(service) if &*service == "voicemail"));
    assert!(matches!(leads("102"), Verdict::Ring(users) if *users == ["bob".into()]));
    assert!(matches!(leads("bob"), Verdict::Ring(_)));
    assert!(matches!(leads("+4930999"), Verdict::Trunks(ways) if &*ways[0].trunk.name == "south"));
    assert!(matches!(leads("+4330999"), Verdict::Refused(Denial::NoRoute { .. })));
}

#[test]
fn a_reload_forgets_no_call_of_a_trunk() {
    let before = plan(Vec::new());
    let ticket = before.trunk("north").expect("north").traffic.calls.enter(Some(1), false).expect("there is room");
    let settings = PlanSettings { trunks: vec![north()], ..PlanSettings::default() };
    let after = Plan::new(settings, Some(&before)).expect("a plan");
    assert_eq!(after.trunk("north").expect("north").traffic.calls.count(), 1);
    drop(ticket);
    assert_eq!(after.trunk("north").expect("north").traffic.calls.count(), 0);
}

#[test]
fn settings_that_contradict_themselves_are_no_plan() {
    let lost = PlanSettings { routes: vec![route("1", "endpoints", "trunk west")], ..PlanSettings::default() };
    let error = Plan::new(lost, None).expect_err("no such trunk");
    assert_eq!(error.to_string(), "route 1 leads to trunk west, which is not there");
    let twice = PlanSettings { trunks: vec![north(), north()], ..PlanSettings::default() };
    assert_eq!(Plan::new(twice, None).expect_err("twice"), PlanError::TrunkTwice("north".into()));
}

#[test]
fn an_explanation_says_what_wins_and_what_was_passed_over() {
    let plan = plan(vec![
        route("*", "anyone", "service any"),
        route("+49*", "trunk:south", "service reception"),
        route("+4940*", "endpoints", "trunk north,south"),
        route("+4940*", "endpoints", "trunk south"),
    ]);
    assert_eq!(
        plan.explain(&Ask::new(ALICE, "+49 40 777"), &directory()),
        "endpoint alice calls +49 40 777, which is +4940777 here.\n\
         Route 3 (number \"+4940*\" from endpoints) names the longest beginning of it.\n\
         It goes out by north as 004940777 with number 030123101 shown, then by south as +4940777 with number \
         +4930123101 shown.\n\
         Route 1 (number \"*\" from anyone) takes it, too, but is less specific.\n\
         Route 2 (number \"+49*\" from trunk:south) takes it, too, but is not for this caller.\n\
         Route 4 (number \"+4940*\" from endpoints) takes it, too, but stands behind it in the file."
    );
    let nothing = Plan::default().explain(&Ask::new(ALICE, "+4940"), &directory());
    assert!(
        nothing.contains("It leads nowhere: no route leads to +4940; write a [[route]] that takes it."),
        "{nothing}"
    );
    assert!(nothing.ends_with("The caller is answered 403 No Route To That Number."), "{nothing}");
    let emergency = plan.explain(&Ask::new(ALICE, "112"), &directory());
    assert!(emergency.contains("It is an emergency and passes every limit."), "{emergency}");
}

fn some_pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        "[1-3]{1,3}",
        "[1-3]{1,3}".prop_map(|beginning| beginning + "*"),
        Just("*".to_owned()),
        "[1-3.]{1,2}".prop_map(|expression| format!("/{expression}.*/")),
    ]
}

proptest! {
    /// However many routes there are, the index finds what reading all of them would: the most specific that takes
    /// the number and admits the caller, then the narrowest, then the first.
    #[test]
    fn the_index_finds_what_reading_every_route_would(
        patterns in proptest::collection::vec((some_pattern(), 0..4_usize), 0..12),
        number in "[1-3]{1,4}",
        who in 0..4_usize,
    ) {
        const FROM: [&str; 4] = ["endpoints", "browsers", "trunk:north", "anyone"];
        let routes: Vec<_> = patterns.iter().map(|(number, from)| route(number, FROM[*from], "service x")).collect();
        let caller = [Caller::Endpoint("nobody"), Caller::Browser("nobody"), NORTH, STRANGER][who];
        let expected = routes
            .iter()
            .enumerate()
            .filter(|(_, route)| route.number.takes(&number))
            .filter_map(|(at, route)| Some((route.number.rank(), route.admits(caller)?, std::cmp::Reverse(at))))
            .max()
            .map(|(_, _, std::cmp::Reverse(at))| Why::Route(at));
        let plan = plan(routes);
        let found = plan.choose(caller, &number, false, &Directory::default());
        prop_assert_eq!(matches!(found, Why::Route(_)).then_some(found), expected);
    }

    /// Whoever calls whatever, strangers and carriers reach no endpoint and no service but by a route.
    #[test]
    fn nobody_from_outside_reaches_anything_without_a_route(called in ".{0,70}") {
        let plan = plan(vec![route("+49*", "endpoints", "trunk north")]);
        for caller in [NORTH, STRANGER] {
            let decision = plan.decide(&Ask::new(caller, &called), &directory());
            prop_assert!(matches!(decision.verdict, Verdict::Refused(_)));
        }
    }
}

#[test]
fn a_source_may_be_named_twice_in_one_route() {
    let twice = route("7", "endpoints,browsers", "service x");
    assert_eq!(twice.whom(), "endpoints, browsers");
    assert_eq!(twice.from, [Source::Endpoints, Source::Browsers]);
}

#[test]
fn a_record_names_the_rule_that_decided() {
    let plan = plan(vec![route("600", "endpoints", "service sales"), route("+4940*", "endpoints", "trunk south")]);
    let rule = |called: &str| {
        let decision = plan.decide(&Ask::new(Caller::Endpoint("alice"), called), &directory());
        plan.rule(&decision.why).map(String::from)
    };
    let rules = ["600", "+49401234", "102", "9196", "777"].map(rule);
    let known = [Some("600"), Some("+4940*"), Some("endpoint bob"), Some("shipped number"), None];
    assert_eq!(rules, known.map(|rule| rule.map(String::from)));
}
