//! Every figure of the catalogue works where a workflow may name it: in a condition, in a task's text, in a mail. What it comes to is
//! held against brute force in `crates/partner/tests/catalogue`; here all of them say the same.
#![allow(clippy::disallowed_methods, reason = "tests read the files they are about")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rapport_engine::rulebooks::Applied;
use rapport_engine::shard::{
    facts::{Asked, Bare, PartnerFacts, program_figures, told_apart},
    foresight,
};
use rapport_event::{CustomKinds, Headers, Limits, decode_record, decode_with};
use rapport_journey::{Facts, Since};
use rapport_partner::{
    Figure, FigureValue, FoldContext, Folded, PartnerState, ProgramFigure, ProgramSums, Rates, StartMark, Unit, fold,
    program::{Cut, Reach},
};
use rapport_rule::expr::{Scope, Truth, Value};
use rapport_workflow::Verb;
use serde_json::{Value as Json, json};

/// Names as a workflow writes them, with their units.
fn names() -> Vec<(String, Unit)> {
    let own = Figure::examples().into_iter().map(|name| {
        let unit = Figure::parse(&name).unwrap().unit();
        (name, unit)
    });
    let of_all = ProgramFigure::all().map(|figure| (format!("program.{figure}"), figure.unit()));
    let cuts =
        ["by_type.cashback.revenue_28d", "by_country.NO.mails_per_partner_90d", "by_manager.ines.active_partners"];
    let of_some = cuts.map(|name| (format!("program.{name}"), Cut::parse(name).unwrap().1.unit()));
    own.chain(of_all).chain(of_some).collect()
}

fn clause((name, unit): &(String, Unit)) -> String {
    match unit {
        Unit::Money => format!("{name} > money(\"1 EUR\")"),
        _ => format!("{name} > 1"),
    }
}

fn applied() -> Applied {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for file in ["config/rapport.yaml", "config/layout.mail.html", "config/layout.mail.txt"] {
        texts.insert(file.into(), std::fs::read_to_string(root.join(file)).unwrap());
    }
    let mut workflow = String::from(
        "workflow: Figures\nowner: a@acme.example\nmail: { kind: marketing, topic: news, from: ines }\nwhen: login\nonce: per event\nsteps:\n",
    );
    for chunk in names().chunks(16) {
        let clauses: Vec<String> = chunk.iter().map(|name| format!("'{}'", clause(name))).collect();
        let shown: Vec<String> = chunk.iter().map(|(name, _)| format!("{{{{{name}}}}}")).collect();
        let (clauses, shown) = (clauses.join(", "), shown.join("|"));
        workflow +=
            &format!("  - task: {{ to: ines, text: \"{shown}\" }}\n    id: t{}\n    if: [{clauses}]\n", workflow.len());
    }
    workflow += "  - email: all\n";
    let shown: Vec<String> = names()
        .iter()
        .map(|(name, unit)| match unit {
            Unit::Money => format!("- {name} is {{{{#if {name}}}}}{{{{money {name}}}}}{{{{/if}}}}"),
            _ => format!("- {name} is {{{{#if {name}}}}}{{{{number {name} digits=1}}}}{{{{/if}}}}"),
        })
        .collect();
    texts.insert("workflows/figures/all.mail.md".into(), format!("---\nsubject: All\n---\n{}\n", shown.join("\n")));
    texts.insert("workflows/figures/workflow.yaml".into(), workflow);
    Applied::compile("figures", texts, BTreeMap::new()).unwrap()
}

