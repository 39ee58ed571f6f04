//! [`subrosa`]: the traffic through the real engine and the real relay core, and what three observers have of it.
//!
//! Spec: docs/nothing-to-mine.md, "Three systems". Invariant: no model: every cell is sealed by an engine, every
//! request is answered by the relay's core, and the views are made of the frames and the store, but for the times of
//! connections, which are those of the traffic. Which frame belongs to which message is known only to score guesses.

mod line;
mod record;
mod world;

use super::traffic::Traffic;
use super::view::View;

pub use record::{DATAGRAM, datagrams};
pub use world::Stuck;

/// Runs `traffic`; what the disk, the operator and the network have seen.
///
/// # Errors
/// [`Stuck`] when engine or relay did not do what an honest run must; the views would be worth nothing.
pub fn subrosa(traffic: &Traffic) -> Result<[View; 3], Stuck> {
    let mut world = world::World::new(traffic)?;
    world.meet()?;
    world.live()?;
    Ok(world.into_record().views(traffic))
}

#[cfg(test)]
mod tests;
