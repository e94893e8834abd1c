//! A workflow `tried` among the shipped configuration, with the mails and issues its text names.

use rapport_rule::{Source, Sources};

/// The shipped configuration, two shipped workflows that examples start and hold, and `workflows/tried` of these texts.
pub fn sources(workflow: String, tests: String) -> Sources {
    let mut sources = rapport_shipped::folders(&["config", "workflows/let-go-review", "workflows/check-in"]);
    for mail in ["hello", "later"].into_iter().filter(|mail| workflow.contains(mail)) {
        let text = format!("---\nsubject: {mail}\n---\nGood morning.\n");
        sources.add(Source::new(format!("workflows/tried/{mail}.mail.md"), text));
    }
    for day in ["2026-02-09", "2026-02-23"].into_iter().filter(|_| workflow.contains("email: issue")) {
        let text = format!("---\nsubject: News of {day}\n---\nGood morning.\n");
        sources.add(Source::new(format!("workflows/tried/issue-{day}.mail.md"), text));
    }
    sources.add(Source::new("workflows/tried/workflow.yaml", workflow));
    sources.add(Source::new("workflows/tried/tests.yaml", tests));
    sources
}
