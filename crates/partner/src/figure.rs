//! Numbers about a partner, by name: `[approved_|reversed_]<measure>_<window>`, `days_since_<moment>` and a few of their own.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rapport_rule::money::{Currency, Money};
use serde::{Deserialize, Serialize};

use crate::day::{self, Day};
use crate::foreseen::{Foresee, Foreseen};
use crate::measure::{Measure, Totals};
use crate::moment::Moment;
use crate::ratio::{self, Ratio};
use crate::state::{DAYS_KEPT, PartnerState};

/// A number about a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// The sum of a measure over a window.
    Sum(Measure, Window),
    /// Revenue by conversion over a window.
    AverageOrder(Window),
    /// The share of new customers among those known to be new or not, over a window, in percent.
    NewCustomerShare(Window),
    /// Whole local days since something last (or first) happened.
    DaysSince(Moment),
    /// Payouts that should have been made and were not.
    PayoutsOverdue,
    /// One sum in relation to another over a window.
    Ratio(Ratio, Window),
    /// The change of a measure against the equally long window before, in percent; only over `Nd`.
    Growth(Measure, u16),
    /// Days with a sale that was not taken back; only over `Nd` and `Nd_before`.
    ActiveDays(Window),
    /// Whole local days from the approval to the first sale.
    DaysToFirstConversion,
    /// The usual number of days between days with sales.
    UsualGap,
    /// The newest survey score, 0 to 10.
    Satisfaction,
    /// What the programme's fit expects.
    Foreseen(Foreseen),
    /// How many follow, as last reported.
    Followers,
    /// The partner's part of the programme's revenue, in percent; over the windows programmes have.
    RevenueShare(u16),
}

/// The days a figure looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// Since the partner began, `opening` included.
    Total,
    /// The last N local days, today included.
    Days(u16),
    /// The N days before those.
    DaysBefore(u16),
    /// Since the journey began, its trigger excluded.
    SinceStart,
}

/// What a figure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A whole number.
    Count,
    /// Money of the programme's currency.
    Money,
    /// Any number.
    Number,
    /// 0 to 100.
    Percent,
}

/// The value of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FigureValue {
    /// A whole number.
    Count(i64),
    /// Money of the programme's currency.
    Money(Money),
    /// Any number.
    Number(f64),
    /// 0 to 100.
    Percent(f64),
}

/// What reading figures needs to know besides the partner.
#[derive(Debug, Clone, Copy)]
pub struct FigureContext<'a> {
    /// The programme's local day.
    pub today: Day,
    /// The programme's zone.
    pub zone: &'a TimeZone,
    /// The programme's currency.
    pub currency: Currency,
    /// The first event of the programme; a partner approved before it without `opening` has no `_total` figures.
    pub program_began_at: Option<Timestamp>,
    /// The programme's figures by name, as of its last closed day; `revenue_share` is missing without them.
    pub program: Option<&'a BTreeMap<String, f64>>,
    /// Where the journey began; without it `_since_start` figures are missing.
    pub start: Option<&'a StartMark>,
    /// Who knows what is to be expected; without it those figures are missing.
    pub foresee: Option<&'a dyn Foresee>,
}

/// The sums at the moment a journey began, right after its trigger: `_since_start` is what came on top.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StartMark(Totals);

/// Why a text names no figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FigureError {
    /// It does not look like a figure at all.
    NotAFigure,
    /// It ends like a figure, but nothing of that name is counted.
    UnknownMeasure(String),
    /// It begins like a figure, but the window is none.
    UnknownWindow(String),
    /// The window is empty or reaches further back than days are kept.
    WindowTooLong {
        /// The longest window allowed here.
        max: u16,
    },
    /// Nothing of that name is remembered.
    UnknownMoment(String),
}

