//! What a recipe needs beside its own folder: entries of the configuration that it names and the project has not, workflows that it
//! starts. What it merely mentions, such as workflows whose mail it holds, is left out where it is not there.

use std::collections::BTreeSet;

use rapport_rule::{Finding, Severity, Sources, Span};

use super::entry::{Entry, entries, with_entry};
use crate::files::{self, Texts};

/// Where things are declared that workflows name: file and key.
const DECLARED: [(&str, &str); 13] = [
    ("config/rapport.yaml", "topics"),
    ("config/rapport.yaml", "senders"),
    ("config/segments.yaml", "groups"),
    ("config/segments.yaml", "segments"),
    ("config/goals.yaml", "goals"),
    ("config/offers.yaml", ""),
    ("config/awards.yaml", ""),
    ("config/resources.yaml", ""),
    ("config/surveys.yaml", "surveys"),
    ("config/feeds.yaml", "feeds"),
    ("config/events.yaml", "events"),
    ("config/hooks.yaml", "hooks"),
    ("config/labels.yaml", "labels"),
];

/// What is brought may need something itself, and so on; no recipe comes near.
const ROUNDS_MAX: usize = 12;

/// A recipe with all it needs.
#[derive(Debug, Default)]
pub(super) struct Brought {
    /// Files that are new or changed.
    pub(super) texts: Texts,
    /// What was brought beside the recipe, and what was left out of it; a line each.
    pub(super) told: Vec<String>,
}

/// What begins with nothing but what config/goals.yaml says: kind of event and key.
const MOMENTS: [(&str, &str); 2] = [("milestone.reached", "milestones"), ("partner.anniversary", "anniversaries")];
const GOALS: &str = "config/goals.yaml";
const HEALTH: &str = "config/health.yaml";
const RESOURCES: &str = "config/resources.yaml";

/// A recipe, already under its new name, for a project.
pub(super) fn bring(project: &Texts, recipe: Texts, shipped: &Texts) -> Brought {
    let known = wrong(project, project).into_iter().map(|(finding, _)| said(&finding)).collect();
    let mut bringing = Bringing { all: project.clone(), shipped, known, brought: Brought::default() };
    let played_with: BTreeSet<String> = recipe
        .iter()
        .filter(|(path, _)| path.ends_with("/tests.yaml"))
        .flat_map(|(_, text)| in_every_test(text))
        .collect();
    bringing.add_all(recipe);
    for id in &played_with {
        bringing.whole_workflow(id, "every test plays with it");
    }
    for _ in 0..ROUNDS_MAX {
        bringing.leave_out_of_holds();
        let found = wrong(&bringing.all, &bringing.brought.texts);
        let new = found.iter().filter(|(finding, _)| !bringing.known.contains(&said(finding)));
        let new: Vec<(Finding, String)> = new.cloned().collect();
        let mut more = bringing.unsaid();
        for (finding, slice) in &new {
            more |= bringing.answer(finding, slice);
        }
        if !more {
            bringing.leave_out_of_tests(&new);
            break;
        }
    }
    bringing.brought
}

struct Bringing<'a> {
    all: Texts,
    shipped: &'a Texts,
    /// What was wrong before: that is the project's own affair.
    known: BTreeSet<String>,
    brought: Brought,
}

/// What is wrong with files, each with the words it is about: errors, and what is warned of in the `own` ones.
fn wrong(texts: &Texts, own: &Texts) -> Vec<(Finding, String)> {
    if texts.is_empty() {
        return Vec::new();
    }
    let sources: Sources = files::sources(texts);
    let (_, findings) = rapport_workflow::compile(&sources);
    let words = |finding: &Finding| {
        let source = finding.span.zip(sources.get(&finding.path));
        source.map(|(span, source)| whole_name(&source.text, span).to_owned()).unwrap_or_default()
    };
    let counts = |finding: &&Finding| finding.severity == Severity::Error || own.contains_key(&finding.path);
    findings.iter().filter(counts).map(|finding| (finding.clone(), words(finding))).collect()
}

