//! Tests of the ratchet.
