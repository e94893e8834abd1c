//! What writing brought: those a draw let in against those it held out.

use std::collections::BTreeMap;

use rapport_insight::uplift::{Estimate, Group, NotEnough, Stratum, uplift};
use rapport_rule::Currency;
use rapport_store::Drawn;
use serde_json::{Value, json};

use super::super::sheet::{Cell, Column};

/// What is compared, for each partner within the days after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Whether there was a conversion at all.
    Sold,
    /// How many there were.
    Conversions,
    /// Their order value in minor units.
    Revenue,
}

impl Outcome {
    pub(super) const ALL: [Self; 3] = [Self::Sold, Self::Conversions, Self::Revenue];

    /// The stable name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sold => "sold_at_all",
            Self::Conversions => "conversions",
            Self::Revenue => "revenue",
        }
    }

    fn of(self, drawn: &Drawn) -> f64 {
        match self {
            Self::Sold => f64::from(u8::from(drawn.conversions > 0)),
            Self::Conversions => drawn.conversions as f64,
            Self::Revenue => drawn.revenue as f64,
        }
    }
}

/// One outcome's comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compared {
    pub(super) outcome: Outcome,
    /// Means of both groups, all shares together.
    pub(super) let_in: f64,
    pub(super) held_out: f64,
    pub(super) found: Result<Estimate, NotEnough>,
}

/// One workflow's draws.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Holdout {
    /// The shares at which was drawn, lowest first.
    pub(super) shares: Vec<f64>,
    pub(super) let_in: i64,
    pub(super) held_out: i64,
    /// Drawn, but their days after are not over.
    pub(super) watched: i64,
    pub(super) outcomes: Vec<Compared>,
}

impl Holdout {
    /// By workflow.
    pub(super) fn all(drawn: &[Drawn]) -> BTreeMap<String, Self> {
        let mut by: BTreeMap<String, Vec<&Drawn>> = BTreeMap::new();
        drawn.iter().for_each(|row| by.entry(row.workflow.clone()).or_default().push(row));
        by.into_iter().map(|(workflow, rows)| (workflow, Self::of(&rows))).collect()
    }

    fn of(rows: &[&Drawn]) -> Self {
        let over = || rows.iter().filter(|row| row.is_over);
        let partners = |held_out: bool| over().filter(|row| row.held_out == held_out).map(|row| row.partners).sum();
        let mut shares: Vec<f64> = rows.iter().map(|row| row.share).collect();
        shares.sort_by(f64::total_cmp);
        shares.dedup();
        let outcomes = Outcome::ALL.map(|outcome| {
            let mut strata: BTreeMap<u64, Stratum> = BTreeMap::new();
            let mut both = [Group::default(), Group::default()];
            for row in over() {
                let (value, count) = (outcome.of(row), u64::try_from(row.partners).unwrap_or_default());
                let stratum = strata.entry(row.share.to_bits()).or_default();
                let group = if row.held_out { &mut stratum.held_out } else { &mut stratum.let_in };
                group.add(value, count);
                both[usize::from(row.held_out)].add(value, count);
            }
            let strata: Vec<Stratum> = strata.into_values().collect();
            let [let_in, held_out] = both.map(|group| group.mean());
            Compared { outcome, let_in, held_out, found: uplift(&strata) }
        });
        Self {
            shares,
            let_in: partners(false),
            held_out: partners(true),
            watched: rows.iter().filter(|row| !row.is_over).map(|row| row.partners).sum(),
            outcomes: outcomes.into(),
        }
    }

    pub(super) fn data(&self, workflow: &str) -> Value {
        let outcomes = self.outcomes.iter().map(|compared| {
            let mut data = json!({ "let_in_mean": compared.let_in, "held_out_mean": compared.held_out });
            match &compared.found {
                Ok(found) => {
                    for (name, value) in [("difference", found.difference), ("low", found.low), ("high", found.high)] {
                        data[name] = json!(value);
                    }
                    data["clear"] = json!(found.is_clear());
                }
                Err(why) => {
                    data["not_enough_data"] = json!(why.code());
                    if let NotEnough::Skewed { held_out_wanted } = why {
                        data["held_out_wanted"] = json!(held_out_wanted);
                    }
                }
            }
            (compared.outcome.name().to_owned(), data)
        });
        let outcomes: serde_json::Map<String, Value> = outcomes.collect();
        json!({
            "workflow": workflow, "shares_percent": self.shares, "let_in": self.let_in, "held_out": self.held_out,
            "days_not_over": self.watched, "outcomes": outcomes,
        })
    }
}

/// A row for each workflow and outcome; money in whole units.
pub(super) fn table(holdouts: &BTreeMap<String, Holdout>, currency: Currency) -> (Vec<Column>, Vec<Vec<Cell>>) {
    let columns = ["workflow", "outcome", "unit"].map(Column::text).into_iter();
    let columns = columns.chain(["let_in", "held_out", "days_not_over"].map(Column::count));
    let columns = columns.chain(["let_in_mean", "held_out_mean", "difference", "low", "high"].map(Column::by_row));
    let columns = columns.chain([Column::text("not_enough_data")]).collect();
    let mut rows = Vec::new();
    for (workflow, holdout) in holdouts {
        for compared in &holdout.outcomes {
            let (unit, over) = match compared.outcome {
                Outcome::Sold => ("share", 1.0),
                Outcome::Conversions => ("count", 1.0),
                Outcome::Revenue => (currency.code(), currency.minor_per_unit() as f64),
            };
            let number = |value: f64| Cell::Number { value: value / over, decimals: 6 };
            let ([difference, low, high], why) = match &compared.found {
                Ok(found) => ([found.difference, found.low, found.high].map(number), ""),
                Err(why) => ([Cell::Empty, Cell::Empty, Cell::Empty], why.code()),
            };
            rows.push(vec![
                Cell::text(workflow),
                Cell::text(compared.outcome.name()),
                Cell::text(unit),
                Cell::Count(holdout.let_in),
                Cell::Count(holdout.held_out),
                Cell::Count(holdout.watched),
                number(compared.let_in),
                number(compared.held_out),
                difference,
                low,
                high,
                Cell::text(why),
            ]);
        }
    }
    (columns, rows)
}
