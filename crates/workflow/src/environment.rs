//! Which names exist where: LANGUAGE section 4, "Scope".

mod answers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use rapport_event::custom::CustomKinds;
use rapport_event::engine::CASE_OUTCOMES;
use rapport_event::kind::{CATALOGUE, Family};
use rapport_event::{FieldType, Kind, Origin};
use rapport_partner::program::{Cut, CutBy};
use rapport_rule::expr::{Environment, Method, Refused, Type, Value, Variable};
use rapport_rule::yaml::Node;
use rapport_rule::{Currency, Findings, Money};
use serde_json::Value as Json;

use crate::config::{ANNIVERSARY, GoalNames, Label, Resources, Survey};
use crate::figures;
use crate::model::{CALL_OUTCOMES, KindPattern, MAIL_OUTCOMES};
use crate::received::{self, MailNames};

pub(crate) use answers::SAID;

/// The statuses a partner can have.
pub const STATUSES: [&str; 6] = ["unknown", "applied", "active", "suspended", "rejected", "closed"];

/// Fields of a partner that are stored as such; answers and segments come from the configuration.
const PARTNER: &[(&str, Type, bool)] = &[
    ("id", Type::Text, false),
    ("language", Type::Text, true),
    ("zone", Type::Text, true),
    ("country", Type::Text, true),
    ("type", Type::Text, true),
    ("manager", Type::Text, true),
    ("tags", Type::List, true),
    ("referred_by", Type::Text, true),
    ("objects_to_profiling", Type::Bool, true),
    ("joined_at", Type::Instant, true),
    ("approved_at", Type::Instant, true),
    ("contract_ends", Type::Date, true),
    ("consent", Type::Bool, true),
    ("top_product", Type::Text, true),
    ("top_category", Type::Text, true),
    ("top_products", Type::List, true),
    ("open_cases", Type::Count, false),
    ("awards", Type::List, false),
    ("health.score", Type::Number, true),
    ("health.band", Type::Text, true),
];

/// Personal fields: mails and tasks may show them, conditions may not ask for them, because the engine never sees them.
const PERSONAL: &[&str] = &["name", "first_name", "email"];

const PROGRAM: &[&str] = &["id", "name", "url", "zone", "currency", "language", "residual_percent"];

const GOAL: &[(&str, Type)] = &[
    ("percent", Type::Percent),
    ("pace", Type::Percent),
    ("chance", Type::Percent),
    ("reached", Type::Bool),
    ("behind", Type::Bool),
    ("missed", Type::Bool),
    ("agreed", Type::Bool),
    ("owner", Type::Text),
    ("proposal", Type::Text),
];

/// Whether a name is a personal field.
pub fn is_personal_path(path: &str) -> bool {
    path.strip_prefix("partner.").is_some_and(|field| PERSONAL.contains(&field) || field.starts_with(SAID))
        || !rapport_message::variable::is_planned(path) && path.starts_with("partner.")
}

/// What is declared: everything names can come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declared {
    pub(crate) custom: CustomKinds,
    pub(crate) surveys: BTreeMap<Arc<str>, Survey>,
    pub(crate) resources: Resources,
    pub(crate) groups: Vec<Arc<str>>,
    pub(crate) lanes: Vec<Arc<str>>,
    pub(crate) segments: Vec<Arc<str>>,
    pub(crate) goals: GoalNames,
    pub(crate) anniversaries: bool,
    pub(crate) programs: Vec<Arc<str>>,
    /// Empty when any word may be a type.
    pub(crate) partner_types: Vec<Arc<str>>,
    pub(crate) bands: Vec<Arc<str>>,
    pub(crate) labels: BTreeMap<Arc<str>, Label>,
    pub(crate) awards: Vec<Arc<str>>,
    pub(crate) mails: MailNames,
    /// Whether the files say that no clicks in mails are counted.
    pub(crate) clicks_uncounted: bool,
    /// Whether files are asked for more than whether they are understood.
    pub(crate) checks: bool,
}

