//! What a mail looks like once its values are in, and what no value can do to it.

#![allow(clippy::disallowed_methods)] // the files shipped are read from the repository

use std::sync::LazyLock;

use proptest::prelude::*;
use rapport_message::sample::{Surroundings, surroundings};
use rapport_message::{Draft, Layout, Locale, Mail, RenderError, Rendered, Request, render, render_led};
use rapport_rule::{Findings, Source};
use serde_json::{Value as Json, json};

/// Compiled once: the properties below render hundreds of mails.
fn layout() -> Layout {
    static LAYOUT: LazyLock<Layout> = LazyLock::new(read_layout);
    LAYOUT.clone()
}

fn read(name: &str) -> Source {
    let path = format!("{}/../../config/{name}", env!("CARGO_MANIFEST_DIR"));
    Source::new(format!("config/{name}"), std::fs::read_to_string(path).unwrap())
}

fn read_layout() -> Layout {
    let mut findings = Findings::new();
    let layout = Layout::parse(&read("layout.mail.html"), &read("layout.mail.txt"), &Locale::english(), &mut findings);
    layout.unwrap_or_else(|| panic!("{:?}", findings.iter().collect::<Vec<_>>()))
}

fn mail(subject: &str, body: &str) -> Mail {
    let mut findings = Findings::new();
    let text = format!("---\nsubject: '{subject}'\n---\n{body}\n");
    let mail = Mail::parse(&Source::new("workflows/w/hello.mail.md", text), &mut findings);
    mail.unwrap_or_else(|| panic!("{:?}", findings.iter().collect::<Vec<_>>()))
}

fn show(mail: &Mail, layout: &Layout, context: &Json, s: &Surroundings, tag: &str) -> Result<Rendered, RenderError> {
    let request = Request {
        context,
        locale: &Locale::parse(tag).unwrap(),
        person: &s.person,
        sender: &s.sender,
        program: &s.program,
        imprint: &s.imprint,
        topic: &s.topic,
        links: &s.links,
        reason: Some("you are a partner of ours"),
    };
    render(mail, layout, &request)
}

/// The text of a body, without the frame.
fn text(body: &str, context: Json, tag: &str) -> Result<String, RenderError> {
    let rendered = show(&mail("x", body), &layout(), &context, &surroundings(), tag)?;
    Ok(rendered.text.split("\n\nInes Dahl\n").next().unwrap_or_default().to_owned())
}

#[track_caller]
fn check(body: &str, context: Json, expected: &str) {
    assert_eq!(text(body, context, "en").as_deref(), Ok(expected));
}

#[test]
fn the_text_is_complete_and_readable() {
    check(
        "# Hello\n\nSee [the terms](https://a.example/t) or <https://a.example/u>.",
        json!({}),
        "Hello\n\nSee the terms (https://a.example/t) or https://a.example/u.",
    );
    check("[Go there](https://a.example/x)", json!({}), "Go there:\nhttps://a.example/x");
    check("- one\n- [two](https://a.example/2)", json!({}), "- one\n- two\n  https://a.example/2");
    check("1. a\n2. b\n\n> quoted\n> twice", json!({}), "1. a\n2. b\n\n> quoted twice");
    check(
        "{{#each products}}\n- {{title}}, {{money price}}\n{{/each}}",
        json!({"products": [{"title": "A *1*", "price": {"minor": 4200, "currency": "EUR"}}, {"title": "B", "price": {"minor": 150, "currency": "EUR"}}]}),
        "- A *1*, €42\n- B, €1.50",
    );
    check("a\\\nb", json!({}), "a\nb");
}

#[test]
fn what_is_nested_deeper_than_anybody_reads_is_flattened() {
    for deep in ["> ".repeat(3000), "*_".repeat(3000), "- ".repeat(3000), "[".repeat(3000)] {
        assert!(text(&format!("{deep}word"), json!({}), "en").unwrap().contains("word"));
    }
}

