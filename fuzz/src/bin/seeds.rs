//! Writes the seeds of all targets to a folder: `seeds FOLDER`.

use std::path::PathBuf;
use std::{env, fs, io};

use dcodec_fuzz::TARGETS;

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::args_os().nth(1).unwrap_or("corpus".into()));
    for target in &TARGETS {
        let folder = root.join(target.name);
        fs::create_dir_all(&folder)?;
        for (name, bytes) in (target.seeds)() {
            fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}
