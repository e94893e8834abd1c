//! Both databases against the suite that the engine's ports define.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rapport_engine::ports::log::EventLog;
use rapport_engine::ports::operating::AuditRow;
use rapport_engine::ports::rows::{
    DeadLetterRow, MessageRow, MessageState, OutboxRow, PartnerRow, PersonRow, ShardCommit, Target, TaskKind, TaskRow,
};
use rapport_engine::ports::store::{
    ClaimRequest, Committed, EndedMessage, RecipientSnapshot, RecipientVerdict, Settlement, Store, SuppressionChange,
};
use rapport_event::id::PartnerKey;
use rapport_store::{ConnectOptions, Erased, Remains, SqlStore};
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::OnceCell;

/// A database with the schema and nothing in it.
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// Removes what a case worked on.
struct Guard {
    store: SqlStore,
    kind: Kind,
}

enum Kind {
    File(tempfile::TempDir),
    Database { server: String, name: String },
}

impl Guard {
    fn progress_file(&self) -> std::path::PathBuf {
        match &self.kind {
            Kind::File(folder) => folder.path().join("rapport.progress"),
            Kind::Database { .. } => panic!("PostgreSQL has no journal"),
        }
    }

    async fn finish(self) {
        self.store.close().await;
        if let Kind::Database { server, name } = self.kind {
            on_server(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

async fn on_server(server: &str, command: &str) {
    let options: PgConnectOptions = server.parse().expect("RAPPORT_TEST_POSTGRES is a PostgreSQL address");
    let mut connection = PgConnection::connect_with(&options).await.expect("the server of RAPPORT_TEST_POSTGRES");
    sqlx::raw_sql(AssertSqlSafe(command.to_owned())).execute(&mut connection).await.expect("create or drop a database");
}

async fn fresh_file() -> (SqlStore, Guard) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("rapport.db").display());
    let store = SqlStore::connect(&url).await.expect("a new file");
    (store.clone(), Guard { store, kind: Kind::File(folder) })
}

async fn fresh_database() -> (SqlStore, Guard) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = std::env::var("RAPPORT_TEST_POSTGRES")
        .expect("RAPPORT_TEST_POSTGRES names no PostgreSQL server: run `cargo xtask test`, which starts one");
    let name = format!("conformance_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let template = TEMPLATE.get_or_init(|| migrated_database(&server)).await;
    on_server(&server, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    let store = connect(&server, &name).await;
    (store.clone(), Guard { store, kind: Kind::Database { server, name } })
}

async fn connect(server: &str, name: &str) -> SqlStore {
    let (stem, _) = server.rsplit_once('/').expect("the address ends in a database");
    let options = ConnectOptions { pool_size: 6, ..ConnectOptions::default() };
    SqlStore::connect_with(&format!("{stem}/{name}"), &options).await.expect("the new database")
}

/// What every case's database is a copy of: migrating takes longer than most cases.
async fn migrated_database(server: &str) -> String {
    let name = format!("conformance_{}_template", std::process::id());
    on_server(server, &format!("CREATE DATABASE {name}")).await;
    let store = connect(server, &name).await;
    let before = store.check_schema().await.expect_err("an empty database has no schema");
    assert!(before.to_string().contains("rapport migrate"), "{before}");
    store.migrate().await.expect("the schema");
    store.migrate().await.expect("migrating again changes nothing");
    // Nobody may be connected to what is copied.
    store.close().await;
    name
}

/// Everything that names a partner is found, exported, erased and not found again, whatever table it stood in; nobody else loses
/// anything, and what is told again of before stays away.
async fn an_erasure_leaves_nothing_behind(store: SqlStore) {
    let at = |hours: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 40 + hours);
    let key = |partner: &str| PartnerKey::new("shop", partner).unwrap();
    let person = |partner: &str, version: Timestamp, address: &str, name: &str| {
        PersonRow {
        key: key(partner),
        version: version.as_millisecond(),
        address: Some(address.to_lowercase()),
        fields: json!({ "email": address, "name": name, "phone": "+47 555 01 234", "country": "NO", "custom": { "blog": "Skoblogg" },
            "said.help": "jonas@acme.example", "said.praise": "Never late" })
            .to_string(),
    }
    };
    let ada =
        [person("ada", at(1), "Ada.L@Old.example", "Ada Lovelace"), person("ada", at(2), "ada@x.example", "Ada King")];
    store.store_persons(&ada).await.unwrap();
    store.store_persons(&[person("bob", at(1), "bob@x.example", "Bob Ada")]).await.unwrap();
    store.create_shards(1).await.unwrap();
    let shard = store.take_shard(0, "engine", Duration::from_secs(60)).await.unwrap().unwrap();
    let message = |id: &str, partner: &str| MessageRow {
        id: id.into(),
        shard: 0,
        key: key(partner),
        workflow: "welcome".into(),
        journey: format!("journey-{id}"),
        step: "hello".into(),
        mail: "hello".into(),
        rulebook: "book".into(),
        kind: "marketing".into(),
        topic: "tips".into(),
        priority: 0,
        policy: "at_most_once".into(),
        planned_at: at(3),
        due: at(3),
        expires: at(300),
        context: json!({ "told": "Ada King wrote" }).to_string(),
    };
    let partner = |name: &str| PartnerRow { key: key(name), hot: vec![1], days: None };
    let commit = ShardCommit {
        epoch: shard.epoch,
        commit_no: shard.commit_no,
        clock: Some(at(3)),
        partners: vec![partner("ada"), partner("bob")],
        messages: vec![message("a1", "ada"), message("a2", "ada"), message("b1", "bob")],
        tasks: vec![TaskRow {
            kind: TaskKind::Task,
            id: "t".into(),
            key: key("ada"),
            workflow: "welcome".into(),
            journey: "journey-a1".into(),
            assignee: "ines".into(),
            text: "Call Ada King, +47 555 01 234".into(),
            choices: Vec::new(),
            opened_at: at(3),
            due: None,
            opened_by: "workflow".into(),
            ended: None,
        }],
        ..ShardCommit::default()
    };
    assert_eq!(store.commit_shard(&commit).await.unwrap(), Committed::Done);
    let request = ClaimRequest { mailer: "m".into(), now: at(4), limit: 1, clock_at_least: at(3), burst: None };
    let first = |snapshot: &RecipientSnapshot| RecipientVerdict {
        take: snapshot.due.first().map(|due| due.message.id.clone()),
        ..RecipientVerdict::default()
    };
    let attempt = store.claim(&request, &first).await.unwrap().attempts.remove(0);
    assert_eq!(attempt.address, "ada@x.example");
    let audit = |action: &str| AuditRow {
        because: Some("Ada King asked, from ada@x.example".into()),
        ..AuditRow::done(action, "shop/ada", "kari", at(5))
    };
    store.note_audit(&audit("hold")).await.unwrap();
    // Somebody whose address ends with theirs.
    store.store_persons(&[person("cid", at(1), "canada@x.example", "Cid")]).await.unwrap();
    let others = AuditRow {
        because: Some("canada@x.example asked".into()),
        ..AuditRow::done("pause", "shop/cid", "kari", at(5))
    };
    store.note_audit(&others).await.unwrap();
    let refused =
        store.erase(&key("ada"), at(6), &AuditRow::done("erase", "shop/ada", "kari", at(6)), &[]).await.unwrap();
    assert_eq!((refused.in_hand, refused.addresses), (1, 0), "nothing is erased while a mail is on its way");
    assert!(store.person(&key("ada")).await.unwrap().is_some());
    let record = |id: &str| OutboxRow {
        target: Target::Events,
        event_id: id.into(),
        shard: 0,
        key: b"shop/ada".to_vec(),
        value: id.into(),
    };
    let ended = EndedMessage {
        id: attempt.due.message.id.clone(),
        state: MessageState::Failed,
        reason: "550 no such user <ada@x.example>".into(),
        at: at(4),
        outbox: record("end"),
        reply: None,
        along: Vec::new(),
    };
    assert!(store.settle(&attempt, &Settlement::Ended(ended)).await.unwrap());
    let bounce = SuppressionChange::add("ada@x.example", None, "hard_bounce", at(4));
    store.change_suppressions(&[bounce], &[]).await.unwrap();
    let letter = |offset: i64, raw: &str| DeadLetterRow {
        source: "file".into(),
        partition: 0,
        offset,
        code: "malformed".into(),
        detail: String::new(),
        raw: raw.as_bytes().to_vec(),
        headers: "{}".into(),
        at: at(4),
        replayed_at: None,
    };
    let letters =
        [letter(1, "x ADA@X.example y"), letter(2, r#"{"partner":"ada"}"#), letter(3, r#"{"partner":"bob"}"#)];
    store.dead_letters(&letters).await.unwrap();

    let values = store.personal_values(&key("ada")).await.unwrap();
    for value in [
        "ada.l@old.example",
        "Ada.L@Old.example",
        "ada@x.example",
        "Ada Lovelace",
        "Ada King",
        "+47 555 01 234",
        "Skoblogg",
        "Never late",
    ] {
        assert!(values.contains(value), "{value} is looked for: {values:?}");
    }
    assert!(!values.contains("NO"));
    assert!(!values.contains("jonas@acme.example"), "somebody else's address is not theirs");
    let tables = |remains: &[Remains]| {
        remains.iter().filter(|remains| remains.is_theirs).map(|remains| remains.table.clone()).collect::<BTreeSet<_>>()
    };
    let found = tables(&store.remains(&key("ada"), &values).await.unwrap());
    for table in ["audit", "dead_letter", "message", "person", "recipient", "suppression", "task"] {
        assert!(found.contains(table), "{table} is looked at: {found:?}");
    }
    let exported = serde_json::to_string(&store.export(&key("ada")).await.unwrap()).unwrap();
    for value in ["Ada Lovelace", "Ada King", "Skoblogg", "hard_bounce", "550 no such user", "Call Ada King"] {
        assert!(exported.contains(value), "{value} is exported: {exported}");
    }
    assert!(!exported.contains("bob"));

    let why = AuditRow::done("erase", "shop/ada", "kari", at(6));
    let erased = store.erase(&key("ada"), at(6), &why, &[record("erased")]).await.unwrap();
    assert_eq!((erased.versions, erased.cancelled, erased.dead_letters, erased.in_hand), (2, 1, 2, 0));
    assert_eq!((erased.addresses, erased.shared_with.len()), (2, 0));
    assert_eq!(store.remains(&key("ada"), &values).await.unwrap().iter().filter(|left| left.is_theirs).count(), 0);
    store.store_persons(&ada).await.unwrap();
    assert_eq!(tables(&store.remains(&key("ada"), &values).await.unwrap()), BTreeSet::new(), "told again");
    assert_eq!(store.erased_at(&key("ada")).await.unwrap(), Some(at(6)));
    let told = store.suppressions("ADA@x.example").await.unwrap();
    assert_eq!(told, [(None, "erased".into()), (None, "hard_bounce".into())]);
    let again =
        store.erase(&key("ada"), at(7), &AuditRow::done("erase", "shop/ada", "kari", at(7)), &[]).await.unwrap();
    assert_eq!(again, Erased::default());
    assert_eq!(store.claim(&request, &first).await.unwrap().attempts.len(), 1, "to bob");
    assert!(store.person(&key("bob")).await.unwrap().is_some());
    assert_eq!(store.list_dead_letters(None, 9).await.unwrap().len(), 1);
    let others = serde_json::to_string(&store.export(&key("cid")).await.unwrap()).unwrap();
    assert!(others.contains("canada@x.example asked"), "{others}");
    let broken = store.check_invariants().await.unwrap();
    // The mails above were planned by nobody.
    assert!(broken.iter().all(|(name, rows)| *rows == 0 || *name == "messages_belong_to_journeys"), "{broken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_and_draws_are_measured_in_a_file() {
    let (store, guard) = fresh_file().await;
    crate::measured::mails_and_draws_are_measured(store).await;
    guard.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_and_draws_are_measured_in_a_database() {
    let (store, guard) = fresh_database().await;
    crate::measured::mails_and_draws_are_measured(store).await;
    guard.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_leaves_nothing_behind_in_a_file() {
    let (store, guard) = fresh_file().await;
    an_erasure_leaves_nothing_behind(store).await;
    guard.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_leaves_nothing_behind_in_a_database() {
    let (store, guard) = fresh_database().await;
    an_erasure_leaves_nothing_behind(store).await;
    guard.finish().await;
}

mod sqlite {
    async fn fresh() -> (std::sync::Arc<dyn super::Store>, super::Guard) {
        let (store, guard) = super::fresh_file().await;
        (super::Arc::new(store), guard)
    }
    rapport_conformance::store_conformance!(super::fresh);
}

mod postgres {
    async fn fresh() -> (std::sync::Arc<dyn super::Store>, super::Guard) {
        let (store, guard) = super::fresh_database().await;
        (super::Arc::new(store), guard)
    }
    rapport_conformance::store_conformance!(super::fresh);
}

mod journal {
    async fn fresh() -> (std::sync::Arc<dyn super::EventLog>, super::Guard) {
        let (store, guard) = super::fresh_file().await;
        let journal = store.journal(2, &guard.progress_file());
        (super::Arc::new(journal.expect("an embedded store has a journal")), guard)
    }
    rapport_conformance::log_conformance!(super::fresh);
}
