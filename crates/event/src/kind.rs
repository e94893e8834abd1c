//! The catalogue: every kind of event there is, in one table.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::custom::CustomKinds;

/// Which part of the catalogue a kind belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// What happens to a partner's account.
    Partner,
    /// Sales and leads, and what they become.
    Conversion,
    /// What partners do.
    Activity,
    /// What became of a message or a task.
    Outcome,
    /// Judgements that last.
    Signal,
    /// Judgements of a moment.
    Moment,
    /// What partner and programme agree on.
    Agreement,
    /// What people at the programme took on for a partner.
    Case,
    /// Records rapport writes for itself.
    Internal,
    /// Declared in `config/events.yaml`.
    Custom,
}

/// Who writes events of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Trackers and other outside systems.
    Upstream,
    /// Nobody: folding derives it from other events, in the same commit.
    Derived,
    /// rapport itself appends it to `rapport.events`.
    Internal,
}

/// The shape of a kind's data: which schema it has and which fields `event.*` offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "named for the data types they stand for")]
pub enum Shape {
    Partner,
    Conversion,
    Link,
    Login,
    Content,
    Creative,
    Training,
    Survey,
    Resource,
    Audience,
    Payout,
    Mail,
    Outcome,
    Task,
    Case,
    Call,
    Signal,
    Moment,
    Award,
    Goal,
    DayClosed,
    RulebookApplied,
    Offer,
    Contact,
    Command,
    Erased,
    Custom,
}

/// One line of the catalogue.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The kind.
    pub kind: Kind,
    /// Its name, as workflows and trackers write it.
    pub name: &'static str,
    /// Its family.
    pub family: Family,
    /// Who writes it.
    pub origin: Origin,
    /// The shape of its data.
    pub payload: Shape,
    /// One sentence for people.
    pub about: &'static str,
}

macro_rules! catalogue {
    ($($variant:ident = $name:literal $family:ident $origin:ident $shape:ident $about:literal)*) => {
        /// A kind of event.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = $about] $variant,)*
            /// A partner's health fell into the named band; written `dropped_to.<band>`. The text is the band's name.
            DroppedTo(Arc<str>),
            /// A kind declared in `config/events.yaml`.
            Custom(Arc<str>),
        }

        /// All kinds that are not declared in config, in the order of the documentation. `dropped_to.*` stands for every band.
        pub const CATALOGUE: &[Entry] = &[
            $(Entry {
                kind: Kind::$variant,
                name: $name,
                family: Family::$family,
                origin: Origin::$origin,
                payload: Shape::$shape,
                about: $about,
            },)*
        ];

        impl Kind {
            /// Position in [`CATALOGUE`]; none for `dropped_to.*` and custom kinds.
            fn position(&self) -> Option<usize> {
                const KINDS: &[Kind] = &[$(Kind::$variant,)*];
                KINDS.iter().position(|kind| kind == self)
            }

            /// The name, as workflows and trackers write it.
            pub fn name(&self) -> std::borrow::Cow<'_, str> {
                match self {
                    $(Kind::$variant => std::borrow::Cow::Borrowed($name),)*
                    Kind::DroppedTo(band) => std::borrow::Cow::Owned(format!("{DROPPED_TO}{band}")),
                    Kind::Custom(name) => std::borrow::Cow::Borrowed(name),
                }
            }

            /// The kind of the catalogue with this name; custom kinds need [`Kind::parse_with`].
            pub fn parse(name: &str) -> Option<Kind> {
                match name {
                    $($name => Some(Kind::$variant),)*
                    _ => match name.strip_prefix(DROPPED_TO) {
                        Some(band) if is_name(band) => Some(Kind::DroppedTo(Arc::from(band))),
                        _ => None,
                    },
                }
            }

            /// The shape of this kind's data.
            pub fn shape(&self) -> Shape {
                match self {
                    $(Kind::$variant => Shape::$shape,)*
                    Kind::DroppedTo(_) => Shape::Signal,
                    Kind::Custom(_) => Shape::Custom,
                }
            }

            /// Who writes events of this kind.
            pub fn origin(&self) -> Origin {
                match self {
                    $(Kind::$variant => Origin::$origin,)*
                    Kind::DroppedTo(_) => Origin::Derived,
                    Kind::Custom(_) => Origin::Upstream,
                }
            }

            /// The family of this kind.
            pub fn family(&self) -> Family {
                match self {
                    $(Kind::$variant => Family::$family,)*
                    Kind::DroppedTo(_) => Family::Signal,
                    Kind::Custom(_) => Family::Custom,
                }
            }
        }
    };
}

const DROPPED_TO: &str = "dropped_to.";

