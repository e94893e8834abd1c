//! A purchase log, public or made up, and the events a tracker would tell about it.

mod made_up;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

/// Of so many customers one has not agreed to mail.
const WITHOUT_CONSENT: u64 = 10;

/// One row: a customer bought something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// Who; the partner's id.
    pub customer: String,
    /// The row's number in the file, from 1; with the customer it is the conversion's id.
    pub row: usize,
    /// The day.
    pub on: Date,
    /// What was paid, in hundredths.
    pub minor: i64,
}

/// All rows, in the order of days.
#[derive(Debug, Clone)]
pub struct PurchaseLog {
    /// Where it is from, for people.
    pub origin: String,
    /// The rows.
    pub purchases: Vec<Purchase>,
}

/// An event and the topic family it belongs to.
#[derive(Debug, Clone)]
pub struct Told {
    /// When it happened.
    pub at: Timestamp,
    /// Whether it is about the partner rather than a conversion.
    pub about_partner: bool,
    /// Plain JSON as the contract says.
    pub json: String,
}

impl PurchaseLog {
    /// The public log beside the repository if it is there, else one made up with a seed.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn find() -> Result<Self> {
        let relative = "../shared/data/customer_base/cdnow_sample.csv.gz";
        let path = repository().join(relative);
        if !path.exists() {
            return Ok(made_up::purchases(1));
        }
        let file = std::fs::File::open(&path).with_context(|| relative.to_owned())?;
        let mut text = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).with_context(|| relative.to_owned())?;
        Self::read(relative, &text)
    }

    /// A log made up with a seed, whether or not the public one is there.
    #[must_use]
    pub fn made_up(seed: u64) -> Self {
        made_up::purchases(seed)
    }

    fn read(origin: &str, text: &str) -> Result<Self> {
        let mut lines = text.lines();
        if lines.next() != Some("customer_id,date,orders,spend") {
            bail!("{origin}: the columns are not customer_id,date,orders,spend");
        }
        let purchases = lines.enumerate().map(|(index, line)| purchase(index + 1, line));
        let purchases: Vec<Purchase> = purchases.collect::<Result<_>>().with_context(|| origin.to_owned())?;
        Ok(Self::sorted(origin.to_owned(), purchases))
    }

    fn sorted(origin: String, mut purchases: Vec<Purchase>) -> Self {
        purchases.sort_by(|one, other| (one.on, &one.customer, one.row).cmp(&(other.on, &other.customer, other.row)));
        Self { origin, purchases }
    }

    /// The rows of the first `customers` (by their first purchase) up to and including a day.
    #[must_use]
    pub fn part(&self, customers: usize, until: Date) -> Self {
        let mut chosen = BTreeSet::new();
        // Spread over the cohort: neighbours in the file joined on the same day.
        let all: Vec<&str> = self.customers().into_keys().collect();
        let step = (all.len() / customers.max(1)).max(1);
        chosen.extend(all.into_iter().step_by(step).take(customers));
        let purchases = self.purchases.iter().filter(|row| row.on <= until && chosen.contains(row.customer.as_str()));
        Self {
            origin: format!("{}, {customers} customers until {until}", self.origin),
            purchases: purchases.cloned().collect(),
        }
    }

    /// Customers with the day of their first purchase.
    #[must_use]
    pub fn customers(&self) -> BTreeMap<&str, Date> {
        let mut customers = BTreeMap::new();
        for row in &self.purchases {
            customers.entry(row.customer.as_str()).or_insert(row.on);
        }
        customers
    }

    /// What a tracker tells: each customer is approved on the day of the first purchase, each row is a conversion. In time's order.
    #[must_use]
    pub fn events(&self) -> Vec<Told> {
        let mut events: Vec<Told> = self.customers().into_iter().map(|(customer, on)| approved(customer, on)).collect();
        events.extend(self.purchases.iter().map(conversion));
        events.sort_by(|one, other| (one.at, &one.json).cmp(&(other.at, &other.json)));
        events
    }

    /// The last day on which something was bought.
    #[must_use]
    pub fn last_day(&self) -> Option<Date> {
        self.purchases.iter().map(|row| row.on).max()
    }
}

