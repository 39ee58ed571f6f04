//! What is timed: two classes of inputs each, which must not be told apart, and the two that are.
//!
//! Spec: docs/security/constant-time.md. Invariant: inputs are made before anything is timed, in the same way for both
//! classes, and classes alternate at random.

use core::hint::black_box;

use alloc::vec::Vec;
use subrosa_wire::{ReadCap, WriteCap};
use subtle::ConstantTimeEq;

use crate::kdf;
use crate::kem::KemSeed;
use crate::secret::Secret;
use crate::{aead, testing};

/// Calls back for each act to be timed, with its class.
type Timed<'a> = &'a mut dyn FnMut(bool, &dyn Fn());

pub(super) struct Subject {
    pub(super) name: &'static str,
    pub(super) run: fn(Timed<'_>, usize),
    /// Samples in `cargo test`.
    pub(super) short: usize,
    /// Samples in the long form.
    pub(super) long: usize,
}

pub(super) const SUBJECTS: &[Subject] = &[
    Subject { name: "tag_wrong_in_its_first_or_last_byte", run: tags, short: 10_000, long: 500_000 },
    Subject {
        name: "capability_wrong_in_its_first_byte_or_right",
        run: capabilities,
        short: 20_000,
        long: 500_000,
    },
    Subject { name: "secret_wrong_in_its_first_byte_or_right", run: secrets, short: 20_000, long: 500_000 },
    Subject {
        name: "decapsulation_of_valid_or_altered_ciphertexts",
        run: ciphertexts,
        short: 1_500,
        long: 50_000,
    },
    Subject {
        name: "decapsulation_of_the_same_with_the_key_kept",
        run: ciphertexts_kept,
        short: 1_500,
        long: 50_000,
    },
];

pub(super) const LEAKY: &[Subject] = &[
    Subject { name: "leaks_comparison_that_stops_early", run: stops_early, short: 20_000, long: 500_000 },
    Subject {
        name: "leaks_decapsulation_that_hashes_once_more",
        run: hashes_more,
        short: 1_500,
        long: 50_000,
    },
];

/// How many inputs of each class there are: enough that no single one decides, few enough for the cache.
const INPUTS: usize = 16;

/// As [`both`], on inputs that are copied to one place first: where the inputs of a class lie shows in half a million
/// samples.
fn both_in_place<T: Copy>(timed: Timed<'_>, samples: usize, inputs: &[[T; INPUTS]; 2], act: impl Fn(&T)) {
    let mut rng = testing::rng(77);
    let mut place;
    for _ in 0..samples {
        let draw = rand_core::Rng::next_u32(&mut rng) as usize;
        let class = draw & 1;
        place = *black_box(&inputs[class][(draw >> 1) % INPUTS]);
        timed(class == 1, &|| act(black_box(&place)));
    }
}

/// Times `act` on inputs of both classes, in an order that nothing foresees.
fn both<T>(timed: Timed<'_>, samples: usize, inputs: &[[T; INPUTS]; 2], act: impl Fn(&T)) {
    let mut rng = testing::rng(77);
    for _ in 0..samples {
        let draw = rand_core::Rng::next_u32(&mut rng) as usize;
        let class = draw & 1;
        let input = &inputs[class][(draw >> 1) % INPUTS];
        // The input is near for both classes before the clock starts.
        black_box(input);
        timed(class == 1, &|| act(black_box(input)));
    }
}

/// 32 bytes, other ones for each number.
fn bytes(number: usize) -> [u8; 32] {
    kdf::sha256(&[&number.to_le_bytes()])
}

fn tags(timed: Timed<'_>, samples: usize) {
    let sealed = |at: usize, number: usize| {
        let mut sealed = aead::seal_with(&[1; 32], &[2; 12], b"", &bytes(number));
        let from = sealed.len() - aead::TAG_LEN;
        sealed[from + at] ^= 0x55;
        sealed.try_into().unwrap()
    };
    let inputs: [[[u8; 32 + aead::TAG_LEN]; INPUTS]; 2] =
        [0, aead::TAG_LEN - 1].map(|at| core::array::from_fn(|number| sealed(at, number)));
    both_in_place(timed, samples, &inputs, |sealed| {
        _ = black_box(aead::open_with(&[1; 32], &[2; 12], b"", sealed))
    });
}

fn capabilities(timed: Timed<'_>, samples: usize) {
    let own = bytes(0);
    let (write, read) = (WriteCap::from_bytes(own), ReadCap::from_bytes(own));
    let inputs = [1, 0].map(|flip| {
        core::array::from_fn::<_, INPUTS, _>(|_| {
            let mut other = own;
            other[0] ^= flip;
            (WriteCap::from_bytes(other), ReadCap::from_bytes(other))
        })
    });
    both(timed, samples, &inputs, |(w, r)| _ = black_box((*w == write, *r == read)));
}

fn secrets(timed: Timed<'_>, samples: usize) {
    let own = Secret::<()>::copied(&bytes(0));
    let inputs = [1, 0].map(|flip| {
        core::array::from_fn::<_, INPUTS, _>(|_| {
            let mut other = bytes(0);
            other[0] ^= flip;
            Secret::<()>::copied(&other)
        })
    });
    both(timed, samples, &inputs, |other| _ = black_box(bool::from(own.ct_eq(other))));
}

/// Ciphertexts to `seed`: valid ones, and the same with one byte altered.
fn encapsulated(seed: &KemSeed) -> [[[u8; 1088]; INPUTS]; 2] {
    let public = seed.public();
    [0, 0x10].map(|flip| {
        core::array::from_fn(|number| {
            let mut ct = *public.encapsulate(&bytes(number)).0.as_bytes();
            ct[67 * number] ^= flip;
            ct
        })
    })
}

fn ciphertexts(timed: Timed<'_>, samples: usize) {
    let seed = KemSeed::from_bytes(&[3; 64]);
    both_in_place(timed, samples, &encapsulated(&seed), |ct| drop(black_box(seed.decapsulate(ct))));
}

/// As a session does that made its key itself: the private key is not computed again from the seed.
fn ciphertexts_kept(timed: Timed<'_>, samples: usize) {
    let mut seed = KemSeed::from_bytes(&[3; 64]);
    drop(seed.expand());
    both_in_place(timed, samples, &encapsulated(&seed), |ct| drop(black_box(seed.decapsulate(ct))));
}

/// What a comparison of slices does that nobody thought about.
fn stops_early(timed: Timed<'_>, samples: usize) {
    let own = bytes(0);
    let inputs = [1, 0].map(|flip| {
        core::array::from_fn::<_, INPUTS, _>(|_| {
            let mut other = own;
            other[0] ^= flip;
            other
        })
    });
    both(timed, samples, &inputs, |other| {
        _ = black_box(own.iter().zip(other).all(|(a, b)| black_box(*a) == black_box(*b)));
    });
}

/// What a receiver does that looks whether the secret is the right one: one SHA-256 more for the valid ones.
fn hashes_more(timed: Timed<'_>, samples: usize) {
    let seed = KemSeed::from_bytes(&[3; 64]);
    let right: Vec<_> = (0..INPUTS).map(|number| seed.public().encapsulate(&bytes(number)).1).collect();
    both(timed, samples, &encapsulated(&seed), |ct| {
        let secret = seed.decapsulate(ct);
        if right.iter().any(|right| right.expose() == secret.expose()) {
            black_box(kdf::sha256(&[&[0; 512]]));
        }
    });
}