/// What a place covers, to the end of the name that it is a part of: of `partner.labels.stage` not `labels` alone.
fn whole_name(text: &str, span: Span) -> &str {
    let behind = text.get(span.end..).unwrap_or_default();
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let more = behind.find(|c: char| !is_part(c)).unwrap_or(behind.len());
    text.get(span.start..span.end + more).unwrap_or_default()
}

fn said(finding: &Finding) -> String {
    format!("{} {} {}", finding.code, finding.path, finding.message)
}

impl Bringing<'_> {
    fn add(&mut self, path: &str, text: String) {
        self.all.insert(path.to_owned(), text.clone());
        self.brought.texts.insert(path.to_owned(), text);
    }

    fn add_all(&mut self, texts: Texts) {
        texts.into_iter().for_each(|(path, text)| self.add(&path, text));
    }

    /// Brings what an error asks for, if that is known.
    fn answer(&mut self, finding: &Finding, slice: &str) -> bool {
        if finding.path.starts_with("config/") && !self.all.contains_key(&finding.path) {
            return self.whole(&finding.path);
        }
        if finding.message.contains("band of health") && !self.all.contains_key(HEALTH) {
            return self.whole(HEALTH);
        }
        // Nothing of that type is there to show.
        if finding.code == "R0587" && !self.all.contains_key(RESOURCES) {
            return self.whole(RESOURCES);
        }
        let asked = format!("{} {slice}", finding.message);
        let mut more = false;
        for (path, section) in DECLARED {
            let there = self.all.get(path).map(|text| entries(text, section)).unwrap_or_default();
            let offered = self.shipped.get(path).map(|text| entries(text, section)).unwrap_or_default();
            let named = |entry: &Entry| names_of(entry, section).iter().any(|name| mentions(&asked, name));
            // Everybody is in one group: where there are none, one alone would leave people out.
            let all_groups = section == "groups"
                && there.is_empty()
                && (finding.message.starts_with("`lane`") || offered.iter().any(named));
            let is_new = |entry: &&Entry| !there.iter().any(|own| own.name == entry.name);
            let mut wanted: Vec<&Entry> =
                offered.iter().filter(is_new).filter(|entry| all_groups || named(entry)).collect();
            if section == "groups" {
                // Each comes before those that are there.
                wanted.reverse();
            }
            for entry in wanted {
                more |= self.entry(path, section, entry);
            }
        }
        more | self.workflow(finding, &asked)
    }

    /// Brings what no error asks for, because a workflow without it merely never begins.
    fn unsaid(&mut self) -> bool {
        let mut more = false;
        let workflows = || self.brought.texts.iter().filter(|(path, _)| path.ends_with("/workflow.yaml"));
        let begins = |kind: &str| workflows().any(|(_, text)| mentions(text, kind));
        let wanted: Vec<&str> = MOMENTS.iter().filter(|moment| begins(moment.0)).map(|moment| moment.1).collect();
        let mut yaml = self.brought.texts.iter().filter(|(path, _)| path.ends_with(".yaml"));
        let of_health = yaml.any(|(_, text)| mentions(text, "health"));
        let there = self.all.get(GOALS).map(|text| entries(text, "")).unwrap_or_default();
        let offered = self.shipped.get(GOALS).map(|text| entries(text, "")).unwrap_or_default();
        for entry in offered.iter().filter(|entry| wanted.contains(&entry.name.as_str())) {
            if !there.iter().any(|own| own.name == entry.name) {
                more |= self.entry(GOALS, "", entry);
            }
        }
        if of_health && !self.all.contains_key(HEALTH) {
            more |= self.whole(HEALTH);
        }
        more
    }

    fn whole(&mut self, path: &str) -> bool {
        let Some(text) = self.shipped.get(path).cloned() else { return false };
        self.add(path, text);
        self.brought.told.push(path.to_owned());
        true
    }

    fn entry(&mut self, path: &str, section: &str, entry: &Entry) -> bool {
        let text = self.all.get(path).cloned().unwrap_or_else(|| {
            let name = path.trim_start_matches("config/").trim_end_matches(".yaml");
            format!("# yaml-language-server: $schema=schema/{name}.json\n")
        });
        let whole = if files::is_whole(&text) { with_entry(&text, section, entry) } else { None };
        let Some(text) = whole else {
            let told = format!("{path}: {} is to be written by hand, as in the shipped file", entry.name);
            if !self.brought.told.contains(&told) {
                self.brought.told.push(told);
            }
            return false;
        };
        self.add(path, text);
        self.brought.told.push(format!("{path}: {}", entry.name));
        // A feed stands in a file of its own.
        let file = entry.lines.lines().find_map(|line| line.trim().strip_prefix("file:"));
        if let Some(file) = file.map(|file| format!("config/{}", file.trim()))
            && !self.all.contains_key(&file)
        {
            self.whole(&file);
        }
        true
    }

    /// A workflow that a step starts.
    fn workflow(&mut self, finding: &Finding, asked: &str) -> bool {
        if !finding.message.starts_with("there is no workflow") || !finding.path.ends_with("/workflow.yaml") {
            return false;
        }
        let missing = ids(self.shipped).into_iter().find(|id| mentions(asked, id));
        missing.is_some_and(|id| self.whole_workflow(&id, "a step starts it"))
    }

    /// A workflow with all its files, unless there is one of that name.
    fn whole_workflow(&mut self, id: &str, why: &str) -> bool {
        let folder = format!("workflows/{id}/");
        let texts = self.shipped.iter().filter(|(path, _)| path.starts_with(&folder));
        let texts: Texts = texts.map(|(path, text)| (path.clone(), text.clone())).collect();
        if texts.is_empty() || ids(&self.all).contains(id) {
            return false;
        }
        self.add_all(texts);
        self.brought.told.push(format!("workflows/{id}: {why}"));
        true
    }

    /// Workflows whose mail is held, and that are not here.
    fn leave_out_of_holds(&mut self) {
        let there = ids(&self.all);
        let own = self.brought.texts.keys().filter(|path| path.ends_with("/workflow.yaml"));
        for path in own.cloned().collect::<Vec<_>>() {
            let Some((text, names)) = self.all.get(&path).and_then(|text| without_held(text, &there)) else { continue };
            self.add(&path, text);
            let told = format!("{path}: `holds` without {}, which are not here", names.join(", "));
            self.brought.told.push(told);
        }
    }

    /// Tests that play with what is not here.
    fn leave_out_of_tests(&mut self, found: &[(Finding, String)]) {
        let own = self.brought.texts.keys().filter(|path| path.ends_with("/tests.yaml"));
        for path in own.cloned().collect::<Vec<_>>() {
            let places: BTreeSet<usize> = found
                .iter()
                .filter(|(finding, _)| finding.path == path && finding.severity == Severity::Error)
                .filter_map(|(finding, _)| finding.span.map(|span| span.start))
                .collect();
            let Some((text, names)) = self.all.get(&path).and_then(|text| without_tests(text, &places)) else {
                continue;
            };
            match text {
                Some(text) => self.add(&path, text),
                None => {
                    self.all.remove(&path);
                    self.brought.texts.remove(&path);
                }
            }
            let names = names.join("; ");
            self.brought.told.push(format!("{path}: without what plays with what is not here: {names}"));
        }
    }
}

