//! Of the small changes that can be made to the shipped workflows, their tests notice almost all.
#![allow(clippy::disallowed_methods, reason = "tests read the files they are about")]

use std::path::Path;

use rapport_rule::{Source, Sources};
use rapport_trial::Runner;
use rapport_trial::mutants::survivors;
use rapport_workflow::compile;

fn read(folder: &Path, root: &Path, sources: &mut Sources) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, root, sources);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            sources.add(Source::new(name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn the_shipped_tests_notice_changes_of_the_shipped_workflows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut sources = Sources::new();
    read(&root.join("workflows"), &root, &mut sources);
    read(&root.join("config"), &root, &mut sources);
    let rulebook = compile(&sources).0.unwrap();
    let runner = Runner::default();
    let (mut all, mut left) = (0, Vec::new());
    for id in rulebook.trials.keys() {
        let (count, survivors) = survivors(&sources, &rulebook, id, &runner, 2);
        all += count;
        left.extend(survivors.into_iter().map(|what| format!("{id}: {what}")));
    }
    println!("{} of {all} noticed; not noticed:\n  {}", all - left.len(), left.join("\n  "));
    // Those left are equal for any partner a test can have, or wait for figures that are someone else's.
    assert!(left.len() * 20 <= all, "{} of {all} changes go unnoticed:\n  {}", left.len(), left.join("\n  "));
}
