//! `patchcord test`: runs the tests beside the scripts, in virtual time.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use patchcord_scripts::{
    Limits,
    testing::{Report, Source, Sources, Wishes, run},
};

use super::{
    Context,
    outcome::{Exit, Failure, Said},
    words::Tests,
};
use crate::server::library;

/// How scripts end, and how files of tests do.
const SCRIPT: &str = "rhai";
const TEST: &str = "_test";

/// Where sounds lie beside scripts.
const SOUNDS: &str = "sounds";

/// Scripts of one folder that are read, at most: as many services as a house may have, and their tests.
const MOST_FILES: usize = 10_000;

/// The largest script that is read; the host refuses smaller ones with a better word.
const LARGEST: u64 = 1 << 20;

/// How often the files are looked at that are watched.
const LOOK: Duration = Duration::from_millis(300);

/// `patchcord test`
pub async fn test(context: Context, asked: Tests) -> Result<Said, Failure> {
    // Whoever names the scripts need not have a configuration; one that is there says what they may use.
    let config = context.config();
    let limits = config.as_ref().map(|config| config.scripts.clone()).unwrap_or_default();
    let paths = if asked.paths.is_empty() { vec![config?.sound.scripts] } else { asked.paths.clone() };
    if !asked.watch {
        return once(&context, &asked, &paths, &limits);
    }
    loop {
        match once(&context, &asked, &paths, &limits) {
            Ok(said) => say(&said.text),
            Err(failure) => failure.say(),
        }
        say("\nWaiting for a change; Ctrl-C ends it.\n");
        changed(&paths).await;
    }
}

fn once(context: &Context, asked: &Tests, paths: &[PathBuf], limits: &Limits) -> Result<Said, Failure> {
    let sources = Sources { limits: limits.clone(), ..sources(paths)? };
    if sources.tests.is_empty() {
        let remedy = "a test is a function test_…(t) in a file <service>_test.rhai beside the service";
        return Err(Failure::new(Exit::Refused, format!("{} holds no tests", shown(paths)), remedy));
    }
    let wishes = Wishes { filter: asked.filter.clone(), seed: asked.seed, explore: asked.explore, ..Wishes::default() };
    let report = run(&sources, &wishes, &mut |verdict| {
        if !context.json {
            say(&format!("{}\n", verdict.line()));
        }
    });
    if let Some(file) = &asked.junit {
        fs::write(file, report.junit()).map_err(|error| {
            let remedy = "name a file that this user may write";
            Failure::new(Exit::Refused, format!("{} cannot be written: {error}", file.display()), remedy)
        })?;
    }
    judged(context, &report, wishes.filter.as_deref())
}

fn judged(context: &Context, report: &Report, filter: Option<&str>) -> Result<Said, Failure> {
    if report.verdicts.is_empty() && report.broken.is_empty() {
        let reason = format!("no test has {:?} in its name", filter.unwrap_or_default());
        return Err(Failure::new(Exit::Refused, reason, "leave --filter away to see them all"));
    }
    if report.is_well() {
        return Ok(Said::new(format!("\n{}", report.summary()), report.json()));
    }
    if !context.json {
        say(&format!("\n{}", report.summary()));
    }
    let (reason, remedy) = ("a test failed", "each is told above by its file and line");
    Err(Failure::new(Exit::Refused, reason, remedy).with_json(report.json()))
}

