//! Texts that several mails share.

use rapport_message::mail::Shaped;
use rapport_message::sample::surroundings;
use rapport_message::{Layout, Library, Locale, Mail, Partials, Rendered, Request, Shape, render};
use rapport_rule::expr::Type;
use rapport_rule::finding::render::human;
use rapport_rule::{Findings, Source, Sources};
use serde_json::{Value as Json, json};

/// Of the mails `hello` with this body and `config/partials/…`: the findings, as code, file, the place's text and message.
fn findings_of(body: &str, partials: &[(&str, &str)]) -> Vec<String> {
    let (sources, findings, _) = world(&[("hello.mail.md", body)], partials);
    told(&findings, &sources)
}

fn told(findings: &Findings, sources: &Sources) -> Vec<String> {
    let one = |finding: &rapport_rule::Finding| {
        let source = sources.get(&finding.path).unwrap();
        let place = finding.span.map_or("", |span| source.slice(span));
        format!("{} {} `{place}` {}", finding.code, finding.path.rsplit('/').next().unwrap(), finding.message)
    };
    findings.iter().map(one).collect()
}

fn world(mails: &[(&str, &str)], partials: &[(&str, &str)]) -> (Sources, Findings, Library) {
    let english = Locale::english();
    let sources: Sources = partials
        .iter()
        .map(|(file, text)| Source::new(format!("config/partials/{file}"), *text))
        .chain(mails.iter().map(|(file, body)| {
            Source::new(format!("workflows/w/{file}"), format!("---\nsubject: Hello\n---\n{body}\n"))
        }))
        .collect();
    let mut findings = Findings::new();
    let partials = Partials::parse(sources.under("config/partials/"), &english, &mut findings);
    let library = Library::parse(sources.under("workflows/"), &english, &partials, &mut findings);
    if !library.has_broken() {
        partials.warn_unused(&library.partials().cloned().collect(), &mut findings);
    }
    (sources, findings, library)
}

fn layout() -> Layout {
    let read = |name: &str| {
        let path = format!("{}/../../config/{name}", env!("CARGO_MANIFEST_DIR"));
        #[allow(clippy::disallowed_methods, reason = "a test reads the files shipped")]
        Source::new(format!("config/{name}"), std::fs::read_to_string(path).unwrap())
    };
    let (html, text) = (read("layout.mail.html"), read("layout.mail.txt"));
    Layout::parse(&html, &text, &Locale::english(), &mut Findings::new()).expect("the shipped layout")
}

fn rendered(mail: &Mail, context: &Json) -> Result<Rendered, String> {
    let (s, english) = (surroundings(), Locale::english());
    let request = Request {
        context,
        locale: mail.locale().unwrap_or(&english),
        person: &s.person,
        sender: &s.sender,
        program: &s.program,
        imprint: &s.imprint,
        topic: &s.topic,
        links: &s.links,
        reason: None,
    };
    render(mail, &layout(), &request).map_err(|error| error.to_string())
}

/// The text of a mail `hello` without its frame.
fn text(body: &str, partials: &[(&str, &str)], context: Json) -> Result<String, String> {
    let (sources, findings, library) = world(&[("hello.mail.md", body)], partials);
    assert!(findings.is_empty(), "{body}: {:?}", told(&findings, &sources));
    let mail = library.variants("hello").next().unwrap();
    Ok(rendered(mail, &context)?.text.split("\n\nInes Dahl\n").next().unwrap_or_default().to_owned())
}

#[test]
fn a_partial_stands_where_it_is_asked_for() {
    let legal = [("legal.md", "\nSee [the terms](https://a.example/t).\n\nAll prices with VAT.\n")];
    let terms = "See the terms (https://a.example/t).\n\nAll prices with VAT.";
    assert_eq!(text("Hi.\n\n{{> legal}}\n\nBye.", &legal, json!({})).unwrap(), format!("Hi.\n\n{terms}\n\nBye."));
    assert_eq!(text("{{~> legal ~}}", &legal, json!({})).unwrap(), terms);
    let name = [("who.md", "{{fallback name \"friend\"}}\n")];
    assert_eq!(text("Hi {{> who}}, and {{> who}}!", &name, json!({"name": "Ada"})).unwrap(), "Hi Ada, and Ada!");
    assert_eq!(text("{{!-- {{> nobody}} --}}Hi {{> who}}", &name, json!({})).unwrap(), "Hi friend");
}

