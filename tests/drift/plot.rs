//! The drawing of clause 22.4: differences over noise levels, both logarithmic, as an SVG in the
//! look of `dcodec rd`.

use std::fmt::Write;

/// The difference of pictures over noise levels for errors of one size.
pub struct Line {
    pub name: String,
    /// (sigma, difference) in levels, layer by layer.
    pub chain: Vec<(f64, f64)>,
    /// (sigma, error) in levels of one call of the network.
    pub call: Vec<(f64, f64)>,
}

/// One plot of several that stand side by side on the same axes.
pub struct Panel {
    pub title: &'static str,
    pub lines: Vec<Line>,
}

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 560.0;
const TOP: f64 = 124.0;
const BOTTOM: f64 = 488.0;
const LEFT: f64 = 72.0;
/// Room for the names of the lines after each panel.
const NAMES: f64 = 62.0;
const INK: &str = "#222222";
const GREY: &str = "#6e6e6e";
const GRID: &str = "#e4e4e4";
/// Colours of Okabe and Ito, for all kinds of colour vision.
const COLOURS: [&str; 5] = ["#0072b2", "#009e73", "#e69f00", "#d55e00", "#cc79a7"];

fn text(svg: &mut String, (x, y): (f64, f64), size: u32, colour: &str, more: &str, text: &str) {
    let style = format!("font-size=\"{size}\" fill=\"{colour}\" {more}");
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{text}</text>");
}

fn path(svg: &mut String, points: &[(f64, f64)], colour: &str, more: &str) {
    let points: Vec<String> = points
        .iter()
        .map(|p| format!("{:.1},{:.1}", p.0, p.1))
        .collect();
    let points = points.join(" ");
    let _ = writeln!(
        svg,
        "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-linejoin=\"round\" {more}/>"
    );
}

/// Draws panels of one scale; the first layers are on the left.
pub fn svg(title: &str, under: [&str; 2], panels: &[Panel]) -> String {
    let all = || panels.iter().flat_map(|p| &p.lines);
    let points = || all().flat_map(|l| l.chain.iter().chain(&l.call));
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = || points().map(of).filter(|v| *v > 0.0);
        (
            values().fold(f64::INFINITY, f64::min),
            values().fold(0.0, f64::max),
        )
    };
    let ((x_low, x_high), (y_low, y_high)) = (range(|p| p.0), range(|p| p.1));
    let (low, high) = (y_low.log10().floor() as i32, y_high.log10().ceil() as i32);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         role=\"img\" font-family=\"Roboto, 'Helvetica Neue', Arial, sans-serif\">\n<title>{title}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
    );
    text(
        &mut svg,
        (24.0, 38.0),
        21,
        INK,
        "font-weight=\"500\"",
        title,
    );
    for (i, line) in under.into_iter().enumerate() {
        let at = (24.0, 62.0 + 19.0 * i as f64);
        text(&mut svg, at, 14, GREY, "", line);
    }
    let step = (WIDTH - LEFT - 8.0) / panels.len() as f64;
    for (i, panel) in panels.iter().enumerate() {
        let left = LEFT + step * i as f64;
        let right = left + step - NAMES;
        let place = |&(sigma, v): &(f64, f64)| {
            let down = (v.log10() - f64::from(high)) / f64::from(low - high);
            let along = (x_high / sigma).ln() / (x_high / x_low).ln();
            (left + along * (right - left), TOP + down * (BOTTOM - TOP))
        };
        let middle = "text-anchor=\"middle\"";
        for power in low..=high {
            let y = place(&(x_high, 10f64.powi(power))).1;
            path(&mut svg, &[(left, y), (right, y)], GRID, "");
            if i == 0 {
                let name = format!("1e{power}").replace('-', "\u{2212}");
                let at = (left - 8.0, y + 4.5);
                text(&mut svg, at, 13, GREY, "text-anchor=\"end\"", &name);
            }
        }
        for sigma in [1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0] {
            if (x_low..=x_high).contains(&sigma) {
                let x = place(&(sigma, 1.0)).0;
                path(&mut svg, &[(x, TOP), (x, BOTTOM)], GRID, "");
                let at = (x, BOTTOM + 21.0);
                text(&mut svg, at, 13, GREY, middle, &format!("{sigma}"));
            }
        }
        let centre = (left + right) / 2.0;
        let bold = "font-weight=\"500\"";
        text(&mut svg, (left, TOP - 14.0), 15, INK, bold, panel.title);
        let axis = "noise level sigma in levels, layer by layer";
        text(&mut svg, (centre, BOTTOM + 45.0), 14, GREY, middle, axis);
        for (line, colour) in panel.lines.iter().zip(COLOURS.iter().cycle()) {
            let drawn = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
                let seen = points.iter().filter(|p| p.1 > 0.0);
                seen.map(place).collect()
            };
            let dots = "stroke-width=\"1.4\" stroke-linecap=\"round\" stroke-dasharray=\"1 5\"";
            path(&mut svg, &drawn(&line.call), colour, dots);
            let chain = drawn(&line.chain);
            path(&mut svg, &chain, colour, "stroke-width=\"2.6\"");
            if let Some(end) = chain.last() {
                let at = (right + 8.0, end.1 + 5.0);
                text(&mut svg, at, 15, colour, bold, &line.name);
            }
        }
    }
    svg += "</svg>\n";
    svg
}
