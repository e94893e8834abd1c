//! The files people write: read from a project folder, or those shipped in the binary.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rapport_rule::{Source, Sources, encoding};

use crate::exit::Failure;

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// What a project folder holds, by path relative to it.
pub type Texts = BTreeMap<String, String>;

/// Larger files are none of ours.
pub const FILE_MAX: u64 = 4 << 20;

/// The shipped workflows and configuration.
pub fn shipped() -> Texts {
    SHIPPED.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// Whether a folder looks like a project.
pub fn is_project(folder: &Path) -> bool {
    folder.join("config/rapport.yaml").is_file() && folder.join("workflows").is_dir()
}

/// Reads `workflows/` and `config/` of a project folder. Bytes that are no UTF-8 are replaced: who writes a file back looks at
/// [`is_whole`] before.
pub fn read(folder: &Path) -> Result<Texts, Failure> {
    let mut texts = Texts::new();
    for part in ["workflows", "config"] {
        let roots = Roots::of(folder, part);
        collect(&roots, part, &mut texts)?;
    }
    if texts.is_empty() {
        return Err(Failure::input(format!("there is neither workflows/ nor config/ in {}", folder.display()))
            .help("name the project folder with --dir, or try `rapport demo`, which makes one"));
    }
    // An empty folder is a project without workflows; one that is not there is rather another folder than was meant.
    if let Some(missing) = ["workflows", "config"].map(|part| folder.join(part)).iter().find(|part| !part.is_dir()) {
        return Err(Failure::input(format!("there is no folder {}", missing.display()))
            .help("a project has both workflows/ and config/; name its folder with --dir"));
    }
    Ok(texts)
}

/// Where a part of the project really lies, so that links can be judged. Either may be a link itself: that is the choice of
/// whoever set the machine up.
struct Roots<'a> {
    root: &'a Path,
    real: Vec<PathBuf>,
}

impl<'a> Roots<'a> {
    fn of(root: &'a Path, part: &str) -> Self {
        let real = [root.to_owned(), root.join(part)].iter().filter_map(|path| path.canonicalize().ok()).collect();
        Self { root, real }
    }

    /// Refuses links that lead out of the project, in a circle, or to a folder that is read under its own name.
    fn judge(&self, link: &Path, is_folder: bool) -> Result<(), Failure> {
        let real = link.canonicalize().map_err(|error| unreadable(link, &error))?;
        let Some(below) = self.real.iter().find_map(|ground| real.strip_prefix(ground).ok()) else {
            return Err(Failure::input(format!("{} is a link that leads out of the project", link.display())).help(
                "put the files themselves here: what decides who gets mail is reviewed and versioned with the project",
            ));
        };
        // A folder mounted into a container is laid out as links into a hidden folder beside them, which is read only so. One
        // link deep: what lies there links no further.
        let is_hidden =
            |path: &Path| path.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."));
        let stands_in = link.parent().and_then(|folder| folder.canonicalize().ok()).unwrap_or_default();
        let is_circle = stands_in.starts_with(&real);
        let from_hidden = self.real.iter().find_map(|ground| stands_in.strip_prefix(ground).ok()).is_none_or(is_hidden);
        if !is_folder || (is_hidden(below) && !from_hidden && !is_circle) {
            return Ok(());
        }
        let what = if is_circle {
            "a link to a folder it stands in: it leads in a circle"
        } else {
            "a link to a folder of this project, which is read already"
        };
        Err(Failure::input(format!("{} is {what}", link.display()))
            .help("take the link away; a workflow is a folder with files of its own"))
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::input(format!("{} cannot be read: {error}", path.display()))
}

fn collect(roots: &Roots<'_>, inside: &str, texts: &mut Texts) -> Result<(), Failure> {
    let folder = roots.root.join(inside);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unreadable(&folder, &error)),
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Err(Failure::input(format!("{} holds a file whose name is not UTF-8", folder.display())));
        };
        // Editors' and systems' own files.
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let (path, shown) = (format!("{inside}/{name}"), entry.path());
        // Descriptions of the files for editors, written by `rapport schema --write`.
        if path == "config/schema" {
            continue;
        }
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let about = match std::fs::metadata(&shown) {
            Ok(about) => about,
            Err(error) if is_link => {
                return Err(Failure::input(format!("{} is a link that leads nowhere: {error}", shown.display()))
                    .help("take the link away, or put the file itself here"));
            }
            Err(error) => return Err(unreadable(&shown, &error)),
        };
        if is_link {
            roots.judge(&shown, about.is_dir())?;
        }
        if about.is_dir() {
            collect(roots, &path, texts)?;
            continue;
        }
        if about.len() > FILE_MAX {
            return Err(Failure::input(format!("{} is larger than 4 MiB", shown.display()))
                .help("only texts belong into workflows/ and config/"));
        }
        let bytes = std::fs::read(&shown).map_err(|error| unreadable(&shown, &error))?;
        // What is not UTF-8 has its place among all that is wrong (R0581).
        texts.insert(path, String::from_utf8_lossy(&bytes).into_owned());
    }
    Ok(())
}

/// Whether all of a file could be read. Another one, written back, would lose what could not.
pub fn is_whole(text: &str) -> bool {
    !text.contains(encoding::UNREADABLE)
}

/// Writes files into a project folder.
pub fn write(folder: &Path, texts: &Texts) -> Result<(), Failure> {
    for (path, text) in texts {
        let path = folder.join(path);
        let refused = |error: std::io::Error| Failure::new(format!("{} cannot be written: {error}", path.display()));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(refused)?;
        }
        std::fs::write(&path, text).map_err(refused)?;
    }
    Ok(())
}

/// As the language reads them.
pub fn sources(texts: &Texts) -> Sources {
    let decides = |path: &str| !path.starts_with("config/schema/");
    texts.iter().filter(|(path, _)| decides(path)).map(|(path, text)| Source::new(path.clone(), text.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_files_are_sound() {
        let sources = sources(&shipped());
        let (rulebook, findings) = rapport_workflow::compile(&sources);
        assert!(rulebook.is_some(), "{}", rapport_rule::finding::render::human_all(&findings, &sources));
    }
}
