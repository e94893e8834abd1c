//! What expressions are refused, and what the others answer.

mod world;

use rapport_rule::expr::{self, Scope, Truth, Value};
use rapport_rule::finding::fix::{apply, fixes};
use rapport_rule::{Findings, Source, Sources, Span};
use world::{World, Worth};

fn compile(text: &str) -> Result<expr::Expr, String> {
    let mut findings = Findings::new();
    // A stretch of file stands before it, so that places are seen to be moved.
    let span = Span::new(100, 100 + text.len());
    let compiled = expr::compile(text, span, "w.yaml", &World, &mut findings);
    let shown: Vec<String> = findings
        .iter()
        .map(|finding| {
            let span = finding.span.expect("findings in expressions have a place");
            let place = text.get(span.start - 100..span.end - 100).expect("the place is within the expression");
            let label = finding.label.as_deref().map(|label| format!(" | {label}")).unwrap_or_default();
            format!("{} at `{place}`: {}{label}", finding.code, finding.message)
        })
        .collect();
    match compiled {
        Some(compiled) if shown.is_empty() => Ok(compiled),
        Some(_) | None => Err(shown.join("\n")),
    }
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    assert_eq!(compile(text).map(|expr| format!("{:?}", expr.ty())), Err(expected.to_owned()), "{text}");
}

#[track_caller]
fn answers(text: &str, worth: &str, expected: &str) {
    let compiled = compile(text).unwrap_or_else(|findings| panic!("{text}: {findings}"));
    let scope = Worth::of(worth);
    let value = compiled.value(&scope);
    if let Value::Bool(_) = value {
        assert_eq!(Truth::from(value == Value::Bool(true)), compiled.judge(&scope), "value and judgement agree");
    }
    assert_eq!(value.to_string(), expected, "{text} with {worth}");
}

/// What `rapport check --fix` makes of an expression in a file.
#[track_caller]
fn put_right(text: &str, expected: Option<&str>) {
    let sources: Sources = [Source::new("w.yaml", format!("if: {text}\n"))].into_iter().collect();
    let mut findings = Findings::new();
    expr::compile(text, Span::new(4, 4 + text.len()), "w.yaml", &World, &mut findings);
    assert!(!findings.is_empty(), "{text} is right");
    let changed = apply(&fixes(&findings, &sources), &sources).pop().map(|source| source.text);
    assert_eq!(changed, expected.map(|expected| format!("if: {expected}\n")), "{text}");
}

#[test]
fn what_has_one_right_form_is_put_right_and_the_rest_is_left_to_people() {
    put_right("event.drop_percent >= 40%", Some("event.drop_percent >= 40"));
    put_right("group == \"vip\" && share < 2.5%", Some("group == \"vip\" && share < 2.5"));
    put_right("conversions_90d >= 40%", None);
    put_right("event.drop_percent >= 0.4", None);
    put_right("conversions_total = 1", Some("conversions_total == 1"));
    put_right("conversions_total => 1", Some("conversions_total >= 1"));
    put_right("revenue_28d > 100 EUR", Some("revenue_28d > money(\"100 EUR\")"));
    put_right("revenue_28d > money(100 EUR)", Some("revenue_28d > money(\"100 EUR\")"));
    put_right("revenue_28d > money('EUR 100')", Some("revenue_28d > money('100 EUR')"));
    put_right("revenue_28d > money(\"100 eur\")", Some("revenue_28d > money(\"100 EUR\")"));
    put_right("revenue_28d > money(\"1,000 EUR\")", None);
    put_right("revenue_28d > money(\"100 EURO\")", None);
    put_right("revenue_28d > 100", None);
}

#[test]
fn the_shipped_conditions_are_judged() {
    answers("links_created_total == 0", "links_created_total=0", "true");
    answers("conversions_total >= 1", "conversions_total=214", "true");
    answers("event.kind == \"silence.conversions\"", "event.kind=dip.conversions", "false");
    answers("event.drop_percent >= 40", "event.drop_percent=31%", "false");
    answers("payouts_overdue > 0", "payouts_overdue=0", "false");
    answers("group == \"vip\"", "group=vip", "true");
    answers("revenue_28d > 1.3 * revenue_28d_before", "revenue_28d=14 EUR, revenue_28d_before=10 EUR", "true");
    answers("revenue_28d > 1.3 * revenue_28d_before", "revenue_28d=13 EUR, revenue_28d_before=10 EUR", "false");
    answers("revenue_28d >= money(\"100 EUR\")", "revenue_28d=100 EUR", "true");
    answers("event.has_category(\"shoes\")", "event.categories=hats|shoes", "true");
    answers("partner.country in [\"NO\", \"SE\"]", "partner.country=SE", "true");
    answers("partner.country.startsWith(\"N\")", "partner.country=NO", "true");
    answers("\"vip-2024\" in partner.tags", "partner.tags=a|vip-2024", "true");
    answers("partner.tags.contains(\"x\")", "partner.tags=a|b", "false");
    answers("!(segment.never_sold) && conversions_90d % 2 == 0", "segment.never_sold=false, conversions_90d=4", "true");
    answers("average * 2 > 3", "average=1.6", "true");
    answers("10 > conversions_90d", "conversions_90d=9", "true");
}

