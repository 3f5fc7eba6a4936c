//! The figures of the paper as text, plots, CSV, JSON and a sheet.

use std::fmt::Write;

use dcodec::{Picture, Result};
use serde_json::json;

use super::chain::{Level, T};
use super::figure::{Panel, Series};
use super::{Figures, MeasuredPicture, SHOWN, psnr, reverse_time};
use crate::rd::sheet::{self, Cell, Row};

/// Table 4 of the paper, CIFAR-10 test set: reverse time T - t + 1, bits per dimension, RMSE.
const TABLE_4: [(f64, f64, f64); 4] = [
    (700.0, 0.02866, 24.43656),
    (800.0, 0.05415, 18.47482),
    (900.0, 0.11994, 12.02277),
    (1000.0, 1.77581, 0.95136),
];

const IDEAL: [u8; 3] = [213, 94, 0];
const REAL: [u8; 3] = [0, 114, 178];
const THEIRS: [u8; 3] = [90, 90, 90];

pub fn table(f: &Figures) -> String {
    let mut out = format!(
        "ideal chain, {} pictures, {} steps; beside it table 4 of Ho, Jain and Abbeel (2020), CIFAR-10 test\n\
         time T-t+1  bits/dim      bpp     RMSE  PSNR dB   theirs: bits/dim     RMSE\n",
        f.pictures,
        f.levels.len() - 1
    );
    for time in (5..=10).map(|i| 100.0 * f64::from(i)) {
        let Some((rate, rmse)) = f.at(time) else {
            continue;
        };
        let _ = write!(
            out,
            "{time:10.0} {rate:9.5} {:8.4} {rmse:8.3} {:8.2}",
            3.0 * rate,
            psnr(rmse)
        );
        let theirs = TABLE_4.iter().find(|r| r.0 == time);
        let _ = match theirs {
            Some((_, rate, rmse)) => writeln!(out, " {rate:18.5} {rmse:8.3}"),
            None => writeln!(out),
        };
    }
    out += "prefixes of real files\n  bits/dim      bpp     RMSE  PSNR dB\n";
    for &(rate, rmse) in &f.real {
        let _ = writeln!(
            out,
            "{rate:10.4} {:8.3} {rmse:8.3} {:8.2}",
            3.0 * rate,
            psnr(rmse)
        );
    }
    let s = &f.split;
    let _ = writeln!(
        out,
        "lossless bound in bits/dim: L_T {:.4} + L_1:T-1 {:.4} + L_0 {:.4} = {:.4} (theirs: 1.78 + 1.97 = 3.75)\n\
         with the best deviation of the last decoder, {} sigma_1: L_0 {:.4}, in all {:.4}",
        s.start,
        s.steps,
        s.last,
        s.start + s.steps + s.last,
        s.best.0,
        s.best.1,
        s.start + s.steps + s.best.1
    );
    out
}

pub fn panels(f: &Figures) -> [Panel; 3] {
    let times = || f.levels.iter().map(reverse_time);
    let series = |name, colour, dots, points| Series {
        name,
        colour,
        dots,
        points,
    };
    let ours = |points| series("ideal chain", IDEAL, false, points);
    let theirs = |points| series("Ho et al. 2020", THEIRS, true, points);
    let distortion = times().zip(&f.ideal).map(|(t, s)| (t, s.1)).collect();
    let rate = times().zip(&f.ideal).map(|(t, s)| (t, s.0)).collect();
    [
        Panel {
            quality: "RMSE in 8-bit levels",
            against: "reverse time T \u{2212} t + 1",
            to: T as f64,
            names: (0.08, 0.7),
            series: vec![
                ours(distortion),
                theirs(TABLE_4.iter().map(|r| (r.0, r.2)).collect()),
            ],
        },
        Panel {
            quality: "bits per dimension",
            against: "reverse time T \u{2212} t + 1",
            to: T as f64,
            names: (0.3, 0.2),
            series: vec![
                ours(rate),
                theirs(TABLE_4.iter().map(|r| (r.0, r.1)).collect()),
            ],
        },
        Panel {
            quality: "RMSE in 8-bit levels",
            against: "bits per dimension",
            to: 2.0,
            names: (0.45, 0.2),
            series: vec![
                ours(f.ideal.clone()),
                series("real files, cut", REAL, false, f.real.clone()),
                theirs(TABLE_4.iter().map(|r| (r.1, r.2)).collect()),
            ],
        },
    ]
}

pub fn csv(f: &Figures) -> String {
    let mut out = String::from("kind,t,reverse_time,sigma,bits_per_dim,bpp,rmse,psnr\n");
    let mut row = |kind: &str, time: &str, (rate, rmse): (f64, f64)| {
        let _ = writeln!(
            out,
            "{kind},{time},{rate:.6},{:.6},{rmse:.5},{:.4}",
            3.0 * rate,
            psnr(rmse)
        );
    };
    for (level, &at) in f.levels.iter().zip(&f.ideal) {
        let time = format!(
            "{:.3},{:.3},{:.5}",
            level.t,
            reverse_time(level),
            level.sigma
        );
        row("ideal", &time, at);
    }
    for &at in &f.real {
        row("real", ",,", at);
    }
    for (time, rate, rmse) in TABLE_4 {
        row(
            "ho2020",
            &format!("{},{time},", 1001.0 - time),
            (rate, rmse),
        );
    }
    out
}

pub fn json(f: &Figures, title: &str) -> String {
    let curve = |name: &str, points: &[(f64, f64)]| {
        let column = |f: &dyn Fn(&(f64, f64)) -> f64| -> serde_json::Value {
            points.iter().map(f).collect()
        };
        json!({
            "name": name,
            "description": format!("dcodec {}, {title}", env!("CARGO_PKG_VERSION")),
            "results": {
                "bpp": column(&|p| 3.0 * p.0),
                "bits_per_dim": column(&|p| p.0),
                "rmse": column(&|p| p.1),
                "psnr-rgb": column(&|p| psnr(p.1)),
            }
        })
    };
    let mut whole = curve("dcodec-ideal", &f.ideal);
    whole["results"]["reverse_time"] = f.levels.iter().map(reverse_time).collect();
    whole["results"]["sigma"] = f.levels.iter().map(|l| l.sigma).collect();
    whole["real"] = curve("dcodec", &f.real);
    let s = &f.split;
    whole["lossless_bits_per_dim"] = json!({
        "L_T": s.start,
        "L_1:T-1": s.steps,
        "L_0": s.last,
        "total": s.start + s.steps + s.last,
        "best_deviation": { "sigma_1": s.best.0, "L_0": s.best.1 },
    });
    format!("{whole:#}\n")
}

/// Rows of figure 6: x0_hat over reverse time, then the original.
pub fn rows(measured: &[MeasuredPicture], levels: &[Level], show: &[usize]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for m in measured.iter().take(SHOWN) {
        let first = rows.is_empty();
        let caption = |text: String| if first { text } else { String::new() };
        let mut cells = Vec::new();
        for (samples, &i) in m.run.shown.iter().zip(show) {
            let (w, h) = (m.picture.width(), m.picture.height());
            let shown = Picture::new(w, h, m.picture.colour(), samples.clone(), None)?;
            cells.push(Cell {
                picture: Some(sheet::image(&shown)?),
                caption: caption(format!("{:.0}", reverse_time(&levels[i]))),
            });
        }
        cells.push(Cell {
            picture: Some(sheet::image(&m.picture)?),
            caption: caption("original".to_owned()),
        });
        rows.push(Row {
            title: String::new(),
            cells,
        });
    }
    Ok(rows)
}
