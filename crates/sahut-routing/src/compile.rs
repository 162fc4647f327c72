//! From rule files to a rule set: who has which duty, what each phrase means, and every problem on the way.

use std::collections::{BTreeMap, BTreeSet};

use sahut_domain::inquiry::Kind;
use sahut_domain::office::{OfficeCode, OfficeKind};

use crate::example::{Example, Expected, Tested};
use crate::file::{self, Examples, File, Phrases};
use crate::phrasebook::{Meaning, Phrase, Phrasebook};
use crate::plain::Plain;
use crate::problem::{At, Problem, Problems, Source};
use crate::reach;
use crate::ruleset::{DangerTo, Place, RuleSet, Seat, Sign, Topic, Weights};
use crate::section::{Said, one_edit};
use crate::shorthand::Shorthand;
use crate::spam::Disguises;
use crate::vocabulary::Vocabulary;

/// Compiles sources; see [`RuleSet::compile`].
pub(crate) fn compile(
    sources: &[Source],
    offices: &[(OfficeCode, OfficeKind)],
    fallback: &OfficeCode,
) -> Result<RuleSet, Vec<Problem>> {
    let (mut rules, examples, mut problems) = read(sources, offices, fallback)?;
    for example in &examples {
        example.check(&rules, &mut problems);
    }
    if !problems.usable() {
        return Err(problems.into_found());
    }
    rules.warnings = problems.into_found();
    Ok(rules)
}

/// Runs the examples of sources; see [`RuleSet::test`].
pub(crate) fn test(
    sources: &[Source],
    offices: &[(OfficeCode, OfficeKind)],
    fallback: &OfficeCode,
) -> Result<Vec<Tested>, Vec<Problem>> {
    let (rules, examples, problems) = read(sources, offices, fallback)?;
    if !problems.usable() {
        return Err(problems.into_found());
    }
    Ok(examples.iter().map(|example| example.test(&rules, &problems)).collect())
}

/// The rules with their examples, which were not run yet.
fn read(
    sources: &[Source],
    offices: &[(OfficeCode, OfficeKind)],
    fallback: &OfficeCode,
) -> Result<(RuleSet, Vec<Example>, Problems), Vec<Problem>> {
    // In the order of paths, so that nothing depends on the order in which a folder happens to be read.
    let mut sources: Vec<&Source> = sources.iter().collect();
    sources.sort_by(|a, b| (&a.path, &a.text).cmp(&(&b.path, &b.text)));
    let mut problems = Problems::of(&sources);
    let files: Vec<File> =
        sources.iter().enumerate().map(|(n, source)| File::read(n, source, &mut problems)).collect();

    let mut compiler = Compiler::new(offices, &files, problems);
    for (file, seat) in files.iter().zip(compiler.seats_of(&files)) {
        compiler.add(file, seat);
    }
    let weights = compiler.weights(&files);
    match compiler.finish(offices, fallback, weights) {
        (Some(rules), examples, problems) => Ok((rules, examples, problems)),
        (None, _, problems) => Err(problems.into_found()),
    }
}

/// Reads sources without compiling them; see [`RuleSet::unreadable`].
pub(crate) fn unreadable(sources: &[Source]) -> Vec<Problem> {
    let sources: Vec<&Source> = sources.iter().collect();
    let mut problems = Problems::of(&sources);
    for (n, source) in sources.iter().enumerate() {
        File::read(n, source, &mut problems);
    }
    if problems.usable() { Vec::new() } else { problems.into_found() }
}

/// A phrase with everything said about it so far.
struct Draft {
    written: String,
    uses: Vec<(Meaning, f64, At)>,
}

struct Compiler {
    seats: Vec<Seat>,
    topics: Vec<Topic>,
    signs: Vec<Sign>,
    dangers: Vec<DangerTo>,
    places: Vec<Place>,
    /// The seats of duties that some office says it takes.
    taken: BTreeMap<String, usize>,
    /// Names of all places of all files: a topic may ask for a place that a later file describes.
    place_names: BTreeSet<String>,
    /// Names of those that belong to another government.
    outside_places: BTreeSet<String>,
    handles: BTreeMap<String, usize>,
    tells: BTreeMap<String, String>,
    phrases: BTreeMap<String, Draft>,
    examples: Vec<Example>,
    shorthand: Shorthand,
    problems: Problems,
    plain: Plain,
}

