//! What partners do, and what happens around them that is neither a sale nor a change of their account.

use std::sync::Arc;

use jiff::civil::Date;
use rapport_rule::money::{Currency, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::extra::Extra;
use crate::kind::Shape;
use crate::personal::PersonalData;
use crate::read;
use crate::reject::Rejection;

/// The particulars of an activity, by the shape its kind has in the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub enum ActivityData {
    /// Of `link.created` and `link.clicked`.
    Link(LinkData),
    /// Of `login`.
    Login(LoginData),
    /// Of `content.published`.
    Content(Box<ContentData>),
    /// Of `creative.*`.
    Creative(Box<CreativeData>),
    /// Of `training.completed`.
    Training(Box<TrainingData>),
    /// Of `survey.answered`.
    Survey(Box<SurveyData>),
    /// Of `resource.used`.
    Resource(Box<ResourceData>),
    /// Of `audience.reported`.
    Audience(Box<AudienceData>),
    /// Of `payout.*`.
    Payout(Box<PayoutData>),
    /// Of `mail.received`.
    Mail(Box<MailData>),
    /// Of kinds declared in config: the fields as they came, checked against the declaration.
    Custom(Extra),
}

/// Of `audience.reported`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Audience")]
pub struct AudienceData {
    /// Views since the last report.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_u64))]
    pub views: u64,
    /// Likes since the last report.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000_000_u64))]
    pub likes: u64,
    /// How many follow now, over all channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followers: Option<u64>,
    /// Where: `youtube`, `newsletter` …
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub channel: Option<Arc<str>>,
    /// Fields of the tracker's own.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Of `link.created` and `link.clicked`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Link")]
pub struct LinkData {
    /// How many clicks or links this event stands for; 1 when missing.
    #[serde(default = "read::one", skip_serializing_if = "read::is_one")]
    #[schemars(range(min = 0, max = 10_000_000))]
    pub count: u32,
    /// The link.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub link: Option<Arc<str>>,
    /// What it leads to.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub product: Option<Arc<str>>,
    /// Fields of the tracker's own.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Of `login`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Login")]
pub struct LoginData {
    /// Fields of the tracker's own.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Of `content.published`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Content")]
pub struct ContentData {
    /// Where it can be read or seen.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub url: Option<Arc<str>>,
    /// Its title.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub title: Option<Arc<str>>,
    /// Where it was published: blog, video, podcast …
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub channel: Option<Arc<str>>,
    /// Fields of the tracker's own.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Of `creative.submitted`, `creative.approved`, `creative.rejected`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Creative")]
pub struct CreativeData {
    /// The creative.
    #[serde(deserialize_with = "read::word")]
    #[schemars(with = "String")]
    pub creative: Arc<str>,
    /// Its title.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub title: Option<Arc<str>>,
    /// Why it was rejected, in words for the partner.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub reason: Option<Arc<str>>,
    /// Fields of the tracker's own.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Of `training.completed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Training")]
pub struct TrainingData {
    /// The course or lesson.
    #[serde(deserialize_with = "read::word")]
    #[schemars(with = "String")]
    pub training: Arc<str>,
    /// The result, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Fields of the tracker's own.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Of `survey.answered`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Survey")]
pub struct SurveyData {
    /// The survey, by its id in `config/surveys.yaml`.
    #[serde(deserialize_with = "read::word")]
    #[schemars(with = "String")]
    pub survey: Arc<str>,
    /// The chosen answer, by its id.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub answer: Option<Arc<str>>,
    /// The given score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What the score is out of: 10 when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of: Option<f64>,
    /// The chosen reason, by its id.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub reason: Option<Arc<str>>,
    /// What the partner wrote.
    #[serde(default, deserialize_with = "read::block", skip_serializing)]
    #[schemars(with = "Option<String>", extend("x-personal" = true))]
    pub comment: Option<Box<str>>,
    /// Fields of the survey's own.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Of `resource.used`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Resource")]
pub struct ResourceData {
    /// The resource, by its id.
    #[serde(deserialize_with = "read::word")]
    #[schemars(with = "String")]
    pub resource: Arc<str>,
    /// Fields of the tracker's own.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Of `payout.due`, `payout.paid`, `payout.failed`, `payout.overdue`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Payout")]
pub struct PayoutData {
    /// The payout.
    #[serde(deserialize_with = "read::word")]
    #[schemars(with = "String")]
    pub payout: Arc<str>,
    /// How much, in minor units.
    #[serde(default, deserialize_with = "read::minor_maybe", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub amount: Option<i64>,
    /// The ISO 4217 code of the amount.
    #[serde(
        default,
        deserialize_with = "read::currency_maybe",
        serialize_with = "read::write_currency_maybe",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    pub currency: Option<Currency>,
    /// The day by whose end it is to be paid, in the programme's zone.
    #[serde(default, deserialize_with = "read::date", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub due_on: Option<Date>,
    /// Why it failed, as a word.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub reason: Option<Arc<str>>,
    /// Fields of the tracker's own.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Of `mail.received`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Mail")]
pub struct MailData {
    /// The value of the header Auto-Submitted, when it is not `no`; such a mail is no reply.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub auto_submitted: Option<Arc<str>>,
    /// The id of rapport's message it answers.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub in_reply_to: Option<Arc<str>>,
    /// Its subject.
    #[serde(default, deserialize_with = "read::line", skip_serializing)]
    #[schemars(with = "Option<String>", extend("x-personal" = true))]
    pub subject: Option<Box<str>>,
    /// Its text.
    #[serde(default, deserialize_with = "read::block", skip_serializing)]
    #[schemars(with = "Option<String>", extend("x-personal" = true))]
    pub text: Option<Box<str>>,
    /// Fields of the intake's own.
    #[serde(flatten)]
    pub extra: Extra,
}

impl MailData {
    /// Whether a person wrote it: RFC 3834's header is absent or `no`.
    pub fn is_reply(&self) -> bool {
        self.auto_submitted.as_deref().is_none_or(|value| value.eq_ignore_ascii_case("no"))
    }
}

impl PayoutData {
    /// The amount, when both it and its currency are known.
    pub fn money(&self) -> Option<Money> {
        Some(Money { minor: self.amount?, currency: self.currency? })
    }
}

impl ActivityData {
    /// How many this event stands for: its `count`, else 1.
    pub fn count(&self) -> u32 {
        match self {
            ActivityData::Link(link) => link.count,
            _ => 1,
        }
    }

