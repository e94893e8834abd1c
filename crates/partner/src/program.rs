//! Figures of a whole programme, from sums over its partners.
//!
//! Sums of parts can be merged in any order and give what one pass over everybody gives: each shard adds up its own partners at day
//! close, and `rapport report` adds up all of them, in total or by type, country or manager.

mod cut;

use std::collections::BTreeMap;
use std::fmt;

use rapport_rule::money::Money;
use serde::{Deserialize, Serialize};

use crate::figure::{Figure, FigureContext, FigureValue, Unit, Window, window_before};
use crate::measure::{Measure, Totals};
use crate::moment::Moment;
use crate::profile::Status;
use crate::ratio::{self, Ratio};
use crate::state::PartnerState;

pub use cut::{Cut, CutBy};

/// The windows programme figures are kept for, in days.
pub const WINDOWS: [u16; 2] = [28, 90];
/// Days from approval within which a partner is to have sold something to count as activated.
pub const ACTIVATION_DAYS: i32 = 30;
/// Approvals up to this many days old are looked at for activation.
pub const ACTIVATION_WITHIN: i32 = 120;
/// Days without a mail to or from a producing partner that count as neglect.
pub const NEGLECT_DAYS: i32 = 60;
/// Types of partners that convert demand others made.
pub const CLOSING_TYPES: [&str; 2] = ["coupon", "cashback"];
/// The type of cashback partners.
const CASHBACK: &str = "cashback";
/// The segment by which a programme declares whom it has lost.
pub const CHURNED: &str = "churned";
/// The tag of partners with joint marketing.
pub const JOINT_MARKETING: &str = "joint_marketing";

/// A line about a programme metric.
#[derive(Debug, Clone, Copy)]
pub struct ProgramMetric {
    /// Name behind `program.`, without window.
    pub name: &'static str,
    /// Unit.
    pub unit: Unit,
    /// Whether it has windows.
    pub windowed: bool,
    /// Formula.
    pub formula: &'static str,
    /// One sentence.
    pub about: &'static str,
    of: Of,
}

#[derive(Debug, Clone, Copy)]
enum Of {
    Sum(Measure),
    Ratio(Ratio),
    AverageOrder,
    NewCustomerShare,
    Growth(Measure),
    Producing,
    ProducingShare,
    Churn,
    ClosingShare,
    CashbackShare,
    Engaged,
    Each(Measure),
    ChurnedPartners,
    ChurnedShare,
    Complained,
    Unpriced,
    Partners,
    Applied,
    Left,
    Activation,
    DaysToFirst,
    Satisfaction,
    OptOut,
    Suppressed,
    Neglected,
    Coverage,
    Joint,
    Overdue,
}

const fn windowed(name: &'static str, unit: Unit, of: Of, formula: &'static str, about: &'static str) -> ProgramMetric {
    ProgramMetric { name, unit, windowed: true, formula, about, of }
}

const fn plain(name: &'static str, unit: Unit, of: Of, formula: &'static str, about: &'static str) -> ProgramMetric {
    ProgramMetric { name, unit, windowed: false, formula, about, of }
}

const fn of_sums(name: &'static str, ratio: Ratio, about: &'static str) -> ProgramMetric {
    windowed(name, Unit::Percent, Of::Ratio(ratio), "as a partner's, of the sums", about)
}

const ALL: &str = "sum over all partners";

