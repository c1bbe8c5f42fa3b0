//! The proxy daemon: hands over to `lbproxy::process`.

fn main() {}
