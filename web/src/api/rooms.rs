//! Rooms: those there are, what is wanted of them, and those that are over.

use axum::{extract::State, http::StatusCode};
use patchcord_engine::{
    room::{MemberView, Order, Orderer, Past, Refused, Reply, RoomView, Stay, Visitor},
    runtime::clock,
    switchboard::Switchboard,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Rooms,
    ask::{Asked, Named, Said, line},
    wanted::at_most,
};
use crate::{
    control::words::RoomOrder,
    json::Json,
    masking::masked,
    people::{Asker, Right, guard::away},
    problem::Problem,
    store::rooms::{MAX_PAGE, PastRoom, Which},
};

/// Rooms in a page, unless something else is asked for.
const PAGE: usize = 50;

/// The rooms there are now, as this one may see them.
pub(crate) fn now(rooms: &Rooms, asker: &Asker) -> Vec<RoomView> {
    of(rooms.accounts.board(), asker)
}

/// The same of that switchboard.
pub(super) fn of(board: &Switchboard, asker: &Asker) -> Vec<RoomView> {
    board.rooms.list(clock::now()).into_iter().map(|room| shown(room, asker)).collect()
}

/// One of them.
pub(crate) fn one(rooms: &Rooms, asker: &Asker, name: &str) -> Result<RoomView, Problem> {
    let found = rooms.accounts.board().rooms.find(name, clock::now());
    let room = found.ok_or_else(|| Problem::from(Refused::NoRoom(name.into())))?;
    Ok(shown(room, asker))
}

/// What the record of a room says so far, as this one may see it.
pub(crate) fn story(rooms: &Rooms, asker: &Asker, name: &str) -> Option<Past> {
    rooms.accounts.board().rooms.story(name, clock::now()).map(|past| masked_story(past, asker))
}

/// Does what is wanted of a room, and notes who wanted it.
pub(crate) async fn order(rooms: &Rooms, asker: &Asker, name: &str, wanted: RoomOrder) -> Result<Reply, Problem> {
    let deed = match wanted.member {
        Some(member) => format!("{} {member} in {name}", wanted.deed),
        None => format!("{} in {name}", wanted.deed),
    };
    let order = wanted.read(name).map_err(|why| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why.to_string()))?;
    possible(rooms, &order).await?;
    let when = (clock::now(), clock::wall());
    let reply = rooms.accounts.board().rooms.order(name, order, asker.orders(), when).map_err(Problem::from)?;
    rooms.people.note(asker, "ordered in room", &deed, clock::wall()).await;
    Ok(reply)
}

/// What would be said to nobody, or call nobody, is not begun: whoever orders it hears why.
async fn possible(rooms: &Rooms, order: &Order) -> Result<(), Problem> {
    match order {
        Order::Announce(_, prompts) => {
            for prompt in prompts {
                rooms.house.prepare_prompt(prompt.clone()).await.map_err(|why| {
                    let remedy = "name a file of the folder of sounds, an address, or a tone as tone::beep";
                    Problem::new(StatusCode::CONFLICT, why).remedy(remedy)
                })?;
            }
            Ok(())
        }
        Order::Invite(target, _) => rooms.house.may_be_called(target).map_err(Problem::from),
        _ => Ok(()),
    }
}

/// `GET /api/v1/rooms`
pub(super) async fn list(State(rooms): State<Rooms>, asker: Asker) -> Json<Value> {
    Json(json!({ "rooms": now(&rooms, &asker) }))
}

/// `GET /api/v1/rooms/{room}`
pub(super) async fn show(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(name): Named<String>,
) -> Result<Json<RoomView>, Problem> {
    one(&rooms, &asker, &name).map(Json)
}

/// `GET /api/v1/rooms/{room}/story`
pub(super) async fn so_far(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(name): Named<String>,
) -> Result<Json<Past>, Problem> {
    story(&rooms, &asker, &name).map(Json).ok_or_else(|| Refused::NoRoom(name).into())
}

/// `POST /api/v1/rooms/{room}/orders`
pub(super) async fn obey(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(name): Named<String>,
    Said(wanted): Said<RoomOrder>,
) -> Result<Json<Reply>, Problem> {
    order(&rooms, &asker, &name, wanted).await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    room: Option<String>,
    before: Option<String>,
    limit: Option<usize>,
    empty: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct PastRooms {
    rooms: Vec<PastRoom>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /api/v1/past-rooms`
pub(super) async fn past(State(rooms): State<Rooms>, Asked(which): Asked<Wanted>) -> Result<Json<PastRooms>, Problem> {
    line("room", which.room.as_deref().unwrap_or_default())?;
    line("before", which.before.as_deref().unwrap_or_default())?;
    let most = at_most(which.limit, PAGE, MAX_PAGE)?;
    let found = rooms
        .store
        .past_rooms(which.room.as_deref(), which.before.as_deref(), most, Which::of(which.empty))
        .await
        .map_err(|error| away(&error))?;
    let next = found.last().filter(|_| found.len() == most).map(|last| last.id.clone());
    Ok(Json(PastRooms { rooms: found, next }))
}

/// `GET /api/v1/past-rooms/{id}`
pub(super) async fn past_one(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(id): Named<String>,
) -> Result<Json<Past>, Problem> {
    past_story(&rooms, &asker, &id).await.map(Json)
}

/// The story of a room that is over, as this one may see it.
pub(crate) async fn past_story(rooms: &Rooms, asker: &Asker, id: &str) -> Result<Past, Problem> {
    let found = rooms.store.past_room(id).await.map_err(|error| away(&error))?;
    let past = found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("no room {id} is kept")))?;
    Ok(masked_story(past, asker))
}

fn masked_story(mut past: Past, asker: &Asker) -> Past {
    if !asker.rights.has(Right::ReadNumbers) {
        for stay in &mut past.stays {
            mask(&mut stay.name, &mut stay.number);
        }
        for moment in &mut past.moments {
            moment.note = masked(&moment.note);
            if let Some(by) = moment.by.as_mut().filter(|by| by.who == Orderer::Member) {
                let stay = past.stays.iter().find(|stay| Some(stay.member) == by.member);
                by.name = stay.map_or_else(|| "a member".to_owned(), Stay::called);
            }
            moment.visitor.iter_mut().for_each(mask_visitor);
        }
    }
    past
}

fn shown(mut room: RoomView, asker: &Asker) -> RoomView {
    if !asker.rights.has(Right::ReadNumbers) {
        room.members.iter_mut().for_each(|MemberView { name, number, .. }| mask(name, number));
    }
    room
}

pub(super) fn mask_visitor(visitor: &mut Visitor) {
    mask(&mut visitor.name, &mut visitor.number);
    visitor.from = masked(&visitor.from);
}

/// A name beside a number that is masked goes with it.
pub(super) fn mask(name: &mut String, number: &mut String) {
    let hidden = masked(number);
    *name = if hidden == *number { masked(name) } else { hidden.clone() };
    *number = hidden;
}

impl From<Refused> for Problem {
    fn from(why: Refused) -> Self {
        let status = match &why {
            Refused::NoRoom(_) | Refused::NoMember => StatusCode::NOT_FOUND,
            Refused::Busy | Refused::Rooms => StatusCode::SERVICE_UNAVAILABLE,
            Refused::Full | Refused::Pairs | Refused::Itself => StatusCode::CONFLICT,
            Refused::Name(_) | Refused::Gain | Refused::Gate | Refused::Pin => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, why.to_string()).remedy("see /api/v1/rooms for those there are, and who is in them")
    }
}
