//! The relay's configuration file.
//!
//! Spec: docs/guide/relay.md, "Configuration". Invariant: any text is a configuration or an error with a line; what was
//! read is written and read again as the same.

use std::path::PathBuf;

use subrosa_relay::config::{Config, EXAMPLE};

use super::Target;

pub(super) const TARGETS: &[Target] = &[Target { name: "config", longest: 1_024, run: config, seeds }];

fn load(text: &[u8]) -> Option<Config> {
    std::thread_local! {
        static FILE: PathBuf = {
            let name = format!("subrosa-config-{}-{:?}.toml", std::process::id(), std::thread::current().id());
            std::env::temp_dir().join(name)
        };
    }
    FILE.with(|path| {
        std::fs::write(path, text).expect("a file of its own can be written");
        let loaded = Config::load(path);
        let _ = std::fs::remove_file(path);
        loaded.ok()
    })
}

fn config(input: &[u8]) {
    if let Some(config) = load(input) {
        let written = config.to_toml();
        assert_eq!(load(written.as_bytes()), Some(config), "{written}");
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut some = Config::local(PathBuf::from("/var/lib/subrosa-relay"));
    some.host = Some("relay.example.org".to_owned());
    let strip = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.fold(String::new(), |text, line| text + line + "\n").into_bytes()
    };
    vec![
        strip(EXAMPLE),
        strip(&some.to_toml()),
        b"[relay]\nlisten = \"[::]:4433\"\n".to_vec(),
        b"[limits]\nqueues = 0x_10\n".to_vec(),
    ]
}
