//! Tests of the core: by a service over the model, and by a driver that lets commits and reads overtake each other.

mod admission;
mod delivery;
mod drain;
mod races;
mod things;
mod world;
