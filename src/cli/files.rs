//! `patchcord check` and `patchcord init`: the configuration file itself.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use patchcord_engine::runtime::{CertificateSource, check_certificates};
use patchcord_scripts::{Limits, fault::Fault};
use patchcord_web::problem::chain;
use serde_json::json;

use super::{
    Context,
    outcome::{Exit, Failure, Said},
    services,
};
use crate::{
    config::{self, Config, Environment},
    server::blamed,
};

/// What `patchcord init` writes: every key that is served, with its default.
const TEMPLATE: &str = include_str!("template.toml");

/// Beside it: a first service, its test, and the number that it answers at.
const FIRST: [(&str, &str); 2] =
    [("hello.rhai", include_str!("first/hello.rhai")), ("hello_test.rhai", include_str!("first/hello_test.rhai"))];

/// What stands behind the template, so that the first service is reached.
const ROUTE: &str = "\n# The first service, scripts/hello.rhai, for the phones of this house.\n[[route]]\nnumber = \"500\"\nfrom = \"endpoints\"\nservice = \"hello\"\n";

/// `patchcord check`: services where the path is one or a folder of them, else the configuration and its services.
pub fn check(context: &Context, path: Option<PathBuf>) -> Result<Said, Failure> {
    if let Some(path) = path.as_deref().filter(|path| !means_configuration(path)) {
        let (sound, limits) = context.config().map(|config| (config.sound, config.scripts)).ok().unzip();
        let beside = path.parent().filter(|_| !path.is_dir()).unwrap_or(path).join(config::SOUNDS);
        let folders: Vec<PathBuf> = sound.iter().flat_map(|sound| sound.folders()).chain([beside]).collect();
        let language = sound.map_or_else(|| "en".into(), |sound| sound.language);
        let (count, faults) =
            check_services(path, &folders, &language, &limits.unwrap_or_default(), &context.environment)?;
        return if faults.iter().all(|fault| fault.is_doubtful) {
            let Checked { services, tests } = count;
            let json = json!({ "services": services, "tests": tests, "problems": [], "warnings": in_lines(&faults) });
            Ok(Said::new(format!("{}.\n{}", count.in_words(), in_lines(&faults).concat()), json))
        } else {
            Err(Failure::of_faults(&faults))
        };
    }
    let path = path.map(|path| if path.is_dir() { path.join(config::FILE) } else { path });
    let named = path.as_deref().or(context.named.as_deref());
    let config = context.config_at(named).map_err(|failure| failure.exit(Exit::Refused))?;
    let file = config.file.as_ref().map(|file| file.display().to_string());
    for (key, path) in named_files(&config) {
        if let Err(error) = fs::File::open(&path) {
            let reason = format!("{} cannot be read: {error}", path.display());
            let remedy = "name a file that is there and that the server's user may read";
            return Err(Failure::blaming(&blamed(config.file.as_ref()), key, &reason, remedy).exit(Exit::Refused));
        }
    }
    if let Err(error) = check_certificates(&config.runtime) {
        let remedy = "name PEM files: a certificate, the key that belongs to it, authorities";
        let blamed = blamed(config.file.as_ref());
        return Err(Failure::blaming(&blamed, "tls", &chain(&error), remedy).exit(Exit::Refused));
    }
    let sound = &config.sound;
    if let Some(prompt) = sound.recording.announce.as_deref().filter(|prompt| !services::is_heard(prompt, sound)) {
        let reason =
            format!("there is no prompt {prompt:?}: nobody would hear it, and the shipped words are heard instead");
        let remedy = format!(
            "put {prompt}.wav into {}, or write true for the shipped words",
            sound.scripts.join(config::SOUNDS).display()
        );
        let blamed = blamed(config.file.as_ref());
        return Err(Failure::blaming(&blamed, "recordings.announce", &reason, &remedy).exit(Exit::Refused));
    }
    let is_there = sound.scripts.is_dir();
    let checked = is_there
        .then(|| {
            check_services(&sound.scripts, &sound.folders(), &sound.language, &config.scripts, &context.environment)
        })
        .transpose()?;
    let (count, faults) = checked.unwrap_or_default();
    if !faults.iter().all(|fault| fault.is_doubtful) {
        return Err(Failure::of_faults(&faults));
    }
    let missing = if is_there { services::missing(&config.plan.routes, &sound.scripts) } else { Vec::new() };
    if let Some(missing) = missing.into_iter().next() {
        let remedy = "the folder of services is named by [scripts] path";
        return Err(Failure::blaming(&blamed(config.file.as_ref()), "route", &missing, remedy).exit(Exit::Refused));
    }
    let served = if count == Checked::default() { String::new() } else { format!("; {}", count.in_words()) };
    let text = is_right(file.as_deref(), config.endpoints.len(), &served);
    let (endpoints, Checked { services, tests }) = (config.endpoints.len(), count);
    let json = json!({ "file": file, "endpoints": endpoints, "services": services, "tests": tests, "problems": [], "warnings": in_lines(&faults) });
    Ok(Said::new(text + in_lines(&faults).concat().as_str(), json))
}