/// Half a year of a partner who does a bit of everything.
fn state(applied: &Applied, today: Timestamp) -> (PartnerState, StartMark) {
    let program = applied.rulebook.config.program(&applied.rulebook.config.default_program).unwrap();
    let rates = Rates::default();
    let context = FoldContext { zone: &program.zone, currency: program.currency, rates: &rates };
    let (mut state, mut number, mut start) = (PartnerState::default(), 0, None);
    let mut tell = |state: &mut PartnerState, days_ago: i64, kind: &str, data: Json| {
        number += 1;
        let at = today - SignedDuration::from_hours(24 * days_ago) - SignedDuration::from_mins(number % 50);
        let text = json!({ "id": format!("e{number}"), "kind": kind, "program": "default", "partner": "ada",
            "occurred_at": at.to_string(), "data": data })
        .to_string();
        let own = ["message.", "offer.", "contact.", "task.", "partner.awarded"]
            .iter()
            .any(|family| kind.starts_with(family));
        let event = match own {
            true => decode_record(text.as_bytes()).unwrap(),
            false => {
                decode_with(&Limits::replay(), text.as_bytes(), &Headers::NONE, &CustomKinds::none(), today)
                    .unwrap()
                    .event
            }
        };
        let Folded::Conversion(_) = fold(state, None, &event, &context) else { return };
    };
    let opened = (today - SignedDuration::from_hours(24 * 80)).to_string();
    tell(&mut state, 110, "partner.joined", json!({}));
    tell(
        &mut state,
        100,
        "partner.approved",
        json!({ "type": "cashback", "country": "NO", "manager": "ines", "tags": ["joint_marketing"] }),
    );
    for day in (0..190).rev() {
        if day == 40 {
            start = Some(StartMark::of(&state));
        }
        let at = (today - SignedDuration::from_hours(24 * day)).to_string();
        let sale = |id: String, status: &str| {
            json!({ "conversion_id": id, "status": status, "amount": 9_000 + day, "commission": 900, "currency": "EUR",
                "occurred_at": at, "customer": if day % 2 == 0 { "new" } else { "returning" } })
        };
        tell(&mut state, day, "conversion", sale(format!("c{day}"), "approved"));
        tell(&mut state, day, "conversion", sale(format!("d{day}"), if day % 7 == 0 { "reversed" } else { "paid" }));
        tell(&mut state, day, "link.clicked", json!({ "count": 7 }));
        for (every, kind, data) in [
            (3, "login", json!({})),
            (5, "link.created", json!({ "link": "l" })),
            (6, "content.published", json!({ "url": "https://x.example" })),
            (4, "mail.received", json!({})),
            (4, "message.sent", json!({ "message": format!("m{day}") })),
            (8, "training.completed", json!({ "training": "t" })),
            (9, "survey.answered", json!({ "survey": "s", "score": 7.5 })),
            (10, "resource.used", json!({ "resource": "r" })),
            (11, "creative.submitted", json!({ "creative": "c" })),
            (12, "payout.paid", json!({ "payout": format!("p{day}"), "amount": 1, "currency": "EUR" })),
            (13, "payout.failed", json!({ "payout": format!("q{day}"), "amount": 1, "currency": "EUR" })),
            (14, "offer.granted", json!({ "offer": "o" })),
            (17, "partner.awarded", json!({ "name": "spot" })),
            (15, "contact.opted_out", json!({ "topic": "news" })),
            (16, "contact.suppressed", json!({ "reason": "complaint" })),
            (7, "audience.reported", json!({ "views": 900, "likes": 30, "followers": 1_200 })),
            (18, "task.done", json!({ "task": format!("t{day}"), "opened_at": opened })),
        ] {
            // A mail is answered on the day after it.
            if day % every == if kind == "message.sent" { 3 } else { 0 } {
                tell(&mut state, day, kind, data);
            }
        }
    }
    (state, start.unwrap())
}

