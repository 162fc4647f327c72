//! What a character outside ASCII stands for, seen the way a reader sees it.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};
use unicode_security::confusable_detection::skeleton;

/// What became of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folded {
    /// It stands for the letters or digits that were pushed.
    Letters,
    /// It is not seen: a zero-width character, a direction mark, a combining mark.
    Invisible,
    /// It stands between words: punctuation, a symbol, an emoji.
    Break,
}

/// Pushes the lower-case letters that a character stands for: without diacritics, without style (bold, full-width,
/// circled), and with look-alikes of other scripts (the Cyrillic `а`) turned into the Latin letter they imitate.
pub(crate) fn fold(c: char, out: &mut String) -> Folded {
    if is_invisible(c) {
        return Folded::Invisible;
    }
    if let Some(letter) = boxed(c) {
        out.push(letter);
        return Folded::Letters;
    }
    let mut folded = Folded::Break;
    decompose_compatible(c, |part| match fold_part(part, out) {
        Folded::Letters => folded = Folded::Letters,
        Folded::Invisible if folded == Folded::Break => folded = Folded::Invisible,
        Folded::Invisible | Folded::Break => {}
    });
    folded
}

fn fold_part(part: char, out: &mut String) -> Folded {
    if part.is_ascii_alphanumeric() {
        out.push(part.to_ascii_lowercase());
        Folded::Letters
    } else if is_combining_mark(part) {
        Folded::Invisible
    } else if !part.is_alphanumeric() {
        Folded::Break
    } else {
        if let Some(letter) = look_alike(part) {
            out.push(letter);
        } else {
            let small = part.to_lowercase().filter(|c| !is_combining_mark(*c));
            out.extend(small.map(|c| look_alike(c).unwrap_or(c)));
        }
        Folded::Letters
    }
}

/// The Latin letter that a letter of another script is drawn like. Scripts that are not drawn like Latin are left alone.
fn look_alike(c: char) -> Option<char> {
    if matches!(c, '\u{590}'..='\u{109F}' | '\u{2E80}'..='\u{A63F}') {
        return None;
    }
    if let Some(letter) = small_capital(c) {
        return Some(letter);
    }
    let mut buffer = [0; 4];
    let mut parts = skeleton(c.encode_utf8(&mut buffer));
    let first = parts.next()?;
    (first.is_ascii_alphanumeric() && parts.next().is_none()).then(|| first.to_ascii_lowercase())
}

/// Small capitals, which the table of look-alikes lists only in part.
fn small_capital(c: char) -> Option<char> {
    Some(match c {
        'ᴀ' => 'a',
        'ʙ' => 'b',
        'ᴄ' => 'c',
        'ᴅ' => 'd',
        'ᴇ' => 'e',
        'ꜰ' => 'f',
        'ɢ' => 'g',
        'ʜ' => 'h',
        'ɪ' => 'i',
        'ᴊ' => 'j',
        'ᴋ' => 'k',
        'ʟ' => 'l',
        'ᴍ' => 'm',
        'ɴ' => 'n',
        'ᴏ' => 'o',
        'ᴘ' => 'p',
        'ʀ' => 'r',
        'ꜱ' => 's',
        'ᴛ' => 't',
        'ᴜ' => 'u',
        'ᴠ' => 'v',
        'ᴡ' => 'w',
        'ʏ' => 'y',
        'ᴢ' => 'z',
        _ => return None,
    })
}

/// Letters in boxes, discs and flags, which have no decomposition.
fn boxed(c: char) -> Option<char> {
    let first = match c {
        '\u{1F150}'..='\u{1F169}' => 0x1F150,
        '\u{1F170}'..='\u{1F189}' => 0x1F170,
        '\u{1F1E6}'..='\u{1F1FF}' => 0x1F1E6,
        _ => return None,
    };
    u8::try_from(u32::from(c) - first).ok().map(|nth| char::from(b'a' + nth))
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}')
        || is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let mut out = String::new();
        for c in text.chars() {
            if fold(c, &mut out) == Folded::Break {
                out.push('_');
            }
        }
        out
    }

    #[test]
    fn letters_are_read_as_they_look() {
        for (written, seen) in [
            ("dalên", "dalen"),
            ("ＳＬＯＴ", "slot"),
            ("𝐆𝐀𝐂𝐎𝐑", "gacor"),
            ("𝓶𝓪𝔁𝔀𝓲𝓷", "maxwin"),
            ("ѕlоt", "slot"),
            ("ɢᴀᴄᴏʀ", "gacor"),
            ("🅂🄻🄾🅃", "slot"),
            ("🅶🅰🅲🅾🆁", "gacor"),
            ("Ⓢⓛⓞⓣ", "slot"),
            ("s\u{200b}l\u{2060}o\u{ad}t", "slot"),
            ("j̷a̴l̵a̶n̸", "jalan"),
            ("👍—…", "___"),
        ] {
            assert_eq!(folded(written), seen, "{written}");
        }
    }

    #[test]
    fn other_scripts_stay_what_they_are() {
        assert_eq!(folded("السلام"), "السلام");
        assert_eq!(folded("道路"), "道路");
    }
}
