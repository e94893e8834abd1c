//! `config/health.yaml`: how a partner's health is scored. Its numbers are checked by `insight`; here they are read with places.

use rapport_insight::health::{BandSpec, GroupSpec, HealthModel, InputSpec, ModelSpec};
use rapport_rule::yaml::{Fields, Node};
use rapport_rule::{Findings, Length};

/// Reads all models; the first without `types` serves everybody no other one names.
pub(crate) fn read(node: &Node, path: &str, findings: &mut Findings) -> Vec<HealthModel> {
    let mut models = Vec::new();
    let Some(fields) = Fields::of(node, path, findings) else { return models };
    let entries = fields.require("models", findings).and_then(|node| node.map(path, findings)).unwrap_or_default();
    fields.finish(&[], findings);
    for (key, value) in entries {
        let Some(spec) = model(&key.text, value, path, findings) else { continue };
        if let Some(kind) = doubted(&models, &spec) {
            let span = value.get("types").map_or(key.span, |node| node.span);
            findings
                .error("R0543", path, span, format!("two models serve partners of type `{kind}`"))
                .label("say which goes first: `precedence: 10`, the higher one");
        }
        match HealthModel::compile(spec) {
            Ok(model) => models.push(model),
            Err(wrong) => {
                for wrong in wrong {
                    let span = place(value, &wrong.place).map_or(key.span, |node| node.span);
                    findings.error("R0543", path, span, wrong.message);
                }
            }
        }
    }
    // One with a mistake may be the one that serves them.
    let is_whole = models.len() == entries.len();
    if !entries.is_empty() && is_whole && !models.iter().any(|model| model.spec().types.is_empty()) {
        findings
            .error("R0543", path, node.span, "no model serves partners of other types")
            .label("one model has no `types`");
    }
    models
}

/// The node at a dotted path, as near as it is written.
fn place<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    let mut at = node;
    for segment in path.split('.') {
        let next = at.get(segment).or_else(|| at.get("inputs").and_then(|inputs| inputs.get(segment)));
        match next {
            Some(next) => at = next,
            None => return (!std::ptr::eq(at, node)).then_some(at),
        }
    }
    Some(at)
}

/// A type that another model names with the same precedence.
fn doubted<'s>(models: &[HealthModel], spec: &'s ModelSpec) -> Option<&'s String> {
    let equal = || models.iter().map(HealthModel::spec).filter(|other| other.precedence == spec.precedence);
    spec.types.iter().find(|kind| equal().any(|other| other.types.contains(kind)))
}

fn model(name: &str, node: &Node, path: &str, findings: &mut Findings) -> Option<ModelSpec> {
    let fields = Fields::of(node, path, findings)?;
    let before = findings.errors();
    let types = fields.take("types").map(|node| node.texts(path, findings)).unwrap_or_default();
    let precedence = fields.take("precedence").map_or(Some(0), |node| {
        let number = node.number(path, findings)?;
        Some(number.clamp(-1e6, 1e6) as i64)
    });
    let types = types.into_iter().map(str::to_owned).collect();
    let mut groups = Vec::new();
    for (key, value) in fields.require("groups", findings).and_then(|node| node.map(path, findings)).unwrap_or_default()
    {
        groups.extend(group(&key.text, value, path, findings));
    }
    let mut bands = Vec::new();
    for (key, value) in fields.require("bands", findings).and_then(|node| node.map(path, findings)).unwrap_or_default()
    {
        bands.extend(value.number(path, findings).map(|from| BandSpec { name: key.text.clone(), from }));
    }
    let hysteresis = fields.take("hysteresis").map_or(Some(5.0), |node| node.number(path, findings));
    let settle_days = fields.take("settle").map_or(Some(7), |node| days(node, path, findings));
    let (mut falling_points, mut falling_within_days) = (Some(15.0), Some(28));
    if let Some(fields) = fields.take("falling").and_then(|node| Fields::of(node, path, findings)) {
        falling_points = fields.require("points", findings).and_then(|node| node.number(path, findings));
        falling_within_days = fields.require("within", findings).and_then(|node| days(node, path, findings));
        fields.finish(&[], findings);
    }
    fields.finish(&[], findings);
    (findings.errors() == before).then_some(())?;
    Some(ModelSpec {
        name: name.to_owned(),
        precedence: precedence?,
        types,
        groups,
        bands,
        hysteresis: hysteresis?,
        settle_days: settle_days?,
        falling_points: falling_points?,
        falling_within_days: falling_within_days?,
    })
}

fn days(node: &Node, path: &str, findings: &mut Findings) -> Option<u16> {
    let days = match node.length(path, findings)? {
        Length::Days(days) => Some(days),
        Length::Weeks(weeks) => weeks.checked_mul(7),
        _ => None,
    };
    let days = days.and_then(|days| u16::try_from(days).ok());
    if days.is_none() {
        findings.error("R0301", path, node.span, "days or weeks are expected here").label("write `28 days`");
    }
    days
}

fn group(name: &str, node: &Node, path: &str, findings: &mut Findings) -> Option<GroupSpec> {
    let fields = Fields::of(node, path, findings)?;
    let weight = fields.require("weight", findings).and_then(|node| node.number(path, findings));
    let mut inputs = Vec::new();
    for (key, value) in fields.require("inputs", findings).and_then(|node| node.map(path, findings)).unwrap_or_default()
    {
        inputs.extend(input(&key.text, value, path, findings));
    }
    fields.finish(&[], findings);
    Some(GroupSpec { name: name.to_owned(), weight: weight?, inputs })
}

fn input(name: &str, node: &Node, path: &str, findings: &mut Findings) -> Option<InputSpec> {
    let fields = Fields::of(node, path, findings)?;
    let weight = fields.require("weight", findings).and_then(|node| node.number(path, findings));
    // One that cannot be read is not the same as none.
    let missing = fields.take("missing").map_or(Some(None), |node| node.number(path, findings).map(Some));
    let mut anchors = Vec::new();
    let pairs = fields.require("anchors", findings).and_then(|node| node.list(path, findings)).unwrap_or_default();
    for pair in pairs {
        match pair.as_seq() {
            Some([value, points]) => {
                anchors.extend(value.number(path, findings).zip(points.number(path, findings)));
            }
            _ => {
                findings
                    .error("R0543", path, pair.span, "an anchor is a value and its points")
                    .label("write `[6, 40]`");
            }
        }
    }
    fields.finish(&[], findings);
    Some(InputSpec { name: name.to_owned(), weight: weight?, anchors, missing: missing? })
}
