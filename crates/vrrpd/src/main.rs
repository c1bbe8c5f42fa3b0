//! The vrrpd binary: hands the command line to the library and its answer to the shell.

fn main() -> std::process::ExitCode {
    vrrpd::process::main(std::env::args_os())
}
