//! Compiling models.
