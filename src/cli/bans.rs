//! `patchcord bans …`: who is refused at every door of the running server.

use hyper::Method;
use patchcord_engine::journal::{clean, moment};
use patchcord_web::control::words::{BanTold, BansTold, NewBan};
use serde_json::json;
use std::time::{Duration, UNIX_EPOCH};

use super::{
    Context,
    endpoint::table,
    outcome::{Exit, Failure, Said},
    server::running,
    words::BansCommand,
};

/// `patchcord bans`
pub async fn bans(context: Context, command: Option<BansCommand>) -> Result<Said, Failure> {
    let client = running(&context).await?;
    match command {
        None | Some(BansCommand::List) => {
            let all: BansTold = client.get("/api/v1/bans").await?;
            Ok(Said::new(list(&all.bans), json!(all)))
        }
        Some(BansCommand::Add { network, reason, lasting }) => {
            let for_s = lasting.as_deref().map(seconds).transpose()?;
            let new = NewBan { network, reason, for_s };
            let made: BanTold = client.ask(Method::POST, "/api/v1/bans", &new).await?;
            Ok(Said::new(format!("{} is banned {}.\n", made.network, until(&made)), json!(made)))
        }
        Some(BansCommand::Remove { network }) => {
            let path = format!("/api/v1/bans/{}", in_path(&network));
            client.tell::<()>(Method::DELETE, &path, None).await?;
            Ok(Said::new(format!("{network} is let in again.\n"), json!({ "removed": network })))
        }
    }
}

fn list(bans: &[BanTold]) -> String {
    if bans.is_empty() {
        return "Nobody is banned.\n".into();
    }
    let rows = bans.iter().map(|ban| {
        let made = moment(UNIX_EPOCH + Duration::from_millis(ban.made_ms));
        [ban.network.clone(), until(ban), clean(&ban.made_by), made, clean(&ban.reason)]
    });
    table(["NETWORK", "UNTIL", "BY", "SINCE (UTC)", "REASON"], rows.collect())
}

fn until(ban: &BanTold) -> String {
    match ban.until_ms {
        Some(ms) => format!("until {}", moment(UNIX_EPOCH + Duration::from_millis(ms))),
        None => "for good".into(),
    }
}

/// `90s`, `15m`, `12h` or `7d`.
pub(super) fn seconds(text: &str) -> Result<u64, Failure> {
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let read = text.chars().last().and_then(|last| {
        let (_, unit) = units.into_iter().find(|(letter, _)| *letter == last)?;
        text[..text.len() - 1].parse::<u64>().ok()?.checked_mul(unit)
    });
    read.ok_or_else(|| {
        Failure::new(Exit::Unusable, format!("{text:?} is no time"), "write it as in 90s, 15m, 12h or 7d")
    })
}

/// A network within an address; what none has is left out, and is then none.
fn in_path(network: &str) -> String {
    let letters = network.chars().filter(|letter| letter.is_ascii_hexdigit() || ".:/".contains(*letter));
    letters.collect::<String>().replace('/', "%2F")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_with_its_unit_and_nothing_else_is_one() {
        let of = |text: &str| seconds(text).ok();
        assert_eq!([of("90s"), of("15m"), of("12h"), of("7d")], [Some(90), Some(900), Some(43_200), Some(604_800)]);
        assert_eq!([of("90"), of("h"), of(""), of("-1h"), of("1ü")], [None; 5]);
    }

    #[test]
    fn a_network_in_an_address_is_one_part_of_it() {
        assert_eq!(in_path("192.0.2.0/24"), "192.0.2.0%2F24");
        assert_eq!(in_path("2001:db8::/32?x#y"), "2001:db8::%2F32");
    }
}
