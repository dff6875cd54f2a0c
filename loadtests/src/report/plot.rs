//! Lines over the seconds of a run, as inline SVG.

use anyhow::{Result, anyhow};
use plotters::prelude::{
    BLACK, ChartBuilder, Color as _, IntoDrawingArea as _, LineSeries, Palette as _, Palette99, PathElement,
    SVGBackend, SeriesLabelPosition, WHITE,
};

const SIZE: (u32, u32) = (960, 320);

/// A plot of named lines with a value per second.
pub(super) fn lines(unit: &str, lines: &[(String, Vec<f64>)]) -> Result<String> {
    let mut svg = String::new();
    draw(&mut svg, unit, lines).map_err(|error| anyhow!("a plot cannot be drawn: {error}"))?;
    Ok(svg)
}

fn draw(svg: &mut String, unit: &str, lines: &[(String, Vec<f64>)]) -> Result<(), Box<dyn std::error::Error>> {
    let length = lines.iter().map(|(_, values)| values.len()).max().unwrap_or_default().max(2);
    let highest = lines.iter().flat_map(|(_, values)| values).copied().fold(1.0, f64::max);
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(10)
        .x_label_area_size(32)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..(length - 1) as f64, 0.0..highest * 1.05)?;
    chart.configure_mesh().x_desc("s").y_desc(unit).light_line_style(WHITE).draw()?;
    for (index, (name, values)) in lines.iter().enumerate() {
        let colour = Palette99::pick(index).stroke_width(2);
        let points = values.iter().enumerate().map(|(second, value)| (second as f64, *value));
        chart
            .draw_series(LineSeries::new(points, colour))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    }
    if !lines.is_empty() {
        let legend = &mut chart.configure_series_labels();
        legend.position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.8)).border_style(BLACK).draw()?;
    }
    root.present()?;
    drop(chart);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_plot_is_svg_with_its_lines_named() -> anyhow::Result<()> {
        let svg = super::lines("ms", &[("p99".to_owned(), vec![1.0, 2.0, 3.0])])?;
        assert!(svg.trim_start().starts_with("<svg") && svg.contains("p99"), "{svg}");
        assert!(super::lines("ms", &[])?.contains("</svg>"));
        Ok(())
    }
}
