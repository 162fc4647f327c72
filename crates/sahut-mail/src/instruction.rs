//! What an office wants with a mail: to answer the citizen, or one of the commands that stand in the first line.
//!
//! A command begins with `#`; its words are Indonesian, as in every mail that tells of them. What is no command is an
//! answer.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    /// Answer the citizen.
    Answer(String),
    /// `#tanya …`: ask the citizen for something that is needed.
    Question(String),
    /// `#kabar …`: tell the citizen how the work goes.
    Progress(String),
    /// `#bukan OPD alasan`: it is another office's.
    NotOurs {
        /// The office as it was written: its code, or what people call it.
        office: String,
        /// Why; perhaps empty.
        reason: String,
    },
    /// `#catatan …`: keep a note that the citizen does not see.
    Note(String),
    /// `#selesai`: the matter is settled.
    Settled,
    /// `#sedang sampai HARI …`: it is in hand, and the answer comes by the end of that day.
    InHand {
        /// The day.
        until: Date,
        /// What is said with it; perhaps empty.
        note: String,
    },
    /// `#tambah N hari alasan`: more time is needed.
    MoreTime {
        /// Working days.
        days: u32,
        /// Why.
        reason: String,
    },
    /// `#setuju`: the proposed answer may leave.
    Approve,
    /// `#tolak alasan`: it may not.
    Refuse {
        /// Why; perhaps empty.
        reason: String,
    },
}

/// Why a mail says nothing that could be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misread {
    /// There are no words.
    Empty,
    /// There is no such command.
    Unknown(String),
    /// The command lacks something, or says something that it has no use for.
    Incomplete(&'static str),
    /// The command stands in a later line, where nobody can tell what is meant for whom.
    Misplaced(&'static str),
}

/// Every command there is.
const COMMANDS: [&str; 9] =
    ["#tanya", "#kabar", "#catatan", "#bukan", "#selesai", "#sedang", "#tambah", "#setuju", "#tolak"];

/// Most working days that can be asked for at once.
const DAYS_MOST: u32 = 60;

/// Reads the writer's own words, on a day: `#sedang sampai Kamis` means the next Thursday.
///
/// ```
/// use jiff::civil::date;
/// use sahut_mail::{Instruction, instruction};
/// let today = date(2026, 11, 24);
/// assert_eq!(instruction("Sudah diperbaiki.", today), Ok(Instruction::Answer("Sudah diperbaiki.".to_owned())));
/// let said = instruction("#sedang sampai Kamis tim sudah di lokasi", today);
/// let note = "tim sudah di lokasi".to_owned();
/// assert_eq!(said, Ok(Instruction::InHand { until: date(2026, 11, 26), note }));
/// ```
///
/// # Errors
/// The words are empty, or begin with a command that there is not, or that lacks something.
pub fn instruction(words: &str, today: Date) -> Result<Instruction, Misread> {
    let words = words.trim_matches(is_blank);
    if words.is_empty() {
        return Err(Misread::Empty);
    }
    // What is meant for colleagues must never go out with an answer.
    if let Some(later) = words.lines().skip(1).find_map(known_command) {
        return Err(Misread::Misplaced(later));
    }
    let Some(command) = begun(words) else { return Ok(Instruction::Answer(words.to_owned())) };
    let (name, rest) = first_word(command);
    let name = name_of(name);
    let rest = rest.to_owned();
    let said = |name: &'static str, rest: String| {
        if rest.is_empty() { Err(Misread::Incomplete(name)) } else { Ok(rest) }
    };
    match name.as_str() {
        "tanya" => said("#tanya", rest).map(Instruction::Question),
        "kabar" => said("#kabar", rest).map(Instruction::Progress),
        "catatan" => said("#catatan", rest).map(Instruction::Note),
        "bukan" => {
            let (office, reason) = first_word(&rest);
            let office = said("#bukan", office.trim_matches([',', ':', '.']).to_owned())?;
            Ok(Instruction::NotOurs { office, reason: reason.to_owned() })
        }
        // What is said with it would reach nobody.
        "selesai" if rest.is_empty() => Ok(Instruction::Settled),
        "selesai" => Err(Misread::Incomplete("#selesai")),
        "sedang" => in_hand(&rest, today).ok_or(Misread::Incomplete("#sedang")),
        "tambah" => more_time(&rest).ok_or(Misread::Incomplete("#tambah")),
        "setuju" if rest.is_empty() => Ok(Instruction::Approve),
        "setuju" => Err(Misread::Incomplete("#setuju")),
        "tolak" => Ok(Instruction::Refuse { reason: rest }),
        _ => Err(Misread::Unknown(format!("#{}", name.chars().take(30).collect::<String>()))),
    }
}

