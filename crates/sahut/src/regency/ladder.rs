//! `ladder.toml`: who is told of a promise, when, until somebody acts; and how many mails one person gets.

use sahut_domain::calendar::Term;
use sahut_domain::deadline::DeadlineKind;
use sahut_domain::inquiry::{Kind, Priority};
use sahut_domain::ladder::{Ladder, Mails, Moment, Repeat, Step, Whom};
use sahut_routing::{Problem, Source};
use serde::Deserialize;
use toml::Spanned;

use super::Files;
use super::offices::Told;

pub(super) const LADDER: &str = "ladder.toml";

/// `ladder.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LadderFile {
    digest_above: Option<Spanned<i64>>,
    most_an_hour: Option<Spanned<i64>>,
    morning_digest: Option<bool>,
    weekly_summary: Option<bool>,
    step: Option<Vec<StepEntry>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepEntry {
    at: Option<Spanned<toml::Value>>,
    after: Option<Spanned<Term>>,
    to: Spanned<Vec<Whom>>,
    promise: Option<DeadlineKind>,
    #[serde(default)]
    kinds: Vec<Kind>,
    priority: Option<Priority>,
    repeat: Option<Spanned<RepeatEntry>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct RepeatEntry {
    every: Term,
    most: u32,
}

/// Reads the ladder of a set, the usual one where there is none; nothing when its file is not TOML. Who is there at the
/// offices is not said here.
pub(super) fn ladder(files: &Files, told: &Told, problems: &mut Vec<Problem>) -> Option<Ladder> {
    let parsed: LadderFile = files.parse(LADDER, problems)?;
    let usual =
        Ladder { secretary: told.secretary.clone(), regent: told.regent.clone(), ..Ladder::default() };
    let Some(source) = files.source(LADDER) else { return Some(usual) };
    let mut read = Reader { source: &source, told, problems };
    let mails = Mails {
        digest_above: read.count(parsed.digest_above.as_ref(), usual.mails.digest_above),
        most_an_hour: read.count(parsed.most_an_hour.as_ref(), usual.mails.most_an_hour),
        morning: parsed.morning_digest.unwrap_or(usual.mails.morning),
        weekly: parsed.weekly_summary.unwrap_or(usual.mails.weekly),
    };
    let steps = parsed.step.map_or(usual.steps, |entries| read.steps(entries));
    Some(Ladder { steps, mails, ..usual })
}

struct Reader<'a> {
    source: &'a Source,
    told: &'a Told,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn problem<T>(&mut self, place: &Spanned<T>, what: &str, expected: &str, help: &str) {
        self.problems.push(Problem::at(self.source, place.span(), what, expected, help));
    }

    fn count(&mut self, given: Option<&Spanned<i64>>, usual: i64) -> i64 {
        let Some(given) = given else { return usual };
        if *given.get_ref() < 1 {
            self.problem(
                given,
                "nobody would get any mail",
                "1 or more",
                "write another number, or leave it out",
            );
        }
        *given.get_ref()
    }

    fn steps(&mut self, entries: Vec<StepEntry>) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for entry in entries {
            let place = Spanned::new(entry.to.span(), ());
            let Some(step) = self.step(entry) else { continue };
            let same = |other: &Step| {
                other.key() == step.key()
                    && (other.promise, &other.kinds, other.priority)
                        == (step.promise, &step.kinds, step.priority)
            };
            if steps.iter().any(same) {
                let help = "remove one of the two, or give them other moments, people, kinds or priorities";
                self.problem(&place, "this step stands here a second time", "another step", help);
                continue;
            }
            steps.push(step);
        }
        steps
    }

    fn step(&mut self, entry: StepEntry) -> Option<Step> {
        self.recipients(&entry.to);
        let at = match (&entry.at, &entry.after) {
            (Some(at), None) => self.moment(at)?,
            (None, Some(after)) => Moment::After(*after.get_ref()),
            _ => {
                let expected = "either at or after";
                let help = "at = 50 (percent of the time), at = \"due\", or after = { working_days = 1 }";
                self.problem(&entry.to, "this step does not say when it is taken", expected, help);
                return None;
            }
        };
        if let Some(repeat) = &entry.repeat {
            self.repeat(at, repeat);
        }
        let repeat = entry.repeat.map(|repeat| {
            let RepeatEntry { every, most } = repeat.into_inner();
            Repeat { every, most }
        });
        let to = entry.to.into_inner();
        Some(Step { at, to, promise: entry.promise, kinds: entry.kinds, priority: entry.priority, repeat })
    }

    fn moment(&mut self, at: &Spanned<toml::Value>) -> Option<Moment> {
        match at.get_ref() {
            toml::Value::String(word) if word == "due" => return Some(Moment::Due),
            toml::Value::Integer(percent @ 1..=99) => return u8::try_from(*percent).ok().map(Moment::Share),
            _ => {}
        }
        let expected = "1 to 99 (percent of the promise's time), or \"due\"";
        self.problem(
            at,
            "this is no moment of a promise",
            expected,
            "what comes later is written with after",
        );
        None
    }

    fn recipients(&mut self, to: &Spanned<Vec<Whom>>) {
        if to.get_ref().is_empty() {
            self.problem(
                to,
                "this step tells nobody",
                "office, head, communications, secretary, regent",
                "name one",
            );
        }
        for (whom, people) in [(Whom::Secretary, &self.told.secretary), (Whom::Regent, &self.told.regent)] {
            if people.is_empty() && to.get_ref().contains(&whom) {
                let what = format!("this step goes to the {whom}, and nobody is named");
                let help =
                    format!("name somebody in regency.toml: superiors = {{ {whom} = [{{ name, mail }}] }}");
                self.problems.push(Problem::at(self.source, to.span(), what, "people to tell", help));
            }
        }
    }

    fn repeat(&mut self, at: Moment, repeat: &Spanned<RepeatEntry>) {
        if matches!(at, Moment::Share(_)) {
            let help = "write a step for each share of the time";
            self.problem(
                repeat,
                "a step before the due moment is not repeated",
                "a step at \"due\" or after",
                help,
            );
        }
        let RepeatEntry { every, most } = repeat.get_ref();
        let nothing = matches!(every, Term::Minutes(0) | Term::WorkingMinutes(0) | Term::WorkingDays(0));
        if nothing || !(1..=100).contains(most) {
            let expected = "a pause, and most from 1 to 100";
            self.problem(
                repeat,
                "this is no repetition",
                expected,
                "such as { every = { working_days = 1 }, most = 3 }",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Ladder, Vec<String>> {
        let files = Files([(LADDER.to_owned(), text.to_owned())].into());
        let told = Told { operators: Vec::new(), secretary: Vec::new(), regent: Vec::new() };
        let mut problems = Vec::new();
        let ladder = ladder(&files, &told, &mut problems);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        ladder.filter(|_| told.is_empty()).ok_or(told)
    }

    #[test]
    fn what_a_file_does_not_say_is_as_usual() {
        assert_eq!(read("").unwrap(), Ladder::default());
        let ladder = read("most_an_hour = 3\nmorning_digest = false\n").unwrap();
        assert_eq!((ladder.mails.most_an_hour, ladder.mails.morning, ladder.steps.len()), (3, false, 6));
    }

    #[test]
    fn steps_are_read_as_they_are_written() {
        let text = "[[step]]\nat = 75\nto = [\"office\"]\nkinds = [\"complaint\"]\n\n[[step]]\nat = \"due\"\n\
            to = [\"head\"]\nrepeat = { every = { working_days = 1 }, most = 2 }\n\n[[step]]\n\
            after = { minutes = 30 }\nto = [\"communications\"]\npriority = \"emergency\"\n";
        let keys: Vec<String> = read(text).unwrap().steps.iter().map(Step::key).collect();
        assert_eq!(keys, ["75% office", "due head", "due+30min communications"]);
    }

    #[test]
    fn nonsense_is_told_at_its_place() {
        for (text, place) in [
            ("[[step]]\nat = 100\nto = [\"office\"]\n", "ladder.toml:2:6: this is no moment"),
            ("[[step]]\nat = \"later\"\nto = [\"office\"]\n", "ladder.toml:2:6: this is no moment"),
            ("[[step]]\nto = [\"office\"]\n", "ladder.toml:2:6: this step does not say when"),
            ("[[step]]\nat = 50\nto = []\n", "ladder.toml:3:6: this step tells nobody"),
            ("[[step]]\nat = 50\nto = [\"boss\"]\n", "ladder.toml:3:"),
            ("[[step]]\nat = \"due\"\nto = [\"regent\"]\n", "ladder.toml:3:6: this step goes to the regent"),
            ("most_an_hour = 0\n", "ladder.toml:1:16: nobody would get"),
            (
                "[[step]]\nat = 50\nto = [\"office\"]\n[[step]]\nat = 50\nto = [\"office\"]\n",
                "ladder.toml:6:6: this step stands here a second time",
            ),
            (
                "[[step]]\nat = 50\nto = [\"office\"]\nrepeat = { every = { minutes = 5 }, most = 1 }\n",
                "ladder.toml:4:10: a step before the due moment",
            ),
        ] {
            let problems = read(text).unwrap_err();
            assert!(problems.iter().any(|told| told.starts_with(place)), "{text}: {problems:?}");
        }
    }
}
