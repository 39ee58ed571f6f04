//! The report as pictures: for each observer, every measure from chance to its best.
//!
//! Spec: docs/nothing-to-mine.md. Invariant: the numbers are those of the table.

use std::error::Error;
use std::fs;
use std::path::Path;

use plotters::prelude::*;

use super::measure::{Measure, Report};
use super::table::{MEASURES, OBSERVERS, SYSTEMS, find};
use super::view::Observer;

const COLOURS: [RGBColor; 3] = [RGBColor(204, 80, 62), RGBColor(29, 105, 150), RGBColor(15, 133, 84)];

/// Writes `mine-disk.svg`, `mine-operator.svg` and `mine-network.svg` into `folder`.
///
/// # Errors
/// Whatever the file system or the drawing says.
pub(super) fn all(report: &Report, folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    for (observer, name) in OBSERVERS {
        one(report, observer, name, &folder.join(format!("mine-{name}.svg")))?;
    }
    Ok(())
}

fn one(report: &Report, observer: Observer, name: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    let shown: Vec<(Measure, &str)> =
        MEASURES.into_iter().filter(|(measure, _)| *measure != Measure::Length).collect();
    let area = SVGBackend::new(path, (900, 60 + 50 * shown.len() as u32)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(format!("what the {name} tells (0 to 1; | is chance)"), ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(24)
        .y_label_area_size(260)
        .build_cartesian_2d(0.0..1.0_f64, 0.0..shown.len() as f64)?;
    let label = |y: &f64| {
        let row = shown.len().saturating_sub(1).saturating_sub(y.floor() as usize);
        shown.get(row).map_or_else(String::new, |(_, what)| (*what).to_string())
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(shown.len())
        .y_label_formatter(&label)
        .label_style(("sans-serif", 12))
        .draw()?;
    for (row, (measure, _)) in shown.iter().enumerate() {
        let bottom = (shown.len() - 1 - row) as f64;
        for (place, (system, _)) in SYSTEMS.iter().enumerate() {
            let Some(cell) = find(report, *measure, *system, observer) else { continue };
            let y = bottom + 0.7 - 0.2 * place as f64;
            if let Some(estimate) = cell.estimate {
                let colour = COLOURS[place];
                let (low, high) = (estimate.low.clamp(0.0, 1.0), estimate.high.clamp(0.0, 1.0));
                chart.draw_series([PathElement::new(vec![(low, y), (high, y)], colour.stroke_width(2))])?;
                chart.draw_series([Circle::new((estimate.mean.clamp(0.0, 1.0), y), 4, colour.filled())])?;
            }
            if let Some(chance) = cell.chance {
                let line = vec![(chance.mean, bottom + 0.2), (chance.mean, bottom + 0.8)];
                chart.draw_series([PathElement::new(line, BLACK.mix(0.4))])?;
            }
        }
    }
    for (place, (_, system)) in SYSTEMS.iter().enumerate() {
        let style = ("sans-serif", 14).into_font().color(&COLOURS[place]);
        area.draw(&Text::new(*system, (20, 14 + 16 * place as i32), style))?;
    }
    area.present()?;
    Ok(())
}