/// What is left of a line that begins with a command, behind its `#`: mail programs put invisible marks before it, and what
/// they make bold or italic stands between `*` and `_` in plain text.
fn begun(line: &str) -> Option<&str> {
    line.trim_start_matches(|c| is_blank(c) || is_emphasis(c)).strip_prefix('#')
}

/// The command that a line begins with, where there is such a command.
fn known_command(line: &str) -> Option<&'static str> {
    let name = name_of(first_word(begun(line)?).0);
    COMMANDS.into_iter().find(|known| known.strip_prefix('#') == Some(name.as_str()))
}

/// A command's name as it is compared. A colon behind it is a habit that hurts nobody.
fn name_of(word: &str) -> String {
    let end = |c| is_emphasis(c) || is_blank(c) || matches!(c, ':' | '.' | ',');
    word.trim_end_matches(end).to_lowercase()
}

/// White space, a byte order mark, or a space without width.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}')
}

const fn is_emphasis(c: char) -> bool {
    matches!(c, '*' | '_')
}

/// The first word and what follows, both without white space around them.
fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

fn in_hand(rest: &str, today: Date) -> Option<Instruction> {
    let (until, rest) = first_word(rest);
    if !["sampai", "hingga", "s/d", "s.d."].contains(&until.to_lowercase().as_str()) {
        return None;
    }
    let (until, note) = day(rest, today)?;
    Some(Instruction::InHand { until, note: note.to_owned() })
}

fn more_time(rest: &str) -> Option<Instruction> {
    let (days, rest) = first_word(rest);
    let days: u32 = days.parse().ok().filter(|days| (1..=DAYS_MOST).contains(days))?;
    let (unit, reason) = first_word(rest);
    if !unit.eq_ignore_ascii_case("hari") || reason.is_empty() {
        return None;
    }
    // "3 hari kerja karena …"
    let (word, after) = first_word(reason);
    let reason = if word.eq_ignore_ascii_case("kerja") { after } else { reason };
    (!reason.is_empty()).then(|| Instruction::MoreTime { days, reason: reason.to_owned() })
}

/// A day at the beginning of a text, and what follows: `besok`, `Kamis`, `26/11`, `26/11/2026`, `26 Nov`,
/// `26 November 2026`. Without a year it is the next one that comes.
fn day(text: &str, today: Date) -> Option<(Date, &str)> {
    let (word, rest) = first_word(text);
    let word = word.trim_end_matches([',', '.', ':', ';']).to_lowercase();
    match word.as_str() {
        "hari" => {
            // "hari ini", "hari Kamis".
            let (next, after) = first_word(rest);
            return if next.trim_end_matches([',', '.']).eq_ignore_ascii_case("ini") {
                Some((today, after))
            } else {
                day(rest, today)
            };
        }
        "besok" => return Some((today.checked_add(1.day()).ok()?, rest)),
        "lusa" => return Some((today.checked_add(2.days()).ok()?, rest)),
        _ => {}
    }
    if let Some(weekday) = weekday(&word) {
        return Some((today.nth_weekday(1, weekday).ok()?, rest));
    }
    if let Some(found) = numeric(&word, today) {
        return Some((found, rest));
    }
    let number: i8 = word.parse().ok()?;
    let (name, rest) = first_word(rest);
    let month = month(&name.trim_end_matches([',', '.']).to_lowercase())?;
    let (year, after) = first_word(rest);
    match year
        .trim_end_matches([',', '.', ';'])
        .parse::<i16>()
        .ok()
        .filter(|year| (2000..3000).contains(year))
    {
        Some(year) => Some((Date::new(year, month, number).ok()?, after)),
        None => Some((coming(month, number, today)?, rest)),
    }
}

