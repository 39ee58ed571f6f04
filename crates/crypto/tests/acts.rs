//! Random lists of acts over two and three people, one list for everything that may happen to them.
//!
//! Spec: docs/spec/ratchet.md, docs/spec/recovery.md, docs/spec/handshake.md. Invariant: no wrong content, no content
//! twice, no (key, nonce) twice, no state changed by a failure, everything in time is readable, both sides agree at rest,
//! and an alarm is latched exactly when a copy or an old state has spoken (A5, A8, A9, A10, A17, A28, A33, A35).
//!
//! `SUBROSA_CASES=10000 cargo test --release -p subrosa-crypto --test acts` is the long form. A failure prints its seed
//! and the shortest list; `SUBROSA_SEED=<seed>` plays that one again, and the list goes into [`known`].

#[path = "acts/mod.rs"]
mod acts;

use std::panic::{AssertUnwindSafe, catch_unwind};

use acts::{Act, Meeting, Setting, What, draw, play, shrink};

/// Lists that each test plays in the short form.
const CASES: u64 = 12;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// A panic of the code under test is a fault like any other.
fn fault(setting: Setting, acts: &[Act]) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(|| play(setting, acts))) {
        Ok(Ok(())) => None,
        Ok(Err(fault)) => Some(fault),
        Err(_) => Some("a panic, see above".into()),
    }
}

fn campaign(people: usize, forks: bool) {
    let (first, cases) = match number("SUBROSA_SEED") {
        Some(seed) => (seed, 1),
        None => (1, number("SUBROSA_CASES").unwrap_or(CASES)),
    };
    for seed in first..first + cases {
        let (setting, acts) = draw(people, forks, seed);
        if fault(setting, &acts).is_some() {
            let short = shrink(&acts, |acts| fault(setting, acts).is_some());
            let why = fault(setting, &short).unwrap_or_default();
            panic!("SUBROSA_SEED={seed} ({people} people, forks {forks}): {why}\n{setting:?}\n{short:?}");
        }
    }
}

#[test]
fn two_honest_people_over_any_network_lose_double_and_mistake_nothing() {
    campaign(2, false);
}

#[test]
fn three_honest_people_over_any_network_lose_double_and_mistake_nothing() {
    campaign(3, false);
}

#[test]
fn two_people_who_are_copied_and_restored_and_recover_repeat_no_nonce_and_know_of_it() {
    campaign(2, true);
}

#[test]
fn three_people_who_are_copied_and_restored_and_recover_repeat_no_nonce_and_know_of_it() {
    campaign(3, true);
}

type Known = (Setting, &'static [(What, u8, u16, u32)]);

/// Lists that failed once while this was written, and what they showed.
#[test]
fn known() {
    use What::*;
    let setting = |people, meeting, seed| Setting { people, meeting, forks: true, seed };
    let lists: [Known; 5] = [
        (setting(2, Meeting::Crossing, 1), &[]),
        (setting(3, Meeting::Address, 2), &[(Recover, 0, 0, 1)]),
        // An answer overtakes the recovery that it met: both must still choose the same session.
        (
            setting(2, Meeting::Address, 597),
            &[
                (Overtake, 26, 38917, 597_598_802),
                (Send, 88, 55497, 4_199_403_135),
                (Deliver, 137, 43490, 3_120_826_880),
                (Send, 125, 217, 2_088_670_392),
                (Send, 60, 36532, 2_340_769_825),
                (Deliver, 170, 31695, 1_734_674_811),
                (Recover, 230, 2311, 310_278_444),
                (Deliver, 9, 8793, 1_942_604_894),
                (Send, 74, 23584, 3_735_495_840),
                (Recover, 127, 15192, 3_787_655_202),
                (Resend, 170, 52696, 170_452_186),
                (Deliver, 96, 50853, 3_721_206_294),
                (Send, 78, 59872, 1_307_248_414),
                (OpenCrashLate, 221, 38784, 1_027_999_774),
            ],
        ),
        // A joiner at an address that is older than the inviter's answer can neither speak nor hear: out of step.
        (
            setting(2, Meeting::Address, 112),
            &[
                (Deliver, 40, 31565, 3_827_960_070),
                (Save, 217, 37017, 2_706_431_649),
                (Send, 30, 8255, 3_949_003_608),
                (Overtake, 223, 59016, 10_503_582),
                (Send, 207, 53650, 2_586_927_611),
                (Restore, 200, 16457, 3_297_406_515),
            ],
        ),
        // State and randomness rolled back: the same epoch begins twice, after another number of cells.
        (
            setting(2, Meeting::OneTime, 1190),
            &[
                (Stick, 161, 8910, 222_831_172),
                (Overtake, 74, 1792, 820_555_618),
                (SealCrashLate, 52, 3387, 35_151_428),
                (Save, 145, 50389, 4_160_359_481),
                (Send, 194, 24027, 1_531_497_716),
                (Deliver, 217, 33093, 2_209_666_706),
                (Send, 45, 48490, 1_824_491_389),
                (Restore, 132, 6422, 3_786_509_314),
                (Send, 171, 22289, 2_172_886_834),
            ],
        ),
    ];
    for (setting, acts) in lists {
        let acts: Vec<_> = acts.iter().map(|&(what, pair, n, seed)| Act { what, pair, n, seed }).collect();
        assert_eq!(play(setting, &acts), Ok(()), "{setting:?} {acts:?}");
    }
}