impl fmt::Display for FigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list(f: &mut fmt::Formatter<'_>, names: impl Iterator<Item = &'static str>) -> fmt::Result {
            for (index, name) in names.enumerate() {
                write!(f, "{}{name}", if index == 0 { "" } else { ", " })?;
            }
            Ok(())
        }
        match self {
            FigureError::NotAFigure => {
                f.write_str("a figure is `<measure>_<window>`, such as `conversions_90d`, or `days_since_<moment>`")
            }
            FigureError::UnknownMeasure(name) => {
                write!(f, "nothing called `{name}` is counted; there are ")?;
                list(f, Figure::measure_names())
            }
            FigureError::UnknownWindow(name) => {
                write!(f, "`{name}` is no window; write `total`, `since_start`, `30d` or `30d_before`")
            }
            FigureError::WindowTooLong { max } => write!(f, "a window here has 1 to {max} days"),
            FigureError::UnknownMoment(name) => {
                write!(f, "no moment is called `{name}`; there are ")?;
                list(f, Moment::ALL.iter().map(|moment| moment.name()))
            }
        }
    }
}

impl std::error::Error for FigureError {}

impl StartMark {
    /// The sums of a partner now.
    pub fn of(state: &PartnerState) -> Self {
        StartMark(state.totals.clone())
    }
}

const AVERAGE_ORDER: &str = "average_order";
const NEW_CUSTOMER_SHARE: &str = "new_customer_share";
const PAYOUTS_OVERDUE: &str = "payouts_overdue";
const ACTIVE_DAYS: &str = "active_days";
const DAYS_TO_FIRST: &str = "days_to_first_conversion";
const USUAL_GAP: &str = "usual_gap_days";
const SATISFACTION: &str = "satisfaction";
const FOLLOWERS: &str = "followers";
const REVENUE_SHARE: &str = "revenue_share";
const GROWTH: &str = "_growth";
const DAYS_SINCE: &str = "days_since_";

/// The names that can stand before a window: figures are read by name at every look at a condition.
static MEASURE_NAMES: LazyLock<HashSet<&'static str>> = LazyLock::new(|| Figure::measure_names().collect());

