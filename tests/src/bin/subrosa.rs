//! The messenger, as the tests start it.
fn main() -> std::process::ExitCode {
    subrosa::main()
}
