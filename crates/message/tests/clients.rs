//! What mail clients would leave out, break or cut is told, and what is made here has nothing of it.

use rapport_message::clients::{Client, lint};
use rapport_message::sample::surroundings;
use rapport_message::{Layout, Locale, Mail, Request, render};
use rapport_rule::finding::Severity;
use rapport_rule::{Findings, Source};
use serde_json::json;

const LAYOUT: &str = "config/layout.mail.html";

fn shipped(name: &str) -> Source {
    let path = format!("{}/../../config/{name}", env!("CARGO_MANIFEST_DIR"));
    #[allow(clippy::disallowed_methods, reason = "a test reads the files shipped")]
    Source::new(format!("config/{name}"), std::fs::read_to_string(path).unwrap())
}

/// Code (with `!` for an error), what it is about, and the message of each finding.
fn told(path: &str, text: &str, clients: &[Client]) -> Vec<String> {
    let source = Source::new(path, text);
    let mut findings = Findings::new();
    lint(&source, clients, &mut findings);
    let one = |finding: &rapport_rule::Finding| {
        let mark = if finding.severity == Severity::Error { "!" } else { "" };
        let place = finding.span.map_or("", |span| source.slice(span));
        format!("{}{mark} {place} | {}", finding.code, finding.message)
    };
    findings.iter().map(one).collect()
}

#[track_caller]
fn check(html: &str, expected: &[&str]) {
    assert_eq!(told(LAYOUT, html, &Client::ALL), expected, "{html}");
}

#[test]
fn the_shipped_layout_is_for_all_clients() {
    let layout = shipped("layout.mail.html");
    assert_eq!(told(LAYOUT, &layout.text, &Client::ALL), Vec::<String>::new());
}

#[test]
fn what_markdown_becomes_is_for_all_clients_in_light_and_dark() {
    let mut findings = Findings::new();
    let text = "---\nsubject: Hello\npreheader: One question\n---\n# One\n\n## Two\n\n### Three\n\nA **strong** and *soft* word, \
                `code` and [a link](https://acme.example/x).\n\n![A shoe](https://acme.example/shoe.png \"200\")\n\n[A button](https://acme.example/y)\n\n- [First](https://acme.example/1)\n\
                - [Second](https://acme.example/2)\n\n* [1](https://acme.example/1)\n* [2](https://acme.example/2)\n\n1. one\n2. two\n\n> said\n\n    code\n\n---\n\nBye.\n";
    let mail = Mail::parse(&Source::new("workflows/w/hello.mail.md", text), &mut findings).expect("a mail");
    let program = Locale::english();
    let layout = Layout::parse(&shipped("layout.mail.html"), &shipped("layout.mail.txt"), &program, &mut findings)
        .expect("a layout");
    let s = surroundings();
    let request = Request {
        context: &json!({}),
        locale: &program,
        person: &s.person,
        sender: &s.sender,
        program: &s.program,
        imprint: &s.imprint,
        topic: &s.topic,
        links: &s.links,
        reason: Some("you joined as a partner"),
    };
    let made = render(&mail, &layout, &request).expect("a mail that comes out");
    assert!(made.html.contains("<h3 ") && made.html.contains("class=\"button\""), "{}", made.html);
    assert_eq!(told(LAYOUT, &made.html, &Client::ALL), Vec::<String>::new());
}

