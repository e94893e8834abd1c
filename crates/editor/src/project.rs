//! The project folder as the editor sees it: files of the disk, and over them what is not saved yet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rapport_rule::{Source, Sources};
use rapport_workflow::{Looked, look};

/// Reads the files of a project: path within it and text.
pub type ReadFolder = Box<dyn Fn(&Path) -> BTreeMap<String, String> + Send>;

/// The project.
pub struct Project {
    root: PathBuf,
    read: ReadFolder,
    saved: BTreeMap<String, String>,
    open: BTreeMap<String, String>,
    looked: Option<Looked>,
    sources: Sources,
    /// Files whose findings the editor shows.
    pub(crate) told: BTreeSet<String>,
}

impl Project {
    /// A project in a folder.
    pub fn new(root: PathBuf, read: ReadFolder) -> Self {
        let saved = read(&root);
        Self { root, read, saved, open: BTreeMap::new(), looked: None, sources: Sources::new(), told: BTreeSet::new() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Another folder is meant from now on.
    pub fn move_to(&mut self, root: PathBuf) {
        self.root = root;
        self.open.clear();
        self.refresh();
    }

    /// The project another file belongs to: the nearest folder above it with a `config/rapport.yaml`.
    pub fn root_of(file: &Path) -> Option<PathBuf> {
        file.ancestors().skip(1).find(|folder| folder.join("config/rapport.yaml").is_file()).map(Path::to_owned)
    }

    /// The path within the project, `/` between; none for a file outside.
    pub fn inside(&self, file: &Path) -> Option<String> {
        let path = file.strip_prefix(&self.root).ok()?.to_str()?.replace('\\', "/");
        let ours =
            (path.starts_with("workflows/") || path.starts_with("config/")) && !path.starts_with("config/schema/");
        ours.then_some(path)
    }

    /// A document is open with this text, saved or not.
    pub fn open(&mut self, path: &str, text: String) {
        self.open.insert(path.to_owned(), text);
        self.looked = None;
    }

    /// A document is closed: the disk's text holds.
    pub fn close(&mut self, path: &str) {
        self.open.remove(path);
        self.refresh();
    }

    /// Files changed on the disk.
    pub fn refresh(&mut self) {
        self.saved = (self.read)(&self.root);
        self.looked = None;
    }

    /// The text of a file as the editor has it.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.open.get(path).or_else(|| self.saved.get(path)).map(String::as_str)
    }

    /// All files, and what the compiler says about them.
    pub fn look(&mut self) -> (&Sources, &Looked) {
        if self.looked.is_none() {
            let texts: BTreeMap<&String, &String> = self.saved.iter().chain(&self.open).collect();
            let decides = |path: &str| !path.starts_with("config/schema/");
            self.sources = texts
                .into_iter()
                .filter(|(path, _)| decides(path))
                .map(|(path, text)| Source::new(path.clone(), text.clone()))
                .collect();
        }
        let sources = &self.sources;
        (sources, self.looked.get_or_insert_with(|| look(sources)))
    }
}
