//! `patchcord trunks` and `patchcord drain`: how the carriers are, and no new calls.

use std::time::{Duration, Instant, UNIX_EPOCH};

use hyper::Method;
use patchcord_engine::{
    journal::{clean, moment},
    runtime::clock,
};
use patchcord_web::control::words::{DrainTold, TrunkTold, TrunksTold};
use serde_json::json;

use super::{
    Context,
    bans::seconds,
    endpoint::table,
    outcome::{Exit, Failure, Said},
    server::running,
    words::Drain,
};

/// How often somebody looks whether the last call has ended.
const LOOK: Duration = Duration::from_secs(1);

/// `patchcord trunks`
pub async fn trunks(context: Context) -> Result<Said, Failure> {
    let all: TrunksTold = running(&context).await?.get("/api/v1/trunks").await?;
    Ok(Said::new(list(&all.trunks), json!(all)))
}

fn list(trunks: &[TrunkTold]) -> String {
    if trunks.is_empty() {
        return "There is no trunk. [[trunk]] of the configuration names one.\n".into();
    }
    let rows = trunks.iter().map(|trunk| {
        let answers = match (trunk.standing.as_str(), trunk.asked) {
            ("up", _) => "answers",
            ("down", _) => "DOES NOT ANSWER",
            (_, true) => "not asked yet",
            (_, false) => "is not asked",
        };
        let registered = match trunk.registered {
            Some(true) => "registered",
            Some(false) => "NOT REGISTERED",
            None => "-",
        };
        let calls = match trunk.most_calls {
            Some(most) => format!("{} of {most}", trunk.calls),
            None => trunk.calls.to_string(),
        };
        let failed = trunk.last_failure.as_ref().map_or("-".into(), |failed| {
            format!("{} at {} UTC", failed.what, moment(UNIX_EPOCH + Duration::from_millis(failed.at_ms)))
        });
        [clean(&trunk.name), answers.into(), registered.into(), calls, failed, clean(&trunk.servers.join(", "))]
    });
    table(["TRUNK", "STATE", "REGISTRATION", "CALLS", "LAST FAILURE", "SERVERS"], rows.collect())
}

/// `patchcord drain`
pub async fn drain(context: Context, wanted: Drain) -> Result<Said, Failure> {
    let patience = wanted.wait.as_deref().map(seconds).transpose()?.map(Duration::from_secs);
    let client = running(&context).await?;
    if wanted.undo {
        let told: DrainTold = client.order(Method::DELETE, "/api/v1/drain").await?;
        return Ok(Said::new("New calls are taken again.\n", json!(told)));
    }
    let mut told: DrainTold = client.order(Method::POST, "/api/v1/drain").await?;
    let Some(patience) = patience else {
        let text = format!("No new calls are taken. {}\n", still(told.calls));
        return Ok(Said::new(text, json!(told)));
    };
    let until: Instant = clock::now() + patience;
    while told.calls > 0 && told.draining {
        if clock::now() >= until {
            let remedy = "wait longer, or hang them up: `patchcord calls hangup <id>`";
            return Err(Failure::new(Exit::Refused, format!("no new calls are taken. {}", still(told.calls)), remedy));
        }
        tokio::time::sleep(LOOK.min(until.saturating_duration_since(clock::now()))).await;
        told = running(&context).await?.get("/api/v1/drain").await?;
    }
    if !told.draining {
        let remedy = "somebody else had them taken again, or the server was restarted";
        return Err(Failure::new(Exit::Refused, "new calls are taken again".to_owned(), remedy));
    }
    Ok(Said::new("No new calls are taken, and the last call has ended.\n", json!(told)))
}

fn still(calls: u32) -> String {
    match calls {
        0 => "No call goes on.".into(),
        1 => "1 call goes on.".into(),
        calls => format!("{calls} calls go on."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_is_told_with_what_went_wrong_last() {
        let trunk = TrunkTold {
            name: "north".into(),
            servers: vec!["sip:203.0.113.1".into()],
            registers: true,
            registered: Some(false),
            asked: true,
            standing: "down".into(),
            calls: 3,
            most_calls: Some(30),
            last_failure: Some(patchcord_web::control::words::FailureTold {
                at_ms: 0,
                what: "REGISTER was answered 403".into(),
            }),
        };
        let told = list(&[trunk]);
        for part in ["north", "DOES NOT ANSWER", "NOT REGISTERED", "3 of 30", "REGISTER was answered 403 at 1970-01-01"]
        {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        assert!(list(&[]).contains("[[trunk]]"));
    }
}
