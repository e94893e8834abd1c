//! A little world from a seed: partners with rhythms, dips, silences, answers, and the records their trackers write.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use rapport_engine::{
    ingest::ReplaySource,
    ports::log::{LogError, SourceRecord},
    rulebooks::{Applied, Compiled},
};
use serde_json::{Value, json};

/// The topic of the world's records.
pub const TOPIC: &str = "tracker";
/// The programme, as `config/rapport.yaml` names it.
pub const PROGRAM: &str = "default";

/// What happens in a run, whatever the engine does about it.
#[derive(Debug, Clone)]
pub struct World {
    /// Records in order of time; the index is the offset.
    pub records: Vec<(Timestamp, Vec<u8>)>,
    /// Distinct event ids among them that must be accepted.
    pub accepted: usize,
    /// Partner → since when consent is withdrawn; `None` as the instant: never given.
    pub without_consent: BTreeMap<String, Option<Timestamp>>,
    /// The last instant.
    pub until: Timestamp,
}

/// A small programme beside it, in another zone, where a run has one.
pub const BESIDE: &str = "beside";

/// When every world begins: a Monday, some months before a summer time change.
#[must_use]
pub fn begins() -> Timestamp {
    Timestamp::from_second(1_735_689_600).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl World {
    /// The world of a seed.
    #[must_use]
    pub fn new(seed: u64, partners: usize, days: i64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut records: Vec<(Timestamp, Value)> = Vec::new();
        let mut without_consent = BTreeMap::new();
        let until = begins() + SignedDuration::from_hours(24 * days);
        for number in 0..partners {
            let mut life = Life::new(number, &mut rng, days);
            if let Some(since) = life.without_consent {
                without_consent.insert(life.name.clone(), since);
            }
            life.play(&mut rng, days);
            records.append(&mut life.records);
        }
        records.sort_by_key(|(at, record)| (*at, record["id"].as_str().unwrap_or_default().to_owned()));
        let accepted =
            records.iter().map(|(_, record)| record["id"].to_string()).collect::<std::collections::BTreeSet<_>>();
        Self {
            accepted: accepted.len(),
            records: records.into_iter().map(|(at, record)| (at, record.to_string().into_bytes())).collect(),
            without_consent,
            until,
        }
    }
}

impl World {
    /// The same world with every eighth partner in the programme [`BESIDE`].
    #[must_use]
    pub fn with_programme_beside(mut self) -> Self {
        for (_, record) in &mut self.records {
            let mut told: Value = serde_json::from_slice(record).unwrap_or_default();
            let number = told["partner"].as_str().and_then(|name| name.trim_start_matches('p').parse::<usize>().ok());
            if number.is_some_and(|number| number.is_multiple_of(8)) {
                told["program"] = json!(BESIDE);
                *record = told.to_string().into_bytes();
            }
        }
        self
    }

    /// The same world in which every fourth partner tells the address of the one before, in other letters.
    #[must_use]
    pub fn with_shared_addresses(mut self) -> Self {
        for (_, record) in &mut self.records {
            let mut told: Value = serde_json::from_slice(record).unwrap_or_default();
            let number = told["partner"].as_str().and_then(|name| name.trim_start_matches('p').parse::<usize>().ok());
            let Some(number) = number.filter(|number| number % 4 == 1) else { continue };
            if told["data"]["email"].is_string() {
                told["data"]["email"] = json!(format!("P{:02}@Partners.example", number - 1));
                *record = told.to_string().into_bytes();
            }
        }
        self
    }
}

/// The shipped files with the programme [`BESIDE`].
///
/// # Panics
/// When `config/rapport.yaml` is written otherwise.
#[must_use]
pub fn files_with_programme_beside() -> BTreeMap<String, String> {
    let mut files = shipped_files();
    let config = files.get_mut("config/rapport.yaml").expect("the shipped configuration");
    assert!(config.contains("\nprograms:\n"), "programmes are written otherwise");
    let (before, after) = config.split_once("\nsenders:\n").expect("senders come after programmes");
    *config = format!(
        "{before}\n  {BESIDE}: {{ name: Beside, url: https://acme.example/beside, zone: Asia/Tokyo, currency: JPY, language: en }}\nsenders:\n{after}"
    );
    files
}

/// One partner's life.
struct Life {
    name: String,
    approved: SignedDuration,
    without_consent: Option<Option<Timestamp>>,
    rate: f64,
    records: Vec<(Timestamp, Value)>,
    events: usize,
}

impl Life {
    fn new(number: usize, rng: &mut StdRng, days: i64) -> Self {
        let withdrawn = begins() + SignedDuration::from_hours(rng.random_range(24..24 * days.max(2)));
        Self {
            name: format!("p{number:02}"),
            approved: SignedDuration::from_mins(rng.random_range(0..60 * 24 * days / 2)),
            without_consent: match rng.random_range(0..10) {
                0 => Some(None),
                1 => Some(Some(withdrawn)),
                _ => None,
            },
            rate: *[0.0, 0.05, 0.3, 1.0, 3.0, 6.0].choose(rng).unwrap_or(&1.0),
            records: Vec::new(),
            events: 0,
        }
    }

    fn tell(&mut self, at: Timestamp, kind: &str, data: Value) {
        self.events += 1;
        let id = format!("{}-{}", self.name, self.events);
        let record = json!({
            "id": id, "kind": kind, "program": PROGRAM, "partner": self.name, "occurred_at": at.to_string(), "data": data,
        });
        self.records.push((at, record));
    }

    fn play(&mut self, rng: &mut StdRng, days: i64) {
        let start = begins() + self.approved;
        let zone = ["Europe/Oslo", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe"].choose(rng);
        let given = self.without_consent != Some(None);
        let name = self.name.clone();
        let language = ["en", "de"].choose(rng);
        let manager = ["ines", "jonas", "nobody"].choose(rng);
        let mut partner = json!({
            "name": format!("Partner {name}"), "language": language, "zone": zone,
            "manager": manager, "type": "blog",
            "consent": { "given": given, "source": "form", "time": start.to_string() },
        });
        // Some addresses come late or never.
        let late = rng.random_range(0..12);
        if late > 1 {
            partner["email"] = json!(format!("{name}@partners.example"));
        }
        if rng.random_bool(0.2) {
            partner["approved_at"] = json!((start - SignedDuration::from_hours(24 * 400)).to_string());
            partner["opening"] = json!({
                "conversions": 12, "revenue": 50_000, "commission": 5_000, "currency": "EUR",
                "as_of": start.to_string(),
            });
        }
        self.tell(start, "partner.approved", partner);
        if late == 1 {
            let at = start + SignedDuration::from_hours(rng.random_range(1..200));
            self.tell(at, "partner.updated", json!({ "email": format!("{name}@late.example") }));
        }
        if let Some(Some(at)) = self.without_consent {
            let at = at.max(start + SignedDuration::from_mins(1));
            self.without_consent = Some(Some(at));
            self.tell(at, "partner.updated", json!({ "consent": { "given": false, "source": "form" } }));
        }
        let first_day = self.approved.as_hours() / 24;
        // A dip begins somewhere, and sometimes ends.
        let dip = rng.random_range(first_day..days.max(first_day + 1));
        let dip_ends = dip + rng.random_range(7..60);
        let mut sales = 0;
        for day in first_day..days {
            let rate = if (dip..dip_ends).contains(&day) { self.rate * 0.1 } else { self.rate };
            let today = (rate + rng.random_range(-0.5..1.0) * rate.sqrt()).round().max(0.0) as usize;
            let today = if rate < 0.5 { usize::from(rng.random_bool(rate.clamp(0.0, 1.0))) } else { today };
            for _ in 0..today {
                sales += 1;
                self.sell(rng, day, start, sales);
            }
            if rng.random_bool(0.1) {
                let at = moment(rng, day).max(start);
                self.visit(rng, at);
            }
        }
    }

    fn sell(&mut self, rng: &mut StdRng, day: i64, start: Timestamp, number: usize) {
        let at = moment(rng, day).max(start + SignedDuration::from_mins(1));
        let id = format!("c-{}-{number}", self.name);
        let amount = rng.random_range(500..20_000);
        let sale = |status: &str, revision: i64| {
            json!({
                "conversion_id": id, "status": status, "revision": revision, "amount": amount,
                "commission": amount / 10, "currency": "EUR", "occurred_at": at.to_string(),
            })
        };
        self.tell(at, "conversion", sale("pending", 1));
        if rng.random_bool(0.05) {
            // The tracker repeats itself.
            let (at, again) = self.records[self.records.len() - 1].clone();
            self.records.push((at + SignedDuration::from_mins(1), again));
        }
        let later = at + SignedDuration::from_hours(rng.random_range(1..24 * 20));
        match rng.random_range(0..10) {
            0 => self.tell(later, "conversion", sale("reversed", 2)),
            1..6 => self.tell(later, "conversion", sale("approved", 2)),
            _ => {}
        }
    }

    fn visit(&mut self, rng: &mut StdRng, at: Timestamp) {
        let survey =
            |survey: &str, field: &str, answer: &str| json!({ "survey": survey, "answer": answer, field: answer });
        match rng.random_range(0..7) {
            0 => self.tell(at, "login", json!({})),
            1 => self.tell(at, "link.created", json!({ "link": "l1", "product": "shoes" })),
            2 | 3 => self.tell(at, "link.clicked", json!({ "count": rng.random_range(1..50), "link": "l1" })),
            4 => self.tell(at, "survey.answered", survey("what-happened", "reason", "less_time")),
            5 => self.tell(at, "survey.answered", survey("motivation", "motivation", "income")),
            _ => self.tell(
                at,
                "payout.overdue",
                json!({ "payout": format!("pay-{}", self.events), "amount": 1000, "currency": "EUR" }),
            ),
        }
    }
}

fn moment(rng: &mut StdRng, day: i64) -> Timestamp {
    begins() + SignedDuration::from_hours(24 * day) + SignedDuration::from_secs(rng.random_range(0..86_400))
}

/// The world as a source that remembers what was committed; clones of the count outlive the process.
pub struct WorldSource {
    /// The world.
    pub world: std::sync::Arc<World>,
    /// The next offset that is not safe yet.
    pub committed: std::sync::Arc<std::sync::atomic::AtomicUsize>,
    /// The next offset to take.
    pub next: usize,
    /// Records taken at once at most.
    pub batch: usize,
}

#[async_trait]
impl ReplaySource for WorldSource {
    async fn take_until(&mut self, until: Timestamp) -> Result<Vec<SourceRecord>, LogError> {
        let due = self.world.records[self.next..].iter().take(self.batch).take_while(|(at, _)| *at <= until).count();
        let from = self.next;
        self.next += due;
        Ok(self.world.records[from..self.next]
            .iter()
            .enumerate()
            .map(|(index, (at, value))| SourceRecord {
                topic: TOPIC.into(),
                partition: 0,
                offset: (from + index) as i64,
                timestamp: Some(*at),
                headers: Vec::new(),
                key: None,
                value: Some(value.clone()),
            })
            .collect())
    }

    async fn next_time(&mut self) -> Result<Option<Timestamp>, LogError> {
        Ok(self.world.records.get(self.next).map(|(at, _)| *at))
    }

    async fn commit(&mut self) -> Result<(), LogError> {
        self.committed.store(self.next, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }
}

/// The same with changes that journeys inside must not notice: `welcome` is gone, and `follow-up` waits less.
///
/// # Panics
/// When `follow-up` is written otherwise.
#[must_use]
pub fn changed_files(in_flight: Option<&str>) -> BTreeMap<String, String> {
    let mut files = shipped_files();
    // What names it goes, too.
    let gone = ["workflows/welcome/", "workflows/let-go/", "workflows/let-go-undone/"];
    files.retain(|path, _| !gone.iter().any(|folder| path.starts_with(folder)));
    let follow_up = files.get_mut("workflows/follow-up/workflow.yaml").expect("the shipped follow-up");
    assert!(follow_up.contains("for: 3 weeks"), "follow-up is written otherwise");
    *follow_up = follow_up.replace("for: 3 weeks", "for: 10 days").replace("since_start >= 1", "since_start >= 2");
    if let Some(in_flight) = in_flight {
        *follow_up = follow_up.replace("steps:", &format!("in_flight: {in_flight}\nsteps:"));
    }
    files
}

/// The repository's workflows and configuration by path.
///
/// # Panics
/// When the repository's files cannot be read: without them there is nothing to simulate.
#[must_use]
pub fn shipped_files() -> BTreeMap<String, String> {
    rapport_shipped::sources().iter().map(|source| (source.path.clone(), source.text.clone())).collect()
}

/// The files that worlds of this process have met, compiled: most of a short world's time went into that, in each of its services.
pub(crate) fn compiled() -> Arc<Compiled> {
    static COMPILED: OnceLock<Arc<Compiled>> = OnceLock::new();
    COMPILED.get_or_init(Arc::default).clone()
}

/// The shipped files as the properties judge by them; none if they do not compile.
pub(crate) fn shipped_rules() -> Option<Arc<Applied>> {
    static RULES: OnceLock<Option<Arc<Applied>>> = OnceLock::new();
    RULES.get_or_init(|| Applied::compile("", shipped_files(), BTreeMap::new()).ok().map(Arc::new)).clone()
}
