//! HTTP messages: one head type for every version, parsing and framing of HTTP/1, strictness.

pub mod message;

pub use message::{Head, HeaderId, Version};