catalogue! {
    PartnerJoined = "partner.joined" Partner Upstream Partner "A partner applied; they are not approved yet."
    PartnerApproved = "partner.approved" Partner Upstream Partner "A partner was accepted into the programme and is active from now on."
    PartnerUpdated = "partner.updated" Partner Upstream Partner "Fields of a partner changed; what is not named stays as it is."
    PartnerSuspended = "partner.suspended" Partner Upstream Partner "A partner was suspended; marketing to them stops."
    PartnerRejected = "partner.rejected" Partner Upstream Partner "An application was turned down."
    PartnerClosed = "partner.closed" Partner Upstream Partner "A partner left or was removed."
    PartnerErased = "partner.erased" Partner Internal Erased "A partner's personal data were erased."
    Conversion = "conversion" Conversion Upstream Conversion "The state of one conversion; its status says which, and later revisions replace earlier ones."
    ConversionRecorded = "conversion.recorded" Conversion Derived Conversion "A conversion was seen for the first time, and not as reversed."
    ConversionApproved = "conversion.approved" Conversion Derived Conversion "A conversion was approved by the advertiser, or paid without having been approved before."
    ConversionReversed = "conversion.reversed" Conversion Derived Conversion "A conversion was taken back; it no longer counts anywhere."
    ConversionPaid = "conversion.paid" Conversion Derived Conversion "The commission of a conversion was paid."
    LinkCreated = "link.created" Activity Upstream Link "A partner made a tracking link."
    LinkClicked = "link.clicked" Activity Upstream Link "Visitors followed a partner's link, `count` times."
    Login = "login" Activity Upstream Login "A partner logged in to the partner area."
    ContentPublished = "content.published" Activity Upstream Content "A partner published an article, a video or a post."
    CreativeSubmitted = "creative.submitted" Activity Upstream Creative "A partner handed in a creative for approval."
    CreativeApproved = "creative.approved" Activity Upstream Creative "A creative may be used."
    CreativeRejected = "creative.rejected" Activity Upstream Creative "A creative may not be used; the reason is for the partner."
    TrainingCompleted = "training.completed" Activity Upstream Training "A partner finished a course or lesson."
    SurveyAnswered = "survey.answered" Activity Upstream Survey "A partner answered a survey or a one-click question."
    ResourceUsed = "resource.used" Activity Upstream Resource "A partner used a resource they had been given."
    AudienceReported = "audience.reported" Activity Upstream Audience "How often a partner's content was seen and liked since the last report, and how many follow; nothing the partner did."
    PayoutDue = "payout.due" Activity Upstream Payout "A payout is to be made by `due_on`."
    PayoutPaid = "payout.paid" Activity Upstream Payout "A payout was made."
    PayoutFailed = "payout.failed" Activity Upstream Payout "A payout was tried and did not arrive."
    PayoutOverdue = "payout.overdue" Activity Upstream Payout "A payout was not made by its date."
    MailReceived = "mail.received" Activity Upstream Mail "A mail came in from a partner."
    MessageSent = "message.sent" Outcome Internal Outcome "A mail was accepted by the mail server."
    MessageSuppressed = "message.suppressed" Outcome Internal Outcome "A mail was not sent and will not be; the reason says why."
    MessageExpired = "message.expired" Outcome Internal Outcome "A mail could not go out before it was too old to make sense."
    MessageFailed = "message.failed" Outcome Internal Outcome "A mail was refused for good."
    MessageInDoubt = "message.in_doubt" Outcome Internal Outcome "Nobody can know whether a mail was accepted; it counts as sent."
    MessageDeferred = "message.deferred" Outcome Internal Outcome "A mail waits; the reason says for what."
    MessageBounced = "message.bounced" Outcome Internal Outcome "A mail that the server had accepted came back; the reason says what that says of the mailbox."
    MessageComplained = "message.complained" Outcome Internal Outcome "The recipient called a mail spam."
    MessageClicked = "message.clicked" Outcome Internal Outcome "A person followed a counted link of a mail; `link` says which. Clicks of machines are not told."
    TaskDone = "task.done" Outcome Internal Task "A person finished a task or made the choice it asked for."
    CallDelivered = "call.delivered" Outcome Internal Call "Another system took what a workflow told it."
    CallFailed = "call.failed" Outcome Internal Call "Another system could not be told within its time; the reason says why."
    CaseOpened = "case.opened" Case Internal Case "Somebody at the programme took something on for a partner, with an objective and by a day."
    CaseResolved = "case.resolved" Case Internal Case "A case came to its outcome."
    DipConversions = "dip.conversions" Signal Derived Signal "A partner brings clearly fewer conversions than is normal for them."
    DipConversionsRecovered = "dip.conversions.recovered" Signal Derived Signal "A dip is over: the last days are back at what was expected."
    DipRevenue = "dip.revenue" Signal Derived Signal "A partner's conversions bring clearly less each than is normal for them."
    DipRevenueRecovered = "dip.revenue.recovered" Signal Derived Signal "A dip of revenue is over: conversions bring again what they used to."
    SilenceConversions = "silence.conversions" Signal Derived Signal "A partner has brought nothing for much longer than usual for them."
    SilenceConversionsEnded = "silence.conversions.ended" Signal Derived Signal "A silence is over: a conversion came."
    HealthChanged = "health.changed" Signal Derived Signal "A partner's health moved to another band."
    HealthFalling = "health.falling" Signal Derived Signal "A partner's health is falling."
    GoalBehind = "goal.behind" Signal Derived Signal "A partner is behind the pace a goal needs."
    GroupChanged = "group.changed" Signal Derived Signal "A partner moved to another group."
    MilestoneReached = "milestone.reached" Moment Derived Moment "A partner passed a threshold, such as the tenth approved conversion."
    GoalProgress = "goal.progress" Moment Derived Moment "A partner passed a share of a goal below all of it."
    GoalReached = "goal.reached" Moment Derived Moment "A partner reached a goal."
    WinPersonalBest = "win.personal_best" Moment Derived Moment "A month became a partner's best in a year, by approved revenue."
    WinStreak = "win.streak" Moment Derived Moment "A partner had approved sales in so many weeks in a row."
    WinRankClimb = "win.rank_climb" Moment Derived Moment "A partner is among the best by approved revenue, as never before."
    GoalProposed = "goal.proposed" Agreement Internal Goal "A goal was proposed to a partner, who may accept it, propose other terms, or decline."
    GoalAccepted = "goal.accepted" Agreement Internal Goal "Partner and programme agreed on a goal; it counts from now on."
    GoalCountered = "goal.countered" Agreement Internal Goal "A partner proposed other terms for a goal; its owner accepts them or withdraws."
    GoalDeclined = "goal.declined" Agreement Internal Goal "A partner does not want a goal."
    GoalWithdrawn = "goal.withdrawn" Agreement Internal Goal "A goal was taken back by the programme."
    PartnerAnniversary = "partner.anniversary" Moment Derived Moment "Another year since the partner was approved."
    PartnerRecognised = "partner.recognised" Moment Derived Moment "A partner was congratulated."
    PartnerAwarded = "partner.awarded" Moment Internal Award "A partner was given an award of `config/awards.yaml`, by a workflow or a person."
    ProgramDayClosed = "program.day_closed" Internal Internal DayClosed "A programme's day is complete; carries what only all partners together can tell."
    RulebookApplied = "rulebook.applied" Internal Internal RulebookApplied "From this record on decisions follow another rulebook."
    OfferGranted = "offer.granted" Internal Internal Offer "An offer was reserved for a partner within its budget."
    OfferRefused = "offer.refused" Internal Internal Offer "An offer could not be given; the reason says why."
    ContactOptedOut = "contact.opted_out" Internal Internal Contact "A partner unsubscribed from a topic or from everything."
    ContactOptedIn = "contact.opted_in" Internal Internal Contact "A partner subscribed again."
    ContactSuppressed = "contact.suppressed" Internal Internal Contact "An address must not be written to any more."
    OperatorCommand = "operator.command" Internal Internal Command "A person at the programme told the engine to do something."
}

