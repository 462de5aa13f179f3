//! `patchcord routes …`: where numbers lead, and routes that are added to those of the configuration.

use clap::{ArgGroup, Args, Subcommand};
use hyper::Method;
use patchcord_engine::journal::clean;
use patchcord_web::{
    control::words::{RouteTold, RoutesTold},
    routes::Written,
};
use serde_json::{Value, json};

use super::{
    Context,
    endpoint::table,
    outcome::{Failure, Said},
    server::running,
};

#[derive(Subcommand)]
pub enum RoutesCommand {
    /// Show where numbers lead
    #[command(after_help = "Example:\n  patchcord routes list --json")]
    List,
    /// Add a route; it counts at once and is kept
    #[command(after_help = "\
Examples:
  patchcord routes add 600 --service reception
  patchcord routes add '+4930123*' --from trunk:north --endpoint alice,bob
  patchcord routes add '0*' --trunk north,south --strip 0 --prepend +49")]
    Add(NewRoute),
    /// Remove a route that was added
    #[command(after_help = "Example:\n  patchcord routes remove 9f86d081884c")]
    Remove {
        /// Its name, as `patchcord routes` shows it
        id: String,
    },
}

#[derive(Args)]
#[command(group(ArgGroup::new("target").required(true).args(["service", "trunk", "endpoint"])))]
pub struct NewRoute {
    /// Which numbers: one, a beginning as +4930*, an expression in slashes, or *
    pub number: String,
    /// For whom: endpoints, browsers, trunk:<name>, anyone; several with commas [default: endpoints]
    #[arg(long, value_name = "WHO", value_delimiter = ',')]
    pub from: Vec<String>,
    /// The service that answers
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// The trunks that are tried, one after another
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub trunk: Vec<String>,
    /// The endpoints that ring, all at once
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub endpoint: Vec<String>,
    /// Taken off the front of the number
    #[arg(long, value_name = "DIGITS")]
    pub strip: Option<String>,
    /// Put in its place
    #[arg(long, value_name = "DIGITS")]
    pub prepend: Option<String>,
}

impl NewRoute {
    /// The keys of `[[route]]`.
    fn written(self) -> Written {
        let Self { number, from, service, trunk, endpoint, strip, prepend } = self;
        let mut written = Written::from_iter([("number".to_owned(), Value::from(number))]);
        let mut say = |key: &str, said: Option<Value>| said.map(|said| written.insert(key.into(), said));
        let list = |names: Vec<String>| (!names.is_empty()).then(|| Value::from(names));
        say("from", list(from));
        say("service", service.map(Value::from));
        say("trunk", list(trunk));
        say("endpoint", list(endpoint));
        let rewrite = [("strip", strip), ("prepend", prepend)];
        let rewrite = rewrite.into_iter().filter_map(|(key, said)| Some((key.to_owned(), Value::from(said?))));
        let rewrite = Written::from_iter(rewrite);
        say("rewrite", (!rewrite.is_empty()).then(|| rewrite.into()));
        written
    }
}

/// `patchcord routes`
pub async fn routes(context: Context, command: Option<RoutesCommand>) -> Result<Said, Failure> {
    let client = running(&context).await?;
    match command {
        None | Some(RoutesCommand::List) => {
            let all: RoutesTold = client.get("/api/v1/routes").await?;
            Ok(Said::new(list(&all), json!(all)))
        }
        Some(RoutesCommand::Add(new)) => {
            let number = new.number.clone();
            let made: Value = client.ask(Method::POST, "/api/v1/routes", &new.written()).await?;
            let id = made["id"].as_str().unwrap_or_default();
            Ok(Said::new(format!("{} leads there from now on; the route is {id}.\n", clean(&number)), made))
        }
        Some(RoutesCommand::Remove { id }) => {
            let named: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
            client.tell::<()>(Method::DELETE, &format!("/api/v1/routes/{named}"), None).await?;
            Ok(Said::new(format!("Route {named} is no more.\n"), json!({ "removed": named })))
        }
    }
}

fn list(all: &RoutesTold) -> String {
    let row = |route: &RouteTold| {
        let leads = format!("{} {}", route.to, route.names.join(", "));
        let written = route.written_by.as_ref().map_or("configuration".into(), |by| format!("by {by}"));
        let written = route.hindrance.as_ref().map_or(written, |why| format!("NOT IN FORCE: {why}"));
        // There is no such service: the cell before names it.
        let written = if route.warning.is_some() { format!("LEADS NOWHERE; {written}") } else { written };
        let id = route.id.clone().unwrap_or_else(|| "-".into());
        [id, route.number.clone(), route.from.join(", "), leads, written].map(|cell| clean(&cell))
    };
    let shipped = all.shipped.iter().map(|shipped| {
        let leads = format!("service {}", shipped.service);
        ["-".into(), shipped.number.clone(), "endpoints".into(), leads, "shipped".into()]
    });
    let rows = all.routes.iter().map(row).chain(shipped).collect();
    table(["ROUTE", "NUMBER", "FROM", "LEADS TO", "WRITTEN"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_says_what_the_file_would() {
        let (number, service) = ("0*".into(), None);
        let (trunk, endpoint) = (vec!["north".into(), "south".into()], Vec::new());
        let new =
            NewRoute { number, from: Vec::new(), service, trunk, endpoint, strip: Some("0".into()), prepend: None };
        let said = json!({ "number": "0*", "trunk": ["north", "south"], "rewrite": { "strip": "0" } });
        assert_eq!(Value::from(new.written()), said);
    }
}
