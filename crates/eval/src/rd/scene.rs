//! A drawing of lines, dots and text, written as SVG or PNG.

use std::fmt::Write;
use std::io::Cursor;

use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::outline::{DrawSettings, OutlineGlyphCollection, OutlinePen};
use skrifa::{FontRef, GlyphId, MetadataProvider};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, Stroke, StrokeDash, Transform,
};

/// Roboto, Latin-1 only, under the Apache License 2.0.
const REGULAR: &[u8] = include_bytes!("fonts/Roboto-Regular.ttf");
const MEDIUM: &[u8] = include_bytes!("fonts/Roboto-Medium.ttf");

/// Red, green and blue.
pub type Rgb = [u8; 3];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Debug, Clone)]
pub struct Text {
    pub text: String,
    /// Place of the anchor on the baseline.
    pub at: (f64, f64),
    pub size: f64,
    pub bold: bool,
    pub anchor: Anchor,
    pub colour: Rgb,
}

impl Text {
    /// Width in the PNG; other fonts in the SVG come close.
    pub fn width(&self) -> f64 {
        Face::new(self.bold).map_or(0.0, |face| face.width(&self.text) * self.size)
    }
}

#[derive(Debug, Clone)]
pub enum Shape {
    Line {
        points: Vec<(f64, f64)>,
        width: f64,
        colour: Rgb,
        /// Lengths of dashes and gaps; none for a whole line.
        dash: Option<(f64, f64)>,
    },
    Dot {
        at: (f64, f64),
        radius: f64,
        colour: Rgb,
    },
    Text(Text),
}

/// Shapes on white, the later over the earlier.
#[derive(Debug, Clone)]
pub struct Scene {
    pub title: String,
    pub width: f64,
    pub height: f64,
    pub shapes: Vec<Shape>,
}

impl Scene {
    pub fn svg(&self) -> String {
        let (w, h) = (self.width, self.height);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" \
             font-family=\"Roboto, 'Helvetica Neue', Arial, sans-serif\">\n\
             <title>{}</title>\n<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>\n",
            escape(&self.title)
        );
        for shape in &self.shapes {
            let _ = match shape {
                Shape::Line {
                    points,
                    width,
                    colour,
                    dash,
                } => {
                    let dash = dash.map_or_else(String::new, |(on, off)| {
                        format!(" stroke-dasharray=\"{on} {off}\"")
                    });
                    let points: Vec<String> = points
                        .iter()
                        .map(|p| format!("{:.2},{:.2}", p.0, p.1))
                        .collect();
                    writeln!(
                        out,
                        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\" \
                         stroke-linecap=\"round\" stroke-linejoin=\"round\"{dash}/>",
                        points.join(" "),
                        hex(*colour)
                    )
                }
                Shape::Dot { at, radius, colour } => writeln!(
                    out,
                    "<circle cx=\"{:.2}\" cy=\"{:.2}\" r=\"{radius}\" fill=\"{}\"/>",
                    at.0,
                    at.1,
                    hex(*colour)
                ),
                Shape::Text(t) => {
                    let anchor = match t.anchor {
                        Anchor::Start => "start",
                        Anchor::Middle => "middle",
                        Anchor::End => "end",
                    };
                    let weight = if t.bold { " font-weight=\"500\"" } else { "" };
                    writeln!(
                        out,
                        "<text x=\"{:.2}\" y=\"{:.2}\" font-size=\"{}\"{weight} text-anchor=\"{anchor}\" fill=\"{}\">{}</text>",
                        t.at.0,
                        t.at.1,
                        t.size,
                        hex(t.colour),
                        escape(&t.text)
                    )
                }
            };
        }
        out += "</svg>\n";
        out
    }

    /// Bytes of a PNG file, `scale` pixels to a unit; none if there is no memory for it.
    pub fn png(&self, scale: f64) -> Option<Vec<u8>> {
        let mut out = Cursor::new(Vec::new());
        self.raster(scale)?
            .write_to(&mut out, image::ImageFormat::Png)
            .ok()?;
        Some(out.into_inner())
    }

    /// The drawing in pixels, `scale` of them to a unit; none if there is no memory for it.
    pub fn raster(&self, scale: f64) -> Option<image::RgbImage> {
        let mut pixels = Pixmap::new((self.width * scale) as u32, (self.height * scale) as u32)?;
        pixels.fill(Color::WHITE);
        let zoom = Transform::from_scale(scale as f32, scale as f32);
        for shape in &self.shapes {
            match shape {
                Shape::Line {
                    points,
                    width,
                    colour,
                    dash,
                } => {
                    let mut path = PathBuilder::new();
                    for (i, &(x, y)) in points.iter().enumerate() {
                        match i {
                            0 => path.move_to(x as f32, y as f32),
                            _ => path.line_to(x as f32, y as f32),
                        }
                    }
                    let stroke = Stroke {
                        width: *width as f32,
                        line_cap: LineCap::Round,
                        line_join: LineJoin::Round,
                        dash: dash.and_then(|(on, off)| {
                            StrokeDash::new(vec![on as f32, off as f32], 0.0)
                        }),
                        ..Stroke::default()
                    };
                    if let Some(path) = path.finish() {
                        pixels.stroke_path(&path, &paint(*colour), &stroke, zoom, None);
                    }
                }
                Shape::Dot { at, radius, colour } => {
                    let mut path = PathBuilder::new();
                    path.push_circle(at.0 as f32, at.1 as f32, *radius as f32);
                    if let Some(path) = path.finish() {
                        pixels.fill_path(&path, &paint(*colour), FillRule::Winding, zoom, None);
                    }
                }
                Shape::Text(text) => draw_text(&mut pixels, text, zoom)?,
            }
        }
        // Everything is opaque on white, so that premultiplied is plain.
        let (width, height) = (pixels.width(), pixels.height());
        let rgba = image::RgbaImage::from_raw(width, height, pixels.take())?;
        Some(image::DynamicImage::from(rgba).into_rgb8())
    }
}

