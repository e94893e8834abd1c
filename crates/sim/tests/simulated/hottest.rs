//! What sells in a whole programme: from order lines through the shards' parts of days to the record that every shard is told.

use std::sync::Arc;

use jiff::{Timestamp, ToSpan, civil::Date};
use rapport_engine::{
    apply,
    calendar::ProgramDays,
    coordinator::{Coordinator, Decided},
    ownership::EngineParts,
    ports::{
        rows::{COORDINATOR, DayPartRow, ShardCommit},
        store::{Committed, Store},
    },
    readiness::Readiness,
    records,
    rulebooks::Rulebooks,
    shard::{
        batch::Batch,
        day_close::sales::Besides,
        entry::Entry,
        interest::Interests,
        react::{Place, Reaction},
        timers::Timers,
    },
};
use rapport_event::{CustomKinds, Event, Extra, Headers, Limits, Line, PartnerKey, ProgramId, decode_with};
use rapport_insight::{day, dip::PartWriter};
use rapport_memory::{log::MemoryLog, store::MemoryStore};
use rapport_partner::{
    PartnerState, ProgramSums, SoldSums,
    sold::{self, BEST_CATEGORIES, HOTTEST_PRODUCTS},
};
use rapport_sim::{clock::LiveClock, world};
use serde_json::json;

const LONG: std::time::Duration = std::time::Duration::from_secs(3600);

/// A shard's part of a day as it is stored: sums, pasts, and what comes besides, each with its length, then the packed parts.
fn part(on: Date, sold: &[(&str, u32)]) -> Vec<u8> {
    let line = |(sku, quantity): &(&str, u32)| Line {
        sku: Some(Arc::from(*sku)),
        category: Some(Arc::from(format!("{sku}s"))),
        quantity: *quantity,
        amount: None,
        extra: Extra::NONE,
    };
    let mut state = PartnerState::default();
    state.note_sold(day::number(on), &sold.iter().map(line).collect::<Vec<_>>());
    let mut besides = Besides::default();
    besides.add(&state, day::number(on), false);
    let mut body = vec![0xF1];
    let pieces =
        [serde_json::to_vec(&ProgramSums::default()).unwrap(), Vec::new(), serde_json::to_vec(&besides).unwrap()];
    for piece in pieces {
        body.extend((piece.len() as u32).to_le_bytes());
        body.extend(piece);
    }
    body.extend(PartWriter::default().finish());
    body
}

/// What the records of a day say, of all shards the same.
fn told(memory: &MemoryStore, on: Date) -> [Vec<Arc<str>>; 2] {
    let mut all: Vec<[Vec<Arc<str>>; 2]> = Vec::new();
    for row in memory.tables().outbox.values() {
        let Some(closed) = records::read(&row.value).ok().as_ref().and_then(records::day_close_of) else { continue };
        if closed.on == on {
            all.push([HOTTEST_PRODUCTS, BEST_CATEGORIES].map(|list| sold::listed(&closed.figures, list)));
        }
    }
    assert_eq!(all.len(), 2, "a record for each shard");
    assert_eq!(all.first(), all.last());
    all.remove(0)
}

