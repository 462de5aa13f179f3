//! Services as files: which ones a command means, and what is wrong with them before anybody calls.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use patchcord_engine::{
    exchange::{Leash, built_in},
    routing::{Route, Target},
};
use patchcord_media::prompt::ENDINGS;
use patchcord_scripts::{
    Limits,
    check::{Ground, check_on, imported},
    fault::Fault,
    lints,
    reach::{Reach, beyond},
    shipped, testing,
};
use patchcord_web::outside::Hosts;

use crate::{
    config::{
        Environment, Place, Problem, Sound,
        manifest::{self, Manifest},
    },
    server::{library, no_service},
};

/// The ending of a service's file.
const ENDING: &str = "rhai";

/// The files that a path means: itself, or all scripts of a folder, services and tests.
///
/// # Errors
/// When there is nothing at that path, or it cannot be read.
pub fn at(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return fs::metadata(path).map(|_| vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file holds tests, and no service.
pub fn is_test(file: &Path) -> bool {
    file.file_stem().is_some_and(|name| name.to_string_lossy().ends_with("_test"))
}

/// What is wrong with a service, or with a file of tests. Prompts are looked for in these folders, and in the binary.
pub fn faults(
    file: &Path,
    sounds: &[PathBuf],
    language: &str,
    limits: &Limits,
    environment: &Environment,
) -> Vec<Fault> {
    let shown = file.display().to_string();
    if !file.is_file() {
        return vec![Fault::of_file(&shown, "it is no regular file")];
    }
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return vec![Fault::of_file(&shown, format!("it cannot be read: {error}"))],
    };
    if is_test(file) {
        return testing::check(&shown, &text);
    }
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let library = |name: &str| library::module(folder, name, limits.file, |path| path.display().to_string());
    let has_prompt = |prompt: &str| is_there(prompt, sounds, language);
    let ground = Ground { has_prompt: &has_prompt, library: &library, limits };
    let mut faults = check_on(&shown, &text, &ground);
    // What a module asks for is asked for by the service.
    let modules = imported(&shown, &text, &ground).into_iter().map(|module| (module.file, module.text.to_string()));
    let texts: Vec<(String, String)> = std::iter::once((shown.clone(), text.clone())).chain(modules).collect();
    let is_there = |name: &str| is_service(name, folder) || name == file.file_stem().unwrap_or_default();
    faults.extend(texts.iter().flat_map(|(shown, text)| lints::services(shown, text, &is_there)));
    let named = file.with_extension("toml");
    let manifest = match manifest_of(&named, environment) {
        Ok(manifest) => manifest,
        Err(wrong) => {
            faults.extend(wrong);
            return faults;
        }
    };
    if let Some(manifest) = &manifest {
        let leash = Leash::new(manifest.leash.clone());
        faults.extend(
            texts.iter().flat_map(|(shown, text)| lints::targets(shown, text, &|target| leash.may_dial(target))),
        );
    }
    // What comes with the house may write letters, as it does where it is served.
    let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_ours = manifest.is_none() && shipped::service(&name) == Some(text.as_str());
    let rules = manifest.map(|manifest| manifest.reach).unwrap_or_default();
    let reach = Reach {
        manifest: &named.display().to_string(),
        database: rules.database.is_some(),
        servers: rules.hosts != Hosts::default(),
        letters: rules.mail || is_ours,
    };
    faults.extend(texts.iter().flat_map(|(shown, text)| beyond(shown, text, reach)));
    faults
}

/// The routes that lead to services which are neither in that folder nor in the binary, in words.
pub fn missing(routes: &[Route], folder: &Path) -> Vec<String> {
    let there = |name: &str| is_service(name, folder);
    let missing = (1..).zip(routes).filter_map(|(number, route)| match &route.target {
        Target::Service(name) if !there(name) => Some(no_service(number, &route.number.to_string(), name)),
        _ => None,
    });
    missing.collect()
}

/// Whether a service of that name lies in that folder or in the binary.
fn is_service(name: &str, folder: &Path) -> bool {
    let lies = folder.join(format!("{name}.{ENDING}")).is_file();
    lies || shipped::service(name).is_some() || built_in(name).is_some()
}

/// The manifest of a service, when it has one; or what is wrong with it.
fn manifest_of(file: &Path, environment: &Environment) -> Result<Option<Manifest>, Vec<Fault>> {
    let shown = file.display().to_string();
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(vec![Fault::of_file(&shown, format!("it cannot be read: {error}"))]),
    };
    let problems = match manifest::read(file, &text, environment) {
        Ok(manifest) => return Ok(Some(manifest)),
        Err(problems) => problems,
    };
    let fault = |problem: Problem| {
        let (line, column) = match problem.place {
            Place::File { line, column } => (Some(line), Some(column)),
            Place::Variable(_) | Place::Whole => (None, None),
        };
        let Problem { key, reason, remedy, .. } = problem;
        Fault { line, column, ..Fault::of_file(&shown, format!("{key}: {reason}; {remedy}")) }
    };
    Err(problems.found.into_iter().map(fault).collect())
}

/// Whether a prompt that the configuration names would be heard; of one that lies elsewhere that is not known here.
pub fn is_heard(prompt: &str, sound: &Sound) -> bool {
    prompt.contains("::") || prompt.contains("://") || is_there(prompt, &sound.folders(), &sound.language)
}

fn is_there(prompt: &str, sounds: &[PathBuf], language: &str) -> bool {
    let folders = ["", language, "en"];
    let in_binary = folders.iter().any(|folder| {
        let name = if folder.is_empty() { prompt.to_owned() } else { format!("{folder}/{prompt}") };
        shipped::sound(&name).is_some()
    });
    let on_disk = |folder: &PathBuf| {
        folders.iter().any(|inside| {
            let path = folder.join(inside).join(prompt);
            path.is_file()
                || ENDINGS.iter().any(|ending| folder.join(inside).join(format!("{prompt}.{ending}")).is_file())
        })
    };
    in_binary || sounds.iter().any(on_disk)
}
