//! Conditions as written in YAML, their explanations, and texts with names.

mod world;

use rapport_rule::expr::{Condition, Scope, Template, Truth, Value, blocks_unless, holds_if};
use rapport_rule::{Findings, Source, Span, yaml};
use world::{World, Worth};

fn condition(text: &str) -> Result<Condition, String> {
    let source = Source::new("w.yaml", text);
    let mut findings = Findings::new();
    let compiled = yaml::parse(&source, &mut findings)
        .and_then(|node| Condition::from_node(&node, &source.path, &World, &mut findings));
    if findings.is_empty() {
        return compiled.ok_or_else(|| "none without a finding".to_owned());
    }
    let one = |finding: &rapport_rule::Finding| {
        format!("{} at `{}`: {}", finding.code, finding.span.map_or("", |span| source.slice(span)), finding.message)
    };
    Err(findings.iter().map(one).collect::<Vec<_>>().join("\n"))
}

#[track_caller]
fn explains(text: &str, worth: &str, expected: &str) {
    let condition = condition(text).unwrap_or_else(|findings| panic!("{text}: {findings}"));
    let scope = Worth::of(worth);
    let line = |clause: rapport_rule::expr::Clause| {
        let seen: Vec<String> = clause.seen.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let seen = if seen.is_empty() { String::new() } else { format!(" ({})", seen.join(", ")) };
        format!("{}{} {}{seen}", "  ".repeat(clause.depth), clause.truth.sign(), clause.text)
    };
    let lines: Vec<String> = condition.explain(&scope).into_iter().map(line).collect();
    let shown = format!("{}: {}", condition.judge(&scope).sign(), lines.join("; "));
    assert_eq!(shown, expected, "{text} with {worth}");
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    assert_eq!(condition(text).map(|condition| condition.to_string()), Err(expected.to_owned()), "{text}");
}

/// Knows why one name is missing.
struct Unheard(Worth);

impl Scope for Unheard {
    fn value(&self, path: &str) -> Value {
        self.0.value(path)
    }

    fn why_missing(&self, path: &str) -> Option<&'static str> {
        (path == "revenue_28d_before").then_some("before rapport listened")
    }
}

#[test]
fn an_explanation_says_why_a_value_is_missing_where_that_is_known() {
    let condition = condition("[revenue_28d > revenue_28d_before, average > 3]").unwrap();
    let seen = |worth: &str| -> Vec<(String, String)> {
        condition.explain(&Unheard(Worth::of(worth))).into_iter().flat_map(|clause| clause.seen).collect()
    };
    let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        seen("revenue_28d=14 EUR"),
        [
            named("revenue_28d", "14.00 EUR"),
            named("revenue_28d_before", "?: before rapport listened"),
            named("average", "?")
        ]
    );
    // What is there needs no reason.
    let known = seen("revenue_28d=14 EUR, revenue_28d_before=10 EUR");
    assert_eq!(known.get(1), Some(&named("revenue_28d_before", "10.00 EUR")));
}

#[test]
fn a_list_is_and_any_is_or_and_each_clause_answers_for_itself() {
    let shipped =
        "[conversions_total >= 1, { any: [event.kind == \"silence.conversions\", event.drop_percent >= 40] }]";
    explains(
        shipped,
        "conversions_total=214, event.kind=dip.conversions, event.drop_percent=31%",
        "✗: ✓ conversions_total >= 1 (conversions_total 214); ✗ any;   ✗ event.kind == \"silence.conversions\" (event.kind dip.conversions);   ✗ event.drop_percent >= 40 (event.drop_percent 31)",
    );
    explains(
        shipped,
        "conversions_total=214, event.kind=silence.conversions",
        "✓: ✓ conversions_total >= 1 (conversions_total 214); ✓ any;   ✓ event.kind == \"silence.conversions\" (event.kind silence.conversions);   ? event.drop_percent >= 40 (event.drop_percent ?)",
    );
    explains("not: conversions_total >= 1", "", "?: ? not;   ? conversions_total >= 1 (conversions_total ?)");
    explains("payouts_overdue > 0", "payouts_overdue=0", "✗: ✗ payouts_overdue > 0 (payouts_overdue 0)");
}

#[test]
fn if_needs_yes_and_unless_blocks_on_unknown() {
    let asks = condition("conversions_total >= 1").unwrap();
    for (worth, holds, blocks) in
        [("conversions_total=1", true, true), ("conversions_total=0", false, false), ("", false, true)]
    {
        let scope = Worth::of(worth);
        assert_eq!((holds_if(Some(&asks), &scope), blocks_unless(Some(&asks), &scope)), (holds, blocks), "{worth}");
    }
    assert!(holds_if(None, &Worth::of("")) && !blocks_unless(None, &Worth::of("")));
}

