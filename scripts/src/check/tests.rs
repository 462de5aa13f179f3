//! What is told of scripts that are wrong, and that nothing is told of one that is right.

use super::*;

fn faults(text: &str) -> Vec<String> {
    let has = |name: &str| ["welcome", "music"].contains(&name);
    check("ivr.rhai", text, &has).iter().map(ToString::to_string).collect()
}

fn of_body(body: &str) -> Vec<String> {
    faults(&format!("fn on_invite(caller) {{\n  {body}\n}}"))
}

#[test]
fn a_script_that_is_right_has_no_faults() {
    let text = r#"
        const GREETING = "welcome";
        fn on_invite(caller) {
            caller.answer();
            let answer = caller.gather(#{ prompt: global::GREETING, max: 3, timeout: 5.s(), accept: ["1", "2xx"] });
            switch answer.digits { "1" => help(caller, answer), _ => caller.play(["welcome", "tone::440"]) }
            let text = http::get("https://example.org", #{ timeout: 2.s() }).body;
            caller.tag("length", text.len());
            caller.play(say::number(5));
            if caller.state == "answered" { caller.hangup(); }
        }
        fn help(leg, answer) { leg.dial("user:bob", #{ ringback: "music" }); }
        fn on_bye(leg, why) { log::info(why.reason); }"#;
    assert_eq!(faults(text), Vec::<String>::new());
}

#[test]
fn words_and_options_that_are_misspelt_are_told_with_what_is_meant() {
    assert_eq!(of_body("caller.anser();"), ["ivr.rhai:2:10: a leg has no word `anser`; is `answer` meant?"]);
    assert_eq!(
        of_body("caller.play(\"welcome\", #{ lops: 2 });"),
        ["ivr.rhai:2:29: play has no option `lops`; is `loops` meant?"]
    );
    assert_eq!(of_body("htp::get(\"x\");"), ["ivr.rhai:2:8: there is no module `htp`; is `http` meant?"]);
    assert_eq!(
        of_body("store::gett(\"x\");"),
        ["ivr.rhai:2:10: store has no word `gett`; it knows get, set, incr, del"]
    );
    assert_eq!(
        of_body("answer();"),
        ["ivr.rhai:2:3: `answer` is said to a leg, as caller.answer(…): nobody is named here"]
    );
    assert_eq!(of_body("log::info(caller.form);"), ["ivr.rhai:2:20: a leg has no `form`; is `from` meant?"]);
}

#[test]
fn values_of_the_wrong_kind_are_told_where_they_stand() {
    let told = of_body("caller.gather(#{ digits: 1, timeout: 5 });");
    assert_eq!(
        told,
        ["ivr.rhai:2:31: `timeout` of gather: 5 has no unit; write 5.s() for seconds or 5.ms() for milliseconds"]
    );
    let told = of_body("caller.reject(\"busy\");");
    assert_eq!(told, ["ivr.rhai:2:17: `code` of reject: it wants a whole number, and was given the text \"busy\""]);
    let told = of_body("caller.play();");
    assert_eq!(told, ["ivr.rhai:2:10: leg.play(prompts, #{ stop_keys, volume, loops, from }) is given no value here"]);
}

#[test]
fn prompts_that_are_not_there_are_named() {
    let told = of_body("caller.play([\"welcome\", \"welcom\"]);\n  caller.gather(#{ prompt: \"menu\" });");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("there is no prompt \"welcom\""), "{told:?}");
    assert!(told[1].starts_with("ivr.rhai:3:") && told[1].contains("\"menu\""), "{told:?}");
}

#[test]
fn what_is_said_behind_the_end_of_a_leg_is_told() {
    let told = of_body("caller.hangup();\n  caller.play(\"welcome\");");
    assert_eq!(told, ["ivr.rhai:3:10: caller.play comes behind caller.hangup, which ends the leg"]);
}

#[test]
fn handlers_that_nobody_would_call_are_told() {
    let told = faults("fn on_invite(caller) {}\nfn on_dtfm(leg, key) {}\n  fn on_bye(leg) {}");
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], "ivr.rhai:2:4: nobody calls a handler on_dtfm; is on_dtmf meant?");
    let bye = "ivr.rhai:3:6: on_bye has 1 value here and takes 2 values, so it would never be called: it is on_bye(leg, why): once";
    assert!(told[1].starts_with(bye), "{told:?}");
    let told = faults("// The story.\nfn on_invte(caller) { caller.answer(); }");
    assert_eq!(told, ["ivr.rhai:2:4: nobody calls a handler on_invte; is on_invite meant?"]);
}

#[test]
fn facts_of_a_leg_are_not_written() {
    let told = of_body("caller.from = \"x\";");
    assert!(
        told.len() == 1 && told[0].starts_with("ivr.rhai:2:10: `from` of a leg is read and never written"),
        "{told:?}"
    );
    assert_eq!(of_body("caller.vars = #{ a: 1 };\n  caller.vars.b = 2;"), [""; 0]);
}

#[test]
fn a_field_that_an_answer_does_not_have_is_told() {
    let told = of_body("let t = caller.dial(\"user:a\");\n  if t.stauts == \"busy\" { caller.tag(\"sip\", t.sip); }");
    assert_eq!(told, ["ivr.rhai:3:8: what dial gives has no `stauts`; is `status` meant?"]);
    let told =
        of_body("let keys = caller.gather(#{}).digits;\n  let answer = caller.gather(#{});\n  log::info(answer.keys);");
    assert_eq!(told, ["ivr.rhai:4:20: what gather gives has no `keys`; it has status, digits"]);
    let own = "let t = caller.dial(\"user:a\");\n  t.mine = 1;\n  log::info(t.mine);\n  let u = caller.dial(\"1\");\n  for u in [#{ a: 1 }] { log::info(u.a); }";
    assert_eq!(of_body(own), [""; 0], "what may be another value is not judged");
}

#[test]
fn what_may_be_two_things_is_not_judged() {
    for right in [
        "let x = 1; x = \"a\"; if x == 1 { caller.ring(); } x.len();",
        "let n = 0; let f = || { n = \"a\"; }; f.call(); if n == \"a\" { caller.ring(); }",
        "let a = 1; { let a = caller; a.play(\"welcome\"); } let b = a + 1;",
        "let m = #{ f: |x| x }; m.f(1); m.g = caller; m.g.play(\"welcome\");",
        "for x in [1, \"a\"] { if x == 1 || x == \"a\" { caller.ring(); } }",
        "[\"a\", \"b\"].for_each(|place| { let next = place + 1; });",
        "let x = if caller.from == \"\" { caller } else { () }; if x != () { x.play(\"welcome\"); }",
        "let t = caller.dial(\"100\"); t += #{ mine: 1 }; log::info(t.mine);",
        "let list = [\"a\"]; list.push(5); for one in list { if one == 5 { caller.ring(); } }",
        "play(caller, \"welcome\"); answer(caller);",
        "let digits = \"12\"; if digits[0] == '1' { caller.ring(); } if \"1\" in digits { caller.ring(); }",
        "let t = caller.dial(\"100\"); let s = t.status; s = t; log::info(s.talk);",
    ] {
        assert_eq!(of_body(right), [""; 0], "{right}");
    }
    for right in [
        "fn on_invite(caller) { helper(caller); helper(\"a\"); }\nfn helper(x) { if x == \"a\" { return; } x.play(\"welcome\"); }",
        "fn on_invite(caller) { helper(caller); Fn(\"helper\").call(5); }\nfn helper(x) { if x == 5 { return; } x.play(\"welcome\"); }",
        "fn on_invite(caller) { let x = 5; x.become_text(); if x == \"a\" { caller.ring(); } }\nfn become_text() { this = \"a\"; }",
        "fn on_invite(caller) { caller.play(5); }\nfn play(number) { this.ring(); }",
        "fn on_invite(caller) { let x = deep(3); if x == \"end\" { caller.ring(); } }\nfn deep(n) { if n == 0 { return \"end\"; } deep(n - 1) }",
        "fn on_invite(caller) { caller.after(1.s(), later); later(caller); }\nfn later(leg) { leg.tag(\"a\", 1); }",
        "fn on_message(leg, msg) { if leg == () { return msg.from != (); } leg.play(\"welcome\"); true }",
    ] {
        assert_eq!(faults(right), [""; 0], "{right}");
    }
}

#[test]
fn a_leg_that_nobody_asks_for_is_a_warning_and_one_that_is_asked_for_is_none() {
    let dial = "let t = caller.dial(\"user:a\");\n  ";
    let told = of_body(&format!("{dial}t.leg.play(\"welcome\");"));
    assert!(
        told.len() == 1 && told[0].starts_with("ivr.rhai:3:9: a warning: `t.leg` is () where nobody answered"),
        "{told:?}"
    );
    for asked in [
        "if t.leg != () { t.leg.play(\"welcome\"); }",
        "if t.status == \"answered\" { t.leg.play(\"welcome\"); }",
        "log::info(t); t.leg.play(\"welcome\");",
        "let leg = t.leg; if leg != () { t.leg.play(\"welcome\"); }",
    ] {
        assert_eq!(of_body(&format!("{dial}{asked}")), [""; 0], "{asked}");
    }
}

#[test]
fn values_are_followed_into_modules_and_back() {
    let text = "import \"shared/desk\" as desk;\nfn on_invite(caller) {\n  let t = desk::ring(caller);\n  log::info(t.stauts);\n}";
    let module = crate::imports::Module {
        name: "shared/desk".into(),
        file: "shared/desk.rhai".into(),
        text: "fn ring(leg) {\n  leg.tag(\"from\", leg.form);\n  leg.dial(\"user:a\")\n}".into(),
    };
    let modules = [module];
    let (library, limits) = (crate::imports::among(&modules), Limits::default());
    let ground = Ground { has_prompt: &|_| true, library: &library, limits: &limits };
    let told: Vec<String> = check_on("ivr.rhai", text, &ground).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "ivr.rhai:4:15: what dial gives has no `stauts`; is `status` meant?",
            "shared/desk.rhai:2:23: a leg has no `form`; is `from` meant?",
        ]
    );
}
