//! Differences that no published test shows, each with examples of ours.

use rapport_rule::expr::{self, Value};
use rapport_rule::{Findings, Span};

use super::deviations::Effect;
use super::world::{World, Worth};

/// One difference: an expression, what its names are worth, and the answer or the code that refuses it.
pub struct Shown {
    /// Its name in the list.
    pub name: &'static str,
    pub effect: Effect,
    /// What differs and why, as listed.
    pub about: &'static str,
    examples: &'static [(&'static str, &'static str, &'static str)],
}

/// What CEL has otherwise.
pub const OURS: &[Shown] = &[
    Shown {
        name: "Units",
        effect: Effect::Refused,
        about: "Money, percentages, lengths of time, moments and days are types of their own. They are not compared or calculated with bare numbers, but for percentages, which are written as numbers from 0 to 100, and factors.",
        examples: &[
            ("revenue_28d > 100", "", "R0210"),
            ("revenue_28d + 30 > revenue_28d_before", "", "R0211"),
            ("event.drop_percent >= 0.4", "", "R0218"),
            ("event.drop_percent >= 40", "event.drop_percent=41%", "true"),
            ("revenue_28d > 1.3 * revenue_28d_before", "revenue_28d=14 EUR, revenue_28d_before=10 EUR", "true"),
        ],
    },
    Shown {
        name: "What asks nothing",
        effect: Effect::Refused,
        about: "What is always or never true, a value that a name never has, and conditions that cannot all hold are refused: CEL would answer.",
        examples: &[
            ("1 == 1", "", "R0217"),
            ("conversions_90d >= 0", "", "R0217"),
            ("conversions_90d > 5 && conversions_90d < 3", "", "R0217"),
            ("group == \"VIP\"", "", "R0214"),
        ],
    },
    Shown {
        name: "Missing instead of an error",
        effect: Effect::Otherwise,
        about: "Where CEL stops with an error, because a value is not there, a number too large or a divisor 0, the answer is `?`. As CEL's errors do, it gives way to what is certain: `false && ?` is false, `true || ?` is true. An `if` needs yes, an `unless` stops on yes and on `?`.",
        examples: &[
            ("conversions_total > 1", "", "?"),
            ("!(conversions_total > 1)", "", "?"),
            ("conversions_total > 1 && group == \"vip\"", "group=core", "false"),
            ("conversions_total > 1 || group == \"vip\"", "group=vip", "true"),
            ("conversions_90d / payouts_overdue > 1", "conversions_90d=1, payouts_overdue=0", "?"),
        ],
    },
    Shown {
        name: "Counts calculated with numbers",
        effect: Effect::Otherwise,
        about: "CEL refuses 1 + 1.5; here it is 2.5.",
        examples: &[("conversions_90d + 1.5", "conversions_90d=1", "2.5"), ("average * 2", "average=1.5", "3")],
    },
];

/// What is here and not in CEL.
pub const ADDED: &[Shown] = &[
    Shown {
        name: "`money`, `date`, `instant`",
        effect: Effect::Otherwise,
        about: "`money(\"100 EUR\")` is an amount, `date(\"2026-10-01\")` a day, `instant(\"2026-10-01T08:00:00Z\")` a moment; two days have a difference in days.",
        examples: &[
            ("revenue_28d >= money(\"100 EUR\")", "revenue_28d=100 EUR", "true"),
            ("partner.contract_ends - date(\"2026-01-01\")", "partner.contract_ends=#2026-01-31", "30"),
        ],
    },
    Shown {
        name: "Currencies",
        effect: Effect::Otherwise,
        about: "Amounts of two currencies meet at the rate of the day; without a rate the answer is `?`.",
        examples: &[
            ("revenue_28d >= money(\"100 EUR\")", "revenue_28d=1000 NOK", "true"),
            ("revenue_28d >= money(\"100 EUR\")", "revenue_28d=1000 USD", "?"),
        ],
    },
    Shown {
        name: "`contains` of a list",
        effect: Effect::Otherwise,
        about: "`partner.tags.contains(\"vip\")` asks the same as `\"vip\" in partner.tags`.",
        examples: &[
            ("partner.tags.contains(\"vip\")", "partner.tags=a|vip", "true"),
            ("partner.tags.contains(\"vi\")", "partner.tags=a|vip", "false"),
        ],
    },
    Shown {
        name: "`has_category`, `has_sku`",
        effect: Effect::Otherwise,
        about: "`event.has_category(\"shoes\")` asks the products of a sale.",
        examples: &[("event.has_category(\"shoes\")", "event.categories=hats|shoes", "true")],
    },
];

#[test]
fn what_no_published_test_shows_is_shown_here() {
    for shown in OURS.iter().chain(ADDED) {
        for (text, worth, expected) in shown.examples {
            let mut findings = Findings::new();
            let compiled = expr::compile(text, Span::new(0, text.len()), "w.yaml", &World, &mut findings);
            let found = findings.iter().map(|finding| finding.code).next();
            let answer = match (found, compiled) {
                (Some(code), _) => code.to_owned(),
                (None, compiled) => compiled.map_or(Value::Missing, |expr| expr.value(&Worth::of(worth))).to_string(),
            };
            assert_eq!(answer, *expected, "{}: {text} with {worth}", shown.name);
        }
    }
}