#[test]
fn units_survive_arithmetic() {
    answers("conversions_90d / 2", "conversions_90d=5", "2.5");
    answers("conversions_90d / payouts_overdue", "conversions_90d=5, payouts_overdue=0", "?");
    answers("revenue_28d - revenue_28d_before", "revenue_28d=14 EUR, revenue_28d_before=10 EUR", "4.00 EUR");
    answers("revenue_28d / 3", "revenue_28d=10 EUR", "3.33 EUR");
    answers("revenue_28d / revenue_28d_before", "revenue_28d=15 EUR, revenue_28d_before=10 EUR", "1.5");
    answers("event.drop_percent + 10", "event.drop_percent=31%", "41");
    answers("2 * event.drop_percent", "event.drop_percent=31%", "62");
    answers("-balance", "balance=-5 EUR", "5.00 EUR");
    answers("2 + 3 * 4", "", "14");
    answers("partner.contract_ends - date(\"2026-01-01\")", "partner.contract_ends=#2026-01-31", "30");
    answers(
        "partner.approved_at + duration(\"2 days\") < instant(\"2026-01-04T00:00:00Z\")",
        "partner.approved_at=@2026-01-01T00:00:00Z",
        "true",
    );
    answers("conversions_90d * 9223372036854775807", "conversions_90d=2", "?");
    answers("-9223372036854775808", "", "-9223372036854775808");
}

#[test]
fn another_currency_converts_at_the_days_rate_or_is_unknown() {
    answers("revenue_28d >= money(\"100 EUR\")", "revenue_28d=1000 NOK", "true");
    answers("revenue_28d >= money(\"100 EUR\")", "revenue_28d=999 NOK", "false");
    answers("revenue_28d >= money(\"100 EUR\")", "revenue_28d=1000 USD", "?");
}

#[test]
fn what_is_missing_is_neither_true_nor_false() {
    answers("conversions_total >= 1", "", "?");
    answers("conversions_total != 1", "", "?");
    answers("!(conversions_total >= 1)", "", "?");
    answers("conversions_total >= 1 && group == \"vip\"", "group=core", "false");
    answers("conversions_total >= 1 && group == \"vip\"", "group=vip", "?");
    answers("conversions_total >= 1 || group == \"vip\"", "group=vip", "true");
    answers("group == \"vip\" || conversions_total >= 1", "group=core", "?");
    answers("partner.country in [\"NO\"]", "", "?");
    answers("partner.country.contains(\"N\")", "", "?");
    answers("event.has_category(\"shoes\")", "", "?");
    answers("event.new_customer", "", "?");
    answers("average + 1 > 2", "", "?");
    answers("partner.country in [\"NO\", partner.name]", "partner.country=NO", "true");
    answers("partner.country in [\"NO\", partner.name]", "partner.country=SE", "?");
}

#[test]
fn unknown_names_come_with_the_nearest() {
    refused(
        "conversion_total >= 1",
        "R0201 at `conversion_total`: there is no `conversion_total` | did you mean `conversions_total`?",
    );
    refused("partner.helth.score < 50", "R0201 at `helth`: partner has no field `helth` | did you mean `health`?");
    refused("partner.health.scor < 50", "R0201 at `scor`: partner.health has no field `scor` | did you mean `score`?");
    refused(
        "partners.country == \"NO\"",
        "R0201 at `partners.country`: there is no `partners.country` | did you mean `partner.country`?",
    );
    refused("country == \"NO\"", "R0201 at `country`: there is no `country` | did you mean `partner.country`?");
    refused("zebra > 1", "R0201 at `zebra`: there is no `zebra`");
    refused("group == vip", "R0201 at `vip`: there is no `vip` | a text stands in quotes: \"vip\"");
    refused("zebra > 1 && yak > 2", "R0201 at `zebra`: there is no `zebra`\nR0201 at `yak`: there is no `yak`");
    refused(
        "event.hascategory(\"x\")",
        "R0212 at `hascategory`: `event` has no method `hascategory` | did you mean `has_category`?",
    );
    refused(
        "partner.country.startswith(\"x\")",
        "R0212 at `startswith`: `partner.country` has no method `startswith` | did you mean `startsWith`?",
    );
    refused("mony(\"1 EUR\") < revenue_28d", "R0212 at `mony`: there is no function `mony` | did you mean `money`?");
    refused("evnt.has_category(\"x\")", "R0201 at `evnt`: there is no `evnt` | did you mean `event`?");
}

