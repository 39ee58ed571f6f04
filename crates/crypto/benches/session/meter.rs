//! [`Meter`]: several costs measured in one run, turn by turn, on this thread's own CPU clock.
//!
//! Spec: docs/performance.md, "How". Invariant: every round runs every case once, so that whatever else the machine does
//! falls on all of them alike: a ratio holds under load where a rate would not.

use rustix::time::{ClockId, clock_gettime};

/// Rounds that a median is taken of: many and short, so that another program's turn falls into few of them.
const ROUNDS: usize = 61;

/// Something that is measured: what is not to be counted happens outside of [`clocked`].
pub(crate) struct Case<'a> {
    name: &'static str,
    /// The name of the case that its ratio is taken to.
    peer: Option<&'static str>,
    run: Box<dyn FnMut() -> f64 + 'a>,
    rounds: Vec<f64>,
}

/// The cases of one run.
#[derive(Default)]
pub(crate) struct Meter<'a>(Vec<Case<'a>>);

/// Seconds of CPU that this thread has used.
fn cpu() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}

/// What one of `count` calls costs, in µs.
pub(crate) fn clocked(count: u32, mut call: impl FnMut()) -> f64 {
    let start = cpu();
    (0..count).for_each(|_| call());
    (cpu() - start) * 1e6 / f64::from(count)
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

impl<'a> Meter<'a> {
    /// A case whose `run` says what one of its operations cost.
    pub(crate) fn case(&mut self, name: &'static str, run: impl FnMut() -> f64 + 'a) {
        self.0.push(Case { name, peer: None, run: Box::new(run), rounds: Vec::with_capacity(ROUNDS) });
    }

    /// As [`case`](Self::case), and the ratio to `peer`, measured in the same rounds.
    pub(crate) fn against(&mut self, peer: &'static str, name: &'static str, run: impl FnMut() -> f64 + 'a) {
        self.case(name, run);
        if let Some(case) = self.0.last_mut() {
            case.peer = Some(peer);
        }
    }

    /// Runs everything and prints a table.
    pub(crate) fn print(mut self, title: &str) {
        for _ in 0..ROUNDS {
            self.0.iter_mut().for_each(|case| case.rounds.push((case.run)()));
        }
        println!("\n{title:<62} |       µs | ratio\n{:-<63}|---------:|------:", "");
        for case in &self.0 {
            let peer = case.peer.and_then(|name| self.0.iter().find(|peer| peer.name == name));
            let ratio = peer.map_or(String::new(), |peer| {
                let ratios = case.rounds.iter().zip(&peer.rounds).map(|(ours, theirs)| ours / theirs);
                format!("{:.2}", median(ratios.collect()))
            });
            println!("{:<62} |{:>9.1} |{ratio:>6}", case.name, median(case.rounds.clone()));
        }
    }
}
