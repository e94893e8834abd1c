//! The state of one partner.

use std::sync::Arc;

use jiff::Timestamp;
use rapport_event::FieldType;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::bucket::Cells;
use crate::day::Day;
use crate::encoding::Unknown;
use crate::marks::Marks;
use crate::measure::{Measure, Totals};
use crate::moment::Moments;
use crate::payout::Payouts;
use crate::profile::{Profile, Stored};
use crate::ranking::Ranking;
use crate::received::Mails;
use crate::sold::Sold;

/// How many days closed buckets reach back.
pub const DAYS_KEPT: i32 = 400;

/// Everything rapport knows of one partner. What `insight` and the engine keep here is not read by this crate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PartnerState {
    /// Fields of the partner.
    pub profile: Profile,
    /// The version of the newest `person` row an event named.
    pub person_version: Option<i64>,
    /// The earliest event time seen of this partner.
    pub first_event_at: Option<Timestamp>,
    /// Set when the partner's data were erased.
    pub erased_at: Option<Timestamp>,
    /// What was counted since the last day close: today, and changes of closed days that are not merged yet.
    pub open: Cells,
    /// Closed days; stored apart, see [`PartnerState::close_through`].
    pub days: Cells,
    /// Mails got since the last day close, and what of closed days is taken back.
    pub open_mails: Mails,
    /// Mails got on closed days; stored with them.
    pub mails: Mails,
    /// The last closed day.
    pub closed_through: Option<Day>,
    /// First and last day with sales among the days that are forgotten.
    pub forgotten_sales: Option<(Day, Day)>,
    /// Sums since the first event.
    pub totals: Totals,
    /// When things last happened.
    pub moments: Moments,
    /// Payouts open or lately made.
    pub payouts: Payouts,
    /// Articles by conversions.
    pub products: Ranking,
    /// Categories by conversions.
    pub categories: Ranking,
    /// What was sold on days that are not closed yet, by order line.
    pub sold: Sold,
    /// The latest answers, sorted by name: the survey's id, and the name it gives its choice.
    pub answers: Vec<(Arc<str>, Answer)>,
    /// What the partner had done before rapport listened.
    pub opening: Stored<Opening>,
    /// The dip detector's state, opaque.
    pub detector: Vec<u8>,
    /// The group the partner is in.
    pub group: Option<Arc<str>>,
    /// The lane of that group.
    pub lane: Option<Arc<str>>,
    /// The health band.
    pub band: Option<Arc<str>>,
    /// The health score in hundredths of a point, 0 to 10,000.
    pub health: Option<u16>,
    /// Signals that last.
    pub lasting: Vec<LastingSignal>,
    /// Further opaque states by name, sorted: goals told, cursors.
    pub marks: Marks,
    /// Fields a newer version wrote into the hot part; written back as they were.
    pub unknown: Unknown,
    /// The same of the days part.
    pub unknown_days: Unknown,
}

/// The latest answer to a survey.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// When it was given.
    pub at: Timestamp,
    /// The chosen answer, else the reason.
    pub answer: Option<Arc<str>>,
    /// The score.
    pub score: Option<f64>,
}

/// What a partner had reached before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opening {
    /// Up to when it counts; sales on days before that day are in it.
    pub as_of: Timestamp,
    /// Conversions.
    pub conversions: i64,
    /// Order value in minor units of the programme's currency; none when told in another.
    pub revenue: Option<i64>,
    /// Earnings, likewise.
    pub commission: Option<i64>,
}

/// A signal that lasts until it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastingSignal {
    /// Its kind, such as `dip.conversions`.
    pub kind: Arc<str>,
    /// Its id, the same while it lasts.
    pub id: Arc<str>,
    /// Since when it lasts.
    pub since: Timestamp,
    /// The newest payload, JSON.
    pub payload: Box<str>,
}