impl Declared {
    /// All kinds a pattern names.
    pub(crate) fn kinds(&self, pattern: &KindPattern) -> Vec<Kind> {
        let mut kinds: Vec<Kind> =
            CATALOGUE.iter().filter(|entry| pattern.matches(entry.name)).map(|entry| entry.kind.clone()).collect();
        if kinds.is_empty()
            && let Some(kind) = Kind::parse(&pattern.0)
        {
            kinds.push(kind);
        }
        kinds.extend(
            self.custom.iter().filter(|kind| pattern.matches(&kind.name)).map(|kind| Kind::Custom(kind.name.clone())),
        );
        kinds
    }

    /// Names of all kinds, for "did you mean".
    pub(crate) fn kind_names(&self, wanted: impl Fn(&Kind) -> bool) -> Vec<String> {
        let catalogue = CATALOGUE.iter().filter(|entry| wanted(&entry.kind)).map(|entry| entry.name.to_owned());
        let custom = self.custom.iter().map(|kind| Kind::Custom(kind.name.clone())).filter(|kind| wanted(kind));
        catalogue.chain(custom.map(|kind| kind.name().into_owned())).collect()
    }

    /// A field of the events of some kinds: free if all have it with one type, maybe missing if some lack it.
    fn event_field(&self, kinds: &[Kind], field: &str) -> Option<Variable> {
        let mut found: Option<Variable> = None;
        let mut lacking = kinds.is_empty();
        let mut closed: Option<BTreeSet<Arc<str>>> = Some(BTreeSet::new());
        let mut may_be_another = false;
        for kind in kinds {
            let Some(one) = self.field_of(kind, field) else {
                lacking = true;
                continue;
            };
            match (&mut closed, &one.closed_set) {
                (Some(all), Some(set)) => all.extend(set.iter().cloned()),
                _ => closed = None,
            }
            lacking |= one.maybe_missing;
            may_be_another |= one.may_be_another;
            match &found {
                // One name with two types cannot be asked for.
                Some(known) if known.ty != one.ty => return None,
                _ => found = Some(one),
            }
        }
        let mut variable = found?;
        variable.maybe_missing = lacking;
        variable.may_be_another = may_be_another;
        variable.closed_set = closed.filter(|set| !set.is_empty()).map(|set| set.into_iter().collect());
        Some(variable)
    }

    fn field_of(&self, kind: &Kind, field: &str) -> Option<Variable> {
        let name = kind.name();
        if field == "kind" {
            return Some(Variable::one_of([&*name]));
        }
        if field == "name" || field == "goal" && kind.family() == Family::Agreement {
            return Some(self.names_of(kind));
        }
        if *kind == Kind::SurveyAnswered {
            if let Some(answer) = self.answer(field) {
                return Some(answer);
            }
            if field == "survey" {
                return Some(Variable::one_of(self.told_surveys()));
            }
        }
        if *kind == Kind::CaseResolved && field == "outcome" {
            return Some(Variable::one_of(CASE_OUTCOMES));
        }
        let fields = kind.fields(&self.custom);
        let found = fields.iter().find(|known| known.name == field)?;
        let variable = Variable::of(rule_type(found.ty));
        let variable =
            if matches!(variable.ty, Type::Number | Type::Money) { variable.or_negative() } else { variable };
        // What rapport judges itself; a tracker's own field of that name is the tracker's affair.
        let is_share = found.name == "drop_percent" && self.custom.get(&name).is_none();
        let variable = if is_share { variable.never_above(100) } else { variable };
        let values =
            self.custom.get(&name).and_then(|declared| declared.fields.iter().find(|known| *known.name == *field));
        let variable = match values.filter(|known| !known.values.is_empty()) {
            Some(known) => Variable { closed_set: Some(known.values.clone().into()), ..variable },
            None => variable,
        };
        // Trackers tell of what nobody declared, too.
        let resources = self.resources.named_by(kind, field);
        let variable = match variable.ty == Type::Text && variable.closed_set.is_none() && !resources.is_empty() {
            true => Variable { closed_set: Some(resources.into()), may_be_another: true, ..variable },
            false => variable,
        };
        Some(if found.may_be_missing { variable.or_missing() } else { variable })
    }

