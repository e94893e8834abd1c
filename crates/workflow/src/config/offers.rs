//! `config/offers.yaml`: what mails may promise, and how much of it there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_rule::yaml::{Fields, Node, is_name};
use rapport_rule::{Findings, Length, Money};

use super::Texts;
use super::audience::{self, Audience, Sets};

/// An offer.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Its id.
    pub id: Arc<str>,
    /// What it is worth.
    pub value: Money,
    /// What it takes.
    pub condition: Texts,
    /// How long after planning it ends.
    pub ends: Length,
    /// How often one partner can have it.
    pub per_partner: PerPartner,
    /// Who may have it; it is refused to others.
    pub entitled: Audience,
    /// What it may cost in all.
    pub budget: Option<Budget>,
    /// A person approves what is worth more.
    pub approve_above: Option<Money>,
    /// Where the terms stand.
    pub terms: String,
}

/// How often one partner can have an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerPartner {
    /// Once for good.
    Once,
    /// Once within this length, counted back from now.
    OnceIn(Length),
    /// As often as a workflow asks.
    Unlimited,
}

/// `5000 EUR per quarter`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// The sum of the values granted.
    pub amount: Money,
    /// Within how many calendar months (1 month, 3 quarter, 12 year); 0 for all time.
    pub months: u8,
}

const PER_PARTNER: [&str; 6] = ["once", "once a week", "once a month", "once a quarter", "once a year", "unlimited"];

pub(crate) fn read(node: &Node, path: &str, sets: Sets<'_>, findings: &mut Findings) -> BTreeMap<Arc<str>, Offer> {
    let mut offers = BTreeMap::new();
    for (key, value) in node.map(path, findings).unwrap_or_default() {
        if !is_name(&key.text) {
            findings.error("R0307", path, key.span, format!("`{}` is no name", key.text));
            continue;
        }
        if let Some(offer) = offer(&key.text, value, path, sets, findings) {
            offers.insert(offer.id.clone(), offer);
        }
    }
    offers
}

fn offer(id: &str, node: &Node, path: &str, sets: Sets<'_>, findings: &mut Findings) -> Option<Offer> {
    let fields = Fields::of(node, path, findings)?;
    let value = fields.require("value", findings).and_then(|node| node.money(path, findings));
    let condition = fields.require("condition", findings).and_then(|node| Texts::read(node, path, findings));
    let ends = fields.require("ends", findings).and_then(|node| node.length(path, findings));
    let per_partner = per_partner(&fields, path, findings);
    let entitled = audience::entitled(fields.take("for"), path, sets, findings);
    let budget = fields.take("budget").map(|node| budget(node, path, findings));
    let approve_above = fields.take("approve_above").map(|node| node.money(path, findings));
    let terms = fields.require("terms", findings).and_then(|node| https(node, path, findings));
    fields.finish(&[], findings);
    let offer = Offer {
        id: id.into(),
        value: value?,
        condition: condition?,
        ends: ends?,
        per_partner: per_partner?,
        entitled: entitled?,
        budget: budget.map_or(Some(None), |budget| budget.map(Some))?,
        approve_above: approve_above.map_or(Some(None), |money| money.map(Some))?,
        terms: terms?,
    };
    if let Some(limit) = offer.approve_above.filter(|limit| limit.currency != offer.value.currency) {
        let (limit, value) = (limit.currency.code(), offer.value.currency.code());
        findings
            .error("R0569", path, node.span, format!("`{id}` is worth {value} and approved above an amount of {limit}"))
            .hint("Write `approve_above` in the currency of `value`.");
    }
    if let Some(budget) = offer.budget
        && budget.amount.currency == offer.value.currency
        && budget.amount.minor < offer.value.minor
    {
        findings.warning(
            "R0520",
            path,
            node.span,
            format!("the budget of `{id}` is smaller than one offer: it is never granted"),
        );
    }
    Some(offer)
}

/// `per_partner:`; once when it is not written.
pub(super) fn per_partner(fields: &Fields<'_>, path: &str, findings: &mut Findings) -> Option<PerPartner> {
    let Some(node) = fields.take("per_partner") else { return Some(PerPartner::Once) };
    node.one_of(&PER_PARTNER, path, findings).map(|which| match which {
        0 => PerPartner::Once,
        1 => PerPartner::OnceIn(Length::Weeks(1)),
        2 => PerPartner::OnceIn(Length::Months(1)),
        3 => PerPartner::OnceIn(Length::Months(3)),
        4 => PerPartner::OnceIn(Length::Years(1)),
        _ => PerPartner::Unlimited,
    })
}

fn budget(node: &Node, path: &str, findings: &mut Findings) -> Option<Budget> {
    let text = node.text(path, findings)?;
    let (amount, per) = match text.split_once(" per ") {
        Some((amount, per)) => (amount, Some(per.trim())),
        None => (text, None),
    };
    let months = match per {
        None => Some(0),
        Some("month") => Some(1),
        Some("quarter") => Some(3),
        Some("year") => Some(12),
        Some(_) => None,
    };
    match (Money::parse(amount), months) {
        (Ok(amount), Some(months)) => Some(Budget { amount, months }),
        (Err(error), _) => {
            findings.error("R0303", path, node.span, error.to_string());
            None
        }
        (_, None) => {
            findings
                .error("R0103", path, node.span, format!("`{text}` is no budget"))
                .label("write `5000 EUR per quarter`; possible: month, quarter, year");
            None
        }
    }
}

/// An address that others are made of: without a stroke at its end.
pub(super) fn https(node: &Node, path: &str, findings: &mut Findings) -> Option<String> {
    address(node, path, findings).map(|address| address.trim_end_matches('/').to_owned())
}

/// An address partners are sent to, as it is written: only https leads out of a mail.
pub(super) fn address(node: &Node, path: &str, findings: &mut Findings) -> Option<String> {
    let text = node.text(path, findings)?;
    if text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace)) {
        return Some(text.to_owned());
    }
    findings.error("R0517", path, node.span, format!("`{text}` is no https address"));
    None
}