/// As a step of a journey sees it.
struct Begun<'a, 'b>(&'a PartnerFacts<'b>, &'a StartMark);

impl Scope for Begun<'_, '_> {
    fn value(&self, path: &str) -> Value {
        self.0.value(path, Since { started_at: Timestamp::UNIX_EPOCH, start: Some(self.1) })
    }

    fn call(&self, _: &str, _: &str, _: &[Value]) -> Value {
        Value::Missing
    }
}

fn value(known: Option<FigureValue>) -> Value {
    match known {
        None => Value::Missing,
        Some(FigureValue::Count(count)) => Value::Count(count),
        Some(FigureValue::Money(money)) => Value::Money(money),
        Some(FigureValue::Number(number)) => Value::Number(number),
        Some(FigureValue::Percent(percent)) => Value::Percent(percent),
    }
}

fn is_above_one(value: &Value) -> Truth {
    let above = match value {
        Value::Count(count) => *count > 1,
        Value::Money(money) => money.minor > 100,
        Value::Number(number) | Value::Percent(number) => *number > 1.0,
        _ => return Truth::Unknown,
    };
    if above { Truth::True } else { Truth::False }
}

#[test]
fn every_figure_says_the_same_in_a_condition_and_in_a_text() {
    let today: Timestamp = "2026-03-29T12:00:00Z".parse().unwrap();
    let applied = Arc::new(applied());
    let (state, start) = state(&applied, today);
    let program = applied.rulebook.config.program(&applied.rulebook.config.default_program).unwrap();
    let bare = PartnerFacts {
        state: &state,
        rulebook: &applied,
        program,
        now: today,
        began: None,
        reversed: None,
        figures: None,
        expectations: None,
    };
    let mut sums = ProgramSums::default();
    let reach = Reach { churned: Some(true), opted_out: true, suppressed: true, complained: true };
    sums.add(&state, reach, &bare.context(None));
    let cuts = &applied.rulebook.cuts;
    assert_eq!(cuts.len(), 3, "{cuts:?}");
    for cut in cuts.keys().filter(|cut| told_apart(&bare, cut.by).as_ref() == Some(&cut.of)) {
        sums.add_to(cut, &state, reach, &bare.context(None));
    }
    let figures = program_figures(&sums, cuts, program.currency);
    let learnt = foresight::rehearsed("ada", &state, &bare.context(None)).unwrap();
    let facts = PartnerFacts { figures: Some(&figures), expectations: Some(&learnt), ..bare };
    let known: BTreeMap<String, Value> = names()
        .into_iter()
        .map(|(name, _)| {
            let known = match name.strip_prefix("program.") {
                Some(own) => match Cut::parse(own) {
                    Some((cut, figure)) => sums.cut(&cut).unwrap().figure(figure, program.currency),
                    None => sums.figure(ProgramFigure::parse(own).unwrap(), program.currency),
                },
                None => state.figure(&Figure::parse(&name).unwrap(), &facts.context(Some(&start))),
            };
            (name, value(known))
        })
        .collect();
    let missing: Vec<&String> =
        known.iter().filter(|(_, value)| **value == Value::Missing).map(|(name, _)| name).collect();
    assert_eq!(missing, Vec::<&String>::new(), "the state leaves something out");
    // Asked for one after the other they are the same, those of a journey missing.
    let asked = Asked::of(&facts);
    for name in known.keys().chain(known.keys()) {
        assert_eq!(asked.value(name), Bare(&facts).value(name), "{name}");
    }
    let scope = Begun(&facts, &start);
    let (mut asked, mut shown) = (0, 0);
    for step in &applied.rulebook.workflows[0].steps {
        let Verb::Task(task) = &step.verb else { continue };
        for clause in step.if_.as_ref().unwrap().explain(&scope) {
            let (name, seen) = clause.seen.first().unwrap();
            assert_eq!((clause.truth, seen), (is_above_one(&known[name]), &known[name].to_string()), "{}", clause.text);
            asked += 1;
        }
        let expected: Vec<String> = task.text.names().iter().map(|name| known[*name].to_string()).collect();
        assert_eq!(task.text.render(&scope), expected.join("|"));
        shown += expected.len();
    }
    assert_eq!((asked, shown), (known.len(), known.len()));
    // What a mail names is evaluated when it is planned, by the same scope.
    let [mail] = applied.rulebook.mails.values().collect::<Vec<_>>()[..] else { panic!("one mail") };
    let named: BTreeSet<&str> = mail.context.iter().map(|name| &**name).collect();
    assert_eq!(named, known.keys().map(String::as_str).collect::<BTreeSet<_>>());
}
