//! The lines of a file, one at a time, however long somebody made them.

use std::io::{self, BufRead, Read as _};

/// Most bytes that are kept of one record: longer than any complaint, short enough for memory.
pub(super) const MOST: usize = 1 << 20;

/// Reads lines and counts them.
pub(super) struct Lines<R> {
    reader: R,
    /// Number of the line that was read last, from 1.
    pub(super) number: u64,
    /// Bytes read so far.
    pub(super) bytes: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, number: 0, bytes: 0 }
    }

    /// Appends the next line with its end to `line`. Answers whether there was one. Of what would make `line` longer
    /// than [`MOST`], only the first byte too many is kept, so that its length tells.
    pub(super) fn append(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        let before = line.len();
        let mut any = false;
        loop {
            let room = (MOST + 1).saturating_sub(line.len());
            let mut piece = Vec::new();
            self.reader.by_ref().take(MOST as u64).read_until(b'\n', &mut piece)?;
            any |= !piece.is_empty();
            self.bytes += piece.len() as u64;
            let ended = piece.is_empty() || piece.ends_with(b"\n");
            piece.truncate(room);
            line.append(&mut piece);
            if ended {
                break;
            }
        }
        if before == 0 && self.number == 0 && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        self.number += u64::from(any);
        Ok(any)
    }
}

/// The line without its end.
pub(super) fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_is_whole() {
        let text = [b"\xef\xbb\xbfawal\n".to_vec(), vec![b'x'; 3 * MOST], b"\nakhir".to_vec()].concat();
        let mut lines = Lines::new(text.as_slice());
        let mut read = Vec::new();
        loop {
            let mut line = Vec::new();
            if !lines.append(&mut line).unwrap() {
                break;
            }
            read.push(line);
        }
        assert_eq!((read[0].as_slice(), read[2].as_slice()), (b"awal\n".as_slice(), b"akhir".as_slice()));
        assert_eq!((read.len(), read[1].len(), lines.number), (3, MOST + 1, 3));
        assert_eq!(lines.bytes, text.len() as u64);
    }
}
