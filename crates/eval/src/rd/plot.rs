//! The rate-distortion plot: quality against bits per pixel, every curve named at its end.

pub mod axis;

use super::bd::Pchip;
use super::curves::{Curve, CurveKind};
use super::scene::{Anchor, Rgb, Scene, Shape, Text};
use super::settings::Metric;
use axis::Axis;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 600.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = 540.0;
const LABEL: f64 = 15.0;
/// From the baseline of one label to that of the next.
const LABEL_STEP: f64 = 19.0;
/// From the end of a curve to its label.
const LABEL_GAP: f64 = 22.0;
const OUR_WIDTH: f64 = 3.4;
const PEER_WIDTH: f64 = 1.6;

const INK: Rgb = [34, 34, 34];
const GREY: Rgb = [110, 110, 110];
const GRID: Rgb = [228, 228, 228];
/// Vermilion, the most striking of the colours that Okabe and Ito chose for all kinds of colour
/// vision.
const OURS: Rgb = [213, 94, 0];

/// Colour of a peer, one of Okabe's and Ito's.
fn colour(codec: &str) -> Rgb {
    match codec.trim_end_matches("-prefix") {
        "jpeg" | "mozjpeg" => [204, 121, 167],
        "jpeg2000" => [86, 180, 233],
        "webp" => [230, 159, 0],
        "jxl" => [0, 158, 115],
        "avif" => [0, 114, 178],
        "heif" => [90, 90, 90],
        _ => OURS,
    }
}

/// A plot to draw.
pub struct Plot<'a> {
    pub title: &'a str,
    pub metric: Metric,
    pub linear: bool,
    /// Ours first.
    pub curves: &'a [Curve],
}

/// A curve ready to draw: measured points, and a smooth line through them.
struct CurveLine {
    name: String,
    kind: CurveKind,
    colour: Rgb,
    dots: Vec<(f64, f64)>,
    path: Vec<(f64, f64)>,
}

impl Plot<'_> {
    /// The drawing; none if there is nothing that can be shown.
    pub fn scene(&self) -> Option<Scene> {
        let measured = |curve: &Curve| -> Vec<(f64, f64)> {
            let mut line = curve.line(self.metric);
            line.retain(|p| p.0 > 0.0 && p.1.is_finite());
            line.dedup_by_key(|p| p.0);
            line
        };
        let measured: Vec<_> = self
            .curves
            .iter()
            .map(|curve| (curve, measured(curve)))
            .filter(|(_, dots)| !dots.is_empty())
            .collect();
        // The prefixes where they were measured, for they come first.
        let is_ours = |kind| matches!(kind, CurveKind::Ours | CurveKind::Made);
        let ours = &measured.iter().find(|c| is_ours(c.0.kind))?.1;
        let highest = ours.last()?.0;
        // Our first layers cost next to nothing; a few octaves show all that can be compared.
        let peers = measured.iter().filter(|c| c.0.kind == CurveKind::Peer);
        let first = peers.map(|c| 0.75 * c.1[0].0);
        let lowest = first.fold(f64::INFINITY, f64::min);
        let lowest = match lowest.is_finite() {
            true => lowest.max(highest / 100.0),
            false => highest / 50.0,
        };
        let from = match self.linear {
            true => 0.0,
            false => lowest.max(ours[0].0).min(highest / 2.0),
        };
        let window = (from, highest);

        // Ours last, over the others.
        let mut lines: Vec<CurveLine> = measured
            .into_iter()
            .rev()
            .map(|(curve, dots)| line(curve, dots, window))
            .collect();
        lines.retain(|l| l.path.len() > 1);

        let names = lines.iter().map(|l| label(&l.name, l.colour).width());
        let right = WIDTH - LABEL_GAP - 20.0 - names.fold(0.0, f64::max);
        let y = quality(&lines, self.metric)?;
        // The axis begins where the first curve comes up into the plot.
        let visible = lines
            .iter()
            .filter_map(|l| l.path.iter().find(|p| p.1 >= y.from))
            .map(|p| p.0);
        let from = visible.fold(highest / 2.0, f64::min).max(from);
        let x = match self.linear {
            true => Axis::linear(0.0, highest, (LEFT, right), 9.0),
            false => Axis::log(from, highest, (LEFT, right)),
        };
        let mut scene = Scene {
            title: format!("{}: rate and distortion", self.title),
            width: WIDTH,
            height: HEIGHT,
            shapes: Vec::new(),
        };
        self.frame(&mut scene, &x, &y, right);
        draw(&mut scene, &lines, &x, &y, right);
        Some(scene)
    }

    fn frame(&self, scene: &mut Scene, x: &Axis, y: &Axis, right: f64) {
        let mut text = |text: &str, at, size, bold, anchor, colour| {
            scene.shapes.push(Shape::Text(Text {
                text: text.to_owned(),
                at,
                size,
                bold,
                anchor,
                colour,
            }));
        };
        let metric = match self.metric {
            Metric::Psnr => "RGB PSNR in dB",
            Metric::MsSsim => "RGB MS-SSIM in dB: \u{2212}10 log10(1 \u{2212} MS-SSIM)",
            Metric::Ssimulacra2 => "SSIMULACRA2",
        };
        text(self.title, (24.0, 38.0), 21.0, true, Anchor::Start, INK);
        text(metric, (24.0, 66.0), 14.0, false, Anchor::Start, GREY);
        let axis = match self.linear {
            true => "bits per pixel",
            false => "bits per pixel, logarithmic",
        };
        let middle = (LEFT + right) / 2.0;
        text(
            axis,
            (middle, BOTTOM + 46.0),
            14.0,
            false,
            Anchor::Middle,
            GREY,
        );
        for &(value, ref name) in &x.ticks {
            let at = (x.place(value), BOTTOM + 22.0);
            text(name, at, 13.0, false, Anchor::Middle, GREY);
        }
        for &(value, ref name) in &y.ticks {
            let at = (LEFT - 10.0, y.place(value) + 4.5);
            text(name, at, 13.0, false, Anchor::End, GREY);
        }
        let mut rule = |from, to, colour| {
            scene.shapes.push(Shape::Line {
                points: vec![from, to],
                width: 1.0,
                colour,
                dash: None,
            });
        };
        for &(value, _) in &x.ticks {
            let at = x.place(value);
            rule((at, TOP), (at, BOTTOM), GRID);
        }
        for &(value, _) in &y.ticks {
            let at = y.place(value);
            rule((LEFT, at), (right, at), GRID);
        }
        rule((LEFT, BOTTOM), (right, BOTTOM), [150, 150, 150]);
    }
}

