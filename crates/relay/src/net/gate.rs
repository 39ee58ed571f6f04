//! [`Gate`]: how much each network prefix may ask, so that one neighbourhood can't take everybody's place.
//!
//! Spec: docs/guide/relay.md, "Limits" (D1, D2, D3). Invariant: a prefix is known by a hash under a key of this start, in
//! memory only; it is neither logged nor stored, and only an address that was proved is counted.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Rates;

/// Prefixes that are counted apart; above that, all further ones share one place.
const PREFIXES: usize = 65_536;
/// The place that they share.
const CROWD: u64 = 0;
const MINUTE: f64 = 60.0;

/// So much in a minute, and as much at once after a minute of rest.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    used: f64,
    at: Instant,
}

impl Bucket {
    const fn new(now: Instant) -> Self {
        Self { used: 0.0, at: now }
    }

    fn leak(&mut self, per_minute: u32, now: Instant) {
        let leaked = now.saturating_duration_since(self.at).as_secs_f64() * f64::from(per_minute) / MINUTE;
        (self.used, self.at) = ((self.used - leaked).max(0.0), now);
    }

    /// How long the next one must wait.
    fn wait(&self, per_minute: u32) -> Duration {
        let over = self.used + 1.0 - f64::from(per_minute);
        if over <= 0.0 {
            return Duration::ZERO;
        }
        Duration::from_secs_f64((over * MINUTE / f64::from(per_minute.max(1))).min(MINUTE))
    }
}

#[derive(Debug)]
struct Neighbourhood {
    connections: u32,
    knocks: Bucket,
    makes: Bucket,
}

/// Counts by prefix.
#[derive(Debug)]
pub(crate) struct Gate {
    key: RandomState,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rates: Rates,
    prefixes: HashMap<u64, Neighbourhood>,
}

/// A connection that is counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Guest {
    gate: Arc<Gate>,
    /// `None` is not counted.
    prefix: Option<u64>,
}

impl Gate {
    pub(crate) fn new(rates: Rates) -> Self {
        Self { key: RandomState::new(), state: Mutex::new(State { rates, prefixes: HashMap::new() }) }
    }

    pub(crate) fn set(&self, rates: Rates) {
        self.lock().rates = rates;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is of one entry: a panic elsewhere leaves no half of one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prefix(&self, address: IpAddr) -> u64 {
        let network = match address.to_canonical() {
            IpAddr::V4(four) => (4, u128::from(four.to_bits() >> 8)),
            IpAddr::V6(six) => (6, six.to_bits() >> 80),
        };
        self.key.hash_one(network).max(CROWD + 1)
    }

    /// Whether a connection more from there would be too many. Counts nothing: the address may be forged.
    pub(crate) fn is_full(&self, address: IpAddr, now: Instant) -> bool {
        let prefix = self.prefix(address);
        let mut state = self.lock();
        let State { rates, prefixes } = &mut *state;
        if !rates.loopback && address.to_canonical().is_loopback() {
            return false;
        }
        prefixes.get_mut(&prefix).is_some_and(|there| there.is_full(rates, now))
    }

    /// Counts a connection whose address is proved; `None` when it is one too many.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr, now: Instant) -> Option<Guest> {
        let prefix = self.prefix(address);
        let mut state = self.lock();
        let State { rates, prefixes } = &mut *state;
        if !rates.loopback && address.to_canonical().is_loopback() {
            return Some(Guest { gate: Arc::clone(self), prefix: None });
        }
        if prefixes.len() >= PREFIXES && !prefixes.contains_key(&prefix) {
            prefixes.retain(|_, there| !there.is_idle(rates, now));
        }
        let prefix = if prefixes.len() < PREFIXES || prefixes.contains_key(&prefix) { prefix } else { CROWD };
        let there = prefixes.entry(prefix).or_insert_with(|| Neighbourhood {
            connections: 0,
            knocks: Bucket::new(now),
            makes: Bucket::new(now),
        });
        if there.is_full(rates, now) {
            return None;
        }
        there.connections += 1;
        there.knocks.used += 1.0;
        Some(Guest { gate: Arc::clone(self), prefix: Some(prefix) })
    }
}

impl Neighbourhood {
    fn is_full(&mut self, rates: &Rates, now: Instant) -> bool {
        self.knocks.leak(rates.knocks, now);
        self.connections >= rates.connections || !self.knocks.wait(rates.knocks).is_zero()
    }

    fn is_idle(&mut self, rates: &Rates, now: Instant) -> bool {
        self.knocks.leak(rates.knocks, now);
        self.makes.leak(rates.makes, now);
        self.connections == 0 && self.knocks.used <= 0.0 && self.makes.used <= 0.0
    }
}

