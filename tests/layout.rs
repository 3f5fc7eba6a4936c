//! Laws of the layout: who may import whom, where floats, candle and unsafe code may be, how long files and functions may
//! be, and how comments are written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file without its tests.
const MOST_LINES: usize = 600;

/// Lines of a function.
const MOST_FUNCTION_LINES: usize = 80;

/// Columns of a comment.
const MOST_COLUMNS: usize = 100;

/// Modules of the library by level. A module may import from all levels before its own, and from itself.
const LEVELS: [&[&str]; 8] = [
    &["codes", "elementary", "parallel", "random", "timings"],
    &["error"],
    &["pixels", "progress", "schedule"],
    &["channel", "container", "entropy", "prior"],
    &["analysis", "reverse"],
    &["sampler"],
    &["decoder", "encoder"],
    &["conformance"],
];

/// The folders of sources.
const FOLDERS: [&str; 7] = [
    "src",
    "crates/capi/src",
    "crates/cli/src",
    "crates/eval/src",
    "crates/python/src",
    "crates/wasm/src",
    "fuzz/src",
];

/// A source file.
struct Source {
    /// Path below the repository, with slashes.
    path: String,
    /// The modules that lead to it, the crate's root excluded.
    module: Vec<String>,
    /// Everything up to the tests.
    text: String,
    /// `text` without comments and without the contents of strings.
    code: String,
}

impl Source {
    fn new(folder: &str, below: &str, text: &str) -> Self {
        let module = below.trim_end_matches(".rs").trim_end_matches("/mod");
        let module = match module {
            "lib" | "main" => Vec::new(),
            module => module.split('/').map(str::to_owned).collect(),
        };
        let text = match text.find("#[cfg(test)]\nmod tests {") {
            Some(end) => &text[..end],
            None => text,
        };
        Source {
            path: format!("{folder}/{below}"),
            module,
            code: blanked(text),
            text: text.to_owned(),
        }
    }

    /// The first module of the path; empty for the root.
    fn top(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    /// The folder of the file.
    fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// The sources below a folder, without those of tests.
fn sources_of(folder: &str) -> Vec<Source> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let source = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("readable");
        let below = path.strip_prefix(&root).expect("below the root");
        Source::new(folder, &below.to_string_lossy().replace('\\', "/"), &text)
    };
    let all: Vec<Source> = files.iter().map(source).collect();
    assert!(!all.is_empty(), "no sources in {folder}");
    all
}

/// The sources of the library.
fn library() -> Vec<Source> {
    sources_of("src")
}

/// The sources of all packages.
fn everything() -> Vec<Source> {
    FOLDERS.into_iter().flat_map(sources_of).collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
}

