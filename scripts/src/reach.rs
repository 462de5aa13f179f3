//! What a script asks for and cannot have where it is served: servers, databases and letters that its manifest does not give it.

use crate::fault::Fault;
use crate::lints;

/// What a service may have.
#[derive(Clone, Copy)]
pub struct Reach<'a> {
    /// The manifest of the service, as it is told of.
    pub manifest: &'a str,
    /// Whether that names a database.
    pub database: bool,
    /// Whether it names servers.
    pub servers: bool,
    /// Whether it allows letters.
    pub letters: bool,
}

/// What a text asks for beyond that.
pub fn beyond(file: &str, text: &str, reach: Reach<'_>) -> Vec<Fault> {
    lints::of_calls(file, text, |call, _| {
        let module = (!call.namespace.is_empty()).then(|| call.namespace.root());
        let told = module.and_then(|module| Some((module, reach.remedy(module)?)));
        let told =
            told.map(|(module, remedy)| format!("{module}::{} asks {remedy} into {}", call.name, reach.manifest));
        told.into_iter().collect()
    })
}

impl Reach<'_> {
    /// What is to be written into the manifest, where a module asks for something that it does not give.
    fn remedy(&self, module: &str) -> Option<&'static str> {
        match module {
            "db" if !self.database => {
                Some("a database, and the manifest names none; write [database] url = \"sqlite:shop.db\"")
            }
            "http" if !self.servers => {
                Some("a server, and the manifest names none; write [http] hosts = [\"api.example.org\"]")
            }
            "mail" if !self.letters => Some("for a letter, and the manifest allows none; write mail = true"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, may: bool) -> Vec<String> {
        let reach = Reach { manifest: "ivr.toml", database: may, servers: may, letters: may };
        beyond("ivr.rhai", text, reach).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_the_manifest_does_not_give_is_told_with_what_to_write_into_it() {
        let text = "fn on_invite(caller) {\n  db::query(\"select 1\");\n  http::get(\"https://a.example\");\n  mail::send(\"a@example.org\", #{ text: \"x\" });\n}";
        assert_eq!(
            told(text, false),
            [
                "ivr.rhai:2:7: db::query asks a database, and the manifest names none; write [database] url = \"sqlite:shop.db\" into ivr.toml",
                "ivr.rhai:3:9: http::get asks a server, and the manifest names none; write [http] hosts = [\"api.example.org\"] into ivr.toml",
                "ivr.rhai:4:9: mail::send asks for a letter, and the manifest allows none; write mail = true into ivr.toml",
            ]
        );
        assert_eq!(told(text, true), [""; 0]);
    }
}
