//! Decisions in plain words: what an office reads when it asks "why us?".

use std::fmt::Write as _;

use sahut_domain::Language;
use sahut_domain::decision::{Basis, Decision, Doubt, Manner, Match, Says, Score, Sign, Weighing};
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
    let mut telling = Telling { decision, name, say, told: String::with_capacity(256) };
    telling.urgency();
    telling.destination();
    telling.answer();
    telling.runner_up();
    telling.owner();
    telling.learned();
    telling.place();
    telling.not_counted();
    telling.told
}

struct Telling<'a> {
    decision: &'a Decision,
    name: &'a dyn Fn(&OfficeCode) -> String,
    say: &'static Phrasing,
    told: String,
}

impl<'a> Telling<'a> {
    fn urgency(&mut self) {
        if self.decision.priority == Priority::Emergency {
            self.sentence(&[self.say.emergency]);
            self.because(&self.decision.kind_words);
            self.told.push('.');
        }
    }

    fn destination(&mut self) {
        let say = self.say;
        let office = self.decision.office.as_ref().map(self.name).unwrap_or_default();
        match self.decision.basis {
            Basis::Nobody => {
                self.sentence(&[say.nobody, " ", (say.kind)(self.decision.kind)]);
                match &self.decision.weighing {
                    Some(weighing) => self.weighed(weighing),
                    None => self.because(&self.decision.kind_words),
                }
            }
            Basis::History => self.sentence(&[say.history]),
            Basis::OpenInquiry => self.sentence(&[say.to, " ", &office, ": ", say.open_inquiry]),
            Basis::Given => self.sentence(&[say.to, " ", &office, ": ", say.given]),
            Basis::Emergency => {
                self.sentence(&[say.to, " ", &office, ", ", say.receives]);
                if let Some(danger) = &self.decision.danger {
                    self.tell(&[" “", &danger.name, "”"]);
                    self.because(&danger.matches);
                }
            }
            Basis::Owner => self.sentence(&[say.to, " ", &office, " ", say.by_owner]),
            Basis::Learned => self.sentence(&[say.to, " ", &office, " ", say.by_learning]),
            Basis::Mention | Basis::Topics => {
                self.sentence(&[say.to, " ", &office]);
                let matches = self.of_office().map(|score| score.matches.as_slice()).unwrap_or_default();
                if matches.is_empty() {
                    self.tell(&[" ", say.by_mention]);
                }
                self.because(matches);
            }
            Basis::Triage => self.triage(&office),
        }
        self.told.push('.');
    }

    /// What was found, its points, their sum and what would have been enough: `‘mati’ +2,0 (keluhan); jumlah 2,0 …`.
    fn weighed(&mut self, weighing: &Weighing) {
        let say = self.say;
        self.tell(&[". ", if weighing.signs.is_empty() { say.no_signs } else { say.signs }]);
        for (number, sign) in weighing.signs.iter().enumerate() {
            self.told.push_str(if number == 0 { " " } else { ", " });
            self.sign(sign);
        }
        self.tell(&["; ", say.sum, " "]);
        self.points(weighing.sum);
        self.tell(&[" ", say.of_needed, " "]);
        self.points(weighing.threshold);
        self.tell(&[" ", if weighing.direct { say.for_direct } else { say.for_comment }]);
    }

    fn sign(&mut self, sign: &Sign) {
        let says = (self.say.says)(sign.says);
        if sign.phrase.is_empty() {
            self.tell(&[if sign.says == Says::Question { self.say.question_mark } else { says }, " "]);
        } else {
            self.tell(&["‘", &sign.phrase, "’ "]);
        }
        self.told.push_str(if sign.points < 0.0 { "−" } else { "+" });
        self.points(sign.points.abs());
        if !sign.phrase.is_empty() {
            self.tell(&[" (", says, ")"]);
        }
    }

    /// What the citizen can be told about whose business it is.
    fn answer(&mut self) {
        if let Some(tell) = &self.decision.tell {
            self.sentence(&[self.say.answer, " “", tell, "”"]);
        }
    }

    fn triage(&mut self, office: &str) {
        let say = self.say;
        self.sentence(&[say.triage, " ", office, ": "]);
        match (&self.decision.outside, self.decision.doubt) {
            (Some(outside), _) => self.tell(&[say.not_ours, " ", outside]),
            (None, Some(doubt)) => self.tell(&[(say.doubt)(doubt)]),
            (None, None) => self.tell(&[say.undecided]),
        }
        for (number, score) in self.decision.scores.iter().take(CHOICES).enumerate() {
            self.told.push_str(if number == 0 { " (" } else { "; " });
            self.choice(score);
        }
        if !self.decision.scores.is_empty() {
            self.told.push(')');
        }
    }

    /// An office with its points and phrases: `Dinas Sosial 3,0: ‘bansos’ (kuat)`.
    fn choice(&mut self, score: &Score) {
        let who = self.who(score);
        self.tell(&[&who, " "]);
        self.points(score.points);
        if !score.matches.is_empty() {
            self.told.push_str(": ");
            self.phrases(&score.matches);
        }
    }

