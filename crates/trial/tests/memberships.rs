//! Many questions of one moment say what one question after the other says, and a look tells of what changed and of nothing else.
#![allow(clippy::disallowed_methods, reason = "tests read the files they are about")]

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use proptest::prelude::*;
use rapport_engine::rulebooks::Applied;
use rapport_engine::shard::{
    facts::{Asked, Bare, PartnerFacts, marks},
    goals,
    segments::{self, Changes, belongs, kept},
};
use rapport_partner::{Figure, Measure, PartnerState};
use rapport_rule::expr::Scope;

const SEGMENTS: &str = "groups:\n  top: { top_share: 80% of revenue_90d, leave_at: 85%, lane: first }\n  busy: { if: [conversions_28d >= 3], lane: first }\n  rest: { else: true, lane: second }\n\
    segments:\n  sellers: { if: [conversions_28d >= 2, conversions_90d >= 3] }\n  northern: { if: partner.country == \"NO\" }\n  \
    clicked: { if: [clicks_28d > clicks_28d_before] }\n  old: { if: days_since_approved > 30 }\n";
const GOALS: &str = "goals:\n  push: { for: group busy, metric: conversions, target: 9, from: 2026-03-01, to: 2026-03-31 }\n  \
    sell: { for: segment sellers, metric: conversions, target: 9, from: 2026-03-01, to: 2026-03-31 }\n  \
    all: { for: everyone, metric: clicks, target: 9, from: 2026-03-01, to: 2026-03-31 }\n";
/// 2026-03-12.
const TODAY: i32 = 20_524;

fn applied() -> Applied {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for file in ["config/rapport.yaml", "config/layout.mail.html", "config/layout.mail.txt"] {
        texts.insert(file.into(), std::fs::read_to_string(root.join(file)).unwrap());
    }
    texts.insert("config/goals.yaml".into(), GOALS.into());
    texts.insert("config/segments.yaml".into(), SEGMENTS.into());
    Applied::compile("memberships", texts, BTreeMap::new()).unwrap()
}

fn state() -> impl Strategy<Value = PartnerState> {
    let cell = (TODAY - 100..=TODAY, prop::sample::select(vec![Measure::Conversions, Measure::Clicks]), 1i64..3);
    let mark = |texts: &'static [&'static str]| prop::sample::select(texts);
    (
        prop::collection::vec(cell, 0..8),
        prop::option::of(prop::sample::select(vec!["NO", "SE"])),
        prop::option::of(prop::sample::select(vec![10, 50])),
        prop::option::of(prop::sample::select(vec!["top", "busy", "rest"])),
        mark(&["", "[]", "[\"top\"]", "no json"]),
        mark(&[
            "",
            "{\"sellers\":7,\"northern\":null,\"clicked\":null,\"old\":null}",
            "{\"sellers\":null,\"northern\":8,\"clicked\":9,\"old\":5,\"gone\":3}",
            "{\"gone\":null}",
            "[1]",
        ]),
        mark(&[
            "",
            "{\"push@2026-03-01\":{\"percent\":0,\"reached\":false}}",
            "{\"sell@2026-03-01\":{\"percent\":0,\"reached\":false}}",
        ]),
    )
        .prop_map(|(cells, country, approved, group, top, segments, goals)| {
            let mut state = PartnerState::default();
            cells.into_iter().for_each(|(day, measure, value)| state.open.add(day, measure, value));
            state.close_through(TODAY - 5);
            state.profile.country.value = country.map(Into::into);
            state.profile.approved_at.value = approved.map(|days| noon(TODAY - days));
            state.group = group.map(Into::into);
            for (name, text) in [(marks::TOP, top), (marks::SEGMENTS, segments), (marks::GOALS, goals)] {
                state.set_mark(name, text.as_bytes().to_vec());
            }
            state
        })
}

fn noon(day: i32) -> Timestamp {
    Timestamp::from_second(i64::from(day) * 86_400 + 43_200).unwrap()
}

