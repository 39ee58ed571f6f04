//! Tests of the ratchet: a pair of real sessions over a list of acts, then one file per promise.

mod forks;
mod heartbeats;
mod levels;
mod limits;
mod loss;
mod pair;
mod random;
mod relay;
mod rollback;
mod rules;
mod spec;
mod stored;