#[test]
fn a_partial_sees_the_names_of_its_place() {
    let item = [
        ("item.md", "{{title}} of {{../shop}}"),
        ("outer.md", "{{#if shop}}{{> inner}}{{/if}}"),
        ("inner.md", "in {{shop}}"),
    ];
    let context = json!({"shop": "Oslo", "products": [{"title": "Rope"}, {"title": "*Tent*"}]});
    let body = "{{#each products}}\n- {{> item}}\n{{/each}}\n\n{{> outer}}";
    assert_eq!(text(body, &item, context).unwrap(), "- Rope of Oslo\n- *Tent* of Oslo\n\nin Oslo");
    let (_, _, library) = world(&[("hello.mail.md", body)], &item);
    assert_eq!(library.planned("hello"), ["products", "shop"]);
    let files: Vec<String> = library.partials().map(ToString::to_string).collect();
    assert_eq!(files, ["inner.md", "item.md", "outer.md"].map(|file| format!("config/partials/{file}")));
}

#[test]
fn names_of_a_partial_are_checked_for_each_mail_that_asks_for_it() {
    let (sources, mut findings, library) = world(
        &[("hello.mail.md", "Hi.\n\n{{> fact}}")],
        &[(
            "fact.md",
            "You sold {{conversions_90d}} for {{money revenue}}.\n{{#if country}}{{country}}{{/if}} {{counrty}}",
        )],
    );
    let planned = |path: &str| {
        let one = |ty, maybe_missing| Some(Shaped { shape: Shape::One(ty), maybe_missing });
        match path {
            "conversions_90d" => one(Type::Money, false),
            "revenue" => one(Type::Money, true),
            "country" => one(Type::Text, true),
            _ => None,
        }
    };
    library.variants("hello").next().unwrap().check(&planned, &["country".to_owned()], &mut findings);
    assert_eq!(
        told(&findings, &sources),
        [
            "R0444 fact.md `conversions_90d` `conversions_90d` is an amount of money, for workflows/w/hello.mail.md",
            "R0421 fact.md `revenue` `revenue` may be missing, for workflows/w/hello.mail.md",
            "R0201 fact.md `counrty` there is no `counrty` here, for workflows/w/hello.mail.md",
        ]
    );
    let shown: String = findings.iter().map(|finding| human(finding, &sources)).collect();
    assert!(shown.contains("did you mean `country`?") && shown.contains("config/partials/fact.md:2:"), "{shown}");
}

#[test]
fn a_mail_takes_the_partial_of_its_language() {
    let partials =
        [("bye.md", "Bye"), ("bye.de.md", "Tschüss"), ("bye.de-AT.md", "Servus"), ("only.md", "{{> bye}} for now")];
    let mails = ["hello.mail.md", "hello.de.mail.md", "hello.de-AT.mail.md", "hello.fr.mail.md"];
    let mails = mails.map(|file| (file, "{{> only}}"));
    let (sources, findings, library) = world(&mails, &partials);
    assert!(findings.is_empty(), "{:?}", told(&findings, &sources));
    let texts = library.variants("hello").map(|mail| rendered(mail, &json!({})).unwrap().text);
    let first: Vec<String> = texts.map(|text| text.lines().next().unwrap().to_owned()).collect();
    assert_eq!(first, ["Bye for now", "Tschüss for now", "Servus for now", "Bye for now"]);
}

#[test]
fn what_is_wrong_with_a_partial_is_told_once_and_where_it_is() {
    assert_eq!(
        findings_of("{{> footr}}", &[("footer.md", "x")]),
        ["R0457 hello.mail.md `footr` there is no partial `footr`"]
    );
    assert_eq!(
        findings_of("a {{> footer}} b {{> footer}}", &[("footer.md", "ok\n\n{{mony a}} <br> {{{b}}}")]),
        [
            "R0442 footer.md `mony` there is no helper `mony`",
            "R0445 footer.md `<br>` raw HTML in a mail",
            "R0441 footer.md `{{{` values are always escaped"
        ]
    );
    assert_eq!(
        findings_of("{{> a}}", &[("a.md", "{{> b}}"), ("b.md", "x {{> a}}")]),
        [
            "R0458 a.md `b` a partial is put into itself: a → b → a",
            "R0458 b.md `a` a partial is put into itself: b → a → b"
        ]
    );
    assert_eq!(
        findings_of("Hi", &[("a.md", "{{> a}}")]),
        ["R0459 a.md `` no mail asks for `a`", "R0458 a.md `a` a partial is put into itself: a → a"]
    );
    assert_eq!(findings_of("{{> a}}", &[("a.md", "x"), ("b.md", "y")]), ["R0459 b.md `` no mail asks for `b`"]);
    for (body, message) in [
        ("{{> footer size=2}}", "a partial is asked for by its name alone"),
        ("{{#> footer}}x{{/footer}}", "decorators and partials with a text of their own are not part of mails"),
    ] {
        let found = findings_of(body, &[("footer.md", "x")]);
        assert_eq!(found, [format!("R0441 hello.mail.md `{{{{` {message}")], "{body}");
    }
    for file in ["Footer.md", "footer.mail.md", "footer.html", "sub/footer.md"] {
        let found = findings_of("Hi", &[(file, "x")]);
        assert!(found[0].starts_with("R0527") && found.len() == 1, "{file}: {found:?}");
    }
}

