//! Calls found by what people ask for: a page at a time, the newest first.
//!
//! What stands in an index is asked for as it is. For anything else a page looks through at most [`LOOKED_AT`] calls, fewer where an
//! index leads to them, and says from where to go on: so no question takes longer on a million calls than on a thousand.

use std::time::{Duration, SystemTime};

use patchcord_engine::{
    journal::{By, CallId, Fault, MAX_PAGE, Outcome, Record},
    routing::ShelfError,
};
use sqlx::QueryBuilder;

use super::{
    CallRow, NEWEST,
    lead::{self, PROBLEMS, Source},
    row, words,
};
use crate::store::{
    PATIENCE, Store,
    database::{Database, on_either},
    failed,
};

/// Calls that one page looks through for what no index knows: some tens of milliseconds.
pub const LOOKED_AT: i64 = 20_000;

/// The same where an index leads to them: each of them is looked up by itself, which takes four times as long.
pub const LOOKED_UP: i64 = 5_000;

/// Which calls are wanted. What is not said is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Who called, was called or was rung on the way: a number or a name, or the beginning of a number and a `*`.
    pub number: Option<String>,
    /// What else the same party goes by: an endpoint has a name and a number.
    pub alias: Option<String>,
    /// The service that heard it.
    pub service: Option<String>,
    /// Its version.
    pub version: Option<String>,
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
    /// A leg of it was heard worse than that, in either direction (mean MOS, in hundredths).
    pub worse: Option<u16>,
    /// A tag of that name, with that value where one is said.
    pub tag: Option<(String, Option<String>)>,
    /// Whether something of it was recorded.
    pub recorded: Option<bool>,
    /// Words in a number, a name, a service, a reason or a tag.
    pub text: Option<String>,
    /// Words are not looked for in what is masked for who asks: long numbers, names beside them, reasons and tags.
    pub discreet: bool,
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
#[derive(Clone)]
pub enum Part {
    Sql(&'static str),
    Text(String),
    Number(i64),
    /// What the answers of an index are called.
    Nth(usize),
}

use Part::{Nth, Number, Sql, Text};

impl Wanted {
    /// What all calls that are wanted come before.
    pub fn end(&self, before: Option<CallId>) -> String {
        let until = self.until.map(|until| CallId::new(until, 0));
        let before = [before, until].into_iter().flatten().min();
        before.map_or_else(|| NEWEST.to_owned(), |call| call.to_string())
    }

    /// When.
    pub fn between(&self, end: &str) -> Vec<Part> {
        let mut parts = vec![Sql("id < "), Text(end.into())];
        if let Some(since) = self.since {
            parts.extend([Sql(" AND id >= "), Text(CallId::new(since, 0).to_string())]);
        }
        parts
    }

    /// What an index of words has of it, unless a number leads to fewer calls.
    fn led_by_words(&self) -> Option<String> {
        let leads = !matches!(Source::of(self), Source::Number(..) | Source::Beginning(_));
        self.text.as_deref().filter(|_| leads).and_then(words::entries)
    }