#[test]
fn what_only_the_frames_html_links_to_stands_in_the_text_too() {
    let frame = |link: &str| {
        let (html, text) = (read("layout.mail.html"), read("layout.mail.txt"));
        let html = Source::new(html.path.clone(), html.text.replace("</body>", &format!("<p>{link}</p></body>")));
        let mut findings = Findings::new();
        let layout = Layout::parse(&html, &text, &Locale::english(), &mut findings);
        layout.unwrap_or_else(|| panic!("{:?}", findings.iter().collect::<Vec<_>>()))
    };
    let mail = mail("x", "See [what is new](https://a.example/app/new).");
    let text = |link: &str| show(&mail, &frame(link), &json!({}), &surroundings(), "en").unwrap().text;
    let shipped = show(&mail, &layout(), &json!({}), &surroundings(), "en").unwrap().text;
    for named in
        ["<a href=\"https://a.example/app/new\">New</a>", "<a href=\"mailto:{{imprint.email}}\">Write</a>", "-"]
    {
        assert_eq!(text(named), shipped, "{named}");
    }
    // The beginning of another address is not this one.
    let two =
        "<a class=\"x\" href=\"https://a.example/app\">App</a> <a href=\"https://a.example/?x=1&amp;y=2\">Shop</a>";
    assert_eq!(text(two), format!("{shipped}\nhttps://a.example/app\nhttps://a.example/?x=1&y=2\n"));
}

#[test]
fn an_image_is_as_wide_as_is_said_behind_its_address() {
    let shown =
        |image: &str, context: Json| show(&mail("x", image), &layout(), &context, &surroundings(), "en").unwrap().html;
    let address = "https://a.example/x.png";
    let with = |width: &str| {
        format!("<img src=\"{address}\" alt=\"A shoe\"{width} style=\"max-width:100%;height:auto;border:0\">")
    };
    let html = shown(&format!("![A shoe]({address} \"240px\")"), json!({}));
    assert!(html.contains(&with(" width=\"240\"")), "{html}");
    let html = shown(&format!("![A shoe]({address} \"{{{{n}}}}\")"), json!({ "n": "90" }));
    assert!(html.contains(&with(" width=\"90\"")), "{html}");
    // What is no width is none, and stands nowhere.
    for odd in ["5000", "1\" onload=\"x", "-3", "a"] {
        let html = shown(&format!("![A shoe]({address} \"{{{{n}}}}\")"), json!({ "n": odd }));
        assert!(html.contains(&with("")) && !html.contains("onload"), "{html}");
    }
}

#[test]
fn helpers_speak_the_mails_language() {
    let context = json!({"n": 1234, "m": {"minor": 123450, "currency": "EUR"}, "d": "2026-11-03T00:30:00+01:00[Europe/Oslo]", "one": 1, "b": 1000});
    let body = "{{number n}} {{money m}} {{date d}} {{plural one \"sale\" \"sales\"}} {{plural n \"sale\" \"sales\"}} {{pct_change n b}}";
    assert_eq!(text(body, context.clone(), "en").unwrap(), "1,234 €1,234.50 3 November 2026 sale sales +23%");
    assert_eq!(text(body, context, "de").unwrap(), "1.234 1.234,50\u{a0}€ 3. November 2026 sale sales +23\u{a0}%");
    check("{{fallback a \"there\"}} {{fallback (money b) \"nothing\"}}", json!({"a": null}), "there nothing");
    check("{{#if (eq a \"x\")}}yes{{else}}no{{/if}}{{#if (gt b 3)}}yes{{else}}no{{/if}}", json!({}), "nono");
    check("{{#if (or a b)}}1{{/if}}{{#if (and a b)}}2{{/if}}{{#if (not a)}}3{{/if}}", json!({"a": 1}), "1");
    check("{{fallback (pct_change a b) \"new\"}}", json!({"a": 3, "b": 0}), "new");
}

#[test]
fn a_bar_is_drawn_in_html_and_written_in_text() {
    let bar =
        |percent: f64, tag: &str| text("So far {{progress_bar p width=10}}.", json!({"p": percent}), tag).unwrap();
    assert_eq!(bar(50.0, "en"), "So far [#####-----]\u{a0}50%.");
    assert_eq!(bar(99.9, "de"), "So far [#########-]\u{a0}99\u{a0}%.");
    assert_eq!(bar(0.0, "en"), "So far [----------]\u{a0}0%.");
    assert_eq!(bar(0.5, "en"), "So far [#---------]\u{a0}0%.");
    assert_eq!(bar(1234.0, "en"), "So far [##########]\u{a0}1,234%.");
    assert_eq!(bar(-5.0, "en"), "So far [----------]\u{a0}\u{2212}5%.");
    let body = "Hi\n\n{{progress_bar p width=4}} **{{progress_bar p width=4}}** `{{progress_bar p width=4}}`";
    let mail = mail("Now {{progress_bar p width=4}}", body);
    let shown = show(&mail, &layout(), &json!({"p": 50}), &surroundings(), "en").unwrap();
    assert_eq!(shown.subject, "Now [##--]\u{a0}50%");
    assert_eq!(shown.html.matches("<span role=\"img\" aria-label=\"50%\"").count(), 2, "{}", shown.html);
    assert!(shown.html.contains(">[##--]\u{a0}50%</code>") && shown.html.contains("██</span>"), "{}", shown.html);
    check("{{fallback (progress_bar a) \"none yet\"}}", json!({}), "none yet");
}

