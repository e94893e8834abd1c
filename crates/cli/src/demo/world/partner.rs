//! One partner, day by day.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::chance::{gamma_of_mean_one, poisson};
use super::people::Person;
use super::plan::Plan;
use super::rhythm::{Rhythm, on, weekday};
use super::sale::Sale;
use super::telling::{Telling, later};

const DAY_MINUTES: i64 = 24 * 60;
/// Payouts below this wait for the next month, in minor units.
const PAYOUT_MIN: i64 = 2_500;

/// A partner of the world.
#[derive(Debug)]
pub struct Partner {
    /// Who.
    pub person: Person,
    /// What is to become of them.
    pub plan: Plan,
    rng: StdRng,
    sales: u32,
    events: u32,
    unpaid: Vec<Sale>,
}

impl Partner {
    /// A partner with whom nothing has happened yet.
    pub fn new(person: Person, plan: Plan, rng: StdRng) -> Self {
        Self { person, plan, rng, sales: 0, events: 0, unpaid: Vec::new() }
    }

    /// Tells everything of a day that is not a consequence of a mail. `midnight` begins the day in the programme's zone.
    pub fn live(&mut self, day: usize, start: Date, midnight: Timestamp, rhythm: &Rhythm, telling: &mut Telling) {
        let date = on(start, day);
        if day == 0 && self.plan.joins.is_none() {
            self.introduce(midnight, start, telling);
        }
        if self.plan.joins == Some(day) {
            self.join(midnight, telling);
        }
        let there = self.plan.joins.is_none_or(|joins| day > joins);
        if !there || self.plan.leaves.is_some_and(|leaves| day > leaves) {
            return;
        }
        if self.plan.leaves == Some(day) {
            let at = later(midnight, 15 * 60);
            self.tell("partner.closed", at, json!({ "reason": "left" }), telling);
            return;
        }
        let expected =
            self.plan.expected(day) * rhythm.factor(day, self.plan.elasticity) * weekday(self.person.business, date);
        self.sell(expected, midnight, telling);
        self.work(expected, day, date, midnight, telling);
        if date.day() == 1 {
            self.be_owed(date, midnight, telling);
        }
    }

    fn tell(&mut self, kind: &str, at: Timestamp, data: Value, telling: &mut Telling) {
        self.events += 1;
        let id = format!("{}-e{}", self.person.id, self.events);
        telling.tell(id, kind, &self.person.id, at, data);
    }

    fn minute(&mut self) -> i64 {
        // Between seven in the morning and eleven at night, most of it in the evening.
        let (a, b) = (self.rng.random_range(420..1380), self.rng.random_range(420..1380));
        if self.rng.random_bool(0.5) { a.max(b) } else { a }
    }

