//! What workflows may name as `event.<field>`: for each shape its fields with their types, and the values of one event.

use serde_json::{Map, Value, json};

use crate::custom::CustomKinds;
use crate::event::{Event, Payload};
use crate::kind::{Kind, Shape};

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// Yes or no.
    Bool,
    /// A text.
    Text,
    /// A whole number.
    Count,
    /// Any number.
    Number,
    /// An amount with its currency; in [`Event::facts`] an object of `minor` and `currency`.
    Money,
    /// A share, 0 to 100.
    Percent,
    /// An instant; RFC 3339 in [`Event::facts`].
    Instant,
    /// A calendar date.
    Date,
    /// A list of texts.
    List,
}

/// A field of a kind's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name after `event.`.
    pub name: std::borrow::Cow<'static, str>,
    /// What it holds.
    pub ty: FieldType,
    /// Whether some events lack it.
    pub may_be_missing: bool,
}

const fn always(name: &'static str, ty: FieldType) -> Field {
    Field { name: std::borrow::Cow::Borrowed(name), ty, may_be_missing: false }
}

const fn maybe(name: &'static str, ty: FieldType) -> Field {
    Field { name: std::borrow::Cow::Borrowed(name), ty, may_be_missing: true }
}

use FieldType::{Bool, Count, Date, Instant, List, Money, Number, Percent, Text};

/// About so many facts are told of a conversion.
const CONVERSION_FACTS: usize = 20;

/// What a score is out of when nobody says otherwise.
const SCORE_OUT_OF: f64 = 10.0;

const COMMON: &[Field] = &[
    always("kind", Text),
    always("id", Text),
    always("name", Text),
    always("summary", Text),
    always("occurred_at", Instant),
];

