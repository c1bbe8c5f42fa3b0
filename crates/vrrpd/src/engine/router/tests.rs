//! Routers on a simulated network.