/// A font in its own units.
struct Face {
    charmap: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
    outlines: OutlineGlyphCollection<'static>,
    units_per_em: f64,
}

impl Face {
    fn new(bold: bool) -> Option<Face> {
        let font = FontRef::new(if bold { MEDIUM } else { REGULAR }).ok()?;
        let (size, location) = (Size::unscaled(), LocationRef::default());
        Some(Face {
            charmap: font.charmap(),
            metrics: font.glyph_metrics(size, location),
            outlines: font.outline_glyphs(),
            units_per_em: f64::from(font.metrics(size, location).units_per_em),
        })
    }

    /// Glyph of a character, or of a question mark for one that the font does not have.
    fn glyph(&self, c: char) -> Option<GlyphId> {
        self.charmap.map(c).or_else(|| self.charmap.map('?'))
    }

    fn advance(&self, glyph: GlyphId) -> f32 {
        self.metrics.advance_width(glyph).unwrap_or(0.0)
    }

    /// Width of a line of size 1.
    fn width(&self, text: &str) -> f64 {
        let glyphs = text.chars().filter_map(|c| self.glyph(c));
        let units: f64 = glyphs.map(|g| f64::from(self.advance(g))).sum();
        units / self.units_per_em
    }
}

fn draw_text(pixels: &mut Pixmap, text: &Text, zoom: Transform) -> Option<()> {
    let face = Face::new(text.bold)?;
    let scale = (text.size / face.units_per_em) as f32;
    let shift = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => text.width() / 2.0,
        Anchor::End => text.width(),
    };
    let mut outline = Outline {
        path: PathBuilder::new(),
        x: (text.at.0 - shift) as f32,
        y: text.at.1 as f32,
        scale,
    };
    for glyph in text.text.chars().filter_map(|c| face.glyph(c)) {
        if let Some(shape) = face.outlines.get(glyph) {
            let settings = DrawSettings::unhinted(Size::unscaled(), LocationRef::default());
            shape.draw(settings, &mut outline).ok()?;
        }
        outline.x += face.advance(glyph) * scale;
    }
    if let Some(path) = outline.path.finish() {
        pixels.fill_path(&path, &paint(text.colour), FillRule::Winding, zoom, None);
    }
    Some(())
}

/// Font units, upwards, into the drawing's, downwards.
struct Outline {
    path: PathBuilder,
    x: f32,
    y: f32,
    scale: f32,
}

impl Outline {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlinePen for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

fn paint(colour: Rgb) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(colour[0], colour[1], colour[2], 255);
    paint
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Text for XML, without the control characters that XML cannot hold.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
