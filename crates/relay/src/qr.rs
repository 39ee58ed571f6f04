//! A relay address as a QR code of half blocks: two modules to a character cell.
//!
//! Spec: docs/guide/relay.md. Invariant: dark modules are drawn dark on every terminal theme.

use qrcode::{EcLevel, QrCode};

/// Modules of quiet zone around the code; scanners want four, terminals are narrow, two work.
const QUIET: usize = 2;

/// `text` as lines of half blocks with explicit black and white, or `None` when it is too long for a code.
#[must_use]
pub fn half_blocks(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width();
    let dark = |x: usize, y: usize| {
        let inside = (QUIET..QUIET + width).contains(&x) && (QUIET..QUIET + width).contains(&y);
        inside && code[(x - QUIET, y - QUIET)] == qrcode::Color::Dark
    };
    let side = width + 2 * QUIET;
    let mut out = String::new();
    for y in (0..side).step_by(2) {
        // Black on white, whatever the theme.
        out.push_str("\x1b[30;107m");
        for x in 0..side {
            out.push(match (dark(x, y), dark(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        out.push_str("\x1b[0m\n");
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_fits_an_80_column_terminal() {
        let address = format!("subrosa://{}:4190/r#{}", "h".repeat(40), "a".repeat(50));
        let code = half_blocks(&address).expect("fits");
        let widest = code.lines().map(|line| line.chars().filter(|c| " █▀▄".contains(*c)).count()).max();
        assert!(widest.expect("has lines") <= 80);
    }
}