impl Kind {
    /// The kind with this name, of the catalogue or declared in config.
    pub fn parse_with(name: &str, custom: &CustomKinds) -> Option<Kind> {
        Kind::parse(name).or_else(|| custom.get(name).map(|declared| Kind::Custom(declared.name.clone())))
    }

    /// This kind's line of the catalogue; none for `dropped_to.*` and custom kinds.
    pub fn entry(&self) -> Option<&'static Entry> {
        CATALOGUE.get(self.position()?)
    }

    /// Whether trackers may send it.
    pub fn is_upstream(&self) -> bool {
        self.origin() == Origin::Upstream
    }

    /// Whether `pattern` names this kind; `*` is one segment of a name.
    pub fn matches(&self, pattern: &str) -> bool {
        let name = self.name();
        let (mut segments, mut parts) = (name.split('.'), pattern.split('.'));
        loop {
            match (segments.next(), parts.next()) {
                (None, None) => return true,
                (Some(segment), Some(part)) if part == "*" || part == segment => {}
                _ => return false,
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name())
    }
}

impl<'de> Deserialize<'de> for Kind {
    /// Any well-formed name; one that is not of the catalogue is taken for a custom kind.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Kind::from_stored(&name).ok_or_else(|| serde::de::Error::custom("unknown_kind: not a kind's name"))
    }
}

impl Kind {
    /// Reads a name rapport wrote itself: what is not of the catalogue was once declared.
    pub(crate) fn from_stored(name: &str) -> Option<Kind> {
        Kind::parse(name).or_else(|| name.split('.').all(is_name).then(|| Kind::Custom(Arc::from(name))))
    }
}

/// One segment of a kind's name: lower case letters, digits and `_`, beginning with a letter, at most 60.
pub(crate) fn is_name(segment: &str) -> bool {
    segment.len() <= 60
        && segment.starts_with(|c: char| c.is_ascii_lowercase())
        && segment.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
