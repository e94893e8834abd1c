//! Writes `docs/codes/` from the pages of all codes: `cargo run -p rapport-rule --example code_pages`.

#![allow(clippy::disallowed_methods, reason = "a tool that writes files")]

use std::fs;
use std::path::Path;

use rapport_rule::codes;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/codes");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("README.md"), codes::index_markdown())?;
    for page in codes::pages() {
        fs::write(folder.join(format!("{}.md", page.code)), page.markdown())?;
    }
    Ok(())
}