impl Guest {
    /// Counts one more thing that shall be made; how long it has to wait for its turn.
    pub(crate) fn make(&self, now: Instant) -> Duration {
        let Some(prefix) = self.prefix else { return Duration::ZERO };
        let mut state = self.gate.lock();
        let State { rates, prefixes } = &mut *state;
        let Some(there) = prefixes.get_mut(&prefix) else { return Duration::ZERO };
        there.makes.leak(rates.makes, now);
        let wait = there.makes.wait(rates.makes);
        there.makes.used += 1.0;
        wait
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let Some(prefix) = self.prefix else { return };
        if let Some(there) = self.gate.lock().prefixes.get_mut(&prefix) {
            there.connections = there.connections.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(connections: u32, knocks: u32, makes: u32) -> Arc<Gate> {
        Arc::new(Gate::new(Rates { connections, knocks, makes, loopback: false }))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// D2.
    #[test]
    fn a_prefix_has_so_many_connections_and_another_prefix_its_own() {
        let (gate, now) = (gate(2, 100, 1), Instant::now());
        let first = gate.enter(ip("192.0.2.1"), now).expect("enters");
        let _second = gate.enter(ip("::ffff:192.0.2.200"), now).expect("enters");
        assert!(gate.is_full(ip("192.0.2.77"), now) && gate.enter(ip("192.0.2.77"), now).is_none());
        assert!(gate.enter(ip("192.0.3.1"), now).is_some());
        assert!(gate.enter(ip("2001:db8:1:2::3"), now).is_some());
        drop(first);
        assert!(gate.enter(ip("192.0.2.77"), now).is_some());
    }

    /// D1.
    #[test]
    fn a_prefix_knocks_so_often_in_a_minute_and_asking_whether_it_may_costs_nothing() {
        let (gate, now) = (gate(100, 60, 1), Instant::now());
        for _ in 0..1_000 {
            assert!(!gate.is_full(ip("2001:db8:1::1"), now));
        }
        for n in 0..60 {
            assert!(gate.enter(ip(&format!("2001:db8:1:{n}::1")), now).is_some(), "{n}");
        }
        assert!(gate.enter(ip("2001:db8:1:ffff::"), now).is_none());
        assert!(gate.enter(ip("2001:db8:2::"), now).is_some());
        let later = now + Duration::from_secs(3);
        for _ in 0..3 {
            assert!(gate.enter(ip("2001:db8:1::1"), later).is_some());
        }
        assert!(gate.enter(ip("2001:db8:1::1"), later).is_none());
    }

    /// D3.
    #[test]
    fn what_is_made_too_fast_waits_its_turn() {
        let (gate, now) = (gate(9, 9, 6), Instant::now());
        let guest = gate.enter(ip("192.0.2.1"), now).expect("enters");
        let other = gate.enter(ip("192.0.2.2"), now).expect("enters");
        for _ in 0..3 {
            assert!(guest.make(now).is_zero() && other.make(now).is_zero());
        }
        assert_eq!(guest.make(now), Duration::from_secs(10));
        assert_eq!(other.make(now + Duration::from_secs(10)), Duration::from_secs(10));
    }

    #[test]
    fn this_machine_is_counted_only_if_asked_for() {
        let (gate, now) = (gate(0, 0, 1), Instant::now());
        let guest = gate.enter(ip("127.0.0.1"), now).expect("enters");
        assert!(guest.make(now).is_zero() && guest.make(now).is_zero());
        gate.set(Rates { connections: 0, knocks: 0, makes: 0, loopback: true });
        assert!(gate.enter(ip("::1"), now).is_none());
    }

    /// D2, D7.
    #[test]
    fn memory_is_bounded_and_idle_prefixes_make_room() {
        let (gate, now) = (gate(1, 60, 1), Instant::now());
        let address = |n: u32| IpAddr::from((n << 8).to_be_bytes());
        let count = u32::try_from(PREFIXES).expect("small");
        for n in 1..=count {
            drop(gate.enter(address(n), now).expect("enters"));
        }
        let crowd = gate.enter(address(count + 1), now).expect("enters the crowd's place");
        assert!(gate.enter(address(count + 2), now).is_none(), "which has one connection too");
        assert!(gate.lock().prefixes.len() <= PREFIXES + 1);
        drop(crowd);
        let later = now + Duration::from_secs(60);
        assert!(gate.enter(address(count + 2), later).is_some());
        assert!(gate.lock().prefixes.len() <= 2);
    }
}
