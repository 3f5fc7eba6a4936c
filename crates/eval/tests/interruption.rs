//! An interruption leaves no temporary file. Alone in its process, whose files all go.

use dcodec_eval::{io, temporary};

#[test]
fn nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    let interrupted = io::write_atomic(&path, false, |w| {
        w.write_all(b"half")?;
        assert_eq!(files(), 1);
        drop(temporary::clear());
        assert_eq!(files(), 0);
        w.write_all(b"whole")
    });
    assert!(interrupted.is_err());
    assert_eq!(files(), 0);
    io::write_atomic(&path, false, |w| w.write_all(b"whole")).unwrap();
    assert_eq!(files(), 1);
}
