//! Where letters go, and who has a mailbox.

use patchcord_web::outside::Safety;

use super::{good, told};

#[test]
fn a_mail_server_is_spoken_to_by_tls_unless_told_otherwise() {
    assert_eq!(good("", &[]).mail, None);
    let text = "server.domain = \"example.org\"\n[mail]\nserver = \"smtp.example.org\"\nuser = \"pbx\"\npassword_env = \"MAIL\"\n";
    let mail = good(text, &[("MAIL", "s3cret")]).mail.expect("a server");
    assert_eq!((mail.host.as_str(), mail.port, mail.safety), ("smtp.example.org", 587, Safety::StartTls));
    assert_eq!(mail.from.to_string(), "patchcord@example.org");
    let login = mail.login.as_ref().expect("a login");
    assert_eq!((login.user.as_str(), login.password.as_str()), ("pbx", "s3cret"));
    assert!(!format!("{mail:?}").contains("s3cret"), "{mail:?}");

    let text = "[mail]\nserver = \"127.0.0.1\"\ntls = \"off\"\nuser = \"a\"\npassword = \"b\"\nfrom = \"Desk <desk@b.example>\"\n";
    let mail = good(text, &[]).mail.expect("a server");
    assert_eq!((mail.port, mail.safety, mail.from.to_string()), (25, Safety::Open, "Desk <desk@b.example>".into()));
    let text = "[mail]\nserver = \"mx\"\ntls = \"tls\"\nport = 2465\nfrom = \"a@b.example\"\n";
    assert_eq!(good(text, &[]).mail.map(|mail| (mail.port, mail.safety)), Some((2465, Safety::Tls)));
}

#[test]
fn a_mailbox_has_an_address_and_a_pin() {
    let text = r#"
        [[endpoint]]
        user = "alice"
        password = "x"
        mailbox = { mail = "alice@example.org", pin_env = "ALICE_PIN" }
        [[endpoint]]
        user = "bob"
        password = "x"
        mailbox = { pin = "0815" }
        [[endpoint]]
        user = "carol"
        password = "x"
    "#;
    let mailboxes = good(text, &[("ALICE_PIN", "2468")]).mailboxes;
    let alice = &mailboxes["alice"];
    assert_eq!((alice.mail.as_deref(), alice.pin.as_deref()), (Some("alice@example.org"), Some("2468")));
    assert_eq!((mailboxes["bob"].mail.as_deref(), mailboxes["bob"].pin.as_deref()), (None, Some("0815")));
    assert!(!mailboxes.contains_key("carol"));
    assert!(!format!("{mailboxes:?}").contains("2468"), "{mailboxes:?}");
}

#[test]
fn what_is_wrong_is_told_without_the_secret() {
    const MAILBOX: &str = "[[endpoint]]\nuser = \"alice\"\npassword = \"x\"\n";
    for (text, words) in [
        (
            "[mail]\nfrom = \"a@b.example\"\n".to_owned(),
            "etc/patchcord.toml:1:1: mail.server: is missing\n    write server = \"smtp.example.org\"",
        ),
        (
            "[mail]\nserver = \"mx\"\n".to_owned(),
            "etc/patchcord.toml:1:1: mail.from: is missing\n    write from = \"pbx@example.org\", or set domain in [server]",
        ),
        (
            "[mail]\nserver = \"mx:25\"\nfrom = \"a@b.example\"\n".to_owned(),
            "etc/patchcord.toml:2:10: mail.server: \"mx:25\" is no name of a server\n    write its name, as in \"smtp.example.org\"; the port has a key of its own",
        ),
        (
            "[mail]\nserver = \"mx\"\nfrom = \"a\"\n".to_owned(),
            "etc/patchcord.toml:3:8: mail.from: \"a\" is no mail address\n    write it as in \"pbx@example.org\" or \"Reception <pbx@example.org>\"",
        ),
        (
            "[mail]\nserver = \"mx\"\nfrom = \"a@b.example\"\ntls = \"ssl\"\n".to_owned(),
            "etc/patchcord.toml:4:7: mail.tls: \"ssl\" is no way to a mail server\n    write \"starttls\", \"tls\" or \"off\"",
        ),
        (
            "[mail]\nserver = \"mx\"\nfrom = \"a@b.example\"\ntls = \"off\"\nuser = \"a\"\npassword = \"b\"\n"
                .to_owned(),
            "etc/patchcord.toml:4:7: mail.tls: \"off\" would show the password to everybody on the way\n    write \"starttls\" or \"tls\"",
        ),
        (
            "[mail]\nserver = \"mx\"\nfrom = \"a@b.example\"\nuser = \"a\"\n".to_owned(),
            "etc/patchcord.toml:1:1: mail.user: has no password beside it\n    write password_env too",
        ),
        (
            "[mail]\nserver = \"mx\"\nfrom = \"a@b.example\"\npassword = \"hush\"\n".to_owned(),
            "etc/patchcord.toml:1:1: mail.user: is missing beside its password\n    write user too",
        ),
        (
            "[mail]\nserver = \"mx\"\nfrom = \"a@b.example\"\nuser = \"a\"\npassword_env = \"UNSET\"\n".to_owned(),
            "etc/patchcord.toml:5:16: mail.password_env: environment variable UNSET is not set\n    set UNSET before the server starts",
        ),
        (
            "[mail]\nserver = \"mx\"\nfrom = \"a@b.example\"\nprot = 25\n".to_owned(),
            "etc/patchcord.toml:4:1: mail.prot: is unknown\n    did you mean port?",
        ),
        (
            format!("{MAILBOX}mailbox = {{ pin = \"12a4\" }}\n"),
            "etc/patchcord.toml:4:19: endpoint.mailbox.pin: it is no PIN\n    write 4 to 12 digits in quotes",
        ),
        (
            format!("{MAILBOX}mailbox = {{ pin = 1234 }}\n"),
            "etc/patchcord.toml:4:19: endpoint.mailbox.pin: 1234 is a number\n    write it in quotes: \"1234\"",
        ),
        (
            format!("{MAILBOX}mailbox = {{ mail = \"alice\" }}\n"),
            "etc/patchcord.toml:4:20: endpoint.mailbox.mail: \"alice\" is no mail address\n    write it as in \"pbx@example.org\" or \"Reception <pbx@example.org>\"",
        ),
        (
            format!("{MAILBOX}mailbox = true\n"),
            "etc/patchcord.toml:4:11: endpoint.mailbox: is a section, not a value\n    write [endpoint.mailbox] and its keys below it",
        ),
    ] {
        assert_eq!(told(&text, &[]), words, "{text}");
    }
    let text = format!("{MAILBOX}mailbox = {{ pin = \"1234\", pin_env = \"A\" }}\n");
    let both = told(&text, &[("A", "5678")]);
    assert!(both.contains("endpoint.mailbox.pin: is given twice, as pin_env as well"), "{both}");
}
