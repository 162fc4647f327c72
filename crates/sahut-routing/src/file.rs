//! The shape of a rule file. Every section may stand in any file; one file a duty is only a good habit, and lets the
//! office that has the duty read and mend its own words.

use crate::problem::{At, Problems, Source};
use crate::section::{Said, Section};

/// What one file says.
#[derive(Debug, Default)]
pub(crate) struct File {
    /// The duty that the topics describe (`duty = "pupr"`), for whichever office takes it.
    pub(crate) duty: Option<Said>,
    /// Whether every district office has this duty for its own place.
    pub(crate) district: bool,
    /// What people call the office that has the duty.
    pub(crate) names: Vec<Said>,
    /// What belongs to the duty.
    pub(crate) topics: Vec<Topic>,
    /// Which office has which duties, where that is not plain from their codes.
    pub(crate) offices: Vec<Office>,
    /// Who answers for what the regency does not: the power company, the police.
    pub(crate) outside: Vec<Outside>,
    /// What endangers people, and who comes.
    pub(crate) emergencies: Vec<Emergency>,
    /// Words that tell what a message is.
    pub(crate) kinds: Vec<KindWords>,
    /// Places, and which district office or which other government answers there.
    pub(crate) places: Vec<Place>,
    /// Abbreviations and what they stand for.
    pub(crate) words: Vec<(Said, Said)>,
    /// Words before a landmark: what follows them only says where.
    pub(crate) landmarks: Vec<Said>,
    /// Words of comparison (`macam kubangan kerbau`): what follows them is not meant.
    pub(crate) likenings: Vec<Said>,
    /// Sayings: their words mean something else than usual (`kebakaran jenggot`), or nothing (`izin bertanya`).
    pub(crate) idioms: Vec<Said>,
    /// How to decide.
    pub(crate) decide: Option<Decide>,
}

/// An office and its duties.
#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) code: Said,
    /// Its duties. An office that takes none has the duty that is called like its code.
    pub(crate) takes: Vec<Said>,
    /// What people call it, besides the names of its duties.
    pub(crate) names: Vec<Said>,
    /// Its user names on platforms.
    pub(crate) handles: Vec<Said>,
}

/// Phrases by how much they say.
#[derive(Debug, Default)]
pub(crate) struct Phrases {
    pub(crate) strong: Vec<Said>,
    pub(crate) normal: Vec<Said>,
    pub(crate) weak: Vec<Said>,
}

/// One subject of an office, or of somebody outside.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Said,
    pub(crate) phrases: Phrases,
    pub(crate) requires: Vec<Said>,
    pub(crate) excludes: Vec<Said>,
    pub(crate) places: Vec<Said>,
    pub(crate) kinds: Vec<Said>,
    /// At most so many points in all: what is said in many words, such as an address, does not say more.
    pub(crate) most: Option<f64>,
    /// Those of its phrases that tell of one thing that hits many.
    pub(crate) incidents: Vec<Said>,
    /// What to tell the citizen who asks for it: where to turn.
    pub(crate) tell: Option<Said>,
    pub(crate) examples: Examples,
}

/// Somebody who answers for what the regency does not.
#[derive(Debug)]
pub(crate) struct Outside {
    /// What people call it, or what belongs to it by its very name (`jalan nasional`).
    pub(crate) names: Vec<Said>,
    pub(crate) topic: Topic,
}

/// A danger, and who receives it.
#[derive(Debug)]
pub(crate) struct Emergency {
    pub(crate) name: Said,
    /// A duty, for whichever office has it; or the code of an office.
    pub(crate) to: Said,
    pub(crate) phrases: Phrases,
    pub(crate) examples: Examples,
}

/// Texts that show what the rules are meant to do.
#[derive(Debug, Default)]
pub(crate) struct Examples {
    pub(crate) must: Vec<Said>,
    pub(crate) must_not: Vec<Said>,
}

/// Words that speak for a kind, all in one way: by asking, by naming a problem, by saying where.
#[derive(Debug)]
pub(crate) struct KindWords {
    pub(crate) kind: Said,
    /// At most so many points in all.
    pub(crate) most: Option<f64>,
    /// Whether they only say that somebody is needed, and not as what: a place, a time.
    pub(crate) supports: bool,
    /// Whether they say what is wrong with a thing, or wished for it: right beside whose it is, they need no other word.
    pub(crate) beside: bool,
    /// Words beside which they say nothing: `tahun lalu` beside a fire.
    pub(crate) excludes: Vec<Said>,
    pub(crate) phrases: Phrases,
    pub(crate) examples: Examples,
}

/// A place that people name.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) name: Said,
    /// The district office that answers there.
    pub(crate) office: Option<Said>,
    /// The government that answers there, when it is not this regency.
    pub(crate) outside: Option<Said>,
    /// Other names of the place, and what lies in it.
    pub(crate) aliases: Vec<Said>,
}

/// Points for deciding.
#[derive(Debug)]
pub(crate) struct Decide {
    pub(crate) at: At,
    pub(crate) owner: Option<f64>,
    pub(crate) name: Option<f64>,
    pub(crate) least: Option<f64>,
    pub(crate) margin: Option<f64>,
    pub(crate) open: Option<f64>,
    pub(crate) direct: Option<f64>,
}

