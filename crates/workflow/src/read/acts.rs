//! Steps that do something beside mail: labels set, cases opened, awards given, other systems called.

use std::sync::Arc;

use rapport_rule::Findings;
use rapport_rule::expr::Template;
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::{Fields, Node, Value};

use super::{Reader, person};
use crate::config::HookKind;
use crate::environment::is_personal_path;
use crate::model::{Call, CallValue, Case, Honour, SetField};

/// Stored fields of a partner that a programme decides itself; the others are facts that trackers tell.
const SETTABLE: [&str; 3] = ["type", "manager", "language"];

/// `set: { stage: warm, manager: ines }`. `null` takes a label away.
pub(super) fn set(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Option<(Vec<SetField>, String)> {
    let path = reader.path();
    let entries = node.map(path, findings)?;
    let before = findings.errors();
    if entries.is_empty() {
        findings.error("R0563", path, node.span, "`set` without anything to set").label("set: { stage: warm }");
    }
    let labels = &reader.catalogue.declared.labels;
    let mut all: Vec<SetField> = Vec::new();
    for (key, value) in entries {
        let name = key.text.as_str();
        if let Some(label) = labels.get(name) {
            let wanted = match &value.value {
                Value::Null => None,
                _ => Some(value.text(path, findings)?),
            };
            if let Some(text) = wanted.filter(|text| !label.values.iter().any(|known| **known == **text)) {
                findings
                    .error("R0564", path, value.text_span(), format!("the label `{name}` cannot be `{text}`"))
                    .did_you_mean(nearest(text, label.values.iter().map(|value| &**value)))
                    .hint("Its values are declared in config/labels.yaml.");
            }
            all.push(SetField { field: format!("labels.{name}").into(), value: wanted.map(Arc::from) });
        } else if SETTABLE.contains(&name) {
            let text = value.filled_text(path, findings)?;
            let text = match name {
                "manager" => person::sender(text, value.text_span(), reader, findings)?,
                "language" => match rapport_message::Locale::parse(text) {
                    Some(locale) => locale.tag().into(),
                    None => {
                        findings
                            .error("R0519", path, value.text_span(), format!("`{text}` is no language"))
                            .label("write a tag like `en`, `de` or `de-AT`");
                        continue;
                    }
                },
                "type" => {
                    let types = &reader.catalogue.declared.partner_types;
                    if !types.is_empty() && !types.iter().any(|known| **known == *text) {
                        findings
                            .error("R0214", path, value.text_span(), format!("no partner is of type `{text}`"))
                            .did_you_mean(nearest(text, types.iter().map(|known| &**known)))
                            .hint("The types are declared as `partner_types` in config/rapport.yaml.");
                    }
                    text.into()
                }
                _ => text.into(),
            };
            all.push(SetField { field: name.into(), value: Some(text) });
        } else {
            findings
                .error("R0563", path, key.span, format!("`{name}` cannot be set"))
                .did_you_mean(nearest(name, labels.keys().map(|label| &**label).chain(SETTABLE)))
                .hint("Labels are declared in config/labels.yaml; of the partner itself: type, manager, language.");
        }
    }
    let name = entries.iter().map(|(key, _)| key.text.as_str()).collect::<Vec<_>>().join(" ");
    (findings.errors() == before).then_some((all, name))
}

/// `open_case: { objective, owner, or, due }`.
pub(super) fn open_case(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Option<Case> {
    let path = reader.path();
    let fields = Fields::of(node, path, findings)?;
    let before = findings.errors();
    let owner = person::person(&fields, "owner", reader, findings);
    let objective = fields.require("objective", findings).and_then(|node| template(node, reader, findings));
    let due = fields.require("due", findings).and_then(|node| node.length(path, findings));
    fields.finish(&[], findings);
    (findings.errors() == before).then_some(())?;
    Some(Case { owner: owner?, objective: objective?, due: due? })
}

/// `award: { kind, because }`, short `award: KIND`.
pub(super) fn award(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Option<Honour> {
    let path = reader.path();
    let before = findings.errors();
    let (kind, because) = match node.as_map() {
        None => (Some(node), None),
        Some(_) => {
            let fields = Fields::of(node, path, findings)?;
            let kind = fields.require("kind", findings);
            let because = fields.take("because").and_then(|node| template(node, reader, findings));
            fields.finish(&[], findings);
            (kind, because)
        }
    };
    let kind = kind?;
    let text = kind.text(path, findings)?;
    let awards = reader.catalogue.awards;
    if !awards.contains_key(text) {
        findings
            .error("R0568", path, kind.text_span(), format!("there is no award `{text}`"))
            .did_you_mean(nearest(text, awards.keys().map(|id| &**id)))
            .hint("Awards are declared in config/awards.yaml.");
    }
    for name in because.iter().flat_map(Template::names).filter(|name| is_personal_path(name)) {
        findings
            .error("R0425", path, node.span, format!("`{name}` is a personal field"))
            .hint("Why an award is given is kept with the award; the mail and the certificate name the partner.");
    }
    (findings.errors() == before).then(|| Honour { award: text.into(), because })
}

/// `webhook: { to, with }`, short `webhook: NAME`; `slack: { to, text }`.
pub(super) fn call(node: &Node, kind: HookKind, reader: &Reader<'_>, findings: &mut Findings) -> Option<Call> {
    let path = reader.path();
    let before = findings.errors();
    let mut with: Vec<(Arc<str>, CallValue)> = Vec::new();
    let to = match (node.as_map(), kind) {
        (None, HookKind::Webhook) => node,
        _ => {
            let fields = Fields::of(node, path, findings)?;
            let to = fields.require("to", findings);
            match kind {
                HookKind::Slack => {
                    let text = fields.require("text", findings).and_then(|node| template(node, reader, findings));
                    with.extend(text.map(|text| ("text".into(), CallValue::Text(text))));
                }
                HookKind::Webhook => {
                    for (key, value) in
                        fields.take("with").and_then(|node| node.map(path, findings)).unwrap_or_default()
                    {
                        let value = match &value.value {
                            Value::Bool(truth) => Some(CallValue::Fixed((*truth).into())),
                            Value::Int(number) => Some(CallValue::Fixed((*number).into())),
                            _ => template(value, reader, findings).map(CallValue::Text),
                        };
                        with.extend(value.map(|value| (Arc::from(key.text.as_str()), value)));
                    }
                }
            }
            fields.finish(&[], findings);
            to?
        }
    };
    let name = to.text(path, findings)?;
    let of_kind = || reader.catalogue.hooks.iter().filter(|(_, hook)| hook.kind == kind).map(|(id, _)| &**id);
    let Some(hook) = reader.catalogue.hooks.get(name).filter(|hook| hook.kind == kind) else {
        findings
            .error("R0567", path, to.text_span(), format!("there is no {} `{name}`", kind.code()))
            .did_you_mean(nearest(name, of_kind()))
            .hint("Systems that workflows call are declared in config/hooks.yaml, each with its kind.");
        return None;
    };
    (findings.errors() == before).then_some(())?;
    Some(Call { hook: name.into(), kind, within: hook.within, private: hook.private, with })
}

fn template(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Option<Template> {
    let text = node.filled_text(reader.path(), findings)?;
    Template::compile(text, node.text_span(), reader.path(), &reader.names(), findings)
}
