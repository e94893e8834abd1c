//! The workflows and the configuration in the repository compile as they stand.

use std::collections::BTreeSet;

use rapport_rule::Source;
use rapport_rule::finding::render::human;
use rapport_shipped::sources;
use rapport_workflow::{Once, StopWhen, Verb, Workflow, compile};

#[test]
fn what_is_shipped_has_no_findings() {
    let sources = sources();
    let (rulebook, findings) = compile(&sources);
    let shown: Vec<String> = findings.iter().map(|finding| human(finding, &sources)).collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
    let rulebook = rulebook.unwrap();
    assert_eq!(rulebook.hash.len(), 64);

    let welcome = rulebook.workflow("welcome").unwrap();
    let steps: Vec<&str> = welcome.steps.iter().map(|step| &*step.id).collect();
    assert_eq!(
        steps,
        [
            "email hello",
            "wait 3 days",
            "if links_created_total == 0",
            "email first-link",
            "email first-sale-tips",
            "wait_for link.clicked",
            "email need-a-hand",
            "task {{partner.name}} has had no click in two weeks",
            "if \"first-sale-bonus\" in partner.tags",
            "wait 6 days",
            "email bonus",
        ]
    );
    // Both branches lead on to the wait.
    assert_eq!((welcome.steps[3].next, welcome.steps[4].next), (Some(5), Some(5)));
    assert!(matches!(&welcome.stop_when[..], [StopWhen::Event(kind)] if &*kind.0 == "conversion.recorded"));
    let Verb::WaitFor(wait) = &welcome.steps[5].verb else { panic!("a wait_for") };
    assert_eq!((wait.then, wait.otherwise), (Some(8), Some(6)), "the bonus comes after either");

    let congratulation = rulebook.workflow("congratulation").unwrap();
    assert!(matches!(congratulation.entry.once, Once::PerEvent));
    assert_eq!(congratulation.holds.as_ref().unwrap().workflows, ["re-engagement".into()]);
    let kinds: Vec<&str> = rulebook.started_by("milestone.reached").map(|workflow| &*workflow.id).collect();
    assert_eq!(kinds, ["award-milestones", "congratulation"]);
    assert!(rulebook.figures.iter().any(|figure| &**figure == "conversions_21d"));
}

#[test]
fn a_version_changes_with_what_happens_and_not_with_words() {
    let version = |change: &dyn Fn(&str) -> String| {
        let mut sources = sources();
        let path = "workflows/welcome/workflow.yaml";
        let text = change(&sources.get(path).unwrap().text);
        sources.add(Source::new(path, text));
        compile(&sources).0.unwrap().workflow("welcome").unwrap().version.clone()
    };
    let plain = version(&|text| text.to_owned());
    assert_eq!(plain, version(&|text| text.replace("workflow: Welcome", "workflow: Hello there")));
    assert_eq!(plain, version(&|text| text.replace("# one-click answers", "# another remark")));
    assert_ne!(plain, version(&|text| text.replace("wait: 3 days", "wait: 4 days")));
}

#[test]
fn who_is_let_go_is_held_by_name_from_every_workflow_that_sends_marketing_mail() {
    let rulebook = compile(&sources()).0.unwrap();
    let sends = |workflow: &Workflow| {
        workflow.is_marketing() && workflow.steps.iter().any(|step| matches!(step.verb, Verb::Email(_)))
    };
    let sending: BTreeSet<_> = rulebook.workflows.iter().filter(|of| sends(of)).map(|of| of.id.clone()).collect();
    let let_go = rulebook.workflow("let-go").unwrap();
    let held: BTreeSet<_> = let_go.holds.as_ref().unwrap().workflows.iter().cloned().collect();
    assert_eq!(held, sending);
}