/// The fields a workflow names as `partner.<name>`, with their types; all may be missing but `status` and `tags`. Besides: further
/// fields, `answers.<survey>`, and the personal ones that only mails may use.
pub const PARTNER_FIELDS: &[(&str, FieldType)] = &[
    ("status", FieldType::Text),
    ("zone", FieldType::Text),
    ("language", FieldType::Text),
    ("country", FieldType::Text),
    ("type", FieldType::Text),
    ("manager", FieldType::Text),
    ("tags", FieldType::List),
    ("referred_by", FieldType::Text),
    ("objects_to_profiling", FieldType::Bool),
    ("joined_at", FieldType::Instant),
    ("approved_at", FieldType::Instant),
    ("contract_ends", FieldType::Date),
    ("consent", FieldType::Bool),
    ("top_product", FieldType::Text),
    ("top_category", FieldType::Text),
    ("top_products", FieldType::List),
    ("health", FieldType::Number),
    ("band", FieldType::Text),
];

/// The mark that holds when followers were last reported, in epoch milliseconds, and how many: two little-endian numbers.
const FOLLOWERS: &str = "followers";

impl PartnerState {
    /// A stored field as `partner.<path>` names it; none is missing. Instants and dates are texts, `answers.<survey>` is the chosen
    /// answer or the score.
    pub fn field(&self, path: &str) -> Option<Value> {
        let text = |text: Option<&Arc<str>>| text.map(|text| Value::from(&**text));
        let profile = &self.profile;
        match path {
            "status" => Some(profile.status().as_str().into()),
            "zone" => text(profile.zone.get()),
            "language" => profile.language(),
            "country" => text(profile.country.get()),
            "type" => text(profile.partner_type.get()),
            "manager" => text(profile.manager.get()),
            "tags" => Some(profile.tags().iter().map(|tag| Value::from(&**tag)).collect()),
            "referred_by" => profile.referred_by.get().map(|referrer| referrer.as_str().into()),
            "objects_to_profiling" => profile.objects_to_profiling.get().map(|objects| (*objects).into()),
            "joined_at" => profile.joined_at.get().map(|at| at.to_string().into()),
            "approved_at" => profile.approved_at.get().map(|at| at.to_string().into()),
            "contract_ends" => profile.contract_ends.get().map(|on| on.to_string().into()),
            "consent" => profile.consent.get().map(|consent| consent.given.into()),
            "top_product" => text(self.products.top()),
            "top_category" => text(self.categories.top()),
            "top_products" => {
                let names = self.products.ranked();
                (!names.is_empty()).then(|| names.into_iter().map(Value::from).collect())
            }
            "health" => self.health.map(|hundredths| json!(f64::from(hundredths) / 100.0)),
            "band" => text(self.band.as_ref()),
            _ => match path.strip_prefix("answers.") {
                Some(survey) => {
                    let answer = self.answer(survey)?;
                    text(answer.answer.as_ref()).or_else(|| answer.score.map(Value::from))
                }
                None => profile.custom(path),
            },
        }
    }

    /// The latest answer to a survey.
    pub fn answer(&self, survey: &str) -> Option<&Answer> {
        self.answers.iter().find(|(known, _)| **known == *survey).map(|(_, answer)| answer)
    }

    /// The sum of a measure over days `from..=to`, closed and open.
    pub fn sum(&self, measure: Measure, from: Day, to: Day) -> i64 {
        self.days.sum(measure, from, to).saturating_add(self.open.sum(measure, from, to))
    }

    /// Conversions and order value (minor units) of one day: what a day close judges.
    pub fn on_day(&self, day: Day) -> (i64, i64) {
        (self.sum(Measure::Conversions, day, day), self.sum(Measure::Revenue, day, day))
    }

    /// The days within the kept history on which the partner sold something that was not taken back, with the number of conversions,
    /// in order.
    pub fn sale_days(&self) -> Vec<(Day, i64)> {
        self.sales().collect()
    }

