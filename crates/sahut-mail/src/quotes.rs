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
    let own = own.join("\n");
    let own = own.trim();
    if own.is_empty() { text.trim().to_owned() } else { own.to_owned() }
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

/// "Sent from my iPhone": written by the device.
fn is_device(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    line.len() < 80
        && ["sent from my ", "dikirim dari ", "get outlook for "].iter().any(|start| line.starts_with(start))
}

/// "On ..., somebody wrote:" beginning at a line, over at most three lines: the line after it.
fn attribution(lines: &[&str], at: usize) -> Option<usize> {
    let first = lines.get(at)?.trim_start().to_lowercase();
    if !["on ", "pada ", "am ", "tanggal "].iter().any(|start| first.starts_with(start)) {
        return None;
    }
    for (offset, line) in lines.get(at..)?.iter().take(3).enumerate() {
        let line = line.trim_end().to_lowercase();
        if line.ends_with("wrote:") || line.ends_with("menulis:") {
            return Some(at + offset + 1);
        }
        if line.is_empty() || is_quoted(&line) {
            return None;
        }
    }
    None
}

fn quote_follows(lines: &[&str], at: usize) -> bool {
    lines.iter().skip(at).find(|line| !line.trim().is_empty()).is_some_and(|line| is_quoted(line))
}

/// "-----Original Message-----", or the block of headers that Outlook puts above a quote.
fn ends_the_words(lines: &[&str], at: usize) -> bool {
    let lower =
        |offset: usize| lines.get(at + offset).map(|line| line.trim().to_lowercase()).unwrap_or_default();
    let line = lower(0);
    let ruled = line.starts_with("---")
        && ["original message", "pesan asli"].iter().any(|words| line.contains(words));
    let from = ["from:", "dari:"].iter().any(|start| line.starts_with(start));
    let sent = (1..4)
        .map(lower)
        .any(|line| ["sent:", "dikirim:", "terkirim:"].iter().any(|start| line.starts_with(start)));
    ruled || (from && sent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::without_quotes;

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
        ] {
            assert_eq!(without_quotes(mail), own);
        }
    }

    #[test]
    fn a_forwarded_complaint_stays() {
        let mail = "Mohon ditindaklanjuti.\n\n---------- Forwarded message ---------\nDari: Warga <w@b.id>\nDate: Sel\n\nAir mati.";
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
    }
}