    /// `event.name` is one of a closed set for everything rapport judges itself; its name is the kind's elsewhere.
    fn names_of(&self, kind: &Kind) -> Variable {
        let one_of = |names: &[Arc<str>]| Variable::one_of(names.iter().map(|name| &**name));
        match kind {
            Kind::MilestoneReached => one_of(&self.goals.milestones),
            Kind::GoalReached | Kind::GoalProgress | Kind::GoalBehind => one_of(&self.goals.goals),
            _ if kind.family() == Family::Agreement => one_of(&self.goals.goals),
            Kind::GroupChanged if !self.groups.is_empty() => one_of(&self.groups),
            Kind::PartnerAwarded if !self.awards.is_empty() => one_of(&self.awards),
            Kind::PartnerAnniversary if self.anniversaries => Variable::one_of([ANNIVERSARY]),
            _ if kind.family() == Family::Custom => Variable::of(Type::Text),
            _ => Variable::one_of([&*kind.name()]),
        }
    }

    fn event_names(&self, kinds: &[Kind]) -> BTreeSet<String> {
        let mut names: BTreeSet<String> =
            kinds.iter().flat_map(|kind| kind.fields(&self.custom)).map(|field| field.name.into_owned()).collect();
        if kinds.contains(&Kind::SurveyAnswered) {
            names.extend(self.answer_names().map(str::to_owned));
        }
        names
    }
}

impl Declared {
    /// Whether the partners of such a cut can exist: groups, declared types and the form of a country are known, other words are the programme's.
    fn has_cut(&self, field: &str) -> bool {
        Cut::parse(field).is_some_and(|(cut, _)| match cut.by {
            CutBy::Group => self.groups.contains(&cut.of),
            CutBy::Country => cut.of.len() == 2 && cut.of.bytes().all(|letter| letter.is_ascii_uppercase()),
            CutBy::Type => self.partner_types.is_empty() || self.partner_types.contains(&cut.of),
            CutBy::Manager | CutBy::Reason => true,
        })
    }
}

/// The names of one place: the partner's always, those of the journey as far as they exist there.
pub(crate) struct Names<'a> {
    pub(crate) declared: &'a Declared,
    /// What `event` may be; `None` where there is no event.
    pub(crate) event: Option<&'a [Kind]>,
    /// Triggers beside these that are no event: `event.kind` names them, and other fields of events they lack.
    pub(crate) timed: &'a [&'static str],
    /// Kinds of what another workflow's `start:` hands on: likewise.
    pub(crate) handed: &'a [Kind],
    /// What `awaited` may be, if a `wait_for` may have been met.
    pub(crate) awaited: Option<&'a [Kind]>,
    /// Whether a mail may have ended.
    pub(crate) mail: bool,
    /// Choices of tasks that ask.
    pub(crate) choices: &'a [Arc<str>],
    /// Whether group, lane, segments and goals exist: not in their own definitions.
    pub(crate) judged: bool,
}

impl<'a> Names<'a> {
    /// A field of events where the trigger may be none, or another than those named.
    fn or_another(&self, field: &str, variable: Variable) -> Variable {
        let has = |kind: &Kind| {
            self.declared.field_of(kind, field).is_some_and(|other| other.ty == variable.ty && !other.maybe_missing)
        };
        match field {
            "id" | "occurred_at" => variable,
            "kind" => {
                let kinds = variable.closed_set.iter().flat_map(|set| set.iter().cloned());
                let timed = self.timed.iter().map(|kind| Arc::<str>::from(*kind));
                let handed = self.handed.iter().map(|kind| Arc::<str>::from(&*kind.name()));
                let all: BTreeSet<Arc<str>> = kinds.chain(timed).chain(handed).collect();
                Variable { closed_set: Some(all.into_iter().collect()), ..variable }
            }
            // Files in force were asked when they were applied.
            _ if !self.declared.checks => variable,
            _ if self.timed.is_empty() && self.handed.iter().all(has) => variable,
            _ => variable.or_missing(),
        }
    }