/// The workflows that every test of a file plays with: they stand above the first.
fn in_every_test(text: &str) -> Vec<String> {
    let given = text.split("\n  - name:").next().unwrap_or_default();
    let names = given.split_once("\n  workflows: [").and_then(|(_, rest)| rest.split_once(']'));
    names.map(|(names, _)| names.split(',').map(|name| name.trim().to_owned()).collect()).unwrap_or_default()
}

/// The folders of workflows among files.
fn ids(texts: &Texts) -> BTreeSet<String> {
    let paths = texts.keys().filter_map(|path| path.strip_prefix("workflows/")?.strip_suffix("/workflow.yaml"));
    paths.map(str::to_owned).collect()
}

/// What an entry is called: a survey also by the name of its answers.
fn names_of(entry: &Entry, section: &str) -> Vec<String> {
    let mut names = vec![entry.name.clone()];
    if section == "surveys" {
        let called = entry.lines.lines().find_map(|line| line.trim().strip_prefix("as:"));
        names.extend(called.map(|name| name.trim().to_owned()));
    }
    names
}

/// Whether a text has a name in it as a word.
fn mentions(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    text.match_indices(name).any(|(at, _)| {
        !text.get(..at).unwrap_or_default().ends_with(is_part)
            && !text.get(at + name.len()..).unwrap_or_default().starts_with(is_part)
    })
}