    /// Whom points belong to. Those that decided for triage are stored with the office that sorts.
    fn who(&self, score: &Score) -> String {
        let sorts = self.decision.needs_triage() && Some(&score.office) == self.decision.office.as_ref();
        match (&self.decision.outside, self.decision.doubt) {
            (Some(outside), _) if sorts => outside.clone(),
            (None, Some(Doubt::NoPlace)) if sorts => self.say.district.to_owned(),
            _ => (self.name)(&score.office),
        }
    }

    fn runner_up(&mut self) {
        if !matches!(self.decision.basis, Basis::Topics | Basis::Mention | Basis::Learned | Basis::Emergency)
        {
            return;
        }
        let second =
            self.decision.scores.iter().find(|score| Some(&score.office) != self.decision.office.as_ref());
        if let Some(second) = second {
            self.sentence(&[self.say.next, " "]);
            self.choice(second);
            self.told.push('.');
        }
    }

    fn owner(&mut self) {
        let settled = matches!(self.decision.basis, Basis::Topics | Basis::Triage | Basis::Mention);
        let owner = self.decision.scores.iter().find(|score| settled && score.owner_points > 0.0);
        if let Some(owner) = owner {
            self.sentence(&[
                self.say.written_at,
                " ",
                &(self.name)(&owner.office),
                " (",
                self.say.added,
                " ",
            ]);
            self.points(owner.owner_points);
            self.told.push_str(").");
        }
    }

    /// What people's decisions on messages like it say: `Keputusan atas pesan serupa (model 3): Dinas Sosial 82 %`.
    fn learned(&mut self) {
        let Some(learned) = &self.decision.learned else { return };
        let say = self.say;
        let needed =
            learned.needed.filter(|_| !self.decision.kind.needs_action() || learned.shares.is_empty());
        if needed.is_none() && learned.shares.is_empty() {
            return;
        }
        self.sentence(&[say.learned, " ", &learned.model.to_string(), "): "]);
        if let Some(needed) = needed {
            self.tell(&[say.needed, " ", &percent(needed)]);
        } else {
            for (number, share) in learned.shares.iter().take(CHOICES).enumerate() {
                let office = OfficeCode::parse(&share.seat).map(|code| (self.name)(&code));
                let who = office.unwrap_or_else(|_| share.seat.clone());
                self.tell(&[if number == 0 { "" } else { ", " }, &who, " ", &percent(share.share)]);
            }
        }
        for (number, word) in learned.words.iter().enumerate() {
            self.tell(&[if number == 0 { say.by_words } else { ", ‘" }, &word.word, "’"]);
        }
        self.told.push('.');
    }

    fn place(&mut self) {
        if let Some(place) = &self.decision.place {
            self.sentence(&[self.say.place, " ", place, "."]);
        }
    }

    /// A phrase that would have spoken for somebody else, had something not covered or excluded it.
    fn not_counted(&mut self) {
        let settled = matches!(self.decision.basis, Basis::Topics | Basis::Triage);
        let other = |office: &OfficeCode| settled && Some(office) != self.decision.office.as_ref();
        if let Some(first) = self.decision.suppressed.iter().find(|suppressed| other(&suppressed.office)) {
            let office = (self.name)(&first.office);
            let say = self.say;
            let words = [
                say.not_counted,
                " ‘",
                &first.phrase,
                "’ ",
                say.of,
                " ",
                &office,
                ", ",
                say.covered,
                " ‘",
                &first.by,
            ];
            self.sentence(&words);
            self.told.push_str("’.");
        }
    }