#[test]
fn the_best_products_are_a_list_in_which_names_are_names() {
    let best = json!({"partner": {"top_products": ["Rope <b>", "*Tent*", " ", "Axe\n- x", "Lamp"]}});
    check("Yours: {{top_products 3}} and more", best.clone(), "Yours:\n\n- Rope <b>\n- *Tent*\n- Axe - x\n\nand more");
    check(
        "{{#each partner.top_products}}{{this}}, {{/each}}",
        json!({"partner": {"top_products": ["A", "B"]}}),
        "A, B,",
    );
    let shown =
        show(&mail("{{top_products 2}}", "{{top_products 2}}"), &layout(), &best, &surroundings(), "en").unwrap();
    assert_eq!(shown.subject, "Rope <b>, *Tent*");
    assert!(shown.html.contains("Rope &lt;b&gt;</li>") && shown.html.contains(">*Tent*</li>"), "{}", shown.html);
    for none in [json!({}), json!({"partner": {"top_products": []}})] {
        assert_eq!(text("{{top_products 2}}", none.clone(), "en").unwrap_err().code(), "template_missing_value");
        check("{{fallback (top_products 2) \"nothing yet\"}}{{#if partner.top_products}}x{{/if}}", none, "nothing yet");
    }
}

#[test]
fn what_the_programme_sells_most_is_a_list_like_a_partners() {
    let sold = json!({"program": {"hottest_products": ["Rope <b>", "Axe\n- x", "Lamp"], "best_categories": ["*tents*", "ropes"]}});
    check("Sold most: {{hottest_products 2}}", sold.clone(), "Sold most:\n\n- Rope <b>\n- Axe - x");
    check("Of: {{best_categories 5}}", sold.clone(), "Of:\n\n- *tents*\n- ropes");
    let both = mail("{{best_categories 2}}", "{{hottest_products 3}}");
    let shown = show(&both, &layout(), &sold, &surroundings(), "en").unwrap();
    assert_eq!(shown.subject, "*tents*, ropes");
    assert!(shown.html.contains("Rope &lt;b&gt;</li>") && shown.html.contains("Lamp</li>"), "{}", shown.html);
    for none in [json!({}), json!({"program": {"hottest_products": []}})] {
        assert_eq!(text("{{hottest_products 2}}", none.clone(), "en").unwrap_err().code(), "template_missing_value");
        check("{{fallback (hottest_products 2) \"nothing yet\"}}", none, "nothing yet");
    }
}

#[test]
fn what_a_partner_could_use_next_stands_in_its_block_or_something_else_does() {
    let body = "{{#next_resource type=\"tool\"}}[{{title}}]({{url}}), {{about}} for {{@root.who}}{{#if (eq level \"expert\")}}!{{/if}}{{else}}Nothing for {{who}}{{/next_resource}}";
    let tool = json!({ "title": "*Links* & <more>", "url": "https://a.example/l", "about": "In an hour" });
    let context = |slot: &str| json!({ "next_resource": { slot: tool }, "who": "Ada" });
    check(body, context("tool"), "*Links* & <more> (https://a.example/l), In an hour for Ada");
    check(body, context("tool_expert"), "Nothing for Ada");
    check(body, json!({ "who": "Ada", "next_resource": null }), "Nothing for Ada");
    let named = "{{#next_resource as |it|}}{{it.title}}{{/next_resource}}{{#each list}}{{#next_resource}} {{title}}{{@index}}{{/next_resource}}{{/each}}";
    let any = json!({ "next_resource": { "any": { "title": "A" } }, "list": [{ "title": "x" }, { "title": "y" }] });
    check(named, any, "A A0 A1");
    // What a plan lacks is never printed as nothing.
    let bare = json!({ "next_resource": { "any": { "url": "https://a.example/l" } }, "list": [] });
    assert!(matches!(text(named, bare, "en"), Err(RenderError::Missing { .. })));
}