impl File {
    /// Reads one source, noting every problem.
    pub(crate) fn read(number: usize, source: &Source, problems: &mut Problems) -> Self {
        let mut top = Section::document(number, &source.text, problems);
        let file = Self {
            duty: top.text("duty", problems),
            district: top.flag("district", problems),
            names: top.list("names", problems),
            offices: top
                .sections("office", problems)
                .into_iter()
                .filter_map(|s| Office::read(s, problems))
                .collect(),
            topics: top
                .sections("topic", problems)
                .into_iter()
                .filter_map(|s| Topic::read(s, problems))
                .collect(),
            outside: top
                .sections("outside", problems)
                .into_iter()
                .filter_map(|s| Outside::read(s, problems))
                .collect(),
            emergencies: top
                .sections("emergency", problems)
                .into_iter()
                .filter_map(|s| Emergency::read(s, problems))
                .collect(),
            kinds: top
                .sections("kind", problems)
                .into_iter()
                .filter_map(|s| KindWords::read(s, problems))
                .collect(),
            places: top
                .sections("place", problems)
                .into_iter()
                .filter_map(|s| Place::read(s, problems))
                .collect(),
            words: top.pairs("words", problems),
            landmarks: top.list("landmarks", problems),
            likenings: top.list("likenings", problems),
            idioms: top.list("idioms", problems),
            decide: top.one("decide", problems).map(|section| Decide::read(section, problems)),
        };
        top.finish(problems);
        file
    }
}

impl Office {
    fn read(mut section: Section<'_>, problems: &mut Problems) -> Option<Self> {
        let code = section.needed("code", problems);
        let [takes, names, handles] = ["takes", "names", "handles"].map(|key| section.list(key, problems));
        section.finish(problems);
        Some(Self { code: code?, takes, names, handles })
    }
}

impl Phrases {
    fn read(section: &mut Section<'_>, problems: &mut Problems) -> Self {
        Self {
            strong: section.list("strong", problems),
            normal: section.list("normal", problems),
            weak: section.list("weak", problems),
        }
    }

    /// Every phrase with its weight in points.
    pub(crate) fn weighted(&self) -> impl Iterator<Item = (&Said, f64)> {
        let lists = [(&self.strong, 3.0), (&self.normal, 2.0), (&self.weak, 1.0)];
        lists.into_iter().flat_map(|(list, weight)| list.iter().map(move |said| (said, weight)))
    }
}

impl Examples {
    fn read(section: &mut Section<'_>, problems: &mut Problems) -> Self {
        Self { must: section.list("must", problems), must_not: section.list("must_not", problems) }
    }
}

impl Topic {
    fn read(mut section: Section<'_>, problems: &mut Problems) -> Option<Self> {
        let name = section.needed("name", problems);
        let phrases = Phrases::read(&mut section, problems);
        let [requires, excludes, places, kinds, incidents] =
            ["requires", "excludes", "places", "kinds", "incidents"].map(|key| section.list(key, problems));
        let most = section.points("most", problems);
        let tell = section.text("tell", problems);
        let examples = Examples::read(&mut section, problems);
        section.finish(problems);
        Some(Self {
            name: name?,
            phrases,
            requires,
            excludes,
            places,
            kinds,
            most,
            incidents,
            tell,
            examples,
        })
    }
}

impl Outside {
    fn read(mut section: Section<'_>, problems: &mut Problems) -> Option<Self> {
        let names = section.list("names", problems);
        Some(Self { names, topic: Topic::read(section, problems)? })
    }
}

impl Emergency {
    fn read(mut section: Section<'_>, problems: &mut Problems) -> Option<Self> {
        let [name, to] = ["name", "to"].map(|key| section.needed(key, problems));
        let phrases = Phrases::read(&mut section, problems);
        let examples = Examples::read(&mut section, problems);
        section.finish(problems);
        Some(Self { name: name?, to: to?, phrases, examples })
    }
}

impl KindWords {
    fn read(mut section: Section<'_>, problems: &mut Problems) -> Option<Self> {
        let kind = section.needed("kind", problems);
        let most = section.points("most", problems);
        let [supports, beside] = ["supports", "beside"].map(|key| section.flag(key, problems));
        let excludes = section.list("excludes", problems);
        let phrases = Phrases::read(&mut section, problems);
        let examples = Examples::read(&mut section, problems);
        section.finish(problems);
        Some(Self { kind: kind?, most, supports, beside, excludes, phrases, examples })
    }
}

impl Place {
    fn read(mut section: Section<'_>, problems: &mut Problems) -> Option<Self> {
        let name = section.needed("name", problems);
        let office = section.text("office", problems);
        let outside = section.text("outside", problems);
        let aliases = section.list("aliases", problems);
        let at = section.at.clone();
        section.finish(problems);
        let name = name?;
        if office.is_some() == outside.is_some() {
            let what = format!("the place `{}` needs either `office` or `outside`", name.text);
            problems.error(
                &at,
                what,
                "who answers here?",
                "write the code of its district office, or the name of the government it belongs to",
            );
        }
        Some(Self { name, office, outside, aliases })
    }
}

impl Decide {
    fn read(mut section: Section<'_>, problems: &mut Problems) -> Self {
        let [owner, name, least, margin, open, direct] =
            ["owner", "name", "least", "margin", "open", "direct"].map(|key| section.points(key, problems));
        let at = section.at.clone();
        section.finish(problems);
        Self { at, owner, name, least, margin, open, direct }
    }
}
