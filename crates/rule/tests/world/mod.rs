//! A small world to write expressions about: what exists, and what it is worth.

#![allow(dead_code)] // each test binary uses its part

use std::collections::BTreeMap;

use rapport_rule::expr::{Environment, Method, Scope, Type, Value, Variable};
use rapport_rule::{Currency, Money};

/// The names of a re-engagement.
pub struct World;

impl Environment for World {
    fn lookup(&self, path: &str) -> Option<Variable> {
        Some(match path {
            "conversions_total" => Variable::of(Type::Count).or_missing(),
            "conversions_90d" | "payouts_overdue" | "links_created_total" => Variable::of(Type::Count),
            "balance" => Variable::of(Type::Money).or_negative(),
            "revenue_28d" | "revenue_28d_before" => Variable::of(Type::Money),
            "average" => Variable::of(Type::Number).or_missing(),
            "share" => Variable::of(Type::Percent).or_missing().never_above(100),
            "score" => Variable::of(Type::Number).or_missing().never_above(100),
            "days_since_mail" => Variable::of(Type::Count).or_missing(),
            "group" => Variable::one_of(["vip", "core", "quiet"]),
            "partner.status" => Variable::one_of(["active", "paused", "unknown"]),
            "partner.country" | "partner.name" => Variable::of(Type::Text).or_missing(),
            "partner.tags" => Variable::of(Type::List),
            "partner.health.score" => Variable::of(Type::Percent).or_missing(),
            "partner.approved_at" => Variable::of(Type::Instant).or_missing(),
            "partner.contract_ends" => Variable::of(Type::Date).or_missing(),
            "partner.age" => Variable::of(Type::Duration).or_missing(),
            "event.kind" => Variable::one_of(["dip.conversions", "silence.conversions"]),
            "event.drop_percent" => Variable::of(Type::Percent).or_missing(),
            "event.new_customer" => Variable::of(Type::Bool).or_missing(),
            "event.name" => Variable::one_of(["conversions-10", "anniversary"]),
            "event.training" => Variable { may_be_another: true, ..Variable::one_of(["basics", "photos"]) },
            "segment.never_sold" => Variable::of(Type::Bool),
            _ => return None,
        })
    }

    fn names(&self) -> Vec<String> {
        let names = "conversions_total conversions_90d payouts_overdue links_created_total balance revenue_28d \
                     revenue_28d_before average days_since_mail group partner.status partner.country partner.name \
                     partner.tags partner.health.score partner.approved_at partner.contract_ends partner.age event.kind \
                     event.drop_percent event.new_customer event.name segment.never_sold";
        names.split_whitespace().map(str::to_owned).collect()
    }

    fn method(&self, object: &str, method: &str) -> Option<Method> {
        (object == "event" && matches!(method, "has_category" | "has_sku"))
            .then(|| Method { args: vec![Type::Text], returns: Type::Bool })
    }

    fn methods(&self, object: &str) -> Vec<String> {
        if object == "event" { vec!["has_category".into(), "has_sku".into()] } else { Vec::new() }
    }
}

/// What the names are worth; what is not listed is missing.
pub struct Worth(BTreeMap<String, Value>);

impl Worth {
    /// From `name=value, name=value`: numbers are counts, `4.5` numbers, `40%` percentages, `5 EUR` money, `true`,
    /// `a|b` lists, `@…` moments, `#…` dates, the rest texts.
    pub fn of(text: &str) -> Worth {
        let pairs = text.split(',').filter_map(|pair| pair.trim().split_once('='));
        Worth(pairs.map(|(name, value)| (name.to_owned(), value_of(value))).collect())
    }
}

fn value_of(text: &str) -> Value {
    if let Ok(count) = text.parse() {
        Value::Count(count)
    } else if let Ok(number) = text.parse() {
        Value::Number(number)
    } else if let Some(percent) = text.strip_suffix('%') {
        Value::Percent(percent.parse().unwrap())
    } else if let Ok(money) = Money::parse(text) {
        Value::Money(money)
    } else if let Ok(yes) = text.parse() {
        Value::Bool(yes)
    } else if let Some(instant) = text.strip_prefix('@') {
        Value::Instant(instant.parse().unwrap())
    } else if let Some(date) = text.strip_prefix('#') {
        Value::Date(date.parse().unwrap())
    } else if text.contains('|') {
        Value::list(text.split('|'))
    } else {
        Value::text(text)
    }
}

impl Scope for Worth {
    fn value(&self, path: &str) -> Value {
        self.0.get(path).cloned().unwrap_or(Value::Missing)
    }

    fn call(&self, object: &str, method: &str, args: &[Value]) -> Value {
        match (object, method, args) {
            ("event", "has_category", [Value::Text(category)]) => match self.value("event.categories") {
                Value::List(all) => Value::Bool(all.contains(category)),
                Value::Text(one) => Value::Bool(one == *category),
                _ => Value::Missing,
            },
            _ => Value::Missing,
        }
    }

    /// Ten kroner are a euro; nothing else is known.
    fn convert(&self, money: Money, to: Currency) -> Option<Money> {
        (money.currency.code() == "NOK" && to.code() == "EUR").then(|| Money::new(money.minor / 10, to))
    }
}
