//! The writer's own words, without what a mail program put around them.

/// Leaves out quoted mails and the signature; gives the whole text when nothing would be left.
///
/// What is forwarded stays: in a forwarded complaint it is the complaint. Indonesian and English mail programs are
/// understood.
///
/// ```
/// let mail = "Sudah dua hari.\n\nPada Sel, 24 Nov 2026 pukul 10.00 Dinas PUPR menulis:\n> Sejak kapan?\n";
/// assert_eq!(sahut_mail::without_quotes(mail), "Sudah dua hari.");
/// ```
pub fn without_quotes(text: &str) -> String {
    let own = own_words(text);
    if own.is_empty() { text.trim().to_owned() } else { own }
}

/// Leaves out quoted mails and the signature, also when nothing is left then.
///
/// ```
/// assert_eq!(sahut_mail::own_words("Pada Sel, 24 Nov 2026 pukul 10.00 Sahut menulis:\n> Sejak kapan?\n"), "");
/// ```
pub fn own_words(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut own: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if line.trim_end() == "--" || ends_the_words(&lines, at) {
            break;
        }
        match attribution(&lines, at) {
            // Without marks nobody can tell where the quote ends: it is taken to be the rest.
            Some(next) if !quote_follows(&lines, next) => break,
            Some(next) => at = next,
            None => {
                if !is_quoted(line) && !is_device(line) {
                    own.push(line);
                }
                at += 1;
            }
        }
    }
    // The rule that some programs draw above a quote.
    while own.last().is_some_and(|line| is_rule(line) || line.trim().is_empty()) {
        own.pop();
    }
    own.join("\n").trim().to_owned()
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

/// "Sent from my iPhone": written by the device, sometimes with a link behind or in brackets.
fn is_device(line: &str) -> bool {
    const STARTS: [&str; 6] = [
        "sent from my ",
        "sent from ",
        "dikirim dari ",
        "dikirim melalui ",
        "get outlook for ",
        "dapatkan outlook untuk ",
    ];
    /// What devices and programs are called: a person may begin a sentence with "Dikirim dari" as well.
    const NAMES: [&str; 14] = [
        "iphone",
        "ipad",
        "outlook",
        "yahoo",
        "gmail",
        "samsung",
        "galaxy",
        "android",
        "windows",
        "xiaomi",
        "oppo",
        "perangkat",
        "k-9",
        "mail",
    ];
    let line = line.trim().trim_start_matches(['<', '[', '*', '_']).to_lowercase();
    let begins = STARTS.iter().any(|start| line.starts_with(start));
    let named = line.starts_with("sent from my ") || NAMES.iter().any(|name| line.contains(name));
    // Links make the line longer.
    let words = line.split(['<', '(']).next().unwrap_or_default();
    begins && named && words.len() < 80
}

/// "On ..., somebody wrote:" beginning at a line, over at most four lines: the line after it.
fn attribution(lines: &[&str], at: usize) -> Option<usize> {
    const STARTS: [&str; 5] = ["on ", "pada ", "am ", "tanggal ", "tgl "];
    const ENDS: [&str; 3] = ["wrote:", "menulis:", "schrieb:"];
    let first = bare(lines.get(at)?);
    let is_start = STARTS.iter().any(|start| first.starts_with(start));
    // "Admin PUPR <admin@...> menulis:" on a line of its own.
    let is_whole = first.contains('@') && ENDS.iter().any(|end| first.ends_with(end));
    if !is_start && !is_whole {
        return None;
    }
    let mut has_digit = false;
    for (offset, line) in lines.get(at..)?.iter().take(4).enumerate() {
        let line = bare(line);
        if (line.is_empty() && offset > 0) || is_quoted(&line) {
            return None;
        }
        has_digit |= line.contains(|c: char| c.is_ascii_digit());
        if ENDS.iter().any(|end| line.ends_with(end)) {
            return (has_digit || is_whole).then_some(at + offset + 1);
        }
    }
    None
}

/// A line as programs mean it: without the marks of bold type, in lower case.
fn bare(line: &str) -> String {
    line.replace('*', "").trim().to_lowercase()
}

/// A line that is nothing but a stroke.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 5 && line.chars().all(|c| matches!(c, '_' | '-' | '=' | '―' | '—'))
}

fn quote_follows(lines: &[&str], at: usize) -> bool {
    lines.iter().skip(at).find(|line| !line.trim().is_empty()).is_some_and(|line| is_quoted(line))
}

/// "-----Original Message-----", or the block of headers that Outlook and others put above a quote.
fn ends_the_words(lines: &[&str], at: usize) -> bool {
    const FROM: [&str; 2] = ["from:", "dari:"];
    const OTHERS: [&str; 12] = [
        "sent:",
        "dikirim:",
        "terkirim:",
        "date:",
        "tanggal:",
        "to:",
        "kepada:",
        "untuk:",
        "ke:",
        "subject:",
        "subjek:",
        "perihal:",
    ];
    let begins = |line: &str, names: &[&str]| names.iter().any(|name| line.starts_with(name));
    let line = bare(lines.get(at).copied().unwrap_or_default());
    let ruled = line.starts_with("---")
        && ["original message", "pesan asli", "pesan sebelumnya"].iter().any(|words| line.contains(words));
    if ruled || !begins(&line, &FROM) || is_forwarded(lines, at) {
        return ruled;
    }
    // Blank lines stand between the headers where each was a paragraph.
    let below = lines.iter().skip(at + 1).map(|line| bare(line)).filter(|line| !line.is_empty());
    below.take(3).filter(|line| begins(line, &OTHERS)).count() >= 2
}

