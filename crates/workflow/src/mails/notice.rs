//! Whether every mail of a notice can be acknowledged, in each of its languages.

use rapport_message::{Library, Mail, Role};
use rapport_rule::{Findings, Source};

use crate::model::Workflow;

/// The id of a choice, as `answer_link` takes it inside `{{#each survey.choices}}`.
const CHOICE: &str = "survey.choices[].id";

/// R0594 for each file of a mail without a link that acknowledges.
pub(crate) fn check(workflow: &Workflow, library: &Library, files: &[&Source], findings: &mut Findings) {
    let Some(notice) = &workflow.notice else { return };
    for mail in library.names().flat_map(|name| library.variants(name)) {
        if links_each(mail) || files.iter().any(|file| file.path == mail.path() && links(&file.text, &notice.answer)) {
            continue;
        }
        findings
            .error("R0594", mail.path(), None, "nobody can acknowledge the notice by this mail")
            .hint("Show the answers: {{#each survey.choices}}[{{label}}]({{answer_link id}}) {{/each}}");
    }
}

/// Whether there is a link for each choice.
fn links_each(mail: &Mail) -> bool {
    mail.names().iter().any(|used| used.path == CHOICE && used.role == Role::AsText)
}

/// Whether there is a link for this answer: `{{answer_link "seen"}}`.
fn links(text: &str, answer: &str) -> bool {
    text.split("answer_link").skip(1).any(|rest| {
        let said = rest.trim_start();
        let quoted = |quote: char| said.strip_prefix(quote).and_then(|said| said.split(quote).next());
        quoted('"').or_else(|| quoted('\'')) == Some(answer)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_its_answer() {
        assert!(links("[Yes]({{answer_link \"seen\"}})", "seen"));
        assert!(links("{{answer_link 'no'}} {{answer_link  'seen'}}", "seen"));
        assert!(!links("{{answer_link \"unclear\"}}", "seen"));
        assert!(!links("{{answer_link id}} seen", "seen"));
    }
}
