//! The public conformance data of CEL, as npm's @bufbuild/cel-spec carries it. Tests hand it to the expressions.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::install;
use crate::process;
use crate::workspace;

/// The version whose tests are classified; it carries those of cel-spec v0.25.1.
const CEL_SPEC: &str = "0.6.1";
const FILE: &str = "conformance.json";

/// The file with all tests as JSON.
pub fn find_or_fetch() -> Result<PathBuf> {
    let place = workspace::cache().join("cel-spec").join(CEL_SPEC);
    if place.join(FILE).is_file() {
        return Ok(place.join(FILE));
    }
    if process::find("npm", &[]).is_none() || process::find("node", &[]).is_none() {
        install::debian(&["nodejs", "npm"], "npm (fetches the conformance data of CEL)")?;
    }
    println!("xtask: fetching @bufbuild/cel-spec {CEL_SPEC} through npm");
    let parent = place.parent().context("the cache folder has no parent")?;
    std::fs::create_dir_all(parent)?;
    // Made beside its place and moved there whole, so that an interrupted download is never taken for a complete one.
    let fresh = tempfile::Builder::new().prefix("fetch-").tempdir_in(parent)?;
    fetch(fresh.path())?;
    write_json(fresh.path())?;
    let _ = std::fs::remove_dir_all(&place);
    std::fs::rename(fresh.keep(), &place)?;
    Ok(place.join(FILE))
}

fn fetch(folder: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", "--loglevel=error"]);
    // Its peer is the runtime of its generated classes; only the data is read here.
    npm.args(["--legacy-peer-deps", "--prefix"]).arg(folder).arg(format!("@bufbuild/cel-spec@{CEL_SPEC}"));
    let (status, ()) = process::foreground(npm, |_| ())?;
    if !status.success() {
        bail!(
            "npm could not fetch @bufbuild/cel-spec@{CEL_SPEC} ({status}), the conformance data of CEL: it needs the npm \
             registry or a mirror named in its settings"
        );
    }
    Ok(())
}

/// The package keeps the data as a JavaScript module; the tests read JSON.
fn write_json(folder: &Path) -> Result<()> {
    const SCRIPT: &str = "import('./node_modules/@bufbuild/cel-spec/dist/esm/testdata/conformance.js')\
                          .then(data => require('fs').writeFileSync('conformance.json', JSON.stringify(data.tests)))";
    process::output(Command::new("node").current_dir(folder).args(["-e", SCRIPT]))
        .context("the conformance data of CEL could not be read from @bufbuild/cel-spec")?;
    Ok(())
}
