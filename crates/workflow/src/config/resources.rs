//! `config/resources.yaml`: tools, material and training that mails point to, and who may have which.

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::Arc;

use rapport_event::Kind;
use rapport_message::Locale;
use rapport_message::next_resource::{Level, ResourceType, Wanted};
use rapport_partner::RESOURCE_GIVEN;
use rapport_rule::suggest::{listed, nearest};
use rapport_rule::yaml::{Fields, Node, is_name};
use rapport_rule::{Findings, Span};
use serde_json::{Value as Json, json};

use super::Texts;
use super::audience::{self, Audience, Sets};
use super::offers::address;

/// A tool, material or training.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Its id, as `resource.used`, `resource.given` and `training.completed` name it.
    pub id: Arc<str>,
    /// What it is.
    pub of_type: ResourceType,
    /// For whom it is made, if it says so.
    pub level: Option<Level>,
    /// The languages it is in; empty when everybody can use it.
    pub languages: Vec<String>,
    /// What it is called.
    pub title: Texts,
    /// One sentence for the partner.
    pub about: Texts,
    /// Where it is.
    pub url: Texts,
    /// Who may have it.
    pub entitled: Audience,
    /// The types of partner it is for; all when empty.
    pub partner_types: Vec<Arc<str>>,
    /// What comes first.
    pub after: Vec<Arc<str>>,
}

impl Resource {
    /// Whether it is what a mail asks for.
    pub fn fits(&self, wanted: Wanted) -> bool {
        wanted.of_type.is_none_or(|of_type| of_type == self.of_type)
            && wanted.level.is_none_or(|level| self.level == Some(level))
    }

    /// Whether somebody who reads these languages can use it.
    pub fn is_readable_in<S: AsRef<str>>(&self, languages: &[S]) -> bool {
        self.languages.is_empty() || languages.iter().any(|tag| self.languages.iter().any(|own| own == tag.as_ref()))
    }

    /// What a mail shows of it, in the first language that has it.
    pub fn in_language<S: AsRef<str>>(&self, languages: &[S]) -> Json {
        json!({
            "id": &*self.id,
            "type": self.of_type.code(),
            "level": self.level.map(Level::code),
            "title": self.title.in_language(languages),
            "about": self.about.in_language(languages),
            "url": self.url.in_language(languages),
        })
    }
}

/// All of them, in the order written: of several that fit, mails show the first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resources {
    /// In the order written.
    pub all: Vec<Resource>,
}

impl Resources {
    /// The resource of this id.
    pub fn get(&self, id: &str) -> Option<&Resource> {
        self.all.iter().find(|resource| *resource.id == *id)
    }

    /// What a partner could use next: the first that fits, that they can read and `may_have`, that they have not had, and all of
    /// whose predecessors they have.
    pub fn next<S: AsRef<str>>(
        &self,
        wanted: Wanted,
        languages: &[S],
        may_have: impl Fn(&Resource) -> bool,
        had: impl Fn(&str) -> bool,
    ) -> Option<&Resource> {
        self.all.iter().find(|resource| {
            resource.fits(wanted)
                && resource.is_readable_in(languages)
                && !had(&resource.id)
                && resource.after.iter().all(|before| had(before))
                && may_have(resource)
        })
    }

    /// The ids that are declared for a field of an event; empty where any word may stand.
    pub(crate) fn named_by(&self, kind: &Kind, field: &str) -> Vec<Arc<str>> {
        let of_type = match (kind, field) {
            (Kind::TrainingCompleted | Kind::PartnerAwarded, "training") => Some(ResourceType::Training),
            (Kind::ResourceUsed, "resource") => None,
            (Kind::Custom(name), "resource") if **name == *RESOURCE_GIVEN => None,
            _ => return Vec::new(),
        };
        let wanted = Wanted { of_type, level: None };
        self.all.iter().filter(|resource| resource.fits(wanted)).map(|resource| resource.id.clone()).collect()
    }
}

/// What resources may refer to.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) sets: Sets<'a>,
    /// Empty when any word may be a type.
    pub(crate) partner_types: &'a [Arc<str>],
}

pub(crate) fn read(node: &Node, path: &str, known: Known<'_>, findings: &mut Findings) -> Resources {
    let mut all = Resources::default();
    let mut afters: BTreeMap<Arc<str>, Span> = BTreeMap::new();
    let entries = node.map(path, findings).unwrap_or_default();
    let names: Vec<&str> = entries.iter().map(|(key, _)| key.text.as_str()).collect();
    for (key, value) in entries {
        if !is_name(&key.text) {
            findings.error("R0307", path, key.span, format!("`{}` is no name", key.text));
            continue;
        }
        if let Some(resource) = resource(&key.text, value, path, &names, known, findings) {
            afters.extend(value.get("after").map(|after| (resource.id.clone(), after.span)));
            all.all.push(resource);
        }
    }
    check_order(&all, &afters, path, findings);
    all
}