#[test]
fn closed_sets_know_their_values() {
    refused("group == \"VIP\"", "R0214 at `\"VIP\"`: `group` is never \"VIP\" | did you mean `vip`?");
    refused(
        "partner.status != \"aktive\"",
        "R0214 at `\"aktive\"`: `partner.status` is never \"aktive\" | did you mean `active`?",
    );
    refused("partner.status in [\"active\", \"gone\"]", "R0214 at `\"gone\"`: `partner.status` is never \"gone\"");
    refused(
        "group in [\"vip\", \"core\", \"quiet\"]",
        "R0217 at `group in [\"vip\", \"core\", \"quiet\"]`: this is always true | the list has every possible value",
    );
}

#[test]
fn of_a_set_that_others_add_to_only_what_nobody_can_mean_is_refused() {
    refused(
        "event.training == \"photo\"",
        "R0214 at `\"photo\"`: `event.training` is never \"photo\" | did you mean `photos`?",
    );
    answers("event.training in [\"basics\", \"photos\"]", "event.training=other", "false");
    answers("event.training != \"basics\" && event.training != \"photos\"", "event.training=other", "true");
}

#[test]
fn units_do_not_mix() {
    refused(
        "revenue_28d > 100",
        "R0210 at `revenue_28d > 100`: `revenue_28d` is an amount of money, `100` is a count | write `money(\"100 EUR\")`",
    );
    refused("group > \"a\"", "R0210 at `group > \"a\"`: a text has no order | write `==` or `!=`");
    refused(
        "conversions_90d == \"3\"",
        "R0210 at `conversions_90d == \"3\"`: `conversions_90d` is a count, `\"3\"` is a text | write the number without quotes",
    );
    refused(
        "partner.country == 3",
        "R0210 at `partner.country == 3`: `partner.country` is a text, `3` is a count | write \"3\" in quotes",
    );
    refused(
        "event.drop_percent > conversions_90d",
        "R0210 at `event.drop_percent > conversions_90d`: `event.drop_percent` is a percentage, `conversions_90d` is a count | these cannot be compared",
    );
    refused(
        "event.drop_percent >= 0.4",
        "R0218 at `0.4`: `event.drop_percent` is a percentage from 0 to 100, 0.4 is a fraction | write `40`",
    );
    refused(
        "partner.age > 3",
        "R0210 at `partner.age > 3`: `partner.age` is a length of time, `3` is a count | write `duration(\"3 days\")`",
    );
    refused(
        "partner.contract_ends > \"2026-01-01\"",
        "R0210 at `partner.contract_ends > \"2026-01-01\"`: `partner.contract_ends` is a date, `\"2026-01-01\"` is a text | write `date(\"2026-10-01\")`",
    );
    refused(
        "partner.tags == \"x\"",
        "R0210 at `partner.tags == \"x\"`: `partner.tags` is a list of texts, `\"x\"` is a text | write `\"x\" in partner.tags`",
    );
    refused(
        "revenue_28d > revenue_28d_before + 30",
        "R0211 at `revenue_28d_before + 30`: an amount of money cannot be added to a count | give the number its currency: `money(\"100 EUR\")`",
    );
    refused(
        "revenue_28d * revenue_28d > money(\"1 EUR\")",
        "R0211 at `revenue_28d * revenue_28d`: an amount of money cannot be multiplied by an amount of money",
    );
    refused(
        "conversions_90d && group == \"vip\"",
        "R0210 at `conversions_90d`: `&&` joins what is true or false, this is a count | compare it with something first",
    );
    refused("money(100) < revenue_28d", "R0213 at `money(100)`: `money` takes one text | write `money(\"100 EUR\")`");
    refused(
        "money(\"100 EURO\") < revenue_28d",
        "R0303 at `\"100 EURO\"`: `EURO` is no currency of ISO 4217 | did you mean `EUR`?",
    );
    refused(
        "event.has_category(3)",
        "R0213 at `3`: `has_category` takes a text, this is a count | write something like `\"vip\"`",
    );
    refused("conversions_90d / 0 > 1", "R0211 at `0`: division by zero | the result would always be missing");
    refused(
        "duration(\"3 months\") < partner.age",
        "R0301 at `\"3 months\"`: `3 months` is not always equally long | write minutes, hours, days or weeks",
    );
}