#[tokio::test]
async fn the_days_of_four_weeks_are_added_up_and_older_ones_are_not() {
    let memory = Arc::new(MemoryStore::default());
    let store: Arc<dyn Store> = memory.clone();
    store.create_shards(2).await.unwrap();
    let request = apply::Request {
        texts: world::shipped_files(),
        by: "test".into(),
        since: None,
        approval: apply::Approval::NotNeeded,
        plan: None,
    };
    apply::apply(&store, request, 2, memory.server_now()).await.unwrap();
    for shard in 0..2 {
        store.take_shard(shard, "engine", LONG).await.unwrap().unwrap();
    }
    let row = store.take_shard(COORDINATOR, "engine", LONG).await.unwrap().unwrap();
    let rulebooks = Arc::new(Rulebooks::new(store.clone()));
    let applied = rulebooks.current().await.unwrap().unwrap();
    let parts = EngineParts {
        store: store.clone(),
        log: Arc::new(MemoryLog::new(2)),
        clock: Arc::new(LiveClock { store: memory.clone() }),
        rulebooks,
        readiness: Readiness::default(),
        tells_signals: false,
    };
    let mut coordinator = Coordinator::new(parts, row, 2);
    let program = ProgramId::new(world::PROGRAM).unwrap();
    let days = ProgramDays::of(&applied.rulebook, &program).unwrap();
    let first = days.day_of(memory.server_now());
    // By day after the first: what the two shards sold, and the products that are told.
    type Sold = &'static [(&'static str, u32)];
    let played: [(i64, [Sold; 2], &[&str]); 4] = [
        (0, [&[("Rope", 2), ("Tent", 1)], &[("Tent", 2), ("Axe", 2)]], &["Tent", "Axe", "Rope"]),
        (1, [&[], &[("Rope", 5)]], &["Rope", "Tent", "Axe"]),
        (28, [&[("Axe", 1)], &[]], &["Rope", "Axe"]),
        (60, [&[], &[]], &[]),
    ];
    for (commit_no, (after, sold, expected)) in (0_i64..).zip(played) {
        let on = first.checked_add(after.days()).unwrap();
        // The second shard tells first.
        for shard in [1_i32, 0] {
            let body = part(on, sold[shard as usize]);
            let batch = ShardCommit {
                shard,
                epoch: 1,
                commit_no,
                clock: Some(days.closes_at(on)),
                cursor: json!({ "parts": { world::PROGRAM: on.to_string() } }).to_string().into_bytes(),
                day_parts: vec![DayPartRow { program: program.clone(), day: on, shard: shard as u32, body }],
                ..ShardCommit::default()
            };
            assert_eq!(store.commit_shard(&batch).await.unwrap(), Committed::Done);
        }
        while coordinator.decide_once().await.unwrap() == Decided::Something {}
        let [products, categories] = told(&memory, on);
        assert_eq!(products.iter().map(|name| &**name).collect::<Vec<_>>(), expected, "{after} days later");
        let of_them: Vec<String> = expected.iter().map(|name| format!("{name}s")).collect();
        assert_eq!(categories.iter().map(|name| &**name).collect::<Vec<_>>(), of_them, "{after} days later");
    }
}

fn conversion(status: &str, revision: u32, lines: &str) -> Event {
    let text = format!(
        r#"{{"id":"e{revision}","kind":"conversion","program":"{}","partner":"ada","occurred_at":"2026-02-02T10:00:00Z","data":{{
            "conversion_id":"c1","status":"{status}","revision":{revision},"amount":4000,"commission":400,"currency":"EUR",
            "lines":[{lines}]}}}}"#,
        world::PROGRAM,
    );
    let now: Timestamp = "2026-02-02T12:00:00Z".parse().unwrap();
    decode_with(&Limits::replay(), text.as_bytes(), &Headers::NONE, &CustomKinds::none(), now).unwrap().event
}

#[test]
fn an_order_counts_once_with_all_its_lines_and_what_becomes_of_it_takes_nothing_back() {
    let files = world::shipped_files();
    let applied = Arc::new(rapport_engine::rulebooks::Applied::compile("x", files, Default::default()).unwrap());
    let rulebooks = Rulebooks::new(Arc::<MemoryStore>::default());
    let interests = Interests::default();
    let mut entry = Entry::new(PartnerKey::new(world::PROGRAM, "ada").unwrap());
    let (mut timers, mut batch) = (Timers::default(), Batch::default());
    let now: Timestamp = "2026-02-02T12:00:00Z".parse().unwrap();
    let tents = r#"{"sku":"Tent","category":"tents","quantity":2,"amount":4000},{"sku":"Peg","category":"tents"}"#;
    let rope = r#"{"sku":"Rope","quantity":9,"amount":4000}"#;
    for event in [conversion("pending", 1, tents), conversion("approved", 2, rope), conversion("reversed", 3, rope)] {
        let place = Place {
            rulebook: &applied,
            rulebooks: &rulebooks,
            interests: &interests,
            shard: 0,
            now,
            began: None,
            figures: None,
            expectations: None,
        };
        Reaction::new(&place, &mut entry, &mut timers, &mut batch).unwrap().fold(&event).unwrap();
    }
    let mut sums = SoldSums::default();
    sums.add(&entry.state.sold, day::number(Date::constant(2026, 2, 2)));
    let expected = [("hottest_products.Tent", 2.0), ("hottest_products.Peg", 1.0), ("best_categories.tents", 3.0)];
    assert_eq!(sums.figures(), expected.map(|(name, count)| (name.to_owned(), count)));
}
