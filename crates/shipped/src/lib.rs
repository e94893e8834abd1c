//! The files of this repository as tests read them: the shipped workflows and configuration, or single folders of them.
//!
//! For tests and the simulator only; a missing file is a broken checkout and ends the test. What the product reads from an
//! author's folder, with errors a person can act on, is the command line's business.
#![allow(clippy::disallowed_methods, reason = "reading files is what this crate is for")]

pub mod example;

use std::path::{Path, PathBuf};

use rapport_rule::{Source, Sources};

/// The folder of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Everything under `workflows/` and `config/`.
#[must_use]
pub fn sources() -> Sources {
    folders(&["workflows", "config"])
}

/// Everything under these folders, named from the workspace's root with `/`.
///
/// # Panics
/// When a file cannot be read.
#[must_use]
pub fn folders(folders: &[&str]) -> Sources {
    let root = root();
    let mut sources = Sources::new();
    for folder in folders {
        read(&root.join(folder), &root, &mut sources);
    }
    sources
}

fn read(folder: &Path, root: &Path, sources: &mut Sources) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a file of the repository").path();
        if path.is_dir() {
            read(&path, root, sources);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.strip_prefix(root).expect("it lies under the root").to_string_lossy().replace('\\', "/");
        sources.add(Source::new(name, text));
    }
}
