//! A screen as SVG: the picture in the README.
//!
//! Spec: README.md. Invariant: it draws a buffer cell by cell, so that it shows what a terminal would.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use crate::look::Look;
use crate::scene;
use crate::view::view;

/// Width and height of a cell in pixels.
const CELL: (f32, f32) = (8.4, 18.0);
/// Pixels around the screen.
const MARGIN: f32 = 14.0;
/// Colours of the terminal: ground, letters.
const GROUND: &str = "#16181d";
const LETTERS: &str = "#d8dee9";

/// The README's picture.
pub(crate) fn picture() -> String {
    let model = scene::chatting(Look::standard(), 100, 26);
    let mut buf = Buffer::empty(model.area);
    view(&model, &mut buf);
    svg(&buf)
}

/// `buf` as an SVG document.
fn svg(buf: &Buffer) -> String {
    let (columns, rows) = (f32::from(buf.area.width), f32::from(buf.area.height));
    let (width, height) = (columns * CELL.0 + 2.0 * MARGIN, rows * CELL.1 + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" font-family=\"'DejaVu Sans Mono', \
         'Menlo', 'Consolas', monospace\" font-size=\"14\" role=\"img\" aria-label=\"subrosa in a terminal\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>\n"
    );
    for y in 0..buf.area.height {
        for run in runs(buf, y) {
            draw(&mut out, &run, y);
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Cells of one row that look the same.
struct Run {
    x: u16,
    columns: usize,
    text: String,
    fg: &'static str,
    bg: Option<&'static str>,
    bold: bool,
}

fn runs(buf: &Buffer, y: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut x = 0;
    while x < buf.area.width {
        let cell = &buf[(buf.area.x + x, buf.area.y + y)];
        let columns = cell.symbol().width().max(1);
        let (fg, bg) = colours(cell);
        let bold = cell.modifier.contains(Modifier::BOLD);
        match runs.last_mut() {
            // A wide letter stands alone, so that the next one starts in its own column.
            Some(last)
                if (last.fg, last.bg, last.bold) == (fg, bg, bold)
                    && columns == 1
                    && last.columns == last.text.chars().count() =>
            {
                last.text.push_str(cell.symbol());
                last.columns += 1;
            }
            _ => runs.push(Run { x, columns, text: cell.symbol().to_owned(), fg, bg, bold }),
        }
        x += u16::try_from(columns).unwrap_or(1);
    }
    runs
}

fn draw(out: &mut String, run: &Run, y: u16) {
    let left = f32::from(run.x) * CELL.0 + MARGIN;
    let top = f32::from(y) * CELL.1 + MARGIN;
    let width = u16::try_from(run.columns).map_or(0.0, f32::from) * CELL.0;
    if let Some(bg) = run.bg {
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{bg}\"/>",
            CELL.1
        );
    }
    if run.text.trim().is_empty() {
        return;
    }
    let weight = if run.bold { " font-weight=\"bold\"" } else { "" };
    let text = run.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        out,
        "<text x=\"{left:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
         xml:space=\"preserve\" fill=\"{}\"{weight}>{text}</text>",
        top + 13.5,
        run.fg
    );
}

fn colours(cell: &Cell) -> (&'static str, Option<&'static str>) {
    let fg = colour(cell.fg).unwrap_or(LETTERS);
    let bg = colour(cell.bg);
    if cell.modifier.contains(Modifier::REVERSED) { (bg.unwrap_or(GROUND), Some(fg)) } else { (fg, bg) }
}

const fn colour(colour: Color) -> Option<&'static str> {
    match colour {
        Color::Reset => None,
        Color::Black => Some("#16181d"),
        Color::Red | Color::LightRed => Some("#e06c75"),
        Color::Green | Color::LightGreen => Some("#98c379"),
        Color::Yellow | Color::LightYellow => Some("#e5c07b"),
        Color::Blue | Color::LightBlue => Some("#7cb7ff"),
        Color::Magenta | Color::LightMagenta => Some("#c678dd"),
        Color::Cyan | Color::LightCyan => Some("#63c5d1"),
        Color::DarkGray => Some("#737b8c"),
        Color::Gray => Some("#a5adba"),
        _ => Some("#ffffff"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_picture_is_what_the_program_draws() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/screen.svg");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == picture(),
            "docs/screen.svg is out of date: cargo run -q -- picture > docs/screen.svg"
        );
    }
}
