//! What may be named in a project, for editors and for people who ask: fields, figures, kinds, ids and mails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rapport_event::Kind;
use rapport_event::kind::CATALOGUE;
use rapport_partner::metric::{self, Metric};
use rapport_rule::expr::{Environment, Type};
use rapport_rule::yaml::{self, Value};
use rapport_rule::{Findings, Source};

use crate::config::HookKind;
use crate::environment::{Declared, Names, TIMED, may_start};
use crate::model::KindPattern;

/// A name in conditions and texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// The name as written.
    pub name: String,
    /// What it holds.
    pub ty: Type,
    /// Whether it may be missing, `?` in a condition.
    pub maybe_missing: bool,
    /// All values there are, where they are a closed set.
    pub values: Vec<String>,
    /// What it means, for people; empty where its name says it.
    pub about: String,
}

/// Everything a project's files declare, as far as they can be read.
#[derive(Debug, Default)]
pub struct Vocabulary {
    pub(crate) declared: Declared,
    /// Senders of `config/rapport.yaml`.
    pub senders: Vec<Arc<str>>,
    /// Topics.
    pub topics: Vec<Arc<str>>,
    /// Offers.
    pub offers: Vec<Arc<str>>,
    /// Feeds.
    pub feeds: Vec<Arc<str>>,
    /// Hooks, and what kind each is.
    pub hooks: Vec<(Arc<str>, HookKind)>,
    /// Workflows.
    pub workflows: Vec<Arc<str>>,
    /// Mails by workflow.
    pub mails: BTreeMap<Arc<str>, BTreeSet<String>>,
}

/// What may be named where a workflow's conditions and texts stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// What `event` may be.
    pub kinds: Vec<Kind>,
    /// What `event.kind` is of triggers that are no event.
    pub timed: Vec<&'static str>,
    /// What `awaited` may be.
    pub awaited: Vec<Kind>,
    /// Choices of tasks that ask.
    pub choices: Vec<Arc<str>>,
}

impl Vocabulary {
    /// What a workflow's text begins on, awaits and asks. Of a text that is no YAML at the moment, what its lines show.
    pub fn place(&self, text: &str) -> Place {
        let mut place = Place::default();
        let known = |pattern: &str| self.declared.kinds(&KindPattern(pattern.into()));
        let source = Source::new("workflow.yaml", text);
        let Some(node) = yaml::parse(&source, &mut Findings::new()) else {
            let when = text.lines().find_map(|line| line.strip_prefix("when:")).unwrap_or_default();
            let words = when.split(|c: char| !(c.is_ascii_alphanumeric() || "_.*".contains(c)));
            place.kinds = words.filter(|word| !word.is_empty()).flat_map(known).filter(may_start).collect();
            return place;
        };
        for item in node.get("when").map(yaml::Node::one_or_many).unwrap_or_default() {
            if let Some(band) = item.get("dropped_to").and_then(yaml::Node::as_str) {
                place.kinds.push(Kind::DroppedTo(band.into()));
            }
            place.timed.extend(TIMED.iter().filter(|(key, _)| item.get(key).is_some()).map(|(_, kind)| *kind));
            place.kinds.extend(item.as_str().map(known).unwrap_or_default().into_iter().filter(may_start));
        }
        let mut open = vec![&node];
        while let Some(node) = open.pop() {
            match &node.value {
                Value::Map(entries) => {
                    for (key, value) in entries {
                        let texts = || value.one_or_many().iter().filter_map(yaml::Node::as_str);
                        match key.text.as_str() {
                            "wait_for" => place.awaited.extend(texts().flat_map(known)),
                            "choices" => place.choices.extend(texts().map(Arc::from)),
                            _ => {}
                        }
                        open.push(value);
                    }
                }
                Value::Seq(items) => open.extend(items),
                _ => {}
            }
        }
        place
    }

    /// The names of that place.
    pub(crate) fn names<'a>(&'a self, place: &'a Place) -> Names<'a> {
        Names {
            declared: &self.declared,
            event: Some(&place.kinds),
            timed: &place.timed,
            handed: &[],
            awaited: (!place.awaited.is_empty()).then_some(&place.awaited[..]),
            mail: true,
            choices: &place.choices,
            judged: true,
        }
    }

    /// Every name worth proposing there, each once, ordered.
    pub fn words(&self, place: &Place) -> Vec<Word> {
        let names = self.names(place);
        let mut all: Vec<Word> = names.names().iter().filter_map(|name| self.told(name, &names)).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all.dedup_by(|a, b| a.name == b.name);
        all
    }

    /// What is known of a name there.
    pub fn word(&self, name: &str, place: &Place) -> Option<Word> {
        self.told(name, &self.names(place))
    }

    fn told(&self, name: &str, names: &Names<'_>) -> Option<Word> {
        let variable = names.lookup(name)?;
        let values = variable.closed_set.iter().flat_map(|set| set.iter()).map(ToString::to_string).collect();
        Some(Word {
            name: name.to_owned(),
            ty: variable.ty,
            maybe_missing: variable.maybe_missing,
            values,
            about: about(name),
        })
    }

    /// Every kind of event and one sentence about it; those that can start a workflow, or all.
    pub fn kinds(&self, starting: bool) -> Vec<(String, String)> {
        let catalogue = CATALOGUE.iter().filter(|entry| !starting || may_start(&entry.kind));
        let mut all: Vec<(String, String)> =
            catalogue.map(|entry| (entry.name.to_owned(), entry.about.to_owned())).collect();
        all.extend(self.declared.custom.iter().map(|kind| (kind.name.to_string(), kind.about.clone())));
        all
    }

