//! `subrosa-relay`: see [`subrosa_relay::main`].
fn main() -> std::process::ExitCode {
    subrosa_relay::main()
}
