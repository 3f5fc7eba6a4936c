//! Who may import whom, who may use floats and unsafe code, and how long a module may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const MOST_LINES: usize = 420;

/// One source file without comments, strings' contents kept, test code removed.
struct Source {
    /// Path below `src`, with slashes.
    path: String,
    /// The modules that lead to it, the crate's root excluded.
    module: Vec<String>,
    lines: usize,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    collect(&root, &root, &mut all);
    assert!(all.len() > 20, "the sources are not where they were");
    all
}

fn collect(root: &Path, directory: &Path, all: &mut Vec<Source>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(root, &path, all);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).expect("readable");
            let below = path.strip_prefix(root).expect("below the root");
            let below = below.to_string_lossy().replace('\\', "/");
            let module = below.trim_end_matches(".rs").trim_end_matches("/mod");
            let module = match module {
                "lib" => Vec::new(),
                module => module.split('/').map(str::to_owned).collect(),
            };
            all.push(Source {
                path: below,
                module,
                lines: text.lines().count(),
                code: code(&text),
            });
        }
    }
}

/// `text` up to its tests, without comments.
fn code(text: &str) -> String {
    let text = match text.find("#[cfg(test)]\nmod tests {") {
        Some(end) => &text[..end],
        None => text,
    };
    let strip = |line: &str| match line.find("//") {
        Some(at) => line[..at].to_owned(),
        None => line.to_owned(),
    };
    let lines: Vec<String> = text.lines().map(strip).collect();
    lines.join("\n")
}

/// Identifiers, and every other visible character by itself.
fn tokens(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut inside = false;
    for c in code.chars() {
        let word = c.is_alphanumeric() || c == '_';
        match (word, tokens.last_mut()) {
            (true, Some(last)) if inside => last.push(c),
            _ if c.is_whitespace() => {}
            _ => tokens.push(c.to_string()),
        }
        inside = word;
    }
    tokens
}

fn words(code: &str) -> BTreeSet<String> {
    tokens(code).into_iter().collect()
}

/// What the paths in `tokens[at..]`, just behind a prefix and its `::`, name: `a::b` for `a::b::..`, each of a group.
fn named(tokens: &[String], mut at: usize) -> Vec<String> {
    let get = |i: usize| tokens.get(i).map_or("", String::as_str);
    let item = |at: usize| {
        let deeper = get(at + 1) == ":" && get(at + 2) == ":";
        match deeper {
            true if get(at + 3) == "{" => {
                let inner = named(tokens, at + 3);
                inner.iter().map(|i| format!("{}::{i}", get(at))).collect()
            }
            true => vec![format!("{}::{}", get(at), get(at + 3))],
            false => vec![get(at).to_owned()],
        }
    };
    if get(at) != "{" {
        return item(at);
    }
    let (mut all, mut depth, mut first) = (Vec::new(), 0, true);
    loop {
        match get(at) {
            "" => break,
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            "," if depth == 1 => first = true,
            _ if depth == 1 && first => {
                all.extend(item(at));
                first = false;
            }
            _ => {}
        }
        if get(at) == "{" {
            first = depth == 1;
        }
        at += 1;
    }
    all
}

/// Everything of the crate that a file names, as paths from the root.
fn uses(source: &Source) -> BTreeSet<String> {
    let tokens = tokens(&source.code);
    let is = |i: usize, word: &str| tokens.get(i).is_some_and(|t| t == word);
    let path = |i: usize| is(i, ":") && is(i + 1, ":");
    let mut found = BTreeSet::new();
    let mut i = 0;
    while i < tokens.len() {
        if is(i, "crate") && path(i + 1) {
            found.extend(named(&tokens, i + 3));
        } else if is(i, "super") && path(i + 1) {
            let mut up = source.module.clone();
            up.pop();
            let mut at = i + 3;
            while is(at, "super") && path(at + 1) {
                up.pop();
                at += 3;
            }
            for name in named(&tokens, at) {
                let full: Vec<&str> = up.iter().map(String::as_str).chain([&*name]).collect();
                found.insert(full.join("::"));
            }
            i = at;
        }
        i += 1;
    }
    found
}

/// The modules of the names that the crate's root passes on.
fn exports(all: &[Source]) -> BTreeMap<String, String> {
    let root = all.iter().find(|s| s.path == "lib.rs").expect("a root");
    let tokens = tokens(&root.code);
    let mut exports = BTreeMap::new();
    for i in 0..tokens.len() {
        if tokens[i] == "use" {
            for path in named(&tokens, i + 1) {
                let (module, name) = path.split_once("::").expect("from a module");
                exports.insert(name.to_owned(), module.to_owned());
            }
        }
    }
    assert_eq!(exports["Error"], "error");
    exports
}

