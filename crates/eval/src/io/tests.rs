use std::io::ErrorKind;

use super::output::write_stream;
use super::*;

#[test]
fn files_are_replaced_only_by_force_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let entries = || fs::read_dir(folder.path()).unwrap().count();
    write_atomic(&path, false, |w| w.write_all(b"one")).unwrap();
    let error = write_atomic(&path, false, |w| w.write_all(b"two")).unwrap_err();
    assert!(
        error.is_usage() && error.to_string().contains("exists already"),
        "{error}"
    );
    assert_eq!(read_at_most(&path, 3).unwrap(), b"one");
    write_atomic(&path, true, |w| w.write_all(b"three")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"three");
    // A failure half-way leaves the old file and nothing else.
    let failing = |w: &mut dyn Write| {
        w.write_all(b"four")?;
        Err(io::Error::other("disk on fire"))
    };
    assert!(write_atomic(&path, true, failing).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"three");
    assert_eq!(entries(), 1);
    // The file appears while we write.
    let late = folder.path().join("late.bin");
    let racing = |w: &mut dyn Write| {
        fs::write(&late, b"theirs")?;
        w.write_all(b"ours")
    };
    assert!(matches!(
        write_atomic(&late, false, racing),
        Err(Error::Exists(_))
    ));
    assert_eq!(fs::read(&late).unwrap(), b"theirs");
    assert_eq!(entries(), 2);
}

#[test]
fn bad_targets_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = write_atomic(folder.path(), true, |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("is a directory"), "{error}");
    let path = folder.path().join("missing").join("out.bin");
    let error = write_atomic(&path, true, |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("no such directory"), "{error}");
    assert!(matches!(read_at_most(&path, 9), Err(Error::Io { .. })));
}

#[cfg(unix)]
#[test]
fn links_devices_and_permissions_are_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let [file, link] = ["file", "link"].map(|n| folder.path().join(n));
    fs::write(&file, b"old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &link).unwrap();
    write_atomic(&link, true, |w| w.write_all(b"new")).unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&file).unwrap(), b"new");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    write_atomic(Path::new("/dev/null"), false, |w| w.write_all(b"gone")).unwrap();
}

#[test]
fn standard_output() {
    let mut out = Vec::new();
    assert!(write_stream(&mut out, true, |w| w.write_all(b"x")).is_err());
    write_stream(&mut out, false, |w| w.write_all(b"xy")).unwrap();
    assert_eq!(out, b"xy");
    let broken = |_: &mut dyn Write| Err(io::Error::from(ErrorKind::BrokenPipe));
    write_stream(&mut out, false, broken).unwrap();
    let full = |_: &mut dyn Write| Err(io::Error::from(ErrorKind::StorageFull));
    assert!(write_stream(&mut out, false, full).is_err());
}

#[test]
fn long_files_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long");
    fs::File::create(&path).unwrap().set_len(40 << 30).unwrap();
    let refused = read_at_most(&path, 1000);
    assert!(matches!(refused, Err(Error::TooLong { limit: 1000, .. })));
    #[cfg(unix)]
    assert!(matches!(
        read_at_most(Path::new("/dev/zero"), 1000),
        Err(Error::TooLong { .. })
    ));
}

#[cfg(unix)]
#[test]
fn links_that_name_nothing_yet_are_followed() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("sub")).unwrap();
    symlink("sub/new", at("first")).unwrap();
    symlink("first", at("second")).unwrap();
    let kept = |result: Result<()>| matches!(result, Err(Error::Exists(_)));
    assert!(kept(check_destination(&at("second"), false)));
    assert!(kept(write_atomic(&at("second"), false, |_| Ok(()))));
    check_destination(&at("second"), true).unwrap();
    write_atomic(&at("second"), true, |w| w.write_all(b"new")).unwrap();
    assert_eq!(fs::read(at("sub/new")).unwrap(), b"new");
    assert!(at("second").is_symlink() && at("first").is_symlink());
    symlink("loop", at("loop")).unwrap();
    symlink("absent/new", at("astray")).unwrap();
    for name in ["loop", "astray"] {
        assert!(check_destination(&at(name), true).is_err(), "{name}");
        assert!(write_atomic(&at(name), true, |_| Ok(())).is_err(), "{name}");
        assert!(at(name).is_symlink());
    }
}

