//! All calls that are wanted, as CSV or as JSON: written page by page as they are read, so that memory stays flat.
//!
//! A cell of the CSV that a spreadsheet would take for a formula has an apostrophe in front: who calls chooses his name.

use std::collections::VecDeque;

use axum::{
    body::{Body, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use patchcord_engine::journal::{CallId, MAX_PAGE, Quality, Record, moment, sentence, turns};

use super::records::shown;
use crate::{
    control::words::Told,
    json,
    pages::leg_name,
    people::Asker,
    problem::{Problem, chain},
    store::{Store, Wanted},
};

/// What a file of calls may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For spreadsheets.
    Csv,
    /// For programs: an array, one call a line.
    Json,
}

impl Format {
    /// The one of that name; CSV where none is said.
    pub fn of(name: &str) -> Result<Self, Problem> {
        match name {
            "" | "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(Problem::new(StatusCode::BAD_REQUEST, "there is no such format").remedy("write csv or json")),
        }
    }
}

const COLUMNS: &str = "call,began_utc,from_number,from_name,to_number,to_name,service,version,route,outcome,fault,ended_by,q850,sip,\
                       reason,rang_s,answered_s,ended_s,answered_for_s,talk_s,length_is_known,worst_mos,worst_mos_of,worst_lost_percent,\
                       worst_lost_of,worst_jitter_ms,worst_jitter_of,legs,recordings,tags,what_happened\r\n";

/// Where an export is.
struct Going {
    store: Store,
    wanted: Wanted,
    format: Format,
    asker: Asker,
    before: Option<CallId>,
    first: bool,
    ready: VecDeque<Bytes>,
    over: bool,
}

/// The file, as it is written.
pub fn stream(store: Store, wanted: Wanted, format: Format, asker: Asker) -> Response {
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"calls.csv\""),
        Format::Json => ("application/json", "attachment; filename=\"calls.json\""),
    };
    let ready = VecDeque::from([Bytes::from_static(match format {
        Format::Csv => COLUMNS.as_bytes(),
        Format::Json => b"[",
    })]);
    let going = Going { store, wanted, format, asker, before: None, first: true, ready, over: false };
    let pages = stream::try_unfold(going, async |mut going| {
        while going.ready.is_empty() && !going.over {
            going.go_on().await?;
        }
        Ok::<_, std::io::Error>(going.ready.pop_front().map(|bytes| (bytes, going)))
    });
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], Body::from_stream(pages)).into_response()
}

impl Going {
    /// Writes the next page. A store that is away breaks the file off: half a file must not look like a whole one.
    async fn go_on(&mut self) -> std::io::Result<()> {
        let found = self.store.find_calls(&self.wanted, self.before, MAX_PAGE).await;
        let found = found.map_err(|error| std::io::Error::other(chain(&error)))?;
        let mut text = String::new();
        for record in found.records {
            let record = shown(record, &self.asker);
            match self.format {
                Format::Csv => line(&record, &mut text),
                Format::Json => {
                    text += if self.first { "\n" } else { ",\n" };
                    text += &json::text(&Told::from(record));
                }
            }
            self.first = false;
        }
        (self.before, self.over) = (found.next, found.next.is_none());
        if self.over && self.format == Format::Json {
            text += "\n]\n";
        }
        if !text.is_empty() {
            self.ready.push_back(text.into());
        }
        Ok(())
    }
}

/// A call as a line of the CSV.
fn line(record: &Record, text: &mut String) {
    let seconds =
        |time: Option<std::time::Duration>| time.map_or(String::new(), |time| format!("{:.3}", time.as_secs_f64()));
    let maybe = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
    let end = record.end.as_ref();
    let tags: Vec<String> = record.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let worst = Worst::of(record);
    let cells = [
        record.call.to_string(),
        moment(record.began),
        record.from.number.to_string(),
        maybe(&record.from.name),
        record.to.number.to_string(),
        maybe(&record.to.name),
        maybe(&record.service),
        maybe(&record.version),
        maybe(&record.route),
        record.outcome.map_or(String::new(), |outcome| outcome.to_string()),
        record.fault.map_or(String::new(), |fault| fault.to_string()),
        end.map_or(String::new(), |end| end.by.to_string()),
        end.map_or(String::new(), |end| end.q850.to_string()),
        end.and_then(|end| end.sip).map_or(String::new(), |sip| sip.to_string()),
        end.map_or(String::new(), |end| end.reason.to_string()),
        seconds(record.rang),
        seconds(record.answered),
        seconds(record.ended),
        seconds(record.answered_for()),
        seconds(Some(record.talk)),
        record.length_is_known().to_string(),
        worst.mos.0.map_or(String::new(), |mos| format!("{}.{:02}", mos / 100, mos % 100)),
        worst.mos.1,
        worst.lost.0.map_or(String::new(), |lost| format!("{}.{}", lost / 10, lost % 10)),
        worst.lost.1,
        worst.jitter.0.map_or(String::new(), |us| format!("{}.{}", us / 1_000, us % 1_000 / 100)),
        worst.jitter.1,
        record.legs.len().to_string(),
        record.recordings.join(" "),
        tags.join("; "),
        sentence(record),
    ];
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    *text += &cells.join(",");
    *text += "\r\n";
}

