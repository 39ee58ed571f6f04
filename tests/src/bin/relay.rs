//! The relay, as the tests start it.
fn main() -> std::process::ExitCode {
    subrosa_relay::main()
}
