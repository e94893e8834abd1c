//! Writes the contract's documents below a folder: `cargo run -p rapport-event --example contract -- docs/contract`.
#![allow(clippy::disallowed_methods, reason = "writing files is what this program is for")]

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("usage: contract FOLDER")?.into();
    for (path, text) in rapport_event::contract::documents() {
        let file = folder.join(path);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, text)?;
    }
    Ok(())
}