/// The axis of the qualities of all lines, between round numbers.
fn quality(lines: &[CurveLine], metric: Metric) -> Option<Axis> {
    let all = || lines.iter().flat_map(|l| l.path.iter().map(|p| p.1));
    let mut low = all().fold(f64::INFINITY, f64::min);
    let high = all().fold(f64::NEG_INFINITY, f64::max);
    if !(low.is_finite() && high.is_finite()) {
        return None;
    }
    if metric == Metric::Ssimulacra2 {
        // Scores far below zero say little, and would squeeze those that do.
        low = low.max((high - 60.0).min(0.0));
    }
    Some(Axis::rounded(
        low.min(high - 0.5),
        high,
        (BOTTOM, TOP),
        10.0,
    ))
}

/// The part of a curve within a window of rates. Few points are joined by a monotone cubic in log
/// rate.
fn line(of: &Curve, dots: Vec<(f64, f64)>, (from, to): (f64, f64)) -> CurveLine {
    let curve = Pchip::new(dots.iter().map(|p| (p.0.ln(), p.1)).collect());
    let first = dots.first().map_or(to, |p| p.0).max(from);
    let last = dots.last().map_or(from, |p| p.0).min(to);
    let path = match curve {
        Some(curve) if first < last => {
            let (a, b) = (first.ln(), last.ln());
            const PIECES: u32 = 160;
            let mut rates: Vec<f64> = (0..=PIECES)
                .map(|i| a + (b - a) * f64::from(i) / f64::from(PIECES))
                .chain(dots.iter().map(|p| p.0.ln()))
                .map(|r| r.clamp(a, b))
                .collect();
            rates.sort_by(f64::total_cmp);
            rates.iter().map(|&r| (r.exp(), curve.at(r))).collect()
        }
        _ => Vec::new(),
    };
    let dots = dots
        .into_iter()
        .filter(|p| (first..=last).contains(&p.0))
        .collect();
    CurveLine {
        name: of.title.clone(),
        kind: of.kind,
        colour: colour(&of.codec),
        dots,
        path,
    }
}

