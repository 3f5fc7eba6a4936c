//! Several inputs: folders, trees, patterns, and what becomes of each file.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::*;

/// The fastest flags.
const FAST: [&str; 4] = ["-e", "1", "-Q", "20"];

fn encode(rest: &[&str]) -> Vec<String> {
    let all = [&["encode"], &FAST[..], rest].concat();
    all.into_iter().map(str::to_owned).collect()
}

/// Runs `encode` with these arguments beside the fastest flags.
fn encoded(dir: &Path, rest: &[&str]) -> Ran {
    let args = encode(rest);
    run(dir, &args.iter().map(String::as_str).collect::<Vec<_>>())
}

fn png(seed: u64) -> Vec<u8> {
    bytes(seed, image::ImageFormat::Png)
}

fn bytes(seed: u64, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = common::noise(16, 12, Colour::Rgb, false, seed);
    picture
        .to_image()
        .write_to(&mut bytes, format)
        .expect("written");
    bytes.into_inner()
}

fn put(dir: &Path, name: &str, bytes: &[u8]) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, bytes).expect("written");
}

fn time(n: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + n)
}

fn set_time(path: &Path, n: u64) {
    let file = File::open(path).expect("there");
    file.set_modified(time(n)).expect("set");
}

fn time_of(path: &Path) -> SystemTime {
    fs::metadata(path)
        .expect("there")
        .modified()
        .expect("a time")
}

/// Paths of all files below a folder, and of the folders themselves.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut next = vec![folder.to_owned()];
    while let Some(one) = next.pop() {
        for entry in fs::read_dir(&one).expect("a folder") {
            let path = entry.expect("an entry").path();
            all.push(path.strip_prefix(folder).expect("below").to_owned());
            if path.is_dir() {
                next.push(path);
            }
        }
    }
    all.sort();
    all
}

