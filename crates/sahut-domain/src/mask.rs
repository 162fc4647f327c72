//! Masking what identifies a person before a text leaves in a mail or a log.

/// Digits in a national identity number (NIK).
const NIK_DIGITS: usize = 16;

/// Longest address of mail, RFC 5321 section 4.5.3.1.3; looking no further keeps the work in step with the text.
const ADDRESS_BYTES: usize = 254;

/// Replaces identity numbers, telephone numbers and mail addresses by dots, leaving enough to recognise one's own.
///
/// ```
/// use sahut_domain::mask::mask;
/// assert_eq!(mask("NIK 1707012345678901, hp 0812-3456-7890"), "NIK 17••••••••••••01, hp 08••••••••••90");
/// assert_eq!(mask("hubungi budi@contoh.id"), "hubungi b•••@•••");
/// ```
pub fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some((length, masked)) = number(rest).or_else(|| address(rest)) {
            out.push_str(&masked);
            rest = &rest[length..];
            continue;
        }
        // Whole words are passed over at once, so that a match can only begin where a word begins.
        let length =
            if is_word(first) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '+' | '@')
}

/// A number at the start of the text that is long enough to identify somebody: its length in bytes, and its mask.
fn number(text: &str) -> Option<(usize, String)> {
    let mut digits = 0;
    let mut end = 0;
    for (at, c) in text.char_indices() {
        match c {
            '0'..='9' => {
                digits += 1;
                end = at + 1;
            }
            '+' if at == 0 => {}
            ' ' | '-' | '.' if digits > 0 && at == end => {}
            _ => break,
        }
    }
    let number = &text[..end];
    let telephone = ["08", "62", "+62", "07", "02"].iter().any(|start| number.starts_with(start));
    if !(digits >= NIK_DIGITS || (telephone && (9..=15).contains(&digits))) {
        return None;
    }
    let plain: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    let dots = "•".repeat(number.chars().count().max(4) - 4);
    let (head, tail) = (&plain[..2], &plain[plain.len() - 2..]);
    Some((end, head.iter().collect::<String>() + &dots + &tail.iter().collect::<String>()))
}

/// A mail address at the start of the text: its length in bytes, and its mask.
fn address(text: &str) -> Option<(usize, String)> {
    let outside = |&(at, c): &(usize, char)| at >= ADDRESS_BYTES || !(is_word(c) || c == '-');
    let end = text.char_indices().find(outside).map_or(text.len(), |(at, _)| at);
    let (local, domain) = text[..end].split_once('@')?;
    let domain = domain.trim_end_matches('.');
    let first = local.chars().next()?;
    domain.contains('.').then(|| (local.len() + 1 + domain.len(), format!("{first}•••@•••")))
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn ordinary_numbers_stay() {
        for text in ["RT 02 RW 05", "tahun 2026", "Rp 1.500.000", "jam 07.30 - 16.00", "100000000 rupiah"] {
            assert_eq!(mask(text), text);
        }
    }

    #[test]
    fn persons_are_not_recognisable() {
        for (text, secret) in [
            ("wa saya +62 812 3456 7890 ya", "3456"),
            ("NIK:1707012345678901", "0123456789"),
            ("no KK 1707 0123 4567 8901", "0123"),
            ("surel ke siti.aminah@contoh.co.id.", "aminah"),
        ] {
            let masked = mask(text);
            assert!(!masked.contains(secret), "{masked}");
        }
    }

    #[test]
    fn a_long_word_with_many_beginnings_takes_no_longer_than_others() {
        let words = "a-".repeat(20_000);
        assert_eq!(mask(&words), words);
    }

    #[test]
    fn any_text_is_survived() {
        for text in ["", "@", "+", "a@", "@b.c", "😀@😀.😀", "++62", "•"] {
            mask(text);
        }
    }
}
