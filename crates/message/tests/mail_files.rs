//! What is found in mail files, and what a compiled mail says of itself.

use rapport_message::mail::Shaped;
use rapport_message::{Mail, Role, Shape};
use rapport_rule::expr::Type;
use rapport_rule::finding::render::human;
use rapport_rule::{Findings, Source, Sources};

fn parse(body: &str) -> (Option<Mail>, Vec<String>) {
    let source = Source::new("workflows/w/hello.mail.md", format!("---\nsubject: 'Hi'\n---\n{body}\n"));
    let mut findings = Findings::new();
    let mail = Mail::parse(&source, &mut findings);
    let said = findings
        .iter()
        .map(|f| {
            let (line, column) = f.span.map_or((0, 0), |span| source.line_column(span.start));
            let at = f.span.map(|span| source.slice(span)).unwrap_or_default();
            format!("{} {line}:{column} `{at}` {}", f.code, f.message)
        })
        .collect();
    (mail, said)
}

#[track_caller]
fn refused(body: &str, expected: &str) {
    let (mail, said) = parse(body);
    assert_eq!(said, [expected], "{body}");
    assert!(mail.is_none());
}

#[track_caller]
fn names(body: &str, expected: &[&str]) {
    let (mail, said) = parse(body);
    assert!(said.is_empty(), "{said:?}");
    let mail = mail.unwrap();
    let names: Vec<String> = mail
        .names()
        .iter()
        .map(|used| format!("{}{}", used.path, if used.may_be_missing { "?" } else { "" }))
        .collect();
    assert_eq!(names, expected, "{body}");
}

#[test]
fn every_name_is_listed_wherever_it_hides() {
    names("{{a.b}}", &["a.b"]);
    names("{{#if a}}{{b}}{{else}}{{c}}{{/if}}", &["a?", "b", "c"]);
    names("{{#if a}}x{{else if b}}{{c}}{{/if}}", &["a?", "b?", "c"]);
    names("{{#unless a}}x{{else}}{{a}}{{/unless}}", &["a?", "a?"]);
    names("{{fallback a \"there\"}} {{money b}}", &["a?", "b"]);
    names("{{#if (and a (eq b \"x\"))}}{{a}}{{b}}{{c}}{{/if}}", &["a?", "b?", "a?", "b?", "c"]);
    names(
        "{{#each products}}{{title}} {{money price}} {{../a}} {{@root.b.c}} {{@index}}{{/each}}",
        &["products", "products[].title", "products[].price", "a", "b.c"],
    );
    names("{{#each products as |p|}}{{p.title}}{{/each}}", &["products", "products[].title"]);
    names("{{#with offer}}{{money value}}{{/with}}", &["offer?", "offer.value"]);
    names(
        "{{#next_resource type=\"training\"}}{{title}} {{@root.a}}{{else}}{{b}}{{/next_resource}}",
        &["next_resource.training?", "next_resource.training.title?", "a", "b"],
    );
    names(
        "{{#next_resource level=\"basic\" as |it|}}{{it.url}}{{/next_resource}} {{#if next_resource.any.url}}x{{/if}}",
        &["next_resource.any_basic?", "next_resource.any_basic.url?", "next_resource.any.url?"],
    );
    names("{{#next_resource}}{{level}}{{/next_resource}}", &["next_resource.any?", "next_resource.any.level"]);
    names(
        "{{#next_resource level=\"basic\"}}{{level}}{{/next_resource}}",
        &["next_resource.any_basic?", "next_resource.any_basic.level?"],
    );
    names("{{fallback (money a) \"x\"}}", &["a?"]);
    names("{{number (count products)}}", &["products"]);
    names("{{plural a \"sale\" \"sales\"}}", &["a"]);
    names("{{progress_bar a width=3}}", &["a"]);
    names("{{top_products 3}}", &["partner.top_products"]);
    names("{{#if partner.top_products}}{{top_products 3}}{{/if}}", &["partner.top_products?", "partner.top_products?"]);
    names("{{fallback (top_products 3) \"x\"}}", &["partner.top_products?"]);
    names("{{hottest_products 3}}", &["program.hottest_products"]);
    names("{{fallback (best_categories 2) \"x\"}}", &["program.best_categories?"]);
}

