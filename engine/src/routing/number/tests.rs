//! Numbers at borders: what each carrier's form becomes, and the laws that hold for every number.

use proptest::prelude::*;

use super::*;

fn berlin() -> Numbering {
    Numbering { country: Some("49".into()), area: Some("30".into()), ..Numbering::default() }
}

fn inward() -> Inward {
    Inward { numbering: Some(berlin()), ..Inward::default() }
}

#[test]
fn whatever_a_carrier_writes_becomes_e164() {
    for (written, expected) in [
        ("+4930123456", "+4930123456"),
        ("004930123456", "+4930123456"),
        ("030123456", "+4930123456"),
        ("123456", "+4930123456"),
        ("0043 1 2345", "+4312345"),
        ("+49 (30) 123-456", "+4930123456"),
        ("+4930123456;npdi=yes", "+4930123456"),
        ("*97", "*97"),
        ("anonymous", "anonymous"),
        ("000", "000"),
    ] {
        assert_eq!(inward().called(written), expected, "{written}");
        assert_eq!(inward().caller(written), expected, "{written}");
    }
}

#[test]
fn a_carrier_gets_the_form_it_wants() {
    let out = |form| Outward { called_form: form, numbering: berlin(), ..Outward::default() };
    for (form, at_home, inland, abroad) in [
        (Form::AsItIs, "+4930123456", "+4940123456", "+43123456"),
        (Form::E164, "+4930123456", "+4940123456", "+43123456"),
        (Form::Plain, "4930123456", "4940123456", "43123456"),
        (Form::International, "004930123456", "004940123456", "0043123456"),
        (Form::National, "030123456", "040123456", "0043123456"),
        (Form::Subscriber, "123456", "040123456", "0043123456"),
    ] {
        assert_eq!(out(form).called("+4930123456"), at_home, "{form}");
        assert_eq!(out(form).called("+4940123456"), inland, "{form}");
        assert_eq!(out(form).called("+43123456"), abroad, "{form}");
        assert_eq!(form.to_string().parse(), Ok(form));
    }
    assert_eq!("nice".parse::<Form>(), Err(UnknownForm("nice".into())));
}

#[test]
fn north_america_has_prefixes_of_its_own() {
    let boston = Numbering {
        country: Some("1".into()),
        area: Some("617".into()),
        national: "1".into(),
        international: "011".into(),
    };
    assert_eq!(boston.to_e164("16175550123", true), "+16175550123");
    assert_eq!(boston.to_e164("5550123", true), "+16175550123");
    assert_eq!(boston.to_e164("0114930123456", true), "+4930123456");
    assert_eq!(boston.write(Form::National, "+12125550123"), "12125550123");
    assert_eq!(boston.write(Form::National, "+4930123456"), "0114930123456");
}

#[test]
fn where_nothing_stands_before_an_area_code_a_number_is_national() {
    let spain = Numbering { country: Some("34".into()), national: "".into(), ..Numbering::default() };
    assert_eq!(spain.to_e164("912345678", true), "+34912345678");
    assert_eq!(spain.to_e164("112", false), "112", "what is dialled here may be a short number");
    assert_eq!(spain.write(Form::National, "+34912345678"), "912345678");
}

#[test]
fn a_prefix_is_exchanged_only_where_it_stands() {
    let edit = Edit { strip: "+".into(), prepend: "00".into() };
    assert_eq!(edit.apply("+4930123456"), "004930123456");
    assert_eq!(edit.apply("112"), "112", "a short number gets no prefix that was meant for others");
    let behind_nine = Edit { strip: "".into(), prepend: "9".into() };
    assert_eq!(behind_nine.apply("030123"), "9030123");
    let nine = Edit { strip: "9".into(), prepend: "".into() };
    assert_eq!(nine.apply("9030123"), "030123");
    assert_eq!(nine.apply("9"), "9", "nothing would be left");
    assert_eq!(nine.apply("9lives"), "9lives", "that is a name");
}

#[test]
fn a_dialled_number_is_of_this_area_only_when_the_route_says_so() {
    let out = Outward { called_form: Form::E164, numbering: berlin(), ..Outward::default() };
    assert_eq!(out.called("110"), "110");
    assert_eq!(out.called("030123456"), "+4930123456");
    assert_eq!(Outward { complete: true, ..out }.called("123456"), "+4930123456");
}

#[test]
fn a_name_with_dashes_is_no_number() {
    assert_eq!(plain("alice-2.desk"), "alice-2.desk");
    assert_eq!(plain("(030) 12-34.5"), "03012345");
    assert_eq!(plain("+"), "+");
    assert_eq!(plain(""), "");
}

prop_compose! {
    fn e164()(digits in "[1-9][0-9]{4,14}", at_home in 0..3) -> String {
        match at_home { 0 => format!("+4930{digits}"), 1 => format!("+49{digits}"), _ => format!("+{digits}") }
    }
}

fn form() -> impl Strategy<Value = Form> {
    (0..Form::NAMES.len()).prop_map(|at| Form::NAMES[at].1)
}

proptest! {
    /// Out and in again is the same number, whatever form the carrier wants.
    #[test]
    fn what_goes_out_comes_back(number in e164(), form in form()) {
        prop_assume!(form != Form::Plain);
        let out = Outward { caller_form: form, called_form: form, numbering: berlin(), ..Outward::default() };
        prop_assert_eq!(inward().called(&out.called(&number)), number.clone());
        prop_assert_eq!(inward().caller(&out.caller(&number)), number);
    }

    /// In and out again is the carrier's own form.
    #[test]
    fn what_comes_in_goes_out_as_it_was(number in e164(), form in form()) {
        let out = Outward { called_form: form, numbering: berlin(), ..Outward::default() };
        let strip = if form == Form::Plain { Edit { strip: "".into(), prepend: "+".into() } } else { Edit::default() };
        let back = Inward { called: strip, ..inward() };
        let written = out.called(&number);
        prop_assert_eq!(out.called(&back.called(&written)), written);
    }

    /// Exchanging a prefix and exchanging it back changes nothing.
    #[test]
    fn an_edit_and_its_reverse_cancel_out(number in e164(), to in "[0-9]{1,16}") {
        let there = Edit { strip: "+".into(), prepend: to.clone().into() };
        let back = Edit { strip: to.into(), prepend: "+".into() };
        prop_assert_eq!(back.apply(&there.apply(&number)), number);
    }

    /// Nothing in is nothing out; everything else stays something, and bounded.
    #[test]
    fn no_number_is_lost_or_grows_without_bound(
        number in ".{1,80}",
        strip in "[+]?[0-9*]{0,15}",
        prepend in "[+]?[0-9*]{0,15}",
        form in form(),
        complete in any::<bool>(),
    ) {
        let edit = Edit { strip: strip.into(), prepend: prepend.into() };
        let out = Outward {
            called_form: form, called: edit.clone(), caller_form: form, caller: edit.clone(),
            numbering: berlin(), complete,
        };
        let back = Inward { called: edit.clone(), caller: edit, ..inward() };
        for made in [out.called(&number), out.caller(&number), back.called(&number), back.caller(&number)] {
            prop_assert!(!made.is_empty());
            prop_assert!(made.len() <= MAX_NUMBER.max(number.len()), "{} from {}", made, number);
        }
    }

    /// Reading a number twice is reading it once.
    #[test]
    fn a_number_in_our_form_stays_as_it_is(number in "[+]?[0-9]{1,20}") {
        let once = inward().called(&number);
        if once.starts_with('+') {
            prop_assert_eq!(inward().called(&once), once);
        }
    }
}