fn draw(scene: &mut Scene, lines: &[CurveLine], x: &Axis, y: &Axis, right: f64) {
    let place = |&(rate, quality): &(f64, f64)| (x.place(rate), y.place(quality));
    let ends: Vec<(f64, f64)> = lines
        .iter()
        .filter_map(|l| l.path.last().map(place))
        .collect();
    let wanted: Vec<f64> = ends.iter().map(|e| e.1).collect();
    let spread = spread(&wanted, LABEL_STEP, (TOP + 6.0, BOTTOM - 6.0));
    for (line, (end, at)) in lines.iter().zip(ends.iter().zip(spread)) {
        // A curve that ends early, or whose label had to move, is led to it.
        scene.shapes.push(Shape::Line {
            points: vec![
                (end.0 + 3.0, end.1),
                (right + 6.0, end.1),
                (right + LABEL_GAP - 5.0, at),
            ],
            width: 0.8,
            colour: line.colour,
            dash: None,
        });
        let mut name = label(&line.name, line.colour);
        name.at = (right + LABEL_GAP, at + 0.35 * LABEL);
        scene.shapes.push(Shape::Text(name));
    }
    for line in lines {
        let (width, dash) = match line.kind {
            CurveKind::Ours => (OUR_WIDTH, None),
            CurveKind::Made => (OUR_WIDTH, Some((12.0, 4.0))),
            CurveKind::Ideal => (PEER_WIDTH, Some((1.0, 5.0))),
            CurveKind::Peer => (PEER_WIDTH, None),
            CurveKind::Prefix => (PEER_WIDTH, Some((6.0, 5.0))),
        };
        for part in clip(line.path.iter().map(place)) {
            scene.shapes.push(Shape::Line {
                points: part,
                width,
                colour: line.colour,
                dash,
            });
        }
        let visible = line.dots.iter().map(place);
        // Ours has a layer every few steps: dots would only thicken it.
        if matches!(line.kind, CurveKind::Ours | CurveKind::Ideal) {
            continue;
        }
        for at in visible.filter(|p| (TOP..=BOTTOM).contains(&p.1)) {
            scene.shapes.push(Shape::Dot {
                at,
                radius: 2.6,
                colour: line.colour,
            });
        }
    }
}

fn label(name: &str, colour: Rgb) -> Text {
    Text {
        text: name.to_owned(),
        at: (0.0, 0.0),
        size: LABEL,
        bold: true,
        anchor: Anchor::Start,
        // Light colours need to be darker as text.
        colour: colour.map(|c| (f64::from(c) * 0.78) as u8),
    }
}

/// The parts of a path between the top and the bottom of the plot.
fn clip(path: impl Iterator<Item = (f64, f64)>) -> Vec<Vec<(f64, f64)>> {
    let path: Vec<_> = path.collect();
    let mut parts: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for pair in path.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        // Where along the pair the borders are crossed.
        let cross = |y: f64| ((y - a.1) / (b.1 - a.1)).clamp(0.0, 1.0);
        let (mut start, mut end) = (0.0, 1.0);
        if a.1 != b.1 {
            let (s, t) = (cross(TOP), cross(BOTTOM));
            (start, end) = (s.min(t), s.max(t));
        } else if !(TOP..=BOTTOM).contains(&a.1) {
            end = 0.0;
        }
        let at = |t: f64| (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
        if start > 0.0 || start >= end {
            parts.push(Vec::new());
        }
        if let Some(part) = parts.last_mut()
            && start < end
        {
            if part.is_empty() {
                part.push(at(start));
            }
            part.push(at(end));
        }
    }
    parts.retain(|p| p.len() > 1);
    parts
}

/// Places near the wanted ones, at least `step` apart, and within the range where there is room.
/// Runs of neighbours too close are spread evenly about their mean, which moves them least.
fn spread(wanted: &[f64], step: f64, (low, high): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    // For each run: the place of its first label, and its length.
    let mut runs: Vec<(f64, usize)> = Vec::new();
    for &i in &order {
        let mut run = (wanted[i], 1);
        while let Some(&(place, length)) = runs.last()
            && place + length as f64 * step > run.0
        {
            runs.pop();
            let (n, m) = (length as f64, run.1 as f64);
            run = (
                (n * place + m * (run.0 - n * step)) / (n + m),
                length + run.1,
            );
        }
        runs.push(run);
    }
    let mut places: Vec<f64> = runs
        .iter()
        .flat_map(|&(place, length)| (0..length).map(move |k| place + k as f64 * step))
        .collect();
    // Pushed back inside from the bottom, then from the top.
    let mut limit = high;
    for place in places.iter_mut().rev() {
        *place = place.min(limit);
        limit = *place - step;
    }
    let mut limit = low;
    for place in &mut places {
        *place = place.max(limit);
        limit = *place + step;
    }
    let mut out = vec![0.0; wanted.len()];
    for (&i, place) in order.iter().zip(places) {
        out[i] = place;
    }
    out
}

#[cfg(test)]
mod tests;
