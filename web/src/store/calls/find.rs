//! Calls found by what people ask for: a page at a time, the newest first.
//!
//! What stands in an index is asked for as it is. For anything else a page looks through at most [`LOOKED_AT`] calls, and says
//! from where to go on: so no question takes longer on a million calls than on a thousand.

use std::time::{Duration, SystemTime};

use patchcord_engine::{
    journal::{By, CallId, Fault, MAX_PAGE, Outcome, Record},
    routing::ShelfError,
};
use sqlx::QueryBuilder;

use super::{CallRow, NEWEST, row};
use crate::store::{PATIENCE, Store, database::on_either, failed, within};

/// Calls that one page looks through for what no index knows: some tens of milliseconds.
pub const LOOKED_AT: i64 = 20_000;

/// Which calls are wanted. What is not said is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Who called or was called: a number, or its beginning and a `*`.
    pub number: Option<String>,
    /// The service that heard it.
    pub service: Option<String>,
    /// How it came out.
    pub outcome: Option<Outcome>,
    /// Who wanted it to end.
    pub by: Option<By>,
    /// Whose fault it is.
    pub fault: Option<Fault>,
    /// Something did not work: a fault, and not only people who did not talk.
    pub problems: bool,
    /// The cause of Q.850 or the SIP status that it ended by.
    pub cause: Option<u16>,
    /// Not before.
    pub since: Option<SystemTime>,
    /// Not at or after.
    pub until: Option<SystemTime>,
    /// It lasted at least.
    pub longer: Option<Duration>,
    /// It lasted at most.
    pub shorter: Option<Duration>,
    /// A tag of that name, with that value where one is said.
    pub tag: Option<(String, Option<String>)>,
    /// Whether something of it was recorded.
    pub recorded: Option<bool>,
    /// Words in a number, a name, a service, a reason or a tag.
    pub text: Option<String>,
}

/// A page of what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The calls.
    pub records: Vec<Record>,
    /// Go on before this call; none: there are no more.
    pub next: Option<CallId>,
}

/// A part of a statement.
enum Part {
    Sql(&'static str),
    Text(String),
    Number(i64),
}

use Part::{Number, Sql, Text};

impl Wanted {
    /// What an index knows.
    fn indexed(&self, before: Option<CallId>, parts: &mut Vec<Part>) {
        let until = self.until.map(|until| CallId::new(until, 0));
        let before = [before, until].into_iter().flatten().min();
        parts.extend([Sql("id < "), Text(before.map_or_else(|| NEWEST.to_owned(), |call| call.to_string()))]);
        if let Some(since) = self.since {
            parts.extend([Sql(" AND id >= "), Text(CallId::new(since, 0).to_string())]);
        }
        if let Some(number) = self.number.as_ref().filter(|number| !number.ends_with('*')) {
            parts.extend([Sql(" AND (from_number = "), Text(number.clone())]);
            parts.extend([Sql(" OR to_number = "), Text(number.clone()), Sql(")")]);
        }
        if let Some(service) = &self.service {
            parts.extend([Sql(" AND service = "), Text(service.clone())]);
        }
        if let Some(outcome) = self.outcome {
            parts.extend([Sql(" AND outcome = "), Text(outcome.word().into())]);
        }
    }

