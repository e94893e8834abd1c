//! `config/awards.yaml`: what a programme honours its partners with, and how often one partner can have it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_rule::Findings;
use rapport_rule::yaml::{Fields, Node, is_name};

use super::Texts;
use super::offers::{PerPartner, per_partner};

/// An award.
#[derive(Debug, Clone, PartialEq)]
pub struct Award {
    /// Its id.
    pub id: Arc<str>,
    /// What it is called, as mails and certificates say it.
    pub name: Texts,
    /// What it honours, one sentence for the partner.
    pub about: Texts,
    /// How often one partner can have it.
    pub per_partner: PerPartner,
}

pub(crate) fn read(node: &Node, path: &str, findings: &mut Findings) -> BTreeMap<Arc<str>, Award> {
    let mut awards = BTreeMap::new();
    for (key, value) in node.map(path, findings).unwrap_or_default() {
        if !is_name(&key.text) {
            findings.error("R0307", path, key.span, format!("`{}` is no name", key.text));
            continue;
        }
        if let Some(award) = award(&key.text, value, path, findings) {
            awards.insert(award.id.clone(), award);
        }
    }
    awards
}

fn award(id: &str, node: &Node, path: &str, findings: &mut Findings) -> Option<Award> {
    let fields = Fields::of(node, path, findings)?;
    let name = fields.require("name", findings).and_then(|node| Texts::read(node, path, findings));
    let about = fields.require("about", findings).and_then(|node| Texts::read(node, path, findings));
    let per_partner = per_partner(&fields, path, findings);
    fields.finish(&[], findings);
    Some(Award { id: id.into(), name: name?, about: about?, per_partner: per_partner? })
}
