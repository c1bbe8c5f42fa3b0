//! Start order, privileges, signals, reload; owns the listeners.
