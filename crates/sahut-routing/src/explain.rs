//! Decisions in plain words: what an office reads when it asks "why us?".

use sahut_domain::Language;
use sahut_domain::decision::{Basis, Decision, Doubt, Manner, Match, Score};
use sahut_domain::inquiry::{Kind, Priority};
use sahut_domain::office::OfficeCode;

/// As many phrases are named for one office.
const PHRASES: usize = 4;
/// As many offices are named when people have to choose.
const CHOICES: usize = 3;

/// Says in plain words why a message went where it went. `name` gives what people call an office.
///
/// Everything said comes from the decision as it was stored: rules that changed since do not change the explanation.
pub fn explain(decision: &Decision, name: &dyn Fn(&OfficeCode) -> String, language: Language) -> String {
    let say = match language {
        Language::Indonesian => &INDONESIAN,
        Language::English => &ENGLISH,
    };
    let telling = Telling { decision, name, say };
    let sentences = [
        telling.urgency(),
        Some(telling.destination()),
        telling.runner_up(),
        telling.owner(),
        telling.place(),
        telling.not_counted(),
    ];
    sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

struct Telling<'a> {
    decision: &'a Decision,
    name: &'a dyn Fn(&OfficeCode) -> String,
    say: &'static Phrasing,
}

impl Telling<'_> {
    fn urgency(&self) -> Option<String> {
        let urgent = self.decision.priority == Priority::Emergency;
        urgent.then(|| format!("{}{}.", self.say.emergency, self.because(&self.decision.kind_words)))
    }

    fn destination(&self) -> String {
        let say = self.say;
        let office = self.decision.office.as_ref().map(self.name).unwrap_or_default();
        match self.decision.basis {
            Basis::Nobody => {
                let kind = (say.kind)(self.decision.kind);
                format!("{} {kind}{}.", say.nobody, self.because(&self.decision.kind_words))
            }
            Basis::History => format!("{}.", say.history),
            Basis::OpenInquiry => format!("{} {office}: {}.", say.to, say.open_inquiry),
            Basis::Given => format!("{} {office}: {}.", say.to, say.given),
            Basis::Owner => format!("{} {office} {}.", say.to, say.by_owner),
            Basis::Mention => match self.of_office() {
                Some(score) if !score.matches.is_empty() => {
                    format!("{} {office}{}.", say.to, self.because(&score.matches))
                }
                _ => format!("{} {office} {}.", say.to, say.by_mention),
            },
            Basis::Topics => {
                let matches = self.of_office().map(|score| score.matches.as_slice()).unwrap_or_default();
                format!("{} {office}{}.", say.to, self.because(matches))
            }
            Basis::Triage => self.triage(&office),
        }
    }

    fn triage(&self, office: &str) -> String {
        let say = self.say;
        let doubt = match (&self.decision.outside, self.decision.doubt) {
            (Some(outside), _) => format!("{} {outside}", say.not_ours),
            (None, Some(doubt)) => (say.doubt)(doubt).to_owned(),
            (None, None) => say.undecided.to_owned(),
        };
        let mut told = format!("{} {office}: {doubt}", say.triage);
        let choices: Vec<String> = self.decision.scores.iter().take(CHOICES).map(|score| self.choice(score)).collect();
        if !choices.is_empty() {
            told = format!("{told} ({})", choices.join("; "));
        }
        told + "."
    }

    /// An office with its points and phrases: `Dinas Sosial 3,0 (‘bansos’, kuat)`. Points of somebody outside are
    /// named after them.
    fn choice(&self, score: &Score) -> String {
        let outside = self.decision.outside.as_ref().filter(|_| Some(&score.office) == self.decision.office.as_ref());
        let who = outside.cloned().unwrap_or_else(|| (self.name)(&score.office));
        let words: Vec<String> = score.matches.iter().take(PHRASES).map(|found| self.phrase(found)).collect();
        let words = if words.is_empty() { String::new() } else { format!(": {}", words.join(", ")) };
        format!("{who} {}{words}", self.points(score.points))
    }

    fn runner_up(&self) -> Option<String> {
        if !matches!(self.decision.basis, Basis::Topics | Basis::Mention) {
            return None;
        }
        let second = self.decision.scores.iter().find(|score| Some(&score.office) != self.decision.office.as_ref())?;
        Some(format!("{} {}.", self.say.next, self.choice(second)))
    }

    fn owner(&self) -> Option<String> {
        let owner = self.decision.scores.iter().find(|score| score.owner_points > 0.0)?;
        let points = self.points(owner.owner_points);
        let settled = matches!(self.decision.basis, Basis::Topics | Basis::Triage | Basis::Mention);
        settled.then(|| format!("{} {} ({} {points}).", self.say.written_at, (self.name)(&owner.office), self.say.added))
    }

    fn place(&self) -> Option<String> {
        self.decision.place.as_ref().map(|place| format!("{} {place}.", self.say.place))
    }

    fn not_counted(&self) -> Option<String> {
        let first = self.decision.suppressed.first()?;
        let settled = matches!(self.decision.basis, Basis::Topics | Basis::Triage);
        settled.then(|| format!("{} ‘{}’ ({} ‘{}’).", self.say.not_counted, first.phrase, self.say.covered, first.by))
    }

    fn of_office(&self) -> Option<&Score> {
        self.decision.scores.iter().find(|score| Some(&score.office) == self.decision.office.as_ref())
    }

    fn because(&self, matches: &[Match]) -> String {
        let phrases: Vec<String> = matches.iter().take(PHRASES).map(|found| self.phrase(found)).collect();
        if phrases.is_empty() { String::new() } else { format!(" {} {}", self.say.because, phrases.join(", ")) }
    }

    fn phrase(&self, found: &Match) -> String {
        let strength = match found.weight {
            3.0.. => self.say.strong,
            2.0.. => self.say.normal,
            _ => self.say.weak,
        };
        match (self.say.manner)(found.manner) {
            Some(manner) => format!("‘{}’ ({strength}, {manner})", found.phrase),
            None => format!("‘{}’ ({strength})", found.phrase),
        }
    }

    fn points(&self, points: f64) -> String {
        format!("{points:.1}").replace('.', self.say.decimal)
    }
}

