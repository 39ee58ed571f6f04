//! QR codes of half blocks: two modules to a cell.
//!
//! Spec: docs/guide/chat.md, "Inviting and adding".
//! Invariant: dark modules are drawn dark on a light ground, whatever the theme.

use qrcode::{Color, EcLevel, QrCode};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::look::Look;

/// Modules of quiet zone: scanners are promised four, two are enough on a screen.
const QUIET: usize = 2;

/// A code, as rows of modules with the quiet zone around.
pub(crate) struct Qr {
    code: QrCode,
}

impl Qr {
    /// The code of `text`; `None` when it is too long for one.
    pub(crate) fn of(text: &str) -> Option<Self> {
        Some(Self { code: QrCode::with_error_correction_level(text, EcLevel::L).ok()? })
    }

    fn side(&self) -> usize {
        self.code.width() + 2 * QUIET
    }

    /// Columns and rows that it takes.
    pub(crate) fn size(&self) -> (u16, u16) {
        let side = u16::try_from(self.side()).unwrap_or(u16::MAX);
        (side, side.div_ceil(2))
    }

    fn dark(&self, x: usize, y: usize) -> bool {
        let inside = QUIET..QUIET + self.code.width();
        inside.contains(&x) && inside.contains(&y) && self.code[(x - QUIET, y - QUIET)] == Color::Dark
    }

    /// Draws it at the top left of `area`. Answers `false`, and draws nothing, when it does not fit or half blocks
    /// can't be drawn.
    pub(crate) fn draw(&self, look: Look, area: Rect, buf: &mut Buffer) -> bool {
        let (width, height) = self.size();
        if look.ascii || width > area.width || height > area.height {
            return false;
        }
        let style = if look.colour {
            Style::new().fg(ratatui::style::Color::Black).bg(ratatui::style::Color::White)
        } else {
            Style::new()
        };
        for row in 0..height {
            for column in 0..width {
                let (x, y) = (usize::from(column), usize::from(row) * 2);
                let (upper, lower) = (self.dark(x, y), self.dark(x, y + 1));
                // Without colours the light modules are what is drawn, for a dark terminal.
                let (upper, lower) = if look.colour { (upper, lower) } else { (!upper, !lower) };
                let sign = match (upper, lower) {
                    (true, true) => "█",
                    (true, false) => "▀",
                    (false, true) => "▄",
                    (false, false) => " ",
                };
                buf.set_string(area.x + column, area.y + row, sign, style);
            }
        }
        true
    }
}
