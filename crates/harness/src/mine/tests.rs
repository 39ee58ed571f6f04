//! The whole instrument in small.

use super::*;
use crate::mine::view::{Observer, System};

#[test]
fn the_miner_finds_all_in_plaintext_and_says_where_subrosa_leaks() {
    let scale = Scale { people: 12, circles: 3, days: 3, talks: 3 };
    let report = measure(scale, &[1, 2, 3, 4]).expect("the traffic goes through");
    let value = |measure, system, observer| {
        table::find(&report, measure, system, observer).and_then(|cell| cell.estimate).map(|one| one.mean)
    };
    // The control.
    assert!(value(Measure::Links, System::Slack, Observer::Disk) > Some(0.95));
    assert!(value(Measure::Topic, System::Slack, Observer::Disk) > Some(0.35));
    // The disk of subrosa names nobody.
    assert_eq!(value(Measure::Links, System::Subrosa, Observer::Disk), Some(0.5));
    assert_eq!(value(Measure::Hours, System::Subrosa, Observer::Disk), None);
    // What is known to leak must be found, or the instrument is blind.
    assert!(value(Measure::Links, System::Subrosa, Observer::Operator) > Some(0.95));
    assert!(value(Measure::Hours, System::Subrosa, Observer::Network) > Some(0.9));
}
