//! What `rapport test` says: what `--coverage` walked, what build servers read, what is not as expected.

mod tried;

use rapport_trial::{Report, Runner, junit};
use rapport_workflow::compile;

const HEAD: &str = "workflow: Tried\nowner: a@acme.example\nmail: { kind: marketing, topic: news, from: ines }\n";
const GIVEN: &str =
    "given: { clock: 2026-02-02T00:00 Europe/Oslo, partner: { id: ada, name: Ada Holm }, until: day 15 }\ntests:\n";

#[track_caller]
fn run(workflow: &str, tests: &str, only: Option<&str>) -> Report {
    let sources = tried::sources(format!("{HEAD}{workflow}"), format!("{GIVEN}{tests}"));
    let (rulebook, findings) = compile(&sources);
    let mut rulebook = rulebook.unwrap_or_else(|| panic!("{findings:?}"));
    rulebook.trials.retain(|id, _| **id == *"tried" || only.is_some());
    Runner::default().run(&rulebook, only, 1)
}

/// Lines that no test walked, with the way.
fn missed(report: &Report) -> Vec<(usize, Option<&str>)> {
    report.missed["tried"].0.iter().map(|missed| (missed.line, missed.way.as_deref())).collect()
}

/// Three exits with one reason: in a branch, behind a guard, and at the end.
const EXITS: &str = "when: login\nonce: per event\nsteps:\n  - if: conversions_total == 0\n    \
    then: [{ exit: enough, id: none-sold }]\n  - { exit: enough, id: one-sold, if: conversions_total == 1 }\n  \
    - { exit: enough, id: more-sold }\n";

#[test]
fn an_exit_is_walked_by_whoever_leaves_there() {
    let login = "{ day: 3, at: \"10:00\", login: {} }";
    let leaves = "expect: { exits: [enough] }";
    let none = format!("  - {{ name: none, events: [{login}], {leaves} }}\n");
    let one = format!("  - {{ name: one, daily: {{ conversions: \"1\" }}, events: [{login}], {leaves} }}\n");
    let more = format!("  - {{ name: more, daily: {{ conversions: \"2\" }}, events: [{login}], {leaves} }}\n");
    let unwalked = |tests: &str| -> Vec<String> {
        let report = run(EXITS, tests, None);
        assert_eq!(report.failures(), 0, "{:?}", report.verdicts);
        let steps = report.missed["tried"].0.iter().filter(|missed| missed.way.is_none());
        steps.map(|missed| missed.step.clone()).collect()
    };
    assert_eq!(unwalked(&none), ["one-sold", "more-sold"]);
    assert_eq!(unwalked(&one), ["none-sold", "more-sold"]);
    assert_eq!(unwalked(&more), ["none-sold", "one-sold"]);
    assert_eq!(unwalked(&format!("{none}{one}{more}")), [""; 0]);
}

#[test]
fn each_way_of_a_split_is_one_to_be_walked() {
    // Ada goes the first way and Dora the second, for ever; no step of it could tell whether anybody did.
    let workflow = "when: login\nonce: per event\nsteps:\n  - split:\n      \
                    written: { share: 50%, then: [{ email: hello }] }\n      silent: { share: 50% }\n";
    let ada = "  - { name: ada, events: [{ day: 3, login: {} }], expect: { exits: [completed] } }\n";
    let dora = "  - { name: dora, partner: { id: dora }, events: [{ day: 3, login: {} }], expect: { mails: [] } }\n";
    let one = run(workflow, ada, None);
    assert_eq!(one.failures(), 0, "{:?}", one.verdicts);
    assert_eq!(missed(&one).into_iter().map(|(_, way)| way).collect::<Vec<_>>(), [Some("way silent")]);
    let both = run(workflow, &format!("{ada}{dora}"), None);
    assert_eq!(both.failures(), 0, "{:?}", both.verdicts);
    assert!(missed(&both).is_empty(), "{:?}", missed(&both));
}

#[test]
fn coverage_is_told_of_the_workflows_asked_for() {
    let test = "  - { name: a login, events: [{ day: 3, login: {} }], expect: { mails: [hello] } }\n";
    let workflow = "when: login\nonce: per event\nsteps: [{ email: hello }]\n";
    let all = run(workflow, test, None);
    assert!(all.missed.len() > 1 && all.missed.contains_key("let-go-review"), "untested workflows are told of");
    let asked = run(workflow, test, Some("tried"));
    assert_eq!(asked.missed.keys().map(|id| &**id).collect::<Vec<_>>(), ["tried"]);
    assert!(missed(&asked).is_empty());
    let by_name = run(workflow, test, Some("a login"));
    assert_eq!(by_name.missed.keys().map(|id| &**id).collect::<Vec<_>>(), ["tried"]);
}

#[test]
fn build_servers_read_what_failed_and_where() {
    let tests = "  - { name: a login <1>, events: [{ day: 3, login: {} }], expect: { mails: [hello] } }\n  \
                 - { name: no \"such\" mail, events: [{ day: 3, login: {} }], expect: { mails: [] } }\n";
    let report = run("when: login\nonce: per event\nsteps: [{ email: hello }]\n", tests, None);
    let xml = junit::xml(&report.verdicts);
    assert!(
        xml.starts_with(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"rapport\" tests=\"2\" failures=\"1\">"
        ),
        "{xml}"
    );
    let says = [
        "<testsuite name=\"tried\" tests=\"2\" failures=\"1\">",
        "<testcase name=\"a login &lt;1&gt;\" classname=\"tried\" file=\"workflows/tried/tests.yaml\" line=\"3\"/>",
        "<testcase name=\"no &quot;such&quot; mail\" classname=\"tried\" file=\"workflows/tried/tests.yaml\" line=\"4\">",
        "<failure message=\"mails: expected nothing; there was hello on day 3",
        "</testsuites>",
    ];
    for expected in says {
        assert!(xml.contains(expected), "{expected}\n{xml}");
    }
    let all = xml.matches("</").count() + xml.matches("/>").count();
    assert_eq!(all, xml.matches('<').count() - xml.matches("</").count() - 1, "every element is closed: {xml}");
}

#[test]
fn a_task_that_is_due_on_another_day_is_told_with_both_days() {
    let workflow = "when: login\nonce: per event\nsteps: [{ task: { to: ines, text: Call, due: 2 days } }]\n";
    let test = "  - { name: a login, events: [{ day: 3, login: {} }], expect: { tasks: [{ text: Call, to: ines, due: day 9 }] } }\n";
    let report = run(workflow, test, None);
    assert_eq!(
        report.verdicts[0].wrong,
        ["tasks: expected Call for ines, due day 9; there was \"Call\" for ines on day 3 12:00, due day 5"]
    );
}