/// How badly a call was heard, as the filter has it: of each leg and each direction over its life the worst, and whose sound that was
/// on its way from where to where. What was lost nowhere is nobody's.
#[derive(Default)]
struct Worst {
    mos: (Option<u16>, String),
    lost: (Option<u16>, String),
    jitter: (Option<u32>, String),
}

impl Worst {
    fn of(record: &Record) -> Self {
        let mut worst = Self::default();
        for leg in &record.legs {
            let Some(Quality { here, there, .. }) = leg.quality else { continue };
            let name = leg_name(record, leg);
            for (track, of) in [(here, format!("from {name}")), (there, format!("to {name}"))] {
                let Some(track) = track else { continue };
                if let Some(mos) = track.mos_hundredths.filter(|mos| worst.mos.0.is_none_or(|known| *mos < known)) {
                    worst.mos = (Some(mos), of.clone());
                }
                if worst.lost.0.is_none_or(|known| track.lost_permille > known) {
                    worst.lost =
                        (Some(track.lost_permille), if track.lost_permille > 0 { of.clone() } else { String::new() });
                }
                if worst.jitter.0.is_none_or(|known| track.jitter_us > known) {
                    worst.jitter = (Some(track.jitter_us), if track.jitter_us > 0 { of } else { String::new() });
                }
            }
        }
        worst
    }
}

/// A text as a cell that stays a text, on its own side: what turns a line round is left out, but for the marks in pairs that keep
/// names in their quotes.
fn cell(text: &str) -> String {
    let pair = |letter| ['\u{2068}', '\u{2069}'].contains(&letter);
    let is_paired = text.matches('\u{2068}').count() == text.matches('\u{2069}').count();
    let text: &str = &text.replace(|letter| turns(letter) && !(is_paired && pair(letter)), "");
    // A plus with digits alone is a telephone number, and nothing that a spreadsheet could work out.
    let number =
        text.strip_prefix('+').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%']) && !number;
    let guard = if formula { "'" } else { "" };
    match text.contains(['"', ',', '\n', '\r']) || formula {
        true => format!("\"{guard}{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use patchcord_engine::journal::{
        Account, Began, Direction, Hearing, Journal, LegBegan, LegNumber, Notice, Outcome, Party, QualitySample, Rules,
        What,
    };
    use patchcord_sip::hop::Transport;

    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(cell("=HYPERLINK(\"http://evil\")"), "\"'=HYPERLINK(\"\"http://evil\"\")\"");
        assert_eq!(cell("+1+cmd|' /C calc'!A0"), "\"'+1+cmd|' /C calc'!A0\"");
        assert_eq!(cell("@SUM(A1)"), "\"'@SUM(A1)\"");
        assert_eq!(cell("\t=1"), "\"'\t=1\"");
        assert_eq!(cell("+4930123101"), "+4930123101");
        assert_eq!(cell("Müller, Eva"), "\"Müller, Eva\"");
        assert_eq!(cell("evil\u{202e}gnp.exe"), "evilgnp.exe");
        assert_eq!(cell("\u{202e}=1"), "\"'=1\"", "nor behind what nobody sees");
        assert_eq!(cell("\u{2069}one"), "one");
        assert_eq!(cell("\u{2068}one\u{2069}"), "\u{2068}one\u{2069}");
        assert_eq!(cell("two\r\nlines"), "\"two\r\nlines\"");
    }

    #[test]
    fn each_figure_says_whose_sound_it_was() {
        let wall = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let (alice, bob) = (Party::new("alice"), Party::new("102"));
        let began = Began::new(wall, alice.clone(), bob.clone());
        let mut journal = Journal::begin(CallId::new(wall, 1), began, Rules::default());
        let heard = |mos, lost, jitter| {
            Some(Hearing { mos_hundredths: Some(mos), lost_permille: lost, jitter: Duration::from_millis(jitter) })
        };
        let figures = [("alice", heard(440, 0, 3), heard(380, 20, 9)), ("bob", heard(310, 12, 0), None)];
        for (number, (name, here, there)) in (0..).zip(figures) {
            let leg = LegBegan {
                leg: LegNumber(number),
                parent: (number > 0).then_some(LegNumber(0)),
                direction: if number == 0 { Direction::Inbound } else { Direction::Outbound },
                account: Account::Endpoint(name.into()),
                from: alice.clone(),
                to: bob.clone(),
                transport: Transport::Udp,
                peer: "198.51.…#1a2b".into(),
            };
            journal.note(Duration::ZERO, What::LegBegan(Box::new(leg)));
            let sample = Box::new(QualitySample { here, there, round_trip: None });
            journal
                .note(Duration::from_secs(5), What::Media { leg: LegNumber(number), notice: Notice::Sampled(sample) });
        }
        journal.close(Duration::from_secs(9), Outcome::Answered);
        let mut text = String::new();
        line(journal.record(), &mut text);
        let cells: Vec<&str> = text.split(',').collect();
        let cell = |name: &str| cells[COLUMNS.trim().split(',').position(|column| column == name).expect("a column")];
        let names =
            ["worst_mos", "worst_mos_of", "worst_lost_percent", "worst_lost_of", "worst_jitter_ms", "worst_jitter_of"];
        assert_eq!(names.map(cell), ["3.10", "from bob", "2.0", "to alice", "9.0", "to alice"], "{text}");
    }
}
