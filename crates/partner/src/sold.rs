//! What was sold, by order line: of one partner on the days that are not told to the programme yet, and of all partners together.
//!
//! A conversion counts once, when it becomes known, with the quantities of its lines; pending counts as approved does. What becomes of
//! it later (another amount, other lines, a reversal) takes nothing back: what sells is asked here, not what it brings.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_event::Line;
use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::ranking::Ranking;
use crate::state::PartnerState;

/// The list of products behind `program.`, the most sold first.
pub const HOTTEST_PRODUCTS: &str = "hottest_products";
/// The list of categories behind `program.`, likewise.
pub const BEST_CATEGORIES: &str = "best_categories";
/// Both lists, with how many names each holds.
pub const LISTS: [(&str, usize); 2] = [(HOTTEST_PRODUCTS, 10), (BEST_CATEGORIES, 5)];
/// The closed days they look back on.
pub const DAYS: i32 = 28;
/// Of a day's products, and of its categories, the most sold ones that are kept.
pub const KEPT: usize = 200;

/// Names kept of one partner's day, of products and of categories each. Beyond it they are overrated as [`Ranking`] says.
pub const NAMES_MAX: usize = 64;
/// Days kept of one partner. They are forgotten when they close; a partner whose past is loaded must not grow by all of it.
const DAYS_MAX: usize = 8;

/// What one partner sold on days that are not closed, by day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sold(pub(crate) Vec<SoldDay>);

/// One of these days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SoldDay {
    pub(crate) day: Day,
    pub(crate) products: Ranking,
    pub(crate) categories: Ranking,
}

impl Sold {
    fn add(&mut self, day: Day, lines: &[Line]) {
        let counts = |line: &Line| line.quantity > 0 && (line.sku.is_some() || line.category.is_some());
        if !lines.iter().any(counts) {
            return;
        }
        let place = self.0.partition_point(|known| known.day < day);
        if self.0.get(place).is_none_or(|known| known.day != day) {
            self.0.insert(place, SoldDay { day, ..SoldDay::default() });
        }
        if let Some(sold) = self.0.get_mut(place) {
            for line in lines {
                let quantity = i64::from(line.quantity);
                if let Some(sku) = &line.sku {
                    sold.products.add_within(sku, quantity, NAMES_MAX);
                }
                if let Some(category) = &line.category {
                    sold.categories.add_within(category, quantity, NAMES_MAX);
                }
            }
        }
        let over = self.0.len().saturating_sub(DAYS_MAX);
        self.0.drain(..over);
    }

    /// Forgets days up to and including one.
    pub(crate) fn forget_through(&mut self, day: Day) {
        self.0.retain(|sold| sold.day > day);
    }

    /// Whether there is something of days up to and including one.
    pub fn has_through(&self, day: Day) -> bool {
        self.0.first().is_some_and(|sold| sold.day <= day)
    }
}

impl PartnerState {
    /// Takes in the lines of an order that became known, sold on that day. A day that is closed does not change any more.
    pub fn note_sold(&mut self, day: Day, lines: &[Line]) {
        if self.closed_through.is_none_or(|closed| day > closed) {
            self.sold.add(day, lines);
        }
    }
}

/// What several partners sold on one day or on several, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldSums {
    /// Quantities by article.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    products: BTreeMap<Arc<str>, i64>,
    /// Quantities by category.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    categories: BTreeMap<Arc<str>, i64>,
}

impl SoldSums {
    /// Adds what a partner sold on a day.
    pub fn add(&mut self, sold: &Sold, day: Day) {
        for sold in sold.0.iter().filter(|sold| sold.day == day) {
            for (sums, ranking) in [(&mut self.products, &sold.products), (&mut self.categories, &sold.categories)] {
                ranking.0.iter().for_each(|(name, count)| add(sums, name, *count));
            }
        }
    }

    /// Adds other sums. What comes of it does not depend on the order.
    pub fn merge(&mut self, other: &SoldSums) {
        other.products.iter().for_each(|(name, count)| add(&mut self.products, name, *count));
        other.categories.iter().for_each(|(name, count)| add(&mut self.categories, name, *count));
    }

    /// Whether nothing was sold.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty() && self.categories.is_empty()
    }

    /// Keeps the [`KEPT`] most sold products and categories; of equally sold ones the first by alphabet.
    pub fn keep_most_sold(&mut self) {
        for sums in [&mut self.products, &mut self.categories] {
            if sums.len() > KEPT {
                *sums = most_sold(sums, KEPT).into_iter().collect();
            }
        }
    }

    /// The [`LISTS`] as figures of the programme: `hottest_products.Rope` is how many were sold.
    pub fn figures(&self) -> Vec<(String, f64)> {
        let named = |list: &str, sums: &BTreeMap<Arc<str>, i64>, most: usize| -> Vec<(String, f64)> {
            most_sold(sums, most).into_iter().map(|(name, count)| (format!("{list}.{name}"), count as f64)).collect()
        };
        let [(products, most_products), (categories, most_categories)] = LISTS;
        let mut all = named(products, &self.products, most_products);
        all.extend(named(categories, &self.categories, most_categories));
        all
    }
}

/// Whether `program.<name>` is one of the lists.
pub fn is_list(name: &str) -> bool {
    LISTS.iter().any(|(list, _)| *list == name)
}

/// The names of a list among a programme's figures, the most sold first; of equally sold ones the first by alphabet.
pub fn listed(figures: &BTreeMap<String, f64>, list: &str) -> Vec<Arc<str>> {
    let prefix = format!("{list}.");
    let mut all: Vec<(&str, f64)> = figures
        .range(prefix.clone()..)
        .map_while(|(name, count)| Some((name.strip_prefix(&prefix)?, *count)))
        .collect();
    // A stable sort: they stand by alphabet.
    all.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    all.into_iter().map(|(name, _)| Arc::from(name)).collect()
}

fn add(sums: &mut BTreeMap<Arc<str>, i64>, name: &Arc<str>, count: i64) {
    let sum = sums.entry(name.clone()).or_default();
    *sum = sum.saturating_add(count);
}

fn most_sold(sums: &BTreeMap<Arc<str>, i64>, most: usize) -> Vec<(Arc<str>, i64)> {
    let mut all: Vec<(Arc<str>, i64)> = sums.iter().map(|(name, count)| (name.clone(), *count)).collect();
    // A stable sort: they stand by alphabet.
    all.sort_by_key(|(_, count)| Reverse(*count));
    all.truncate(most);
    all
}
