//! The proxy daemon: hands over to `lbproxy::process`.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lbproxy::process::main()
}
