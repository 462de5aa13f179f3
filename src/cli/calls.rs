//! `patchcord calls …`: what became of calls. Asks the running server, or opens the store when none runs.

use hyper::Method;
use patchcord_engine::journal::{
    Account, CallId, Direction, LegNumber, LegRecord, MAX_PAGE, NoCallId, Page, Record, RecordShelf, What, clean,
    ended, ladder, line, long, moment, shown,
};
use patchcord_web::{
    control::words::{Records, Told, WholeCall},
    problem::chain,
};
use serde_json::{Value, json};

use super::{
    Context,
    client::{Client, nobody},
    endpoint::table,
    outcome::{Exit, Failure, Said},
    store::Opened,
};

/// Columns that a ladder is fitted into where the terminal does not say how wide it is.
const COLUMNS: usize = 80;

/// `patchcord calls`
pub async fn list(context: Context, limit: usize) -> Result<Said, Failure> {
    let mut told: Vec<Told> = Vec::new();
    let mut before: Option<CallId> = None;
    while told.len() < limit {
        let most = (limit - told.len()).min(MAX_PAGE);
        let page = page(&context, Page { before, most }).await?;
        before = page.last().map(|told| told.record.call);
        let found = page.len();
        told.extend(page);
        if found < most {
            break;
        }
    }
    if told.is_empty() {
        return Ok(Said::new("No calls yet.\n", json!({ "records": told })));
    }
    let rows = told.iter().map(|Told { sentence, length_is_known, record }| {
        // Where the server stopped in the middle of it, it was that much at least.
        let least = if record.outcome.is_some() && !length_is_known { ">= " } else { "" };
        let lasted = record.lasted().map_or_else(|| "-".into(), |time| format!("{least}{}", long(time)));
        [moment(record.began), record.call.to_string(), lasted, sentence.clone()]
    });
    let text = table(["BEGAN (UTC)", "CALL", "LASTED", "WHAT HAPPENED"], rows.collect());
    Ok(Said::new(text, json!({ "records": told })))
}

/// `patchcord calls show`
pub async fn show(context: Context, call: String, sip: bool) -> Result<Said, Failure> {
    let id: CallId =
        call.parse().map_err(|error: NoCallId| Failure::new(Exit::Refused, error.to_string(), SEE_LIST))?;
    let whole = whole(&context, id).await?;
    let WholeCall { sentence, record, journal, .. } = &whole;
    let columns = context.environment.get("COLUMNS").and_then(|columns| columns.parse().ok()).unwrap_or(COLUMNS);
    let mut text = format!("{sentence}\n\n  call   {}\n  began  {} UTC\n", record.call, moment(record.began));
    let mut field = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text += &format!("  {name:<6} {value}\n");
        }
    };
    let version = record.version.as_deref().map_or_else(String::new, |version| format!(" version {}", clean(version)));
    field("script", record.service.as_deref().map(|service| clean(service) + version.as_str()));
    field("route", record.route.as_deref().map(clean));
    field("fault", record.fault.map(|fault| fault.to_string()));
    for (key, value) in &record.tags {
        field("tag", Some(format!("{} = {}", clean(key), clean(value))));
    }
    for path in &record.recordings {
        field("sound", Some(clean(path)));
    }
    text += &format!("\nLegs\n{}", tree(record));
    match ladder(record, journal, columns) {
        drawn if drawn.is_empty() => {}
        drawn => text += &format!("\nMessages\n{drawn}"),
    }
    text += "\nJournal\n";
    let mut next = 0;
    for entry in journal {
        text += &gap(next, entry.number);
        next = entry.number + 1;
        text += &format!("{}\n", line(entry));
        if let (true, What::Message { text: message, .. }) = (sip, &entry.what) {
            let shown = message.shown();
            let lines =
                shown.lines().map(|line| line.chars().filter(|letter| !letter.is_control()).collect::<String>());
            text.extend(lines.map(|line| format!("{:20}{line}\n", "")));
        }
    }
    text += &gap(next, record.entries);
    Ok(Said::new(text, json!(whole)))
}

/// `patchcord calls transfer`
pub async fn transfer(context: Context, call: String, target: String, leg: Option<u32>) -> Result<Said, Failure> {
    let id: CallId =
        call.parse().map_err(|error: NoCallId| Failure::new(Exit::Refused, error.to_string(), SEE_LIST))?;
    let data = context.data()?;
    let client = Client::connect(&data).await?.ok_or_else(|| nobody(&data))?;
    let wanted = json!({ "to": target, "leg": leg });
    let begun: Value = client.ask(Method::POST, &format!("/api/v1/calls/{id}/transfer"), &wanted).await?;
    let text = format!("Leg {} of call {id} is being passed on to {}.\n", begun["leg"], clean(&target));
    Ok(Said::new(text, begun))
}

