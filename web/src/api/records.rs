//! What became of calls: records by filter, one call with its journal, and all of them as CSV or JSON.
//!
//! It reads and changes nothing. Calls that go on stand in it as far as their rows are written.

use std::time::{Duration, SystemTime};

use axum::{extract::State, http::StatusCode, response::Response};
use patchcord_engine::{
    journal::{CallId, Entry, NoCallId, Record, RecordShelf, Story},
    routing::ShelfError,
    runtime::clock,
};
use tokio::time::sleep;

use super::{
    Rooms,
    ask::{Asked, Named},
    export,
    wanted::Filters,
};
use crate::{
    control::words::{Records, Told, WholeCall},
    json::Json,
    masking::{mask_journal, mask_record},
    people::{Asker, Right, guard::away},
    problem::Problem,
    store::{Found, Wanted},
};

/// How long a page looks on by itself where nothing was found yet.
const LOOK_ON: Duration = Duration::from_millis(700);

/// How long a call that goes on, and whoever writes what it has noted, are waited for.
const SETTLES: Duration = Duration::from_millis(1500);

/// How often somebody looks meanwhile.
const MOMENT: Duration = Duration::from_millis(25);

/// Records in a page, unless another number is asked for.
const USUAL: usize = 100;

pub(super) async fn list(
    State(rooms): State<Rooms>,
    asker: Asker,
    Asked(filters): Asked<Filters>,
) -> Result<Json<Records>, Problem> {
    let (before, most) = page(&rooms, &filters, USUAL).await?;
    let wanted = filters.wanted_by(&asker, &rooms.accounts.board().directory)?;
    let found = found_on(&rooms, &wanted, before, most).await.map_err(|error| away(&error))?;
    let records = found.records.into_iter().map(|record| Told::from(shown(record, &asker)));
    Ok(Json(Records { records: records.collect(), next: found.next.map(|call| call.to_string()) }))
}

/// Which page is asked for. A call that is not kept is told: whoever has mistyped it would else read that there are no more.
pub(crate) async fn page(rooms: &Rooms, filters: &Filters, usual: usize) -> Result<(Option<CallId>, usize), Problem> {
    let (before, most) = filters.page(usual)?;
    if let Some(call) = before
        && !rooms.store.has_call(call).await.map_err(|error| away(&error))?
    {
        let detail = format!("no call {call} is kept, so there is no page before it");
        let remedy = "write what `next` of the page before said, or leave `before` away to begin with the newest";
        return Err(Problem::new(StatusCode::NOT_FOUND, detail).remedy(remedy));
    }
    Ok((before, most))
}

/// A page of calls. A look at some thousands of them finds nothing rare, and nobody wants to ask on through a million by hand: while
/// nothing is found, it looks on by itself for a while.
pub(crate) async fn found_on(
    rooms: &Rooms,
    wanted: &Wanted,
    before: Option<CallId>,
    most: usize,
) -> Result<Found, ShelfError> {
    let (began, mut at) = (clock::now(), before);
    loop {
        let found = rooms.store.find_calls(wanted, at, most).await?;
        let goes_on = found.records.is_empty() && clock::now().saturating_duration_since(began) < LOOK_ON;
        match found.next.filter(|_| goes_on) {
            Some(next) => at = Some(next),
            None => return Ok(found),
        }
    }
}

pub(super) async fn show(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(call): Named<String>,
) -> Result<Json<WholeCall>, Problem> {
    Ok(Json(story(&rooms, &asker, &call).await?.into()))
}

pub(super) async fn give_all(
    State(rooms): State<Rooms>,
    asker: Asker,
    Asked(filters): Asked<Filters>,
) -> Result<Response, Problem> {
    let wanted = filters.wanted_by(&asker, &rooms.accounts.board().directory)?;
    Ok(export::stream(rooms.store, wanted, export::Format::of(&filters.format)?, asker))
}

/// One call, as far as who asks may see it.
pub(crate) async fn story(rooms: &Rooms, asker: &Asker, call: &str) -> Result<Story, Problem> {
    let id: CallId = call.parse().map_err(no_id)?;
    let (live, wall) = (&rooms.accounts.board().live, clock::wall());
    let found = match as_it_stands(rooms, id).await {
        Ok(Some(Story { mut record, mut entries })) => {
            if let Some(now) = record.outcome.is_none().then(|| live.find(id, wall)).flatten() {
                record = so_far(now, &entries, wall);
            }
            if !asker.rights.has(Right::ReadNumbers) {
                mask_journal(&mut entries);
            }
            return Ok(Story { record: shown(record, asker), entries });
        }
        found => found,
    };
    // One that goes on is known here, whether the store has heard of it yet or not; its journal waits for the store.
    match (live.find(id, wall), found) {
        (Some(now), _) => Ok(Story { record: shown(now, asker), entries: Vec::new() }),
        (None, Err(error)) => Err(away(&error)),
        (None, Ok(_)) => Err(Problem::new(StatusCode::NOT_FOUND, format!("no call {id} is kept")).remedy(SEE_LIST)),
    }
}

/// What is kept of a call. One that goes on is asked first for what it has noted, and that is waited for: a fraction of a second, as its
/// thread looks four times in one; where the database is slow what is there is shown.
async fn as_it_stands(rooms: &Rooms, call: CallId) -> Result<Option<Story>, ShelfError> {
    let live = &rooms.accounts.board().live;
    let until = clock::now() + SETTLES;
    if live.goes_on(call) {
        live.read(call);
        while live.waits_to_be_read(call) && clock::now() < until {
            sleep(MOMENT).await;
        }
    }
    loop {
        let found = rooms.store.story(call).await?;
        let noted =
            found.as_ref().and_then(|story| story.entries.last()).map_or(0, |last| last.number.saturating_add(1));
        let waits = live.noted(call).is_some_and(|all| noted < all);
        if !waits || clock::now() >= until {
            return Ok(found);
        }
        sleep(MOMENT).await;
    }
}

/// A call that goes on, as it stands now: what its journal says, unless the call itself has said more by now.
fn so_far(now: Record, entries: &[Entry], wall: SystemTime) -> Record {
    let at = wall.duration_since(now.began).unwrap_or_default();
    let told = Record::so_far(now.call, entries, at).filter(|told| told.outcome.is_none());
    told.filter(|told| told.entries >= now.entries).unwrap_or(now)
}

/// A record, as far as who asks may see it.
pub(crate) fn shown(mut record: Record, asker: &Asker) -> Record {
    if !asker.rights.has(Right::ReadNumbers) {
        mask_record(&mut record);
    }
    record
}

const SEE_LIST: &str = "`patchcord calls` lists those that are";

fn no_id(error: NoCallId) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, error.to_string()).remedy(SEE_LIST)
}