#[test]
fn planning_is_asked_for_everything_but_what_the_mailer_knows() {
    let (mail, _) = parse(
        "{{fallback partner.first_name \"x\"}} {{sender.name}} {{program.name}} {{partner.top_product}} {{conversions_90d}} {{event.summary}} {{#each products}}{{title}}{{/each}} {{survey.question}}",
    );
    assert_eq!(
        mail.unwrap().planned(),
        ["conversions_90d", "event.summary", "partner.top_product", "products", "survey.question"]
    );
}

#[test]
fn what_a_mail_may_not_hold_is_found_with_its_place() {
    refused("ok\n\nHi {{{a}}}", "R0441 6:4 `{{{` values are always escaped");
    refused("{{> footer}}", "R0457 4:5 `footer` there is no partial `footer`");
    refused(
        "{{#*inline \"x\"}}x{{/inline}}",
        "R0441 4:1 `{{` decorators and partials with a text of their own are not part of mails",
    );
    refused("{{mony a}}", "R0442 4:3 `mony` there is no helper `mony`");
    refused("{{money}}", "R0443 4:3 `money` `money` takes one argument, found 0");
    refused("{{#money a}}x{{/money}}", "R0443 4:4 `money` `money` is not a block");
    refused("{{number a places=2}}", "R0443 4:3 `number` `number` has no option `places`");
    refused(
        "{{#next_resource type=\"course\"}}{{title}}{{/next_resource}}",
        "R0443 4:24 `course` `next_resource` knows no type `course`",
    );
    refused("{{next_resource}}", "R0443 4:3 `next_resource` `next_resource` is a block");
    refused("a <br> word", "R0445 4:3 `<br>` raw HTML in a mail");
    refused(
        "[x](javascript:alert(1))",
        "R0446 4:1 `[x](javascript:alert(1))` a link that leads nowhere a mail may lead",
    );
    refused("![](https://a.example/x.png)", "R0447 4:1 `![](https://a.example/x.png)` an image without words");
}

#[track_caller]
fn told(body: &str, expected: &[&str]) {
    let (mail, said) = parse(body);
    assert_eq!(said, expected, "{body}");
    assert!(mail.is_none(), "{body}");
}

#[test]
fn a_tag_that_cannot_be_read_is_told_where_it_stands_and_in_words_of_mails() {
    told("Hi\n\n{{#if a}}x", &["R0440 6:1 `{{#if a}}` `{{#if a}}` of line 6 has no {{/if}}"]);
    told("{{#if a}}\n{{#each b}}x{{/if}}", &["R0440 5:1 `{{#each b}}` `{{#each b}}` of line 5 has no {{/each}}"]);
    told("{{#if a}}\nx {{/each}}", &["R0440 5:3 `{{/each}}` `{{/each}}` does not close `{{#if a}}` of line 4"]);
    told("x {{/if}}", &["R0440 4:3 `{{/if}}` `{{/if}}` closes nothing"]);
    told("x {{else}}", &["R0440 4:3 `{{else}}` `{{else}}` stands outside of any block"]);
    told("{{#if a}}{{else}}x{{else}}{{/if}}", &["R0440 4:19 `{{else}}` a second {{else}} in `{{#if a}}` of line 4"]);
    told("Dear {{a}, it's {{b}}", &["R0440 4:6 `{{a}` a tag that closes with one brace"]);
    told("Dear {{a\n\n{{b}}", &["R0440 4:6 `{{a` a tag that is not closed"]);
    told("{{{a}}", &["R0440 4:1 `{{{a}}` a tag opens with three braces and closes with fewer"]);
    told("{{fallback a \"there}}", &["R0440 4:1 `{{fallback a \"there}}` a text in quotes without an end"]);
    told("x {{ }}", &["R0440 4:3 `{{ }}` an empty tag"]);
    told("{{#if a == b}}x{{/if}}", &["R0440 4:9 `==` `==` is not part of a tag"]);
    told("{{a | upper}}", &["R0440 4:5 `|` a tag has no filters"]);
    told("{{money a, b}}", &["R0440 4:10 `,` `,` is not part of a tag"]);
    told("{{#if (eq a b}}x{{/if}}", &["R0440 4:1 `{{#if (eq a b}}` a parenthesis is not closed"]);
    told("{{#if}}x{{/if}}", &["R0443 4:4 `if` `{{#if}}` has no condition"]);
    told(
        "{{#if a}}{{mony b}}{{else if}}x{{/if}}",
        &["R0442 4:12 `mony` there is no helper `mony`", "R0443 4:27 `if` `{{#if}}` has no condition"],
    );
    // Everything that is wrong, not only what the parser meets first.
    told(
        "{{a}\n{{#if}}x{{/if}}\n{{/each}}",
        &[
            "R0440 4:1 `{{a}` a tag that closes with one brace",
            "R0443 5:1 `{{#if}}` `{{#if}}` has no condition",
            "R0440 6:1 `{{/each}}` `{{/each}}` closes nothing",
        ],
    );
}

