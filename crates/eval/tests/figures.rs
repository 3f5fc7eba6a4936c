//! The figures of README and docs are those of the record, `benches/results`.
//!
//! A table follows its mark, `<!-- figures: NAME -->`, on a line of its own. A number in a sentence
//! is followed by its mark: `6.67<!-- figure: NAME KEY -->`. `figures.json` has the entry of that
//! name, with the command, the date and the state of what was measured. A cell is a text, or is
//! computed of a CSV of this folder, such as `dcodec rd -o NAME.csv` writes:
//!
//! | Field | Meaning |
//! |---|---|
//! | `csv`, `codec` | the rows |
//! | `is` | the column, or several, such as `psnr`; a mean over pictures |
//! | `at` | bits per pixel; in a whole row, the numbers of the table's head |
//! | `curve` | read on the mean curve of settings; else at the `asked_bpp` of the rows |
//! | `where`, `equals` | in place of `at`: bits per pixel where the curve of this column has this value |
//! | `bd_to` | in place of `at`: BD-rate of the column to another `csv` and `codec`, in per cent; a `curve` too, unless it says otherwise |
//! | `decimals` | in place of the usual ones |
//!
//! `DCODEC_FIGURES=write cargo test --release --test figures` writes the tables anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use dcodec_eval::rd::{Pchip, bd_rate};
use serde_json::{Map, Value};

/// Rows of a CSV by the names of its columns.
type Rows = Vec<BTreeMap<String, String>>;

/// Means of the columns over the pictures.
type Sample = BTreeMap<String, f64>;

const TABLE: &str = "<!-- figures: ";
const NUMBER: &str = "<!-- figure: ";

/// In a cell that was not measured.
const NOTHING: &str = "–";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// README and the pages of docs, by path.
fn pages() -> BTreeMap<PathBuf, String> {
    let docs = fs::read_dir(root().join("docs")).expect("docs");
    let docs = docs.map(|entry| entry.expect("an entry").path());
    docs.filter(|path| path.extension().is_some_and(|e| e == "md"))
        .chain([root().join("README.md")])
        .map(|path| (path.clone(), fs::read_to_string(path).expect("text")))
        .collect()
}

fn record() -> Map<String, Value> {
    let text = fs::read_to_string(root().join("benches/results/figures.json")).expect("a record");
    serde_json::from_str(&text).expect("JSON")
}

/// The fields of a line of CSV.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().expect("one").push(c),
        }
    }
    fields
}

fn csv(name: &str) -> Rows {
    let text = fs::read_to_string(root().join("benches/results").join(name));
    let text = text.unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let head = fields(lines.next().expect("a head"));
    let row = |line: &str| {
        let fields = fields(line);
        assert_eq!(fields.len(), head.len(), "{name}: {line}");
        head.iter().cloned().zip(fields).collect()
    };
    lines.map(row).collect()
}

fn text<'v>(of: &'v Value, field: &str) -> &'v str {
    let value = of[field].as_str();
    value.unwrap_or_else(|| panic!("no text `{field}` in {of}"))
}

/// Samples of a codec, bits per pixel ascending: one for each setting on the mean curve, else one
/// for each asked rate.
fn samples(of: &Value) -> Vec<Sample> {
    let curve = of["curve"].as_bool().unwrap_or(false);
    let get = |row: &BTreeMap<String, String>, name: &str| row.get(name).cloned();
    let mut groups: BTreeMap<String, Rows> = BTreeMap::new();
    for row in csv(text(of, "csv")) {
        let asked = get(&row, "asked_bpp").unwrap_or_default();
        if row["codec"] == text(of, "codec") && (!curve || asked.is_empty()) {
            let key = match curve {
                true => format!("{:?}{:?}", get(&row, "setting"), get(&row, "sigma")),
                false => asked,
            };
            groups.entry(key).or_default().push(row);
        }
    }
    assert!(!groups.is_empty(), "no rows: {of}");
    let most = groups.values().map(Vec::len).max();
    let mean = |rows: &Rows| -> Sample {
        let columns = rows[0].keys();
        let column = |name: &String| {
            let sum: Option<f64> = rows.iter().map(|row| row[name].parse::<f64>().ok()).sum();
            Some((name.clone(), sum? / rows.len() as f64))
        };
        columns.filter_map(column).collect()
    };
    let whole = groups.values().filter(|rows| Some(rows.len()) == most);
    let mut samples: Vec<Sample> = whole.map(mean).collect();
    samples.sort_by(|a, b| a["bpp"].total_cmp(&b["bpp"]));
    samples
}