/// Every programme metric, in the order of the documentation.
pub const PROGRAM_METRICS: &[ProgramMetric] = &[
    windowed("conversions", Unit::Count, Of::Sum(Measure::Conversions), ALL, "Conversions recorded and not reversed."),
    windowed("revenue", Unit::Money, Of::Sum(Measure::Revenue), ALL, "Their order value."),
    windowed("commission", Unit::Money, Of::Sum(Measure::Commission), ALL, "What partners earn by them."),
    windowed(
        "approved_conversions",
        Unit::Count,
        Of::Sum(Measure::ApprovedConversions),
        ALL,
        "Conversions approved or paid.",
    ),
    windowed("approved_revenue", Unit::Money, Of::Sum(Measure::ApprovedRevenue), ALL, "Their order value."),
    windowed(
        "reversed_conversions",
        Unit::Count,
        Of::Sum(Measure::ReversedConversions),
        ALL,
        "Conversions taken back.",
    ),
    windowed("reversed_revenue", Unit::Money, Of::Sum(Measure::ReversedRevenue), ALL, "Their order value."),
    windowed("clicks", Unit::Count, Of::Sum(Measure::Clicks), ALL, "Clicks on partners' links."),
    windowed("mails", Unit::Count, Of::Sum(Measure::Mails), ALL, "Mails of rapport's that were sent."),
    windowed(
        "replies",
        Unit::Count,
        Of::Sum(Measure::Replies),
        ALL,
        "Mails received from partners, automatic ones left out.",
    ),
    windowed("average_order", Unit::Money, Of::AverageOrder, "revenue / conversions", "Order value of one conversion."),
    windowed(
        "new_customer_share",
        Unit::Percent,
        Of::NewCustomerShare,
        "100 · new_customers / conversions of which it is known",
        "Of the customers known to be new or not, the new ones.",
    ),
    of_sums("approval_rate", Ratio::ApprovalRate, "Of the conversions decided, those approved."),
    of_sums("reversal_rate", Ratio::ReversalRate, "Of all conversions, those taken back."),
    of_sums("conversion_rate", Ratio::ConversionRate, "Conversions for each hundred clicks."),
    of_sums("reply_rate", Ratio::ReplyRate, "Replies and answers for each hundred mails."),
    of_sums("commission_share", Ratio::CommissionShare, "What of the order value goes to partners."),
    windowed(
        "conversions_growth",
        Unit::Percent,
        Of::Growth(Measure::Conversions),
        "100 · (conversions_Nd / conversions_Nd_before − 1)",
        "The change against the window before.",
    ),
    windowed(
        "revenue_growth",
        Unit::Percent,
        Of::Growth(Measure::Revenue),
        "100 · (revenue_Nd / revenue_Nd_before − 1)",
        "The change against the window before.",
    ),
    windowed(
        "producing_partners",
        Unit::Count,
        Of::Producing,
        "partners with conversions_Nd > 0",
        "Partners who sold something.",
    ),
    windowed(
        "producing_share",
        Unit::Percent,
        Of::ProducingShare,
        "100 · active partners with conversions_Nd > 0 / active_partners",
        "Of the active partners, those who sold something.",
    ),
    windowed(
        "churn_rate",
        Unit::Percent,
        Of::Churn,
        "100 · partners with conversions_Nd_before > 0 and conversions_Nd = 0 / partners with conversions_Nd_before > 0",
        "Of those who sold in the window before, those who sold nothing since, whatever their status.",
    ),
    windowed(
        "coupon_revenue_share",
        Unit::Percent,
        Of::ClosingShare,
        "100 · revenue_Nd of partners of type coupon or cashback / revenue_Nd",
        "Dependence on partners who convert demand others made.",
    ),
    windowed(
        "cashback_revenue_share",
        Unit::Percent,
        Of::CashbackShare,
        "100 · revenue_Nd of partners of type cashback / revenue_Nd",
        "The part of cashback partners alone.",
    ),
    windowed("offers", Unit::Count, Of::Sum(Measure::Offers), ALL, "Offers reserved for partners."),
    windowed("awards", Unit::Count, Of::Sum(Measure::Awards), ALL, "Awards given to partners."),
    windowed("opt_outs", Unit::Count, Of::Sum(Measure::OptOuts), ALL, "Opt-outs of a topic or of everything."),
    windowed("complaints", Unit::Count, Of::Sum(Measure::Complaints), ALL, "Mails reported as unwanted."),
    windowed("views", Unit::Count, Of::Sum(Measure::Views), ALL, "Views of partners' content, as reported."),
    windowed("likes", Unit::Count, Of::Sum(Measure::Likes), ALL, "Likes of partners' content, as reported."),
    windowed("engagement", Unit::Count, Of::Sum(Measure::Engagement), ALL, "What partners did besides selling."),
    windowed("tasks_done", Unit::Count, Of::Sum(Measure::TasksDone), ALL, "Tasks that a person finished."),
    of_sums("complaint_rate", Ratio::ComplaintRate, "Complaints for each hundred mails."),
    of_sums("opt_outs_per_mail", Ratio::OptOutsPerMail, "Opt-outs for each hundred mails."),
    windowed(
        "answer_hours",
        Unit::Number,
        Of::Ratio(Ratio::AnswerHours),
        "as a partner's, of the sums",
        "How long partners wait for an answer.",
    ),
    windowed(
        "resolution_hours",
        Unit::Number,
        Of::Ratio(Ratio::ResolutionHours),
        "as a partner's, of the sums",
        "How long tasks take.",
    ),
    of_sums("view_click_rate", Ratio::ViewClickRate, "Clicks for each hundred views."),
    of_sums("view_conversion_rate", Ratio::ViewConversionRate, "Conversions for each hundred views."),
    windowed(
        "engaged_share",
        Unit::Percent,
        Of::Engaged,
        "100 · active partners with engagement_Nd > 0 / active_partners",
        "Of the active partners, those who did something besides selling.",
    ),
    windowed(
        "mails_per_partner",
        Unit::Number,
        Of::Each(Measure::Mails),
        "mails_Nd / active_partners",
        "Touches; by group, type or country they show who is favoured.",
    ),
    windowed(
        "offers_per_partner",
        Unit::Number,
        Of::Each(Measure::Offers),
        "offers_Nd / active_partners",
        "Offers; by group, type or country they show who is favoured.",
    ),
    windowed(
        "unpriced_conversions",
        Unit::Count,
        Of::Unpriced,
        ALL,
        "Conversions in a currency without a rate; while there are any, sums of money are missing.",
    ),
    plain("active_partners", Unit::Count, Of::Partners, "partners with status active", "Active partners."),
    plain("applied_partners", Unit::Count, Of::Applied, "partners with status applied", "Applications that wait."),
    plain(
        "left_partners",
        Unit::Count,
        Of::Left,
        "partners with status closed or suspended",
        "Partners who left or were stopped.",
    ),
    plain(
        "activation_rate",
        Unit::Percent,
        Of::Activation,
        "100 · partners approved 30 to 120 days ago with days_to_first_conversion <= 30 / those approved then whose beginning is known",
        "Of the newly approved, those who sold something within 30 days.",
    ),
    plain(
        "days_to_first_conversion",
        Unit::Number,
        Of::DaysToFirst,
        "median over partners",
        "How long a first sale takes, of those who made one.",
    ),
    plain(
        "satisfaction",
        Unit::Number,
        Of::Satisfaction,
        "mean over partners with a score, 0 to 10",
        "How content partners last said to be.",
    ),
    plain(
        "opt_out_rate",
        Unit::Percent,
        Of::OptOut,
        "100 · active partners opted out of a topic or of everything / active_partners",
        "Of the active partners, those who opted out of something.",
    ),
    plain(
        "suppressed_rate",
        Unit::Percent,
        Of::Suppressed,
        "100 · active partners whose address is suppressed (bounce, complaint) / active_partners",
        "Of the active partners, those no mail may reach.",
    ),
    plain(
        "neglected_partners",
        Unit::Count,
        Of::Neglected,
        "active partners with conversions_90d > 0 and no mail, reply or answer for 60 days",
        "Partners who sell and hear nothing.",
    ),
    plain(
        "coverage",
        Unit::Percent,
        Of::Coverage,
        "100 · active partners with a mail, reply or answer within 90 days / active_partners",
        "Of the active partners, those in touch.",
    ),
    plain(
        "joint_marketing_share",
        Unit::Percent,
        Of::Joint,
        "100 · active partners tagged joint_marketing / active_partners",
        "Of the active partners, those with joint marketing.",
    ),
    plain(
        "complained_rate",
        Unit::Percent,
        Of::Complained,
        "100 · active partners whose address complained / active_partners",
        "Of the active partners, those who reported a mail as unwanted.",
    ),
    plain(
        "churned_partners",
        Unit::Count,
        Of::ChurnedPartners,
        "partners in the segment `churned` of config/segments.yaml",
        "Partners lost, by what the programme declares to be that.",
    ),
    plain(
        "churned_share",
        Unit::Percent,
        Of::ChurnedShare,
        "100 · churned_partners / (active_partners + left_partners)",
        "Of all who were ever active, those lost.",
    ),
    plain("payouts_overdue", Unit::Count, Of::Overdue, ALL, "Payouts that should have been made and were not."),
];