    /// The undeclared fields (of a custom kind: all fields).
    pub fn extra(&self) -> &Extra {
        match self {
            ActivityData::Link(data) => &data.extra,
            ActivityData::Login(data) => &data.extra,
            ActivityData::Content(data) => &data.extra,
            ActivityData::Creative(data) => &data.extra,
            ActivityData::Training(data) => &data.extra,
            ActivityData::Survey(data) => &data.extra,
            ActivityData::Resource(data) => &data.extra,
            ActivityData::Audience(data) => &data.extra,
            ActivityData::Payout(data) => &data.extra,
            ActivityData::Mail(data) => &data.extra,
            ActivityData::Custom(extra) => extra,
        }
    }

    pub(crate) fn extra_mut(&mut self) -> &mut Extra {
        match self {
            ActivityData::Link(data) => &mut data.extra,
            ActivityData::Login(data) => &mut data.extra,
            ActivityData::Content(data) => &mut data.extra,
            ActivityData::Creative(data) => &mut data.extra,
            ActivityData::Training(data) => &mut data.extra,
            ActivityData::Survey(data) => &mut data.extra,
            ActivityData::Resource(data) => &mut data.extra,
            ActivityData::Audience(data) => &mut data.extra,
            ActivityData::Payout(data) => &mut data.extra,
            ActivityData::Mail(data) => &mut data.extra,
            ActivityData::Custom(extra) => extra,
        }
    }

    /// Reads the data of an activity of this shape; none when the shape is no activity's.
    pub(crate) fn read(shape: Shape, body: &str) -> Option<Result<Self, Rejection>> {
        use crate::decode::read_data as parse;
        Some(match shape {
            Shape::Link => parse(body).map(ActivityData::Link),
            Shape::Login => parse(body).map(ActivityData::Login),
            Shape::Content => parse(body).map(ActivityData::Content),
            Shape::Creative => parse(body).map(ActivityData::Creative),
            Shape::Training => parse(body).map(ActivityData::Training),
            Shape::Survey => parse(body).map(ActivityData::Survey),
            Shape::Resource => parse(body).map(ActivityData::Resource),
            Shape::Audience => parse(body).map(ActivityData::Audience),
            Shape::Payout => parse(body).map(ActivityData::Payout),
            Shape::Mail => parse(body).map(ActivityData::Mail),
            Shape::Custom => parse(body).map(ActivityData::Custom),
            _ => return None,
        })
    }

    /// Takes what is personal out of it.
    pub(crate) fn take_personal(&mut self, personal: &mut PersonalData) {
        let mut free = |name: &str, text: &mut Option<Box<str>>| {
            if let Some(text) = text.take() {
                personal.free.insert(name.to_owned(), Value::from(text.as_ref()));
            }
        };
        match self {
            ActivityData::Survey(data) => free("comment", &mut data.comment),
            ActivityData::Mail(data) => {
                free("subject", &mut data.subject);
                free("text", &mut data.text);
            }
            _ => {}
        }
        // A declared kind says itself which of its fields are personal.
        if !matches!(self, ActivityData::Custom(_)) {
            personal.take_named(self.extra_mut());
        }
    }

    /// The data as a JSON map, without personal fields.
    pub fn to_map(&self) -> Map<String, Value> {
        let value = match self {
            ActivityData::Link(data) => serde_json::to_value(data),
            ActivityData::Login(data) => serde_json::to_value(data),
            ActivityData::Content(data) => serde_json::to_value(data),
            ActivityData::Creative(data) => serde_json::to_value(data),
            ActivityData::Training(data) => serde_json::to_value(data),
            ActivityData::Survey(data) => serde_json::to_value(data),
            ActivityData::Resource(data) => serde_json::to_value(data),
            ActivityData::Audience(data) => serde_json::to_value(data),
            ActivityData::Payout(data) => serde_json::to_value(data),
            ActivityData::Mail(data) => serde_json::to_value(data),
            ActivityData::Custom(extra) => serde_json::to_value(extra),
        };
        match value {
            Ok(Value::Object(map)) => map,
            // Plain structs of texts and numbers always are objects.
            _ => Map::new(),
        }
    }
}

impl Serialize for ActivityData {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ActivityData::Link(data) => data.serialize(serializer),
            ActivityData::Login(data) => data.serialize(serializer),
            ActivityData::Content(data) => data.serialize(serializer),
            ActivityData::Creative(data) => data.serialize(serializer),
            ActivityData::Training(data) => data.serialize(serializer),
            ActivityData::Survey(data) => data.serialize(serializer),
            ActivityData::Resource(data) => data.serialize(serializer),
            ActivityData::Audience(data) => data.serialize(serializer),
            ActivityData::Payout(data) => data.serialize(serializer),
            ActivityData::Mail(data) => data.serialize(serializer),
            ActivityData::Custom(extra) => extra.serialize(serializer),
        }
    }
}
