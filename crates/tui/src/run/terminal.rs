//! [`Screen`]: the terminal, taken and given back.
//!
//! Spec: docs/guide/chat.md, "Ending". Invariant: however the process ends short of SIGKILL, the terminal is restored
//! first: on drop, in the panic hook, before stopping.

use std::io::{self, Stdout, Write, stdout};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture,
};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Most bytes that are put on the clipboard: terminals refuse more.
const COPY_MAX: usize = 74_994;

/// Whether the terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether something panicked.
static BROKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal while it is ours.
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    mouse: bool,
    suspend: bool,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// What the terminal said.
    pub(crate) fn enter() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                BROKEN.store(true, Ordering::SeqCst);
                restore();
                before(info);
            }));
        });
        let mouse = std::env::var_os("SUBROSA_NO_MOUSE").is_none();
        let mut screen =
            Self { terminal: Terminal::new(CrosstermBackend::new(stdout()))?, mouse, suspend: false };
        screen.enter_again()?;
        Ok(screen)
    }

    /// Takes it again after it was given back, and clears it.
    pub(crate) fn enter_again(&mut self) -> io::Result<()> {
        TAKEN.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange, Hide)?;
        if self.mouse {
            execute!(stdout(), EnableMouseCapture)?;
        }
        self.clear()
    }

    /// All of the terminal.
    pub(crate) fn area(&self) -> io::Result<Rect> {
        let size = self.terminal.size()?;
        Ok(Rect::new(0, 0, size.width, size.height))
    }

    /// Draws what differs from what is shown.
    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        if !broken() {
            self.terminal.draw(|frame| draw(frame.buffer_mut()))?;
        }
        Ok(())
    }

    /// Forgets what is shown: the next drawing draws everything.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        // Not ratatui's `clear`: that asks the terminal where its cursor stands, and whoever reads the keys takes the
        // answer, or a terminal gives none.
        let area = self.area()?;
        self.terminal.resize(area)
    }

    /// Puts text on the terminal's clipboard (OSC 52), also through SSH.
    pub(crate) fn copy(&self, text: &str) -> io::Result<()> {
        let end = (0..=text.len().min(COPY_MAX)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        let coded = BASE64_STANDARD.encode(text.get(..end).unwrap_or_default());
        let mut out = stdout();
        write!(out, "\x1b]52;c;{coded}\x07")?;
        out.flush()
    }

    /// Rings the bell.
    pub(crate) fn bell(&self) -> io::Result<()> {
        let mut out = stdout();
        out.write_all(b"\x07")?;
        out.flush()
    }

    /// Remembers that the process is to be stopped once the messages at hand were taken in.
    pub(crate) const fn ask_suspension(&mut self) {
        self.suspend = true;
    }

    /// Whether it is to be stopped.
    pub(crate) const fn take_suspension(&mut self) -> bool {
        std::mem::replace(&mut self.suspend, false)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Whether something panicked: nothing may be drawn any more.
pub(crate) fn broken() -> bool {
    BROKEN.load(Ordering::SeqCst)
}

/// Gives the terminal back, if it is ours. What fails here can't be told anyone.
pub(crate) fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            stdout(),
            DisableMouseCapture,
            DisableFocusChange,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        let _ = disable_raw_mode();
    }
}