const fn of_shape(shape: Shape) -> &'static [Field] {
    const PARTNER: &[Field] = &[
        maybe("language", Text),
        maybe("zone", Text),
        maybe("country", Text),
        maybe("type", Text),
        maybe("manager", Text),
        maybe("tags", List),
        maybe("referred_by", Text),
        maybe("objects_to_profiling", Bool),
        maybe("joined_at", Instant),
        maybe("approved_at", Instant),
        maybe("contract_ends", Date),
        maybe("reason", Text),
    ];
    const CONVERSION: &[Field] = &[
        always("conversion_id", Text),
        always("status", Text),
        always("amount", Money),
        always("commission", Money),
        always("currency", Text),
        always("sold_at", Instant),
        maybe("new_customer", Bool),
        maybe("promo_code", Text),
        always("tags", List),
        always("categories", List),
        always("skus", List),
        maybe("top_product", Text),
    ];
    const LINK: &[Field] = &[always("count", Count), maybe("link", Text), maybe("product", Text)];
    const CONTENT: &[Field] = &[maybe("url", Text), maybe("title", Text), maybe("channel", Text)];
    const CREATIVE: &[Field] = &[always("creative", Text), maybe("title", Text), maybe("reason", Text)];
    const TRAINING: &[Field] = &[always("training", Text), maybe("score", Number)];
    const SURVEY: &[Field] = &[
        always("survey", Text),
        maybe("answer", Text),
        maybe("score", Number),
        maybe("out_of", Number),
        maybe("reason", Text),
    ];
    const RESOURCE: &[Field] = &[always("resource", Text)];
    const AUDIENCE: &[Field] =
        &[always("views", Count), always("likes", Count), maybe("followers", Count), maybe("channel", Text)];
    const PAYOUT: &[Field] =
        &[always("payout", Text), maybe("amount", Money), maybe("due_on", Date), maybe("reason", Text)];
    const MAIL: &[Field] = &[maybe("auto_submitted", Text), maybe("in_reply_to", Text), always("reply", Bool)];
    const OUTCOME: &[Field] = &[
        always("message", Text),
        maybe("journey", Text),
        maybe("workflow", Text),
        maybe("step", Text),
        maybe("mail", Text),
        maybe("reason", Text),
        maybe("detail", Text),
        maybe("until", Instant),
        maybe("link", Count),
    ];
    const TASK: &[Field] = &[always("task", Text), maybe("journey", Text), maybe("choice", Text), maybe("by", Text)];
    const CALL: &[Field] = &[
        always("call", Text),
        maybe("journey", Text),
        maybe("workflow", Text),
        maybe("step", Text),
        always("hook", Text),
        maybe("reason", Text),
    ];
    const CASE: &[Field] = &[
        always("case", Text),
        always("owner", Text),
        maybe("journey", Text),
        maybe("due", Instant),
        maybe("opened_at", Instant),
        maybe("outcome", Text),
        maybe("hours", Number),
        maybe("opened_by", Text),
        maybe("by", Text),
    ];
    const SIGNAL: &[Field] = &[
        maybe("since", Date),
        maybe("expected", Number),
        maybe("observed", Number),
        maybe("drop_percent", Percent),
        maybe("chance", Number),
    ];
    const MOMENT: &[Field] = &[
        maybe("metric", Text),
        maybe("threshold", Number),
        maybe("value", Number),
        maybe("percent", Percent),
        maybe("years", Count),
    ];
    const AWARD: &[Field] = &[
        always("title", Text),
        maybe("because", Text),
        maybe("training", Text),
        maybe("workflow", Text),
        maybe("by", Text),
    ];
    const GOAL: &[Field] = &[
        always("goal", Text),
        always("proposal", Text),
        maybe("metric", Text),
        maybe("amount", Money),
        maybe("count", Count),
        maybe("from", Date),
        maybe("until", Date),
        maybe("owner", Text),
        maybe("by", Text),
    ];
    const DAY_CLOSED: &[Field] = &[always("day", Date), maybe("factor", Number), always("outage", Bool)];
    const RULEBOOK: &[Field] = &[always("rulebook", Text), maybe("previous", Text)];
    const OFFER: &[Field] = &[always("offer", Text), maybe("reason", Text), maybe("ends_at", Instant)];
    const CONTACT: &[Field] = &[maybe("topic", Text), maybe("reason", Text), maybe("message", Text)];
    const COMMAND: &[Field] =
        &[always("command", Text), maybe("by", Text), maybe("because", Text), maybe("until", Instant)];
    match shape {
        Shape::Partner => PARTNER,
        Shape::Conversion => CONVERSION,
        Shape::Link => LINK,
        Shape::Content => CONTENT,
        Shape::Creative => CREATIVE,
        Shape::Training => TRAINING,
        Shape::Survey => SURVEY,
        Shape::Resource => RESOURCE,
        Shape::Audience => AUDIENCE,
        Shape::Payout => PAYOUT,
        Shape::Mail => MAIL,
        Shape::Outcome => OUTCOME,
        Shape::Task => TASK,
        Shape::Call => CALL,
        Shape::Case => CASE,
        Shape::Signal => SIGNAL,
        Shape::Moment => MOMENT,
        Shape::Award => AWARD,
        Shape::Goal => GOAL,
        Shape::DayClosed => DAY_CLOSED,
        Shape::RulebookApplied => RULEBOOK,
        Shape::Offer => OFFER,
        Shape::Contact => CONTACT,
        Shape::Command => COMMAND,
        Shape::Login | Shape::Erased | Shape::Custom => &[],
    }
}

impl Kind {
    /// Every field an event of this kind offers as `event.<field>`, those of all kinds first.
    pub fn fields(&self, custom: &CustomKinds) -> Vec<Field> {
        let mut fields: Vec<Field> = COMMON.to_vec();
        let mut add = |field: Field| {
            match fields.iter_mut().find(|known| known.name == field.name) {
                Some(known) => *known = field,
                None => fields.push(field),
            };
        };
        of_shape(self.shape()).iter().cloned().for_each(&mut add);
        if let Kind::Custom(name) = self {
            for field in custom.get(name).iter().flat_map(|declared| &declared.fields).filter(|field| !field.personal) {
                let name = field.name.to_string().into();
                add(Field { name, ty: field.ty, may_be_missing: !field.required });
            }
        }
        fields
    }
}