#[test]
fn all_findings_of_a_condition_are_shown_at_their_places() {
    refused(
        "[zebra > 1, { any: [partner.helth.score < 5, group == \"vop\"] }]",
        "R0201 at `zebra`: there is no `zebra`\nR0201 at `helth`: partner has no field `helth`\nR0214 at `\"vop\"`: `group` is never \"vop\"",
    );
    refused("'group == \"vop\"'", "R0214 at `\"vop\"`: `group` is never \"vop\"");
    // With an escape in it, a place in the text is no place in the file: all of it is marked.
    refused("\"group == \\\"vop\\\"\"", "R0214 at `\"group == \\\"vop\\\"\"`: `group` is never \"vop\"");
    refused("conversions_90d", "R0205 at `conversions_90d`: a condition is true or false, this is a count");
    refused("[]", "R0206 at `[]`: there is no condition here");
    refused("{ any: [] }", "R0206 at `[]`: there is no condition here");
    refused("~", "R0206 at `~`: there is no condition here");
    refused("3", "R0205 at `3`: a condition is true or false, this is a number");
    refused("true", "R0217 at `true`: this is always true");
    refused("{ ayn: [segment.never_sold] }", "R0101 at `ayn`: unknown key `ayn`");
    refused(
        "{ any: [segment.never_sold], not: segment.never_sold }",
        "R0208 at `{ any: [segment.never_sold], not: segment.never_sold }`: `any` and `not` stand in one map",
    );
}

#[test]
fn conditions_that_can_never_all_hold_are_found() {
    let never = |text: &str, at: &str| {
        refused(text, &format!("R0219 at `{at}`: these conditions can never all hold"));
    };
    never("[group == \"vip\", group == \"core\"]", "group == \"core\"");
    never("[conversions_90d > 5, conversions_90d < 3]", "conversions_90d < 3");
    never("[segment.never_sold, conversions_90d > 5, 3 > conversions_90d]", "3 > conversions_90d");
    never("[conversions_90d > 2, conversions_90d < 3]", "conversions_90d < 3");
    never("[conversions_90d < 1, conversions_90d != 0]", "conversions_90d != 0");
    never("[average > 2.5, average <= 2.5]", "average <= 2.5");
    never("[event.drop_percent >= 40, not: event.drop_percent > 30]", "not: event.drop_percent > 30");
    never("[revenue_28d > money(\"9 EUR\"), revenue_28d < money(\"8 EUR\")]", "revenue_28d < money(\"8 EUR\")");
    never(
        "[partner.contract_ends > date(\"2026-03-01\"), partner.contract_ends == date(\"2026-02-01\")]",
        "partner.contract_ends == date(\"2026-02-01\")",
    );
    never(
        "[partner.country == \"NO\", 'partner.country in [\"SE\", \"DK\"]']",
        "'partner.country in [\"SE\", \"DK\"]'",
    );
    never("[segment.never_sold, not: segment.never_sold]", "not: segment.never_sold");
    never("[group != \"vip\", group != \"core\", group != \"quiet\"]", "group != \"quiet\"");
    never(
        "[{ any: [event.new_customer, segment.never_sold] }, not: event.new_customer, not: segment.never_sold, not: { any: [event.new_customer, segment.never_sold] }]",
        "not: { any: [event.new_customer, segment.never_sold] }",
    );
    never(
        "[segment.never_sold, [conversions_90d > 5, revenue_28d > money(\"1 EUR\")], conversions_90d == 2]",
        "conversions_90d == 2",
    );
}

#[test]
fn conditions_that_can_all_hold_are_let_through() {
    for text in [
        "[group != \"vip\", group != \"core\"]",
        "[conversions_90d > 2, conversions_90d < 4]",
        "[average > 2, average < 3]",
        "[conversions_90d >= 3, conversions_90d <= 3]",
        "[balance < money(\"0 EUR\"), balance > money(\"-5 EUR\")]",
        // Nobody knows the rate.
        "[revenue_28d > money(\"9 EUR\"), revenue_28d < money(\"8 USD\")]",
        "[conversions_90d > 5, conversions_total < 3]",
        "{ any: [group == \"vip\", group == \"core\"] }",
        "['partner.country in [\"NO\", \"SE\"]', partner.country != \"NO\"]",
        "['\"a\" in partner.tags', '\"b\" in partner.tags']",
        "[conversions_90d > payouts_overdue, conversions_90d < links_created_total]",
    ] {
        if let Err(findings) = condition(text) {
            panic!("{text}: {findings}");
        }
    }
}

#[test]
fn what_follows_from_a_condition_is_known() {
    let follows = |condition_: &str, other: &str| condition(condition_).unwrap().implies(&condition(other).unwrap());
    assert!(follows("conversions_90d >= 5", "conversions_90d > 2"));
    assert!(follows("[segment.never_sold, conversions_90d > 2]", "segment.never_sold"));
    assert!(follows("segment.never_sold", "{ any: [event.new_customer, segment.never_sold] }"));
    assert!(follows("[segment.never_sold, event.new_customer]", "[segment.never_sold, event.new_customer]"));
    assert!(follows("group == \"vip\"", "group != \"core\""));
    assert!(follows("event.has_category(\"shoes\")", "event.has_category(\"shoes\")"));
    assert!(!follows("conversions_90d > 2", "conversions_90d >= 5"));
    assert!(!follows("segment.never_sold", "[segment.never_sold, event.new_customer]"));
    assert!(!follows("{ any: [event.new_customer, segment.never_sold] }", "segment.never_sold"));
    assert!(!follows("event.has_category(\"shoes\")", "event.has_category(\"hats\")"));
    // Of what contradicts itself anything would follow; that is said elsewhere.
    assert!(!follows("segment.never_sold", "conversions_90d > 2"));
}