/// Whether what begins at a line is a mail that the writer passes on.
fn is_forwarded(lines: &[&str], at: usize) -> bool {
    let above = lines.iter().take(at).rev().map(|line| bare(line)).find(|line| !line.is_empty());
    above.is_some_and(|line| {
        ["forwarded message", "pesan terusan", "pesan yang diteruskan"]
            .iter()
            .any(|words| line.contains(words))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{own_words, without_quotes};

    #[test]
    fn quotes_go_and_words_stay() {
        for (mail, own) in [
            (
                "Terima kasih.\n\nOn Tue, Nov 24, 2026 at 9:00 AM Dinkes <a@b.id>\nwrote:\n\n> Sudah kami cek.\n",
                "Terima kasih.",
            ),
            ("> Sejak kapan?\n\nSejak Senin.\n\n> Di mana?\nDi pasar.\n", "Sejak Senin.\n\nDi pasar."),
            ("Belum.\n\n-----Original Message-----\nFrom: Dinkes\nSudah?\n", "Belum."),
            ("Belum.\n\n-----Pesan Asli-----\nDari: Dinkes\n", "Belum."),
            (
                "Belum juga.\n\nDari: Dinas PUPR <a@b.id>\nDikirim: 24 November 2026 10.00\nKepada: Warga\nPerihal: Re\n\nSudah?\n",
                "Belum juga.",
            ),
            ("Lampu mati.\n-- \nWarga RT 02\n", "Lampu mati."),
            ("Lampu mati.\n\nDikirim dari iPhone saya\n", "Lampu mati."),
            (
                "Pada Selasa 24 November Admin menulis:\nSudah kami cek\n",
                "Pada Selasa 24 November Admin menulis:\nSudah kami cek",
            ),
            (
                "Pada hari Senin jalan di depan sekolah rusak.\n",
                "Pada hari Senin jalan di depan sekolah rusak.",
            ),
            ("Dari: pasar\nAir mati.", "Dari: pasar\nAir mati."),
            (
                "Dikirim dari kantor pos kemarin, sudah kami terima.",
                "Dikirim dari kantor pos kemarin, sudah kami terima.",
            ),
            (
                "Sudah diperbaiki.\n\n________________________________\nDari: Sahut <s@b.id>\nDikirim: Kamis, 26 November 2026 10.00\nKepada: Admin\n\nSiapa?",
                "Sudah diperbaiki.",
            ),
            ("Sudah.\n\n*From:* Sahut <s@b.id>\n*Sent:* Thursday\n*To:* Admin\n\nSiapa?", "Sudah."),
            ("Sudah.\n\nAdmin PUPR <a@b.id> menulis:\n\nSiapa?", "Sudah."),
            ("Satu.\n-----\nDua.", "Satu.\n-----\nDua."),
        ] {
            assert_eq!(without_quotes(mail), own);
        }
    }

    #[test]
    fn nothing_is_left_where_nothing_was_written() {
        for mail in [
            "\n\nDikirim dari iPhone saya\n\n> Halo\n",
            "Pada Kam, 26 Nov 2026 pukul 10.00 Sahut <s@b.id> menulis:\n> Halo\n",
            "-- \nAdmin Dinkes",
            "",
        ] {
            assert_eq!(own_words(mail), "", "{mail}");
        }
    }

    #[test]
    fn a_forwarded_complaint_stays() {
        let mail = "Mohon ditindaklanjuti.\n\n---------- Forwarded message ---------\nDari: Warga <w@b.id>\nDate: Sel\nSubject: Air\nTo: Dinkes\n\nAir mati.";
        assert_eq!(without_quotes(mail), mail);
    }

    proptest! {
        #[test]
        fn nothing_is_invented_and_nothing_vanishes_whole(text in "([> -]{0,2}[a-zA-Z: ]{0,12}(menulis:|wrote:)?\n){0,12}") {
            let own = without_quotes(&text);
            prop_assert_eq!(own.is_empty(), text.trim().is_empty());
            let mut lines = text.lines().map(str::trim);
            for line in own.lines().map(str::trim) {
                prop_assert!(lines.any(|original| original == line), "{:?} is not in {:?}", line, text);
            }
        }

        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            without_quotes(&text);
        }

        #[test]
        fn what_is_quoted_is_never_ones_own(quote in "[a-z ]{1,40}", own in "[a-z]{1,10}") {
            let mail = format!("{own}\n\nPada Kam, 26 Nov 2026 pukul 10.00 Sahut <s@b.id> menulis:\n> {quote}\n");
            prop_assert_eq!(own_words(&mail), own);
        }
    }
}
