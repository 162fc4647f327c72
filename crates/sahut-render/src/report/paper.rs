//! Sheets of A4 and a pen: words are measured, set and broken into lines; when a sheet is full, the next one begins.

use pdf_writer::{Content, Name, Pdf, Rect, Ref, Str, TextStr};

/// A4 and its margins, in points.
const SHEET: (f32, f32) = (595.0, 842.0);
pub(super) const LEFT: f32 = 42.0;
pub(super) const WIDTH: f32 = 511.0;
const TOP: f32 = 800.0;
const BOTTOM: f32 = 52.0;

/// The two faces. Every reader of PDF has them, so no font is carried along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    Plain,
    Bold,
}

/// Sheets that are written on.
pub(super) struct Paper {
    sheets: Vec<Content>,
    /// How high the pen is on the last sheet, from its lower edge.
    pub(super) height: f32,
}

impl Paper {
    pub(super) fn new() -> Self {
        Self { sheets: vec![Content::new()], height: TOP }
    }

    /// Begins another sheet unless so much room is left; answers whether it did.
    pub(super) fn need(&mut self, room: f32) -> bool {
        if self.height - room >= BOTTOM {
            return false;
        }
        self.sheets.push(Content::new());
        self.height = TOP;
        true
    }

    /// Moves down.
    pub(super) fn skip(&mut self, room: f32) {
        self.height -= room;
    }

    /// Sets words at a place of the present line.
    pub(super) fn words(&mut self, x: f32, face: Face, size: f32, text: &str) {
        let height = self.height;
        set(self.sheet(), (x, height), face, size, text);
    }

    /// Sets words that end at a place.
    pub(super) fn words_to(&mut self, right: f32, face: Face, size: f32, text: &str) {
        self.words(right - measure(face, size, text), face, size, text);
    }

    /// Sets a paragraph, broken into lines.
    pub(super) fn paragraph(&mut self, face: Face, size: f32, text: &str) {
        for line in lines(face, size, text, WIDTH) {
            self.need(size * 1.35);
            self.skip(size * 1.35);
            self.words(LEFT, face, size, &line);
        }
    }

    /// Fills a box whose lower edge is so far above the pen. The colour is dark blue, so much of it.
    pub(super) fn fill(&mut self, x: f32, above: f32, size: (f32, f32), strength: f32) {
        let y = self.height + above;
        let tint = |full: f32| 1.0 - (1.0 - full) * strength;
        let sheet = self.sheet();
        sheet.set_fill_rgb(tint(0.12), tint(0.37), tint(0.66));
        sheet.rect(x, y, size.0, size.1).fill_nonzero();
        sheet.set_fill_rgb(0.0, 0.0, 0.0);
    }

    /// Draws a line from the left edge, so far below the pen; a thin one is a light one.
    pub(super) fn rule(&mut self, below: f32, width: f32, thick: f32) {
        let y = self.height - below;
        let sheet = self.sheet();
        sheet.set_stroke_gray(if thick < 0.5 { 0.7 } else { 0.1 }).set_line_width(thick);
        sheet.move_to(LEFT, y).line_to(LEFT + width, y).stroke();
    }

    fn sheet(&mut self) -> &mut Content {
        if self.sheets.is_empty() {
            self.sheets.push(Content::new());
        }
        let last = self.sheets.len() - 1;
        &mut self.sheets[last]
    }