    /// What has to be looked at.
    fn looked_at(&self, parts: &mut Vec<Part>) {
        let mut and = |said: Vec<Part>| {
            parts.push(Sql(" AND "));
            parts.extend(said);
        };
        if let Some(start) = self.number.as_ref().and_then(|number| number.strip_suffix('*')) {
            let like = format!("{}%", plain(start));
            and(vec![
                Sql("(from_number LIKE "),
                Text(like.clone()),
                Sql(ESCAPE),
                Sql(" OR to_number LIKE "),
                Text(like),
                Sql(ESCAPE),
                Sql(")"),
            ]);
        }
        if self.problems {
            and(vec![Sql(PROBLEMS)]);
        }
        if let Some(by) = self.by {
            and(vec![Sql("ended_by = "), Text(by.word().into())]);
        }
        if let Some(fault) = self.fault {
            and(vec![Sql("fault = "), Text(fault.word().into())]);
        }
        if let Some(cause) = self.cause {
            and(vec![Sql("(q850 = "), Number(cause.into()), Sql(" OR sip = "), Number(cause.into()), Sql(")")]);
        }
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        if let Some(longer) = self.longer {
            and(vec![Sql("ended_us >= "), Number(micros(longer))]);
        }
        if let Some(shorter) = self.shorter {
            and(vec![Sql("ended_us <= "), Number(micros(shorter))]);
        }
        match self.recorded {
            Some(true) => and(vec![Sql("recordings <> '[]'")]),
            Some(false) => and(vec![Sql("recordings = '[]'")]),
            None => {}
        }
        if let Some((key, value)) = &self.tag {
            // Tags lie as JSON, so what is looked for is written as JSON, too.
            let quoted = |text: &str| plain(&serde_json::to_string(text).expect("a text is JSON"));
            let like = match value {
                Some(value) => format!("%[{},{}]%", quoted(key), quoted(value)),
                None => format!("%[{},%", quoted(key)),
            };
            and(vec![Sql("tags LIKE "), Text(like), Sql(ESCAPE)]);
        }
        if let Some(text) = &self.text {
            const PLACES: &str = "lower(from_number || ' ' || COALESCE(from_name, '') || ' ' || to_number || ' ' || \
                                  COALESCE(to_name, '') || ' ' || COALESCE(service, '') || ' ' || COALESCE(reason, '') \
                                  || ' ' || tags) LIKE ";
            and(vec![Sql(PLACES), Text(format!("%{}%", plain(&text.to_lowercase()))), Sql(ESCAPE)]);
        }
    }
}

/// Outcomes that nobody wanted.
const PROBLEMS: &str = "outcome IN ('failed', 'crashed', 'interrupted', 'unreachable', 'not_found', 'forbidden')";

const ESCAPE: &str = " ESCAPE '!'";

/// `text` as LIKE takes it literally.
fn plain(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// One call of the page as it is found, and how far back the page looked.
type Looked = (Vec<CallRow>, Option<String>);

impl Store {
    /// Calls that are wanted, before that one; a page may be short and still not the last.
    pub async fn find_calls(&self, wanted: &Wanted, before: Option<CallId>, most: usize) -> Result<Found, ShelfError> {
        let most = most.clamp(1, MAX_PAGE);
        let mut rest = Vec::new();
        wanted.looked_at(&mut rest);
        let (rows, lowest) = within(PATIENCE, self.look(wanted, before, rest, most)).await?;
        let full = rows.len() == most;
        let next = match (full, lowest) {
            (true, _) => rows.last().and_then(|last| row::call(&last.id).ok()),
            (false, lowest) => lowest.and_then(|id| row::call(&id).ok()),
        };
        Ok(Found { records: self.with_legs(rows).await?, next })
    }

    async fn look(
        &self,
        wanted: &Wanted,
        before: Option<CallId>,
        rest: Vec<Part>,
        most: usize,
    ) -> Result<Looked, ShelfError> {
        let mut indexed = Vec::new();
        wanted.indexed(before, &mut indexed);
        let direct = rest.is_empty();
        on_either!(&self.database, |pool: Kind| async {
            let mut find = QueryBuilder::<Kind>::new("SELECT * FROM ");
            let mut say = |part: &Part| {
                match part {
                    Sql(text) => find.push(*text),
                    Text(text) => find.push_bind(text.clone()),
                    Number(number) => find.push_bind(*number),
                };
            };
            let window = [Sql(" ORDER BY id DESC LIMIT "), Number(LOOKED_AT), Sql(") AS window_of_calls WHERE 1 = 1")];
            match direct {
                true => [Sql("calls WHERE ")].iter().chain(&indexed).for_each(&mut say),
                false => {
                    let inner = [Sql("(SELECT * FROM calls WHERE ")];
                    inner.iter().chain(&indexed).chain(&window).chain(&rest).for_each(&mut say);
                }
            }
            [Sql(" ORDER BY id DESC LIMIT "), Number(most as i64)].iter().for_each(&mut say);
            let rows: Vec<CallRow> = find.build_query_as().persistent(false).fetch_all(pool).await?;
            if direct || rows.len() == most {
                return Ok((rows, None));
            }
            let mut last = QueryBuilder::<Kind>::new("SELECT id FROM calls WHERE ");
            for part in indexed.iter().chain(&[Sql(" ORDER BY id DESC LIMIT 1 OFFSET "), Number(LOOKED_AT - 1)]) {
                match part {
                    Sql(text) => last.push(*text),
                    Text(text) => last.push_bind(text.clone()),
                    Number(number) => last.push_bind(*number),
                };
            }
            let lowest = last.build_query_scalar().persistent(false).fetch_optional(pool).await?;
            Ok((rows, lowest))
        }
        .await)
        .map_err(failed)
    }

    /// What the calls since then were like, looking at as many of the latest as a page would.
    pub async fn survey(&self, since: SystemTime) -> Result<Survey, ShelfError> {
        const COUNT: &str = "SELECT outcome, COUNT(*) AS calls FROM (SELECT outcome FROM calls WHERE id >= $1 \
                             ORDER BY id DESC LIMIT $2) AS latest GROUP BY outcome";
        const DELAYS: &str = "SELECT rang_us FROM (SELECT rang_us FROM calls WHERE id >= $1 ORDER BY id DESC LIMIT $2) \
                              AS latest WHERE rang_us IS NOT NULL ORDER BY rang_us";
        within(PATIENCE, async {
            let from = CallId::new(since, 0).to_string();
            type Counted = (Vec<(Option<String>, i64)>, Vec<i64>);
            let (counts, delays): Counted = on_either!(&self.database, |pool: Kind| async {
                let counts = sqlx::query_as(COUNT).bind(&from).bind(LOOKED_AT).fetch_all(pool).await?;
                Ok((counts, sqlx::query_scalar(DELAYS).bind(&from).bind(LOOKED_AT).fetch_all(pool).await?))
            }
            .await)
            .map_err(failed)?;
            let mut survey = Survey::default();
            for (outcome, calls) in counts {
                let calls = u64::try_from(calls).unwrap_or_default();
                match outcome.as_deref().and_then(|word| word.parse().ok()) {
                    // What services were asked is no call.
                    Some(Outcome::Ran) => {}
                    Some(outcome) => survey.outcomes.push((outcome, calls)),
                    None => survey.open += calls,
                }
            }
            survey.outcomes.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
            let at = |share: usize| delays.get(delays.len().saturating_sub(1) * share / 100).copied();
            let delay = |share| at(share).and_then(|us| u64::try_from(us).ok()).map(Duration::from_micros);
            (survey.usual_delay, survey.long_delay) = (delay(50), delay(95));
            Ok(survey)
        })
        .await
    }
}

/// What many calls were like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// How many came out how, the most first.
    pub outcomes: Vec<(Outcome, u64)>,
    /// How many go on.
    pub open: u64,
    /// How long it took until somebody's phone rang, for the one in the middle.
    pub usual_delay: Option<Duration>,
    /// And for the slowest but one in twenty.
    pub long_delay: Option<Duration>,
}

impl Survey {
    /// Calls that are over.
    pub fn over(&self) -> u64 {
        self.outcomes.iter().map(|(_, calls)| calls).sum()
    }

    /// Calls that came out so.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.iter().find(|(known, _)| *known == outcome).map_or(0, |(_, calls)| *calls)
    }
}
