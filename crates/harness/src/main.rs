//! `subrosa-harness`. Spec: docs/ARCHITECTURE.md, "The harness". Invariant: everything is in the library.

fn main() -> std::process::ExitCode {
    subrosa_harness::cli::main()
}
