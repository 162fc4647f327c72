//! The injected source of chance.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where randomness comes from: the operating system in earnest, a seed in tests and simulations.
#[derive(Debug, Clone)]
pub struct Chance(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Seeded(Arc<AtomicU64>),
}

impl Chance {
    /// The operating system's generator: fit for keys, tokens and public codes.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A repeatable sequence (`SplitMix64`): never for secrets.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(AtomicU64::new(seed))))
    }

    /// The next 64 random bits.
    pub fn bits(&self) -> u64 {
        match &self.0 {
            Source::System => {
                let mut bytes = [0; 8];
                self.fill(&mut bytes);
                u64::from_le_bytes(bytes)
            }
            Source::Seeded(state) => {
                const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
                let mut z = state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
                z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                z ^ (z >> 31)
            }
        }
    }

    /// Fills a buffer with random bytes.
    pub fn fill(&self, buffer: &mut [u8]) {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place where the system's chance is asked")]
            Source::System => {
                if getrandom::fill(buffer).is_err() {
                    // Without randomness no key, token or code is safe: stopping is the only honest answer.
                    std::process::abort();
                }
            }
            Source::Seeded(_) => {
                for chunk in buffer.chunks_mut(8) {
                    let bits = self.bits().to_le_bytes();
                    chunk.copy_from_slice(&bits[..chunk.len()]);
                }
            }
        }
    }

    /// A number below `bound`, evenly enough for jitter and simulations; 0 when `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.bits() % bound }
    }

    /// A number from 0 up to, but not including, 1.
    pub fn fraction(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
        let numerator = (self.bits() >> 11) as f64;
        numerator / 9_007_199_254_740_992.0
    }
}
