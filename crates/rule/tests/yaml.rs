//! What YAML is read, refused and complained about, and where.

use rapport_rule::yaml::{self, Fields, Node, Value};
use rapport_rule::{Findings, Source};

/// The tree in one line, or all findings with the text they point at.
fn read(text: &str) -> String {
    let source = Source::new("w.yaml", text);
    let mut findings = Findings::new();
    let tree = yaml::parse(&source, &mut findings);
    if findings.is_empty() {
        return tree.map_or_else(|| "nothing".to_owned(), |node| shown(&node));
    }
    shown_findings(&findings, &source)
}

fn shown_findings(findings: &Findings, source: &Source) -> String {
    let one = |finding: &rapport_rule::Finding| {
        let place = finding.span.map_or_else(
            || "the file".to_owned(),
            |span| {
                let (line, column) = source.line_column(span.start);
                format!("{line}:{column} `{}`", source.slice(span))
            },
        );
        let label = finding.label.as_deref().map(|label| format!(" | {label}")).unwrap_or_default();
        format!("{} at {place}: {}{label}", finding.code, finding.message)
    };
    findings.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn shown(node: &Node) -> String {
    match &node.value {
        Value::Null => "~".into(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::String(value) => format!("{value:?}"),
        Value::Seq(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entry = |(key, node): &(yaml::Key, Node)| format!("{}: {}", key.text, shown(node));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(read(text), expected, "{text}");
}

#[test]
fn values_follow_the_core_schema() {
    check(
        "a: 1\nb: -2\nc: 1.5\nd: 1e3\ne: true\nf: ~\ng:\nh: yes\ni: 2026-10-01\nj: 1.2.3",
        "{a: 1, b: -2, c: 1.5, d: 1000.0, e: true, f: ~, g: ~, h: \"yes\", i: \"2026-10-01\", j: \"1.2.3\"}",
    );
    check(
        "a: '1'\nb: \"true\"\nc: |\n  x\n  y\nd: 0x1f\ne: .inf\nf: 99999999999999999999",
        "{a: \"1\", b: \"true\", c: \"x\\ny\\n\", d: \"0x1f\", e: \".inf\", f: \"99999999999999999999\"}",
    );
    check("", "nothing");
    check("# only a remark\n", "nothing");
    check("\u{feff}a: 1", "{a: 1}");
}

#[test]
fn the_shipped_style_reads_as_meant() {
    check(
        "if: [conversions_total >= 1, { any: [event.kind == \"silence.conversions\", event.drop_percent >= 40] }]",
        "{if: [\"conversions_total >= 1\", {any: [\"event.kind == \\\"silence.conversions\\\"\", \"event.drop_percent >= 40\"]}]}",
    );
    check(
        "- wait: { for: 3 weeks, then_at: \"10:00\", on_days: weekdays }",
        "[{wait: {for: \"3 weeks\", then_at: \"10:00\", on_days: \"weekdays\"}}]",
    );
    check("with: { top_product: \"{{partner.top_product}}\" }", "{with: {top_product: \"{{partner.top_product}}\"}}");
    check("top_share: 80% of revenue_90d", "{top_share: \"80% of revenue_90d\"}");
}

#[test]
fn what_surprises_people_is_refused() {
    check(
        "a: &x 1\nb: *x",
        "R0003 at 1:7 `1`: `&` names a value for reuse in YAML | write the value out, or quote the text\nR0003 at 2:4 `*x`: `*` stands for something else in YAML | quote the text, or write the value out",
    );
    check(
        "if: !partner.blocked",
        "R0004 at 1:5 `!partner.blocked`: `!` begins a tag in YAML | quote the whole expression, or use `not:` or `unless:`",
    );
    check("<<: { a: 1 }", "R0003 at 1:1 `<<`: `<<` merges maps in YAML | write the keys out");
    check(
        "a: 1\n---\nb: 2",
        "R0009 at 2:1 `---`: a second document begins here | one file, one document: remove the `---`",
    );
    check(
        "once: 1\nwhen: 2\nonce: 3",
        "R0007 at 3:1 `once`: the key `once` is here twice | it stands already on line 1",
    );
    check(
        "on: x",
        "R0010 at 1:1 `on`: older YAML tools read the key `on` as true or false | write \"on\" in quotes, or another key",
    );
    check(
        "text: {{name}}: 1",
        "R0008 at 1:8 `{name}`: a key must be a text
R0002 at 1:15 `:`: this is no YAML | mapping values are not allowed in this context",
    );
    check("a: \u{7}", "R0001 at 1:4 `\u{7}`: the character U+0007 may not stand in a file");
}

#[test]
fn tags_and_aliases_that_yaml_cannot_resolve_are_told_apart_from_other_errors() {
    for (text, code) in [
        ("if: !(a == b)", "R0004"),
        ("if: !a && b", "R0004"),
        ("a: *b", "R0003"),
        ("- [*b, c]", "R0003"),
        ("a: !x!y z", "R0004"),
    ] {
        assert!(read(text).starts_with(code), "{text}: {}", read(text));
    }
}

#[test]
fn braces_without_quotes_are_no_key() {
    check("text: {{name}}", "R0008 at 1:8 `{name}`: a key must be a text");
}

#[test]
fn a_syntax_error_has_its_place() {
    let places =
        [("a: [1, 2", "1:8"), ("a: \"x", "1:4"), ("a: 1\n b: 2", "2:3"), ("a:\n\t- b", "2:2"), ("ä: \"ö\" ü", "1:8")];
    for (text, place) in places {
        let found = read(text);
        assert!(found.starts_with(&format!("R0002 at {place} ")), "{text:?}: {found}");
    }
}

#[test]
fn depth_size_and_number_have_their_limits() {
    let deep = "[".repeat(65) + &"]".repeat(65);
    assert!(read(&deep).starts_with("R0005"), "{}", read(&deep));
    assert!(read(&"[".repeat(500_000)).starts_with("R0005"));
    assert!(read(&"a: x\n".repeat(300_000)).starts_with("R0006"));
    assert!(read(&"- 1\n".repeat(200_000)).starts_with("R0006"));
    assert!(!read(&("[".repeat(60) + &"]".repeat(60))).starts_with('R'));
}

#[test]
fn places_are_exact_behind_many_byte_characters() {
    let text =
        "über: \"Grüße €\"\nliste:\n  - 'ein Text'\n  - zwei   # und Schluss\nblock: |\n  日本\nende: [a, {b: ü}]\n";
    let source = Source::new("w.yaml", text);
    let mut findings = Findings::new();
    let tree = yaml::parse(&source, &mut findings).unwrap();
    let place = |key: &str| source.slice(tree.get(key).unwrap().span).to_owned();
    assert_eq!(place("über"), "\"Grüße €\"");
    assert_eq!(source.slice(tree.get("über").unwrap().text_span()), "Grüße €");
    let items = tree.get("liste").unwrap().as_seq().unwrap();
    assert_eq!(items.iter().map(|item| source.slice(item.span)).collect::<Vec<_>>(), ["'ein Text'", "zwei"]);
    assert_eq!(place("ende"), "[a, {b: ü}]");
    assert!(place("block").contains("日本"), "{}", place("block"));
    assert_eq!(source.slice(tree.as_map().unwrap()[0].0.span), "über");
}

/// Reads the keys of a step and shows what came out, or the findings.
fn fields(text: &str) -> String {
    let source = Source::new("w.yaml", text);
    let mut findings = Findings::new();
    let tree = yaml::parse(&source, &mut findings).unwrap();
    let path = source.path.as_str();
    let mut out = Vec::new();
    if let Some(fields) = Fields::of(&tree, path, &mut findings) {
        if let Some(node) = fields.require("wait", &mut findings) {
            out.push(format!("{:?}", node.length(path, &mut findings)));
        }
        out.extend(fields.take("at").map(|node| format!("{:?}", node.clock_time(path, &mut findings))));
        out.extend(fields.take("share").map(|node| format!("{:?}", node.percent(path, &mut findings))));
        out.extend(fields.take("value").map(|node| format!("{:?}", node.money(path, &mut findings))));
        out.extend(fields.take("from").map(|node| format!("{:?}", node.date(path, &mut findings))));
        out.extend(fields.take("mail").map(|node| format!("{:?}", node.name(path, &mut findings))));
        out.extend(fields.take("limit").map(|node| format!("{:?}", node.int(1..=10, path, &mut findings))));
        out.extend(fields.take("service").map(|node| format!("{:?}", node.bool(path, &mut findings))));
        out.extend(fields.take("tags").map(|node| format!("{:?}", node.texts(path, &mut findings))));
        out.extend(
            fields
                .take("kind")
                .map(|node| format!("{:?}", node.one_of(&["marketing", "service"], path, &mut findings))),
        );
        fields.finish(&["about"], &mut findings);
    }
    if findings.is_empty() { out.join(" ") } else { shown_findings(&findings, &source) }
}

#[track_caller]
fn check_fields(text: &str, expected: &str) {
    assert_eq!(fields(text), expected, "{text}");
}

#[test]
fn values_are_read_as_what_is_meant() {
    check_fields(
        "wait: 3 days\nat: \"09:30\"\nshare: 10%\nvalue: 50 EUR\nfrom: 2026-10-01\nmail: first-link\nlimit: 3\nservice: true\nkind: service\ntags: x\nabout: y",
        "Some(Days(3)) Some(09:30:00) Some(10.0) Some(Money { minor: 5000, currency: EUR }) Some(2026-10-01) Some(\"first-link\") Some(3) Some(true) [\"x\"] Some(1)",
    );
}

#[test]
fn values_that_are_something_else_say_what_was_expected() {
    check_fields(
        "wiat: 3 days",
        "R0102 at 1:1 ``: `wait` is missing\nR0101 at 1:1 `wiat`: unknown key `wiat` | did you mean `wait`?",
    );
    check_fields(
        "wait: 3",
        "R0305 at 1:7 `3`: `3` needs a unit | write `3 days`, `3 hours` or `3 weekdays`; no unit is assumed.",
    );
    check_fields("wait: 3 dyas", "R0301 at 1:7 `3 dyas`: `dyas` is no unit of time | did you mean `days`?");
    check_fields(
        "{ wait: 1 day, at: 10:00 }",
        "R0025 at 1:20 `10:00`: the clock time 10:00 needs quotes | write \"10:00\"",
    );
    check_fields("{ wait: 1 day, at: '9:30' }", "R0304 at 1:20 `'9:30'`: `9:30` is no clock time | write \"09:30\"");
    check_fields(
        "{ wait: 1 day, share: 0.1 }",
        "R0302 at 1:23 `0.1`: a percentage is written with its sign, like `40%` | write `10%`; the one scale is 0–100",
    );
    check_fields(
        "{ wait: 1 day, value: 50 }",
        "R0303 at 1:23 `50`: `50` needs a currency, like `100 EUR` | write `50 EUR`; no currency is assumed",
    );
    check_fields(
        "{ wait: 1 day, from: 1.10.2026 }",
        "R0306 at 1:22 `1.10.2026`: `1.10.2026` is no date | write year-month-day, like 2026-10-01",
    );
    check_fields(
        "{ wait: 1 day, mail: First Link }",
        "R0307 at 1:22 `First Link`: `First Link` is no name | write `first-link`",
    );
    check_fields(
        "{ wait: 1 day, limit: 11 }",
        "R0022 at 1:23 `11`: 11 is not possible here | write a whole number from 1 to 10",
    );
    check_fields(
        "{ wait: 1 day, service: yes }",
        "R0023 at 1:25 `yes`: expected true or false, found a text | write `true`",
    );
    check_fields(
        "{ wait: 1 day, tags: [NO, 3] }",
        "R0026 at 1:23 `NO`: older YAML tools read `NO` as true or false | write \"NO\"\nR0021 at 1:27 `3`: expected a text, found a whole number | put it in quotes to make it a text",
    );
    check_fields(
        "{ wait: 1 day, kind: marketting }",
        "R0103 at 1:22 `marketting`: `marketting` is not possible here | did you mean `marketing`?",
    );
    check_fields("[a]", "R0020 at 1:1 `[a]`: expected keys and values, found a list");
}

/// Files made to be slow: a budget or an index stands against each. The test's own time is the alarm; it takes a second.
#[test]
fn many_keys_and_many_findings_do_not_take_quadratic_time() {
    let keys: String = (0..45_000).map(|i| format!("k{i}: {i}\n")).collect();
    let source = Source::new("w.yaml", keys);
    let mut findings = Findings::new();
    let tree = yaml::parse(&source, &mut findings).unwrap();
    assert_eq!(tree.as_map().map(<[_]>::len), Some(45_000));
    Fields::of(&tree, "w.yaml", &mut findings).unwrap().finish(&["when", "once"], &mut findings);
    assert_eq!(findings.len(), 45_000);
    let sources = [source].into_iter().collect();
    assert!(rapport_rule::finding::render::human_all(&findings, &sources).ends_with("45000 errors, 0 warnings\n"));
    assert_eq!(read(&"{}: 1\n".repeat(10_000)).lines().count(), 200, "the reading stops");
}