/// `patchcord calls hangup`
pub async fn hang_up(context: Context, call: String) -> Result<Said, Failure> {
    let id: CallId =
        call.parse().map_err(|error: NoCallId| Failure::new(Exit::Refused, error.to_string(), SEE_LIST))?;
    let data = context.data()?;
    let client = Client::connect(&data).await?.ok_or_else(|| nobody(&data))?;
    client.tell::<()>(Method::DELETE, &format!("/api/v1/calls/{id}"), None).await?;
    Ok(Said::new(format!("Call {id} is being hung up.\n"), json!({ "hung_up": id })))
}

pub(super) const SEE_LIST: &str = "`patchcord calls` lists those that are kept";

/// What is said where entries are missing.
fn gap(next: u32, number: u32) -> String {
    match number.saturating_sub(next) {
        0 => String::new(),
        missing => format!("      … {missing} not kept\n"),
    }
}

async fn page(context: &Context, page: Page) -> Result<Vec<Told>, Failure> {
    match Client::connect(&context.data()?).await? {
        Some(client) => {
            let before = page.before.map_or_else(String::new, |call| format!("&before={call}"));
            let found: Records = client.get(&format!("/api/v1/records?limit={}{before}", page.most)).await?;
            Ok(found.records)
        }
        None => {
            let Opened { store, hold: _until_closed, .. } = Opened::by(context).await?;
            let found = store.records(page).await;
            store.close().await;
            Ok(found.map_err(away)?.into_iter().map(Told::from).collect())
        }
    }
}

pub(super) async fn whole(context: &Context, call: CallId) -> Result<WholeCall, Failure> {
    match Client::connect(&context.data()?).await? {
        Some(client) => client.get(&format!("/api/v1/records/{call}")).await,
        None => {
            let Opened { store, hold: _until_closed, .. } = Opened::by(context).await?;
            let found = store.story(call).await;
            store.close().await;
            match found.map_err(away)? {
                Some(story) => Ok(story.into()),
                None => Err(Failure::new(Exit::Refused, format!("no call {call} is kept"), SEE_LIST)),
            }
        }
    }
}

fn away(error: patchcord_engine::routing::ShelfError) -> Failure {
    Failure::new(Exit::Refused, chain(&error), "see that the database runs")
}

/// The legs of a call, each under the one that it was begun for.
fn tree(record: &Record) -> String {
    let mut text = String::new();
    let known = |leg: LegNumber| record.leg(leg).is_some();
    let roots = record.legs.iter().filter(|leg| leg.parent.is_none_or(|parent| parent == leg.leg || !known(parent)));
    for leg in roots {
        branch(record, leg, 0, &mut text);
    }
    text
}

/// A leg and those under it. None is deeper than there are legs, whatever they call their parents.
fn branch(record: &Record, leg: &LegRecord, depth: usize, text: &mut String) {
    let account = match &leg.account {
        Account::Endpoint(name) => format!("endpoint {}", clean(name)),
        Account::Trunk(name) => format!("trunk {}", clean(name)),
        Account::Stranger => clean(&leg.peer),
    };
    let calls = depth == 0 && leg.direction == Direction::Inbound;
    let party = if calls { shown(&leg.from) } else { shown(&leg.to) };
    let mut facts = vec![format!("{} over {}", account, leg.transport)];
    let since = |at: std::time::Duration| long(at.saturating_sub(leg.began));
    facts.extend(leg.rang.map(|rang| format!("rang after {}", since(rang))));
    facts.extend(leg.answered.map(|answered| format!("answered after {}", since(answered))));
    facts.extend(leg.talk.map(|talk| format!("talked {}", long(talk))));
    facts.extend(leg.cause.as_ref().map(|cause| format!("ended {}", ended(cause))));
    *text += &format!("  {:indent$}{}  {party}: {}\n", "", leg.leg, facts.join(", "), indent = 2 * depth);
    if depth < record.legs.len() {
        for child in record.legs.iter().filter(|child| child.parent == Some(leg.leg) && child.leg != leg.leg) {
            branch(record, child, depth + 1, text);
        }
    }
}
