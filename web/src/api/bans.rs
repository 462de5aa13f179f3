//! Who is refused at every door: listed, added, lifted.
//!
//! Whoever asks is never banned by himself: a network that his own address lies in is refused, as is this machine.

use std::{net::IpAddr, time::Duration};

use axum::{extract::State, http::StatusCode};
use ipnet::IpNet;
use patchcord_engine::{
    bans::{Ban, MAX_REASON, News, NotBanned, WIDEST, covers, network, shown},
    runtime::clock,
};

use super::{
    Rooms,
    ask::{Named, Said},
};
use crate::{
    control::words::{BanTold, BansTold, NewBan},
    json::Json,
    people::{Asker, guard::away},
    problem::Problem,
};

/// Longest time of a ban, in seconds: ten years. Whoever wants more names none.
pub(crate) const LONGEST_S: u64 = 10 * 366 * 86_400;

/// `GET /api/v1/bans`
pub(super) async fn list(State(rooms): State<Rooms>) -> Json<BansTold> {
    let bans = rooms.accounts.board().bans.list();
    Json(BansTold { bans: bans.into_iter().map(BanTold::from).collect() })
}

/// `POST /api/v1/bans`
pub(super) async fn add(
    State(rooms): State<Rooms>,
    asker: Asker,
    Said(new): Said<NewBan>,
) -> Result<(StatusCode, Json<BanTold>), Problem> {
    make(&rooms, &asker, new).await.map(|ban| (StatusCode::CREATED, Json(ban)))
}

/// `DELETE /api/v1/bans/{network}`
pub(super) async fn remove(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(text): Named<String>,
) -> Result<StatusCode, Problem> {
    lift(&rooms, &asker, &text).await.map(|()| StatusCode::NO_CONTENT)
}

/// Bans somebody, and notes who wanted it. It is in force once it is kept.
pub(crate) async fn make(rooms: &Rooms, asker: &Asker, new: NewBan) -> Result<BanTold, Problem> {
    let network = read(&new.network)?;
    let reason = new.reason.trim();
    if reason.is_empty() || reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
        let detail = format!("a reason has 1 to {MAX_REASON} letters, in one line");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).remedy("write why it is banned"));
    }
    if new.for_s.is_some_and(|seconds| seconds == 0 || seconds > LONGEST_S) {
        let detail = format!("for_s is 1 to {LONGEST_S} seconds");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).remedy("leave it out to ban without an end"));
    }
    if asker.origin.parse().is_ok_and(|own| shuts_out(network, own)) {
        let detail = format!("{} would shut you out yourself: you ask from {}", shown(network), asker.origin);
        return Err(Problem::new(StatusCode::CONFLICT, detail).remedy("name a smaller network, or ask from elsewhere"));
    }
    let bans = &rooms.accounts.board().bans;
    bans.fits(network)?;
    let now = clock::wall();
    let until = new.for_s.and_then(|seconds| now.checked_add(Duration::from_secs(seconds)));
    let (reason, made_by) = (reason.to_owned(), asker.name.clone());
    let ban = Ban { network, reason, made_by, made_at: now, until, automatic: false };
    let kept = rooms.store.keep_bans(&[News::Made(ban.clone())]).await;
    kept.map_err(|error| away(&error))?;
    bans.put(ban.clone())?;
    rooms.people.note(asker, "banned", &shown(network), now).await;
    Ok(ban.into())
}

/// Lets somebody in again, and notes who wanted it.
pub(crate) async fn lift(rooms: &Rooms, asker: &Asker, text: &str) -> Result<(), Problem> {
    let network = read(text)?;
    let bans = &rooms.accounts.board().bans;
    if !bans.list().iter().any(|ban| ban.network == network) {
        let detail = format!("{} is not banned", shown(network));
        return Err(Problem::new(StatusCode::NOT_FOUND, detail).remedy("see /api/v1/bans for what is"));
    }
    let kept = rooms.store.keep_bans(&[News::Over(network)]).await;
    kept.map_err(|error| away(&error))?;
    bans.lift(network);
    rooms.people.note(asker, "lifted the ban of", &shown(network), clock::wall()).await;
    Ok(())
}

/// Whether whoever asks from there would be banned. Of IPv6 only the network is known from which somebody asks.
fn shuts_out(network: IpNet, own: IpAddr) -> bool {
    let neighbours = IpNet::new(own, if own.is_ipv4() { 32 } else { 64 });
    covers(network, own) || neighbours.is_ok_and(|neighbours| covers(neighbours, network.addr()))
}

fn read(text: &str) -> Result<IpNet, Problem> {
    network(text).ok_or_else(|| {
        let shown: String = text.chars().take(60).collect();
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{shown:?} is no address and no network"))
            .remedy("write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32")
    })
}

impl From<NotBanned> for Problem {
    fn from(why: NotBanned) -> Self {
        let (status, remedy) = match why {
            NotBanned::Ours => (StatusCode::CONFLICT, "this machine must reach its own server".to_owned()),
            NotBanned::Wide => {
                let remedy = format!("name networks of /{} and narrower, of IPv6 /{}", WIDEST.0, WIDEST.1);
                (StatusCode::UNPROCESSABLE_ENTITY, remedy)
            }
            NotBanned::Full => (StatusCode::INSUFFICIENT_STORAGE, "lift some, or ban a network that holds many".into()),
        };
        Self::new(status, why.to_string()).remedy(remedy)
    }
}
