//! What is found in mails when they are rendered for partners that are made up, and how partials belong to a project.

use rapport_rule::finding::Severity;
use rapport_rule::{Source, Sources};
use rapport_shipped::folders;
use rapport_workflow::{compile, compile_applied};

const HEAD: &str = "workflow: Tried\nowner: a@acme.example\nmail: { kind: marketing, topic: news, from: ines }\n";

/// The shipped configuration and a workflow `tried` with these files.
fn project(entry: &str, files: &[(&str, &str)]) -> Sources {
    let mut sources = folders(&["config", "workflows/let-go-review"]);
    sources.add(Source::new("workflows/tried/workflow.yaml", format!("{HEAD}{entry}")));
    for (path, text) in files {
        sources.add(Source::new(*path, *text));
    }
    sources
}

/// Code and message of each finding, errors with `!`.
fn told(sources: &Sources) -> Vec<String> {
    let (_, findings) = compile(sources);
    let mark = |severity| if severity == Severity::Error { "!" } else { "" };
    findings.iter().map(|finding| format!("{}{} {}", finding.code, mark(finding.severity), finding.message)).collect()
}

const ON_LOGIN: &str = "when: login\nonce: per partner\nsteps: [{ email: hello }]\n";

#[track_caller]
fn check(entry: &str, mail: &str, expected: &[&str]) {
    let mail = format!("---\nsubject: Hello\n---\n{mail}\n");
    assert_eq!(told(&project(entry, &[("workflows/tried/hello.mail.md", mail.as_str())])), expected, "{mail}");
}

#[test]
fn a_mail_that_comes_out_for_all_is_sound() {
    check(
        ON_LOGIN,
        "{{#if partner.top_products}}Yours: {{top_products 3}}{{/if}}\n\n{{#if program.hottest_products}}All: {{hottest_products 10}}{{/if}} {{fallback (best_categories 5) \"none\"}}\n\n{{fallback (progress_bar conversions_90d) \"\"}} {{fallback (pct_change conversions_28d conversions_28d_before) \"new\"}}",
        &[],
    );
}

#[test]
fn a_mail_that_some_could_not_get_is_a_warning_and_one_that_nobody_could_an_error() {
    let before = "conversions_90d";
    check(
        ON_LOGIN,
        &format!("Good morning.\n\nThat is {{{{pct_change conversions_28d {before}}}}}."),
        &["R0455 the mail cannot be made: body line 3: a value is missing"],
    );
    check(
        ON_LOGIN,
        "{{progress_bar 20 width=99}}",
        &["R0455! the mail cannot be made: body line 1: `progress_bar` takes a width from 1 to 30"],
    );
    check(
        ON_LOGIN,
        "{{#if partner.top_products}}{{top_products 9}}{{/if}}",
        &["R0455 the mail cannot be made: body line 1: `top_products` takes how many to show, 1 to 8"],
    );
    check(
        ON_LOGIN,
        "{{#if program.best_categories}}{{best_categories 6}}{{/if}}",
        &["R0455 the mail cannot be made: body line 1: `best_categories` takes how many to show, 1 to 5"],
    );
    let mail = "---\nsubject: '{{#if partner.country}}News{{/if}}'\n---\nHi\n";
    assert_eq!(
        told(&project(ON_LOGIN, &[("workflows/tried/hello.mail.md", mail)])),
        ["R0455 the mail cannot be made: the subject is empty"]
    );
}

#[test]
fn the_days_before_may_be_missing_and_the_last_days_never_are() {
    check(ON_LOGIN, "{{clicks_28d}} {{active_days_28d}}", &[]);
    check(
        ON_LOGIN,
        "{{fallback clicks_28d_before \"unknown\"}} {{#if active_days_28d_before}}{{active_days_28d_before}}{{/if}}",
        &[],
    );
    for before in ["clicks_28d_before", "active_days_28d_before", "clicks_growth_28d"] {
        let mail = format!("---\nsubject: Hello\n---\n{{{{{before}}}}}\n");
        let sources = project(ON_LOGIN, &[("workflows/tried/hello.mail.md", mail.as_str())]);
        let found = told(&sources);
        assert!(found.contains(&format!("R0421! `{before}` may be missing")), "{found:?}");
        // What was applied when they were never missing stays in force.
        assert!(compile_applied(&sources).0.is_some(), "{before}");
    }
}