    /// The names that exist where there is no journey.
    pub(crate) fn of_partner(declared: &'a Declared, judged: bool) -> Self {
        Names { declared, event: None, timed: &[], handed: &[], awaited: None, mail: false, choices: &[], judged }
    }
}

impl Environment for Names<'_> {
    fn lookup(&self, path: &str) -> Option<Variable> {
        let declared = self.declared;
        let Some((object, field)) = path.split_once('.') else {
            let names = |names: &[Arc<str>]| Variable::one_of(names.iter().map(|name| &**name));
            return match path {
                "group" if self.judged => Some(names(&declared.groups).or_missing()),
                "lane" if self.judged => Some(names(&declared.lanes).or_missing()),
                _ => figures::variable(path).filter(|_| self.event.is_some() || !figures::needs_journey(path)),
            };
        };
        match object {
            "partner" => partner_field(declared, field),
            "program" if field.starts_with("by_") => figures::of_program(field).filter(|_| declared.has_cut(field)),
            "program" if !PROGRAM.contains(&field) => figures::of_program(field),
            "program" => Some(match field {
                "id" => Variable::one_of(declared.programs.iter().map(|id| &**id)),
                "residual_percent" => Variable::of(Type::Percent),
                _ => Variable::of(Type::Text),
            }),
            "segment" if self.judged => {
                declared.segments.iter().any(|name| **name == *field).then(|| Variable::of(Type::Bool).or_missing())
            }
            "goal" if self.judged => {
                let (goal, field) = field.split_once('.')?;
                declared.goals.goals.iter().find(|name| ***name == *goal)?;
                let ty = GOAL.iter().find(|(name, _)| *name == field)?.1;
                let variable = Variable::of(ty);
                let variable = if field == "chance" { variable.never_above(100) } else { variable };
                Some(if field == "agreed" { variable } else { variable.or_missing() })
            }
            "event" => declared.event_field(self.event?, field).map(|variable| self.or_another(field, variable)),
            "awaited" => declared.event_field(self.awaited?, field).map(Variable::or_missing),
            "mail" if self.mail && field == "outcome" => Some(Variable::one_of(MAIL_OUTCOMES).or_missing()),
            "call" if self.mail && field == "outcome" => Some(Variable::one_of(CALL_OUTCOMES).or_missing()),
            "task" if field == "choice" && !self.choices.is_empty() => {
                Some(Variable::one_of(self.choices.iter().map(|choice| &**choice)).or_missing())
            }
            _ => None,
        }
    }

    fn names(&self) -> Vec<String> {
        let declared = self.declared;
        let mut names: Vec<String> = Vec::new();
        names.push("partner.status".into());
        names.extend(PARTNER.iter().map(|(field, _, _)| format!("partner.{field}")));
        names.extend(PERSONAL.iter().map(|field| format!("partner.{field}")));
        names.extend(declared.answer_paths());
        names.extend(declared.labels.keys().map(|label| format!("partner.labels.{label}")));
        names.extend(declared.awards.iter().map(|award| format!("partner.awarded.{award}")));
        names.extend(PROGRAM.iter().map(|field| format!("program.{field}")));
        names.extend(figures::program_proposals().into_iter().map(|field| format!("program.{field}")));
        names.extend(
            figures::proposals().into_iter().filter(|name| self.event.is_some() || !figures::needs_journey(name)),
        );
        if self.judged {
            names.extend(["group".to_owned(), "lane".to_owned()]);
            names.extend(declared.segments.iter().map(|name| format!("segment.{name}")));
            for goal in &declared.goals.goals {
                names.extend(GOAL.iter().map(|(field, _)| format!("goal.{goal}.{field}")));
            }
        }
        for (object, kinds) in [("event", self.event), ("awaited", self.awaited)] {
            names.extend(
                declared.event_names(kinds.unwrap_or_default()).into_iter().map(|field| format!("{object}.{field}")),
            );
        }
        if self.mail {
            names.push("mail.outcome".into());
            names.push("call.outcome".into());
        }
        if !self.choices.is_empty() {
            names.push("task.choice".into());
        }
        names
    }

    fn why_not(&self, path: &str) -> Option<String> {
        figures::why_not(path).or_else(|| self.declared.why_no_answer(path))
    }

    fn method(&self, object: &str, method: &str) -> Option<Method> {
        let kinds = match object {
            received::PARTNER => return received::method(method),
            "event" => self.event?,
            "awaited" => self.awaited?,
            _ => return None,
        };
        let sells = kinds.iter().any(|kind| kind.family() == Family::Conversion);
        (sells && matches!(method, "has_category" | "has_sku"))
            .then(|| Method { args: vec![Type::Text], returns: Type::Bool })
    }

    fn argument(&self, object: &str, _method: &str, value: &Value) -> Result<(), Refused> {
        if object == received::PARTNER { received::argument(&self.declared.mails, value) } else { Ok(()) }
    }

    fn possible(&self, path: &str, text: &str) -> Result<(), Refused> {
        self.declared.survey_told(path, text)?;
        let Some(field) = path.strip_prefix("partner.").filter(|_| self.declared.checks) else { return Ok(()) };
        // "Is it known at all?"
        if text.is_empty() {
            return Ok(());
        }
        let form = match field {
            "country" if !is_country(text) => "a country is two capital letters, like \"NO\"",
            "language" if !is_language(text) => "a language is a tag, like \"de\" or \"de-AT\"",
            "zone" if TimeZone::get(text).is_err() => "a zone is a place, like \"Europe/Oslo\"",
            _ => return Ok(()),
        };
        Err(Refused { code: "R0214", message: format!("`{path}` is never \"{text}\": {form}"), near: None })
    }

    fn forms(&self) -> &'static [&'static str] {
        &[received::RECEIVED]
    }

    fn spelled_out(&self, _form: &str, node: &Node, path: &str, findings: &mut Findings) -> Option<String> {
        received::spelled_out(&self.declared.mails, node, path, findings)
    }

    fn methods(&self, object: &str) -> Vec<String> {
        let known = ["has_category", "has_sku", received::RECEIVED, received::RECEIVED_WITHIN];
        known.iter().filter(|method| self.method(object, method).is_some()).map(|method| (*method).to_owned()).collect()
    }
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_uppercase())
}