/// `text` with spaces in the place of comments and of the contents of strings; lines stay where they are.
fn blanked(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let get = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::with_capacity(text.len());
    let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
    let mut i = 0;
    while i < chars.len() {
        let end = match (get(i), get(i + 1)) {
            ('/', '/') => (i..).find(|&j| matches!(get(j), '\n' | '\0')),
            ('/', '*') => (i + 2..chars.len())
                .find(|&j| get(j) == '*' && get(j + 1) == '/')
                .map(|j| j + 2),
            ('r', '"' | '#') if !get(i.wrapping_sub(1)).is_alphanumeric() => {
                let marks = (i + 1..).take_while(|&j| get(j) == '#').count();
                let closes = |j: usize| get(j) == '"' && (1..=marks).all(|k| get(j + k) == '#');
                let first = i + 1 + marks;
                let raw = get(first) == '"';
                let end = (first + 1..chars.len()).find(|&j| closes(j));
                end.filter(|_| raw).map(|j| j + marks + 1)
            }
            ('"', _) => {
                let mut j = i + 1;
                while j < chars.len() && get(j) != '"' {
                    j += if get(j) == '\\' { 2 } else { 1 };
                }
                Some(j + 1)
            }
            // A character, not a lifetime.
            ('\'', '\\') => (i + 3..chars.len())
                .find(|&j| get(j) == '\'')
                .map(|j| j + 1),
            ('\'', _) if get(i + 2) == '\'' => Some(i + 3),
            _ => None,
        };
        match end {
            Some(end) => {
                let end = end.min(chars.len());
                out.extend(chars[i..end].iter().map(|&c| blank(c)));
                i = end;
            }
            None => {
                out.push(chars[i]);
                i += 1;
            }
        }
    }
    out
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Identifiers, and every other visible character by itself.
fn tokens(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut inside = false;
    for c in code.chars() {
        let word = c.is_alphanumeric() || c == '_';
        match tokens.last_mut() {
            Some(last) if word && inside => last.push(c),
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

/// The paths of the tree at `tokens[*at..]`, in a `use` or in code: one, or each of a group.
fn paths(tokens: &[String], at: &mut usize) -> Vec<Vec<String>> {
    let get = |i: usize| tokens.get(i).map_or("", String::as_str);
    let word = get(*at).to_owned();
    *at += 1;
    if word == "{" {
        let mut all = Vec::new();
        while !matches!(get(*at), "}" | "") {
            all.extend(paths(tokens, at));
            *at += usize::from(get(*at) == ",");
        }
        *at += 1;
        return all;
    }
    let next = get(*at + 2);
    if get(*at) == ":" && get(*at + 1) == ":" && (is_word(next) || matches!(next, "{" | "*")) {
        *at += 2;
        let rest = paths(tokens, at).into_iter();
        return rest
            .map(|rest| [vec![word.clone()], rest].concat())
            .collect();
    }
    if get(*at) == "as" {
        *at += 2;
    }
    vec![vec![word]]
}

/// Everything of the crate that a file names by `crate::` or `super::`, as paths from the root.
fn uses(source: &Source) -> Vec<Vec<String>> {
    let tokens = tokens(&source.code);
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let starts = matches!(tokens[i].as_str(), "crate" | "super")
            && tokens[i + 1..].starts_with(&[":".into(), ":".into()]);
        if !starts {
            i += 1;
            continue;
        }
        for path in paths(&tokens, &mut i) {
            let ups = path.iter().take_while(|word| *word == "super").count();
            let from = match ups {
                0 => &[],
                ups => &source.module[..source.module.len().saturating_sub(ups)],
            };
            found.push([from, &path[ups.max(1)..]].concat());
        }
    }
    found
}

/// The library's modules and the names that each passes on from its children: name to the module that it comes from.
struct Modules {
    names: BTreeSet<String>,
    exports: BTreeMap<String, String>,
}

impl Modules {
    fn of(all: &[Source]) -> Self {
        let names = all.iter().map(|s| s.module.join("::")).collect();
        let mut exports = BTreeMap::new();
        for source in all {
            let tokens = tokens(&source.code);
            for i in 1..tokens.len() {
                // `pub use` and `pub(crate) use` of a child.
                if tokens[i] == "use" && matches!(tokens[i - 1].as_str(), "pub" | ")") {
                    for path in paths(&tokens, &mut (i + 1)) {
                        let (name, from) = path.split_last().expect("not empty");
                        let from = [&source.module[..], from].concat().join("::");
                        let full = [&source.module[..], std::slice::from_ref(name)].concat();
                        exports.insert(full.join("::"), from);
                    }
                }
            }
        }
        Modules { names, exports }
    }

    /// The module that a path leads to.
    fn resolve(&self, path: &[String]) -> String {
        let known = |n: &usize| self.names.contains(&path[..*n].join("::"));
        let n = (0..=path.len()).rev().find(known).unwrap_or(0);
        let item = path[..path.len().min(n + 1)].join("::");
        match self.exports.get(&item) {
            Some(from) if self.names.contains(from) => from.clone(),
            _ => path[..n].join("::"),
        }
    }
}

/// The modules that each module of the library imports from.
fn graph(all: &[Source]) -> BTreeMap<String, BTreeSet<String>> {
    let modules = Modules::of(all);
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in all {
        let own = source.module.join("::");
        let imports = uses(source).into_iter().map(|path| modules.resolve(&path));
        let imports = imports.filter(|to| *to != own);
        graph.entry(own.clone()).or_default().extend(imports);
    }
    graph
}

#[test]
fn the_scanner_sees_what_it_should() {
    let text = "use crate::{Error, x::{Y, z::W}, v as w}; // crate::no\nfn f() { crate::m::g(); \"crate::not\"; super::c::d(); \
                super::super::e::h::<'a>('\"', r#\"crate::never\"#) }\nuse super::{P, q::R};\n#[cfg(test)]\nmod tests { use crate::hidden; }";
    let source = Source::new("src", "a/b.rs", text);
    let mut got: Vec<String> = uses(&source).iter().map(|p| p.join("::")).collect();
    got.sort();
    let wanted = [
        "Error", "a::P", "a::c::d", "a::q::R", "e::h", "m::g", "v", "x::Y", "x::z::W",
    ];
    assert_eq!(got, wanted);
    let folder = [
        Source::new("src", "a/mod.rs", "mod b;\nmod c;\npub use b::{B, Other};"),
        Source::new("src", "a/b.rs", "use crate::a::c::C;"),
        Source::new("src", "a/c.rs", "use crate::a::B;"),
    ];
    let graph = graph(&folder);
    assert!(graph["a::b"].contains("a::c") && graph["a::c"].contains("a::b"));
    assert_eq!(circle(&graph).map(|c| c.len()), Some(2));
    assert_eq!(
        functions("fn a() {\n1\n}\n\n  fn b<T>(\n) -> T {\n}"),
        [("a".to_owned(), 3), ("b".to_owned(), 3)]
    );
    let Source { code, .. } = Source::new(
        "src",
        "x.rs",
        "impl<'a> A<'a> {}\nimpl B for A {}\nimpl fmt::C for D<E> {}",
    );
    assert_eq!(inherent(&code), ["A"]);
}

#[test]
fn imports_go_one_way() {
    let all = library();
    let level = |module: &str| LEVELS.iter().position(|level| level.contains(&module));
    let mut broken = Vec::new();
    for source in all.iter().filter(|s| !s.module.is_empty()) {
        let own = level(source.top());
        let own = own.unwrap_or_else(|| panic!("{} has no row in LEVELS", source.path));
        for path in uses(source) {
            let to = path.first().map_or("", String::as_str);
            let path = path.join("::");
            match level(to) {
                _ if to == source.top() => {}
                // A name that the root passes on, or a module of no level.
                None => broken.push(format!("{} imports {path} from the root", source.path)),
                Some(level) if level >= own => {
                    broken.push(format!("{} imports {path}", source.path));
                }
                Some(_) => {}
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Modules that import each other in a circle, if any do.
fn circle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk<'g>(
        graph: &'g BTreeMap<String, BTreeSet<String>>,
        at: &'g str,
        way: &mut Vec<&'g str>,
        done: &mut BTreeSet<&'g str>,
    ) -> Option<Vec<String>> {
        if let Some(first) = way.iter().position(|m| *m == at) {
            return Some(way[first..].iter().map(|m| (*m).to_owned()).collect());
        }
        if !done.insert(at) {
            return None;
        }
        way.push(at);
        let found = graph
            .get(at)
            .into_iter()
            .flatten()
            .find_map(|to| walk(graph, to, way, done));
        way.pop();
        found
    }
    let mut done = BTreeSet::new();
    graph
        .keys()
        .find_map(|at| walk(graph, at, &mut Vec::new(), &mut done))
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let circle = circle(&graph(&library()));
    assert!(circle.is_none(), "{circle:#?}");
}

/// The types with inherent implementations.
fn inherent(code: &str) -> Vec<String> {
    let tokens = tokens(code);
    let get = |i: usize| tokens.get(i).map_or("", String::as_str);
    let mut types = Vec::new();
    for i in (0..tokens.len()).filter(|&i| tokens[i] == "impl") {
        let mut at = i + 1;
        let (mut depth, mut name) = (0, "");
        loop {
            match get(at) {
                "<" => depth += 1,
                // Not of an arrow.
                ">" if get(at - 1) != "-" => depth -= 1,
                "{" | "where" => {
                    types.push(name.to_owned());
                    break;
                }
                "for" | "(" | ")" | "," | ";" | "" if depth == 0 => break,
                word if depth == 0 && is_word(word) => name = word,
                _ => {}
            }
            at += 1;
        }
    }
    types
}

#[test]
fn inherent_implementations_stay_in_the_folder_of_their_type() {
    for folder in FOLDERS {
        let all = sources_of(folder);
        let mut places: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for source in &all {
            let tokens = tokens(&source.code);
            for pair in tokens.windows(2) {
                if matches!(pair[0].as_str(), "struct" | "enum") {
                    places
                        .entry(pair[1].clone())
                        .or_default()
                        .insert(source.folder());
                }
            }
        }
        for source in &all {
            for name in inherent(&source.code) {
                let at_home = places
                    .get(&name)
                    .is_none_or(|p| p.contains(source.folder()));
                assert!(
                    at_home,
                    "{} implements {name}, of {places:?}",
                    source.path,
                    places = places[&name]
                );
            }
        }
    }
}

#[test]
fn only_two_folders_know_candle() {
    let places = ["candle", "diffusers"].map(|folder| format!("src/prior/{folder}/"));
    for source in library() {
        let inside = places.iter().any(|place| source.path.starts_with(place));
        let named = words(&source.code).iter().any(|w| w.starts_with("candle_"));
        assert!(inside || !named, "candle is named in {}", source.path);
    }
}

#[test]
fn files_are_read_and_written_without_floats() {
    let mut exceptions = 0;
    let all = library();
    for source in all
        .iter()
        .filter(|s| matches!(s.top(), "container" | "codes"))
    {
        let mut code = source.code.clone();
        // The one translation of a wish in bits per pixel into bytes.
        if let Some(at) = code.find("pub fn bytes_at(") {
            let end = at + code[at..].find("\n    }").expect("a body");
            code.replace_range(at..end, "");
            exceptions += 1;
        }
        let words = words(&code);
        for float in ["f16", "f32", "f64"] {
            assert!(!words.contains(float), "{float} in {}", source.path);
        }
    }
    assert!(exceptions <= 1);
}

#[test]
fn unsafe_code_stays_where_it_is() {
    let places = [
        "src/prior/cpu/kernel/",
        "src/prior/cuda/",
        "src/channel/dispatch.rs",
        "crates/capi/src/",
        "crates/wasm/src/lib.rs",
        "fuzz/src/wasm.rs",
    ];
    for source in everything() {
        let allowed = places.iter().any(|p| source.path.starts_with(p));
        let found = words(&source.code).contains("unsafe");
        assert!(allowed || !found, "unsafe code in {}", source.path);
    }
}

#[test]
fn the_library_names_no_flag() {
    for source in library() {
        for (i, line) in source.text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let flag = code.match_indices("--").any(|(at, _)| {
                let after = code[at + 2..].chars().next().unwrap_or(' ');
                code[..at].contains('"') && after.is_ascii_lowercase()
            });
            assert!(!flag, "{}:{}: {line}", source.path, i + 1);
        }
    }
}

#[test]
fn files_stay_short() {
    let long: Vec<String> = everything()
        .iter()
        .map(|s| (s.text.lines().count(), &s.path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "over {MOST_LINES} lines: {long:#?}");
}

/// Name and lines of each function.
fn functions(code: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let tokens = tokens(line);
        let Some(at) = tokens.iter().position(|t| t == "fn") else {
            continue;
        };
        let Some(name) = tokens.get(at + 1).filter(|t| is_word(t)) else {
            continue;
        };
        // To the brace that closes its body; a declaration has none.
        let (mut depth, mut opened) = (0i32, false);
        let end = lines[first..].iter().position(|line| {
            for c in line.chars() {
                match c {
                    '{' => (depth, opened) = (depth + 1, true),
                    '}' => depth -= 1,
                    ';' if !opened && depth == 0 => return true,
                    _ => {}
                }
            }
            opened && depth <= 0
        });
        if opened {
            found.push((name.clone(), end.map_or(0, |end| end + 1)));
        }
    }
    found
}

#[test]
fn functions_stay_short() {
    let mut long = Vec::new();
    for source in everything() {
        for (name, lines) in functions(&source.code) {
            if lines > MOST_FUNCTION_LINES {
                long.push(format!("{}: {name} has {lines} lines", source.path));
            }
        }
    }
    assert!(
        long.is_empty(),
        "over {MOST_FUNCTION_LINES} lines: {long:#?}"
    );
}

#[test]
fn comments_begin_with_their_subject_and_stay_narrow() {
    let mut bad = Vec::new();
    for source in everything() {
        let (mut before, mut example) = ("", false);
        for (i, line) in source.text.lines().enumerate() {
            let comment = line.trim_start();
            let doc = ["/// ", "//! "]
                .iter()
                .find_map(|m| comment.strip_prefix(m));
            if doc.is_some_and(|text| text.starts_with("```")) {
                example = !example;
            }
            let first = !before.starts_with("///") && !before.starts_with("//!");
            let riddle = |text: &&str| {
                let starts = |word| text.starts_with(&format!("{word} "));
                ["What", "Whether", "The same"].into_iter().any(starts)
            };
            let wide = comment.starts_with("//")
                && line.chars().count() > MOST_COLUMNS
                && !example
                && !comment.contains('|');
            if (first && doc.is_some_and(|text| riddle(&text))) || wide {
                bad.push(format!("{}:{}: {comment}", source.path, i + 1));
            }
            before = comment;
        }
    }
    assert!(bad.is_empty(), "{} lines: {bad:#?}", bad.len());
}