#[test]
fn an_answer_that_the_survey_does_not_have_is_found() {
    let survey = "when: login\nonce: per partner\nsteps: [{ email: { mail: hello, survey: motivation } }]\n";
    let body = "{{survey.question}}\n\n{{#each survey.choices}}\n- [{{label}}]({{answer_link id}})\n{{/each}}\n";
    check(survey, body, &[]);
    check(
        survey,
        &format!("{body}\n[Other]({{{{answer_link \"nothing\"}}}})"),
        &["R0455! the mail cannot be made: body line 7: `answer_link` has no answer `nothing` in this mail's survey"],
    );
}

#[test]
fn a_text_of_the_workflows_own_may_be_an_address() {
    let with = "when: content.published\nonce: per event\nsteps: [{ email: { mail: hello, with: { page: \"{{event.url}}\" } } }]\n";
    check(with, "{{#if page}}[Your post]({{page}}){{/if}}", &[]);
}

#[test]
fn html_that_mail_clients_cut_is_found_with_its_size() {
    let mail = format!("---\nsubject: Hello\n---\n{}\n", "A short paragraph.\n\n".repeat(1800));
    let sources = project(ON_LOGIN, &[("workflows/tried/hello.mail.md", mail.as_str())]);
    let found = told(&sources);
    assert!(
        found.len() == 1 && found[0].starts_with("R0456! the HTML has 1") && found[0].ends_with("at 102000"),
        "{found:?}"
    );
}

#[test]
fn a_partial_serves_all_workflows_and_is_part_of_the_rulebook() {
    let mail = ("workflows/tried/hello.mail.md", "---\nsubject: Hello\n---\nHi.\n\n{{> sign}}\n");
    let sign = |text: &'static str| ("config/partials/sign.md", text);
    let sources = project(ON_LOGIN, &[mail, sign("You sold {{number conversions_90d}} so far.")]);
    let (rulebook, findings) = compile(&sources);
    assert!(findings.is_empty(), "{:?}", told(&sources));
    let rulebook = rulebook.unwrap();
    let context: Vec<&str> = rulebook.mail("tried", "hello").unwrap().context.iter().map(|name| &**name).collect();
    assert_eq!(context, ["conversions_90d"]);
    assert!(rulebook.figures.iter().any(|figure| &**figure == "conversions_90d"));
    let other = compile(&project(ON_LOGIN, &[mail, sign("Bye.")])).0.unwrap();
    assert_ne!(rulebook.hash, other.hash);

    assert_eq!(
        told(&project(ON_LOGIN, &[mail, sign("{{event.product}}")])),
        ["R0201! there is no `event.product` here, for workflows/tried/hello.mail.md"]
    );
    assert_eq!(
        told(&project(ON_LOGIN, &[mail, sign("Bye."), ("config/partials/old.md", "x")])),
        ["R0459 no mail asks for `old`"]
    );
}

/// Files were applied under an older release. Rules that came since find fault with them; what they say is understood all the same.
#[test]
fn what_was_applied_stays_in_force_whatever_is_found_in_it_later() {
    let files = [
        ("workflows/tried/hello.mail.md", "---\nsubject: Hello\n---\n{{progress_bar 20 width=99}}\n"),
        ("workflows/tried/tests.yaml", "tests: [{ name: of nothing, until: day 2 }]\n"),
    ];
    let counts = "if: conversions_since_start >= 1\nsteps: [{ email: hello }]\n";
    let chooses = "steps:\n  - choose:\n      - { if: conversions_total >= 1, then: [{ email: hello }] }\n      - { if: conversions_total >= 5, then: [{ exit: many }] }\n";
    for (rest, expected) in [(counts, vec!["R0217", "R0605"]), (chooses, vec!["R0311", "R0433", "R0455", "R0605"])] {
        let about = "about: See https://robot:geheim@crm.acme.example/x\nwhen: login\nonce: per partner\n";
        let sources = project(&format!("{about}{rest}"), &files);
        let (checked, findings) = compile(&sources);
        assert!(checked.is_none());
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
        assert!(expected.iter().all(|code| codes.contains(code)), "{expected:?}: {codes:?}");
        let (applied, findings) = compile_applied(&sources);
        let applied = applied.unwrap_or_else(|| panic!("{:?}", findings.iter().collect::<Vec<_>>()));
        assert!(applied.workflow("tried").is_some());
    }
    // What is not understood is not: better no files than half of them.
    let broken =
        project("when: login\nonce: per partner\nif: conversions_totl >= 1\nsteps: [{ email: hello }]\n", &files);
    assert!(compile_applied(&broken).0.is_none());
}
