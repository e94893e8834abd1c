//! How far shards are, in a file beside the database.
//!
//! A cluster tells Kafka, which no restored database takes back with it. Here the journal is a table of the database itself, so
//! what it holds goes back with it too: only something outside can know that a copy was put back. The file names the journal, so
//! that one left over from another database says nothing about this one.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rapport_engine::ports::log::{LogError, Progress};
use serde::{Deserialize, Serialize};

/// What shards last told.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Told {
    journal: String,
    shards: BTreeMap<u32, Place>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Place {
    next_offset: i64,
    epoch: i64,
    commit_no: i64,
}

/// The file.
#[derive(Debug)]
pub(super) struct ProgressFile {
    path: PathBuf,
    writing: Mutex<()>,
}

impl ProgressFile {
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), writing: Mutex::new(()) }
    }

    /// Notes how far a shard of this journal is. The file is replaced as a whole, so that a crash leaves the old one.
    pub(super) fn report(&self, journal: &str, shard: u32, progress: Progress) -> Result<(), LogError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = self.read(journal)?;
        let Progress { next_offset, epoch, commit_no } = progress;
        told.shards.insert(shard, Place { next_offset, epoch, commit_no });
        let text = serde_json::to_vec(&told).map_err(|error| self.refused(&error))?;
        let new = self.path.with_extension("progress.new");
        let write = || {
            let mut file = std::fs::File::create(&new)?;
            file.write_all(&text)?;
            // Or a power cut could leave an empty file under the good name.
            file.sync_data()?;
            std::fs::rename(&new, &self.path)
        };
        write().map_err(|error| self.refused(&error))
    }

    /// How far the shards of this journal were.
    pub(super) fn reported(&self, journal: &str) -> Result<BTreeMap<u32, Progress>, LogError> {
        let progress = |Place { next_offset, epoch, commit_no }| Progress { next_offset, epoch, commit_no };
        Ok(self.read(journal)?.shards.into_iter().map(|(shard, place)| (shard, progress(place))).collect())
    }

    fn read(&self, journal: &str) -> Result<Told, LogError> {
        let nothing = Told { journal: journal.to_owned(), shards: BTreeMap::new() };
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(nothing),
            Err(error) => return Err(self.refused(&error)),
        };
        let told: Told = serde_json::from_slice(&text).map_err(|error| self.refused(&error))?;
        Ok(if told.journal == journal { told } else { nothing })
    }

    fn refused(&self, error: &dyn std::fmt::Display) -> LogError {
        let path = self.path.display();
        LogError::Refused(format!(
            "{path}: {error}. It tells whether the database beside it was put back from a copy; if it was not, delete the file"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(commit_no: i64) -> Progress {
        Progress { next_offset: 7, epoch: 2, commit_no }
    }

    #[test]
    fn it_knows_only_its_own_journal_and_the_last_word_of_each_shard() {
        let folder = tempfile::tempdir().unwrap();
        let file = ProgressFile::at(&folder.path().join("rapport.progress"));
        assert!(file.reported("a").unwrap().is_empty());
        file.report("a", 0, progress(3)).unwrap();
        file.report("a", 1, progress(5)).unwrap();
        file.report("a", 0, progress(4)).unwrap();
        let again = ProgressFile::at(&folder.path().join("rapport.progress"));
        assert_eq!(again.reported("a").unwrap(), BTreeMap::from([(0, progress(4)), (1, progress(5))]));
        assert!(again.reported("b").unwrap().is_empty());
        // A new database in the same place begins anew.
        again.report("b", 0, progress(1)).unwrap();
        assert_eq!(again.reported("b").unwrap(), BTreeMap::from([(0, progress(1))]));
    }

    #[test]
    fn a_damaged_file_is_told_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rapport.progress");
        std::fs::write(&path, "{").unwrap();
        let error = ProgressFile::at(&path).reported("a").unwrap_err().to_string();
        assert!(error.contains("delete the file"), "{error}");
    }
}
