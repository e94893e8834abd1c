//! Wins, as whoever writes a workflow on them sees it: looked for on Sundays, and the first one is told, too.

mod tried;

use rapport_rule::finding::render::human;
use rapport_trial::Runner;
use rapport_workflow::compile;

const WORKFLOW: &str = "workflow: Tried
owner: a@acme.example
mail: { kind: marketing, topic: news, from: ines }
when: [win.streak, win.personal_best]
once: per event
steps: [{ email: hello }]
";

/// A sale each Monday from 2 February on: five a month in March and June, four in the others.
const TESTS: &str = "given: { clock: 2026-02-02T00:00 Europe/Oslo, partner: { id: ada, name: Ada Holm } }
tests:
  - name: four and twelve weeks in a row, and a month that is the best of at least four
    daily: { conversions: (1x1 0x6)x22 }
    events: [{ day: 129, conversion: { amount: 9000 } }]
    until: day 160
    expect:
      signals: [win.streak, win.streak, win.personal_best]
      mails: [{ hello: { day: 29 } }, { hello: { day: 85 } }, { hello: { day: 155 } }]
  - name: a sale without a rate in the month itself says nothing of it
    daily: { conversions: (1x1 0x6)x22 }
    events: [{ day: 129, conversion: { amount: 9000 } }, { day: 130, conversion: { amount: 10, currency: USD } }]
    until: day 160
    expect: { signals: [win.streak, win.streak] }
  - name: one of another month says nothing against it
    daily: { conversions: (1x1 0x6)x22 }
    events: [{ day: 3, conversion: { amount: 10, currency: USD } }, { day: 129, conversion: { amount: 15000 } }]
    until: day 160
    expect: { signals: [win.streak, win.streak, win.personal_best] }
";

#[test]
fn wins_are_told_from_the_first_one_on() {
    let sources = tried::sources(WORKFLOW.to_owned(), TESTS.to_owned());
    let (rulebook, findings) = compile(&sources);
    let shown: Vec<String> = findings.iter().map(|finding| human(finding, &sources)).collect();
    let mut rulebook = rulebook.unwrap_or_else(|| panic!("{}", shown.join("\n")));
    rulebook.trials.retain(|id, _| **id == *"tried");
    let report = Runner::default().run(&rulebook, None, 1);
    assert_eq!(report.verdicts.len(), 3);
    for verdict in &report.verdicts {
        assert!(verdict.wrong.is_empty(), "{}\n    {}", verdict.name, verdict.wrong.join("\n    "));
    }
}