#[test]
fn a_partial_that_would_never_end_or_be_too_long_is_refused() {
    let twice: Vec<(String, String)> =
        (0..40).map(|at| (format!("p{at}.md"), format!("{{{{> p{}}}}}{{{{> p{}}}}}", at + 1, at + 1))).collect();
    let mut files: Vec<(&str, &str)> = twice.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    files.push(("p40.md", "x"));
    let found = findings_of("{{> p0}}", &files);
    assert!(!found.is_empty() && found.iter().all(|one| one.starts_with("R0440")), "{found:?}");
    let long = "word ".repeat(15_000);
    let found = findings_of("{{> long}}\n\n{{> long}}", &[("long.md", long.as_str())]);
    assert!(found.len() == 1 && found[0].starts_with("R0440 hello.mail.md"), "{found:?}");
}

#[test]
fn an_error_of_rendering_names_the_line_as_written() {
    let three = [("three.md", "one\n\ntwo {{inner}}\n\nthree")];
    let error = text("Hi\n\n{{> three}}\n\n{{outer}}", &three, json!({"inner": 1})).unwrap_err();
    assert_eq!(error, "workflows/w/hello.mail.md: body line 5: `outer` is missing");
    let error = text("Hi\n\n{{> three}}\n\n{{outer}}", &three, json!({"outer": 1})).unwrap_err();
    assert_eq!(error, "workflows/w/hello.mail.md: body line 3: `inner` is missing");
}

const FOOT: &str = r#"<mj-section><mj-column><mj-text><a href="{{why_link}}">Why?</a> <a href="{{unsubscribe_link}}">Leave</a>
{{imprint.company}}</mj-text></mj-column></mj-section>"#;

#[test]
fn a_mail_in_mjml_takes_its_own_partials() {
    let body = "<mjml><mj-body><mj-section><mj-column><mj-text>Hi</mj-text></mj-column></mj-section>{{> foot}}</mj-body></mjml>";
    let (sources, findings, library) = world(&[("hello.mail.mjml", body)], &[("foot.mjml", FOOT)]);
    assert!(findings.is_empty(), "{:?}", told(&findings, &sources));
    let mail = rendered(library.variants("hello").next().unwrap(), &json!({})).unwrap();
    assert!(mail.html.contains(">Leave</a>") && mail.text.contains("Acme Commerce AS"), "{}", mail.html);

    let (sources, findings, _) = world(&[("hello.mail.mjml", body)], &[("foot.md", "Bye")]);
    assert_eq!(told(&findings, &sources)[0], "R0457 hello.mail.mjml `foot` there is no partial `foot`");
    let hint = findings.iter().next().unwrap().hint.clone().unwrap();
    assert_eq!(hint, "There is config/partials/foot.md; a mail like this one takes config/partials/foot.mjml.");

    let (sources, findings, _) =
        world(&[("hello.mail.mjml", body)], &[("foot.mjml", "<mj-section><mj-txt>x</mj-txt></mj-section>")]);
    assert_eq!(told(&findings, &sources), ["R0454 foot.mjml `<mj-txt>` there is no element `mj-txt`"]);

    // What stands behind a partial keeps its place.
    let behind = body.replace(
        "</mj-body>",
        "<mj-section><mj-column><mj-text colour=\"red\">x</mj-text></mj-column></mj-section></mj-body>",
    );
    let (sources, findings, _) = world(&[("hello.mail.mjml", behind.as_str())], &[("foot.mjml", FOOT)]);
    assert!(
        told(&findings, &sources)[0].starts_with("R0454 hello.mail.mjml `colour`"),
        "{:?}",
        told(&findings, &sources)
    );
}

proptest::proptest! {
    #[test]
    fn no_partial_makes_the_reader_panic(text in "(\\{\\{> [a-c]\\}\\}|\\{\\{#if a\\}\\}|\\{\\{/if\\}\\}|[\\PC\n{}#/>\\[\\]() <-]){0,30}") {
        let _ = world(&[("hello.mail.md", "{{> a}}{{> b}}")], &[("a.md", text.as_str()), ("b.md", "{{> a}} {{> c}}"), ("c.md", text.as_str())]);
        let _ = world(&[("hello.mail.mjml", "<mjml>{{> a}}</mjml>")], &[("a.mjml", text.as_str())]);
    }
}
