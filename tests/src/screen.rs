//! [`Screen`]: the real messenger in a real pseudo-terminal, read by a terminal emulator.
//!
//! Invariant: nothing waits longer than its deadline, and a failure shows the screen as it was.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use crate::{Binaries, PATIENCE, bytes_of_base64};

/// A terminal with `subrosa` in it.
pub struct Screen {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    seen: Arc<Mutex<Seen>>,
}

struct Seen {
    terminal: vt100::Parser,
    raw: Vec<u8>,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Screen(..)")
    }
}

const fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

/// A terminal has one row and one column at least.
fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("a size")
}

impl Screen {
    /// Starts `subrosa --folder FOLDER ARGS` in a terminal of 100 × 30.
    ///
    /// # Panics
    /// When there is no pseudo-terminal.
    #[must_use]
    pub fn start(binaries: Binaries, folder: &Path, args: &[&str]) -> Self {
        let mut command = CommandBuilder::new(binaries.subrosa);
        command.arg("--folder");
        command.arg(folder);
        command.args(args);
        Self::run(command, folder)
    }

    /// Starts a shell with job control, which knows `$SUBROSA` and `$FOLDER`.
    ///
    /// # Panics
    /// When there is no pseudo-terminal.
    #[must_use]
    pub fn shell(binaries: Binaries, folder: &Path) -> Self {
        let mut command = CommandBuilder::new("sh");
        command.arg("-i");
        command.env("PS1", "the-shell$ ");
        command.env_remove("ENV");
        command.env("SUBROSA", binaries.subrosa);
        command.env("FOLDER", folder);
        Self::run(command, folder)
    }

    fn run(mut command: CommandBuilder, folder: &Path) -> Self {
        let pty = native_pty_system().openpty(size(100, 30)).expect("a pseudo-terminal");
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env("LC_ALL", "C.UTF-8");
        // Logs, and the demo's folder, lie beside the profile.
        command.env("XDG_STATE_HOME", folder.with_extension("state"));
        command.env("TMPDIR", folder.parent().expect("a folder of the test's own"));
        command.env_remove("NO_COLOR");
        let child = pty.slave.spawn_command(command).expect("subrosa starts");
        drop(pty.slave);
        let mut out = pty.master.try_clone_reader().expect("its output");
        let keys = pty.master.take_writer().expect("its input");
        let seen = Seen { terminal: vt100::Parser::new(cells(30), cells(100), 0), raw: Vec::new() };
        let seen = Arc::new(Mutex::new(seen));
        let reader = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(len @ 1..) = out.read(&mut bytes) {
                let mut seen = reader.lock().unwrap_or_else(PoisonError::into_inner);
                seen.terminal.process(&bytes[..len]);
                seen.raw.extend_from_slice(&bytes[..len]);
            }
        });
        Self { child, master: pty.master, keys, seen }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands on the screen now.
    #[must_use]
    pub fn text(&self) -> String {
        self.seen().terminal.screen().contents()
    }

    /// Waits until `text` stands on the screen.
    ///
    /// # Panics
    /// When it does not, with the screen.
    pub fn wait_for(&self, text: &str) {
        self.wait(&format!("{text:?}"), |screen| screen.contains(text));
    }

    /// Waits until the screen satisfies `done`.
    ///
    /// # Panics
    /// When it does not, with the screen.
    pub fn wait(&self, what: &str, done: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(&self.text()) {
            assert!(
                Instant::now() < deadline,
                "not on the screen: {what}\n{}\n{}",
                self.text(),
                self.last_words()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What a panic wrote, if there was one: it may have scrolled off the screen.
    fn last_words(&self) -> String {
        let seen = self.seen();
        let raw = String::from_utf8_lossy(&seen.raw);
        raw.rsplit_once("panicked at").map_or_else(String::new, |(_, words)| format!("it panicked at{words}"))
    }

    /// Types `text` as it is; `\r` is Enter.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn type_keys(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).expect("the terminal is there");
        self.keys.flush().expect("the terminal is there");
    }

    /// Pastes `text`, as a terminal with bracketed paste does.
    pub fn paste(&mut self, text: &str) {
        self.type_keys(&format!("\x1b[200~{text}\x1b[201~"));
    }

    /// Makes the terminal another size.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.seen().terminal.screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(size(columns, rows)).expect("the terminal is there");
    }

    /// Sends a signal to the process.
    ///
    /// # Panics
    /// When it has no pid.
    pub fn signal(&self, signal: Signal) {
        let pid = self.child.process_id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?)).expect("a pid");
        // It may have ended by itself.
        let _ = kill_process(pid, signal);
    }

    /// Waits for its end; the exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub fn ended(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                // What it wrote last is read by another thread.
                std::thread::sleep(Duration::from_millis(100));
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "it does not end\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether the terminal is as it was: no alternate screen, cursor shown, no paste mode, no mouse.
    #[must_use]
    pub fn is_restored(&self) -> bool {
        let seen = self.seen();
        let screen = seen.terminal.screen();
        let mouse = screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None;
        !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste() && !mouse
    }

    /// Whether the terminal echoes and edits lines by itself: raw mode is off.
    #[must_use]
    pub fn is_cooked(&self) -> bool {
        // The type of the flags is not this crate's to name; their names are.
        let flags = self.master.get_termios().map(|termios| format!("{:?}", termios.local_flags));
        flags.is_some_and(|flags| flags.contains("ICANON") && flags.contains("ECHO"))
    }

    /// What was put on the terminal's clipboard last (OSC 52).
    #[must_use]
    pub fn copied(&self) -> Option<String> {
        let seen = self.seen();
        let raw = String::from_utf8_lossy(&seen.raw);
        let (_, last) = raw.rsplit_once("\x1b]52;c;")?;
        let (coded, _) = last.split_once('\x07')?;
        String::from_utf8(bytes_of_base64(coded)).ok()
    }

    /// How many bytes were written to the terminal so far.
    #[must_use]
    pub fn written(&self) -> usize {
        self.seen().raw.len()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