/// A workflow whose `holds` names those that are there only; without `holds` if none is. None if nothing is to be done.
fn without_held(text: &str, there: &BTreeSet<String>) -> Option<(String, Vec<String>)> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let from = lines.iter().position(|line| line.starts_with("holds:"))?;
    let is_edge = |line: &&str| line.starts_with(|c: char| !c.is_whitespace());
    let to = lines.iter().skip(from + 1).position(is_edge).map_or(lines.len(), |at| from + 1 + at);
    let block = lines.get(from..to)?;
    let items = |line: &str| -> Vec<String> {
        match line.split_once("workflows: [").and_then(|(_, rest)| rest.split_once(']')) {
            Some((inside, _)) => inside.split(',').map(|name| name.trim().to_owned()).collect(),
            None => line.trim().strip_prefix("- ").map(|name| name.trim().to_owned()).into_iter().collect(),
        }
    };
    let (kept, gone): (Vec<String>, Vec<String>) =
        block.iter().flat_map(|line| items(line)).partition(|name| there.contains(name));
    if gone.is_empty() {
        return None;
    }
    let mut out: String = lines.get(..from)?.concat();
    if !kept.is_empty() {
        for line in block {
            match line.split_once("workflows: [").and_then(|(before, rest)| Some((before, rest.split_once(']')?.1))) {
                Some((before, behind)) => out.push_str(&format!("{before}workflows: [{}]{behind}", kept.join(", "))),
                None if items(line).iter().any(|name| gone.contains(name)) => {}
                None => out.push_str(line),
            }
        }
    }
    out.push_str(&lines.get(to..)?.concat());
    Some((out, gone))
}

/// Tests without those that have something at these places, no text if none would be left, and what those were called. None if nothing
/// is to be done.
fn without_tests(text: &str, places: &BTreeSet<usize>) -> Option<(Option<String>, Vec<String>)> {
    let mut at = 0;
    let mut parts: Vec<(usize, String)> = vec![(0, String::new())];
    for line in text.split_inclusive('\n') {
        if line.starts_with("  - name:") {
            parts.push((at, String::new()));
        }
        if let Some((_, part)) = parts.last_mut() {
            part.push_str(line);
        }
        at += line.len();
    }
    let is_wrong = |(from, part): &(usize, String)| {
        part.starts_with("  - name:") && places.range(*from..*from + part.len()).next().is_some()
    };
    let (wrong, right): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_wrong);
    if wrong.is_empty() {
        return None;
    }
    let name = |(_, part): &(usize, String)| {
        let line = part.lines().next().unwrap_or_default();
        line.trim_start_matches("  - name:").trim().to_owned()
    };
    let is_left = right.len() > 1;
    let text = is_left.then(|| right.into_iter().map(|(_, part)| part).collect());
    Some((text, wrong.iter().map(name).collect()))
}

#[cfg(test)]
mod tests {
    use rapport_trial::Runner;

    use super::*;