fn top(source: &Source) -> &str {
    source.module.first().map_or("", String::as_str)
}

#[test]
fn the_scanner_sees_what_it_should() {
    let source = |path: &str, text: &str| Source {
        path: path.into(),
        module: path.split('/').map(str::to_owned).collect(),
        lines: 0,
        code: code(text),
    };
    let got = uses(&source(
        "a/b",
        "use crate::{Error, x::{Y, z::W}, v}; // crate::no\nfn f() { crate::m::g(); super::c::d(); super::super::e::h() }\n\
         use super::{P, q::R};\n#[cfg(test)]\nmod tests { use crate::hidden; }",
    ));
    let got: Vec<&str> = got.iter().map(String::as_str).collect();
    assert_eq!(
        got,
        [
            "Error", "a::P", "a::c::d", "a::q::R", "e::h", "m::g", "v", "x::Y", "x::z::W"
        ]
    );
}

#[test]
fn imports_go_one_way() {
    // Each module and what else of ours it may use. A path of two names allows that item only.
    let rules: [(&str, &[&str]); 18] = [
        ("error", &[]),
        ("random", &["error"]),
        ("schedule", &[]),
        ("samples", &[]),
        ("arrays", &["samples"]),
        ("planes", &["arrays", "samples"]),
        ("timings", &[]),
        ("container", &["error"]),
        ("entropy", &["error"]),
        (
            "channel",
            &[
                "arrays",
                "container::Allotment",
                "container::BANDS",
                "random",
                "schedule",
            ],
        ),
        (
            "prior",
            &[
                "error",
                "planes",
                "schedule",
                "timings",
                "container::PriorId",
            ],
        ),
        (
            "reverse",
            &[
                "channel",
                "container::Header",
                "error",
                "planes",
                "prior",
                "random",
                "samples",
                "schedule",
                "timings",
            ],
        ),
        (
            "exact",
            &["container", "entropy", "error", "picture", "reverse"],
        ),
        ("picture", &["error", "planes", "samples"]),
        ("metadata", &["container", "error"]),
        (
            "thumbnail",
            &[
                "container::Event",
                "container::Header",
                "decoder",
                "error",
                "picture",
                "samples",
                "schedule",
            ],
        ),
        (
            "map",
            &["error", "picture", "planes", "prior", "random", "samples"],
        ),
        (
            "sampler",
            &[
                "error",
                "picture",
                "planes",
                "prior",
                "random",
                "reverse::project",
                "samples",
                "schedule",
            ],
        ),
    ];
    let all = sources();
    let exports = exports(&all);
    let mut broken = Vec::new();
    for (module, allowed) in rules {
        let files: Vec<&Source> = all.iter().filter(|s| top(s) == module).collect();
        assert!(!files.is_empty(), "no module {module}");
        for source in files {
            for name in uses(source) {
                let first = name.split("::").next().unwrap_or_default();
                let from = exports.get(first).map_or(first, String::as_str);
                let fine = from == module || allowed.iter().any(|a| *a == from || *a == name);
                if !fine {
                    broken.push(format!("src/{} uses {name}", source.path));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn only_the_prior_knows_candle() {
    let outside = |s: &Source| {
        let names = words(&s.code);
        top(s) != "prior" && names.iter().any(|w| w.starts_with("candle"))
    };
    let files: Vec<String> = sources()
        .into_iter()
        .filter(outside)
        .map(|s| s.path)
        .collect();
    assert!(files.is_empty(), "candle is named in {files:?}");
}

#[test]
fn the_container_sees_no_float() {
    let mut exceptions = 0;
    for source in sources().iter().filter(|s| top(s) == "container") {
        let mut code = source.code.clone();
        // The one translation of a wish in bits per pixel into bytes.
        if let Some(at) = code.find("pub fn bytes_at(") {
            let end = at + code[at..].find("\n    }").expect("a body");
            code.replace_range(at..end, "");
            exceptions += 1;
        }
        let words = words(&code);
        for float in ["f16", "f32", "f64"] {
            assert!(!words.contains(float), "{float} in src/{}", source.path);
        }
    }
    assert!(exceptions <= 1);
}

#[test]
fn unsafe_code_stays_where_it_is() {
    for source in sources() {
        let places = ["prior/kernel/", "prior/cuda/", "channel/simd.rs"];
        let allowed = places.iter().any(|p| source.path.starts_with(p));
        let found = words(&source.code).contains("unsafe");
        assert!(allowed || !found, "unsafe code in src/{}", source.path);
    }
}

#[test]
fn modules_stay_short() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|s| s.lines > MOST_LINES)
        .map(|s| format!("src/{}: {} lines", s.path, s.lines))
        .collect();
    assert!(long.is_empty(), "over {MOST_LINES} lines: {long:#?}");
}