/// `26/11`, `26-11`, `26/11/26`, `26/11/2026`.
fn numeric(word: &str, today: Date) -> Option<Date> {
    let parts: Vec<&str> = word.split(['/', '-', '.']).collect();
    match parts.as_slice() {
        [day, month] => coming(month.parse().ok()?, day.parse().ok()?, today),
        [day, month, year] => {
            let year: i16 = year.parse().ok()?;
            let year = if (0..100).contains(&year) { 2000 + year } else { year };
            Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
        }
        _ => None,
    }
}

/// The next such day from today on.
fn coming(month: i8, day: i8, today: Date) -> Option<Date> {
    let this_year = Date::new(today.year(), month, day).ok();
    match this_year {
        Some(found) if found >= today => Some(found),
        _ => Date::new(today.year().checked_add(1)?, month, day).ok(),
    }
}

fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "senin" | "sen" => Weekday::Monday,
        "selasa" | "sel" => Weekday::Tuesday,
        "rabu" | "rab" => Weekday::Wednesday,
        "kamis" | "kam" => Weekday::Thursday,
        "jumat" | "jum'at" | "jum" => Weekday::Friday,
        "sabtu" | "sab" => Weekday::Saturday,
        "minggu" | "ahad" | "min" => Weekday::Sunday,
        _ => return None,
    })
}

