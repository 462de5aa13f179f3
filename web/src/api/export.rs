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
use patchcord_engine::journal::{CallId, MAX_PAGE, Record, moment, sentence, turns};

use super::records::shown;
use crate::{
    control::words::Told,
    json,
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
                       reason,rang_s,answered_s,ended_s,talk_s,length_is_known,mos,lost_percent,jitter_ms,legs,recordings,tags,what_happened\r\n";

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
    // As the filter has it: of each leg and each direction over its life, the worst.
    let worst = record.worst_mos();
    let heard = record.legs.iter().filter_map(|leg| leg.quality).flat_map(|quality| [quality.here, quality.there]);
    let tracks: Vec<_> = heard.flatten().collect();
    let lost = tracks.iter().map(|track| track.lost_permille).max();
    let jitter = tracks.iter().map(|track| track.jitter_us).max();
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
        seconds(Some(record.talk)),
        record.length_is_known().to_string(),
        worst.map_or(String::new(), |mos| format!("{}.{:02}", mos / 100, mos % 100)),
        lost.map_or(String::new(), |lost| format!("{}.{}", lost / 10, lost % 10)),
        jitter.map_or(String::new(), |us| format!("{}.{}", us / 1_000, us % 1_000 / 100)),
        record.legs.len().to_string(),
        record.recordings.join(" "),
        tags.join("; "),
        sentence(record),
    ];
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    *text += &cells.join(",");
    *text += "\r\n";
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
}
