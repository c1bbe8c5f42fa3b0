//! The vrrpctl binary: hands the command line to the library and its answer to the shell.

fn main() -> std::process::ExitCode {
    vrrpd::ctl::main(std::env::args())
}
