//! What becomes of mail over a cap, played through the engine: a partner gets one mail a day, and three things happen on one.

mod tried;

use rapport_rule::finding::render::human;
use rapport_trial::Runner;
use rapport_workflow::compile;

const WORKFLOW: &str = "when: login\nonce: per event\nsteps: [{ email: hello }]\n";
const GIVEN: &str = "given: { clock: 2026-02-02T00:00 Europe/Oslo, partner: { id: ada, name: Ada Holm } }\ntests:\n";
const EVENTS: &str = "    events: [{ day: 2, at: \"09:10\", login: {} }, { day: 2, at: \"11:20\", login: {} }, { day: 2, at: \"13:30\", login: {} }]\n    until: day 6\n";

#[track_caller]
fn check(over_the_cap: &str, tests: &str) {
    let head = format!(
        "workflow: Tried\nowner: a@acme.example\nmail: {{ kind: marketing, topic: news, from: ines, over_the_cap: {over_the_cap} }}\n"
    );
    let sources = tried::sources(format!("{head}{WORKFLOW}"), format!("{GIVEN}{tests}"));
    let (rulebook, findings) = compile(&sources);
    let shown: Vec<String> = findings.iter().map(|finding| human(finding, &sources)).collect();
    let mut rulebook = rulebook.unwrap_or_else(|| panic!("{}", shown.join("\n")));
    rulebook.trials.retain(|id, _| **id == *"tried");
    let report = Runner::default().run(&rulebook, None, 1);
    assert!(!report.verdicts.is_empty());
    for verdict in &report.verdicts {
        assert!(verdict.wrong.is_empty(), "{}\n    {}", verdict.name, verdict.wrong.join("\n    "));
    }
}

#[test]
fn what_has_no_place_leaves_as_one_mail_in_the_partners_language() {
    check(
        "digest",
        &format!(
            "  - name: the first alone, the others together when there is a place
{EVENTS}    expect: {{ mails: [{{ hello: {{ day: 2, at: \"09:10\" }} }}, {{ hello: {{ day: 3, subject: /2 things/, text: '/hello.*hello/' }} }}] }}
  - name: in German
    partner: {{ language: de, country: DE }}
{EVENTS}    expect: {{ mails: [{{ hello: {{ day: 2, at: \"09:10\" }} }}, {{ hello: {{ day: 3, subject: /2 Nachrichten/, text: '/hello.*hello/' }} }}] }}
"
        ),
    );
}

#[test]
fn what_has_no_place_is_dropped() {
    check(
        "drop",
        &format!(
            "  - name: only the first leaves\n{EVENTS}    expect: {{ mails: [{{ hello: {{ day: 2, at: \"09:10\" }} }}] }}\n"
        ),
    );
}