#[test]
fn no_value_passes_for_what_a_helper_made() {
    let bar = "\u{E002}7b22426172223a7b2266756c6c223a312c22706c61636573223a322c227368617265223a2278227d7d\u{E003}";
    let shown = text("{{a}} {{#each b}}{{this}}{{/each}}", json!({"a": bar, "b": [bar]}), "en").unwrap();
    assert!(shown.starts_with("7b22") && !shown.contains(['#', '\u{E002}']), "{shown}");
}

#[test]
fn a_missing_value_is_never_printed_as_nothing() {
    for body in [
        "{{progress_bar a}}",
        "{{top_products 2}}",
        "Hi {{a}},",
        "{{money a}}",
        "{{date a.b}}",
        "{{#each a}}x{{/each}}",
        "{{plural a \"x\" \"y\"}}",
        "{{pct_change a b}}",
    ] {
        for context in [json!({}), json!({"a": null})] {
            let error = text(body, context, "en").unwrap_err();
            assert_eq!(error.code(), "template_missing_value", "{body}: {error}");
        }
    }
    let error = text("ok\n\nHi {{a.b}},", json!({"a": {}}), "en").unwrap_err();
    assert_eq!(error.to_string(), "workflows/w/hello.mail.md: body line 3: `a.b` is missing");
    assert_eq!(
        text("{{money a}}", json!({"a": "secret"}), "en").unwrap_err().to_string(),
        "workflows/w/hello.mail.md: body line 1: `money` needs an amount of money, found a text"
    );
}

#[test]
fn a_value_leads_nowhere_but_where_mails_may_lead() {
    for url in
        ["javascript:alert(1)", "JAVASCRIPT:x", "data:text/html,x", "vbscript:x", "//evil.example", "/x", "https://a b"]
    {
        assert_eq!(
            text("[x]({{url}})", json!({"url": url}), "en").unwrap_err().code(),
            "template_refused_link",
            "{url}"
        );
    }
    check("[x]({{url}})", json!({"url": "https://a.example/?q=(1)&b=\"2\""}), "x:\nhttps://a.example/?q=(1)&b=%222%22");
}

#[test]
fn a_plan_cannot_forge_what_the_mailer_provides() {
    let forged = json!({"links": {"unsubscribe": "https://evil.example"}, "sender": {"name": "Evil"}, "partner": {"name": "Mallory", "email": "m@x.example"}, "reason": "evil"});
    let rendered =
        show(&mail("x", "{{fallback partner.name \"\"}} {{partner.email}}"), &layout(), &forged, &surroundings(), "en")
            .unwrap();
    for text in [&rendered.text, &rendered.html] {
        assert!(!text.to_lowercase().contains("evil") && !text.contains("Mallory") && text.contains("Ada Lovelace"));
    }
}

#[test]
fn planned_figures_of_the_programme_stand_beside_its_name() {
    let planned = json!({"program": {"residual_percent": 5, "name": "Evil"}});
    let rendered = show(
        &mail("x", "{{program.name}}: {{program.residual_percent}} %"),
        &layout(),
        &planned,
        &surroundings(),
        "en",
    );
    let text = rendered.unwrap().text;
    assert!(text.contains(": 5 %") && !text.contains("Evil"), "{text}");
}