#[test]
fn names_that_cannot_be_are_refused_before() {
    let folder = tempfile::tempdir().unwrap();
    let long = "n".repeat(300);
    for name in ["new/", &long, "file/inner"] {
        fs::write(folder.path().join("file"), b"").unwrap();
        let path = folder.path().join(name);
        for force in [false, true] {
            assert!(check_destination(&path, force).is_err(), "{name}");
        }
    }
    assert!(check_destination(Path::new(""), true).is_err());
    #[cfg(target_os = "linux")]
    assert!(check_destination(Path::new("/dev/fd/987"), true).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn open_streams_are_known_by_all_their_names() {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("file")).unwrap();
    let link = folder.path().join("link");
    symlink("/dev/stdout", &link).unwrap();
    for (path, stream) in [
        ("/dev/stdin", Some(0)),
        ("/dev/stdout", Some(1)),
        ("/dev/../dev/stderr", Some(2)),
        ("/dev/fd/1", Some(1)),
        ("/proc/self/fd/1", Some(1)),
        ("/dev/null", None),
        ("-", None),
        ("", None),
        ("src", None),
    ] {
        assert_eq!(descriptor(Path::new(path)), stream, "{path}");
    }
    assert_eq!(descriptor(&link), Some(1));
    assert_eq!(descriptor(&folder.path().join("file")), None);
    // What a stream has is kept, and the file remains the file.
    let path = format!("/dev/fd/{}", file.as_raw_fd());
    for text in [&b"one"[..], b"two"] {
        write_atomic(Path::new(&path), true, |w| w.write_all(text)).unwrap();
    }
    assert_eq!(fs::read(folder.path().join("file")).unwrap(), b"onetwo");
}

#[cfg(unix)]
#[test]
fn owners_stay_and_special_permissions_go() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, b"old").unwrap();
    // Only root may give files away.
    let given = chown(&path, Some(1234), Some(4321)).is_ok();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4750)).unwrap();
    let old = fs::metadata(&path).unwrap();
    write_atomic(&path, true, |w| w.write_all(b"new")).unwrap();
    let new = fs::metadata(&path).unwrap();
    assert_eq!((new.uid(), new.gid()), (old.uid(), old.gid()));
    assert_eq!(new.permissions().mode() & 0o7777, 0o750);
    assert_eq!(given, new.uid() == 1234);
}

#[test]
fn times_are_kept() {
    use std::time::{Duration, SystemTime};
    let folder = tempfile::tempdir().unwrap();
    let [input, output] = ["in", "out"].map(|n| folder.path().join(n));
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(981_158_400);
    let file = fs::File::create(&input).unwrap();
    file.set_modified(time).unwrap();
    fs::write(&output, b"").unwrap();
    keep_time(&input, &output);
    assert_eq!(fs::metadata(&output).unwrap().modified().unwrap(), time);
    // Streams have none, and nothing is made.
    keep_time(Path::new("-"), &output);
    keep_time(&input, &folder.path().join("absent"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn outputs_that_are_one_file_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("sub")).unwrap();
    let refused = |a: &Path, b: &Path| check_distinct([a, b]).is_err();
    let path = at("a");
    for other in ["a", "./a", "sub/../a"] {
        assert!(refused(&path, &at(other)), "{other}");
    }
    assert!(!refused(&path, &at("b")));
    assert!(refused(Path::new("-"), Path::new("-")));
    fs::write(&path, b"").unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&path, at("link")).unwrap();
        assert!(refused(&path, &at("link")));
    }
    assert!(refused(&path, &at("sub/../a")));
}

#[test]
fn names_hold_nothing_that_a_terminal_obeys() {
    let shown = name(Path::new("evil\x1b[31m\x07\n.png"));
    assert_eq!(shown, "evil\\u{1b}[31m\\u{7}\\n.png");
    assert_eq!(name(Path::new("ä b.png")), "ä b.png");
    assert_eq!(
        escaped("a\tb\nc\r\u{9b}", &['\n', '\t']),
        "a\tb\nc\\r\\u{9b}"
    );
}

#[test]
fn no_more_is_read_than_a_head_that_is_not_sound() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, b"a head and more").unwrap();
    let read = |most, sound| read_sound(&path, most, 6, |head| head == b"a head" && sound);
    assert_eq!(read(15, true).unwrap(), b"a head and more");
    assert_eq!(read(15, false).unwrap(), b"a head");
    assert!(matches!(read(14, true), Err(Error::TooLong { .. })));
    #[cfg(unix)]
    {
        let endless = |sound| read_sound(Path::new("/dev/zero"), 1000, 6, |_| sound);
        assert_eq!(endless(false).unwrap(), [0; 6]);
        assert!(matches!(endless(true), Err(Error::TooLong { .. })));
    }
}