impl Figure {
    /// Every name that can stand before a window.
    pub fn measure_names() -> impl Iterator<Item = &'static str> {
        let measures = Measure::ALL.iter().map(|measure| measure.name()).filter(|name| !name.is_empty());
        let growths = Growing::ALL.iter().map(|(name, _)| *name);
        measures
            .chain([AVERAGE_ORDER, NEW_CUSTOMER_SHARE, ACTIVE_DAYS, REVENUE_SHARE])
            .chain(Ratio::ALL.iter().map(|ratio| ratio.name()))
            .chain(growths)
    }

    /// Names to show and to compare a mistyped one with: each measure with the usual windows, and the rest.
    pub fn examples() -> Vec<String> {
        let windows = ["total", "7d", "28d", "28d_before", "90d", "since_start"];
        let mut names: Vec<String> = Self::measure_names()
            .flat_map(|measure| windows.iter().map(move |window| format!("{measure}_{window}")))
            .filter(|name| Figure::parse(name).is_ok())
            .collect();
        names.extend(Moment::ALL.iter().map(|moment| format!("{DAYS_SINCE}{}", moment.name())));
        names.extend([PAYOUTS_OVERDUE, DAYS_TO_FIRST, USUAL_GAP, SATISFACTION, FOLLOWERS].map(str::to_owned));
        names.extend(Foreseen::ALL.iter().map(|known| known.name().to_owned()));
        names
    }

    /// Reads a figure's name.
    pub fn parse(name: &str) -> Result<Figure, FigureError> {
        match name {
            PAYOUTS_OVERDUE => return Ok(Figure::PayoutsOverdue),
            DAYS_TO_FIRST => return Ok(Figure::DaysToFirstConversion),
            USUAL_GAP => return Ok(Figure::UsualGap),
            SATISFACTION => return Ok(Figure::Satisfaction),
            FOLLOWERS => return Ok(Figure::Followers),
            _ => {}
        }
        if let Some(known) = Foreseen::ALL.iter().find(|known| known.name() == name) {
            return Ok(Figure::Foreseen(*known));
        }
        if let Some(moment) = name.strip_prefix(DAYS_SINCE) {
            return match Moment::parse(moment) {
                Some(moment) => Ok(Figure::DaysSince(moment)),
                None => Err(FigureError::UnknownMoment(moment.to_owned())),
            };
        }
        // The longest measure that fits: `approved_conversions_90d` is not `approved` of something.
        let mut ends = name.rmatch_indices('_').map(|(end, _)| end);
        let measure = ends.find_map(|end| Some((*MEASURE_NAMES.get(name.get(..end)?)?, end)));
        match measure {
            Some((measure, end)) => {
                let text = name.get(end + 1..).unwrap_or_default();
                let window = Window::parse(text)?;
                if let Some(ratio) = Ratio::ALL.iter().find(|ratio| ratio.name() == measure) {
                    return Ok(Figure::Ratio(*ratio, window));
                }
                if let Some((_, grows)) = Growing::ALL.iter().find(|(known, _)| *known == measure) {
                    return match window {
                        Window::Days(days) if i32::from(days) <= DAYS_KEPT / 2 => Ok(Figure::Growth(*grows, days)),
                        Window::Days(_) => Err(FigureError::WindowTooLong { max: (DAYS_KEPT / 2) as u16 }),
                        _ => Err(FigureError::UnknownWindow(text.to_owned())),
                    };
                }
                Ok(match measure {
                    ACTIVE_DAYS if !matches!(window, Window::Days(_) | Window::DaysBefore(_)) => {
                        return Err(FigureError::UnknownWindow(text.to_owned()));
                    }
                    ACTIVE_DAYS => Figure::ActiveDays(window),
                    REVENUE_SHARE => match window {
                        Window::Days(days) if crate::program::WINDOWS.contains(&days) => Figure::RevenueShare(days),
                        _ => return Err(FigureError::UnknownWindow(text.to_owned())),
                    },
                    AVERAGE_ORDER => Figure::AverageOrder(window),
                    NEW_CUSTOMER_SHARE => Figure::NewCustomerShare(window),
                    _ => match Measure::ALL.iter().find(|known| known.name() == measure) {
                        Some(known) => Figure::Sum(*known, window),
                        None => return Err(FigureError::UnknownMeasure(measure.to_owned())),
                    },
                })
            }
            None => match Window::suffix_of(name) {
                Some(measure) if !measure.is_empty() => Err(FigureError::UnknownMeasure(measure.to_owned())),
                _ => Err(FigureError::NotAFigure),
            },
        }
    }

    /// What it is counted in.
    pub fn unit(&self) -> Unit {
        match self {
            Figure::Sum(measure, _) if measure.is_money() => Unit::Money,
            Figure::Sum(..)
            | Figure::DaysSince(_)
            | Figure::PayoutsOverdue
            | Figure::ActiveDays(_)
            | Figure::Followers
            | Figure::DaysToFirstConversion => Unit::Count,
            Figure::AverageOrder(_) => Unit::Money,
            Figure::NewCustomerShare(_) | Figure::Growth(..) | Figure::RevenueShare(_) => Unit::Percent,
            Figure::Ratio(ratio, _) => ratio.unit(),
            Figure::UsualGap | Figure::Satisfaction => Unit::Number,
            Figure::Foreseen(known) => known.unit(),
        }
    }

    /// Whether it can be missing. Counts over the last days never are: they are what was told of these days.
    pub fn may_be_missing(&self) -> bool {
        if self.days_before().is_some() {
            return true;
        }
        match self {
            Figure::Sum(_, Window::Total | Window::SinceStart) => true,
            Figure::Sum(measure, _) => measure.is_money(),
            Figure::AverageOrder(_) | Figure::NewCustomerShare(_) | Figure::DaysSince(_) => true,
            Figure::Ratio(..) | Figure::Growth(..) => true,
            Figure::DaysToFirstConversion | Figure::UsualGap | Figure::Satisfaction => true,
            Figure::Followers | Figure::RevenueShare(_) => true,
            Figure::Foreseen(_) => true,
            Figure::PayoutsOverdue | Figure::ActiveDays(_) => false,
        }
    }

    /// How many days the window before has, where it looks at one: `28d_before`, and growth over `28d`.
    pub fn days_before(&self) -> Option<u16> {
        match *self {
            Figure::Growth(_, days)
            | Figure::Sum(_, Window::DaysBefore(days))
            | Figure::AverageOrder(Window::DaysBefore(days))
            | Figure::NewCustomerShare(Window::DaysBefore(days))
            | Figure::Ratio(_, Window::DaysBefore(days))
            | Figure::ActiveDays(Window::DaysBefore(days)) => Some(days),
            _ => None,
        }
    }

    /// Whether its value can be below zero.
    pub fn may_be_negative(&self) -> bool {
        matches!(self, Figure::Growth(..))
    }

    /// Whether it only means something within a journey.
    pub fn needs_start(&self) -> bool {
        matches!(
            self,
            Figure::Sum(_, Window::SinceStart)
                | Figure::AverageOrder(Window::SinceStart)
                | Figure::NewCustomerShare(Window::SinceStart)
                | Figure::Ratio(_, Window::SinceStart)
        )
    }
}

