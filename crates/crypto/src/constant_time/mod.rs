//! Timing: whether what is secret shows in how long something takes, by dudect's statistics.
//!
//! Spec: docs/security/constant-time.md. Invariant: every subject is measured beside one that leaks on purpose, so that a
//! measurement which sees nothing is known to be able to see. Source: Reparaz, Balasch, Verbauwhede, "Dude, is my code
//! constant time?", 2017.
//!
//! The short form runs in `cargo test` with statistics of our own, [`welch`]. The long form is crate `dudect-bencher`:
//!
//! ```text
//! cargo test --release -p subrosa-crypto --lib -- --ignored --nocapture timing_by_dudect
//! ```

mod subjects;
mod welch;

use std::println;
use std::time::Instant;
use std::vec::Vec;

use dudect_bencher::ctbench::{BenchFn, BenchMetadata, BenchName, BenchOpts, run_benches_console};
use dudect_bencher::{BenchRng, Class, CtRunner};

use subjects::{LEAKY, SUBJECTS, Subject};

/// Above this, dudect's authors say, there is a leak; below 4.5 none was seen.
const LEAK: f64 = 10.0;
/// A leak shows every time; a busy machine only now and then.
const ATTEMPTS: usize = 5;

/// The largest |t| over all croppings.
fn t_of(subject: &Subject, samples: usize) -> f64 {
    let mut times: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    let mut timed = |class: bool, act: &dyn Fn()| {
        let start = Instant::now();
        act();
        times[usize::from(class)].push(start.elapsed().as_nanos() as f64);
    };
    (subject.run)(&mut timed, samples);
    welch::largest_t(&times)
}

#[test]
fn what_leaks_on_purpose_is_seen() {
    for subject in LEAKY {
        let seen = (0..ATTEMPTS).map(|_| t_of(subject, subject.short)).find(|t| *t > LEAK);
        println!("{}: {seen:?}", subject.name);
        assert!(seen.is_some(), "{}", subject.name);
    }
}

#[test]
fn a18_tags_capabilities_and_ciphertexts_take_the_same_time_whatever_they_are() {
    for subject in SUBJECTS {
        let mut tried = Vec::new();
        while tried.len() < ATTEMPTS && tried.last().is_none_or(|t| *t >= LEAK) {
            tried.push(t_of(subject, subject.short));
        }
        println!("{}: {tried:.1?}", subject.name);
        assert!(tried.last().is_some_and(|t| *t < LEAK), "{} leaks: {tried:?}", subject.name);
    }
}

/// One of the subjects as dudect-bencher wants it: a function without a state.
macro_rules! bench {
    ($list:ident, $at:literal) => {{
        fn run(runner: &mut CtRunner, _: &mut BenchRng) {
            let mut timed = |class: bool, act: &dyn Fn()| {
                runner.run_one(if class { Class::Right } else { Class::Left }, act);
            };
            ($list[$at].run)(&mut timed, $list[$at].long);
        }
        ($list[$at].name, run as BenchFn)
    }};
}

#[test]
#[ignore = "minutes, and a quiet machine: docs/security/constant-time.md"]
fn timing_by_dudect() {
    let benches = [
        bench!(SUBJECTS, 0),
        bench!(SUBJECTS, 1),
        bench!(SUBJECTS, 2),
        bench!(SUBJECTS, 3),
        bench!(SUBJECTS, 4),
        bench!(LEAKY, 0),
        bench!(LEAKY, 1),
    ];
    assert_eq!(benches.len(), SUBJECTS.len() + LEAKY.len(), "a subject is not measured");
    for round in 1..=3 {
        println!("round {round}");
        let benches = benches.iter().map(|(name, benchfn)| BenchMetadata {
            name: BenchName(name),
            seed: Some(round),
            benchfn: *benchfn,
        });
        run_benches_console(BenchOpts::default(), benches.collect()).unwrap();
    }
}