impl ProgramMetric {
    /// When it is missing.
    #[must_use]
    pub fn missing(&self) -> &'static str {
        match self.of {
            Of::Growth(_) | Of::Churn => {
                "before the programme's first day was closed, nothing to divide by, or a partner is older than the programme's events and the window before begins before them"
            }
            _ => "before the programme's first day was closed, or nothing to divide by",
        }
    }
}

/// A programme figure by name, `revenue_28d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramFigure {
    metric: usize,
    days: Option<u16>,
}

impl ProgramFigure {
    /// Reads a name as it stands behind `program.`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(metric) = PROGRAM_METRICS.iter().position(|metric| !metric.windowed && metric.name == name) {
            return Some(Self { metric, days: None });
        }
        let (measure, window) = name.rsplit_once('_')?;
        let metric = PROGRAM_METRICS.iter().position(|metric| metric.windowed && metric.name == measure)?;
        let days = WINDOWS.into_iter().find(|days| window == format!("{days}d"))?;
        Some(Self { metric, days: Some(days) })
    }

    /// Every programme figure.
    pub fn all() -> impl Iterator<Item = Self> {
        PROGRAM_METRICS.iter().enumerate().flat_map(|(metric, of)| {
            let windows: Vec<Option<u16>> = if of.windowed { WINDOWS.map(Some).into() } else { vec![None] };
            windows.into_iter().map(move |days| Self { metric, days })
        })
    }

    fn metric(self) -> &'static ProgramMetric {
        PROGRAM_METRICS.get(self.metric).unwrap_or(&PROGRAM_METRICS[0])
    }

    /// What it is counted in.
    #[must_use]
    pub fn unit(self) -> Unit {
        self.metric().unit
    }

    /// Whether it can be below zero.
    #[must_use]
    pub fn may_be_negative(self) -> bool {
        matches!(self.metric().of, Of::Growth(_))
    }
}