/// Measures that have a growth, with its name.
pub(crate) struct Growing;

impl Growing {
    pub(crate) const ALL: [(&'static str, Measure); 4] = [
        ("conversions_growth", Measure::Conversions),
        ("revenue_growth", Measure::Revenue),
        ("commission_growth", Measure::Commission),
        ("clicks_growth", Measure::Clicks),
    ];
}

impl Window {
    fn parse(text: &str) -> Result<Window, FigureError> {
        let (days, before) = match text {
            "total" => return Ok(Window::Total),
            "since_start" => return Ok(Window::SinceStart),
            _ => match text.strip_suffix("_before") {
                Some(days) => (days, true),
                None => (text, false),
            },
        };
        let max = if before { DAYS_KEPT / 2 } else { DAYS_KEPT } as u16;
        let number = days.strip_suffix('d').filter(|digits| {
            !digits.is_empty()
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && !(digits.len() > 1 && digits.starts_with('0'))
        });
        match number.map(str::parse::<u16>) {
            None => Err(FigureError::UnknownWindow(text.to_owned())),
            Some(Ok(days)) if (1..=max).contains(&days) => {
                Ok(if before { Window::DaysBefore(days) } else { Window::Days(days) })
            }
            Some(_) => Err(FigureError::WindowTooLong { max }),
        }
    }

    /// What stands before a window at the end of a name.
    fn suffix_of(name: &str) -> Option<&str> {
        let body = name.strip_suffix("_before").unwrap_or(name);
        if let Some(measure) = body.strip_suffix("_total").or_else(|| body.strip_suffix("_since_start")) {
            return Some(measure);
        }
        let (measure, window) = body.rsplit_once('_')?;
        Window::parse(window).is_ok().then_some(measure)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Window::Total => f.write_str("total"),
            Window::Days(days) => write!(f, "{days}d"),
            Window::DaysBefore(days) => write!(f, "{days}d_before"),
            Window::SinceStart => f.write_str("since_start"),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Figure::Sum(measure, window) => write!(f, "{}_{window}", measure.name()),
            Figure::AverageOrder(window) => write!(f, "{AVERAGE_ORDER}_{window}"),
            Figure::NewCustomerShare(window) => write!(f, "{NEW_CUSTOMER_SHARE}_{window}"),
            Figure::DaysSince(moment) => write!(f, "{DAYS_SINCE}{}", moment.name()),
            Figure::PayoutsOverdue => f.write_str(PAYOUTS_OVERDUE),
            Figure::Ratio(ratio, window) => write!(f, "{}_{window}", ratio.name()),
            Figure::Growth(measure, days) => write!(f, "{}{GROWTH}_{days}d", measure.name()),
            Figure::ActiveDays(window) => write!(f, "{ACTIVE_DAYS}_{window}"),
            Figure::DaysToFirstConversion => f.write_str(DAYS_TO_FIRST),
            Figure::UsualGap => f.write_str(USUAL_GAP),
            Figure::Satisfaction => f.write_str(SATISFACTION),
            Figure::Followers => f.write_str(FOLLOWERS),
            Figure::RevenueShare(days) => write!(f, "{REVENUE_SHARE}_{days}d"),
            Figure::Foreseen(known) => f.write_str(known.name()),
        }
    }
}

impl fmt::Display for FigureValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FigureValue::Count(count) => write!(f, "{count}"),
            FigureValue::Money(money) => write!(f, "{money}"),
            FigureValue::Number(number) | FigureValue::Percent(number) => write!(f, "{number}"),
        }
    }
}

/// The first and the last of the days before the last so many.
pub(crate) fn window_before(today: Day, days: u16) -> (Day, Day) {
    let days = i32::from(days);
    (today.saturating_sub(2 * days - 1), today.saturating_sub(days))
}

