//! `rapport.lock`: the embedded layout's one process.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::exit::Failure;

/// Held while it lives. The system lets go when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a project folder, or says who holds it.
    pub fn take(folder: &Path) -> Result<Self, Failure> {
        let path = lock_path(folder);
        let shown = path.display();
        let refused = |error: std::io::Error| Failure::new(format!("{shown} cannot be written: {error}"));
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(refused)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let holder = holder.trim();
            let who = if holder.is_empty() { "another process".to_owned() } else { format!("process {holder}") };
            return Err(Failure::new(format!("{who} already runs rapport in {}", folder.display()))
                .help("one process at a time works on an embedded store; stop it first, or use another --dir"));
        }
        file.set_len(0).map_err(refused)?;
        file.rewind().map_err(refused)?;
        writeln!(file, "{}", std::process::id()).map_err(refused)?;
        Ok(Self { _file: file })
    }
}

fn lock_path(folder: &Path) -> PathBuf {
    folder.join("rapport.lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_hears_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        let refused = Lock::take(folder.path()).unwrap_err();
        assert!(refused.message.contains(&format!("process {} already runs", std::process::id())), "{refused}");
        drop(first);
        Lock::take(folder.path()).unwrap();
    }
}