impl fmt::Display for ProgramFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric().name)?;
        self.days.map_or(Ok(()), |days| write!(f, "_{days}d"))
    }
}

/// Sums over partners, of one window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct WindowSums {
    now: Totals,
    before: Totals,
    producing: i64,
    producing_active: i64,
    producing_before: i64,
    churned: i64,
    closing_revenue: i64,
    cashback_revenue: i64,
    engaged: i64,
    /// Partners of whom nobody told what they did in the window before, though they were partners then.
    unheard: i64,
}

/// What the programme figures are computed from. Parts of partners that do not overlap may be merged in any order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProgramSums {
    windows: [WindowSums; 2],
    active: i64,
    applied: i64,
    left: i64,
    approved_lately: i64,
    activated: i64,
    /// Partners by whole days to the first sale.
    days_to_first: BTreeMap<i64, i64>,
    /// Scores in hundredths, so that the sum does not depend on the order.
    satisfaction: i64,
    satisfied: i64,
    opted_out: i64,
    suppressed: i64,
    neglected: i64,
    in_touch: i64,
    joint: i64,
    overdue: i64,
    churned: i64,
    /// Partners of whom it can be said.
    asked_for_churn: i64,
    complained: i64,
    /// The same of some of the partners, by the name of the cut.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    cuts: BTreeMap<String, ProgramSums>,
}

