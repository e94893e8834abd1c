//! Every file of `tests/workflows/err` has the findings of the `.out` beside it, every file of `ok` has none.
//!
//! A file is `workflows/tried/workflow.yaml`, or what its first line says (`# file: config/offers.yaml`; more such lines begin
//! more files), read together with the shipped configuration, a mail `hello` beside the workflow (`# mail: hello: its text`)
//! and the shipped let-go review. Written anew with `RAPPORT_BLESS=1 cargo test -p rapport-workflow --test corpus`.
#![allow(clippy::disallowed_methods, reason = "a test reads the files it is about")]

mod corpus_files;

use std::collections::BTreeSet;
use std::path::PathBuf;

use rapport_rule::finding::render::human;
use rapport_rule::{Findings, Source, Sources, codes};
use rapport_shipped::example::{OF_THE_HISTORY, OF_THE_MACHINE};
use rapport_shipped::{folders, root};
use rapport_workflow::compile;

/// Too large for a file of the corpus: `code_examples.rs` makes them.
const UNTRIED: [&str; 3] = ["R0006", "R0456", "R0464"];

fn sources(text: &str) -> Sources {
    let mut sources = folders(&["config", "workflows/let-go-review"]);
    let mail = text.lines().find_map(|line| line.strip_prefix("# mail: hello: ")).unwrap_or("Good morning.");
    let parts = corpus_files::parts(text);
    let is_tried = |path: &str| path.starts_with("workflows/tried/");
    // A file tried for its mails names all of them itself.
    if parts.iter().filter(|(path, _)| is_tried(path)).all(|(path, _)| path.ends_with(".yaml"))
        && parts.iter().any(|(path, _)| path == "workflows/tried/workflow.yaml")
    {
        sources.add(Source::new("workflows/tried/hello.mail.md", format!("---\nsubject: Hello\n---\n{mail}\n")));
    }
    for (path, text) in parts {
        sources.add(Source::new(path, text));
    }
    sources
}

fn shown(findings: &Findings, sources: &Sources) -> String {
    findings.iter().map(|finding| human(finding, sources).trim_end().to_owned() + "\n").collect()
}

fn corpus(folder: &str) -> Vec<PathBuf> {
    let folder = root().join("tests/workflows").join(folder);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|ext| ext == "yaml")).collect();
    files.sort();
    files
}

#[test]
fn what_is_wrong_is_found_with_place_and_remedy() {
    let bless = std::env::var_os("RAPPORT_BLESS").is_some();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for path in corpus("err") {
        let sources = sources(&std::fs::read_to_string(&path).unwrap());
        let (rulebook, findings) = compile(&sources);
        seen.extend(findings.iter().map(|finding| finding.code));
        let shown = shown(&findings, &sources);
        let out = path.with_extension("out");
        if findings.is_empty() {
            wrong.push(format!("{} has no findings", path.display()));
        }
        assert_eq!(rulebook.is_none(), findings.has_errors(), "{}", path.display());
        if bless {
            std::fs::write(&out, &shown).unwrap();
        } else if std::fs::read_to_string(&out).unwrap_or_default() != shown {
            wrong.push(format!("{}:\n{shown}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen.len() >= 60, "{} distinct findings", seen.len());
    let elsewhere = |code: &str| {
        let is_of_the_machine = OF_THE_MACHINE.iter().any(|(known, _)| *known == code);
        UNTRIED.contains(&code) || OF_THE_HISTORY.contains(&code) || is_of_the_machine
    };
    let untried: Vec<&str> =
        codes::pages().map(|page| page.code).filter(|code| !seen.contains(code) && !elsewhere(code)).collect();
    assert!(untried.is_empty(), "no file of the corpus has {untried:?}");
    let without_page: Vec<&str> = seen.into_iter().filter(|code| codes::page(code).is_none()).collect();
    assert!(without_page.is_empty(), "codes without a page: {without_page:?}");
}

#[test]
fn what_is_right_is_not_complained_about() {
    for path in corpus("ok") {
        let sources = sources(&std::fs::read_to_string(&path).unwrap());
        let (rulebook, findings) = compile(&sources);
        assert!(findings.is_empty(), "{}:\n{}", path.display(), shown(&findings, &sources));
        assert!(rulebook.is_some());
    }
}

#[test]
fn every_code_of_this_crate_has_a_page() {
    let code = folders(&["crates/workflow/src"]);
    for source in code.iter() {
        for (at, _) in source.text.match_indices("\"R0") {
            let code = source.text.get(at + 1..at + 6).unwrap_or_default();
            assert!(codes::page(code).is_some(), "{code} in {}", source.path);
        }
    }
}

mod any_text {
    use super::*;
    use proptest::prelude::*;
    use rapport_workflow::{Verb, Workflow};

    /// Where a step can lead.
    fn successors(workflow: &Workflow, at: usize) -> Vec<usize> {
        let step = &workflow.steps[at];
        let mut all = vec![step.next];
        match &step.verb {
            Verb::Email(email) => all.push(email.if_not_sent),
            Verb::WaitFor(wait) => all.extend([wait.then, wait.otherwise]),
            Verb::Choose { arms, otherwise } => {
                all.push(*otherwise);
                all.extend(arms.iter().map(|arm| arm.then));
            }
            _ => {}
        }
        all.into_iter().flatten().collect()
    }

    fn texts() -> &'static [String] {
        static TEXTS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
        TEXTS.get_or_init(|| {
            let files = corpus("err").into_iter().chain(corpus("ok"));
            files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Parts of two files, cut anywhere and put together, are read without a panic; what compiles leads forward only.
        #[test]
        fn is_read_without_a_panic(
            one: prop::sample::Index, two: prop::sample::Index, cut in 0usize..600, back in 0usize..300, odd in "[\\[\\]{}:\"'#*&!|>,\\- a-z\\n]{0,6}",
        ) {
            let (first, second) = (one.get(texts()), two.get(texts()));
            let head: String = first.chars().take(cut).collect();
            let tail: String = second.chars().skip(cut.saturating_sub(back)).collect();
            let (rulebook, findings) = compile(&sources(&format!("{head}{odd}{tail}")));
            prop_assert_eq!(rulebook.is_none(), findings.has_errors());
            for workflow in rulebook.iter().flat_map(|rulebook| &rulebook.workflows) {
                for at in 0..workflow.steps.len() {
                    prop_assert!(successors(workflow, at).into_iter().all(|next| next > at && next < workflow.steps.len()));
                }
            }
        }
    }
}
