//! Results as JUnit XML, which build servers read.

use std::fmt::Write as _;

use crate::runner::Verdict;

/// The report: a suite per workflow.
pub fn xml(verdicts: &[Verdict]) -> String {
    let failed =
        |verdicts: &mut dyn Iterator<Item = &Verdict>| verdicts.filter(|verdict| !verdict.wrong.is_empty()).count();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (all, failures) = (verdicts.len(), failed(&mut verdicts.iter()));
    let _ = writeln!(text, "<testsuites name=\"rapport\" tests=\"{all}\" failures=\"{failures}\">");
    let mut workflows: Vec<&str> = verdicts.iter().map(|verdict| &*verdict.workflow).collect();
    workflows.dedup();
    for workflow in workflows {
        let of = || verdicts.iter().filter(move |verdict| &*verdict.workflow == workflow);
        let (tests, failures) = (of().count(), failed(&mut of()));
        let _ =
            writeln!(text, "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\">", escaped(workflow));
        for verdict in of() {
            let (name, file, line) = (escaped(&verdict.name), escaped(&verdict.path), verdict.line);
            let head = format!(
                "    <testcase name=\"{name}\" classname=\"{}\" file=\"{file}\" line=\"{line}\"",
                escaped(workflow)
            );
            if verdict.wrong.is_empty() {
                let _ = writeln!(text, "{head}/>");
                continue;
            }
            let first = verdict.wrong.first().map(String::as_str).unwrap_or_default();
            let _ = writeln!(text, "{head}>");
            let all = escaped(&verdict.wrong.join("\n"));
            let _ = writeln!(text, "      <failure message=\"{}\">{all}</failure>", escaped(first));
            let _ = writeln!(text, "    </testcase>");
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
