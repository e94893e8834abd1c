//! Links among the files of a project: those that lead out of it, back into it or nowhere are told by their place, with what
//! helps; a folder laid out as links, as one mounted into a container is, is read.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests read and write files")]

use std::os::unix::fs::symlink;
use std::path::Path;

mod project;

use project::{check, project};

/// A project in a folder with a file beside it, and a link in it.
#[track_caller]
fn refused(target: &str, link: &str, why: &str) {
    let project = project();
    let folder = project.path().join("inner");
    std::fs::create_dir(&folder).unwrap();
    for part in ["workflows", "config"] {
        std::fs::rename(project.path().join(part), folder.join(part)).unwrap();
    }
    std::fs::write(project.path().join("other.yaml"), "tests: []").unwrap();
    symlink(target, folder.join(link)).unwrap();
    let told = check(&folder, &["check"], 2, &[link, why, "help: "]);
    assert!(told.len() < 600, "the way stands there once: {told}");
}

#[test]
fn a_link_in_a_circle_is_told_by_its_place() {
    refused("..", "workflows/again", "leads in a circle");
    refused(".", "workflows/welcome/again", "leads in a circle");
    refused("again", "workflows/again", "leads nowhere");
}

#[test]
fn a_folder_is_read_under_its_own_name_only() {
    refused("welcome", "workflows/other", "which is read already");
    refused("../config", "workflows/settings", "which is read already");
}

#[test]
fn a_link_leads_not_out_of_the_project() {
    refused("../../../other.yaml", "workflows/let-go-review/README.md", "leads out of the project");
    refused("../..", "workflows/outside", "leads out of the project");
    refused("gone.yaml", "workflows/welcome/notes.yaml", "leads nowhere");
}

#[test]
fn a_mounted_folder_is_read() {
    let project = project();
    let at = |path: &str| project.path().join(path);
    std::fs::create_dir(at("workflows/..data")).unwrap();
    std::fs::rename(at("workflows/welcome"), at("workflows/..data/welcome")).unwrap();
    symlink(Path::new("..data/welcome"), at("workflows/welcome")).unwrap();
    std::fs::rename(at("config/offers.yaml"), at("workflows/..data/offers.yaml")).unwrap();
    symlink(Path::new("../workflows/..data/offers.yaml"), at("config/offers.yaml")).unwrap();
    check(project.path(), &["check"], 0, &["in order"]);
    // It is read: with a slip in it there is a finding under the name of the link.
    let file = at("workflows/..data/welcome/workflow.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("once:", "onze:", 1)).unwrap();
    check(project.path(), &["check"], 2, &["workflows/welcome/workflow.yaml", "onze"]);
}