/// The value of `y` where `x` is `at`, on the monotone cubic through the samples.
fn between(
    samples: &[Sample],
    at: f64,
    x: impl Fn(&Sample) -> f64,
    y: impl Fn(&Sample) -> f64,
) -> Option<f64> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for point in samples.iter().map(|s| (x(s), y(s))) {
        // A point no better than one of a lower rate has no place on a function.
        if points.last().is_none_or(|last| point.0 > last.0) {
            points.push(point);
        }
    }
    let ends = points.first()?.0..=points.last()?.0;
    let curve = Pchip::new(points)?;
    ends.contains(&at).then(|| curve.at(at))
}

/// Decimals of a column.
fn decimals(of: &Value, column: &str) -> usize {
    let given = of["decimals"].as_u64().map(|n| n as usize);
    given.unwrap_or(match column {
        "ms_ssim" | "lpips" => 3,
        "ssimulacra2" | "bd_rate_vtm" => 1,
        _ if of["bd_to"].is_object() => 0,
        _ => 2,
    })
}

/// One number of a cell. `head` is the head of its column.
fn number(of: &Value, column: &str, head: &str) -> Option<f64> {
    let samples = samples(of);
    if of["bd_to"].is_object() {
        let line = |samples: &[Sample]| -> Vec<(f64, f64)> {
            let point = |s: &Sample| Some((s["bpp"], *s.get(column)?));
            samples.iter().filter_map(point).collect()
        };
        let mut other = of["bd_to"].clone();
        if other["curve"].is_null() {
            other["curve"] = of["curve"].clone();
        }
        // As `dcodec rd` has it: lower scores rank, but do not measure.
        let floor = if column == "ssimulacra2" { 30.0 } else { 0.0 };
        let rate = bd_rate(&line(&samples), &line(&self::samples(&other)), floor)?;
        return Some(rate.percent);
    }
    if let Some(equals) = of["equals"].as_f64() {
        let quality = text(of, "where");
        return between(&samples, equals, |s| s[quality], |s| s[column].ln()).map(f64::exp);
    }
    if let [only] = &samples[..] {
        return only.get(column).copied();
    }
    let at = of["at"].as_f64().or_else(|| head.parse().ok());
    let at = at.unwrap_or_else(|| panic!("no rate for {of}"));
    if of["curve"].as_bool().unwrap_or(false) {
        return between(&samples, at.ln(), |s| s["bpp"].ln(), |s| s[column]);
    }
    let found = samples
        .iter()
        .find(|s| s.get("asked_bpp").is_some_and(|a| (a - at).abs() < 1e-9))?;
    found.get(column).copied()
}

/// A cell as it stands in the table.
fn cell(of: &Value, head: &str) -> String {
    if let Some(text) = of.as_str() {
        return text.to_owned();
    }
    let columns = match &of["is"] {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => vec![text(of, "is")],
    };
    let numbers: Option<Vec<String>> = columns
        .iter()
        .map(|column| {
            let value = number(of, column, head)?;
            Some(format!("{value:.*}", decimals(of, column)))
        })
        .collect();
    numbers.map_or_else(|| NOTHING.to_owned(), |all| all.join(" / "))
}