fn month(word: &str) -> Option<i8> {
    const NAMES: [&[&str]; 12] = [
        &["januari", "jan"],
        &["februari", "pebruari", "feb", "peb"],
        &["maret", "mar"],
        &["april", "apr"],
        &["mei"],
        &["juni", "jun"],
        &["juli", "jul"],
        &["agustus", "agu", "agt", "ags"],
        &["september", "sep", "sept"],
        &["oktober", "okt"],
        &["november", "nopember", "nov", "nop"],
        &["desember", "des"],
    ];
    let at = NAMES.iter().position(|names| names.contains(&word))?;
    i8::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use jiff::civil::date;

    use super::*;

    const TUESDAY: Date = date(2026, 11, 24);

    fn read(words: &str) -> Result<Instruction, Misread> {
        instruction(words, TUESDAY)
    }

    fn until(words: &str) -> Option<Date> {
        match read(&format!("#sedang sampai {words}")) {
            Ok(Instruction::InHand { until, .. }) => Some(until),
            _ => None,
        }
    }

    #[test]
    fn every_command_is_understood() {
        let own = ToOwned::to_owned;
        for (words, meant) in [
            ("Sudah #selesai kami perbaiki.", Instruction::Answer(own("Sudah #selesai kami perbaiki."))),
            ("#tanya Di RT berapa?", Instruction::Question(own("Di RT berapa?"))),
            (
                "#KABAR: tim berangkat.\nBesok selesai.",
                Instruction::Progress(own("tim berangkat.\nBesok selesai.")),
            ),
            ("#catatan sudah ditelepon", Instruction::Note(own("sudah ditelepon"))),
            ("  #selesai \n", Instruction::Settled),
            ("#setuju", Instruction::Approve),
            ("#tolak kurang sopan", Instruction::Refuse { reason: own("kurang sopan") }),
            (
                "#bukan puprhub jalan provinsi\ndi Topos",
                Instruction::NotOurs { office: own("puprhub"), reason: own("jalan provinsi\ndi Topos") },
            ),
            ("#bukan dinkes", Instruction::NotOurs { office: own("dinkes"), reason: String::new() }),
            (
                "#tambah 3 hari kerja menunggu alat",
                Instruction::MoreTime { days: 3, reason: own("menunggu alat") },
            ),
        ] {
            assert_eq!(read(words), Ok(meant), "{words}");
        }
    }

    #[test]
    fn what_lacks_something_is_said_to() {
        for words in [
            "#tanya",
            "#bukan",
            "#sedang",
            "#sedang besok",
            "#sedang sampai nanti",
            "#sedang sampai 32/13",
            "#tambah",
            "#tambah 3 hari",
            "#tambah tiga hari alat",
            "#tambah 999 hari alat",
            "#tambah 3 jam alat",
            "#selesai sudah diperbaiki",
            "#setuju dengan catatan",
            "#tambah 3 hari kerja",
        ] {
            assert!(matches!(read(words), Err(Misread::Incomplete(_))), "{words}");
        }
        assert_eq!(read("#terima kasih"), Err(Misread::Unknown("#terima".to_owned())));
        assert_eq!(read("# catatan"), read("#catatan"));
        assert_eq!(read(" \n "), Err(Misread::Empty));
    }

    #[test]
    fn a_command_is_found_behind_what_mail_programs_put_before_it() {
        for words in [
            "\u{feff}#catatan rahasia",
            "\u{200b} #catatan rahasia",
            "*#catatan* rahasia",
            "_#catatan:_ rahasia",
        ] {
            assert_eq!(read(words), Ok(Instruction::Note("rahasia".to_owned())), "{words}");
        }
    }

    #[test]
    fn a_command_in_a_later_line_is_never_published() {
        for words in [
            "Yth. warga,\n#catatan rahasia",
            "Baik.\n\n *#Catatan:* rahasia",
            "#kabar maju\n\u{feff}#catatan x",
        ] {
            assert_eq!(read(words), Err(Misread::Misplaced("#catatan")), "{words}");
        }
        assert!(read("Baik.\n#Lebong bisa").is_ok(), "other tags are words");
    }

    #[test]
    fn days_are_read_as_people_write_them() {
        for (words, day) in [
            ("hari ini", date(2026, 11, 24)),
            ("besok", date(2026, 11, 25)),
            ("lusa.", date(2026, 11, 26)),
            ("Kamis", date(2026, 11, 26)),
            ("hari Kamis", date(2026, 11, 26)),
            ("Selasa", date(2026, 12, 1)),
            ("26/11", date(2026, 11, 26)),
            ("1/2", date(2027, 2, 1)),
            ("26-11-2026", date(2026, 11, 26)),
            ("5/1/27", date(2027, 1, 5)),
            ("26 Nov", date(2026, 11, 26)),
            ("26 Nopember 2026, alat tiba", date(2026, 11, 26)),
            ("3 Januari", date(2027, 1, 3)),
        ] {
            assert_eq!(until(words), Some(day), "{words}");
        }
        let Ok(Instruction::InHand { note, .. }) = read("#sedang sampai 26 Nov 10 orang bekerja") else {
            panic!()
        };
        assert_eq!(note, "10 orang bekerja");
    }

    proptest! {
        #[test]
        fn any_words_are_survived(words in any::<String>(), command in "#[a-z]{0,8} ?[a-z0-9/ -]{0,20}") {
            let _ = read(&words);
            let _ = read(&command);
        }

        #[test]
        fn what_is_no_command_is_an_answer_as_it_stands(words in "[A-Za-z][^#]{0,40}") {
            prop_assert_eq!(read(&words), Ok(Instruction::Answer(words.trim_matches(is_blank).to_owned())));
        }

        #[test]
        fn a_named_day_is_never_past(words in "(senin|selasa|rabu|kamis|jumat|sabtu|minggu|[0-9]{1,2}/[0-9]{1,2}|[0-9]{1,2} (jan|mei|des))") {
            if let Some(day) = until(&words) {
                prop_assert!(day >= TUESDAY);
            }
        }
    }
}