/// All scripts and tests of these files and folders. Of a file of tests, the services beside it, too.
pub(super) fn sources(paths: &[PathBuf]) -> Result<Sources, Failure> {
    let mut sources = Sources::default();
    for path in paths {
        let folder = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(Path::new("")) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        for file in scripts_in(folder)? {
            let Some(name) = file.file_stem().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
            let is_test = name.ends_with(TEST);
            let wanted = path.is_dir() || file.file_name() == path.file_name() || !is_test;
            let into = if is_test { &mut sources.tests } else { &mut sources.services };
            let known = into.iter().any(|source| source.file == file.display().to_string());
            if wanted && !known {
                into.push(Source { name, text: read(&file)?, file: file.display().to_string() });
            }
        }
        if !path.exists() {
            let remedy = "name a folder of scripts, or a file of tests";
            return Err(Failure::new(Exit::Refused, format!("{} is not there", path.display()), remedy));
        }
        sources.prompts.push(folder.join(SOUNDS));
        for (name, file) in library::files(folder) {
            let known = sources.modules.iter().any(|module| module.name == name);
            // What cannot be read cannot be imported, which whoever imports it is told.
            let module = library::module(folder, &name, LARGEST as usize, |_| file.display().to_string());
            sources.modules.extend(module.ok().flatten().filter(|_| !known));
        }
    }
    Ok(sources)
}

/// The scripts of a folder, by name.
fn scripts_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unread = |error: std::io::Error| {
        let reason = format!("{} cannot be read: {error}", folder.display());
        Failure::new(Exit::Refused, reason, "name a folder of scripts, or a file of tests")
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)?.take(MOST_FILES) {
        let path = entry.map_err(unread)?.path();
        if path.extension().is_some_and(|ending| ending == SCRIPT) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<String, Failure> {
    let refused = |why: String| {
        Failure::new(
            Exit::Refused,
            format!("{} {why}", file.display()),
            "a script is a text file that this user may read",
        )
    };
    let size = fs::metadata(file).map_err(|error| refused(format!("cannot be read: {error}")))?.len();
    if size > LARGEST {
        return Err(refused(format!("has {size} bytes, and a script at most {LARGEST}")));
    }
    fs::read_to_string(file).map_err(|error| refused(format!("cannot be read: {error}")))
}

/// Waits until a script is another one than before.
async fn changed(paths: &[PathBuf]) {
    let before = stamps(paths);
    while stamps(paths) == before {
        tokio::time::sleep(LOOK).await;
    }
}

fn stamps(paths: &[PathBuf]) -> BTreeMap<PathBuf, Option<(u64, SystemTime)>> {
    let folders = paths.iter().map(|path| if path.is_dir() { path.clone() } else { parent(path) });
    let files = folders.flat_map(|folder| library::files(&folder)).map(|(_, file)| file);
    files
        .map(|file| {
            let stamp = fs::metadata(&file).and_then(|there| Ok((there.len(), there.modified()?))).ok();
            (file, stamp)
        })
        .collect()
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => ".".into(),
    }
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Says it at once.
fn say(text: &str) {
    // Whoever closed the pipe has read enough.
    let _read_or_not = std::io::stdout().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_tests_brings_the_services_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("shared")).expect("a folder");
        for (name, text) in [
            ("shared/hours.rhai", "fn open() {}"),
            ("ivr.rhai", "fn on_invite(caller) {}"),
            ("ivr_test.rhai", ""),
            ("other_test.rhai", ""),
        ] {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        let names = |sources: &[Source]| sources.iter().map(|source| source.name.clone()).collect::<Vec<_>>();
        let all = sources(&[folder.path().to_owned()]).expect("they are there");
        assert_eq!(
            (names(&all.services), names(&all.tests)),
            (vec!["ivr".into()], vec!["ivr_test".into(), "other_test".into()])
        );
        let modules: Vec<&str> = all.modules.iter().map(|module| module.name.as_str()).collect();
        assert_eq!(modules, ["ivr", "ivr_test", "other_test", "shared/hours"], "whatever lies there can be imported");
        let one = sources(&[folder.path().join("ivr_test.rhai")]).expect("it is there");
        assert_eq!((names(&one.services), names(&one.tests)), (vec!["ivr".into()], vec!["ivr_test".into()]));
        let none = sources(&[folder.path().join("nowhere")]).map(drop).expect_err("it is not there");
        assert!(none.told().contains("nowhere is not there"), "{}", none.told());
    }
}