fn purchase(row: usize, line: &str) -> Result<Purchase> {
    let cells: Vec<&str> = line.split(',').collect();
    let [customer, date, _, spend] = cells.as_slice() else { bail!("row {row} has {} cells", cells.len()) };
    let spend: f64 = spend.parse().with_context(|| format!("row {row}: `{spend}`"))?;
    let minor = (spend * 100.0).round() as i64;
    Ok(Purchase {
        customer: (*customer).to_owned(),
        row,
        on: date.parse().with_context(|| format!("row {row}"))?,
        minor,
    })
}

impl Purchase {
    /// The conversion's id.
    #[must_use]
    pub fn conversion_id(&self) -> String {
        format!("{}-{}", self.customer, self.row)
    }
}

fn approved(customer: &str, on: Date) -> Told {
    let number = number(customer);
    let at = at(on, 5 * 3600 + (number % 3600) as i64);
    let mut data = json!({
        "name": format!("Customer {customer}"),
        "email": address(customer),
        "language": if number.is_multiple_of(3) { "de" } else { "en" },
        "zone": if number.is_multiple_of(4) { "America/New_York" } else { "Europe/Oslo" },
        "manager": if number.is_multiple_of(2) { "ines" } else { "jonas" },
    });
    if let (true, Value::Object(data)) = (has_consent(customer), &mut data) {
        data.insert("consent".to_owned(), json!({ "source": "sign-up form", "time": at.to_string(), "wording": "v1" }));
    }
    told("partner.approved", &format!("approved-{customer}"), customer, at, true, data)
}

fn conversion(purchase: &Purchase) -> Told {
    let at = at(purchase.on, 8 * 3600 + (number(&purchase.conversion_id()) % (12 * 3600)) as i64);
    let data = json!({
        "conversion_id": purchase.conversion_id(), "status": "approved", "amount": purchase.minor,
        "commission": purchase.minor / 10, "currency": "EUR", "occurred_at": at.to_string(),
    });
    told("conversion", &format!("c-{}", purchase.conversion_id()), &purchase.customer, at, false, data)
}

fn told(kind: &str, id: &str, partner: &str, at: Timestamp, about_partner: bool, data: Value) -> Told {
    let event = json!({ "id": id, "kind": kind, "program": "default", "partner": partner, "occurred_at": at.to_string(), "data": data });
    Told { at, about_partner, json: event.to_string() }
}

/// Where a customer's mail goes.
#[must_use]
pub fn address(customer: &str) -> String {
    format!("customer-{customer}@mail-{}.example", number(customer) % 7)
}

/// Whether the customer agreed to mail.
#[must_use]
pub fn has_consent(customer: &str) -> bool {
    !number(customer).is_multiple_of(WITHOUT_CONSENT)
}

fn at(on: Date, seconds: i64) -> Timestamp {
    let midnight = on.to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |midnight| midnight.timestamp());
    midnight + SignedDuration::from_secs(seconds)
}

/// A number of a text that is the same in every run and on every machine (FNV-1a).
fn number(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    hash ^ (hash >> 29)
}

/// The repository's root.
#[must_use]
pub fn repository() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_an_approval_for_each_customer_and_a_conversion_for_each_row() {
        let text = "customer_id,date,orders,spend\n4,1997-01-18,1,29.73\n4,1997-01-01,1,29.33\n5,1997-01-02,2,0.00\n";
        let log = PurchaseLog::read("a file", text).unwrap();
        assert_eq!(log.purchases.iter().map(|row| row.minor).sum::<i64>(), 5906);
        let events = log.events();
        assert_eq!(events.iter().filter(|told| told.about_partner).count(), 2);
        assert_eq!(events.len(), 5);
        assert!(events[0].about_partner && events[0].json.contains("\"partner\":\"4\""));
        assert!(events.is_sorted_by_key(|told| told.at));
    }

    #[test]
    fn a_made_up_log_has_the_shape_of_the_public_one() {
        let log = made_up::purchases(1);
        let rows = log.purchases.len() as f64 / log.customers().len() as f64;
        assert!((2.0..5.0).contains(&rows), "{rows} rows a customer");
        assert_eq!(log.purchases, made_up::purchases(1).purchases);
        let lacking = log.customers().into_keys().filter(|customer| !has_consent(customer)).count();
        assert!(lacking * 20 > log.customers().len(), "{lacking} without consent");
    }
}
