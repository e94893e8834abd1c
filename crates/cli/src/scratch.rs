//! A folder of a command's own, gone when the command is over.

use std::path::{Path, PathBuf};

use crate::exit::{Doing, Failure};

/// A folder under the system's temporary one.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes it; `what` it is for stands in its name.
    pub fn new(what: &str) -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("rapport-{what}-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&path).doing(&format!("making a folder for the {what}"))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
