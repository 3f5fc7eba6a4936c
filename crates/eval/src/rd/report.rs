//! From the measurements to the outputs and the tables on the terminal.

use std::path::Path;

use super::curves::{Curve, CurveKind, ideal_samples, mean_samples};
use super::made;
use super::measure::Point;
use super::output::{self, OutputFormat, PNG_SCALE};
use super::pictures::TestPicture;
use super::plot::Plot;
use super::session::{PeerRun, Session};
use super::settings::Settings;
use super::tables;
use crate::{Error, Log, Result, io};

/// Most pictures of the table of pictures; the files have them all.
const MOST_ROWS: usize = 100;

/// Measures the pictures beside the peers and writes everything; the number that could be measured.
pub fn run(session: &Session, pictures: &[TestPicture]) -> Result<usize> {
    let (settings, log) = (session.settings, session.log);
    let measured = session.measure(pictures)?;
    session.bar.finish_and_clear();
    let count = measured.len();
    let title = match (&measured[..], pictures.len()) {
        ([], _) => return Err(Error::Nothing("no picture could be measured")),
        ([(label, _)], 1) => label.clone(),
        _ => format!("mean of {count} pictures"),
    };
    let all: Vec<Point> = measured.into_iter().flat_map(|m| m.1).collect();
    if all.iter().any(|p| p.quality.ms_ssim.is_nan()) {
        log.say(format!(
            "note: MS-SSIM needs sides of at least {} pixels; smaller pictures have none",
            dcodec::metrics::MS_SSIM_SIDE
        ));
    }
    let curves = curves(settings, &all, session.peers, count, log);
    let plot = Plot {
        title: &title,
        metric: settings.metric,
        linear: settings.linear,
        curves: &curves,
    };
    // Before any output is written: until then the same command goes on after an interruption.
    let sheet = match &settings.sheet {
        Some(path) => Some((path, session.sheet(pictures)?)),
        None => None,
    };
    write(settings, &all, &plot)?;
    print(settings, &table(session, &all, &plot, count), log)?;
    if let Some((path, bytes)) = sheet {
        io::write_atomic(path, settings.force, |w| w.write_all(&bytes))?;
    }
    Ok(count)
}

/// Ours, the ideal, and the peers with something to show.
fn curves(
    settings: &Settings,
    all: &[Point],
    peers: &[PeerRun],
    pictures: usize,
    log: Log,
) -> Vec<Curve> {
    let own = concat!("dcodec ", env!("CARGO_PKG_VERSION"));
    let ours = |codec: &str, title: &str, kind, samples| Curve {
        codec: codec.to_owned(),
        title: title.to_owned(),
        version: own.to_owned(),
        kind,
        samples,
    };
    let mut curves = Vec::new();
    if settings.prefixes {
        let samples = mean_samples(all, "dcodec", pictures, false);
        curves.push(ours("dcodec", "dcodec", CurveKind::Ours, samples));
    }
    if settings.made() {
        let samples = mean_samples(all, made::NAME, pictures, false);
        curves.push(ours(
            made::NAME,
            "dcodec, a file a rate",
            CurveKind::Made,
            samples,
        ));
    }
    if settings.ideal {
        let samples = ideal_samples(all, pictures);
        curves.push(ours("dcodec-ideal", "ideal", CurveKind::Ideal, samples));
    }
    for PeerRun { codec: peer, .. } in peers {
        let mut add = |codec: String, title: String, kind| {
            let samples = mean_samples(all, &codec, pictures, kind == CurveKind::Prefix);
            if samples.is_empty() {
                log.say(format!("{codec}: no setting has all the pictures"));
                return;
            }
            for s in samples.iter().filter(|s| s.pictures < pictures) {
                let (n, bpp) = (s.pictures, s.bpp);
                log.say(format!(
                    "{codec}: {n} of {pictures} pictures show something at {bpp:.2} bpp"
                ));
            }
            curves.push(Curve {
                codec,
                title,
                version: peer.version.clone(),
                kind,
                samples,
            });
        };
        add(peer.name.to_owned(), peer.title.to_owned(), CurveKind::Peer);
        if settings.peer_prefixes && peer.definition.progressive.is_some() {
            let title = format!("{}, cut", peer.title);
            add(format!("{}-prefix", peer.name), title, CurveKind::Prefix);
        }
    }
    curves
}

/// Writes every output.
fn write(settings: &Settings, all: &[Point], plot: &Plot) -> Result<()> {
    let scene = || {
        plot.scene()
            .ok_or(Error::Nothing("too little was measured for a plot"))
    };
    for path in &settings.outputs {
        let bytes = match OutputFormat::of(path)? {
            OutputFormat::Csv => output::csv(all, plot.curves).into_bytes(),
            OutputFormat::Json => output::json(all, plot.curves, plot.title).into_bytes(),
            OutputFormat::Svg => scene()?.svg().into_bytes(),
            OutputFormat::Png => scene()?.png(PNG_SCALE).ok_or(Error::Drawing("plot"))?,
        };
        io::write_atomic(path, settings.force, |w| w.write_all(&bytes))?;
    }
    Ok(())
}

/// The tables that the settings ask for.
fn table(session: &Session, all: &[Point], plot: &Plot, pictures: usize) -> String {
    let (settings, rates) = (session.settings, session.ours.points);
    let mut table = String::new();
    let of_kind = |kind| plot.curves.iter().find(|c| c.kind == kind);
    let (prefixes, made) = (of_kind(CurveKind::Ours), of_kind(CurveKind::Made));
    if let Some(prefixes) = prefixes {
        table += &match settings.layers {
            true => tables::layers(all, pictures),
            false => tables::rates(all, prefixes, rates, pictures),
        };
    }
    if let Some(made) = made {
        table += "files that are made for their rate\n";
        table += &tables::rates(all, made, rates, pictures);
    }
    if let Some(ours) = prefixes.or(made)
        && pictures > 1
        && pictures <= MOST_ROWS
    {
        table += &tables::pictures(all, &ours.codec, settings.metric, rates);
    }
    if settings.ideal {
        table += &tables::ideal(all, pictures);
    }
    let peer = |c: &Curve| matches!(c.kind, CurveKind::Peer | CurveKind::Prefix);
    // The files of the others are made for their rates too.
    if let Some(ours) = made.or(prefixes)
        && plot.curves.iter().any(peer)
    {
        table += &tables::bd(ours, plot.curves);
    }
    table
}

/// Prints a table, on standard error where an output is on standard output: that is for one thing.
pub fn print(settings: &Settings, table: &str, log: Log) -> Result<()> {
    match settings.outputs.iter().any(|o| o == Path::new("-")) {
        true => log.say(table.trim_end()),
        false => io::print(table)?,
    }
    Ok(())
}
