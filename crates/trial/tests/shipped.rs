//! The shipped workflows pass the tests that are shipped with them.
#![allow(clippy::disallowed_methods, reason = "tests read the files they are about")]

use std::path::Path;

use rapport_rule::finding::render::human;
use rapport_rule::{Source, Sources};
use rapport_trial::Runner;
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
fn the_shipped_workflows_pass_their_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut sources = Sources::new();
    read(&root.join("workflows"), &root, &mut sources);
    read(&root.join("config"), &root, &mut sources);
    let (rulebook, findings) = compile(&sources);
    let shown: Vec<String> = findings.iter().map(|finding| human(finding, &sources)).collect();
    let rulebook = rulebook.unwrap_or_else(|| panic!("{}", shown.join("\n")));
    let report = Runner::default().run(&rulebook, None, 2);
    let failed = report.verdicts.iter().filter(|verdict| !verdict.wrong.is_empty());
    let failed: Vec<String> = failed
        .map(|verdict| format!("{} · {}\n    {}", verdict.workflow, verdict.name, verdict.wrong.join("\n    ")))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(!report.verdicts.is_empty());
}