/// The cells of a row of the record, its label first.
fn cells(row: &Value, heads: &[&str]) -> Vec<String> {
    if let Some(cells) = row.as_array() {
        return cells.iter().zip(heads).map(|(c, h)| cell(c, h)).collect();
    }
    let label = text(row, "label").to_owned();
    if let Some(cells) = row["cells"].as_array() {
        let cells = cells.iter().zip(&heads[1..]).map(|(c, h)| cell(c, h));
        return [label].into_iter().chain(cells).collect();
    }
    let then = row["then"].as_array().map_or(&[][..], Vec::as_slice);
    let rates = &heads[1..heads.len() - then.len()];
    let rest = &heads[1 + rates.len()..];
    let own = rates.iter().map(|head| cell(row, head));
    let then = then.iter().zip(rest).map(|(c, h)| cell(c, h));
    [label].into_iter().chain(own).chain(then).collect()
}

/// The lines of a table.
fn table(entry: &Value) -> Vec<String> {
    let heads = entry["columns"].as_array().expect("columns");
    let heads: Vec<&str> = heads.iter().filter_map(Value::as_str).collect();
    let line = |cells: &[String]| {
        let cells = cells.iter().map(|c| match c.is_empty() {
            true => " |".to_owned(),
            false => format!(" {c} |"),
        });
        format!("|{}", cells.collect::<String>())
    };
    let head: Vec<String> = heads.iter().map(|&h| h.to_owned()).collect();
    let mut lines = vec![line(&head), format!("|{}", "---|".repeat(heads.len()))];
    for row in entry["rows"].as_array().expect("rows") {
        let cells = cells(row, &heads);
        assert_eq!(cells.len(), heads.len(), "{cells:?}");
        lines.push(line(&cells));
    }
    lines
}

/// `page` with the tables of the record in the places of its own.
fn rewritten(page: &str, record: &Map<String, Value>) -> String {
    let mut out = String::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        out += line;
        out.push('\n');
        let Some(name) = line
            .strip_prefix(TABLE)
            .and_then(|l| l.strip_suffix(" -->"))
        else {
            continue;
        };
        while lines.next_if(|line| line.starts_with('|')).is_some() {}
        let entry = record.get(name);
        for line in table(entry.unwrap_or_else(|| panic!("no entry {name}"))) {
            out += &line;
            out.push('\n');
        }
    }
    out
}

/// The marks of numbers in a page: offset of the mark, name of the entry, key.
fn marks(page: &str) -> Vec<(usize, String, String)> {
    let all = page.match_indices(NUMBER);
    let mark = |(at, _): (usize, &str)| {
        let mark = &page[at + NUMBER.len()..];
        let mark = &mark[..mark.find("-->").expect("an end of the mark")];
        let words: Vec<&str> = mark.split_whitespace().collect();
        let [name, key] = words[..] else {
            panic!("a mark has a name and a key: {mark}");
        };
        (at, name.to_owned(), key.to_owned())
    };
    all.map(mark).collect()
}

/// The number that ends `text`.
fn last_number(text: &str) -> &str {
    let digits = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    let start = text.trim_end_matches(digits).len();
    &text[start..]
}

/// Where a page differs from the record.
fn differences(page: &str, record: &Map<String, Value>) -> Vec<String> {
    let mut wrong = Vec::new();
    let right = rewritten(page, record);
    let (mut ours, mut theirs) = (page.lines(), right.lines());
    if page != right {
        loop {
            let (ours, theirs) = (ours.next(), theirs.next());
            if ours != theirs || ours.is_none() {
                wrong.push(format!("the page has {ours:?}, the record {theirs:?}"));
                break;
            }
        }
    }
    for (at, name, key) in marks(page) {
        let shown = last_number(&page[..at]);
        let recorded = record.get(&name).and_then(|e| e["values"][&key].as_str());
        if recorded != Some(shown) {
            wrong.push(format!(
                "{name} {key}: the page has {shown}, the record {recorded:?}"
            ));
        }
    }
    wrong
}

#[test]
fn figures_are_those_of_the_record() {
    let record = record();
    let write = std::env::var_os("DCODEC_FIGURES").is_some_and(|v| v == "write");
    for (path, page) in pages() {
        if write {
            fs::write(&path, rewritten(&page, &record)).expect("written");
        }
        let page = fs::read_to_string(&path).expect("text");
        let wrong = differences(&page, &record);
        assert!(wrong.is_empty(), "{}: {wrong:#?}", path.display());
    }
}