    /// The fields of a kind's events, as `event.…` names them.
    pub fn fields(&self, kind: &str) -> Option<Vec<Word>> {
        let kind = Kind::parse_with(kind, &self.declared.custom)?;
        let place = Place { kinds: vec![kind], ..Place::default() };
        Some(self.words(&place).into_iter().filter(|word| word.name.starts_with("event.")).collect())
    }

    /// Labels of `config/labels.yaml`.
    pub fn labels(&self) -> Vec<Arc<str>> {
        self.declared.labels.keys().cloned().collect()
    }

    /// Awards of `config/awards.yaml`.
    pub fn awards(&self) -> &[Arc<str>] {
        &self.declared.awards
    }

    /// Segments of `config/segments.yaml`.
    pub fn segments(&self) -> &[Arc<str>] {
        &self.declared.segments
    }

    /// Groups of `config/segments.yaml`.
    pub fn groups(&self) -> &[Arc<str>] {
        &self.declared.groups
    }

    /// Bands of `config/health.yaml`.
    pub fn bands(&self) -> &[Arc<str>] {
        &self.declared.bands
    }

    /// Programmes of `config/rapport.yaml`.
    pub fn programs(&self) -> &[Arc<str>] {
        &self.declared.programs
    }

    /// Surveys of `config/surveys.yaml`.
    pub fn surveys(&self) -> Vec<Arc<str>> {
        self.declared.surveys.keys().cloned().collect()
    }
}

/// The line of the metric catalogue a figure belongs to: the longest metric its name begins with.
pub fn metric_of(figure: &str) -> Option<Metric> {
    let (name, scope) = match figure.strip_prefix("program.") {
        Some(name) => (name, metric::Scope::Program),
        None => (figure, metric::Scope::Partner),
    };
    let fits = |metric: &Metric| {
        metric.scope == scope
            && name.strip_prefix(metric.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    metric::catalogue().into_iter().filter(fits).max_by_key(|metric| metric.name.len())
}

/// What a name means, for people.
fn about(name: &str) -> String {
    if let Some(given) = rapport_message::variable::GIVEN.iter().find(|given| given.path == name) {
        return given.about.to_owned();
    }
    let is_figure = crate::figures::variable(name).is_some()
        || name.strip_prefix("program.").is_some_and(|name| crate::figures::of_program(name).is_some());
    if let Some(metric) = metric_of(name).filter(|_| is_figure) {
        let unit = metric::unit_name(metric.unit);
        return format!("{} Unit: {unit}. Formula: {}. Missing: {}.", metric.about, metric.formula, metric.missing);
    }
    let field = name.rsplit('.').next().unwrap_or_default();
    let object = name.split('.').next().unwrap_or_default();
    match (object, field) {
        ("group", _) => "The partner's group of config/segments.yaml; exactly one.".into(),
        ("lane", _) => "Which broadcasts reach the partner.".into(),
        ("segment", _) => "Whether the partner is in this segment.".into(),
        ("goal", _) => "How the partner stands with this goal.".into(),
        ("mail", _) => "What became of the last mail.".into(),
        ("call", _) => "What became of the last webhook or Slack line: delivered or failed.".into(),
        ("task", _) => "The answer to the last task that asked.".into(),
        ("event", "summary") => "The sentence for people in the partner's language.".into(),
        ("event", "drop_percent") => "100 · (1 − observed/expected), whole, half up.".into(),
        ("event", "expected") => "What the partner's own normal made expect since `since`.".into(),
        ("event", "observed") => "What came since `since`.".into(),
        ("event", _) => "Of the trigger, as it was at entry.".into(),
        ("awaited", _) => "Of the event the last `wait_for` met.".into(),
        ("partner", "score") => "Health, 0 to 100, of config/health.yaml.".into(),
        ("partner", "band") => "The band of health.".into(),
        ("partner", _) if name.starts_with("partner.answers.") => "The last answer to this survey.".into(),
        ("partner", _) if name.starts_with("partner.said.") => {
            "What the partner last wrote to this survey; for tasks, cases and calls.".into()
        }
        ("partner", _) if name.starts_with("partner.labels.") => {
            "A label of config/labels.yaml; `set` writes it.".into()
        }
        ("partner", "awards") => "The awards given to the partner, by id.".into(),
        ("partner", _) if name.starts_with("partner.awarded.") => "When the partner was last given this award.".into(),
        ("partner", "top_products") => "What the partner sells most, the most frequent first; at most eight.".into(),
        ("partner", "open_cases") => "How many cases about the partner are open.".into(),
        ("partner", "status") => "unknown, applied, active, suspended, rejected or closed.".into(),
        ("partner", "consent") => "Whether the partner agreed to marketing mail.".into(),
        ("partner", _) => "Stored of the partner, as it is now.".into(),
        ("program", "hottest_products") => {
            "What the whole programme sold most in its last 28 closed days, the most sold first; at most ten.".into()
        }
        ("program", "best_categories") => {
            "The categories of which the whole programme sold most in its last 28 closed days; at most five.".into()
        }
        ("program", _) => "Of the programme, config/rapport.yaml.".into(),
        _ => String::new(),
    }
}
