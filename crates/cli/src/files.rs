//! The files people write: read from a project folder, or those shipped in the binary.

use std::collections::BTreeMap;
use std::path::Path;

use rapport_rule::{Source, Sources};

use crate::exit::Failure;

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// What a project folder holds, by path relative to it.
pub type Texts = BTreeMap<String, String>;

/// Larger files are none of ours.
const FILE_MAX: u64 = 4 << 20;

/// The shipped workflows and configuration.
pub fn shipped() -> Texts {
    SHIPPED.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// Whether a folder looks like a project.
pub fn is_project(folder: &Path) -> bool {
    folder.join("config/rapport.yaml").is_file() && folder.join("workflows").is_dir()
}

/// Reads `workflows/` and `config/` of a project folder.
pub fn read(folder: &Path) -> Result<Texts, Failure> {
    let mut texts = Texts::new();
    for part in ["workflows", "config"] {
        collect(folder, part, &mut texts)?;
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

fn collect(root: &Path, inside: &str, texts: &mut Texts) -> Result<(), Failure> {
    let folder = root.join(inside);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::input(format!("{} cannot be read: {error}", folder.display()))),
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
        let unreadable = |error: std::io::Error| Failure::input(format!("{} cannot be read: {error}", shown.display()));
        let about = std::fs::metadata(&shown).map_err(unreadable)?;
        // Descriptions of the files for editors, written by `rapport schema --write`.
        if path == "config/schema" {
            continue;
        }
        if about.is_dir() {
            collect(root, &path, texts)?;
            continue;
        }
        if about.len() > FILE_MAX {
            return Err(Failure::input(format!("{} is larger than 4 MiB", shown.display()))
                .help("only texts belong into workflows/ and config/"));
        }
        let bytes = std::fs::read(&shown).map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Failure::input(format!("{} is not UTF-8 from byte {at} on", shown.display()))
                .help("only texts belong into workflows/ and config/; save the file as UTF-8")
        })?;
        texts.insert(path, text);
    }
    Ok(())
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
