//! Whether two inquiries tell of one happening: the same matter, at the same place.
//!
//! Two ways lead there. Their *texts* are nearly the same, with the same names and numbers in them: one text on several
//! channels, or passed on from hand to hand. Or both use phrases that the rules name as signs of an incident, such as an
//! outage, and say the same place, or stand under one post and name none: the flood of short, varied comments under one
//! announcement. Neither way joins what names different places or settlements, and no text joins that carries an identity number, a
//! telephone or an address of mail: whoever writes that writes about himself. What is less alike is left to people.

use std::cell::RefCell;

use sahut_domain::decision::{Decision, Match};
use sahut_domain::mask::mask;

use crate::learn::key;
use crate::likeness::{Likeness, mark};
use crate::plain::Plain;
use crate::ruleset::RuleSet;

/// Texts of which so much is the same tell of the same.
const SAME: f64 = 0.5;
/// Texts of which so much is the same may tell of the same.
const PERHAPS: f64 = 0.3;

/// A text with fewer marks says too little by itself: "kapan dibuka" is another question under another post.
const TELLING: usize = 16;
/// Under one post a few words say enough.
const TELLING_UNDER_POST: usize = 5;

/// As many names of a text are kept.
const NAMES: usize = 6;

/// Words that are followed by the name of a settlement.
const BEFORE_SETTLEMENTS: [&str; 11] =
    ["desa", "ds", "dsn", "dukuh", "dusun", "kampung", "kec", "kecamatan", "kel", "kelurahan", "kp"];

/// Words that are followed by another name that the rules may not know: of a lane, of a school, or of somebody.
const BEFORE_NAMES: [&str; 15] = [
    "an",
    "bernama",
    "blok",
    "gang",
    "gg",
    "komplek",
    "n",
    "nama",
    "perum",
    "perumahan",
    "rt",
    "rw",
    "sd",
    "sdn",
    "simpang",
];

/// The bit of a name that says that it is of a settlement.
const SETTLEMENT: u32 = 1;

/// The first byte of what is kept: which form the rest has.
const FORM: u8 = 2;

thread_local! {
    static PLAIN: RefCell<Plain> = RefCell::default();
}

/// What is kept of an inquiry for comparing it with others. Short, and not the text; but no secret either: whoever guesses a
/// word or a name can see whether the text may have it, since the hashes are not salted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// It carries a number of its own.
    private: bool,
    /// It uses phrases of an incident.
    incident: bool,
    /// The incident's topic, or else the phrase that spoke most for its office.
    matter: Option<u32>,
    /// The place that the rules recognised.
    place: Option<u32>,
    /// All numbers in it, as one.
    numbers: Option<u32>,
    /// Names behind words such as "desa", in order: finer than places, and not always of one. The last bit of each says
    /// whether it is of a settlement.
    names: Vec<u32>,
    words: Likeness,
}

/// Where two inquiries stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Both are comments under one post.
    pub one_post: bool,
    /// Both were written in public.
    pub public: bool,
}

/// What two inquiries have to do with each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Alike {
    /// They tell of one happening; so much of their texts is the same, from 0 to 1.
    Same(f64),
    /// They may: a person decides.
    Perhaps(f64),
    /// They do not, as far as can be seen.
    No,
    /// They name different places, or say the same of different names: nothing that has the one can take the other.
    Apart,
}

impl RuleSet {
    /// What to keep of a message on which was decided. `text` is its subject, where it has one, and its words.
    pub fn sketch(&self, text: &str, decision: &Decision) -> Sketch {
        let incident = self.incident(decision);
        let matter = incident.or_else(|| heaviest(decision));
        let name = |name: &str| mark(key(b'n', name));
        PLAIN.with_borrow_mut(|plain| {
            plain.read(text, &self.shorthand);
            Sketch {
                private: mask(text) != text,
                incident: incident.is_some(),
                matter: matter.map(name),
                place: decision.place.as_deref().map(name),
                numbers: numbers(plain),
                names: names(plain),
                words: Likeness::of(plain),
            }
        })
    }

    /// The topic of which a phrase was found that tells of an incident.
    fn incident<'a>(&self, decision: &'a Decision) -> Option<&'a str> {
        let tells = |topic: &str, phrase: &str| {
            let topics = self.topics.iter().filter(|known| known.name == topic);
            topics.into_iter().any(|known| known.incidents.contains(phrase))
        };
        let found = found(decision)?;
        found.iter().find(|found| tells(&found.topic, &found.phrase)).map(|found| found.topic.as_str())
    }
}

/// The phrases that spoke for the office that was decided on; where people have to decide, for the likeliest.
fn found(decision: &Decision) -> Option<&[Match]> {
    let decided = decision.scores.iter().find(|score| Some(&score.office) == decision.office.as_ref());
    decided.or(decision.scores.first()).map(|score| score.matches.as_slice())
}

fn heaviest(decision: &Decision) -> Option<&str> {
    found(decision)?.first().map(|found| found.phrase.as_str())
}

/// One text with other numbers in it is a form that somebody else has filled in.
fn numbers(plain: &Plain) -> Option<u32> {
    let words = plain.words.iter().map(|word| plain.letters(word));
    let mut numbers: Vec<&str> =
        words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit())).collect();
    numbers.sort_unstable();
    numbers.dedup();
    (!numbers.is_empty()).then(|| mark(key(b'0', &numbers.join(" "))))
}