/// What of a partner the state does not say by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    /// Opted out of a topic or of everything.
    pub opted_out: bool,
    /// The address must not be written to.
    pub suppressed: bool,
    /// A complaint is why.
    pub complained: bool,
    /// In the segment `churned`, by which a programme declares what it means by that; none where it declares none.
    pub churned: Option<bool>,
}

impl ProgramSums {
    /// Adds a partner as of the context's day.
    pub fn add(&mut self, state: &PartnerState, reach: Reach, context: &FigureContext<'_>) {
        let today = context.today;
        let count = |figure: &Figure| match state.figure(figure, context) {
            Some(FigureValue::Count(count)) => Some(count),
            _ => None,
        };
        let active = state.profile.status() == Status::Active;
        let closing = state.profile.partner_type.get().is_some_and(|kind| CLOSING_TYPES.contains(&&**kind));
        let cashback = state.profile.partner_type.get().is_some_and(|kind| **kind == *CASHBACK);
        let cells = state.days.iter().chain(state.open.iter());
        let oldest = today.saturating_sub(2 * i32::from(WINDOWS[1]) - 1);
        // One walk over the days for all windows and measures.
        let mut own: [WindowSums; 2] = Default::default();
        for cell in cells.filter(|cell| (oldest..=today).contains(&cell.day)) {
            for (days, sums) in WINDOWS.into_iter().zip(&mut own) {
                let age = today.saturating_sub(cell.day);
                let days = i32::from(days);
                if age < days {
                    sums.now.add(cell.of, cell.value);
                } else if age < 2 * days {
                    sums.before.add(cell.of, cell.value);
                }
            }
        }
        for (days, (all, own)) in WINDOWS.into_iter().zip(self.windows.iter_mut().zip(own)) {
            let (began_before, _) = window_before(today, days);
            all.unheard += i64::from(state.is_unheard(began_before, context.program_began_at, context.zone));
            let (now, before) = (own.now.get(Measure::Conversions) > 0, own.before.get(Measure::Conversions) > 0);
            all.producing += i64::from(now);
            all.producing_active += i64::from(now && active);
            all.producing_before += i64::from(before);
            all.churned += i64::from(before && !now);
            all.engaged += i64::from(active && own.now.get(Measure::Engagement) > 0);
            if closing {
                all.closing_revenue = all.closing_revenue.saturating_add(own.now.get(Measure::Revenue));
            }
            if cashback {
                all.cashback_revenue = all.cashback_revenue.saturating_add(own.now.get(Measure::Revenue));
            }
            merge(&mut all.now, &own.now);
            merge(&mut all.before, &own.before);
        }
        self.churned += i64::from(reach.churned == Some(true));
        self.asked_for_churn += i64::from(reach.churned.is_some());
        match state.profile.status() {
            Status::Active => self.active += 1,
            Status::Applied => self.applied += 1,
            Status::Suspended | Status::Closed => self.left += 1,
            _ => {}
        }
        let to_first = count(&Figure::DaysToFirstConversion);
        let approved = count(&Figure::DaysSince(Moment::Approved));
        let lately = i64::from(ACTIVATION_DAYS)..=i64::from(ACTIVATION_WITHIN);
        if approved.is_some_and(|days| lately.contains(&days))
            && !state.totals_missing(context)
            && state.opening.value.is_none()
        {
            self.approved_lately += 1;
            self.activated += i64::from(to_first.is_some_and(|days| days <= i64::from(ACTIVATION_DAYS)));
        }
        if let Some(days) = to_first {
            *self.days_to_first.entry(days).or_default() += 1;
        }
        if let Some(score) = state.satisfaction() {
            self.satisfaction += (score.clamp(0.0, 10.0) * 100.0).round() as i64;
            self.satisfied += 1;
        }
        self.overdue = self.overdue.saturating_add(state.payouts.overdue(today));
        if !active {
            return;
        }
        self.opted_out += i64::from(reach.opted_out);
        self.suppressed += i64::from(reach.suppressed);
        self.complained += i64::from(reach.complained);
        self.joint += i64::from(state.profile.tags().iter().any(|tag| &**tag == JOINT_MARKETING));
        let touches = [Moment::Mail, Moment::Reply, Moment::Answer];
        let touched = touches.into_iter().filter_map(|moment| count(&Figure::DaysSince(moment))).min();
        self.in_touch += i64::from(touched.is_some_and(|days| days < 90));
        let sells = count(&Figure::Sum(Measure::Conversions, Window::Days(90))).is_some_and(|sales| sales > 0);
        self.neglected += i64::from(sells && touched.is_none_or(|days| days >= i64::from(NEGLECT_DAYS)));
    }

