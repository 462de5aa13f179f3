//! `[records]`, `[recordings]` and `[webhooks]`: what is kept, and who is told.

use std::time::Duration;

use super::{good, told};

#[test]
fn what_is_kept_is_told_by_age_and_by_size() {
    let config = good(
        "[records]\nkeep = \"90d\"\nkeep_journals = \"7d\"\nmost = 5000\n[recordings]\nkeep = \"30d\"\nmost = \"50GB\"\n",
        &[],
    );
    let day = Duration::from_secs(86_400);
    let kept = config.sound.kept;
    assert_eq!((kept.records, kept.journals, kept.most_records), (Some(90 * day), Some(7 * day), Some(5000)));
    assert_eq!((kept.recordings, kept.most_recorded), (Some(30 * day), Some(50_000_000_000)));
    assert_eq!(good("", &[]).sound.kept, patchcord_web::retention::Kept::default());
    for wrong in ["50", "50 gb", "10MB", "-1GB", "99999999999999999999TB"] {
        let told = told(&format!("[recordings]\nmost = \"{wrong}\"\n"), &[]);
        assert!(told.contains("recordings.most") && told.contains("no such size"), "{told}");
    }
}

#[test]
fn receivers_are_named_with_a_secret_and_what_they_want_to_hear() {
    let secret = "secret = \"0123456789abcdef\"\n";
    let config = good(&format!("[webhooks]\nurl = \"https://crm.example/x\"\n{secret}events = [\"call.*\"]\n"), &[]);
    assert_eq!(config.webhooks.urls, ["https://crm.example/x"]);
    assert!(config.webhooks.events[0].takes("call.ended") && !config.webhooks.events[0].takes("trunk.up"));
    assert!(good("", &[]).webhooks.urls.is_empty());
    for (wrong, part) in [
        ("[webhooks]\nurl = \"https://crm.example/x\"\n".to_owned(), "webhooks.secret_env"),
        (format!("[webhooks]\n{secret}"), "webhooks.url"),
        (format!("[webhooks]\nurl = \"ftp://x\"\n{secret}"), "no address of the web"),
        (format!("[webhooks]\nurl = \"http://x\"\n{secret}events = [\"calls\"]\n"), "no event"),
        ("[webhooks]\nurl = \"http://x\"\nsecret = \"short\"\n".to_owned(), "it has 5 letters"),
    ] {
        let told = told(&wrong, &[]);
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn numbers_are_masked_for_viewers_unless_told_otherwise() {
    use patchcord_web::people::Masking;
    let masking = |text: &str| good(text, &[]).sound.masking;
    assert_eq!(masking(""), Masking::Viewers);
    assert_eq!(masking("[records]\nmasking = \"operators\"\n"), Masking::Operators);
    assert_eq!(masking("[records]\nmasking = \"nobody\"\n"), Masking::Nobody);
    let told = told("[records]\nmasking = \"admins\"\n", &[]);
    assert!(told.contains("records.masking") && told.contains("\"admins\" is none"), "{told}");
    assert!(told.contains("\"operators\" (and viewers)"), "{told}");
}