impl Compiler {
    fn new(offices: &[(OfficeCode, OfficeKind)], files: &[File], mut problems: Problems) -> Self {
        let codes: BTreeSet<&OfficeCode> = offices.iter().map(|(code, _)| code).collect();
        let outside = files.iter().flat_map(|file| {
            let places = file.places.iter().filter_map(|place| place.outside.as_ref());
            file.outside.iter().map(|outside| &outside.topic.name).chain(places).map(|said| said.text.clone())
        });
        let outside: BTreeSet<String> = outside.collect();
        let offices = codes.into_iter().cloned().map(Seat::Office);
        let seats = offices.chain([Seat::District]).chain(outside.into_iter().map(Seat::Outside)).collect();
        let shorthand = Shorthand::read(files.iter().flat_map(|file| &file.words), &mut problems);
        Self {
            seats,
            topics: Vec::new(),
            signs: Vec::new(),
            dangers: Vec::new(),
            places: Vec::new(),
            taken: BTreeMap::new(),
            place_names: files
                .iter()
                .flat_map(|file| &file.places)
                .map(|place| place.name.text.clone())
                .collect(),
            outside_places: files
                .iter()
                .flat_map(|file| &file.places)
                .filter(|place| place.outside.is_some())
                .map(|place| place.name.text.clone())
                .collect(),
            handles: BTreeMap::new(),
            tells: BTreeMap::new(),
            phrases: BTreeMap::new(),
            examples: Vec::new(),
            shorthand,
            problems,
            plain: Plain::default(),
        }
    }

    /// Who answers for the duty of each file.
    fn seats_of(&mut self, files: &[File]) -> Vec<Option<usize>> {
        let duties: BTreeSet<&str> =
            files.iter().filter_map(|f| f.duty.as_ref()).map(|duty| duty.text.as_str()).collect();
        let mut taken: BTreeMap<&str, (usize, &At)> = BTreeMap::new();
        for office in files.iter().flat_map(|file| &file.offices) {
            let Some(seat) = self.office(&office.code) else { continue };
            for duty in &office.takes {
                if !duties.contains(duty.text.as_str()) {
                    self.unknown("duty", duty, duties.iter().copied());
                    continue;
                }
                self.warn_of_two(duty, &office.code, files);
                if let Some((_, at)) = taken.insert(&duty.text, (seat, &duty.at)) {
                    let what = format!(
                        "the duty `{}` is taken twice, also in {}",
                        duty.text,
                        self.problems.place(at)
                    );
                    self.problems.error(&duty.at, what, "taken here too", "let one office take it");
                }
            }
        }
        self.taken = taken.into_iter().map(|(duty, (seat, _))| (duty.to_owned(), seat)).collect();
        files.iter().map(|file| self.seat_of(file)).collect()
    }

    /// An office that takes a duty while another one is called like it: both seem to answer for it.
    fn warn_of_two(&mut self, duty: &Said, taker: &Said, files: &[File]) {
        let called = self.seat_of_office(&duty.text).is_some() && duty.text != taker.text;
        let has_another = |office: &file::Office| office.code.text == duty.text && !office.takes.is_empty();
        if called && !files.iter().flat_map(|file| &file.offices).any(has_another) {
            let what = format!("two offices answer for the duty `{}`", duty.text);
            let expected = format!("`{}` gets it, and the office called `{}` nothing", taker.text, duty.text);
            let help = "take it out here, or say below the other `[[office]]` what it takes instead";
            self.problems.warn(&duty.at, what, expected, help);
        }
    }