    fn fields(&mut self, at: Timestamp) -> Value {
        let person = &self.person;
        let mut fields = json!({
            "country": person.country, "zone": person.zone, "language": person.language, "type": person.business,
        });
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields[name] = value;
            }
        };
        set("name", person.name.as_ref().map(|name| json!(name)));
        set("email", person.email.as_ref().map(|email| json!(email)));
        set("manager", person.manager.map(|manager| json!(manager)));
        let wording = "marketing-2025-02";
        set(
            "consent",
            self.plan.consent.map(
                |given| json!({ "given": given, "source": "sign-up form", "time": at.to_string(), "wording": wording }),
            ),
        );
        fields
    }

    /// Tells of a veteran in the first minutes of the world, before any workflow is deployed.
    fn introduce(&mut self, midnight: Timestamp, start: Date, telling: &mut Telling) {
        let at = later(midnight, self.rng.random_range(1..20));
        let approved = later(midnight, -(self.plan.age as i64) * DAY_MINUTES);
        let sold = (self.plan.rate * self.plan.age.min(500) as f64).round() as i64;
        let revenue = (sold as f64 * self.plan.order * 1.6).round() as i64;
        let mut fields = self.fields(approved);
        fields["joined_at"] = json!(later(approved, -3 * DAY_MINUTES).to_string());
        fields["approved_at"] = json!(approved.to_string());
        if self.rng.random_bool(0.3) {
            fields["contract_ends"] = json!(on(start, self.rng.random_range(120..700)).to_string());
        }
        // Of a few nobody wrote down what they had done before.
        if self.rng.random_bool(0.92) {
            fields["opening"] = json!({
                "conversions": sold, "revenue": revenue, "commission": revenue / 10, "currency": "EUR",
                "as_of": midnight.to_string(),
            });
        }
        self.events += 1;
        let id = format!("{}-e{}", self.person.id, self.events);
        telling.tell_plainly(id, "partner.approved", &self.person.id, at, fields);
    }

    fn join(&mut self, midnight: Timestamp, telling: &mut Telling) {
        let approved = later(midnight, self.rng.random_range(8 * 60..17 * 60));
        let applied = later(approved, -self.rng.random_range(60..5 * DAY_MINUTES));
        let fields = self.fields(applied);
        // The application lies in the past of this day: it is told with the approval.
        let mut approval = fields;
        approval["joined_at"] = json!(applied.to_string());
        self.tell("partner.approved", approved, approval, telling);
        if self.rng.random_bool(0.72) {
            let link = later(approved, self.rng.random_range(30..4 * DAY_MINUTES));
            let address = format!("https://acme.example/l/{}", self.person.id);
            self.tell("link.created", link, json!({ "link": address }), telling);
        }
        if self.rng.random_bool(0.3) {
            let at = later(approved, self.rng.random_range(60..9 * DAY_MINUTES));
            let score = self.rng.random_range(55..100);
            self.tell("training.completed", at, json!({ "training": "first-steps", "score": score }), telling);
        }
        if self.person.email.is_none() && self.rng.random_bool(0.6) {
            let email = format!("{}@mail.example", self.person.id);
            let at = later(approved, self.rng.random_range(DAY_MINUTES..12 * DAY_MINUTES));
            self.tell("partner.updated", at, json!({ "email": email }), telling);
        }
    }

    fn sell(&mut self, expected: f64, midnight: Timestamp, telling: &mut Telling) {
        let luck = gamma_of_mean_one(&mut self.rng, self.plan.evenness);
        for _ in 0..poisson(&mut self.rng, expected * luck) {
            self.sales += 1;
            let at = later(midnight, self.minute());
            let sale = Sale::happen(&mut self.rng, &self.person, &self.plan, self.sales, at, telling);
            self.unpaid.extend(sale);
        }
    }

    fn work(&mut self, expected: f64, day: usize, date: Date, midnight: Timestamp, telling: &mut Telling) {
        // The tracker adds clicks up and tells them twice a week.
        if matches!(date.weekday().to_monday_zero_offset(), 0 | 3) {
            let clicks = poisson(&mut self.rng, expected * 3.5 * 28.0 + 0.3);
            if clicks > 0 {
                let at = later(midnight, 6 * 60 + self.rng.random_range(0..60));
                self.tell("link.clicked", at, json!({ "count": clicks }), telling);
            }
        }
        let engaged = if expected > 0.0 { 1.0 } else { 0.15 };
        if self.rng.random_bool(0.055 * engaged) {
            let at = later(midnight, self.minute());
            self.tell("login", at, json!({}), telling);
        }
        if self.rng.random_bool(0.008 * engaged) {
            let at = later(midnight, self.minute());
            let link = format!("https://acme.example/l/{}/{day}", self.person.id);
            self.tell("link.created", at, json!({ "link": link }), telling);
        }
        let writes = matches!(self.person.business, "content" | "influencer");
        if writes && self.rng.random_bool(0.02 * engaged) {
            let at = later(midnight, self.minute());
            let channel = if self.person.business == "content" { "blog" } else { "video" };
            self.tell("content.published", at, json!({ "channel": channel }), telling);
        }
    }

    /// On the first of a month what was approved before it is owed, and paid around the 15th.
    fn be_owed(&mut self, date: Date, midnight: Timestamp, telling: &mut Telling) {
        let (due, later_on): (Vec<Sale>, Vec<Sale>) =
            std::mem::take(&mut self.unpaid).into_iter().partition(|sale| sale.approved_at < midnight);
        let owed: i64 = due.iter().map(|sale| sale.commission).sum();
        if owed < PAYOUT_MIN {
            self.unpaid = due.into_iter().chain(later_on).collect();
            return;
        }
        self.unpaid = later_on;
        let payout = format!("{}-{}-{:02}", self.person.id, date.year(), date.month());
        let due_on = date.with().day(15).build().unwrap_or(date);
        let data = json!({ "payout": payout, "amount": owed, "currency": "EUR", "due_on": due_on.to_string() });
        self.tell("payout.due", later(midnight, 6 * 60), data.clone(), telling);
        let is_late = self.plan.late_payouts && self.rng.random_bool(0.4) || self.rng.random_bool(0.01);
        let days = if is_late { self.rng.random_range(20..36) } else { self.rng.random_range(10..14) };
        let paid = later(midnight, days * DAY_MINUTES + self.rng.random_range(9 * 60..15 * 60));
        self.tell("payout.paid", paid, data, telling);
        for sale in due {
            sale.pay(&self.person.id, paid, telling);
        }
    }
}

/// The first instant of a day in a zone.
pub fn midnight(date: Date, zone: &TimeZone) -> Timestamp {
    date.to_zoned(zone.clone()).map_or(Timestamp::MIN, |zoned| zoned.timestamp())
}
