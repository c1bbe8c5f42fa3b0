//! HTTP messages: one head type for every version, parsing and framing of HTTP/1, strictness.

pub mod body;
pub mod case;
pub mod encode;
pub mod framing;
pub mod message;
pub mod page;
pub mod parse;

pub use message::{Head, HeaderId, Version};