    fn seat_of(&mut self, file: &File) -> Option<usize> {
        let Some(duty) = &file.duty else {
            if let Some(topic) = file.topics.first() {
                let what = format!("the topic `{}` belongs to no duty", topic.name.text);
                self.problems.error(&topic.name.at, what, "", "begin the file with `duty = \"...\"`");
            }
            return None;
        };
        if file.district {
            return self.seat(&Seat::District);
        }
        let seat = self.seat_of_duty(&duty.text);
        if seat.is_none() {
            let what = format!("no office has the duty `{}`: its phrases do not count", duty.text);
            let help = format!("write `takes = [\"{}\"]` below the `[[office]]` that has it", duty.text);
            self.problems.warn(&duty.at, what, "nobody takes this", help);
        }
        seat
    }

    /// Who has a duty: whoever takes it, or the office that is called like it.
    fn seat_of_duty(&self, duty: &str) -> Option<usize> {
        self.taken.get(duty).copied().or_else(|| self.seat_of_office(duty))
    }

    fn add(&mut self, file: &File, seat: Option<usize>) {
        for place in &file.places {
            self.add_place(place);
        }
        for word in &file.landmarks {
            self.add_phrase(word, Meaning::Landmark, 0.0);
        }
        for word in &file.likenings {
            self.add_phrase(word, Meaning::Likening, 0.0);
        }
        for saying in &file.idioms {
            self.add_phrase(saying, Meaning::Idiom, 0.0);
        }
        for words in &file.kinds {
            let Some(kind) = self.kind(&words.kind) else { continue };
            let sign = self.signs.len();
            self.add_phrases(&words.phrases, Meaning::Sign(sign));
            words.excludes.iter().for_each(|word| self.add_phrase(word, Meaning::Silences(sign), 0.0));
            let most = words.most.unwrap_or(f64::INFINITY);
            self.signs.push(Sign { kind, supports: words.supports, beside: words.beside, most });
            self.add_examples(&words.examples, &Expected::Kind(kind));
        }
        for emergency in &file.emergencies {
            self.add_emergency(emergency);
        }
        for outside in &file.outside {
            self.add_outside(outside);
        }
        for office in &file.offices {
            self.add_office(office);
        }
        let Some(seat) = seat else { return };
        for name in &file.names {
            self.add_phrase(name, Meaning::Name(seat), 0.0);
        }
        for topic in &file.topics {
            self.add_topic(topic, seat);
        }
    }

    /// An emergency that nobody receives goes by its subject, like any other message.
    fn add_emergency(&mut self, emergency: &file::Emergency) {
        let to = &emergency.to;
        let Some(seat) = self.seat_of_duty(&to.text) else {
            let what = format!("no office receives the emergency `{}`", emergency.name.text);
            let expected = format!("`{}` is neither a duty that an office has nor an office", to.text);
            let help = "write the code of an office, or a duty that one has";
            self.problems.error(&to.at, what, expected, help);
            return;
        };
        let number = self.dangers.len();
        self.dangers.push(DangerTo { name: emergency.name.text.clone(), seat });
        self.add_phrases(&emergency.phrases, Meaning::Danger(number));
        self.add_examples(&emergency.examples, &Expected::Danger(seat));
    }

    fn add_outside(&mut self, outside: &file::Outside) {
        let file::Outside { names, topic: outside } = outside;
        let name = &outside.name;
        let Some(seat) = self.seat(&Seat::Outside(name.text.clone())) else { return };
        for name in names {
            self.add_phrase(name, Meaning::Name(seat), 0.0);
        }
        self.add_topic(outside, seat);
        let Some(tell) = &outside.tell else { return };
        if self.tells.insert(name.text.clone(), tell.text.clone()).is_some() {
            let what = format!("what to tell about `{}` is said twice", name.text);
            self.problems.error(&tell.at, what, "said again here", "keep one of the sentences");
        }
    }

    fn add_office(&mut self, office: &file::Office) {
        // An unknown code was noted when the duties were given out.
        let Some(seat) = self.seat_of_office(&office.code.text) else { return };
        for name in &office.names {
            self.add_phrase(name, Meaning::Name(seat), 0.0);
        }
        for handle in &office.handles {
            self.handles.insert(handle.text.trim_start_matches('@').to_lowercase(), seat);
        }
    }