/// What is said, in one language.
struct Phrasing {
    to: &'static str,
    because: &'static str,
    nobody: &'static str,
    emergency: &'static str,
    history: &'static str,
    open_inquiry: &'static str,
    given: &'static str,
    by_owner: &'static str,
    by_mention: &'static str,
    triage: &'static str,
    not_ours: &'static str,
    undecided: &'static str,
    next: &'static str,
    written_at: &'static str,
    added: &'static str,
    place: &'static str,
    not_counted: &'static str,
    covered: &'static str,
    strong: &'static str,
    normal: &'static str,
    weak: &'static str,
    decimal: &'static str,
    kind: fn(Kind) -> &'static str,
    doubt: fn(Doubt) -> &'static str,
    manner: fn(Manner) -> Option<&'static str>,
}

static INDONESIAN: Phrasing = Phrasing {
    to: "Diteruskan ke",
    because: "karena menyebut",
    nobody: "Tidak perlu ditindaklanjuti: dibaca sebagai",
    emergency: "DARURAT",
    history: "Ditulis sebelum kanal ini tersambung: hanya sebagai konteks",
    open_inquiry: "lanjutan aduan yang masih terbuka",
    given: "OPD sudah ditetapkan ketika dimasukkan",
    by_owner: "karena ditulis di kanalnya dan tidak ada frasa yang jelas milik OPD lain",
    by_mention: "karena pesan menyebut nama akunnya",
    triage: "Perlu dipilah oleh",
    not_ours: "tampaknya urusan",
    undecided: "belum jelas",
    next: "Berikutnya:",
    written_at: "Ditulis di kanal",
    added: "tambahan",
    place: "Tempat yang disebut:",
    not_counted: "Tidak dihitung:",
    covered: "sudah termasuk dalam atau dikecualikan oleh",
    strong: "kuat",
    normal: "biasa",
    weak: "lemah",
    decimal: ",",
    kind: |kind| match kind {
        Kind::Complaint => "pengaduan",
        Kind::Information => "permintaan informasi",
        Kind::Aspiration => "aspirasi",
        Kind::Thanks => "ucapan terima kasih",
        Kind::Emergency => "keadaan darurat",
        Kind::Noise => "obrolan",
        Kind::Spam => "iklan atau penipuan",
    },
    doubt: |doubt| match doubt {
        Doubt::NoMatch => "tidak ada frasa urusan yang dikenali",
        Doubt::WeakMatch => "petunjuknya terlalu lemah",
        Doubt::Tie => "dua OPD sama-sama cocok",
        Doubt::NotOurs => "tampaknya bukan urusan kabupaten",
        Doubt::NoPlace => "urusan kecamatan, tetapi tempatnya tidak disebut",
    },
    manner: |manner| match manner {
        Manner::Surface => None,
        Manner::Stem => Some("dari kata dasarnya"),
        Manner::Abbreviation => Some("disingkat"),
        Manner::Fuzzy => Some("salah ketik satu huruf"),
    },
};

static ENGLISH: Phrasing = Phrasing {
    to: "Sent to",
    because: "because it says",
    nobody: "Needs nobody: read as",
    emergency: "EMERGENCY",
    history: "Written before the channel was connected: kept as context",
    open_inquiry: "it continues an inquiry that is still open",
    given: "the office was already set when it was brought in",
    by_owner: "because it was written on its channel and no phrase clearly belongs to another office",
    by_mention: "because the message mentions its account",
    triage: "To be sorted by",
    not_ours: "it seems to concern",
    undecided: "it is not clear",
    next: "Next:",
    written_at: "Written on the channel of",
    added: "adds",
    place: "Place named:",
    not_counted: "Not counted:",
    covered: "inside or excluded by",
    strong: "strong",
    normal: "normal",
    weak: "weak",
    decimal: ".",
    kind: |kind| match kind {
        Kind::Complaint => "a complaint",
        Kind::Information => "a request for information",
        Kind::Aspiration => "a wish",
        Kind::Thanks => "thanks",
        Kind::Emergency => "an emergency",
        Kind::Noise => "talk",
        Kind::Spam => "advertising or fraud",
    },
    doubt: |doubt| match doubt {
        Doubt::NoMatch => "no phrase of any duty was found",
        Doubt::WeakMatch => "what was found is too weak",
        Doubt::Tie => "two offices fit equally well",
        Doubt::NotOurs => "it does not seem to be the regency's business",
        Doubt::NoPlace => "a district office is meant, but no place is named",
    },
    manner: |manner| match manner {
        Manner::Surface => None,
        Manner::Stem => Some("by its stem"),
        Manner::Abbreviation => Some("abbreviated"),
        Manner::Fuzzy => Some("one letter off"),
    },
};