fn names(plain: &Plain) -> Vec<u32> {
    let letters = |at: usize| plain.words.get(at).map(|word| plain.letters(word));
    // Who abbreviates `jalan` writes an address.
    let is_street =
        |at: usize| plain.words.get(at).is_some_and(|word| word.expanded) && letters(at) == Some("jalan");
    let settles = |at: usize| letters(at).is_some_and(|word| BEFORE_SETTLEMENTS.contains(&word));
    let others = |at: usize| is_street(at) || letters(at).is_some_and(|word| BEFORE_NAMES.contains(&word));
    let before = |at: usize| settles(at) || others(at);
    let names = (1..plain.words.len()).filter(|at| before(at - 1) && !before(*at)).filter_map(|at| {
        // A number says which only together with what it numbers: RT 2 is not RW 2.
        let (before, name) = (letters(at - 1)?, letters(at)?);
        let numbered = name.starts_with(|c: char| c.is_ascii_digit());
        let name = mark(key(b'a', if numbered { before } else { "" }) ^ key(b'a', name).rotate_left(9));
        Some(name & !SETTLEMENT | if settles(at - 1) { SETTLEMENT } else { 0 })
    });
    let mut names: Vec<u32> = names.take(NAMES).collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl Sketch {
    /// What this and another inquiry have to do with each other.
    pub fn compare(&self, other: &Self, setting: Setting) -> Alike {
        let (here, there) = (self.place, other.place);
        if here.is_some() && there.is_some() && here != there {
            return Alike::Apart;
        }
        let share = self.words.share(&other.words);
        let telling = self.is_telling(other, setting);
        let other_names = self.names_others(other, |_| true);
        let same_text = telling && share >= SAME;
        let own = self.private || other.private || self.numbers != other.numbers;
        let same_matter = setting.public && self.matter.is_some() && self.matter == other.matter;
        let near = here == there && (here.is_some() || setting.one_post);
        let same_incident = same_matter && near && self.incident && other.incident;
        // One outage has many lanes, but a fire in another village is another fire.
        let elsewhere = self.names_others(other, |name| name & SETTLEMENT != 0);
        if (same_text && !other_names && !own) || (same_incident && !elsewhere) {
            Alike::Same(share)
        } else if (same_text && other_names) || same_incident {
            Alike::Apart
        } else if (telling && !other_names && share >= PERHAPS) || (same_matter && (near || setting.one_post))
        {
            Alike::Perhaps(share)
        } else {
            Alike::No
        }
    }

    /// Whether it names a place, or anything else, that none of these names.
    pub fn names_more_than(&self, others: &[&Self]) -> bool {
        let is_new = |name: &u32| others.iter().all(|other| !other.names.contains(name));
        let new_place = self.place.is_some() && others.iter().all(|other| other.place != self.place);
        new_place || self.names.iter().any(is_new)
    }

    /// Whether somebody who belongs to the incident of this other inquiry tells of the same once more, with the same
    /// text, or with phrases of the same incident and of no other place.
    pub fn says_again(&self, other: &Self) -> bool {
        let alone = Setting { one_post: false, public: false };
        let same_matter = self.incident && other.incident && self.matter == other.matter;
        let same_place =
            (self.place.is_none() || self.place == other.place) && !self.names_others(other, |_| true);
        (same_matter && same_place) || matches!(self.compare(other, alone), Alike::Same(_))
    }

    /// Whether each names something that the other does not, of the names that count.
    fn names_others(&self, other: &Self, counts: impl Fn(u32) -> bool) -> bool {
        let lacks =
            |here: &[u32], there: &[u32]| there.iter().any(|name| counts(*name) && !here.contains(name));
        lacks(&self.names, &other.names) && lacks(&other.names, &self.names)
    }

    fn is_telling(&self, other: &Self, setting: Setting) -> bool {
        let least = if setting.one_post { TELLING_UNDER_POST } else { TELLING };
        self.words.marks().len().min(other.words.marks().len()) >= least
    }

    /// The bytes to keep, 231 at most.
    pub fn to_bytes(&self) -> Vec<u8> {
        let flags = u8::from(self.private) | u8::from(self.incident) << 1;
        let mut out = vec![FORM, flags, u8::try_from(self.names.len()).unwrap_or_default()];
        let named = [self.matter, self.place, self.numbers].map(Option::unwrap_or_default);
        let numbers = named.iter().chain(&self.names).chain(self.words.marks());
        out.extend(numbers.flat_map(|number| number.to_le_bytes()));
        out
    }

    /// From the bytes that were kept; nothing where they have another form: such an inquiry is compared with nothing.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ([FORM, flags, names], rest) = bytes.split_first_chunk()? else { return None };
        let (numbers, []) = rest.as_chunks() else { return None };
        let mut numbers = numbers.iter().map(|number| u32::from_le_bytes(*number));
        let mut number_or_none = || Some(numbers.next()?).map(|number| (number != 0).then_some(number));
        let (matter, place, in_text) = (number_or_none()?, number_or_none()?, number_or_none()?);
        let names: Vec<u32> = numbers.by_ref().take(usize::from(*names)).collect();
        Some(Self {
            private: flags & 1 != 0,
            incident: flags & 2 != 0,
            matter,
            place,
            numbers: in_text,
            names,
            words: Likeness::from_marks(numbers.collect()),
        })
    }
}
