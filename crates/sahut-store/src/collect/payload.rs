//! Raw payloads, packed together: kept so that a mended parser can read them again.

use std::io::{Read as _, Write as _};

/// Packs payloads into one compressed body: each with its length before it.
pub(crate) fn pack<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut whole = Vec::new();
    for payload in payloads {
        whole.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
        whole.extend_from_slice(payload);
    }
    // At once: each write to the encoder clears all the room that it keeps for its output.
    let room = Vec::with_capacity(whole.len() / 4 + 64);
    let mut encoder = flate2::write::ZlibEncoder::new(room, flate2::Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(&whole);
    encoder.finish().unwrap_or_default()
}

/// The payload at a position of a packed body; nothing where the body is not whole.
pub(crate) fn unpack(body: &[u8], index: usize) -> Option<Vec<u8>> {
    let mut decoder = flate2::read::ZlibDecoder::new(body);
    for at in 0..=index {
        let mut length = [0; 4];
        decoder.read_exact(&mut length).ok()?;
        let length = u64::from(u32::from_le_bytes(length));
        let mut payload = Vec::new();
        // A damaged length must not make room for four gigabytes.
        let read = decoder.by_ref().take(length).read_to_end(&mut payload).ok()?;
        if read as u64 != length {
            return None;
        }
        if at == index {
            return Some(payload);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn payloads_come_back_as_they_went_in(payloads: Vec<Vec<u8>>) {
            let body = pack(payloads.iter().map(Vec::as_slice));
            for (index, payload) in payloads.iter().enumerate() {
                prop_assert_eq!(unpack(&body, index), Some(payload.clone()));
            }
            prop_assert_eq!(unpack(&body, payloads.len()), None);
        }

        #[test]
        fn damaged_bodies_are_nothing_worse_than_absent(body: Vec<u8>, cut in 0_usize..64, flip: u8) {
            let _ = unpack(&body, 3);
            let mut whole = pack([&body[..], b"second"].into_iter());
            whole.truncate(cut);
            if let Some(byte) = whole.last_mut() {
                *byte ^= flip;
            }
            let _ = unpack(&whole, 1);
        }
    }
}