/// Every digit of a marked table and of a marked number counts.
#[test]
fn a_changed_figure_is_found() {
    let record = record();
    let mut changed = 0;
    for (path, page) in pages() {
        let (mut offset, mut inside) = (0, false);
        let mut places: Vec<usize> = marks(&page).into_iter().map(|m| m.0 - 1).collect();
        for line in page.split_inclusive('\n') {
            inside = line.starts_with(TABLE) || (inside && line.starts_with('|'));
            if inside && line.starts_with('|') {
                places.extend(
                    line.rfind(|c: char| c.is_ascii_digit())
                        .map(|at| offset + at),
                );
            }
            offset += line.len();
        }
        for at in places {
            let digit = page.as_bytes()[at];
            let other = if digit == b'9' {
                '8'
            } else {
                char::from(digit + 1)
            };
            let edited = format!("{}{other}{}", &page[..at], &page[at + 1..]);
            let found = differences(&edited, &record);
            assert!(
                !found.is_empty(),
                "{}: {}",
                path.display(),
                &page[at.saturating_sub(40)..=at]
            );
            changed += 1;
        }
    }
    assert!(changed > 50, "{changed} figures are not all");
}

/// Tables with measured numbers have a mark, and entries have a source and a place.
#[test]
fn nothing_is_measured_beside_the_record() {
    let record = record();
    let (mut named, mut sources) = (BTreeSet::new(), BTreeSet::new());
    for (path, page) in pages() {
        let (mut marked, mut fenced) = (false, false);
        for line in page.lines() {
            fenced ^= line.starts_with("```");
            if let Some(name) = line.strip_prefix(TABLE) {
                named.insert(name.trim_end_matches(" -->").to_owned());
                marked = true;
            } else if !line.starts_with('|') || fenced {
                marked = false;
            } else if !marked {
                let has = line
                    .as_bytes()
                    .windows(3)
                    .any(|w| w[0].is_ascii_digit() && w[1] == b'.' && w[2].is_ascii_digit());
                assert!(!has, "{}: a figure without a mark: {line}", path.display());
            }
            assert!(
                !line.starts_with(NUMBER),
                "the mark follows its number: {line}"
            );
        }
        named.extend(marks(&page).into_iter().map(|mark| mark.1));
    }
    for (name, entry) in &record {
        assert!(named.contains(name), "{name} stands nowhere");
        for field in ["what", "command", "date", "state"] {
            assert!(!text(entry, field).is_empty(), "{name}: {field}");
        }
        sources.extend(
            entry
                .to_string()
                .split('"')
                .filter(|w| w.ends_with(".csv"))
                .map(str::to_owned),
        );
    }
    for file in fs::read_dir(root().join("benches/results")).expect("results") {
        let name = file
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("a name");
        assert!(
            !name.ends_with(".csv") || sources.contains(&name),
            "{name} is of no use"
        );
    }
}

/// Rows as `dcodec rd --made-for-rate` writes them: two pictures, two rates, two settings.
#[test]
fn means_curves_and_differences_are_computed() {
    let of = |more: Value| {
        let mut of = serde_json::json!({"csv": "published.csv", "codec": "ELIC", "is": "psnr"});
        of.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        of
    };
    assert_eq!(cell(&of(serde_json::json!({})), "0.3"), "32.34");
    assert_eq!(cell(&of(serde_json::json!({})), "0.31"), NOTHING);
    let where_32 = serde_json::json!({"is": "bpp", "where": "psnr", "equals": 32.34});
    assert_eq!(cell(&of(where_32), ""), "0.30");
    let to = serde_json::json!({"bd_to": {"csv": "published.csv", "codec": "VTM-9.1, 4:4:4"}});
    let rate: f64 = cell(&of(to), "").parse().unwrap();
    assert!((-8.0..-5.0).contains(&rate), "{rate}");
    let jpeg = serde_json::json!({"csv": "kodak-peers.csv", "codec": "jpeg420", "curve": true, "is": "psnr", "at": 0.459492});
    assert_eq!(cell(&jpeg, ""), "29.14");
}