    fn add_place(&mut self, place: &file::Place) {
        let seat = match (&place.office, &place.outside) {
            (Some(office), _) => self.office(office),
            (None, Some(outside)) => self.seat(&Seat::Outside(outside.text.clone())),
            (None, None) => None,
        };
        let Some(seat) = seat else { return };
        let number = self.places.len();
        self.places.push(Place { name: place.name.text.clone(), seat });
        for name in [&place.name].into_iter().chain(&place.aliases) {
            self.add_phrase(name, Meaning::Place(number), 0.0);
        }
    }

    fn add_topic(&mut self, topic: &file::Topic, seat: usize) {
        let number = self.topics.len();
        let kinds = topic.kinds.iter().filter_map(|kind| self.kind(kind)).collect();
        let places = topic.places.iter().filter_map(|place| self.place_name(place)).collect();
        let name = topic.name.text.clone();
        let most = topic.most.unwrap_or(f64::INFINITY);
        let tell = topic.tell.as_ref().map(|tell| tell.text.clone());
        let incidents = self.incidents(topic);
        self.topics.push(Topic {
            name,
            seat,
            required: !topic.requires.is_empty(),
            places,
            kinds,
            most,
            tell,
            incidents,
        });
        self.add_phrases(&topic.phrases, Meaning::Duty(number));
        topic.requires.iter().for_each(|phrase| self.add_phrase(phrase, Meaning::Requires(number), 0.0));
        topic.excludes.iter().for_each(|phrase| self.add_phrase(phrase, Meaning::Excludes(number), 0.0));
        self.check_reach(topic);
        self.add_examples(&topic.examples, &Expected::Seat(seat));
    }

    fn add_phrases(&mut self, phrases: &Phrases, meaning: Meaning) {
        for (phrase, weight) in phrases.weighted() {
            self.add_phrase(phrase, meaning, weight);
        }
    }

    fn add_phrase(&mut self, phrase: &Said, meaning: Meaning, weight: f64) {
        let short = self.shorthand.get(&phrase.text).is_some();
        let as_written = short && matches!(meaning, Meaning::Sign(_));
        let plain = if as_written { phrase.text.clone() } else { self.plain(&phrase.text) };
        if plain.len() == 1 {
            let what = format!("the phrase {:?} is a single letter", phrase.text);
            self.problems.error(&phrase.at, what, "found in almost every text", "write whole words");
            return;
        }
        if plain.is_empty() {
            let what = format!("the phrase {:?} can never be found", phrase.text);
            self.problems.error(&phrase.at, what, "no letters or digits", "write words, or take it out");
            return;
        }
        if short && !as_written {
            let what = format!("`{}` is an abbreviation: this phrase means `{plain}`", phrase.text);
            self.problems.warn(
                &phrase.at,
                what,
                "read as something else",
                "write it out, or take it out of `[words]`",
            );
        }
        let written = phrase.text.clone();
        let draft = self.phrases.entry(plain).or_insert_with(|| Draft { written, uses: Vec::new() });
        if let Some((_, _, at)) = draft.uses.iter().find(|(other, _, _)| *other == meaning) {
            let what = format!("`{}` is said twice here, first in {}", phrase.text, self.problems.place(at));
            self.problems.warn(&phrase.at, what, "counts only once", "take one of them out");
            return;
        }
        draft.uses.push((meaning, weight, phrase.at.clone()));
    }

    /// The phrases of a topic that tell of incidents, as its lists of phrases write them.
    fn incidents(&mut self, topic: &file::Topic) -> BTreeSet<String> {
        let mut incidents = BTreeSet::new();
        for said in &topic.incidents {
            let same = |(phrase, _): &(&Said, f64)| self.plain(&phrase.text) == self.plain(&said.text);
            if let Some((phrase, _)) = topic.phrases.weighted().find(same) {
                incidents.insert(phrase.text.clone());
                continue;
            }
            let what = format!("`{}` is not a phrase of this topic", said.text);
            let help = "write it into `strong`, `normal` or `weak` too";
            self.problems.error(&said.at, what, "can never be found", help);
        }
        incidents
    }