fn facts<'a>(state: &'a PartnerState, applied: &'a Applied) -> PartnerFacts<'a> {
    let config = &applied.rulebook.config;
    PartnerFacts {
        state,
        rulebook: applied,
        program: config.program(&config.default_program).unwrap(),
        now: noon(TODAY),
        began: None,
        reversed: None,
        figures: None,
        expectations: None,
    }
}

/// The same by asking for each segment alone, and comparing whole maps.
fn plainly(facts: &PartnerFacts<'_>) -> Option<Changes> {
    let mut changes = Changes::default();
    let before = facts.state.group.as_deref();
    if let Some(group) = facts.group().filter(|group| before != Some(&*group.name)) {
        changes.group = Some((before.map(str::to_owned), group.name.to_string(), group.lane.0.to_string()));
    }
    let (known, mut now) = (kept(facts.state), BTreeMap::new());
    for segment in &facts.rulebook.segments.segments {
        let name = segment.name.to_string();
        let since = match (belongs(facts, segment), known.get(&name).copied().flatten()) {
            (true, None) => {
                changes.entered.push(name.clone());
                Some(facts.now.as_millisecond())
            }
            (false, Some(since)) => {
                changes.left.push((name.clone(), since));
                None
            }
            (_, unchanged) => unchanged,
        };
        now.insert(name, since);
    }
    let gone = known.iter().filter(|(name, _)| !now.contains_key(*name));
    changes.left.extend(gone.filter_map(|(name, since)| Some((name.clone(), (*since)?))));
    if changes.group.is_none() && now == known {
        return None;
    }
    changes.kept = serde_json::to_vec(&now).unwrap();
    Some(changes)
}

#[test]
fn one_look_is_as_many() {
    let applied = applied();
    let mut names = Figure::examples();
    names.extend(
        ["group", "lane", "health", "segment.sellers", "partner.country", "program.revenue_28d"].map(str::to_owned),
    );
    let mut runner = proptest::test_runner::TestRunner::default();
    let found = runner.run(&state(), |mut state| {
        {
            let facts = facts(&state, &applied);
            let asked = Asked::of(&facts);
            for name in names.iter().chain(&names) {
                prop_assert_eq!(asked.value(name), Bare(&facts).value(name), "{}", name);
            }
            for segment in &applied.rulebook.segments.segments {
                prop_assert_eq!(asked.member(&segment.name), segment.condition.judge(&Bare(&facts)));
                prop_assert_eq!(asked.member(&segment.name).is_true(), belongs(&facts, segment));
            }
            prop_assert_eq!(asked.group().map(|group| &*group.name), facts.group().map(|group| &*group.name));
            let ids: Vec<String> = goals::all(&facts).into_iter().map(|own| own.goal.id).collect();
            let is_for = |goal: &str, concerned: bool| concerned || kept_goals(&state).contains(goal);
            prop_assert_eq!(ids.iter().any(|id| id == "push"), is_for("push@", asked.value("group") == text("busy")));
            prop_assert_eq!(ids.iter().any(|id| id == "sell"), is_for("sell@", asked.member("sellers").is_true()));
            prop_assert!(ids.iter().any(|id| id == "all"));
        }
        let changes = segments::changes(&facts(&state, &applied));
        prop_assert_eq!(&changes, &plainly(&facts(&state, &applied)));
        if let Some(changes) = changes {
            state.set_mark(marks::SEGMENTS, changes.kept);
            state.group = changes.group.map_or(state.group, |(_, now, _)| Some(now.into()));
        }
        prop_assert_eq!(segments::changes(&facts(&state, &applied)), None, "what was told is not told again");
        Ok(())
    });
    found.unwrap();
}

fn text(text: &str) -> rapport_rule::expr::Value {
    rapport_rule::expr::Value::text(text)
}

fn kept_goals(state: &PartnerState) -> String {
    String::from_utf8(state.mark(marks::GOALS).unwrap_or_default().to_vec()).unwrap()
}