    /// Adds a partner to some of the partners it belongs to; [`ProgramSums::add`] adds it to all.
    pub fn add_to(&mut self, cut: &Cut, state: &PartnerState, reach: Reach, context: &FigureContext<'_>) {
        self.cuts.entry(cut.to_string()).or_default().add(state, reach, context);
    }

    /// The sums of some of the partners; none when nobody is among them.
    #[must_use]
    pub fn cut(&self, cut: &Cut) -> Option<&ProgramSums> {
        self.cuts.get(&cut.to_string())
    }

    /// The sums of all cuts, by name.
    pub fn cuts(&self) -> impl Iterator<Item = (&str, &ProgramSums)> {
        self.cuts.iter().map(|(cut, sums)| (cut.as_str(), sums))
    }

    /// Adds the sums of other partners.
    pub fn merge(&mut self, other: &ProgramSums) {
        for (all, own) in self.windows.iter_mut().zip(&other.windows) {
            merge(&mut all.now, &own.now);
            merge(&mut all.before, &own.before);
            all.producing += own.producing;
            all.producing_active += own.producing_active;
            all.producing_before += own.producing_before;
            all.churned += own.churned;
            all.closing_revenue = all.closing_revenue.saturating_add(own.closing_revenue);
            all.cashback_revenue = all.cashback_revenue.saturating_add(own.cashback_revenue);
            all.engaged += own.engaged;
            all.unheard = all.unheard.saturating_add(own.unheard);
        }
        for (all, own) in [
            (&mut self.active, other.active),
            (&mut self.applied, other.applied),
            (&mut self.left, other.left),
            (&mut self.approved_lately, other.approved_lately),
            (&mut self.activated, other.activated),
            (&mut self.satisfaction, other.satisfaction),
            (&mut self.satisfied, other.satisfied),
            (&mut self.opted_out, other.opted_out),
            (&mut self.suppressed, other.suppressed),
            (&mut self.neglected, other.neglected),
            (&mut self.in_touch, other.in_touch),
            (&mut self.joint, other.joint),
            (&mut self.overdue, other.overdue),
            (&mut self.churned, other.churned),
            (&mut self.asked_for_churn, other.asked_for_churn),
            (&mut self.complained, other.complained),
        ] {
            *all = all.saturating_add(own);
        }
        for (days, partners) in &other.days_to_first {
            *self.days_to_first.entry(*days).or_default() += partners;
        }
        for (cut, sums) in &other.cuts {
            self.cuts.entry(cut.clone()).or_default().merge(sums);
        }
    }