    /// Phrases of a topic for an office that can never count.
    fn check_reach(&mut self, topic: &file::Topic) {
        let Self { plain, shorthand, outside_places, problems, .. } = self;
        let mut read = |text: &str| {
            plain.read(text, shorthand);
            plain.text.trim().to_owned()
        };
        reach::warn(topic, &mut read, &|place| outside_places.contains(place), problems);
    }

    fn add_examples(&mut self, examples: &Examples, expected: &Expected) {
        let each = |list: &[Said], wanted| {
            list.iter()
                .map(|said| Example { said: said.clone(), expected: expected.clone(), wanted })
                .collect::<Vec<_>>()
        };
        self.examples.extend(each(&examples.must, true));
        self.examples.extend(each(&examples.must_not, false));
    }

    fn weights(&mut self, files: &[File]) -> Weights {
        let mut weights = Weights::default();
        let mut first: Option<&At> = None;
        for decide in files.iter().filter_map(|file| file.decide.as_ref()) {
            if let Some(first) = first {
                let what = format!("`[decide]` is said twice, first in {}", self.problems.place(first));
                self.problems.error(&decide.at, what, "said again here", "keep one of them");
            }
            first = Some(&decide.at);
            weights = Weights {
                owner: decide.owner.unwrap_or(weights.owner),
                name: decide.name.unwrap_or(weights.name),
                least: decide.least.unwrap_or(weights.least),
                margin: decide.margin.unwrap_or(weights.margin),
                open: decide.open.unwrap_or(weights.open),
                direct: decide.direct.unwrap_or(weights.direct),
            };
        }
        weights
    }

    fn finish(
        mut self,
        offices: &[(OfficeCode, OfficeKind)],
        fallback: &OfficeCode,
        weights: Weights,
    ) -> (Option<RuleSet>, Vec<Example>, Problems) {
        self.warn_of_ties(weights.least);
        let duty_words = words_of(&self.phrases, |meaning| matches!(meaning, Meaning::Duty(_)));
        let other_words = words_of(&self.phrases, |meaning| !matches!(meaning, Meaning::Duty(_)));
        let vocabulary = Vocabulary::new(duty_words, other_words);
        let disguises = self.disguises();
        let phrases = self.phrases.into_iter().map(|(plain, draft)| {
            let uses = draft.uses.into_iter().map(|(meaning, weight, _)| match meaning {
                Meaning::Name(_) => (meaning, weights.name),
                _ => (meaning, weight),
            });
            (plain, Phrase { written: draft.written, uses: heaviest(uses.collect(), &self.topics) })
        });
        let book = Phrasebook::new(phrases.collect());
        let Ok(disguises) = disguises else {
            let at = At { source: 0, span: 0..0 };
            self.problems.error(
                &at,
                "there are too many spam phrases for one rule set",
                "",
                "take out phrases that say little",
            );
            return (None, Vec::new(), self.problems);
        };
        let districts = offices.iter().filter(|(_, kind)| *kind == OfficeKind::District);
        let districts: Vec<usize> = districts
            .filter_map(|(code, _)| self.seats.iter().position(|seat| seat.office() == Some(code)))
            .collect();
        let rules = RuleSet {
            shorthand: self.shorthand,
            book,
            vocabulary,
            disguises,
            seats: self.seats,
            topics: self.topics,
            signs: self.signs,
            dangers: self.dangers,
            places: self.places,
            handles: self.handles,
            tells: self.tells,
            districts,
            weights,
            fallback: fallback.clone(),
            warnings: Vec::new(),
            learned: None,
        };
        (Some(rules), self.examples, self.problems)
    }

    fn disguises(&self) -> Result<Disguises, aho_corasick::BuildError> {
        let spam = |sign: usize| self.signs.get(sign).is_some_and(|sign| sign.kind == Kind::Spam);
        let spam = self.phrases.iter().filter(|(_, draft)| {
            draft.uses.iter().any(|(meaning, weight, _)| {
                matches!(meaning, Meaning::Sign(sign) if spam(*sign)) && *weight >= 3.0
            })
        });
        Disguises::new(spam.map(|(plain, _)| plain.as_str()))
    }