    /// The file. `foot` says what stands at the foot of a sheet, given its number and how many there are.
    pub(super) fn bind(
        self,
        title: &str,
        language: &str,
        foot: impl Fn(usize, usize) -> (String, String),
    ) -> Vec<u8> {
        let (catalog, tree, info, plain, bold) =
            (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4), Ref::new(5));
        let count = self.sheets.len();
        let place = |at: usize| i32::try_from(at).unwrap_or(i32::MAX - 8) * 2 + 6;
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(tree).lang(TextStr(language));
        pdf.document_info(info).title(TextStr(title));
        pdf.pages(tree)
            .kids((0..count).map(|at| Ref::new(place(at))))
            .count(i32::try_from(count).unwrap_or(i32::MAX));
        for (id, name) in [(plain, b"Helvetica".as_slice()), (bold, b"Helvetica-Bold")] {
            pdf.type1_font(id).base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
        }
        for (at, mut sheet) in self.sheets.into_iter().enumerate() {
            let (left, right) = foot(at + 1, count);
            set(&mut sheet, (LEFT, 30.0), Face::Plain, 8.0, &left);
            let edge = LEFT + WIDTH - measure(Face::Plain, 8.0, &right);
            set(&mut sheet, (edge, 30.0), Face::Plain, 8.0, &right);
            let (page_id, content) = (Ref::new(place(at)), Ref::new(place(at) + 1));
            let mut page = pdf.page(page_id);
            page.media_box(Rect::new(0.0, 0.0, SHEET.0, SHEET.1)).parent(tree).contents(content);
            page.resources().fonts().pair(Name(b"P"), plain).pair(Name(b"B"), bold);
            drop(page);
            pdf.stream(content, &sheet.finish());
        }
        pdf.finish()
    }
}

fn set(sheet: &mut Content, (x, y): (f32, f32), face: Face, size: f32, text: &str) {
    let name: &[u8] = if face == Face::Bold { b"B" } else { b"P" };
    sheet.begin_text().set_font(Name(name), size).next_line(x, y).show(Str(&encoded(text))).end_text();
}

/// Breaks words into lines that are not wider than this, and cuts a word that is.
pub(super) fn lines(face: Face, size: f32, text: &str, width: f32) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if measure(face, size, &longer) <= width {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for letter in word.chars() {
            if !line.is_empty()
                && measure(face, size, &line) + measure(face, size, &letter.to_string()) > width
            {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    lines.push(line);
    lines
}

/// How wide words are, in points.
pub(super) fn measure(face: Face, size: f32, text: &str) -> f32 {
    let widths = if face == Face::Bold { &BOLD } else { &PLAIN };
    let width = |byte: &u8| {
        let at = usize::from(*byte).checked_sub(32);
        at.and_then(|at| widths.get(at)).copied().unwrap_or(USUAL)
    };
    let sum: u32 = encoded(text).iter().map(|byte| u32::from(width(byte))).sum();
    // Far below what a float holds exactly.
    f32::from(u16::try_from(sum / 4).unwrap_or(u16::MAX)) * size / 250.0
}

/// The bytes of Windows' western letters; what is none of them shows as a question mark.
fn encoded(text: &str) -> Vec<u8> {
    text.chars()
        .map(|letter| match letter {
            '\u{2013}' => 0x96,
            '\u{2014}' => 0x97,
            '\u{2018}' => 0x91,
            '\u{2019}' => 0x92,
            '\u{201c}' => 0x93,
            '\u{201d}' => 0x94,
            '\u{2026}' => 0x85,
            ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(letter)).unwrap_or(b'?'),
            _ => b'?',
        })
        .collect()
}

/// The width of letters that no table tells.
const USUAL: u16 = 556;

/// Widths of the letters from the space on, in thousandths of the size: Adobe's metrics of Helvetica.
const PLAIN: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// The same of Helvetica-Bold.
const BOLD: [u16; 95] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278,
    556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584,
    556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556,
    333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_never_wider_than_asked_and_lose_no_letter() {
        let text = "Laporan bulanan layanan aduan warga Dinas-Pemberdayaan-Perempuan-dan-Perlindungan-Anak";
        let broken = lines(Face::Bold, 9.0, text, 100.0);
        assert!(broken.iter().all(|line| measure(Face::Bold, 9.0, line) <= 100.0), "{broken:?}");
        let joined = |text: &str| text.chars().filter(|letter| *letter != ' ').collect::<String>();
        assert_eq!(joined(&broken.concat()), joined(text));
    }

    #[test]
    fn letters_that_the_faces_lack_show_as_question_marks() {
        assert_eq!(encoded("é–ж"), [0xe9, 0x96, b'?']);
    }
}