    fn sales(&self) -> impl Iterator<Item = (Day, i64)> {
        merged(conversions(&self.days), conversions(&self.open), |one, other| one < other)
    }

    /// The last of [`PartnerState::sale_days`], at most so many, without a walk over all of them.
    pub fn latest_sale_days(&self, most: usize) -> Vec<(Day, i64)> {
        let latest = merged(conversions(&self.days).rev(), conversions(&self.open).rev(), |one, other| one > other);
        let mut latest: Vec<(Day, i64)> = latest.take(most).collect();
        latest.reverse();
        latest
    }

    /// The last day with a sale that was not taken back, forgotten days included.
    pub fn last_sale_day(&self) -> Option<Day> {
        let candidate =
            |cells: &Cells| cells.iter().rev().find(|cell| cell.of == Measure::Conversions).map(|cell| cell.day);
        let (closed, open) = (candidate(&self.days), candidate(&self.open));
        // Cheap unless open changes take back what the closed days hold.
        let last = match (closed, open) {
            (Some(day), None) => Some(day),
            (_, Some(day))
                if self.sum(Measure::Conversions, day, day) > 0 && closed.is_none_or(|closed| closed <= day) =>
            {
                Some(day)
            }
            (None, None) => None,
            _ => self.latest_sale_days(1).last().map(|(day, _)| *day),
        };
        last.or(self.forgotten_sales.map(|(_, last)| last))
    }

    /// The first day with a sale that was not taken back, forgotten days included.
    pub fn first_sale_day(&self) -> Option<Day> {
        self.forgotten_sales.map(|(first, _)| first).or_else(|| self.sales().next().map(|(day, _)| day))
    }

    /// The usual number of days between days with sales: the median of the gaps within the kept history, with how many gaps there
    /// are. None before the second such day.
    pub fn usual_gap(&self) -> Option<(f64, usize)> {
        let mut days = self.sales().map(|(day, _)| day);
        let mut before = days.next()?;
        let mut gaps: Vec<i32> = days.map(|day| day - std::mem::replace(&mut before, day)).collect();
        let count = gaps.len();
        if count == 0 {
            return None;
        }
        // Only what stands in the middle is asked for, not the order around it.
        let (smaller, upper, _) = gaps.select_nth_unstable(count / 2);
        let upper = f64::from(*upper);
        let lower = if count.is_multiple_of(2) { f64::from(*smaller.iter().max()?) } else { upper };
        Some((f64::midpoint(lower, upper), count))
    }

    /// Closes days up to and including one: open buckets of those days (and late changes of earlier ones) move to the closed days,
    /// and what is older than [`DAYS_KEPT`] days is forgotten. Returns whether the days part changed and must be stored. Doing it
    /// again changes nothing.
    pub fn close_through(&mut self, day: Day) -> bool {
        let (closing, mails) = (self.open.split_through(day), self.open_mails.split_through(day));
        let mut changed = !closing.is_empty() || !mails.is_empty();
        self.days.merge(closing);
        self.mails.merge(mails);
        self.sold.forget_through(day);
        self.closed_through = self.closed_through.max(Some(day));
        let oldest = self.closed_through.map_or(day, |through| through.saturating_sub(DAYS_KEPT - 1));
        changed |= !self.mails.split_through(oldest - 1).is_empty();
        if self.days.iter().next().is_some_and(|cell| cell.day < oldest) {
            let forgotten = self.days.split_through(oldest - 1);
            changed = true;
            for cell in forgotten.iter().filter(|cell| cell.of == Measure::Conversions && cell.value > 0) {
                self.forgotten_sales = Some(match self.forgotten_sales {
                    Some((first, last)) => (first.min(cell.day), last.max(cell.day)),
                    None => (cell.day, cell.day),
                });
            }
        }
        changed
    }