#[test]
fn what_would_go_out_as_written_is_found() {
    for (body, place) in
        [("Hi {partner.name}", "R0460 4:4 `{partner.name}`"), ("Hi *|FNAME|*", "R0460 4:4 `*|FNAME|*`")]
    {
        let (mail, said) = parse(body);
        assert!(mail.is_some() && said.len() == 1 && said[0].starts_with(place), "{said:?}");
    }
    for body in ["%VOUCHER%", "[[x]]", "<%= x %>", "{% if x %}"] {
        let (mail, said) = parse(body);
        assert!(mail.is_some() && said.len() == 1 && said[0].starts_with("R0461 4:1"), "{said:?}");
    }
    for body in ["100% and 5%", "`{partner.name}`", "    {name}\n", "{x} [1] [[1]] {{! {name} }}", "~~~\n%NAME%\n~~~"] {
        let (mail, said) = parse(body);
        assert!(mail.is_some() && said.is_empty(), "{body}: {said:?}");
    }
}

#[test]
fn front_matter_is_needed_and_read_strictly() {
    let find = |text: &str| {
        let mut findings = Findings::new();
        let mail = Mail::parse(&Source::new("w/hello.mail.md", text), &mut findings);
        assert_eq!(mail.is_none(), findings.has_errors());
        findings.iter().map(|f| f.code).collect::<Vec<_>>()
    };
    assert_eq!(find("Hello"), ["R0410"]);
    assert_eq!(find("---\nsubject: x\nHello"), ["R0410"]);
    assert_eq!(find("---\npreheader: x\n---\nHello"), ["R0412"]);
    assert_eq!(find("---\nsubject: x\nsubjct: y\n---\nHello"), ["R0101"]);
    assert_eq!(find("---\nsubject: x\n---\n\n"), ["R0412"]);
    assert_eq!(find("---\r\nsubject: 'x'\r\n---\r\nHello\r\n"), [""; 0]);
    assert_eq!(find("---\nsubject: 'Hi {{name'\n---\nx"), ["R0440"]);
}

#[test]
fn a_text_made_to_exhaust_the_reader_is_refused() {
    for body in [
        "{{#if a}}".repeat(5000),
        format!("{{{{x {}", "(".repeat(5000)),
        "{{#if a}}{{else if b}}".repeat(3000),
        "x".repeat(200_000),
    ] {
        let (mail, said) = parse(&body);
        assert!(mail.is_none() && said.len() == 1 && said[0].starts_with("R0440"), "{said:?}");
    }
    let (mail, _) = parse(&("> ".repeat(20_000) + "deep"));
    assert!(mail.is_some());
}