#[test]
fn a_style_is_told_with_the_clients_that_lack_it() {
    check(
        "<div style=\"display:flex;gap: 8px\">a</div>",
        &[
            "R0462 display:flex | `display:flex` is not known to Outlook on Windows",
            "R0462 gap: 8px | `gap` is not known to Outlook on Windows, Yahoo Mail",
        ],
    );
    check(
        "<style>.a { color: var(--ink); width: calc(100% - 2px) }</style>",
        &[
            "R0462 color: var(--ink) | `var()` is not known to Outlook on Windows, Gmail, Yahoo Mail",
            "R0462 width: calc(100% - 2px) | `calc()` is not known to Outlook on Windows, Yahoo Mail",
        ],
    );
    assert_eq!(
        told(LAYOUT, "<p style=\"display:grid\">a</p>", &[Client::Gmail, Client::AppleMail]),
        Vec::<String>::new()
    );
    // Outlook reads neither what is for others nor rules for a size of window.
    check("<!--[if !mso]><!--><div style=\"display:flex\">a</div><!--<![endif]-->", &[]);
    check("<style>@media (max-width: 600px) { .a { display: flex } }</style>", &[]);
    check("<p style=\"opacity:1;float:none;margin:0 auto\">a</p>", &[]);
}

#[test]
fn what_no_client_shows_is_an_error() {
    check(
        "<script>x</script>",
        &["R0465! <script> | `<script>` is taken out by Outlook on Windows, Gmail, Apple Mail, Yahoo Mail"],
    );
    check(
        "<video src=\"https://acme.example/x.mp4\"></video>",
        &[
            "R0465 <video src=\"https://acme.example/x.mp4\"> | `<video>` is taken out by Outlook on Windows, Gmail, Yahoo Mail",
        ],
    );
    assert_eq!(
        told(LAYOUT, "<style>@import url(https://acme.example/x.css);</style>", &[Client::Gmail]),
        ["R0465! @import | `@import` is taken out by Gmail"]
    );
}

#[test]
fn an_image_needs_words_and_a_width() {
    check("<img src=\"https://acme.example/x.png\" alt=\"A shoe\" width=\"200\">", &[]);
    let image = "<img src=\"https://acme.example/x.webp\">";
    check(
        image,
        &[
            &format!("R0463 {image} | an image without `alt`"),
            &format!("R0463 {image} | an image without `width`"),
            "R0462 src=\"https://acme.example/x.webp | `.webp` is not known to Outlook on Windows",
        ],
    );
}

#[test]
fn an_image_in_markdown_says_how_wide_it_is_behind_its_address() {
    let mail = |image: &str| {
        let text = format!("---\nsubject: Hello\n---\nNew: {image}\n");
        told("workflows/w/hello.mail.md", &text, &Client::ALL)
    };
    for width in ["200", "200px", "1", "600", " 200 px ", "{{width}}"] {
        assert_eq!(
            mail(&format!("![A shoe](https://acme.example/x.png \"{width}\")")),
            Vec::<String>::new(),
            "{width}"
        );
    }
    let image = "![A shoe]({{image}})";
    assert_eq!(mail(image), [format!("R0463 {image} | an image without a width")]);
    for other in ["0", "601", "99999", "+20", "20%", "A red shoe"] {
        let image = format!("![A shoe](https://acme.example/x.png \"{other}\")");
        assert_eq!(mail(&image), [format!("R0463 {image} | `{other}` is no width of an image")]);
    }
    let text = "---\nsubject: Hello\n---\n![A shoe](https://acme.example/x.png)\n";
    assert_eq!(told("workflows/w/hello.mail.md", text, &[Client::Gmail]), Vec::<String>::new());
}

#[test]
fn letters_must_be_seen_on_what_is_behind_them_in_the_dark_too() {
    check("<td style=\"background-color:#fff;color:#333\">a</td>", &[]);
    check(
        "<td style=\"background-color:#fff\"><p style=\"color:#999999\">a</p></td>",
        &["R0466 <p style=\"color:#999999\"> | text in #999999 on #ffffff has a contrast of 2.8 to 1"],
    );
    let dark = |rule: &str| {
        format!(
            "<style>@media (prefers-color-scheme: dark) {{ .card {{ background-color: #111111 !important }} {rule} }}</style>\
             <td class=\"card\" style=\"background-color:#ffffff\"><h1 style=\"color:#222222\">a</h1></td>"
        )
    };
    let told =
        "R0466 <h1 style=\"color:#222222\"> | in dark mode text in #222222 on #111111 has a contrast of 1.2 to 1";
    check(&dark(""), &[told]);
    check(&dark(".card h1 { color: #eeeeee }"), &[told]);
    check(&dark(".card h1 { color: #eeeeee !important }"), &[]);
    check(&dark(".card p { color: #eeeeee !important }"), &[told]);
    let image = "<td style=\"background-image:url('https://acme.example/x.png')\">";
    check(
        &format!("{image}a</td>"),
        &[&format!("R0466 {image} | an image behind text without a colour behind the image")],
    );
    check("<td bgcolor=\"#ffffff\" background=\"https://acme.example/x.png\">a</td>", &[]);
}

