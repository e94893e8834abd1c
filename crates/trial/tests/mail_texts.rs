//! What mails show of a partner, played through the engine: from the events to the text that is sent.

mod tried;

use rapport_engine::plan::services_changed;
use rapport_rule::Source;
use rapport_rule::finding::render::human;
use rapport_trial::Runner;
use rapport_workflow::compile;

const HEAD: &str = "workflow: Tried\nowner: a@acme.example\nmail: { kind: marketing, topic: news, from: ines }\n";
const GIVEN: &str = "given: { clock: 2026-02-02T00:00 Europe/Oslo, partner: { id: ada, name: Ada Holm } }\ntests:\n";

#[track_caller]
fn check(mail: &str, partial: &str, tests: &str) {
    let workflow = "when: login\nonce: per partner\nsteps: [{ email: hello }]\n";
    let mut sources = tried::sources(format!("{HEAD}{workflow}"), format!("{GIVEN}{tests}"));
    sources.add(Source::new("workflows/tried/hello.mail.md", format!("---\nsubject: Hello\n---\n{mail}\n")));
    sources.add(Source::new("config/partials/best.md", partial));
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
fn a_mail_lists_what_its_partner_sold_most() {
    check(
        "You sold:\n\n{{> best}}\n\n{{progress_bar conversions_90d width=5}}",
        "{{#if partner.top_products}}{{top_products 2}}{{else}}nothing yet{{/if}}",
        r#"  - name: the two most frequent, the most frequent first
    events:
      - { day: 1, conversion: { lines: [{ sku: Axe, amount: 4000 }] } }
      - { day: 2, conversion: { lines: [{ sku: Tent, amount: 4000 }] } }
      - { day: 2, at: "13:00", conversion: { lines: [{ sku: Tent, amount: 4000 }] } }
      - { day: 3, conversion: { lines: [{ sku: Rope, amount: 4000 }] } }
      - { day: 3, at: "13:00", conversion: { lines: [{ sku: Rope, amount: 4000 }] } }
      - { day: 4, conversion: { lines: [{ sku: Tent, amount: 4000 }] } }
      - { day: 5, login: {} }
    until: day 8
    expect: { mails: [{ hello: { text: '/You sold:.*- Tent.*- Rope.*[#----].*6%/' } }] }
  - name: nothing sold
    events: [{ day: 5, login: {} }]
    until: day 8
    expect: { mails: [{ hello: { text: '/You sold:.*nothing yet.*[-----].*0%/' } }] }
"#,
    );
}

#[test]
fn a_mail_lists_what_the_whole_programme_sold_most() {
    check(
        "Selling now:\n\n{{> best}}",
        "{{#if program.hottest_products}}{{hottest_products 2}}{{else}}nothing yet{{/if}}\n\n{{fallback (best_categories 1) \"of no category\"}}",
        r#"  - name: the most sold first, as the test tells them
    events: [{ day: 5, login: {} }]
    programme: { figures: { hottest_products: [Tent, Axe, Rope], best_categories: [tents] } }
    until: day 8
    expect: { mails: [{ hello: { text: '/Selling now:.*- Tent.*- Axe.*- tents/' } }] }
  - name: nothing sold
    events: [{ day: 5, login: {} }]
    until: day 8
    expect: { mails: [{ hello: { text: '/Selling now:.*nothing yet.*of no category/' } }] }
"#,
    );
}

#[test]
fn what_a_partner_was_given_or_has_used_is_not_shown_as_new() {
    check(
        "Next:\n\n{{> best}}",
        "{{#next_resource type=\"material\"}}{{title}}, to begin with{{else}}all there is{{/next_resource}}",
        r#"  - name: the first there is
    events: [{ day: 5, login: {} }]
    until: day 8
    expect: { mails: [{ hello: { text: '/Next:.*Pictures for the season, to begin with/' } }] }
  - name: the first was given
    events: [{ day: 2, resource.given: { resource: season-pictures, title: pictures } }, { day: 5, login: {} }]
    until: day 8
    expect: { mails: [{ hello: { text: '/Next:.*The size guide, to begin with/' } }] }
  - name: both are known, in German
    partner: { language: de, country: DE }
    events:
      - { day: 2, resource.given: { resource: season-pictures, title: Bilder } }
      - { day: 3, resource.used: { resource: size-guide } }
      - { day: 5, login: {} }
    until: day 8
    expect: { mails: [{ hello: { text: '/Next:.*all there is/' } }] }
"#,
    );
}

/// Through the gateway of a test nobody gets anywhere, and what it leads to is what a test is about.
#[test]
fn a_test_reads_links_as_they_were_written_though_clicks_are_counted() {
    let workflow = "when: login\nonce: per partner\nsteps: [{ email: hello }]\n";
    let test = "  - name: the page\n    events: [{ day: 5, login: {} }]\n    until: day 8\n    \
                expect: { mails: [{ hello: { text: '/https://acme.example/new/' } }] }\n";
    let mut sources = tried::sources(format!("{HEAD}{workflow}"), format!("{GIVEN}{test}"));
    let mail = "---\nsubject: Hello\n---\nSee [what is new](https://acme.example/new).\n";
    sources.add(Source::new("workflows/tried/hello.mail.md", mail));
    let (uncounted, rules) = ("clicks: none }", sources.get("config/rapport.yaml").unwrap().text.clone());
    assert_eq!(rules.matches(uncounted).count(), 1);
    let counted = rules.replace(uncounted, "clicks: human_only, individual: always, hosts: [acme.example] }");
    sources.add(Source::new("config/rapport.yaml", counted));
    let (rulebook, findings) = compile(&sources);
    let mut rulebook = rulebook.unwrap_or_else(|| panic!("{:?}", findings.iter().collect::<Vec<_>>()));
    assert!(rulebook.config.clicks.is_some());
    rulebook.trials.retain(|id, _| **id == *"tried");
    let report = Runner::default().run(&rulebook, None, 1);
    let [verdict] = report.verdicts.as_slice() else { panic!("{:?}", report.verdicts) };
    assert_eq!(verdict.wrong, [""; 0]);
}

#[test]
fn a_partial_of_a_service_mail_needs_a_second_person_like_its_own_text() {
    let of = |partial: &str, kind: &str| {
        let workflow = "when: login\nonce: per partner\nsteps: [{ email: hello }]\n";
        let head = HEAD.replace("kind: marketing, topic: news", kind);
        let mut sources = tried::sources(
            format!("{head}{workflow}"),
            format!("{GIVEN}  - {{ name: nothing, until: day 2, expect: {{ mails: [] }} }}\n"),
        );
        sources.add(Source::new("workflows/tried/hello.mail.md", "---\nsubject: Hello\n---\n{{> best}}\n"));
        sources.add(Source::new("config/partials/best.md", partial));
        let (rulebook, findings) = compile(&sources);
        rulebook.unwrap_or_else(|| panic!("{:?}", findings.iter().collect::<Vec<_>>()))
    };
    let (service, marketing) = ("kind: service, topic: account", "kind: marketing, topic: news");
    let changed = |kind: &str, partial: &str| services_changed(Some(&of("Hi", kind)), &of(partial, kind));
    assert_eq!(changed(service, "Hi"), [""; 0]);
    assert_eq!(changed(service, "Hello"), ["tried"]);
    assert_eq!(changed(marketing, "Hello"), [""; 0]);
}