fn check(body: &str) -> String {
    let source = Source::new("workflows/w/hello.mail.md", format!("---\nsubject: 'Hi'\n---\n{body}\n"));
    let mut findings = Findings::new();
    let mail = Mail::parse(&source, &mut findings).unwrap();
    let one = |ty, maybe_missing| Some(Shaped { shape: Shape::One(ty), maybe_missing });
    let planned = |path: &str| match path {
        "conversions_90d" => one(Type::Count, false),
        "conversions_total" => one(Type::Count, true),
        "commission_90d" => one(Type::Money, false),
        "event.occurred_at" => one(Type::Instant, false),
        "products" => Some(Shaped { shape: Shape::Items, maybe_missing: false }),
        "products[].title" => one(Type::Text, false),
        _ => None,
    };
    mail.check(&planned, &["conversions_90d".to_owned()], &mut findings);
    let sources: Sources = [source].into_iter().collect();
    findings.iter().map(|finding| human(finding, &sources)).collect()
}

#[test]
fn names_are_judged_by_type_and_by_what_may_be_missing() {
    assert_eq!(
        check("{{conversions_90d}} {{number conversions_90d}} {{money commission_90d}} {{date event.occurred_at}}"),
        ""
    );
    assert_eq!(check("{{#if conversions_total}}{{conversions_total}}{{/if}} {{fallback partner.name \"x\"}}"), "");
    assert_eq!(check("{{#each products}}{{title}}{{/each}}{{#if survey}}{{survey.question}}{{/if}}"), "");
    for (body, code, words) in [
        ("{{conversion_90d}}", "R0201", "did you mean `conversions_90d`?"),
        ("{{sender.nmae}}", "R0201", "did you mean `sender.name`?"),
        ("{{$conversions_90d}}", "R0201", "did you mean `conversions_90d`?"),
        ("{{words.why}}", "R0201", "layout"),
        ("Hi {{partner.first_name}},", "R0421", "write {{fallback partner.first_name"),
        ("{{commission_90d}}", "R0444", "write {{money commission_90d}}"),
        ("{{money conversions_90d}}", "R0444", "not an amount of money"),
        ("{{event.occurred_at}}", "R0444", "write {{date event.occurred_at}}"),
        ("{{plural conversions_total \"a\" \"b\"}}", "R0421", "put it inside {{#if conversions_total}}"),
        ("{{products}}", "R0444", "is a list"),
        ("{{#each conversions_90d}}x{{/each}}", "R0444", "not a list"),
    ] {
        let said = check(body);
        assert!(said.contains(code) && said.contains(words), "{body}: {said}");
    }
}

#[test]
fn an_offer_is_told_whole() {
    let mut findings = Findings::new();
    parse("{{money offer.value}} if {{offer.condition}}").0.unwrap().check_offer(&mut findings);
    let said: Vec<_> = findings.iter().map(|f| (f.code, f.message.clone())).collect();
    assert_eq!(said, [("R0503", "an offer without offer.ends_on, offer.terms".to_owned())]);
}

#[test]
fn roles_say_what_is_done_with_a_name() {
    let (mail, _) = parse("{{money a}}{{#each b}}x{{/each}}{{#if c}}{{/if}}{{d}}{{date e}}{{fallback f \"x\"}}");
    let roles: Vec<Role> = mail.unwrap().names().iter().map(|used| used.role).collect();
    assert_eq!(roles, [Role::AsMoney, Role::Listed, Role::Asked, Role::Printed, Role::AsDay, Role::OrElse]);
}

proptest::proptest! {
    #[test]
    fn no_file_makes_the_reader_panic(text in "(---\n)?(subject: )?[\\PC\n{}#/*>\\[\\]() <-]{0,200}") {
        let mut findings = Findings::new();
        let _ = Mail::parse(&Source::new("w/hello.mail.md", text), &mut findings);
    }
}