#[test]
fn letters_and_lines_are_large_enough_for_a_phone() {
    check("<p style=\"font-size:11px\">a</p>", &["R0467 font-size:11px | text of `11px` is small on a phone"]);
    check("<p style=\"font-size:9pt\">a</p>", &["R0467 font-size:9pt | text of `9pt` is small on a phone"]);
    check(
        "<p style=\"font-size:16px;line-height:16px\">a</p>",
        &["R0467 line-height:16px | lines 1.0 times as high as the letters stand too near to each other"],
    );
    for right in ["font-size:14px;line-height:1.4", "font-size:0", "display:none;font-size:1px", "font-size:120%"] {
        check(&format!("<p style=\"{right}\">a</p>"), &[]);
    }
}

#[test]
fn links_of_every_kind_of_file_are_looked_at() {
    let mail = |body: &str| format!("---\nsubject: Hello\n---\n{body}\n");
    let insecure = "a link without https";
    assert_eq!(
        told("workflows/w/hello.mail.md", &mail("See [this](http://acme.example)."), &Client::ALL),
        [format!("R0469 [this](http://acme.example) | {insecure}")]
    );
    assert_eq!(
        told(
            "workflows/w/hello.mail.mjml",
            &mail("<mj-button href=\"http://acme.example\">Go</mj-button>"),
            &Client::ALL
        ),
        [format!("R0469 href=\"http://acme.example | {insecure}")]
    );
    check(
        "<p><a href=\"https://other.example/x\">acme.<b>example</b></a></p>",
        &["R0469 href=\"https://other.example/x | the link says `acme.example` and leads to `other.example`"],
    );
    for value in
        ["[acme.example]({{event.url}})", "[{{event.title}}](https://acme.example)", "<https://acme.example/x>"]
    {
        assert_eq!(told("workflows/w/hello.mail.md", &mail(value), &Client::ALL), Vec::<String>::new(), "{value}");
    }
}

#[test]
fn what_mjml_says_in_attributes_is_a_style() {
    let mail = |body: &str| format!("---\nsubject: Hello\n---\n<mjml><mj-body>{body}</mj-body></mjml>\n");
    let told = |body: &str| told("workflows/w/hello.mail.mjml", &mail(body), &Client::ALL);
    assert_eq!(
        told("<mj-section background-color=\"#000000\"><mj-text>a</mj-text></mj-section>"),
        ["R0466 <mj-text> | text in #000000 on #000000 has a contrast of 1.0 to 1"]
    );
    assert_eq!(
        told("<mj-text font-size=\"12px\">a</mj-text>"),
        ["R0467 font-size=\"12px | text of `12px` is small on a phone"]
    );
    assert_eq!(told("<mj-button href=\"https://acme.example\">Go</mj-button>"), Vec::<String>::new());
}

proptest::proptest! {
    #[test]
    fn any_text_is_looked_at(text in "[<>a-z{}!/=;:#\"'() é@.-]{0,120}") {
        for path in [LAYOUT, "workflows/w/hello.mail.mjml", "workflows/w/hello.mail.md"] {
            let _ = told(path, &text, &Client::ALL);
            let _ = told(path, &format!("<style>{text}</style><p style=\"{text}\">{text}"), &Client::ALL);
        }
    }
}
