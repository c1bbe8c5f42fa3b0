//! The state machine on a virtual clock.