    /// What has to be looked at. Written so that no index knows it: one leads there, and another one would lead astray.
    pub fn looked_at(&self, source: Source<'_>) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut and = |said: Vec<Part>| {
            parts.push(Sql(" AND "));
            parts.extend(said);
        };
        if let Some(service) = self.service.as_deref().filter(|service| source != Source::Service(service)) {
            and(vec![Sql("COALESCE(service, '') = "), Text(service.into())]);
        }
        if let Some(version) = self.version.as_deref().filter(|version| source != Source::Version(version)) {
            and(vec![Sql("COALESCE(version, '') = "), Text(version.into())]);
        }
        if let Some(outcome) = self.outcome.filter(|outcome| source != Source::Outcome(*outcome)) {
            and(vec![Sql("COALESCE(outcome, '') = "), Text(outcome.word().into())]);
        }
        let start = self.number.as_ref().and_then(|number| number.strip_suffix('*'));
        if let Some(start) = start.filter(|start| source != Source::Beginning(start)) {
            let like = format!("{}%", plain(start));
            let rung = format!("% {}%", plain(&start.to_lowercase()));
            let parts = [
                [Sql("(from_number LIKE "), Text(like.clone()), Sql(ESCAPE)],
                [Sql(" OR to_number LIKE "), Text(like), Sql(ESCAPE)],
                [Sql(" OR ' ' || COALESCE(parties, '') LIKE "), Text(rung), Sql(ESCAPE)],
            ];
            and(parts.into_iter().flatten().chain([Sql(")")]).collect());
        }
        if self.problems && source != Source::Problems {
            and(vec![Sql("outcome || '' IN "), Sql(PROBLEMS)]);
        }
        if let Some(by) = self.by {
            and(vec![Sql("ended_by = "), Text(by.word().into())]);
        }
        if let Some(fault) = self.fault.filter(|fault| source != Source::Fault(*fault)) {
            and(vec![Sql("COALESCE(fault, '') = "), Text(fault.word().into())]);
        }
        if let Some(cause) = self.cause.filter(|cause| source != Source::Cause(*cause)) {
            and(vec![Sql("(q850 = "), Number(cause.into()), Sql(" OR sip = "), Number(cause.into()), Sql(")")]);
        }
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let is_led = matches!(source, Source::Length(..));
        if let Some(longer) = self.longer.filter(|_| !is_led) {
            and(vec![Sql("ended_us >= "), Number(micros(longer))]);
        }
        if let Some(shorter) = self.shorter.filter(|_| !is_led) {
            and(vec![Sql("ended_us <= "), Number(micros(shorter))]);
        }
        if let Some(worse) = self.worse.filter(|worse| source != Source::Heard(*worse)) {
            and(vec![Sql("worst_mos < "), Number(worse.into())]);
        }
        match self.recorded {
            Some(true) if source == Source::Recorded => {}
            Some(true) => and(vec![Sql("length(recordings) > 2")]),
            Some(false) => and(vec![Sql("recordings = '[]'")]),
            None => {}
        }
        self.looked_for().into_iter().for_each(and);
        parts
    }

    /// Texts that are looked for.
    fn looked_for(&self) -> Vec<Vec<Part>> {
        let mut parts = Vec::new();
        if let Some((key, value)) = &self.tag {
            // Tags lie as JSON, so what is looked for is written as JSON, too.
            let quoted = |text: &str| plain(&serde_json::to_string(text).expect("a text is JSON"));
            let like = match value {
                Some(value) => format!("%[{},{}]%", quoted(key), quoted(value)),
                None => format!("%[{},%", quoted(key)),
            };
            parts.push(vec![Sql("tags LIKE "), Text(like), Sql(ESCAPE)]);
        }
        if let Some(text) = &self.text {
            const MASKED: &str = "lower(COALESCE(service, '') || ' ' || CASE WHEN length(from_number) < 6 THEN from_number || \
                                  ' ' || COALESCE(from_name, '') ELSE '' END || ' ' || CASE WHEN length(to_number) < 6 \
                                  THEN to_number || ' ' || COALESCE(to_name, '') ELSE '' END) LIKE ";
            // Digits that are looked for could be those of a number that somebody calls himself.
            const NAMELESS: &str = "lower(COALESCE(service, '') || ' ' || CASE WHEN length(from_number) < 6 THEN from_number \
                                    ELSE '' END || ' ' || CASE WHEN length(to_number) < 6 THEN to_number ELSE '' END) LIKE ";
            const PLACES: &str = "lower(from_number || ' ' || COALESCE(from_name, '') || ' ' || to_number || ' ' || \
                                  COALESCE(to_name, '') || ' ' || COALESCE(service, '') || ' ' || COALESCE(reason, '') \
                                  || ' ' || tags || ' ' || COALESCE(parties, '')) LIKE ";
            let places = match (self.discreet, text.contains(char::is_numeric)) {
                (false, _) => PLACES,
                (true, false) => MASKED,
                (true, true) => NAMELESS,
            };
            let forms = as_written(text).into_iter().enumerate().flat_map(|(at, form)| {
                let before = Sql(if at == 0 { "(" } else { " OR " });
                [before, Sql(places), Text(format!("%{}%", plain(&form))), Sql(ESCAPE)]
            });
            parts.push(forms.chain([Sql(")")]).collect());
        }
        parts
    }
}

const ESCAPE: &str = " ESCAPE '!'";