fn resource(
    id: &str,
    node: &Node,
    path: &str,
    names: &[&str],
    known: Known<'_>,
    findings: &mut Findings,
) -> Option<Resource> {
    let fields = Fields::of(node, path, findings)?;
    let of_type = fields.require("type", findings).and_then(|node| node.one_of(&ResourceType::CODES, path, findings));
    let level = fields.take("level").map(|node| node.one_of(&Level::CODES, path, findings));
    let title = fields.require("title", findings).and_then(|node| Texts::read(node, path, findings));
    let about = fields.require("about", findings).and_then(|node| Texts::read(node, path, findings));
    let where_it_is = fields.require("url", findings);
    let url = where_it_is
        .and_then(|node| Texts::read_each(node, path, findings, |node, findings| address(node, path, findings)));
    let languages = fields.take("languages");
    let written = languages.map(|node| self::languages(node, path, findings));
    let entitled = audience::entitled(fields.take("for"), path, known.sets, findings);
    let partner_types = fields.take("partner_types").map(|node| types(node, path, known.partner_types, findings));
    let after = fields.take("after").map(|node| after(node, path, names, findings));
    for key in ["languages", "partner_types", "after"] {
        if let Some(node) = fields.peek(key).filter(|node| node.one_or_many().is_empty()) {
            findings
                .error("R0574", path, node.span, format!("`{key}` names nothing"))
                .label(format!("name one, or leave `{key}` away"));
        }
    }
    fields.finish(&[], findings);
    let (title, about, url) = (title?, about?, url?);
    // Addresses by language say which languages there are.
    let spoken = written.unwrap_or_else(|| url.languages().map(str::to_owned).collect());
    if let Some(node) = languages.or(where_it_is) {
        check_words(id, &spoken, [("title", &title), ("about", &about), ("url", &url)], (node, path), findings);
    }
    Some(Resource {
        id: id.into(),
        of_type: *ResourceType::ALL.get(of_type?)?,
        level: match level {
            Some(which) => Some(*Level::ALL.get(which?)?),
            None => None,
        },
        languages: spoken,
        title,
        about,
        url,
        entitled: entitled?,
        partner_types: partner_types.unwrap_or_default(),
        after: after.unwrap_or_default(),
    })
}

/// R0582 for each language that lacks something.
fn check_words(
    id: &str,
    languages: &[String],
    words: [(&str, &Texts); 3],
    (node, path): (&Node, &str),
    findings: &mut Findings,
) {
    for tag in languages {
        let base = tag.split('-').next().unwrap_or_default();
        for (what, texts) in words {
            if !texts.has(tag) && !texts.has(base) {
                findings
                    .error("R0582", path, node.span, format!("`{id}` is in `{tag}`, and has no `{what}` in it"))
                    .hint("Write it in each of its languages, or once for all.");
            }
        }
    }
}

fn languages(node: &Node, path: &str, findings: &mut Findings) -> Vec<String> {
    let mut tags = Vec::new();
    for item in node.one_or_many() {
        let Some(text) = item.text(path, findings) else { continue };
        match Locale::parse(text) {
            Some(locale) => tags.push(locale.tag().to_owned()),
            None => {
                findings
                    .error("R0519", path, item.text_span(), format!("`{text}` is no language"))
                    .label("write a tag like `en`, `de` or `de-AT`");
            }
        }
    }
    tags
}

fn types(node: &Node, path: &str, known: &[Arc<str>], findings: &mut Findings) -> Vec<Arc<str>> {
    let mut types: Vec<Arc<str>> = Vec::new();
    for item in node.one_or_many() {
        let Some(text) = item.filled_text(path, findings) else { continue };
        if !known.is_empty() && known.iter().all(|known| **known != *text) {
            findings
                .error("R0214", path, item.text_span(), format!("no partner is of type `{text}`"))
                .did_you_mean(nearest(text, known.iter().map(|known| &**known)))
                .hint("The types are declared as `partner_types` in config/rapport.yaml.");
        }
        types.push(text.into());
    }
    types
}

fn after(node: &Node, path: &str, names: &[&str], findings: &mut Findings) -> Vec<Arc<str>> {
    let mut all: Vec<Arc<str>> = Vec::new();
    for item in node.one_or_many() {
        let Some(text) = item.text(path, findings) else { continue };
        if names.contains(&text) {
            all.push(text.into());
            continue;
        }
        findings
            .error("R0579", path, item.text_span(), format!("there is no resource `{text}`"))
            .did_you_mean(nearest(text, names.iter().copied()))
            .hint(format!("Declared: {}.", listed(names.iter().copied(), 12)));
    }
    all
}

/// A finding for each round of resources that wait for each other.
fn check_order(all: &Resources, afters: &BTreeMap<Arc<str>, Span>, path: &str, findings: &mut Findings) {
    let by_id: BTreeMap<&str, &Resource> = all.all.iter().map(|resource| (&*resource.id, resource)).collect();
    let mut told: Vec<&str> = Vec::new();
    for resource in &all.all {
        if told.contains(&&*resource.id) {
            continue;
        }
        let Some(round) = round(resource, &by_id) else { continue };
        let span = afters.get(&resource.id).copied();
        findings
            .error("R0578", path, span, format!("nobody ever gets to `{}`: {}", resource.id, round.join(" → ")))
            .hint("Each waits for the next. Take one of them out of `after`.");
        told.extend(round);
    }
}

/// The way from a resource over those that come before it back to itself, if there is one: the shortest.
fn round<'r>(start: &'r Resource, by_id: &BTreeMap<&'r str, &'r Resource>) -> Option<Vec<&'r str>> {
    // Of each that was reached, the one it comes before.
    let mut reached: BTreeMap<&'r str, &'r str> = BTreeMap::new();
    let mut open: VecDeque<&'r Resource> = VecDeque::from([start]);
    while let Some(resource) = open.pop_front() {
        for before in &resource.after {
            if **before == *start.id {
                let mut round: Vec<&'r str> = vec![&*start.id];
                let mut at: &'r str = &resource.id;
                while *at != *start.id {
                    round.push(at);
                    at = reached.get(at).copied()?;
                }
                round.push(&start.id);
                round.reverse();
                return Some(round);
            }
            if let Entry::Vacant(place) = reached.entry(before) {
                place.insert(&resource.id);
                open.extend(by_id.get(&**before).copied());
            }
        }
    }
    None
}