    /// A signal of this kind that lasts.
    pub fn lasting(&self, kind: &str) -> Option<&LastingSignal> {
        self.lasting.iter().find(|signal| *signal.kind == *kind)
    }

    /// Sets a lasting signal, replacing the one of its kind and id.
    pub fn raise(&mut self, signal: LastingSignal) {
        match self.lasting.iter_mut().find(|known| known.kind == signal.kind && known.id == signal.id) {
            Some(known) => *known = signal,
            None => self.lasting.push(signal),
        }
    }

    /// Ends the lasting signals of a kind; tells which there were.
    pub fn end(&mut self, kind: &str) -> Vec<LastingSignal> {
        let (ended, rest) = std::mem::take(&mut self.lasting).into_iter().partition(|signal| *signal.kind == *kind);
        self.lasting = rest;
        ended
    }

    /// How many follow, as last reported.
    pub fn followers(&self) -> Option<i64> {
        self.told_followers().map(|(_, followers)| followers)
    }

    fn told_followers(&self) -> Option<(i64, i64)> {
        let bytes = self.mark(FOLLOWERS)?;
        let (at, followers) = bytes.split_first_chunk::<8>()?;
        Some((i64::from_le_bytes(*at), i64::from_le_bytes(*followers.first_chunk::<8>()?)))
    }

    /// The latest report stays; of two of one instant the higher.
    pub(crate) fn tell_followers(&mut self, followers: i64, at: Timestamp) {
        let told = (at.as_millisecond(), followers);
        if self.told_followers().is_none_or(|known| known < told) {
            self.set_mark(FOLLOWERS, [told.0.to_le_bytes(), told.1.to_le_bytes()].concat());
        }
    }

    /// An opaque state by name.
    pub fn mark(&self, name: &str) -> Option<&[u8]> {
        self.marks.get(name)
    }

    /// What the JSON of an opaque state says, read once for as long as it stays; none when there is none, or it is no such thing.
    pub fn mark_as<T: DeserializeOwned + Send + Sync + 'static>(&self, name: &str) -> Option<Arc<T>> {
        self.marks.read(name)
    }

    /// Sets an opaque state to the JSON of a value. It must come back from its text as it was: the value is kept for who asks next.
    pub fn keep_mark<T>(&mut self, name: &str, value: T)
    where
        T: Serialize + DeserializeOwned + PartialEq + Send + Sync + 'static,
    {
        self.marks.keep(name, value);
    }

    /// Lets go of what was read of opaque states, which takes several times the room of their bytes; who asks next reads them anew.
    pub fn forget_read_marks(&mut self) {
        self.marks.forget_read();
    }

    /// Sets an opaque state; empty bytes take it away.
    pub fn set_mark(&mut self, name: &str, bytes: Vec<u8>) {
        self.marks.set(name, bytes);
    }
}

/// Conversions by day.
fn conversions(cells: &Cells) -> impl DoubleEndedIterator<Item = (Day, i64)> {
    cells.iter().filter(|cell| cell.of == Measure::Conversions).map(|cell| (cell.day, cell.value))
}

/// Days of closed and of open buckets, both in this order, without those whose count comes to nothing.
fn merged(
    closed: impl Iterator<Item = (Day, i64)>,
    open: impl Iterator<Item = (Day, i64)>,
    comes_first: fn(Day, Day) -> bool,
) -> impl Iterator<Item = (Day, i64)> {
    let (mut closed, mut open) = (closed.peekable(), open.peekable());
    let days = std::iter::from_fn(move || match (closed.peek(), open.peek()) {
        (Some(one), Some(two)) if one.0 == two.0 => {
            closed.next().zip(open.next()).map(|(one, two)| (one.0, one.1.saturating_add(two.1)))
        }
        (Some(one), Some(two)) if comes_first(two.0, one.0) => open.next(),
        (Some(_), _) => closed.next(),
        (None, _) => open.next(),
    });
    days.filter(|(_, count)| *count > 0)
}
