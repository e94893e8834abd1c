//! `programme:` of a test: the others in the background, and what the programme's figures are.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_partner::figure::Unit;
use rapport_partner::program::Cut;
use rapport_partner::{FigureValue, ProgramFigure, sold};
use rapport_rule::Findings;
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::{Fields, Key, Node, Value};

use crate::figures;

/// The programme a test plays in.
#[derive(Debug, Clone, PartialEq)]
pub struct Programme {
    /// Other partners in the background, among whom dips and groups by share are judged.
    pub steady_partners: u32,
    /// Seed of the background.
    pub seed: u64,
    /// The programme's figures by their names behind `program.`, as of the last closed day of every moment of the test. The
    /// background says nothing of them: what is not written here is missing.
    pub figures: BTreeMap<String, FigureValue>,
    /// Its lists likewise, in their order.
    pub lists: BTreeMap<String, Vec<Arc<str>>>,
}

impl Default for Programme {
    fn default() -> Self {
        Self { steady_partners: 200, seed: 1, figures: BTreeMap::new(), lists: BTreeMap::new() }
    }
}

pub(super) fn read(node: &Node, path: &str, findings: &mut Findings) -> Programme {
    let mut programme = Programme::default();
    let Some(fields) = Fields::of(node, path, findings) else { return programme };
    let number =
        |key, range, findings: &mut Findings| fields.take(key).and_then(|node: &Node| node.int(range, path, findings));
    if let Some(partners) = number("steady_partners", 0..=2_000, findings) {
        programme.steady_partners = partners as u32;
    }
    if let Some(seed) = number("seed", 0..=i64::MAX, findings) {
        programme.seed = seed as u64;
    }
    for (key, node) in fields.take("figures").and_then(|node| node.map(path, findings)).unwrap_or_default() {
        if sold::is_list(&key.text) {
            programme.lists.insert(key.text.clone(), node.texts(path, findings).into_iter().map(Arc::from).collect());
        } else if let Some(value) = figure(key, node, path, findings) {
            programme.figures.insert(key.text.clone(), value);
        }
    }
    fields.finish(&[], findings);
    programme
}

/// A figure in its own unit: `31`, `12000 EUR`, `4.5`, `-20%`.
fn figure(key: &Key, node: &Node, path: &str, findings: &mut Findings) -> Option<FigureValue> {
    let name = key.text.as_str();
    let Some(figure) = ProgramFigure::parse(name).or_else(|| Cut::parse(name).map(|(_, figure)| figure)) else {
        let known = figures::program_proposals();
        findings
            .error("R0101", path, key.span, format!("a programme has no figure `{name}`"))
            .label("write the name as it stands behind `program.`")
            .did_you_mean(nearest(name, known.iter().map(String::as_str)));
        return None;
    };
    let lowest = if figure.may_be_negative() { f64::MIN } else { 0.0 };
    match figure.unit() {
        Unit::Count => node.int(0..=i64::MAX, path, findings).map(FigureValue::Count),
        Unit::Money => node.money(path, findings).map(FigureValue::Money),
        Unit::Number => not_below(lowest, node.number(path, findings)?, node, path, findings).map(FigureValue::Number),
        Unit::Percent => {
            let percent = percent(node, path, findings)?;
            not_below(lowest, percent, node, path, findings).map(FigureValue::Percent)
        }
    }
}

fn not_below(lowest: f64, value: f64, node: &Node, path: &str, findings: &mut Findings) -> Option<f64> {
    if value < lowest {
        findings
            .error("R0022", path, node.span, format!("{value} is not possible here"))
            .label("this figure is never below 0");
        return None;
    }
    Some(value)
}

/// A percentage with its sign. Growth may be below zero, and rates of small numbers above a hundred.
fn percent(node: &Node, path: &str, findings: &mut Findings) -> Option<f64> {
    let number = node.as_str().and_then(|text| text.trim().strip_suffix('%')?.trim_end().parse::<f64>().ok());
    let number = number.filter(|number| number.is_finite());
    if number.is_none() {
        let finding = findings.error("R0302", path, node.span, "expected a percentage like `-20%`");
        match node.value {
            Value::Int(bare) => finding.label(format!("write `{bare}%`")),
            Value::Float(bare) => finding.label(format!("write `{bare}%`")),
            _ => finding,
        };
    }
    number
}
