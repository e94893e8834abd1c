//! The workflows of a live run: the shortest waits the language has, so that journeys run to their end within minutes.

use std::path::Path;

use anyhow::{Context, Result};

/// Greets, then waits a minute for a click. `nudge` is the mail of those who do not click.
fn hello(nudge: &str) -> String {
    format!(
        "workflow: Hello\nowner: team@acme.example\nmail: {{ kind: marketing, topic: onboarding, from: ines }}\n\
         when: partner.approved\nonce: per partner\nsteps:\n  - email: hello\n  - wait_for: link.clicked\n    at_most: 1 minute\n    \
         then: [{{ email: clicked }}]\n    otherwise: [{{ email: {nudge} }}]\n"
    )
}

/// A mail for each sale, and in its second version another one after it.
fn sale(second: bool) -> String {
    let more = if second { "  - email: and-more\n" } else { "" };
    format!(
        "workflow: Sale\nowner: team@acme.example\nmail: {{ kind: marketing, topic: milestones, from: ines }}\n\
         when: conversion.recorded\nonce: per event\nsteps:\n  - email: receipt\n{more}"
    )
}

/// Replaces the shipped workflows, and the limits that would hold mail for days.
///
/// # Errors
/// A file cannot be written, or the shipped configuration has other limits than this knows.
pub fn first(folder: &Path) -> Result<()> {
    std::fs::remove_dir_all(folder.join("workflows"))?;
    for (workflow, mails) in
        [("hello", &["hello", "clicked", "nudge", "nudge-two"][..]), ("sale", &["receipt", "and-more"])]
    {
        std::fs::create_dir_all(folder.join("workflows").join(workflow))?;
        for mail in mails {
            let text = format!("---\nsubject: 'About {mail}'\npreheader: 'A word.'\n---\nHi,\n\nthis is {mail}.\n");
            std::fs::write(folder.join(format!("workflows/{workflow}/{mail}.mail.md")), text)?;
        }
    }
    write(folder, &hello("nudge"), &sale(false))?;
    let path = folder.join("config/rapport.yaml");
    let config = std::fs::read_to_string(&path)?;
    let changed: String = config
        .lines()
        .filter(|line| !line.trim_start().starts_with("quiet_hours:"))
        .map(|line| match line.trim_start().starts_with("at_most: [2 marketing") {
            true => "  at_most: [10000 marketing per week, 10000 of any kind per day]\n".to_owned(),
            false => format!("{}\n", line.replace("stop_above: 500 per hour", "stop_above: 1000000 per hour")),
        })
        .collect();
    (changed != config).then_some(()).context("the limits of config/rapport.yaml are written otherwise")?;
    Ok(std::fs::write(path, changed)?)
}

/// The second version: another mail for those who do not click, another mail after a sale.
///
/// # Errors
/// A file cannot be written.
pub fn second(folder: &Path) -> Result<()> {
    write(folder, &hello("nudge-two"), &sale(true))
}

fn write(folder: &Path, hello: &str, sale: &str) -> Result<()> {
    std::fs::write(folder.join("workflows/hello/workflow.yaml"), hello)?;
    Ok(std::fs::write(folder.join("workflows/sale/workflow.yaml"), sale)?)
}