#[test]
fn why_a_mail_was_written_is_told_in_the_readers_language_or_not_at_all() {
    let layout = layout();
    let [en, de, at, fr] = ["en", "de", "de-AT", "fr"].map(|tag| Locale::parse(tag).unwrap());
    let reason = |locale, kind, summary| layout.reason(locale, kind, summary);
    let dip = Some("dip.conversions");
    for german in [&de, &at] {
        let told = reason(german, dip, Some("expected 29, saw 20")).unwrap();
        assert!(told.contains("weniger Verkäufe"), "{told}");
        assert_eq!(
            reason(german, Some("chain.link1"), Some("expected 29, saw 20")),
            None,
            "English is no reason in German"
        );
    }
    assert!(reason(&en, dip, Some("expected 29, saw 20")).unwrap().starts_with("fewer of your sales"));
    assert_eq!(reason(&en, Some("chain.link1"), Some("a link was met")).as_deref(), Some("a link was met"));
    assert_eq!(reason(&en, None, Some("")), None);
    assert!(reason(&fr, dip, None).unwrap().starts_with("fewer"), "the programme's words, and its reasons");
    let html = read("layout.mail.html").text.replacen("    dip.revenue: \"zuletzt", "    dip.conversion: \"zuletzt", 1);
    let mut findings = Findings::new();
    let html = Source::new("config/layout.mail.html", html);
    assert!(Layout::parse(&html, &read("layout.mail.txt"), &en, &mut findings).is_none());
    let told: Vec<_> = findings.iter().map(|finding| finding.message.clone()).collect();
    assert_eq!(
        told,
        ["the layout's reasons in de lack `dip.revenue`", "the layout's reasons in en lack `dip.conversion`"]
    );
}

#[test]
fn a_notice_has_no_way_out_and_a_marketing_mail_must() {
    let (mail, layout, mut s) = (mail("x", "Hello"), layout(), surroundings());
    let way_out = s.links.unsubscribe.clone().unwrap();
    let rendered = show(&mail, &layout, &json!({}), &s, "de").unwrap();
    assert!(rendered.html.contains(&way_out) && rendered.text.contains(&way_out));
    assert!(rendered.html.contains("<html lang=\"de\" dir=\"ltr\">") && rendered.text.contains("Keine Mails mehr zu"));
    assert!(rendered.text.contains("because you are a partner of ours") || rendered.text.contains("weil you are"));
    s.links.unsubscribe = None;
    assert_eq!(show(&mail, &layout, &json!({}), &s, "en").unwrap_err().code(), "template_no_way_out");
    s.topic.service = true;
    let notice = show(&mail, &layout, &json!({}), &s, "en").unwrap();
    assert!(!notice.text.contains("No more mails") && !notice.html.contains("No more mails"));
}

#[test]
fn what_clients_would_cut_is_refused() {
    assert_eq!(text("{{a}}", json!({"a": "x".repeat(110_000)}), "en").unwrap_err().code(), "template_too_large");
}

/// The markup without its text: every tag with its attributes.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag)).collect()
}

fn links(html: &str) -> Vec<String> {
    html.match_indices("href=\"")
        .filter_map(|(at, mark)| {
            html.get(at + mark.len()..)?.split_once('"').map(|(url, _)| url.replace("&amp;", "&").replace("&#39;", "'"))
        })
        .collect()
}

const EVERYWHERE: &str = "{{v}}\n\n# {{v}}\n\nHi {{v}}, **{{v}}** and *{{v}}*s `{{v}}` [{{v}}](https://a.example/?q=1)\n\n- {{v}}\n- [{{v}}](https://a.example)\n\n> {{v}}\n\n{{v}}\n===\n\n1. {{v}}";

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::vec(any::<char>(), 1..40).prop_map(|chars| chars.into_iter().collect()),
        "[<>\"'&*_`\\[\\]()!#|~=+.:/\\\\ \r\n\t{}a-z0-9\u{202e}\u{200f}-]{1,60}",
        Just("</td><script>alert(1)</script>".to_owned()),
        Just("{{partner.email}} {{#each x}}".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_value_changes_markup_links_or_lines(value in any_text()) {
        prop_assume!(!rapport_message::escape::clean(&value).is_empty());
        let (mail, layout, mut s) = (mail("{{v}}", EVERYWHERE), layout(), surroundings());
        let tame = show(&mail, &layout, &json!({"v": "Ada"}), &s, "en").unwrap();
        s.person.name = Some(value.clone());
        s.sender.name = format!("I{value}");
        s.sender.role = format!("I{value}");
        let wild = show(&mail, &layout, &json!({"v": value}), &s, "en").unwrap();
        prop_assert_eq!(tags(&tame.html), tags(&wild.html));
        prop_assert_eq!(links(&tame.html), links(&wild.html));
        prop_assert!(!wild.subject.chars().any(char::is_control));
        prop_assert!(!wild.text.chars().any(|c| c.is_control() && c != '\n'));
        let turned = |text: &str| text.contains('\u{202e}');
        prop_assert!(!turned(&wild.html) && !turned(&wild.text));
        for url in links(&wild.html) {
            prop_assert!(wild.text.contains(url.strip_prefix("mailto:").unwrap_or(&url)), "{} is not in the text", url);
        }
        prop_assert!(wild.text.lines().all(|line| line.len() <= 998));
    }

    #[test]
    fn the_same_in_the_same_out(value in "[a-zA-Z ]{1,20}[a-z]") {
        let (mail, layout, s) = (mail("{{v}}", EVERYWHERE), layout(), surroundings());
        let once = show(&mail, &layout, &json!({"v": value}), &s, "en");
        prop_assert_eq!(once, show(&mail, &layout, &json!({"v": value}), &s, "en"));
    }
}