impl Event {
    /// The event as workflows see it: a flat map of `kind`, `id`, `name`, `summary`, `occurred_at` and the payload's fields, money
    /// as `{minor, currency}`. This is what a journey freezes at its entry.
    pub fn facts(&self) -> Map<String, Value> {
        let kind = self.kind.name();
        let mut facts = match &self.payload {
            Payload::Partner(data) => match serde_json::to_value(data) {
                Ok(Value::Object(map)) => map,
                _ => Map::new(),
            },
            Payload::Conversion(data) => {
                // With room for all below: a map that grows is made anew each time.
                let mut map = Map::with_capacity(CONVERSION_FACTS);
                map.extend(data.extra.to_map());
                let money = |minor: i64| json!({ "minor": minor, "currency": data.currency.code() });
                map.insert("conversion_id".into(), data.conversion_id.as_str().into());
                map.insert("status".into(), data.status.as_str().into());
                map.insert("amount".into(), money(data.amount));
                map.insert("commission".into(), money(data.commission));
                map.insert("currency".into(), data.currency.code().into());
                map.insert("sold_at".into(), data.sold_at(self.occurred_at).to_string().into());
                if let Some(customer) = data.customer {
                    map.insert("new_customer".into(), (customer == crate::conversion::Customer::New).into());
                }
                if let Some(code) = &data.promo_code {
                    map.insert("promo_code".into(), Value::from(&**code));
                }
                let texts = |texts: &mut dyn Iterator<Item = &std::sync::Arc<str>>| {
                    let mut list: Vec<Value> = Vec::new();
                    for text in texts {
                        let text = Value::from(&**text);
                        if !list.contains(&text) {
                            list.push(text);
                        }
                    }
                    Value::Array(list)
                };
                map.insert("tags".into(), texts(&mut data.tags.iter()));
                map.insert(
                    "categories".into(),
                    texts(&mut data.lines.iter().filter_map(|line| line.category.as_ref())),
                );
                map.insert("skus".into(), texts(&mut data.lines.iter().filter_map(|line| line.sku.as_ref())));
                let largest =
                    data.lines.iter().filter(|line| line.sku.is_some()).max_by_key(|line| line.amount.unwrap_or(0));
                if let Some(sku) = largest.and_then(|line| line.sku.as_deref()) {
                    map.insert("top_product".into(), sku.into());
                }
                map
            }
            Payload::Activity(data) => {
                let mut map = data.to_map();
                match data {
                    crate::ActivityData::Link(link) => {
                        map.insert("count".into(), link.count.into());
                    }
                    crate::ActivityData::Payout(payout) => {
                        map.remove("amount");
                        map.remove("currency");
                        if let Some(money) = payout.money() {
                            map.insert(
                                "amount".into(),
                                json!({ "minor": money.minor, "currency": money.currency.code() }),
                            );
                        }
                    }
                    crate::ActivityData::Survey(survey) if survey.score.is_some() && survey.out_of.is_none() => {
                        map.insert("out_of".into(), json!(SCORE_OUT_OF));
                    }
                    crate::ActivityData::Mail(mail) => {
                        map.insert("reply".into(), mail.is_reply().into());
                    }
                    _ => {}
                }
                map
            }
            Payload::Engine(data) => {
                let mut map = data.to_map();
                if let crate::EngineData::Goal(goal) = &**data {
                    map.insert("name".into(), Value::from(&*goal.goal));
                    // A target is an amount or a count; a mail writes each its own way.
                    let (target, currency) = (map.remove("target"), map.remove("currency"));
                    match (target, currency) {
                        (Some(minor), Some(currency)) => {
                            map.insert("amount".into(), json!({ "minor": minor, "currency": currency }))
                        }
                        (Some(count), None) => map.insert("count".into(), count),
                        (None, _) => None,
                    };
                }
                map
            }
        };
        for (name, value) in [("name", kind.as_ref()), ("summary", about(&self.kind))] {
            let missing = facts.get(name).and_then(Value::as_str).is_none_or(str::is_empty);
            if missing {
                facts.insert(name.into(), value.into());
            }
        }
        facts.insert("kind".into(), kind.as_ref().into());
        facts.insert("id".into(), self.id.as_str().into());
        facts.insert("occurred_at".into(), self.occurred_at.to_string().into());
        facts
    }
}

fn about(kind: &Kind) -> &'static str {
    kind.entry().map_or("", |entry| entry.about)
}
