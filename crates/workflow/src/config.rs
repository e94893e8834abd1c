//! What no workflow may forget, from `config/`: programmes, senders, topics, guardrails, offers, awards, resources, surveys, feeds,
//! groups, goals.

mod audience;
mod awards;
mod events;
mod feeds;
mod goals;
mod health;
mod hooks;
mod labels;
mod offers;
mod rapport;
mod rates;
mod resources;
mod retention;
mod segments;
mod sending;
mod surveys;
mod texts;
mod tracking;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use rapport_contact::Guardrails;
use rapport_insight::dip;
use rapport_message::clients::Client;
use rapport_message::{Imprint, Sender};
use rapport_rule::expr::Value;
use rapport_rule::{Currency, Length};

use crate::calendar::Calendar;

pub use audience::Audience;
pub use awards::Award;
pub use feeds::{
    Column as FeedColumn, CurrencyIn as FeedCurrency, Feed, FieldType as FeedFieldType, Format as FeedFormat,
    Origin as FeedOrigin, Place as FeedPlace, pulled_file,
};
pub use goals::{
    ANNIVERSARY, DeclaredGoal, GoalPeriod, GoalTarget, Goals, MANAGER, METRICS as GOAL_METRICS, length_days,
    measure as goal_measure, own_goal,
};
pub use hooks::{Hook, HookKind, hook_variable};
pub use labels::Label;
pub use offers::{Budget, Offer, PerPartner};
pub use resources::{Resource, Resources};
pub use retention::{DataClass, Retention};
pub use segments::{Group, GroupRule, Lane, Segment, Segments};
pub use sending::{Pace, Rate, WarmUp};
pub use surveys::{Survey, SurveyKind, SurveyPeriod, WRITTEN, answered_until, period_days};
pub use texts::Texts;
pub use tracking::{Clicks, Utm};

pub(crate) use audience::Sets;
pub(crate) use awards::read as read_awards;
pub(crate) use events::read as read_events;
pub(crate) use feeds::{
    DECIMALS as FEED_DECIMALS, FORMATS as FEED_FORMATS, SEPARATORS as FEED_SEPARATORS, is_valid as is_valid_item,
    may_be_missing as may_be_missing_of_item, read as read_feeds,
};
pub(crate) use goals::{Known as KnownToGoals, Names as GoalNames, names as goal_names, read as read_goals};
pub(crate) use health::read as read_health;
pub(crate) use hooks::read as read_hooks;
pub(crate) use labels::read as read_labels;
pub(crate) use offers::read as read_offers;
pub use rapport::DEPLOYMENT_KEYS;
pub(crate) use rapport::read as read_rapport;
pub(crate) use rates::read as read_rates;
pub(crate) use resources::{Known as KnownToResources, read as read_resources};
pub(crate) use segments::{names as segment_names, read as read_segments};
pub(crate) use surveys::read as read_surveys;

/// `config/rapport.yaml` as far as decisions need it. Where the store, the broker and the mail server are is the binary's
/// affair; those keys are known here and not read.
#[derive(Debug, Clone)]
pub struct Config {
    /// Programmes by id. The first written is the default for events that name none.
    pub programs: BTreeMap<Arc<str>, Program>,
    /// Id of the default programme.
    pub default_program: Arc<str>,
    /// Who may be written from, by id.
    pub senders: BTreeMap<Arc<str>, Sender>,
    /// What partners can opt out of, by id.
    pub topics: BTreeMap<Arc<str>, Topic>,
    /// All types a partner can be of, in the order written; empty when any word may be one.
    pub partner_types: Vec<Arc<str>>,
    /// The company.
    pub imprint: Imprint,
    /// Caps, quiet hours, weekends, basis.
    pub guardrails: Guardrails,
    /// How many mails an hour of one workflow warn and stop.
    pub burst: Burst,
    /// How fast mail leaves to each provider's mailboxes.
    pub pace: Pace,
    /// Domains nobody knows yet.
    pub warm_up: Vec<WarmUp>,
    /// Working days, for waits.
    pub calendar: Calendar,
    /// Where links in mails lead, and the domain of Message-ID; `None` without `links:`.
    pub links: Option<LinkBase>,
    /// Which links of mails are counted; `None` counts none.
    pub clicks: Option<Clicks>,
    /// With what links of mails are marked for the site's own statistics; `None` leaves them as they are.
    pub utm: Option<Utm>,
    /// Parts a programme's partners are spread over.
    pub shards: u32,
    /// Older events are refused; days.
    pub history_days: u32,
    /// How long rows are kept that no decision asks for any more.
    pub retention: Retention,
    /// How long after its midnight a day is closed.
    pub lateness: Length,
    /// False alarms of dips accepted per partner and year.
    pub dip_budget: dip::Budget,
    /// The mail clients that mails are held against.
    pub mail_clients: Vec<Client>,
}

impl Config {
    /// The programme of this id.
    pub fn program(&self, id: &str) -> Option<&Program> {
        self.programs.get(id)
    }
}

/// A programme.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its id in events.
    pub id: Arc<str>,
    /// Its name for partners.
    pub name: String,
    /// Its pages for partners, without a slash at the end.
    pub url: String,
    /// The zone of its days.
    pub zone: TimeZone,
    /// What its amounts are shown in.
    pub currency: Currency,
    /// End of every fallback chain of languages.
    pub language: String,
    /// What a partner gets on top of the commission of those they brought, in percent of it; 0: nothing.
    pub residual_percent: f64,
}

impl Program {
    /// `program.<field>` in expressions.
    pub fn value(&self, field: &str) -> Value {
        match field {
            "id" => Value::Text(self.id.clone()),
            "name" => Value::text(&self.name),
            "url" => Value::text(&self.url),
            "zone" => Value::text(self.zone.iana_name().unwrap_or("UTC")),
            "currency" => Value::text(self.currency.code()),
            "language" => Value::text(&self.language),
            "residual_percent" => Value::Percent(self.residual_percent),
            _ => Value::Missing,
        }
    }
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its id.
    pub id: Arc<str>,
    /// Whether its mails are notices the contract asks for.
    pub service: bool,
    /// Whether such a notice also goes out in quiet hours, at weekends and on holidays.
    pub urgent: bool,
    /// Its name on the preference page, by language.
    pub name: Texts,
    /// One sentence about it, by language.
    pub about: Texts,
}

/// `guardrails.burst`, mails per hour and workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Burst {
    /// Somebody should look; what waited in a pause leaves no faster.
    pub warn_above: Option<u32>,
    /// No more leaves; the workflow's mail waits until a person ends that. Not asked of broadcasts, and not in a replay.
    pub stop_above: Option<u32>,
}

/// `links:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkBase {
    /// Where the gateway is reached, without a slash at the end.
    pub base: String,
    /// The domain of Message-ID, List-Id and Feedback-ID.
    pub sending_domain: String,
    /// Where mail that cannot be delivered returns to, each under a tag of its own; the sender's address when not given.
    pub bounces: Option<String>,
}