    /// The same phrase with the same weight in two offices can only end in a tie, where it is heavy enough to decide.
    fn warn_of_ties(&mut self, least: f64) {
        for draft in self.phrases.values() {
            let duties: Vec<_> = draft
                .uses
                .iter()
                .filter_map(|(meaning, weight, at)| match meaning {
                    Meaning::Duty(topic) if *weight >= least => {
                        Some((self.topics.get(*topic)?.seat, *weight, at))
                    }
                    _ => None,
                })
                .collect();
            let tied = duties.iter().enumerate().find_map(|(n, (seat, weight, at))| {
                let earlier = duties
                    .iter()
                    .take(n)
                    .find(|(other, w, _)| other != seat && (w - weight).abs() < f64::EPSILON);
                earlier.map(|(other, _, first)| (*at, *other, *first))
            });
            if let Some((at, other, first)) = tied {
                let other = self.seats.get(other).map(Seat::to_string).unwrap_or_default();
                let what = format!(
                    "`{}` weighs the same for {other} in {}",
                    draft.written,
                    self.problems.place(first)
                );
                self.problems.warn(
                    at,
                    what,
                    "this phrase alone can only tie",
                    "give one of them another weight, or write a longer phrase",
                );
            }
        }
    }

    fn plain(&mut self, text: &str) -> String {
        self.plain.read(text, &self.shorthand);
        self.plain.text.trim().to_owned()
    }

    fn kind(&mut self, said: &Said) -> Option<Kind> {
        let kind = said.text.parse().ok();
        if kind.is_none() {
            self.unknown("kind", said, Kind::ALL.iter().map(|kind| kind.as_str()));
        }
        kind
    }

    fn place_name(&mut self, said: &Said) -> Option<String> {
        let known = self.place_names.contains(&said.text).then(|| said.text.clone());
        if known.is_none() {
            let names = self.place_names.clone();
            self.unknown("place", said, names.iter().map(String::as_str));
        }
        known
    }

    fn office(&mut self, said: &Said) -> Option<usize> {
        let seat = self.seat_of_office(&said.text);
        if seat.is_none() {
            let codes: Vec<String> =
                self.seats.iter().filter_map(Seat::office).map(OfficeCode::to_string).collect();
            self.unknown("office", said, codes.iter().map(String::as_str));
        }
        seat
    }

    fn seat_of_office(&self, code: &str) -> Option<usize> {
        self.seats.iter().position(|seat| seat.office().is_some_and(|office| office.as_str() == code))
    }

    fn seat(&self, wanted: &Seat) -> Option<usize> {
        self.seats.iter().position(|seat| seat == wanted)
    }

    fn unknown<'a>(&mut self, what: &str, said: &Said, known: impl Iterator<Item = &'a str> + Clone) {
        let near = known.clone().find(|word| one_edit(word, &said.text));
        let expected = near.map_or("not known".to_owned(), |near| format!("did you mean `{near}`?"));
        let known = known.collect::<Vec<_>>().join(", ");
        self.problems.error(
            &said.at,
            format!("unknown {what} `{}`", said.text),
            expected,
            format!("known are {known}"),
        );
    }
}

/// One meaning for each seat: the heaviest, where two duties of one office share a phrase.
fn heaviest(mut uses: Vec<(Meaning, f64)>, topics: &[Topic]) -> Vec<(Meaning, f64)> {
    let seat = |meaning: Meaning| match meaning {
        Meaning::Duty(topic) => topics.get(topic).map(|topic| topic.seat),
        _ => None,
    };
    uses.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut kept: Vec<(Meaning, f64)> = Vec::with_capacity(uses.len());
    for (meaning, weight) in uses {
        let own = seat(meaning);
        if own.is_none() || kept.iter().all(|(other, _)| seat(*other) != own) {
            kept.push((meaning, weight));
        }
    }
    kept
}

fn words_of(phrases: &BTreeMap<String, Draft>, wanted: impl Fn(Meaning) -> bool) -> BTreeSet<&str> {
    let wanted =
        phrases.iter().filter(|(_, draft)| draft.uses.iter().any(|(meaning, _, _)| wanted(*meaning)));
    wanted.flat_map(|(plain, _)| plain.split(' ')).collect()
}