    fn of_office(&self) -> Option<&'a Score> {
        self.decision.scores.iter().find(|score| Some(&score.office) == self.decision.office.as_ref())
    }

    fn because(&mut self, matches: &[Match]) {
        if !matches.is_empty() {
            self.tell(&[" ", self.say.because, " "]);
            self.phrases(matches);
        }
    }

    fn phrases(&mut self, matches: &[Match]) {
        for (number, found) in matches.iter().take(PHRASES).enumerate() {
            let strength = match found.weight {
                3.0.. => self.say.strong,
                2.0.. => self.say.normal,
                _ => self.say.weak,
            };
            self.tell(&[if number == 0 { "‘" } else { ", ‘" }, &found.phrase, "’ (", strength]);
            if let Some(manner) = (self.say.manner)(found.manner) {
                self.tell(&[", ", manner]);
            }
            self.told.push(')');
        }
    }

    fn points(&mut self, points: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "points are small; a cast of anything else saturates"
        )]
        let tenths = (points * 10.0).round() as i64;
        let sign = if tenths < 0 { "−" } else { "" };
        let (whole, part) = (tenths.abs() / 10, tenths.abs() % 10);
        // Writing into a text cannot fail.
        let _ = write!(self.told, "{sign}{whole}{}{part}", self.say.decimal);
    }

    /// Begins a sentence.
    fn sentence(&mut self, words: &[&str]) {
        if !self.told.is_empty() {
            self.told.push(' ');
        }
        self.tell(words);
    }

    fn tell(&mut self, words: &[&str]) {
        for words in words {
            self.told.push_str(words);
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// What is said, in one language.
struct Phrasing {
    to: &'static str,
    because: &'static str,
    nobody: &'static str,
    signs: &'static str,
    no_signs: &'static str,
    sum: &'static str,
    of_needed: &'static str,
    for_comment: &'static str,
    for_direct: &'static str,
    question_mark: &'static str,
    emergency: &'static str,
    receives: &'static str,
    history: &'static str,
    open_inquiry: &'static str,
    given: &'static str,
    by_owner: &'static str,
    by_mention: &'static str,
    by_learning: &'static str,
    learned: &'static str,
    needed: &'static str,
    by_words: &'static str,
    triage: &'static str,
    not_ours: &'static str,
    answer: &'static str,
    undecided: &'static str,
    next: &'static str,
    written_at: &'static str,
    added: &'static str,
    place: &'static str,
    not_counted: &'static str,
    of: &'static str,
    covered: &'static str,
    district: &'static str,
    strong: &'static str,
    normal: &'static str,
    weak: &'static str,
    decimal: char,
    says: fn(Says) -> &'static str,
    kind: fn(Kind) -> &'static str,
    doubt: fn(Doubt) -> &'static str,
    manner: fn(Manner) -> Option<&'static str>,
}

static INDONESIAN: Phrasing = Phrasing {
    to: "Diteruskan ke",
    because: "karena menyebut",
    nobody: "Tidak perlu ditindaklanjuti: dibaca sebagai",
    signs: "Tandanya:",
    no_signs: "Tidak ada tanda permintaan, masalah, pertanyaan, atau urusan yang dikenali",
    sum: "jumlah",
    of_needed: "dari",
    for_comment: "yang diperlukan sebuah komentar",
    for_direct: "yang diperlukan sebuah pesan langsung",
    question_mark: "tanda tanya",
    emergency: "DARURAT",
    receives: "yang menerima keadaan darurat",
    history: "Ditulis sebelum kanal ini tersambung: hanya sebagai konteks",
    open_inquiry: "lanjutan aduan yang masih terbuka",
    given: "OPD sudah ditetapkan ketika dimasukkan",
    by_owner: "karena ditulis di kanalnya dan tidak ada frasa yang jelas milik OPD lain",
    by_mention: "karena pesan menyebut nama akunnya",
    by_learning: "karena pesan serupa selama ini diputuskan untuknya",
    learned: "Keputusan atas pesan serupa (model",
    needed: "perlu ditindaklanjuti",
    by_words: ", terutama karena ‘",
    triage: "Perlu dipilah oleh",
    not_ours: "tampaknya urusan",
    answer: "Jawaban untuk warga:",
    undecided: "belum jelas",
    next: "Berikutnya:",
    written_at: "Ditulis di kanal",
    added: "tambahan",
    place: "Tempat yang disebut:",
    not_counted: "Tidak dihitung:",
    of: "milik",
    covered: "karena ada",
    district: "kantor kecamatan",
    strong: "kuat",
    normal: "biasa",
    weak: "lemah",
    decimal: ',',
    says: |says| match says {
        Says::Complaint => "keluhan",
        Says::Question => "pertanyaan",
        Says::Aspiration => "usul",
        Says::Place => "tempat yang disebut",
        Says::Subject => "urusan",
        Says::OwnDuty => "urusan pemilik kanal",
        Says::Beside => "urusan beserta masalahnya",
        Says::Talk => "obrolan",
        Says::Thanks => "terima kasih",
        Says::Laughter => "tawa",
    },
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
    signs: "Signs:",
    no_signs: "No sign of a request, a problem, a question or a duty was found",
    sum: "together",
    of_needed: "of the",
    for_comment: "that a comment needs",
    for_direct: "that a direct message needs",
    question_mark: "a question mark",
    emergency: "EMERGENCY",
    receives: "which receives emergencies of the sort",
    history: "Written before the channel was connected: kept as context",
    open_inquiry: "it continues an inquiry that is still open",
    given: "the office was already set when it was brought in",
    by_owner: "because it was written on its channel and no phrase clearly belongs to another office",
    by_mention: "because the message mentions its account",
    by_learning: "because messages like it were decided for it so far",
    learned: "Decisions on messages like it (model",
    needed: "needs somebody",
    by_words: ", most of all because of ‘",
    triage: "To be sorted by",
    not_ours: "it seems to concern",
    answer: "To tell the citizen:",
    undecided: "it is not clear",
    next: "Next:",
    written_at: "Written on the channel of",
    added: "adds",
    place: "Place named:",
    not_counted: "Not counted:",
    of: "of",
    covered: "because of",
    district: "a district office",
    strong: "strong",
    normal: "normal",
    weak: "weak",
    decimal: '.',
    says: |says| match says {
        Says::Complaint => "complaint",
        Says::Question => "question",
        Says::Aspiration => "wish",
        Says::Place => "a place that is named",
        Says::Subject => "duty",
        Says::OwnDuty => "a duty of the channel's owner",
        Says::Beside => "what is wrong, beside whose it is",
        Says::Talk => "talk",
        Says::Thanks => "thanks",
        Says::Laughter => "laughter",
    },
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
