//! The one source of randomness of training: its whole state is one number, so that a checkpoint can keep it.

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014). A seed means the
/// same numbers for ever, whatever version a random-number library is at. Not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// What [`Random::new`] needs to go on from here.
    pub(crate) fn state(&self) -> u64 {
        self.state
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number below `n`, which is at least one. The bias of a remainder is below n / 2^64.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Uniform between 0 and 1, without 1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 16_777_216.0
    }

    /// Two independent normal numbers (Box and Muller 1958).
    pub(crate) fn normals(&mut self) -> (f32, f32) {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let angle = std::f32::consts::TAU * self.unit();
        (radius * angle.cos(), radius * angle.sin())
    }

    /// A fair order (Fisher and Yates, by Durstenfeld 1964).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// The numbers of `key` in the stream of `seed`: the same wherever and whenever they are asked for.
    pub(crate) fn keyed(seed: u64, key: u64) -> Self {
        Self::new(Self::new(seed ^ key.wrapping_mul(0xd6e8_feb8_6659_fd93)).next())
    }
}

/// The first eight bytes of the BLAKE3 hash of `text` with `seed` before it.
pub(crate) fn seeded_hash(seed: u64, text: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(text.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}