impl PartnerState {
    /// The value of a figure; none when it is missing:
    /// - totals of a partner who was approved before the programme's first event and has no `opening`;
    /// - money, where a conversion in it is of another currency than the programme's and no rate was known for its day;
    /// - windows before, and what is compared with them, where they begin before anything was told of the partner, see
    ///   [`PartnerState::is_unheard_by`];
    /// - averages and shares of nothing, moments that never were, `since_start` outside of a journey.
    pub fn figure(&self, figure: &Figure, context: &FigureContext<'_>) -> Option<FigureValue> {
        if self.is_unheard_by(figure, context) {
            return None;
        }
        match *figure {
            Figure::Sum(measure, window) => {
                let sum = self.window_sum(measure, window, context)?;
                Some(if measure.is_money() {
                    FigureValue::Money(Money { minor: sum, currency: context.currency })
                } else {
                    FigureValue::Count(sum)
                })
            }
            Figure::AverageOrder(window) => {
                let orders = self.window_sum(Measure::Conversions, window, context).filter(|orders| *orders > 0)?;
                let revenue = self.window_sum(Measure::Revenue, window, context)?;
                // Half up, in whole minor units; both are at least 0.
                let minor = revenue.saturating_add(orders / 2) / orders;
                Some(FigureValue::Money(Money { minor, currency: context.currency }))
            }
            Figure::NewCustomerShare(window) => {
                let known = self.window_sum(Measure::KnownCustomers, window, context).filter(|known| *known > 0)?;
                let new = self.window_sum(Measure::NewCustomers, window, context)?;
                Some(FigureValue::Percent(100.0 * new as f64 / known as f64))
            }
            Figure::DaysSince(moment) => {
                let day = self.moment_day(moment, context.zone)?;
                Some(FigureValue::Count(i64::from(context.today.saturating_sub(day)).max(0)))
            }
            Figure::PayoutsOverdue => Some(FigureValue::Count(self.payouts.overdue(context.today))),
            Figure::Ratio(ratio, window) => {
                ratio.of(|measure| self.window_sum(measure, window, context), context.currency)
            }
            Figure::Growth(measure, days) => {
                let now = self.window_sum(measure, Window::Days(days), context)?;
                let before = self.window_sum(measure, Window::DaysBefore(days), context)?;
                ratio::growth(now, before).map(FigureValue::Percent)
            }
            Figure::ActiveDays(window) => {
                let (from, to) = match window {
                    Window::Days(days) => (context.today.saturating_sub(i32::from(days) - 1), context.today),
                    Window::DaysBefore(days) => window_before(context.today, days),
                    Window::Total | Window::SinceStart => return None,
                };
                let days = self.sale_days();
                Some(FigureValue::Count(days.iter().filter(|(on, _)| (from..=to).contains(on)).count() as i64))
            }
            Figure::DaysToFirstConversion => {
                // A first sale before rapport listened is unknown, and a forgotten one is still kept as a day.
                if self.totals_missing(context) || self.opening.value.is_some_and(|opening| opening.conversions > 0) {
                    return None;
                }
                let approved = self.moment_day(Moment::Approved, context.zone)?;
                let first = self.first_sale_day()?;
                Some(FigureValue::Count(i64::from(first.saturating_sub(approved)).max(0)))
            }
            Figure::UsualGap => self.usual_gap().map(|(gap, _)| FigureValue::Number(gap)),
            Figure::Satisfaction => self.satisfaction().map(FigureValue::Number),
            Figure::Followers => self.followers().map(FigureValue::Count),
            Figure::RevenueShare(days) => {
                let own = self.window_sum(Measure::Revenue, Window::Days(days), context)? as f64;
                let all = *context.program?.get(&format!("revenue_{days}d"))?;
                (all > 0.0).then_some(FigureValue::Percent(100.0 * own / all))
            }
            Figure::Foreseen(known) => {
                let value = context.foresee?.foresee(self, known, context).filter(|value| value.is_finite())?;
                Some(match known.unit() {
                    Unit::Money => {
                        FigureValue::Money(Money { minor: value.round() as i64, currency: context.currency })
                    }
                    Unit::Percent => FigureValue::Percent(value),
                    Unit::Count | Unit::Number => FigureValue::Number(value),
                })
            }
        }
    }

