//! `sahut routing`: how well the rules, and what can be learned, do on labelled texts; and what this instance learned.

mod evaluation;
mod labelled;
mod models;

use std::path::{Path, PathBuf};
use std::time::Instant;

use sahut_domain::decision::Decision;
use sahut_routing::{Input, Lesson, Model, RuleSet, Taught, Trial};

use self::evaluation::{Answer, Evaluation};
use self::labelled::{Columns, Labelled, Row};
use crate::app::App;
use crate::example;
use crate::failure::{Failure, code};
use crate::output;
use crate::regency::{Files, RegencySet};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Decide every text of a labelled file, and compare.
    Evaluate(Box<Evaluate>),
    /// What this instance learned from its people's decisions, the newest first.
    Models {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put a kept model to use, or none: the rules then decide alone until more is learned.
    Use {
        /// Its number, or `none`.
        model: models::Choice,
        /// Who decides.
        #[arg(long, default_value = "operator")]
        by: String,
    },
}

#[derive(Debug, clap::Args)]
struct Evaluate {
    /// A file with a line of headings: tab-separated, or comma-separated where its name ends in .csv.
    file: PathBuf,
    /// Columns of the text; all but the last are its subject.
    #[arg(long, value_delimiter = ',', default_value = "text")]
    text: Vec<String>,
    /// Column of the office that is right: its code, or luar:NAME for somebody outside.
    #[arg(long, default_value = "label")]
    label: String,
    /// Column of offices that are right too, separated by commas.
    #[arg(long)]
    accept: Option<String>,
    /// Column that says whether a text was written to the office alone: 1, true, yes, ya, direct or langsung; anything
    /// else is a comment for all to read.
    #[arg(long)]
    direct: Option<String>,
    /// Learn from this file, with the same columns, before deciding.
    #[arg(long, conflicts_with = "folds")]
    learn: Option<PathBuf>,
    /// Learn from the file itself: so many times a part is held back, and decided by what was learned from the others.
    /// Texts that are nearly the same stay together.
    #[arg(long, value_parser = clap::value_parser!(u8).range(2..=20))]
    folds: Option<u8>,
    /// Column of the year, day or moment in which each was decided. Offices' duties change: what changed is then learned
    /// of each year apart, and a text that is held back is decided as of its own.
    #[arg(long)]
    when: Option<String>,
    /// Ask whether a text needs somebody instead of whose it is; the labels that mean that it does.
    #[arg(long, num_args = 0..=1, value_delimiter = ',', default_missing_value = NEEDED, require_equals = true)]
    gate: Option<Vec<String>>,
    /// The folder of a regency; without it the set for regencies in general that is built into the program.
    #[arg(long)]
    files: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What a label is usually called that means that somebody is needed.
const NEEDED: &str = "keluhan,pengaduan,perlu,complaint,needed,yes,ya,1,true";

pub(crate) async fn run(config: &Path, args: &Args) -> Result<(), Failure> {
    match &args.verb {
        Verb::Evaluate(args) => evaluate(args),
        Verb::Models { json } => models::list(&App::load(config)?, *json).await,
        Verb::Use { model, by } => models::choose(&App::load(config)?, *model, by).await,
    }
}

fn evaluate(args: &Evaluate) -> Result<(), Failure> {
    let files = match &args.files {
        Some(folder) => Files::read(folder)?,
        None => example::kabupaten(),
    };
    let mut set = RegencySet::read(&files, 0).map_err(|problems| Failure::problems(&problems))?;
    let columns = Columns {
        text: &args.text,
        label: &args.label,
        accept: args.accept.as_deref(),
        direct: args.direct.as_deref(),
        when: args.when.as_deref(),
    };
    let labelled = Labelled::read(&args.file, &columns)?;
    let known = labelled.rows.iter().filter(|row| args.gate.is_some() || is_seat(&set, &row.label)).count();
    if known == 0 {
        return Err(Failure::new(
            code::USAGE,
            format!(
                "{}: no label of column {:?} is an office of this regency; the first is {:?}. Name the regency's folder \
                 with --files, or the labels that need somebody with --gate=LABEL",
                args.file.display(),
                args.label,
                labelled.rows.first().map_or("", |row| row.label.as_str())
            ),
        ));
    }
    let learned = args.learn.as_deref().map(|file| Labelled::read(file, &columns)).transpose()?;
    let began = Instant::now();
    let decisions = decide(&mut set.rules, args, &labelled, learned.as_ref());
    let took = began.elapsed();
    let answers: Vec<Answer<'_>> =
        labelled.rows.iter().zip(&decisions).map(|(row, decision)| answer(row, decision, args)).collect();
    let mut evaluation = Evaluation::of(&answers);
    evaluation.unknown_labels = labelled.rows.len() - known;
    evaluation.opened = args.gate.is_some().then(|| evaluation::opened(&decisions));
    if args.learn.is_none() && args.folds.is_none() {
        evaluation.texts_a_second = Some(evaluation::rate(labelled.rows.len(), took));
    }
    if args.json { output::json(&evaluation) } else { evaluation.print() }
}

fn is_seat(set: &RegencySet, label: &str) -> bool {
    label.starts_with(OUTSIDE) || set.offices.iter().any(|office| office.code.as_str() == label)
}

/// What labels of those outside begin with.
const OUTSIDE: &str = "luar:";

fn decide(
    rules: &mut RuleSet,
    args: &Evaluate,
    labelled: &Labelled,
    learned: Option<&Labelled>,
) -> Vec<Decision> {
    let gate = args.gate.as_deref();
    let seats = |rows: &Labelled| -> Vec<String> {
        rows.rows.iter().map(|row| seat_of(rules, &row.label).to_owned()).collect()
    };
    if let Some(folds) = args.folds {
        let seats = seats(labelled);
        let lessons = lessons(&labelled.rows, &seats, gate);
        return Trial::run(rules, &lessons, usize::from(folds)).held_back;
    }
    if let Some(learned) = learned {
        let seats = seats(learned);
        let lessons = lessons(&learned.rows, &seats, gate);
        rules.teach(Model::learn(rules, &lessons), 0);
    }
    labelled.rows.iter().map(|row| rules.decide(&input(row, gate.is_some()))).collect()
}

/// The name of a seat by its label: `luar:pln` is the outside party PLN.
fn seat_of<'a>(rules: &'a RuleSet, label: &'a str) -> &'a str {
    let Some(name) = label.strip_prefix(OUTSIDE) else { return label };
    rules.outside().find(|known| known.to_lowercase() == name.to_lowercase()).unwrap_or(label)
}

fn lessons<'a>(rows: &'a [Row], seats: &'a [String], gate: Option<&[String]>) -> Vec<Lesson<'a>> {
    let lesson = |(row, seat): (&'a Row, &'a String)| Lesson {
        input: input(row, gate.is_some()),
        taught: gate.map_or(Taught::Seat(seat), |needed| Taught::Needed(needed.contains(&row.label))),
        at: row.at,
    };
    rows.iter().zip(seats).map(lesson).collect()
}

/// Where only the office is asked for, an empty subject says that somebody is needed.
fn input(row: &Row, gate: bool) -> Input<'_> {
    let subject = row.subject.as_deref().or((!gate).then_some(""));
    Input { subject, direct: row.direct, ..Input::of(&row.text) }
}

fn answer<'a>(row: &'a Row, decision: &'a Decision, args: &Evaluate) -> Answer<'a> {
    if let Some(needed) = &args.gate {
        let said = |needed: bool| if needed { "needed" } else { "not needed" };
        let label = said(needed.contains(&row.label));
        let chosen = said(decision.kind.needs_action());
        let needed = decision.learned.as_ref().and_then(|learned| learned.needed);
        let share = needed.map(|share| share.max(1.0 - share));
        return Answer {
            label,
            right: vec![label],
            ranking: vec![chosen],
            sureness: share.unwrap_or_default(),
            share,
            triage: decision.needs_triage(),
        };
    }
    let learned = decision.learned.as_ref().and_then(|learned| learned.shares.first());
    let share = learned.map(|best| best.share);
    Answer {
        label: &row.label,
        right: row.accept.iter().chain([&row.label]).map(String::as_str).collect(),
        ranking: decision.ranking().collect(),
        sureness: share.unwrap_or(decision.margin),
        share,
        triage: decision.needs_triage(),
    }
}
