//! What differs between two sets of files, and which mails lie ahead of a step.

use std::collections::{BTreeMap, BTreeSet};

use rapport_workflow::{MailName, Rulebook, Verb, Workflow};

use super::MailChange;

const LAYOUTS: [&str; 2] = ["config/layout.mail.html", "config/layout.mail.txt"];

/// The files of a workflow that matter to partners: those of its folder but its tests, and the partials in its mails.
fn folder<'a>(rulebook: &'a Rulebook, workflow: &str) -> BTreeMap<&'a str, &'a str> {
    let prefix = format!("workflows/{workflow}/");
    let files = rulebook.sources.iter().filter(|source| source.path.starts_with(&prefix));
    let partials = rulebook.libraries.get(workflow).into_iter().flat_map(|library| library.partials());
    files
        .chain(partials.filter_map(move |path| rulebook.sources.get(path)))
        .filter(|source| !source.path.ends_with("/tests.yaml"))
        .map(|source| (source.path.as_str(), source.text.as_str()))
        .collect()
}

/// Whether a workflow's files differ.
pub fn folder_differs(old: &Rulebook, new: &Rulebook, workflow: &str) -> bool {
    folder(old, workflow) != folder(new, workflow)
}

/// The files of `config/` that differ.
pub fn config_changes(old: Option<&Rulebook>, new: &Rulebook) -> Vec<String> {
    let of = |rulebook: &Rulebook| -> BTreeMap<String, String> {
        let files = rulebook.sources.iter().filter(|source| source.path.starts_with("config/"));
        files.map(|source| (source.path.to_string(), source.text.to_string())).collect()
    };
    let Some(old) = old else { return Vec::new() };
    differing(&of(old), &of(new)).map(|(path, _)| path).collect()
}

/// Names under which two maps differ, with how.
fn differing<'a>(
    old: &'a BTreeMap<String, String>,
    new: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = (String, &'static str)> + 'a {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names.into_iter().filter_map(|name| {
        let change = match (old.get(name), new.get(name)) {
            (None, _) => "new",
            (_, None) => "gone",
            (one, other) if one != other => "changed",
            _ => return None,
        };
        Some((name.clone(), change))
    })
}

/// The mails of a workflow whose text differs, in whatever language, with the partials in it; all of them if what is around them
/// does.
pub fn mail_changes(old: Option<&Rulebook>, new: &Rulebook, workflow: &str) -> Vec<MailChange> {
    let of = |rulebook: &Rulebook| -> BTreeMap<String, String> {
        let layout: String = LAYOUTS.iter().filter_map(|path| rulebook.sources.get(path)).map(text).collect();
        let mut mails: BTreeMap<String, String> = BTreeMap::new();
        for (path, text) in folder(rulebook, workflow) {
            let Some((file, _)) = path.rsplit('/').next().and_then(|file| file.split_once(".mail.")) else { continue };
            // `hello.de.mail.md` is `hello` in German.
            let name = file.split('.').next().unwrap_or(file);
            let all = mails.entry(name.to_owned()).or_insert_with(|| layout.clone());
            all.push_str(path);
            all.push_str(text);
        }
        for (name, all) in &mut mails {
            let library = rulebook.libraries.get(workflow);
            let files = library.into_iter().flat_map(|library| library.variants(name)).flat_map(|mail| mail.partials());
            all.extend(files.filter_map(|path| rulebook.sources.get(path)).map(text));
        }
        mails
    };
    let old = old.map(of).unwrap_or_default();
    differing(&old, &of(new)).map(|(mail, change)| MailChange { mail, change }).collect()
}

fn text(source: &rapport_rule::Source) -> String {
    source.text.to_string()
}

/// Whether a journey at this step may still send one of these mails.
pub fn lies_ahead(workflow: &Workflow, step: &str, mails: &[MailChange]) -> bool {
    let Some(first) = workflow.step_index(step) else { return false };
    let (mut open, mut met) = (vec![first], BTreeSet::new());
    while let Some(index) = open.pop() {
        let Some(step) = workflow.steps.get(index).filter(|_| met.insert(index)) else { continue };
        open.extend(step.next);
        match &step.verb {
            Verb::Email(email) => {
                let changed = |name: &str| mails.iter().any(|mail| mail.mail == name);
                let hit = match &email.mail {
                    MailName::Fixed(name) => changed(name),
                    MailName::Templated(_) => !mails.is_empty(),
                    MailName::Issue => mails.iter().any(|mail| rapport_workflow::issue_day(&mail.mail).is_some()),
                };
                if hit || email.or_else.as_deref().is_some_and(changed) {
                    return true;
                }
                open.extend(email.if_not_sent);
            }
            Verb::Choose { arms, otherwise } => {
                open.extend(arms.iter().filter_map(|arm| arm.then));
                open.extend(*otherwise);
            }
            Verb::Split(ways) => open.extend(ways.iter().filter_map(|way| way.then)),
            Verb::WaitFor(wait) => open.extend([wait.then, wait.otherwise].into_iter().flatten()),
            _ => {}
        }
    }
    false
}
