//! The fuzzer: libFuzzer around the table of targets, one program for all of them.
//!
//! `tests/fuzz/run` builds and starts it; `SUBROSA_FUZZ_TARGET` names the target, and with `SUBROSA_FUZZ_SEEDS` it writes
//! the seeds of every target into that folder and ends. Spec: docs/spec/README.md, "Errors". Invariant: what it finds
//! fails in `cargo test`, too, once its input lies in tests/fuzz/corpus.
#![no_main]

// The relay's configuration without its sockets and disks, which would take minutes to build.
extern crate self as subrosa_relay;
#[allow(dead_code, unused_imports, reason = "the relay uses the rest")]
#[path = "../../../crates/relay/src"]
mod relay_source {
    pub mod config;
    pub mod store {
        mod settings;
        pub use settings::StoreSettings;
    }
}
pub use relay_source::{config, store};
mod targets;

use std::path::Path;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use targets::Target;

static TARGET: OnceLock<&'static Target> = OnceLock::new();

fn prepare() {
    if let Some(folder) = std::env::var_os("SUBROSA_FUZZ_SEEDS") {
        write_seeds(Path::new(&folder));
        std::process::exit(0);
    }
    let name = std::env::var("SUBROSA_FUZZ_TARGET").unwrap_or_default();
    let Some(target) = targets::all().find(|target| target.name == name) else {
        let names: Vec<_> = targets::all().map(|target| target.name).collect();
        eprintln!("SUBROSA_FUZZ_TARGET must be one of: {}", names.join(" "));
        std::process::exit(2);
    };
    TARGET.get_or_init(|| target);
}

/// `<folder>/<target>/seed-<number>`, and a list of names and lengths for the script.
fn write_seeds(folder: &Path) {
    let mut list = String::new();
    for target in targets::all() {
        list += &format!("{} {}\n", target.name, target.longest);
        let folder = folder.join(target.name);
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:02}")), seed).expect("a seed can be written");
        }
    }
    std::fs::write(folder.join("list"), list).expect("the list can be written");
}

fuzz_target!(init: prepare(), |data: &[u8]| {
    if let Some(target) = TARGET.get() {
        (target.run)(data);
    }
});
