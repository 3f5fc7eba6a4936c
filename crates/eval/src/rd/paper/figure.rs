//! Figure 5 of the paper with our numbers: distortion and rate against reverse time, and against
//! each other.

use crate::rd::plot::axis::Axis;
use crate::rd::scene::{Anchor, Rgb, Scene, Shape, Text};

const WIDTH: f64 = 1280.0;
const HEIGHT: f64 = 470.0;
const TOP: f64 = 96.0;
const BOTTOM: f64 = 400.0;
const PANEL: f64 = 320.0;
const LEFTS: [f64; 3] = [64.0, 474.0, 884.0];
const INK: Rgb = [34, 34, 34];
const GREY: Rgb = [110, 110, 110];
const GRID: Rgb = [228, 228, 228];

/// Points that belong together, drawn as a line or as dots.
pub struct Series {
    pub name: &'static str,
    pub colour: Rgb,
    pub dots: bool,
    pub points: Vec<(f64, f64)>,
}

/// One of the three panels.
pub struct Panel {
    pub quality: &'static str,
    pub against: &'static str,
    /// The right end of the axis.
    pub to: f64,
    /// Place of the names in parts of the panel, away from the curves.
    pub names: (f64, f64),
    pub series: Vec<Series>,
}

pub fn scene(title: &str, panels: &[Panel; 3]) -> Scene {
    let mut scene = Scene {
        title: title.to_owned(),
        width: WIDTH,
        height: HEIGHT,
        shapes: Vec::new(),
    };
    text(&mut scene, title, (24.0, 38.0), 20.0, Anchor::Start, INK);
    for (panel, left) in panels.iter().zip(LEFTS) {
        draw(&mut scene, panel, left);
    }
    scene
}

fn text(scene: &mut Scene, text: &str, at: (f64, f64), size: f64, anchor: Anchor, colour: Rgb) {
    scene.shapes.push(Shape::Text(Text {
        text: text.to_owned(),
        at,
        size,
        bold: colour != GREY,
        anchor,
        colour,
    }));
}

fn rule(scene: &mut Scene, from: (f64, f64), to: (f64, f64), colour: Rgb) {
    scene.shapes.push(Shape::Line {
        points: vec![from, to],
        width: 1.0,
        colour,
        dash: None,
    });
}

fn draw(scene: &mut Scene, panel: &Panel, left: f64) {
    let right = left + PANEL;
    let highest = panel.series.iter().flat_map(|s| &s.points);
    let highest = highest.map(|p| p.1).fold(1e-3, f64::max);
    let x = Axis::linear(0.0, panel.to, (left, right), 5.0);
    let y = Axis::rounded(0.0, highest, (BOTTOM, TOP), 5.0);
    text(
        scene,
        panel.quality,
        (left - 40.0, TOP - 20.0),
        14.0,
        Anchor::Start,
        GREY,
    );
    let below = ((left + right) / 2.0, BOTTOM + 46.0);
    text(scene, panel.against, below, 14.0, Anchor::Middle, GREY);
    for (value, name) in &x.ticks {
        let at = x.place(*value);
        rule(scene, (at, TOP), (at, BOTTOM), GRID);
        text(scene, name, (at, BOTTOM + 20.0), 12.0, Anchor::Middle, GREY);
    }
    for (value, name) in &y.ticks {
        let at = y.place(*value);
        rule(scene, (left, at), (right, at), GRID);
        text(scene, name, (left - 8.0, at + 4.0), 12.0, Anchor::End, GREY);
    }
    rule(scene, (left, BOTTOM), (right, BOTTOM), [150, 150, 150]);
    for (i, series) in panel.series.iter().enumerate() {
        let inside = series.points.iter().filter(|p| p.0 <= panel.to * 1.001);
        let points: Vec<_> = inside.map(|p| (x.place(p.0), y.place(p.1))).collect();
        match series.dots {
            true => scene.shapes.extend(points.iter().map(|&at| Shape::Dot {
                at,
                radius: 3.6,
                colour: series.colour,
            })),
            false if points.len() > 1 => scene.shapes.push(Shape::Line {
                points,
                width: 2.6,
                colour: series.colour,
                dash: None,
            }),
            false => {}
        }
        let colour = series.colour.map(|c| (f64::from(c) * 0.78) as u8);
        let at = (
            left + panel.names.0 * PANEL,
            TOP + panel.names.1 * (BOTTOM - TOP) + 20.0 * i as f64,
        );
        text(scene, series.name, at, 14.0, Anchor::Start, colour);
    }
}