fn is_language(text: &str) -> bool {
    let language = text.split('-').next().unwrap_or_default();
    (2..=3).contains(&language.len()) && rapport_message::Locale::parse(text).is_some()
}

fn partner_field(declared: &Declared, field: &str) -> Option<Variable> {
    if field == "status" {
        return Some(Variable::one_of(STATUSES));
    }
    if field == "health.band" && !declared.bands.is_empty() {
        return Some(Variable::one_of(declared.bands.iter().map(|band| &**band)).or_missing());
    }
    if field == "type" && !declared.partner_types.is_empty() {
        return Some(Variable::one_of(declared.partner_types.iter().map(|kind| &**kind)).or_missing());
    }
    if PERSONAL.contains(&field) {
        return Some(Variable::of(Type::Text).or_missing());
    }
    if let Some(answer) = field.strip_prefix("answers.") {
        return declared.answer(answer);
    }
    if let Some(name) = field.strip_prefix(SAID) {
        return declared.said(name);
    }
    if let Some(label) = field.strip_prefix("labels.") {
        let label = declared.labels.get(label)?;
        return Some(Variable::one_of(label.values.iter().map(|value| &**value)).or_missing());
    }
    if let Some(award) = field.strip_prefix("awarded.") {
        declared.awards.iter().find(|known| ***known == *award)?;
        return Some(Variable::of(Type::Instant).or_missing());
    }
    let (_, ty, missing) = PARTNER.iter().find(|(name, _, _)| *name == field)?;
    let variable = Variable::of(*ty);
    let variable = if field == "health.score" { variable.never_above(100) } else { variable };
    Some(if *missing { variable.or_missing() } else { variable })
}