    /// The value of a figure; none where there is nothing to divide by, for money with sales that have no rate, and for what is compared
    /// with a window in which some were partners already and rapport did not listen.
    #[must_use]
    pub fn figure(&self, figure: ProgramFigure, currency: rapport_rule::Currency) -> Option<FigureValue> {
        let metric = figure.metric();
        let at = WINDOWS.iter().position(|days| Some(*days) == figure.days).unwrap_or(0);
        let sums = self.windows.get(at)?;
        let sum = |totals: &Totals, measure: Measure| {
            (!measure.is_money() || totals.get(Measure::Unpriced) <= 0).then(|| totals.get(measure).max(0))
        };
        let now = |measure: Measure| sum(&sums.now, measure);
        let share = |part: i64, of: i64| (of > 0).then(|| FigureValue::Percent(100.0 * part as f64 / of as f64));
        let of_active = |part: i64| share(part, self.active);
        match metric.of {
            Of::Sum(measure) if measure.is_money() => {
                Some(FigureValue::Money(Money { minor: now(measure)?, currency }))
            }
            Of::Sum(measure) => now(measure).map(FigureValue::Count),
            Of::Ratio(ratio) => ratio.of(now, currency),
            Of::AverageOrder => {
                let orders = now(Measure::Conversions).filter(|orders| *orders > 0)?;
                Some(FigureValue::Money(Money { minor: ratio::divided(now(Measure::Revenue)?, orders), currency }))
            }
            Of::NewCustomerShare => share(now(Measure::NewCustomers)?, now(Measure::KnownCustomers)?),
            Of::Growth(_) | Of::Churn if sums.unheard > 0 => None,
            Of::Growth(measure) => ratio::growth(now(measure)?, sum(&sums.before, measure)?).map(FigureValue::Percent),
            Of::Producing => Some(FigureValue::Count(sums.producing)),
            Of::ProducingShare => of_active(sums.producing_active),
            Of::Churn => share(sums.churned, sums.producing_before),
            Of::ClosingShare => share(sums.closing_revenue.max(0), now(Measure::Revenue)?),
            Of::CashbackShare => share(sums.cashback_revenue.max(0), now(Measure::Revenue)?),
            Of::Engaged => of_active(sums.engaged),
            Of::Each(measure) => {
                let each = now(measure)? as f64 / self.active as f64;
                (self.active > 0).then_some(FigureValue::Number(each))
            }
            Of::ChurnedPartners => (self.asked_for_churn > 0).then_some(FigureValue::Count(self.churned)),
            Of::ChurnedShare if self.asked_for_churn == 0 => None,
            Of::ChurnedShare => share(self.churned, self.active.saturating_add(self.left)),
            Of::Complained => of_active(self.complained),
            Of::Unpriced => Some(FigureValue::Count(sums.now.get(Measure::Unpriced).max(0))),
            Of::Partners => Some(FigureValue::Count(self.active)),
            Of::Applied => Some(FigureValue::Count(self.applied)),
            Of::Left => Some(FigureValue::Count(self.left)),
            Of::Activation => share(self.activated, self.approved_lately),
            Of::DaysToFirst => self.median_to_first().map(FigureValue::Number),
            Of::Satisfaction => (self.satisfied > 0)
                .then(|| FigureValue::Number(self.satisfaction as f64 / 100.0 / self.satisfied as f64)),
            Of::OptOut => of_active(self.opted_out),
            Of::Suppressed => of_active(self.suppressed),
            Of::Neglected => Some(FigureValue::Count(self.neglected)),
            Of::Coverage => of_active(self.in_touch),
            Of::Joint => of_active(self.joint),
            Of::Overdue => Some(FigureValue::Count(self.overdue)),
        }
    }

    fn median_to_first(&self) -> Option<f64> {
        let all: i64 = self.days_to_first.values().sum();
        let ranked = |rank: i64| {
            let mut seen = 0;
            self.days_to_first.iter().find_map(|(days, partners)| {
                seen += partners;
                (seen > rank).then_some(*days)
            })
        };
        let (lower, upper) = (ranked((all - 1).max(0) / 2)?, ranked(all / 2)?);
        Some((lower as f64 + upper as f64) / 2.0)
    }
}

fn merge(all: &mut Totals, own: &Totals) {
    for (measure, sum) in own.iter() {
        all.add(measure, sum);
    }
}
