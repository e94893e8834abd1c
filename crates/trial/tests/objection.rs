//! Whoever objects to being judged by figures is not, whatever their sales do.

mod tried;

use proptest::prelude::*;
use rapport_trial::Runner;
use rapport_workflow::compile;

const WORKFLOW: &str = "workflow: Tried\nowner: a@acme.example\nmail: { kind: marketing, topic: news, from: ines }\n\
                        when: [dip.conversions, silence.conversions, health.falling]\nholdout: 50%\nonce: per event\n\
                        steps: [{ email: hello }]\n";
/// The first shows that what is looked for would be found.
const TESTS: &str = "given: { clock: 2026-02-02T00:00 Europe/Oslo, partner: { id: ada, name: Ada Holm } }\ntests:\n  \
                     - { name: anybody else, daily: { conversions: 5x70 0x40 }, expect: { signals: { includes: [dip.conversions] } } }\n";

/// Sales a day over some months: `4x30 0x12 8x41`.
fn course() -> impl Strategy<Value = String> {
    prop::collection::vec((0_u32..9, 10_u32..50), 2..5).prop_map(|parts| {
        let parts: Vec<String> = parts.iter().map(|(sales, days)| format!("{sales}x{days}")).collect();
        parts.join(" ")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn nothing_is_judged_of_whoever_objects(courses in prop::collection::vec(course(), 6)) {
        let mut tests = TESTS.to_owned();
        for (number, course) in courses.iter().enumerate() {
            tests.push_str(&format!(
                "  - {{ name: objects {number}, partner: {{ objects_to_profiling: true }}, daily: {{ conversions: \"{course}\" }}, \
                 expect: {{ signals: [], mails: [] }} }}\n"
            ));
        }
        let (rulebook, findings) = compile(&tried::sources(WORKFLOW.to_owned(), tests));
        let said: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
        let Some(mut rulebook) = rulebook else { return Err(TestCaseError::fail(said.join("\n"))) };
        rulebook.trials.retain(|id, _| **id == *"tried");
        let report = Runner::default().run(&rulebook, None, 1);
        prop_assert_eq!(report.verdicts.len(), courses.len() + 1);
        for verdict in &report.verdicts {
            prop_assert!(verdict.wrong.is_empty(), "{}: {}\n{:?}", verdict.name, verdict.wrong.join("\n"), courses);
        }
    }
}