fn is_right(file: Option<&str>, endpoints: usize, served: &str) -> String {
    match (file, endpoints) {
        (Some(file), 1) => format!("{file} is right: 1 endpoint{served}.\n"),
        (Some(file), count) => format!("{file} is right: {count} endpoints{served}.\n"),
        (None, _) => format!("There is no configuration file; the defaults are right{served}.\n"),
    }
}

/// Faults as lines.
fn in_lines(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

/// Whether a path means a configuration file, or a folder with one in it.
fn means_configuration(path: &Path) -> bool {
    if path.is_dir() {
        path.join(config::FILE).exists()
    } else {
        path.extension().is_none_or(|ending| ending != "rhai")
    }
}

/// How many files were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Checked {
    services: usize,
    tests: usize,
}

impl Checked {
    fn in_words(self) -> String {
        let counted = |count: usize, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        };
        let services = counted(self.services, "service", "services");
        let tests = counted(self.tests, "file of tests", "files of tests");
        match (services, tests) {
            (Some(services), Some(tests)) => format!("{services} and {tests} are right"),
            (None, None) => "There is no service here".into(),
            (one, other) => {
                let is = if self.services + self.tests == 1 { "is" } else { "are" };
                format!("{} {is} right", one.or(other).unwrap_or_default())
            }
        }
    }
}

/// How many services and tests there are, and what is wrong with them.
fn check_services(
    path: &Path,
    sounds: &[PathBuf],
    language: &str,
    limits: &Limits,
    environment: &Environment,
) -> Result<(Checked, Vec<Fault>), Failure> {
    let files = services::at(path).map_err(|error| {
        let remedy = "name a script, a folder of scripts, or a configuration file";
        Failure::new(Exit::Refused, format!("{} cannot be read: {error}", path.display()), remedy)
    })?;
    let mut faults: Vec<Fault> = Vec::new();
    for fault in files.iter().flat_map(|file| services::faults(file, sounds, language, limits, environment)) {
        // A module is looked at for each service that imports it, and told once.
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    let tests = files.iter().filter(|file| services::is_test(file)).count();
    Ok((Checked { services: files.len() - tests, tests }, faults))
}

/// The files and folders that the configuration names and the server reads at its start.
fn named_files(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let mut files = Vec::new();
    if let CertificateSource::Files { certificate, key } = &config.runtime.certificate {
        files.extend([("tls.certificate", certificate.clone()), ("tls.key", key.clone())]);
    }
    if let Some(CertificateSource::Files { certificate, key }) = &config.web.certificate {
        files.extend([("web.certificate", certificate.clone()), ("web.key", key.clone())]);
    }
    files.extend(config.sound.is_named.then(|| ("scripts.path", config.sound.scripts.clone())));
    files.extend(config.runtime.trust.clone().map(|trust| ("tls.trust", trust)));
    files
}

/// `patchcord init`
pub fn init(folder: &Path) -> Result<Said, Failure> {
    let path = folder.join(config::FILE);
    let shown = path.display().to_string();
    match fs::create_dir_all(folder).and_then(|()| write_new(&path, &format!("{TEMPLATE}{ROUTE}"))) {
        Ok(true) => {}
        Ok(false) => {
            let remedy = "edit it, or name another folder";
            return Err(Failure::new(Exit::Refused, format!("{shown} is there already"), remedy));
        }
        Err(error) => return Err(unwritten(&path, &error)),
    }
    let mut written = vec![shown.clone()];
    let scripts = folder.join(config::SCRIPTS);
    for (name, text) in FIRST {
        let path = scripts.join(name);
        // A service that somebody wrote before stays as it is.
        match fs::create_dir_all(&scripts).and_then(|()| write_new(&path, text)) {
            Ok(true) => written.push(path.display().to_string()),
            Ok(false) => {}
            Err(error) => return Err(unwritten(&path, &error)),
        }
    }
    let is = if written.len() == 1 { "is" } else { "are" };
    let text = format!("{} {is} written. Serve with:  patchcord run -c {shown}\n", written.join(", "));
    Ok(Said::new(text, json!({ "written": written })))
}

/// Whether the file was written: one that is there stays.
fn write_new(path: &Path, text: &str) -> io::Result<bool> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let remedy = "name a folder that this user may write to";
    Failure::new(Exit::Refused, format!("{} cannot be written: {error}", path.display()), remedy)
}