#[test]
fn an_expression_that_yaml_cut_is_recognised() {
    refused("event.has_category(\"a: b\")", "R0207 at `event.has_category(\"a`: YAML has cut this expression in two");
    refused("group == \"a #b\"", "R0202 at `\"a`: the text is not closed");
    let cut = condition("[event.has_category(\"a, b\")]").unwrap_err();
    assert!(cut.starts_with("R0202 at `\"a`: the text is not closed"), "{cut}");
}

fn template(text: &str) -> Result<Template, String> {
    let mut findings = Findings::new();
    let compiled = Template::compile(text, Span::new(0, text.len()), "w.yaml", &World, &mut findings);
    let one = |finding: &rapport_rule::Finding| {
        let place = finding.span.and_then(|span| text.get(span.start..span.end)).unwrap_or("?");
        format!("{} at `{place}`: {}", finding.code, finding.message)
    };
    compiled.ok_or_else(|| findings.iter().map(one).collect::<Vec<_>>().join("\n"))
}

#[track_caller]
fn check_template(text: &str, worth: &str, expected: &str) {
    let shown = match template(text) {
        Ok(template) => template.render(&Worth::of(worth)),
        Err(findings) => findings,
    };
    assert_eq!(shown, expected, "{text}");
}

#[test]
fn an_exclamation_mark_without_quotes_is_one_finding_where_it_stands() {
    for text in ["!segment.never_sold", "[conversions_90d > 1, !segment.never_sold]", "!segment.never_sold # new ones"]
    {
        refused(text, "R0004 at `!segment.never_sold`: `!` begins a tag in YAML");
    }
    refused("not: !segment.never_sold\n", "R0004 at `!segment.never_sold`: `!` begins a tag in YAML");
    refused("!segment.never_sold == false", "R0004 at `!segment.never_sold == false`: `!` begins a tag in YAML");
}

#[test]
fn texts_take_values_in() {
    check_template("{{partner.name}} has had no click", "partner.name=Ada", "Ada has had no click");
    check_template(
        "{{ partner.name }}: {{event.drop_percent}} %",
        "partner.name=Åsa, event.drop_percent=31%",
        "Åsa: 31 %",
    );
    check_template("Hi {{partner.name}}!", "", "Hi !");
    check_template("plain, with } and {", "", "plain, with } and {");
    check_template("", "", "");
}

#[test]
fn texts_that_cannot_work_are_refused() {
    check_template("ö {{partner.nam}}", "", "R0201 at `nam`: partner has no field `nam`");
    check_template("{{partner.name", "", "R0220 at `{{`: `{{` is not closed");
    check_template("partner.name}}", "", "R0220 at `}}`: `}}` closes nothing");
    check_template("{{}}", "", "R0220 at ``: there is no name between {{ and }}");
    check_template(
        "{{fallback partner.name}}",
        "",
        "R0220 at `fallback partner.name`: `fallback partner.name` is no name between {{ and }}",
    );
    check_template("partner.name", "", "R0216 at `partner.name`: `partner.name` is a name, but stands here as a text");
    check_template(
        "{{zebra}} and {{yak}}",
        "",
        "R0201 at `zebra`: there is no `zebra`\nR0201 at `yak`: there is no `yak`",
    );
}

#[test]
fn personal_names_stay_for_those_who_know_them() {
    let text = template("Call {{partner.name}} in {{ partner.country }}").unwrap();
    let kept = text.render_keeping(&Worth::of("partner.country=NO"), &|name| name == "partner.name");
    assert_eq!(kept, "Call {{partner.name}} in NO");
    assert_eq!(text.names(), ["partner.name", "partner.country"]);
}

#[test]
fn a_templated_name_of_a_closed_set_has_its_expansions() {
    let name = template("{{event.name}}-{{group}}").unwrap();
    let all = name.expansions(100).unwrap();
    assert_eq!(all.len(), 6);
    assert!(all.contains(&"anniversary-vip".to_owned()));
    assert_eq!(name.expansions(5), None);
    assert_eq!(template("{{partner.name}}").unwrap().expansions(5), None);
    assert_eq!(Template::literal("x").expansions(5), Some(vec!["x".to_owned()]));
    assert_eq!(template("{{event.name}}").unwrap().as_name(), Some("event.name"));
}

#[test]
fn judgement_and_value_of_a_missing_answer_agree() {
    let asks = condition("event.new_customer").unwrap();
    assert_eq!(asks.judge(&Worth::of("")), Truth::Unknown);
    assert_eq!(Value::from(Truth::Unknown), Value::Missing);
}