    /// The shipped files whose path is asked for.
    fn shipped(wanted: impl Fn(&str) -> bool) -> Texts {
        files::shipped().into_iter().filter(|(path, _)| wanted(path)).collect()
    }

    fn recipe(id: &str) -> Texts {
        let folder = format!("workflows/{id}/");
        shipped(|path| path.starts_with(&folder))
    }

    #[test]
    fn every_recipe_is_in_order_in_a_project_without_workflows() {
        let all = files::shipped();
        let project = shipped(|path| path.starts_with("config/"));
        let mut wrong = Vec::new();
        for id in ids(&all) {
            let brought = bring(&project, recipe(&id), &all);
            let with: Texts = project.clone().into_iter().chain(brought.texts).collect();
            let sources = files::sources(&with);
            let (rulebook, findings) = rapport_workflow::compile(&sources);
            let own = format!("workflows/{id}/");
            let about = |finding: &&Finding| finding.severity == Severity::Error || finding.path.starts_with(&own);
            wrong.extend(findings.iter().filter(about).map(said));
            let Some(rulebook) = rulebook else { continue };
            let report = Runner::default().run(&rulebook, Some(&id), 2);
            let failed = report.verdicts.iter().filter(|verdict| !verdict.wrong.is_empty());
            wrong.extend(failed.map(|verdict| format!("{id}: {}: {:?}", verdict.name, verdict.wrong)));
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn every_recipe_is_in_order_in_a_project_that_has_only_settings() {
        let all = files::shipped();
        let bare = ["config/rapport.yaml", "config/layout.mail.html", "config/layout.mail.txt"];
        let project = shipped(|path| bare.contains(&path));
        let mut found = Vec::new();
        for id in ids(&all) {
            let brought = bring(&project, recipe(&id), &all);
            let with: Texts = project.clone().into_iter().chain(brought.texts.clone()).collect();
            found.extend(wrong(&with, &brought.texts).iter().map(|(finding, _)| format!("{id}: {}", said(finding))));
            let Some(rulebook) = rapport_workflow::compile(&files::sources(&with)).0 else { continue };
            let report = Runner::default().run(&rulebook, Some(&id), 2);
            if report.verdicts.is_empty() {
                found.push(format!("{id}: no test is left"));
            }
            let failed = report.verdicts.iter().filter(|verdict| !verdict.wrong.is_empty());
            found.extend(failed.map(|verdict| format!("{id}: {}: {:?}", verdict.name, verdict.wrong)));
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    #[test]
    fn a_recipe_begins_a_project_in_an_empty_folder() {
        let all = files::shipped();
        for id in ["welcome", "newsletter", "congratulation", "recognition"] {
            let brought = bring(&Texts::new(), recipe(id), &all);
            let found: Vec<String> =
                wrong(&brought.texts, &Texts::new()).iter().map(|(finding, _)| said(finding)).collect();
            assert!(found.is_empty(), "{id}: {}", found.join("\n"));
        }
    }

    #[test]
    fn groups_come_all_together_and_in_their_order() {
        let bare = ["config/rapport.yaml", "config/layout.mail.html", "config/layout.mail.txt"];
        let mut project = shipped(|path| bare.contains(&path));
        let names = |texts: &Texts| -> Vec<String> {
            entries(&texts["config/segments.yaml"], "groups").into_iter().map(|entry| entry.name).collect()
        };
        let brought = bring(&project, recipe("check-in"), &files::shipped());
        assert_eq!(names(&brought.texts), ["vip", "new", "rising", "core", "quiet"]);
        // To groups of one's own comes only the one that is named.
        let own = "groups:\n  old: { if: days_since_approved > 700, lane: newsletter }\n  rest: { else: true, lane: newsletter }\n";
        project.insert("config/segments.yaml".into(), own.into());
        let brought = bring(&project, recipe("check-in"), &files::shipped());
        assert_eq!(names(&brought.texts), ["vip", "old", "rest"]);
    }

    #[test]
    fn letting_go_brings_no_other_workflow() {
        let project = shipped(|path| path.starts_with("config/"));
        let brought = bring(&project, recipe("let-go"), &files::shipped());
        assert_eq!(ids(&brought.texts), BTreeSet::from(["let-go".to_owned()]));
        assert!(!brought.texts["workflows/let-go/workflow.yaml"].contains("\nholds:"));
        assert!(brought.told.iter().any(|line| line.contains("`holds` without")), "{:?}", brought.told);
        // Those that are there stay.
        let project: Texts = project.into_iter().chain(recipe("welcome")).chain(recipe("pulse")).collect();
        let brought = bring(&project, recipe("let-go"), &files::shipped());
        let text = &brought.texts["workflows/let-go/workflow.yaml"];
        assert!(text.contains("    - pulse\n    - welcome\n  for: 1 hour\n"), "{text}");
    }

    #[test]
    fn what_a_recipe_names_is_brought_and_nothing_else() {
        let bare = ["config/rapport.yaml", "config/layout.mail.html", "config/layout.mail.txt"];
        let mut project = shipped(|path| bare.contains(&path));
        project.insert("config/offers.yaml".into(), "own:\n  value: 1 EUR\n  condition: none\n  ends: 3 days\n  per_partner: once\n  budget: 9 EUR per quarter\n  terms: https://acme.example/terms\n".into());
        let brought = bring(&project, recipe("re-engagement"), &files::shipped());
        let told = |line: &str| brought.told.iter().any(|known| known == line);
        for line in [
            "config/offers.yaml: comeback-bonus",
            "config/surveys.yaml: what-happened",
            "workflows/let-go-review: a step starts it",
        ] {
            assert!(told(line), "{line}: {:?}", brought.told);
        }
        assert!(brought.texts["config/offers.yaml"].starts_with("own:\n"));
        assert!(
            !brought.texts["config/surveys.yaml"].contains("\n  pulse:"),
            "{}",
            brought.texts["config/surveys.yaml"]
        );
    }

    #[test]
    fn what_is_wrong_already_is_left_to_the_project() {
        let mut project = shipped(|path| path.starts_with("config/") || path.starts_with("workflows/let-go-review/"));
        let file = project.get_mut("workflows/let-go-review/workflow.yaml").unwrap();
        *file = file.replace("topic: ", "topic: un");
        let brought = bring(&project, recipe("welcome"), &files::shipped());
        assert_eq!(brought.told, Vec::<String>::new());
    }

    #[test]
    fn holds_and_tests_lose_what_is_not_here() {
        let there = BTreeSet::from(["b".to_owned()]);
        let flow = "a: 1\nholds: { workflows: [b, c], for: 1 hour }   # so\nsteps: []\n";
        let (text, gone) = without_held(flow, &there).unwrap();
        assert_eq!(
            (text.as_str(), gone),
            ("a: 1\nholds: { workflows: [b], for: 1 hour }   # so\nsteps: []\n", vec!["c".to_owned()])
        );
        assert_eq!(without_held(flow, &BTreeSet::new()).unwrap().0, "a: 1\nsteps: []\n");
        assert_eq!(without_held(flow, &BTreeSet::from(["b".to_owned(), "c".to_owned()])), None);
        let tests = "tests:\n  - name: one\n    x: 1\n  - name: two\n    y: 2\n";
        let at = BTreeSet::from([tests.find("y: 2").unwrap()]);
        let (text, gone) = without_tests(tests, &at).unwrap();
        assert_eq!((text.as_deref(), gone), (Some("tests:\n  - name: one\n    x: 1\n"), vec!["two".to_owned()]));
        let both = BTreeSet::from([tests.find("x: 1").unwrap(), tests.find("y: 2").unwrap()]);
        assert_eq!(without_tests(tests, &both).unwrap().0, None);
        assert_eq!(without_tests(tests, &BTreeSet::new()), None);
    }
}