/// The type of expressions that an event's field has.
pub(crate) fn rule_type(ty: FieldType) -> Type {
    match ty {
        FieldType::Bool => Type::Bool,
        FieldType::Text => Type::Text,
        FieldType::Count => Type::Count,
        FieldType::Number => Type::Number,
        FieldType::Money => Type::Money,
        FieldType::Percent => Type::Percent,
        FieldType::Instant => Type::Instant,
        FieldType::Date => Type::Date,
        FieldType::List => Type::List,
    }
}

/// A field of a stored payload as a value of its declared type. What does not fit the type is missing.
pub(crate) fn payload_value(custom: &CustomKinds, kind: &str, field: &str, json: &Json) -> Value {
    let declared = Kind::parse_with(kind, custom)
        .and_then(|kind| kind.fields(custom).into_iter().find(|known| known.name == field).map(|known| known.ty));
    let text = || json.as_str();
    let value = match declared {
        None | Some(FieldType::Text) => text().map(Value::text),
        Some(FieldType::Bool) => json.as_bool().map(Value::Bool),
        Some(FieldType::Count) => json.as_i64().map(Value::Count),
        Some(FieldType::Number) => json.as_f64().map(Value::Number),
        Some(FieldType::Percent) => json.as_f64().map(Value::Percent),
        Some(FieldType::Instant) => text().and_then(|text| text.parse().ok()).map(Value::Instant),
        Some(FieldType::Date) => text().and_then(|text| text.parse().ok()).map(Value::Date),
        Some(FieldType::List) => json.as_array().map(|list| Value::list(list.iter().filter_map(Json::as_str))),
        Some(FieldType::Money) => {
            let currency = json.get("currency").and_then(Json::as_str).and_then(Currency::parse);
            let minor = json.get("minor").and_then(Json::as_i64);
            minor.zip(currency).map(|(minor, currency)| Value::Money(Money { minor, currency }))
        }
    };
    value.unwrap_or(Value::Missing)
}

/// Triggers written as a map that are no event, and what `event.kind` is of a journey that they begin.
pub(crate) const TIMED: [(&str, &str); 4] =
    [("entered", "segment.entered"), ("left", "segment.left"), ("date", "date.reached"), ("at", "schedule.due")];

/// Whether events of a kind may start a workflow: everything but what rapport writes for itself.
pub(crate) fn may_start(kind: &Kind) -> bool {
    kind.family() != Family::Internal
        && kind.family() != Family::Outcome
        && *kind != Kind::Conversion
        && *kind != Kind::PartnerErased
}

/// Whether a workflow may emit events of a kind: declared ones, and the recognition.
pub(crate) fn may_emit(kind: &Kind) -> bool {
    matches!(kind, Kind::Custom(_) | Kind::PartnerRecognised)
}

/// Whether a kind is a lasting signal, whose entry is looked at again at every day close while it lasts.
pub fn is_lasting(kind: &str) -> bool {
    match Kind::parse(kind) {
        Some(
            Kind::DipConversions
            | Kind::DipRevenue
            | Kind::SilenceConversions
            | Kind::HealthFalling
            | Kind::GoalBehind
            | Kind::DroppedTo(_),
        ) => true,
        Some(kind) => kind.family() == Family::Signal && kind.origin() == Origin::Derived && !has_ended(&kind),
        None => false,
    }
}

fn has_ended(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::DipConversionsRecovered
            | Kind::DipRevenueRecovered
            | Kind::SilenceConversionsEnded
            | Kind::HealthChanged
            | Kind::GroupChanged
    )
}
