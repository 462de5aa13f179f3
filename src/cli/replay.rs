//! `patchcord replay`: a past call against today's scripts.

use std::path::{Path, PathBuf};

use patchcord_engine::journal::{CallId, Entry, GOES_ON, NoCallId, Record, What, clean, sentence};
use patchcord_scripts::{
    Host,
    replay::{Came, Replayed, Said as Told, replay as replayed},
    testing::{Sources, shelf_of},
};
use patchcord_web::control::words::WholeCall;
use serde_json::{Value, json};

use super::{
    Context,
    calls::{SEE_LIST, whole},
    outcome::{Exit, Failure, Said},
    test::sources,
};

/// Verbs before the one that differs that are shown.
const BEFORE: usize = 5;

/// `patchcord replay`
pub async fn replay(context: Context, call: String, with: Option<PathBuf>) -> Result<Said, Failure> {
    let id: CallId =
        call.parse().map_err(|error: NoCallId| Failure::new(Exit::Refused, error.to_string(), SEE_LIST))?;
    let folder = match with {
        Some(folder) => folder,
        None => context.config()?.sound.scripts,
    };
    // Without a folder there are still the services that are shipped.
    let sources =
        if folder.is_dir() { as_served(sources(std::slice::from_ref(&folder))?, &folder) } else { Sources::default() };
    let WholeCall { record, journal, .. } = whole(&context, id).await?;
    let mut broken = Vec::new();
    let host = Host::new(shelf_of(&sources, &mut broken));
    // What is wrong with services that had no part in the call is another matter.
    let served = services_of(&record, &journal);
    broken.retain(|why: &String| served.iter().any(|service| why.contains(&format!("{service}.rhai:"))));
    let ended = replayed(&host, &record, &journal).map_err(|error| {
        let why = broken.iter().map(|broken| format!("; {broken}")).collect::<String>();
        Failure::new(Exit::Refused, format!("{error}{why}"), "name the folder with its scripts: --with FOLDER")
    })?;
    let mut text = format!("{}\n", sentence(&record));
    text.extend(broken.iter().map(|broken| format!("{broken}\n")));
    judged(text, &ended)
}

/// The files by the names that a server has for them, wherever the folder lies.
fn as_served(mut sources: Sources, folder: &Path) -> Sources {
    let named =
        |file: &str| Path::new(file).strip_prefix(folder).map_or(file.to_owned(), |at| at.display().to_string());
    sources.services.iter_mut().for_each(|source| source.file = named(&source.file));
    sources.modules.iter_mut().for_each(|module| module.file = named(&module.file));
    sources
}

/// The services that told the story of a call.
fn services_of<'a>(record: &'a Record, journal: &'a [Entry]) -> Vec<&'a str> {
    let later = journal.iter().filter_map(|entry| match &entry.what {
        What::Heard { event, facts, .. } if event == GOES_ON => facts.get("service"),
        _ => None,
    });
    record.service.as_deref().into_iter().chain(later).collect()
}

fn judged(mut text: String, ended: &Replayed) -> Result<Said, Failure> {
    let Replayed { same, end } = ended;
    let json = json!({ "same": same.iter().map(told).collect::<Vec<_>>(), "end": json_of(end) });
    match end {
        Came::Through => {
            text += &format!("All goes as it did then: {} the same, with their options.\n", verbs(same.len()));
            Ok(Said::new(text, json))
        }
        Came::Unknown(why) => {
            text += &format!("{} the same; then the journal does not say enough: {}.\n", verbs(same.len()), clean(why));
            Ok(Said::new(text, json))
        }
        Came::Otherwise { at, then, today } => {
            let skipped = same.len().saturating_sub(BEFORE);
            let mut told = format!("after {:.3} s it would go otherwise\n", at.as_secs_f64());
            if skipped > 0 {
                told += &format!("    … {} the same\n", verbs(skipped));
            }
            for said in &same[skipped..] {
                told += &format!("    same   {}\n", clean(&said.to_string()));
            }
            told += &format!("    then   {}\n    today  {}", clean(&then.to_string()), clean(&today.to_string()));
            Err(Failure::new(Exit::Refused, format!("{text}{told}"), "").with_json(json))
        }
    }
}

fn verbs(count: usize) -> String {
    if count == 1 { "1 verb is".into() } else { format!("{count} verbs are") }
}

fn json_of(end: &Came) -> Value {
    match end {
        Came::Through => json!({ "came": "through" }),
        Came::Unknown(why) => json!({ "came": "unknown", "why": why }),
        Came::Otherwise { at, then, today } => {
            json!({ "came": "otherwise", "at_us": at.as_micros() as u64, "then": told(then), "today": told(today) })
        }
    }
}

fn told(said: &Told) -> Value {
    json!({ "what": said.what, "place": said.place })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn said(what: &str, place: &str) -> Told {
        Told { what: what.into(), place: Some(place.into()) }
    }

    #[test]
    fn where_a_call_goes_otherwise_is_told_with_what_came_before() {
        let same = (1..=7).map(|line| said("play a", &format!("ivr.rhai:{line}"))).collect();
        let (then, today) = (said("dial user:bob", "ivr.rhai:8"), said("dial user:carol", "ivr.rhai:9"));
        let end = Came::Otherwise { at: Duration::from_millis(2100), then, today };
        let told = judged(String::new(), &Replayed { same, end }).map(|said| said.text).expect_err("it differs");
        assert!(
            told.told().starts_with("after 2.100 s it would go otherwise\n    … 2 verbs are the same\n"),
            "{}",
            told.told()
        );
        assert!(told.told().contains("    today  ivr.rhai:9               dial user:carol"), "{}", told.told());
        let through = Replayed { same: vec![said("answer", "ivr.rhai:2")], end: Came::Through };
        assert!(judged(String::new(), &through).is_ok_and(|said| said.text.contains("1 verb is the same")));
    }
}