/// Forty pictures in five folders, with names of all sorts, and two that are broken.
#[test]
fn a_tree_goes_there_and_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    let folders = ["", "a b", "ünï☃/in[1]", "-dash", "v1.2"];
    let names = [
        "a b.png",
        "IMG.1",
        "IMG.2",
        "ünï☃.png",
        "q?.png",
        "-x.png",
        "B.PNG",
        "quote'\".png",
    ];
    let mut number = 0;
    for folder in folders {
        for name in names {
            number += 1;
            let path = Path::new("photos").join(folder).join(name);
            put(dir, &path.to_string_lossy(), &png(number));
            set_time(&dir.join(path), number);
        }
    }
    let broken = ["photos/a b/half.png", "photos/v1.2/zero.jpg"];
    put(dir, broken[0], &png(1)[..60]);
    put(dir, broken[1], b"");
    put(dir, "photos/-dash/notes.txt", b"no picture");
    for folder in folders {
        number += 1;
        set_time(&dir.join("photos").join(folder), number);
    }
    let ran = encoded(dir, &["-r", "photos", "-o", "coded", "--jobs", "3"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("2 of 42 pictures failed"), "{}", ran.err);
    assert!(
        ran.err.contains("left out: photos/-dash/notes.txt"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("40 pictures (2 failed), 0.01 megapixels"),
        "{}",
        ran.err
    );
    // Once when they fail, and once more at the end.
    let end = ran.err.find("2 of 42").expect("said");
    for name in broken {
        assert!(
            ran.err[..end].contains(name) && ran.err[end..].contains(name),
            "{}",
            ran.err
        );
    }
    let back = run(dir, &["decode", "-r", "coded", "-o", "back", "--jobs", "2"]);
    assert_eq!(back.code, 0, "{}", back.err);
    let renamed = |path: &PathBuf, to: &str| match path.to_string_lossy().contains("IMG.") {
        true => PathBuf::from(format!("{}.{to}", path.display())),
        false => path.with_extension(to),
    };
    let mut originals = tree(&dir.join("photos"));
    let without = |path: &PathBuf| !path.ends_with("notes.txt") && !path.ends_with("half.png");
    originals.retain(|path| without(path) && !path.ends_with("zero.jpg"));
    for (folder, to) in [("coded", "dfc"), ("back", "png")] {
        let found = tree(&dir.join(folder));
        assert_eq!(found.len(), originals.len(), "{found:?}");
        for path in &originals {
            let original = dir.join("photos").join(path);
            let made = match original.is_dir() {
                true => dir.join(folder).join(path),
                false => dir.join(folder).join(renamed(path, to)),
            };
            assert_eq!(time_of(&made), time_of(&original), "{}", made.display());
        }
    }
    // Again: all that is there is kept, and only the broken ones are tried.
    let again = encoded(dir, &["-r", "photos", "-o", "coded"]);
    assert_eq!(again.code, 1);
    assert_eq!(
        again.err.matches("exists already, kept").count(),
        40,
        "{}",
        again.err
    );
    assert!(
        again.err.contains("0 pictures (40 more kept, 2 failed)"),
        "{}",
        again.err
    );
}

#[test]
fn files_of_a_folder_are_known_by_their_contents() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    let jpeg = bytes(1, image::ImageFormat::Jpeg);
    for name in ["a.jfif", "b.jpe", "c", "d.heic", "e.tiff"] {
        put(dir, &format!("in/{name}"), &jpeg);
    }
    for name in ["f.txt", "g.heic", "h", "sub/a.png"] {
        put(dir, &format!("in/{name}"), b"no picture");
    }
    put(dir, "in/old.dfc", b"");
    // Left by a run that was ended by force.
    put(dir, "in/.dcodec-abcdef.tmp", &jpeg);
    let ran = encoded(dir, &["in", "-o", "out"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(
        names(&dir.join("out")),
        ["a.dfc", "b.dfc", "c.dfc", "d.dfc", "e.dfc"]
    );
    for name in ["in/f.txt", "in/g.heic", "in/h", "in/sub"] {
        assert!(
            ran.err.contains(&format!("left out: {name}: ")),
            "{}",
            ran.err
        );
    }
    assert!(!ran.err.contains("old.dfc"), "{}", ran.err);
    assert!(!ran.err.contains(".tmp"), "{}", ran.err);
    // Coded files in the same way.
    fs::rename(dir.join("out/a.dfc"), dir.join("out/a")).expect("renamed");
    put(dir, "out/notes.txt", b"no file");
    let ran = good(dir, &["decode", "out", "-o", "back"]);
    assert!(
        ran.err.contains("left out: out/notes.txt: not a .dfc file"),
        "{}",
        ran.err
    );
    assert_eq!(names(&dir.join("back")).len(), 5);
    assert!(good(dir, &["info", "out"]).out.len() > 200);
}

#[test]
fn folders_without_pictures_say_so() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    fs::create_dir(dir.join("empty")).expect("made");
    put(dir, "deep/sub/a.png", &png(1));
    let args = |folder| [&["encode", folder, "-o", "out"][..], &FAST].concat();
    bad(
        dir,
        &args("empty"),
        2,
        "empty",
        "no pictures in this folder",
    );
    let ran = bad(dir, &args("deep"), 2, "deep", "only folders");
    assert!(ran.err.contains("-r"), "{}", ran.err);
    assert!(!dir.join("out").exists());
    assert_eq!(encoded(dir, &["-r", "deep", "-o", "out"]).code, 0);
    assert!(dir.join("out/sub/a.dfc").exists());
}

#[test]
fn several_files_and_patterns() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    for (i, name) in ["a.png", "b.png", "br[1].png", "c.txt"]
        .into_iter()
        .enumerate()
    {
        put(dir, name, &png(i as u64));
    }
    let ran = encoded(dir, &["a.png", "b.png"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("2 pictures, "), "{}", ran.err);
    assert!(dir.join("a.dfc").exists() && dir.join("b.dfc").exists());
    let ran = encoded(dir, &["*.png", "c.txt", "-o", "out"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let all = ["a.dfc", "b.dfc", "br[1].dfc", "c.txt.dfc"];
    assert_eq!(names(&dir.join("out")), all);
    // A file whose name looks like a pattern is that file.
    assert_eq!(encoded(dir, &["br[1].png"]).code, 0);
    assert!(dir.join("br[1].dfc").exists());
    good(dir, &["cut", "out/*.dfc", "--bytes", "30", "-o", "cut"]);
    assert_eq!(names(&dir.join("cut")), all);
    fs::remove_file(dir.join("a.png")).expect("there");
    fs::remove_file(dir.join("b.png")).expect("there");
    good(dir, &["decode", "a.dfc", "b.dfc"]);
    assert!(dir.join("a.png").exists() && dir.join("b.png").exists());
    bad(
        dir,
        &["encode", "nothing*.png", "-o", "x"],
        2,
        "nothing*.png",
        "no file fits",
    );
    bad(
        dir,
        &["encode", "a.png", "b.png", "-o", "c.txt"],
        2,
        "c.txt",
        "none",
    );
    bad(
        dir,
        &["encode", "a.png", "-", "-o", "x"],
        2,
        "standard input",
        "alone",
    );
    bad(
        dir,
        &["cut", "out/a.dfc", "b.dfc", "--bytes", "9"],
        2,
        "out/a.dfc",
        "-o DIR",
    );
    // A file that is not there costs only itself.
    let ran = encoded(dir, &["a.png", "missing.png", "-o", "third"]);
    assert_eq!(
        (ran.code, names(&dir.join("third"))),
        (1, vec!["a.dfc".into()])
    );
    assert!(ran.err.contains("1 of 2 pictures failed"), "{}", ran.err);
}

#[test]
fn several_folders_keep_their_names() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    for (i, name) in ["2023/a.png", "2024/a.png", "2024/b/a.png", "c.png"]
        .into_iter()
        .enumerate()
    {
        put(dir, name, &png(i as u64));
    }
    put(dir, "notes.txt", b"no picture");
    fs::create_dir(dir.join("empty")).expect("made");
    let all = ["2023/a.dfc", "2024/a.dfc", "2024/b/a.dfc", "c.dfc"];
    for inputs in [&["2023", "2024", "c.png", "empty"][..], &["*"]] {
        // Where the shell names the output too it is no input.
        for _ in 0..2 {
            let ran = encoded(dir, &[&["-r", "-o", "out"], inputs].concat());
            assert_eq!(ran.code, 0, "{}", ran.err);
            assert!(all.iter().all(|name| dir.join("out").join(name).exists()));
            assert_eq!(tree(&dir.join("out")).len(), all.len() + 3);
        }
        fs::remove_dir_all(dir.join("out")).expect("there");
    }
    let ran = encoded(dir, &["*", "-o", "flat"]);
    assert_eq!(
        (ran.code, names(&dir.join("flat"))),
        (0, vec!["c.dfc".into()])
    );
    for name in ["2023", "2024", "empty", "notes.txt"] {
        assert!(
            ran.err.contains(&format!("left out: {name}: ")),
            "{}",
            ran.err
        );
    }
    let ran = encoded(dir, &["2023", "2024", "2023", "-o", "named"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let made = ["2023", "2023/a.dfc", "2024", "2024/a.dfc"].map(PathBuf::from);
    assert_eq!(tree(&dir.join("named")), made);
    bad(
        dir,
        &["encode", "empty", "empty", "-o", "none"],
        2,
        "empty",
        "no pictures",
    );
}

#[test]
fn extensions_of_no_picture_stay() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    for (i, name) in ["IMG.1", "IMG.2", "x.heic"].into_iter().enumerate() {
        put(dir, name, &png(i as u64));
        assert_eq!(encoded(dir, &[name]).code, 0);
    }
    assert!(
        ["IMG.1.dfc", "IMG.2.dfc", "x.dfc"]
            .iter()
            .all(|n| dir.join(n).exists())
    );
    let [one, two] = ["IMG.1.dfc", "IMG.2.dfc"].map(|n| read(dir, n));
    assert_ne!(one, two);
    good(dir, &["decode", "IMG.1.dfc"]);
    assert!(dir.join("IMG.1.png").exists());
}

#[test]
fn bytes_may_have_a_unit() {
    let dir = with_picture();
    let dir = dir.path();
    good(dir, &["encode", "-e", "1", "pic.png", "--bytes", "0.2k"]);
    let len = read(dir, "pic.dfc").len();
    assert!((150..=200).contains(&len), "{len}");
    good(
        dir,
        &["cut", "pic.dfc", "--bytes", "0.1kB", "-o", "cut.dfc"],
    );
    assert_eq!(read(dir, "cut.dfc").len(), 100);
    for wrong in ["10x", "0", "1e3", "-1"] {
        let args = ["encode", "pic.png", "--bytes", wrong, "-o", "x"];
        bad(dir, &args, 2, "", "invalid value");
    }
}

#[cfg(unix)]
#[test]
fn links_in_folders() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    put(dir, "a.png", &png(1));
    put(dir, "in/sub/b.png", &png(2));
    symlink("../a.png", dir.join("in/link.png")).expect("made");
    symlink("../missing.png", dir.join("in/broken.png")).expect("made");
    symlink("nothing", dir.join("in/other")).expect("made");
    // A way round and round.
    symlink("..", dir.join("in/sub/up")).expect("made");
    let ran = encoded(dir, &["-r", "in", "-o", "in/out"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("1 of 3 pictures failed"), "{}", ran.err);
    assert!(
        ran.err.contains("left out: in/sub/up: a link to a folder"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("left out: in/other: a link to nothing"),
        "{}",
        ran.err
    );
    let made = tree(&dir.join("in/out"));
    let wanted = ["link.dfc", "sub", "sub/b.dfc"].map(PathBuf::from);
    assert_eq!(made, wanted);
    // The outputs of before are no inputs.
    let cut = ["cut", "-r", "in", "--bytes", "25", "-o", "in/out", "-f"];
    bad(dir, &cut, 2, "", "in: no .dfc files");
}

#[test]
fn one_output_is_one_however_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    put(dir, "d/a.png", &png(1));
    put(dir, "d/a.jpg", &bytes(2, image::ImageFormat::Jpeg));
    #[cfg(unix)]
    std::os::unix::fs::symlink("d", dir.join("link")).unwrap();
    let whole = dir.join("d/a.jpg");
    let others = ["./d/a.jpg", "d/../d/a.jpg", whole.to_str().unwrap()];
    let linked = cfg!(unix).then_some("link/a.jpg");
    for other in others.into_iter().chain(linked) {
        for force in [&[][..], &["-f"]] {
            let args = [
                &["encode", "-e", "1", "-Q", "10", "d/a.png", other][..],
                force,
            ]
            .concat();
            let ran = bad(dir, &args, 2, "a.dfc", "would both be written to this file");
            assert!(ran.err.contains("rename one"), "{}", ran.err);
            assert!(!dir.join("d/a.dfc").exists());
        }
    }
    // The same picture twice is one.
    let ran = good(
        dir,
        &["encode", "-e", "1", "-Q", "10", "d/a.png", "./d/a.png"],
    );
    assert!(!ran.err.contains("exists already"), "{}", ran.err);
}

#[test]
fn a_name_of_a_file_becomes_no_folder() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for (i, name) in ["a.png", "b.png"].into_iter().enumerate() {
        put(dir, name, &png(i as u64));
    }
    let encode = ["encode", "-e", "1", "-Q", "10", "a.png", "b.png", "-o"];
    let to = |name| [&encode[..], &[name]].concat();
    bad(dir, &to("one.dfc"), 2, "one.dfc", "end it with /");
    assert!(!dir.join("one.dfc").exists());
    good(dir, &to("one.dfc/"));
    assert!(dir.join("one.dfc/b.dfc").exists());
    let decode = ["decode", "one.dfc", "-o", "x.png"];
    bad(dir, &decode, 2, "x.png", "end it with /");
    // A file is not cut over itself.
    let before = read(dir, "one.dfc/a.dfc");
    let cut = [
        "cut",
        "one.dfc/a.dfc",
        "--layers",
        "1",
        "-o",
        "one.dfc/../one.dfc/a.dfc",
        "-f",
    ];
    bad(dir, &cut, 2, "a.dfc", "");
    assert_eq!(read(dir, "one.dfc/a.dfc"), before);
}
