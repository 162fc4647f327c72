//! A model as bytes, to be kept: little-endian, with its version at the beginning.

use thiserror::Error;

use super::model::{Head, Model};
use super::softmax::Weights;

/// The bytes are not those of a model. Training again makes a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the stored model cannot be read: it is cut off or of another version; training makes a new one")]
pub struct UnreadableModel;

/// What the bytes of a model begin with; the number is that of the version.
const MAGIC: &[u8] = b"sahut model 1\n";

impl Model {
    /// The bytes to keep.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for head in [&self.seats, &self.needs] {
            out.push(u8::from(head.is_some()));
            if let Some(head) = head {
                head.write(&mut out);
            }
        }
        out
    }

    /// From the bytes that were kept.
    ///
    /// # Errors
    /// They are cut off, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UnreadableModel> {
        let mut reader = Reader(bytes.strip_prefix(MAGIC).ok_or(UnreadableModel)?);
        let mut head = || if reader.byte()? == 0 { Some(None) } else { Some(Some(Head::read(&mut reader)?)) };
        let (seats, needs) = (head().ok_or(UnreadableModel)?, head().ok_or(UnreadableModel)?);
        Ok(Self { seats, needs })
    }
}

impl Head {
    fn write(&self, out: &mut Vec<u8>) {
        let number = |out: &mut Vec<u8>, number: usize| out.extend((number as u64).to_le_bytes());
        number(out, self.answers.len());
        for answer in &self.answers {
            number(out, answer.len());
            out.extend(answer.as_bytes());
        }
        let mut keys: Vec<(u64, u32)> = self.index.iter().map(|(key, number)| (*key, *number)).collect();
        keys.sort_unstable_by_key(|(_, number)| *number);
        number(out, keys.len());
        for (key, _) in keys {
            out.extend(key.to_le_bytes());
        }
        for row in &self.sums {
            out.extend(row.to_le_bytes());
        }
        number(out, self.squares.len());
        let hints = self.weights.hints.iter().chain(self.weights.own_hints.iter().flatten());
        let floats = std::iter::once(&self.temper).chain(&self.squares).chain(&self.weights.features);
        floats.chain(&self.weights.bias).chain(hints).for_each(|float| out.extend(float.to_le_bytes()));
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let count = reader.count()?;
        let answers: Vec<String> = (0..count).map(|_| reader.text()).collect::<Option<_>>()?;
        let features = reader.count()?;
        let index = (0..features)
            .map(|number| Some((reader.number()?, u32::try_from(number).ok()?)))
            .collect::<Option<_>>()?;
        let sums = (0..features).map(|_| reader.take().map(u32::from_le_bytes)).collect::<Option<_>>()?;
        let rows = reader.count()?;
        let [temper] = reader.floats::<1>()?;
        let squares = reader.many(rows)?;
        let weights = Weights {
            answers: count,
            features: reader.many(rows.checked_mul(count)?)?,
            bias: reader.many(count)?,
            hints: reader.floats()?,
            own_hints: (0..count).map(|_| reader.floats()).collect::<Option<_>>()?,
        };
        Some(Self { answers, temper, index, sums, squares, weights })
    }
}

/// Reads what [`Head::write`] wrote. Nothing where it is cut off.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    /// A count of things of which each takes at least a byte: never more than are left.
    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|count| *count <= self.0.len())
    }

    fn text(&mut self) -> Option<String> {
        let length = self.count()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn floats<const N: usize>(&mut self) -> Option<[f32; N]> {
        let mut floats = [0.0; N];
        for float in &mut floats {
            *float = f32::from_le_bytes(self.take()?);
        }
        Some(floats)
    }

    fn many(&mut self, count: usize) -> Option<Vec<f32>> {
        if count.checked_mul(4)? > self.0.len() {
            return None;
        }
        (0..count).map(|_| self.take().map(f32::from_le_bytes)).collect()
    }
}
