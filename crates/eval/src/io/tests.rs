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
    assert_eq!(read_input(&path).unwrap(), b"one");
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
    assert!(matches!(read_input(&path), Err(Error::Io { .. })));
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