/// `text` as LIKE takes it literally.
fn plain(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// How that stands in a database once it has made small letters of it, which SQLite does with the twenty-six of English alone:
/// all in small letters, and others as names have them, in front and everywhere.
pub fn as_written(text: &str) -> Vec<String> {
    let shape = |is_large: fn(bool) -> bool| {
        let mut is_first = true;
        let shaped = text.chars().map(|letter| {
            let large = is_large(is_first) && !letter.is_ascii();
            is_first = !letter.is_alphanumeric();
            if large { letter.to_uppercase().collect::<String>() } else { letter.to_lowercase().collect() }
        });
        shaped.collect::<String>()
    };
    let mut forms = vec![shape(|_| false), shape(|first| first), shape(|_| true)];
    forms.dedup();
    forms
}

/// Writes a part into a statement.
macro_rules! say {
    ($statement:ident, $part:expr) => {
        match $part {
            $crate::store::calls::find::Part::Sql(text) => drop($statement.push(*text)),
            $crate::store::calls::find::Part::Text(text) => drop($statement.push_bind(text.clone())),
            $crate::store::calls::find::Part::Number(number) => drop($statement.push_bind(*number)),
            $crate::store::calls::find::Part::Nth(at) => drop($statement.push(format_args!(") AS n{at}"))),
        }
    };
}
pub(super) use say;

/// One call of the page as it is found, and how far back the page looked.
pub type Looked = (Vec<CallRow>, Option<String>);

impl Store {
    /// Calls that are wanted, before that one; a page may be short and still not the last.
    pub async fn find_calls(&self, wanted: &Wanted, before: Option<CallId>, most: usize) -> Result<Found, ShelfError> {
        let most = most.clamp(1, MAX_PAGE);
        let (rows, lowest) = self.within(PATIENCE, self.look(wanted, before, most)).await?;
        let full = rows.len() == most;
        let next = match (full, lowest) {
            (true, _) => rows.last().and_then(|last| row::call(&last.id).ok()),
            (false, lowest) => lowest.and_then(|id| row::call(&id).ok()),
        };
        Ok(Found { records: self.with_legs(rows).await?, next })
    }

    /// Whether that call is kept.
    pub async fn has_call(&self, call: CallId) -> Result<bool, ShelfError> {
        const KEPT: &str = "SELECT 1 FROM calls WHERE id = $1";
        let (id, order) = (call.to_string(), KEPT);
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                sqlx::query(order).bind(&id).fetch_optional(pool).await.map(|row| row.is_some())
            })
            .map_err(failed)
        })
        .await
    }

    async fn look(&self, wanted: &Wanted, before: Option<CallId>, most: usize) -> Result<Looked, ShelfError> {
        let words = wanted.led_by_words();
        if let (Database::Sqlite(pool), Some(entries)) = (&self.database, &words) {
            return words::look(pool, wanted, entries, (before, most)).await;
        }
        let source = match Source::of(wanted) {
            // So many begin so that those are soon found by looking.
            source @ Source::Beginning(_) if self.is_dense(source).await? => Source::All,
            source => source,
        };
        let (rows, lowest) = self.look_from(source, wanted, before, most).await?;
        // Words that many calls have are found by looking, too, before PostgreSQL has counted them; others by their index.
        let text = wanted.text.as_deref().filter(|_| words.is_some() && rows.len() < most && lowest.is_some());
        match text.map(Source::Words) {
            Some(words) if !self.is_dense(words).await? => self.look_from(words, wanted, before, most).await,
            _ => Ok((rows, lowest)),
        }
    }

    /// The calls that are wanted, as far as a page looks from there.
    async fn look_from(
        &self,
        source: Source<'_>,
        wanted: &Wanted,
        before: Option<CallId>,
        most: usize,
    ) -> Result<Looked, ShelfError> {
        let end = wanted.end(before);
        let (between, rest) = (wanted.between(&end), wanted.looked_at(source));
        let (branches, most_looked) =
            (source.branches(&end), if source == Source::All { LOOKED_AT } else { LOOKED_UP });
        on_either!(&self.database, |pool: Kind| async {
            // How far the page looks: where nothing is looked at, nothing bounds it but its length.
            let mut lowest: Option<String> = None;
            for branch in branches.iter().filter(|_| !rest.is_empty()) {
                let mut far = QueryBuilder::<Kind>::new("SELECT id FROM calls WHERE ");
                let end = [Sql(" ORDER BY id DESC LIMIT 1 OFFSET "), Number(most_looked - 1)];
                between.iter().chain(branch).chain(&end).for_each(|part| say!(far, part));
                let far: Option<String> = far.build_query_scalar().persistent(false).fetch_optional(pool).await?;
                lowest = lowest.max(far);
            }
            let floor = lowest.as_ref().map(|lowest| [Sql(" AND id >= "), Text(lowest.clone())]);
            // A call may be found on several ways, and stands there once.
            let mut find = QueryBuilder::<Kind>::new("SELECT * FROM calls WHERE id IN (");
            for (at, branch) in branches.iter().enumerate() {
                let name = if at == 0 { "SELECT id FROM (" } else { " UNION SELECT id FROM (" };
                let end = [Sql(" ORDER BY id DESC LIMIT "), Number(most as i64), Nth(at)];
                let all = [Sql(name), Sql("SELECT id FROM calls WHERE ")];
                let all =
                    all.iter().chain(&between).chain(floor.iter().flatten()).chain(branch).chain(&rest).chain(&end);
                all.for_each(|part| say!(find, part));
            }
            [Sql(") ORDER BY id DESC LIMIT "), Number(most as i64)].iter().for_each(|part| say!(find, part));
            let rows: Vec<CallRow> = find.build_query_as().persistent(false).fetch_all(pool).await?;
            Ok((rows, lowest))
        }
        .await)
        .map_err(failed)
    }

    /// Whether that leads to more calls than an index is to lead to at once.
    async fn is_dense(&self, source: Source<'_>) -> Result<bool, ShelfError> {
        for part in lead::counted(source) {
            let count: i64 = on_either!(&self.database, |pool: Kind| {
                let mut count = QueryBuilder::<Kind>::new("SELECT COUNT(*) FROM (");
                part.iter().for_each(|part| say!(count, part));
                count.push(") AS led").build_query_scalar().persistent(false).fetch_one(pool).await
            })
            .map_err(failed)?;
            if count >= lead::LED_TO {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the calls since then were like, looking at as many of the latest as a page would.
    pub async fn survey(&self, since: SystemTime) -> Result<Survey, ShelfError> {
        const COUNT: &str = "SELECT outcome, COUNT(*) AS calls, COUNT(answered_us) AS answered FROM (SELECT outcome, \
                             answered_us FROM calls WHERE id >= $1 ORDER BY id DESC LIMIT $2) AS latest GROUP BY outcome";
        // A service that answers by itself answers the caller's wait; whom it rings later does not.
        const DELAYS: &str = "SELECT CASE WHEN answered_us IS NULL OR rang_us < answered_us THEN rang_us ELSE answered_us END \
                              AS heard_us FROM (SELECT rang_us, answered_us FROM calls WHERE id >= $1 ORDER BY id DESC \
                              LIMIT $2) AS latest WHERE rang_us IS NOT NULL OR answered_us IS NOT NULL ORDER BY heard_us";
        self.within(PATIENCE, async {
            let from = CallId::new(since, 0).to_string();
            type Counted = (Vec<(Option<String>, i64, i64)>, Vec<i64>);
            let (counts, delays): Counted = on_either!(&self.database, |pool: Kind| async {
                let counts = sqlx::query_as(COUNT).bind(&from).bind(LOOKED_AT).fetch_all(pool).await?;
                Ok((counts, sqlx::query_scalar(DELAYS).bind(&from).bind(LOOKED_AT).fetch_all(pool).await?))
            }
            .await)
            .map_err(failed)?;
            let mut survey = Survey::default();
            for (outcome, calls, answered) in counts {
                let [calls, answered] = [calls, answered].map(|count| u64::try_from(count).unwrap_or_default());
                match outcome.as_deref().and_then(|word| word.parse().ok()) {
                    // What services were asked is no call.
                    Some(Outcome::Ran) => {}
                    Some(outcome) => {
                        survey.outcomes.push((outcome, calls));
                        survey.answered += answered;
                    }
                    None => survey.open += calls,
                }
            }
            survey.outcomes.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
            // The least delay that so many in a hundred calls did not pass.
            let at = |share: usize| delays.get((delays.len() * share).div_ceil(100).saturating_sub(1)).copied();
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
    /// How many of those that are over were answered, however they ended.
    pub answered: u64,
    /// How many go on.
    pub open: u64,
    /// How long callers waited until somebody's phone rang or something answered, for the one in the middle.
    pub usual_delay: Option<Duration>,
    /// And for the slowest but one in twenty.
    pub long_delay: Option<Duration>,
}

impl Survey {
    /// Calls that are over.
    pub fn over(&self) -> u64 {
        self.outcomes.iter().map(|(_, calls)| calls).sum()
    }
}