    /// The newest score of any survey; of two answers of one instant the higher.
    pub fn satisfaction(&self) -> Option<f64> {
        let scored = self.answers.iter().filter_map(|(_, answer)| Some((answer.at, answer.score?)));
        scored
            .filter(|(_, score)| score.is_finite())
            .max_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)))
            .map(|(_, score)| score)
    }

    /// The local day of a moment.
    pub fn moment_day(&self, moment: Moment, zone: &TimeZone) -> Option<Day> {
        let of = |at: Option<Timestamp>| at.map(|at| day::of(at, zone));
        match moment {
            Moment::Conversion => self.last_sale_day(),
            Moment::FirstConversion => self.first_sale_day(),
            Moment::Approved => of(self.profile.approved_at.value),
            Moment::Joined => of(self.profile.joined_at.value),
            Moment::Activity => of(self.moments.get(Moment::Activity)).max(self.last_sale_day()),
            other => of(self.moments.get(other)),
        }
    }

    /// Whether somebody was a partner already when rapport began to listen to the programme, later than this day. What they did then is
    /// not known: what is compared with it would seem to grow. For those who joined since, it is all there is.
    pub fn is_unheard(&self, from: Day, began: Option<Timestamp>, zone: &TimeZone) -> bool {
        let (Some(approved), Some(began)) = (self.profile.approved_at.value, began) else { return false };
        approved < began && from < day::of(began, zone)
    }

    /// Whether a figure is missing because its window before begins on a day that rapport did not listen to. An opening balance does
    /// not say what came on which day.
    pub fn is_unheard_by(&self, figure: &Figure, context: &FigureContext<'_>) -> bool {
        figure.days_before().is_some_and(|days| {
            let (from, _) = window_before(context.today, days);
            self.is_unheard(from, context.program_began_at, context.zone)
        })
    }

    /// Whether what happened before rapport listened is unknown, so that totals would be too small.
    pub fn totals_missing(&self, context: &FigureContext<'_>) -> bool {
        let began_before = match (self.profile.approved_at.value, context.program_began_at) {
            (Some(approved), Some(began)) => approved < began,
            _ => false,
        };
        began_before && self.opening.value.is_none()
    }

    fn window_sum(&self, measure: Measure, window: Window, context: &FigureContext<'_>) -> Option<i64> {
        let today = context.today;
        let over = |from: Day, to: Day| {
            let priced = !measure.is_money() || self.sum(Measure::Unpriced, from, to) <= 0;
            priced.then(|| self.sum(measure, from, to))
        };
        let sum = match window {
            Window::Days(days) => over(today.saturating_sub(i32::from(days) - 1), today)?,
            Window::DaysBefore(days) => {
                let (from, to) = window_before(today, days);
                over(from, to)?
            }
            Window::SinceStart => {
                let StartMark(start) = context.start?;
                if measure.is_money() && self.totals.get(Measure::Unpriced) > start.get(Measure::Unpriced) {
                    return None;
                }
                self.totals.get(measure).saturating_sub(start.get(measure))
            }
            Window::Total => self.total(measure, context)?,
        };
        // A reversal of what came before the window's start can only lower it below zero where there is nothing to lower.
        Some(sum.max(0))
    }

    fn total(&self, measure: Measure, context: &FigureContext<'_>) -> Option<i64> {
        if self.totals_missing(context) || (measure.is_money() && self.totals.get(Measure::Unpriced) > 0) {
            return None;
        }
        self.known_total(measure, context.zone)
    }

    /// The sum since the beginning, `opening` included, of what is known: what a sale without a rate is worth, and what was before
    /// rapport listened, is left out of it. It tells whether what stood on known sales alone still does; figures shown are missing
    /// instead. `None` where an opening balance names no such sum.
    pub fn known_total(&self, measure: Measure, zone: &TimeZone) -> Option<i64> {
        let total = self.totals.get(measure);
        let Some(opening) = self.opening.value else { return Some(total) };
        let opened = match measure {
            // What was not reversed by then counts as approved too: an opening balance names settled business.
            Measure::Conversions | Measure::ApprovedConversions => opening.conversions,
            Measure::Revenue | Measure::ApprovedRevenue => opening.revenue?,
            Measure::Commission | Measure::ApprovedCommission => opening.commission?,
            _ => return Some(total),
        };
        // Sales of days before `as_of` are in the balance already.
        let until = day::of(opening.as_of, zone).saturating_sub(1);
        let counted_twice = self.sum(measure, Day::MIN, until);
        Some(opened.saturating_add(total).saturating_sub(counted_twice))
    }
}