#[test]
fn clauses_that_ask_nothing_are_found() {
    refused("conversions_90d >= 0", "R0217 at `conversions_90d >= 0`: this is always true | it is never below 0");
    refused("0 > conversions_90d", "R0217 at `0 > conversions_90d`: this is never true | it is never below 0");
    refused(
        "revenue_28d < money(\"0 EUR\")",
        "R0217 at `revenue_28d < money(\"0 EUR\")`: this is never true | it is never below 0",
    );
    refused("conversions_90d == 1.5", "R0217 at `conversions_90d == 1.5`: this is never true | a count is whole");
    refused("group == group", "R0217 at `group == group`: this is always true | both sides are the same");
    refused("1 == 1", "R0217 at `1 == 1`: this is always true | both sides are written out");
    refused("true", "R0217 at `true`: this is always true | it asks nothing");
    refused(
        "group == \"vip\" && group == \"core\"",
        "R0217 at `group == \"vip\" && group == \"core\"`: this is never true | it cannot be both",
    );
    refused(
        "conversions_90d >= 0 && group == \"vip\"",
        "R0217 at `conversions_90d >= 0 && group == \"vip\"`: a part of this is always true | it is never below 0",
    );
    refused(
        "conversions_90d > 5 && group == \"vip\" && conversions_90d < 3",
        "R0217 at `conversions_90d > 5 && group == \"vip\" && conversions_90d < 3`: this is never true | it cannot be both",
    );
    refused("share > 100", "R0217 at `share > 100`: this is never true | it is never above 100");
    refused("score > 100", "R0217 at `score > 100`: this is never true | it is never above 100");
    refused("score < 0", "R0217 at `score < 0`: this is never true | it is never below 0");
    answers("score >= 0.5", "score=0.4", "false");
    answers("conversions_90d > 5 || conversions_90d < 3", "conversions_90d=4", "false");
    answers("days_since_mail >= 0", "", "?");
    answers("balance >= money(\"0 EUR\")", "balance=-1 EUR", "false");
}

#[test]
fn parts_of_cel_that_do_not_exist_here_are_refused_by_name() {
    refused("has(partner.country)", "R0204 at `has`: this function of CEL does not exist here");
    refused("partner.tags.exists(t, t == \"x\")", "R0204 at `exists`: this function of CEL does not exist here");
    refused("partner.country == null", "R0204 at `null`: there is no `null`: what is missing answers `?` by itself");
    refused(
        "conversions_90d < conversions_total < 3",
        "R0210 at `conversions_90d < conversions_total < 3`: comparisons cannot be chained | write `a < b && b < c`",
    );
    refused(
        "99999999999999999999 > conversions_90d",
        "R0202 at `99999999999999999999`: the number 99999999999999999999 is too large",
    );
    refused(
        "9223372036854775808 > conversions_90d",
        "R0202 at `9223372036854775808`: the number 9223372036854775808 is too large",
    );
    refused("if > 3", "R0202 at `if`: this is no expression from `if` on");
}

#[test]
fn places_are_right_behind_text_of_many_bytes() {
    refused("partner.country == \"Åland €\" && zebra > 1", "R0201 at `zebra`: there is no `zebra`");
    refused(
        "partner.name == \"日本\" && partner.helth.score < 5",
        "R0201 at `helth`: partner has no field `helth` | did you mean `health`?",
    );
    refused("partner.country == \"ü\" && group == \"Ö\"", "R0214 at `\"Ö\"`: `group` is never \"Ö\"");
    answers("partner.name == \"日本\\\"\"", "partner.name=日本\"", "true");
}

#[test]
fn names_are_listed_once_in_order_of_use() {
    let compiled =
        compile("partner.country == \"NO\" && conversions_90d > 1 && partner.country != partner.name").unwrap();
    assert_eq!(
        compiled.names().iter().map(|name| &**name).collect::<Vec<_>>(),
        ["partner.country", "conversions_90d", "partner.name"]
    );
    assert!(compiled.maybe_missing());
    assert_eq!(compile("partner.name").unwrap().as_name(), Some("partner.name"));
}

/// The worst an author can write that still gets past the caps must fit the stack of a small thread.
#[test]
fn the_deepest_expression_that_is_let_through_fits_a_small_stack() {
    let chain = ["conversions_90d"; 12].join(" + ");
    let mut deep = chain.clone();
    for _ in 0..11 {
        deep = format!("conversions_90d + ({deep})");
    }
    let deep = format!("!!({deep} > 1)");
    let many = vec!["conversions_90d > 1"; 70].join(" || ");
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    let judged = move || {
        for text in [deep, many] {
            let compiled = compile(&text).unwrap_or_else(|findings| panic!("{text}: {findings}"));
            let _ = compiled.judge(&Worth::of("conversions_90d=1") as &dyn Scope);
        }
    };
    thread.spawn(judged).unwrap().join().unwrap();
}
