//! `sahut calendar import`: days off of an iCalendar file, as closures of `calendars.toml`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use sahut_domain::calendar::ClosureKind;
use serde::Deserialize;
use toml::Spanned;

use super::icalendar;
use crate::app::App;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The iCalendar file (.ics).
    file: PathBuf,
    /// What its days are: holiday, `joint_leave` or local.
    #[arg(long, default_value = "local")]
    kind: ClosureKind,
    /// Write them into calendars.toml of the regency's folder, beside what stands there; otherwise they are printed.
    #[arg(long)]
    write: bool,
}

/// As much of the file as matters here, with its places.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Places {
    closure: Option<Spanned<Vec<Spanned<Day>>>>,
}

#[derive(Debug, Deserialize)]
struct Day {
    date: String,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| Failure::file(&args.file, "cannot read the calendar", &error))?;
    let read = icalendar::read(&text);
    for left_out in &read.left_out {
        output::say(&format!("left out: {left_out}"));
    }
    let path = app.settings.regency.files.join("calendars.toml");
    let present = match std::fs::read_to_string(&path) {
        Ok(present) => present,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !args.write => String::new(),
        Err(error) => return Err(Failure::file(&path, "cannot read", &error)),
    };
    let places: Places = toml::from_str(&present)
        .map_err(|error| Failure::config(format!("{}: {}", path.display(), error.message())))?;
    let lines = new_lines(&places, read.days, args.kind);
    if !args.write {
        return output::print(lines.concat().as_bytes());
    }
    let written = insert(&present, &places, &lines).ok_or_else(|| {
        Failure::config(format!(
            "closures stand in {} as [[closure]] tables, between which nothing is written: print the days without \
             --write, and put them there by hand",
            path.display()
        ))
    })?;
    replace(&path, &written)?;
    output::line(&format!("{}: {} hari libur baru.", path.display(), lines.len()))?;
    output::say(
        "Next: `sahut check`, `sahut apply FOLDER`, then `sahut deadlines recompute --dry-run` shows what would move.",
    );
    Ok(())
}

/// A line for each day on which nothing stands yet.
fn new_lines(places: &Places, days: Vec<(Date, String)>, kind: ClosureKind) -> Vec<String> {
    let present = places.closure.iter().flat_map(Spanned::get_ref);
    let mut known: BTreeSet<String> = present.map(|day| day.get_ref().date.clone()).collect();
    let new = days.into_iter().filter(|(day, _)| known.insert(day.to_string()));
    let line = |(day, name): (Date, String)| {
        format!("    {{ date = \"{day}\", kind = \"{kind}\", name = {} }},\n", toml::Value::String(name))
    };
    new.map(line).collect()
}

/// The file with lines more at the end of its list of closures; all else stays as it is, comments too.
fn insert(text: &str, places: &Places, lines: &[String]) -> Option<String> {
    let lines = lines.concat();
    let Some(closures) = &places.closure else { return Some(format!("closure = [\n{lines}]\n\n{text}")) };
    let span = closures.span();
    let end = span.end.checked_sub(1)?;
    let is_list = text.get(span.clone())?.starts_with('[') && text.get(end..span.end)? == "]";
    if !is_list || text.get(span)?.starts_with("[[") {
        return None;
    }
    let last = closures.get_ref().last().map_or(end, |last| last.span().end);
    let behind = text.get(last..end)?;
    let parted = closures.get_ref().is_empty()
        || behind.lines().any(|line| line.split('#').next().is_some_and(|code| code.contains(',')));
    let comma = if parted { "" } else { "," };
    let break_before = if behind.ends_with('\n') { "" } else { "\n" };
    Some([&text[..last], comma, behind, break_before, &lines, &text[end..]].concat())
}

/// Puts another text in the place of a file, whole or not at all.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let beside = path.with_extension("toml.new");
    std::fs::write(&beside, text).map_err(|error| Failure::file(&beside, "cannot write", &error))?;
    std::fs::rename(&beside, path).map_err(|error| Failure::file(path, "cannot replace", &error))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn written(text: &str) -> String {
        let places: Places = toml::from_str(text).unwrap();
        let days =
            vec![(date(2026, 12, 25), "Natal".to_owned()), (date(2026, 8, 3), "Hari \"jadi\"".to_owned())];
        insert(text, &places, &new_lines(&places, days, ClosureKind::Local)).unwrap()
    }

    #[test]
    fn days_are_added_and_everything_else_stays() {
        for text in [
            "# libur\nclosure = [\n    { date = \"2026-12-25\", kind = \"holiday\", name = \"Natal\" }, # SKB\n    # ragu\n]\n\n[x]\n",
            "closure = [{ date = \"2026-12-25\", kind = \"holiday\", name = \"Natal\" }] # satu\n",
            "closure = [\n    { date = \"2026-12-25\", kind = \"holiday\", name = \"Natal\" } # tanpa koma, memang\n]\n",
        ] {
            let written = written(text);
            let days: Places = toml::from_str(&written).unwrap();
            let days: Vec<_> =
                days.closure.unwrap().into_inner().into_iter().map(|day| day.into_inner().date).collect();
            assert_eq!(days, ["2026-12-25", "2026-08-03"], "{written}");
            for comment in text.lines().filter_map(|line| line.split_once('#')).map(|(_, comment)| comment) {
                assert!(written.contains(comment), "{written}");
            }
        }
        assert!(
            written("[[calendar]]\nname = \"x\"\n").starts_with("closure = [\n    { date = \"2026-12-25\"")
        );
        let empty: Places = toml::from_str(&written("closure = []\n")).unwrap();
        assert_eq!(empty.closure.unwrap().into_inner().len(), 2);
    }

    #[test]
    fn tables_are_not_written_between() {
        let text = "[[closure]]\ndate = \"2026-12-25\"\n";
        assert!(insert(text, &toml::from_str(text).unwrap(), &[]).is_none());
    }
}
