//! What people see and steer: the stats socket, the page, exports.

pub mod columns;
pub mod export;
pub mod session;
pub mod view;