/// The mail with every link led to an address of ours, and which were asked for.
fn led(mail: &Mail, context: &Json) -> (Rendered, Vec<String>) {
    let s = surroundings();
    let request = Request {
        context,
        locale: &Locale::english(),
        person: &s.person,
        sender: &s.sender,
        program: &s.program,
        imprint: &s.imprint,
        topic: &s.topic,
        links: &s.links,
        reason: Some("you are a partner of ours"),
    };
    let mut asked: Vec<String> = Vec::new();
    let rendered = render_led(mail, &layout(), &request, &mut |url: &str| {
        let at = asked.iter().position(|known| known == url).unwrap_or_else(|| {
            asked.push(url.to_owned());
            asked.len() - 1
        });
        Some(format!("https://gate.example/l/{at}x"))
    });
    told_beforehand(mail, &request, &asked);
    (rendered.unwrap(), asked)
}

/// Asked for its links first, a mail tells the same, and is none other for it.
fn told_beforehand(mail: &Mail, request: &Request<'_>, asked: &[String]) {
    let layout = layout();
    let mut draft = Draft::of(mail, &layout, request).unwrap();
    let mut told: Vec<String> = Vec::new();
    let mut tell = |url: &str| {
        if !told.iter().any(|known| known == url) {
            told.push(url.to_owned());
        }
    };
    draft.links(&mut tell).unwrap();
    assert_eq!(told, asked);
    assert_eq!(draft.rendered(&mut |_: &str| None), render(mail, &layout, request));
}

/// In the text an address stands behind its words, where lines break elsewhere.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_link_that_leads_elsewhere_still_reads_as_it_did() {
    let body = "See [the *terms*](https://a.example/t?x=1&y=2) or <https://a.example/u>.\n\n[Go](https://a.example/t?x=1&y=2)\n\n- [one](mailto:a@b.example)";
    let mail = mail("x", body);
    let (rendered, asked) = led(&mail, &json!({}));
    assert_eq!(asked, ["https://a.example/t?x=1&y=2", "https://a.example/u", "mailto:a@b.example"]);
    assert!(rendered.html.contains("href=\"https://gate.example/l/1x\""), "{}", rendered.html);
    assert!(rendered.html.contains(">https://a.example/u</a>"), "{}", rendered.html);
    let text = words(&rendered.text);
    let shown = "See the terms (https://gate.example/l/0x) or https://a.example/u (https://gate.example/l/1x). Go: https://gate.example/l/0x";
    assert!(text.starts_with(shown), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn leading_links_elsewhere_changes_nothing_but_where_they_lead(
        name in "\\PC{0,12}",
        links in proptest::collection::vec(("[a-z]{1,8}", "[a-z0-9/?=&%#.~_-]{0,30}"), 0..5),
    ) {
        let written = links.iter().map(|(word, path)| format!("Hi *{{{{name}}}}* [{word}](<https://a.example/{path}>)\n\n"));
        let mail = mail("x", &format!("{}The end.", written.collect::<String>()));
        let context = json!({ "name": format!("x{name}") });
        let plain = show(&mail, &layout(), &context, &surroundings(), "en").unwrap();
        let (rendered, asked) = led(&mail, &context);
        let (mut html, mut text) = (rendered.html.clone(), words(&rendered.text));
        for (at, url) in asked.iter().enumerate() {
            let ours = format!("https://gate.example/l/{at}x");
            html = html.replace(&ours, &rapport_message::escape::html(url));
            text = text.replace(&ours, url);
        }
        prop_assert_eq!(html, plain.html);
        prop_assert_eq!(text, words(&plain.text));
        prop_assert_eq!((rendered.subject, rendered.preheader), (plain.subject, plain.preheader));
    }
}
