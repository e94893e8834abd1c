//! Mails written in MJML: whole documents, and no value can do to them what it cannot do to the others.

use proptest::prelude::*;
use rapport_message::sample::surroundings;
use rapport_message::{Layout, Library, Locale, Mail, Partials, RenderError, Rendered, Request, render};
use rapport_rule::{Findings, Source};
use serde_json::{Value as Json, json};

/// What every one of them has.
const FOOT: &str = r#"<mj-section><mj-column><mj-text font-size="13px">{{#if reason}}You get this because {{reason}}. {{/if}}
<a href="{{why_link}}">Why this mail?</a> {{#unless service}}<a href="{{unsubscribe_link}}">Unsubscribe</a>{{/unless}}<br/>
{{imprint.company}}, {{imprint.address}}</mj-text></mj-column></mj-section>"#;

fn document(content: &str) -> String {
    format!("<mjml><mj-body><mj-section><mj-column>{content}</mj-column></mj-section>{FOOT}</mj-body></mjml>")
}

fn parsed(body: &str) -> Result<Mail, Vec<String>> {
    let mut findings = Findings::new();
    let text = format!("---\nsubject: Hello {{{{partner.first_name}}}}\npreheader: One question\n---\n{body}\n");
    let source = Source::new("workflows/w/hello.mail.mjml", text);
    let mail = Mail::parse(&source, &mut findings);
    let told = |finding: &rapport_rule::Finding| {
        format!(
            "{} `{}`",
            finding.code,
            finding.span.map_or("", |span| source.slice(span)).chars().take(40).collect::<String>()
        )
    };
    match findings.is_empty() {
        true => Ok(mail.expect("a mail without findings")),
        false => Err(findings.iter().map(told).collect()),
    }
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

fn shown(content: &str, name: &str, context: &Json) -> Result<Rendered, RenderError> {
    let mail = parsed(&document(content)).unwrap_or_else(|findings| panic!("{content}: {findings:?}"));
    let mut s = surroundings();
    s.person.name = Some(name.to_owned());
    let request = Request {
        context,
        locale: &Locale::parse("de").unwrap(),
        person: &s.person,
        sender: &s.sender,
        program: &s.program,
        imprint: &s.imprint,
        topic: &s.topic,
        links: &s.links,
        reason: Some("you joined as a partner"),
    };
    render(&mail, &layout(), &request)
}

const CONTENT: &str = r#"<mj-text>Hi {{fallback partner.first_name "there"}}, you sold {{number conversions_90d}}.</mj-text>
<mj-raw>{{#if (gt conversions_90d 10)}}</mj-raw><mj-text>That is a lot.</mj-text><mj-raw>{{/if}}</mj-raw>
<mj-button href="https://acme.example/guide?a=1&amp;b={{conversions_90d}}">Read the guide</mj-button>
<mj-image src="https://acme.example/shoe.png" alt="A red shoe" width="200px" />"#;

#[test]
fn an_address_is_never_broken() {
    let text =
        "{{imprint.company}}: why you get this {{why_link}}, and the way out {{unsubscribe_link}}, whenever you like.";
    let mail = shown(&format!("<mj-text>{text}</mj-text>"), "Ada Holm", &json!({})).unwrap();
    let links = surroundings().links;
    for link in [links.unsubscribe.unwrap(), links.why] {
        assert!(link.len() > 20 && mail.text.contains(&link), "{link}\n{}", mail.text);
    }
    let long = |line: &&str| line.chars().count() > 74 && !line.contains("://");
    assert_eq!(mail.text.lines().find(long), None);
}

#[test]
fn a_document_becomes_html_and_text() {
    let mail = shown(CONTENT, "Ada Holm", &json!({ "conversions_90d": 1234 })).unwrap();
    assert_eq!((mail.subject.as_str(), mail.preheader.as_str()), ("Hello Ada", "One question"));
    assert!(mail.html.starts_with("<!doctype html><html lang=\"de\" dir=\"ltr\""), "{}", &mail.html[..200]);
    for part in [
        "Hi Ada, you sold 1.234.",
        "That is a lot.",
        "?a=1&amp;b=1234\"",
        "A red shoe",
        ">One question</div>",
        "<table",
    ] {
        assert!(mail.html.contains(part), "{part}");
    }
    assert!(!mail.html.contains("{{") && !mail.html.contains("fonts.googleapis"));
    for part in [
        "Hi Ada, you sold 1.234.",
        "That is a lot.",
        "Read the guide",
        "https://acme.example/guide?a=1&b=1234",
        "you joined as a partner",
    ] {
        assert!(mail.text.contains(part), "{part} is not in\n{}", mail.text);
    }
    let links = surroundings().links;
    for link in [links.unsubscribe.unwrap(), links.why] {
        assert!(mail.text.contains(&link) && mail.html.contains(&link), "{link}\n{}", mail.text);
    }
    assert!(!mail.text.contains("One question") && !mail.text.contains("<"), "{}", mail.text);
    let few = shown(CONTENT, "Ada Holm", &json!({ "conversions_90d": 3 })).unwrap();
    assert!(!few.html.contains("That is a lot.") && !few.text.contains("That is a lot."));
}

#[test]
fn a_link_from_outside_leads_nowhere_else() {
    let link =
        |to: &str| shown("<mj-button href=\"{{event.url}}\">Go</mj-button>", "Ada", &json!({ "event": { "url": to } }));
    assert!(link("https://a.example/x?y=1&z='2'").is_ok());
    for to in ["javascript:alert(1)", "data:text/html,x", "  javascript:x", "//evil.example"] {
        assert!(matches!(link(to), Err(RenderError::RefusedLink { .. })), "{to}");
    }
}

#[track_caller]
fn refused(content: &str, expected: &[&str]) {
    assert_eq!(
        parsed(&document(content)).map(|_| ()),
        Err(expected.iter().map(|one| (*one).to_owned()).collect()),
        "{content}"
    );
}

#[test]
fn what_mjml_would_swallow_is_found_with_its_place() {
    refused("<mj-text colour=\"red\">Hi</mj-text>", &["R0454 `colour`"]);
    refused("<mj-image src=\"https://a.example/x.png\" />", &["R0447 `<mj-image src=\"https://a.example/x.png\" `"]);
    refused("<mj-button href=\"javascript:x\">Go</mj-button>", &["R0446 `<mj-button href=\"javascript:x\">`"]);
    refused("<mj-text><script>x</script></mj-text>", &["R0445 `<script>`"]);
    let codes = |body: &str| {
        let mut codes: Vec<String> =
            parsed(body).map_or_else(|found| found.iter().map(|one| one[..5].to_owned()).collect(), |_| Vec::new());
        codes.dedup();
        codes
    };
    assert_eq!(codes(&document("<mj-txt>Hi</mj-txt>")), ["R0454"]);
    assert_eq!(codes(&document("<mj-text>Hi")), ["R0454"]);
    assert_eq!(codes("<p>Hi</p>"), ["R0454", "R0452", "R0502"]);
    assert_eq!(
        codes(&format!(
            "<mjml><mj-head><mj-style>p {{ color: {{{{lang}}}} }}</mj-style></mj-head><mj-body>{FOOT}</mj-body></mjml>"
        )),
        ["R0445"]
    );
    assert_eq!(
        codes(&format!("<mjml><mj-head><mj-preview>x</mj-preview></mj-head><mj-body>{FOOT}</mj-body></mjml>")),
        ["R0445"]
    );
}

#[test]
fn a_bar_and_a_list_stand_in_text_and_not_in_attributes() {
    let content = "<mj-text>{{progress_bar p width=4}} {{top_products 2}}</mj-text>";
    let context = json!({ "p": 50, "partner": { "top_products": ["Rope", "<b>"] } });
    let mail = shown(content, "Ada", &context).unwrap();
    assert!(mail.html.contains("aria-label=\"50\u{a0}%\"") && mail.html.contains(">&lt;b&gt;</li>"), "{}", mail.html);
    assert!(mail.text.contains("██░░\u{a0}50\u{a0}%") && mail.text.contains("* Rope"), "{}", mail.text);
    for helper in ["{{progress_bar p}}", "{{top_products 2}}", "{{hottest_products 2}}", "{{best_categories 2}}"] {
        let image = format!("<mj-image src=\"https://a.example/x.png\" alt=\"{helper}\" />");
        refused(&image, &[&format!("R0443 `{}`", image.chars().take(40).collect::<String>())]);
    }
}

#[test]
fn a_mail_is_written_once() {
    let source = |path: &str, body: &str| Source::new(path, format!("---\nsubject: Hello\n---\n{body}\n"));
    let files = [
        source("workflows/w/hello.mail.md", "Hi"),
        source("workflows/w/hello.mail.mjml", &document("<mj-text>Hi</mj-text>")),
    ];
    let mut findings = Findings::new();
    let _ = Library::parse(&files, &Locale::english(), &Partials::none(&Locale::english()), &mut findings);
    assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["R0411"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    /// Whatever a partner is called, the document keeps its elements.
    #[test]
    fn no_name_becomes_markup(name in "\\PC{0,40}|.*[<>\"'&{}].*") {
        let elements = |html: &str| html.matches('<').count();
        let content = "<mj-text>Hi {{fallback partner.name \"there\"}}</mj-text>\
                       <mj-image src='https://a.example/x.png' alt=\"{{fallback partner.name 'you'}}\" />";
        let plain = shown(content, "Ada", &json!({})).unwrap();
        if let Ok(mail) = shown(content, &name, &json!({})) {
            prop_assert_eq!(elements(&mail.html), elements(&plain.html), "{}", mail.html);
        }
    }

    /// No text of a file breaks the reading.
    #[test]
    fn any_text_is_read(text in "(<mj-[a-z]{2,6}>|</mj-text>|<mjml>|<mj-body>|[<>/=\"'{}#a-z ]|\\PC){0,60}") {
        let _ = parsed(&text);
        let _ = parsed(&document(&text));
    }
}
