//! Records that no event can be, in the middle of good ones: each becomes a dead letter with its place and code, and the
//! good ones all arrive. A partition of nothing else is stopped.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;
use rapport_kafka::Outgoing;
use serde_json::json;

use crate::processes::{Processes, until};
use crate::project::Project;
use crate::services::Services;
use crate::sink::Sink;

/// Good records around each bad one.
const GOOD_BETWEEN: usize = 7;
/// Enough of nothing but bad ones to stop a partition.
const FLOOD: usize = 700;
const LONGEST: Duration = Duration::from_secs(180);

/// A dead letter's place and code.
pub type Place = (String, i64, i64);

/// What the run came to.
#[derive(Debug)]
pub struct Poisoned {
    /// Code by place, as found; the same as expected.
    pub dead_letters: BTreeMap<Place, String>,
    /// Good conversions that arrived.
    pub good: usize,
    /// Dead letters of the flooded partition when ingest stopped.
    pub flooded: i64,
}

/// Feeds a running `ingest` and `engine` (live) and looks at what becomes of it.
///
/// # Errors
/// A dead letter is missing, misplaced or miscoded; a good record is missing; or the flood was not stopped.
pub async fn play(services: &Services) -> Result<Poisoned> {
    let sink = Sink::start().await?;
    let project = Project::prepare(services, "poison", &sink, 4, None).await?;
    let mut processes = Processes::default();
    for (name, service) in [("engine-1", "engine"), ("ingest-1", "ingest")] {
        processes.start(&project, name, &["run".to_owned(), service.to_owned()])?;
    }
    let played = feed(&project, &mut processes).await;
    match played {
        Ok(played) => {
            processes.stop("engine-1").await?;
            drop(processes);
            project.remove().await?;
            Ok(played)
        }
        Err(error) => bail!("{error:#}\n{}", processes.tails()),
    }
}

async fn feed(project: &Project, processes: &mut Processes) -> Result<Poisoned> {
    let topic = &project.topics.conversions;
    let now = Timestamp::now();
    let (mut records, mut expected, mut good) = (Vec::new(), BTreeMap::new(), 0);
    for (number, (code, value)) in poisons(now).into_iter().enumerate() {
        let partition = (number % 2) as i32;
        let fill = |records: &mut Vec<Outgoing>, good: &mut usize| {
            for _ in 0..GOOD_BETWEEN {
                *good += 1;
                let value = conversion(&format!("good-{good}"), &now.to_string(), "4000").into_bytes();
                records.push(outgoing(topic, partition, Some(value)));
            }
        };
        fill(&mut records, &mut good);
        let offset = records.iter().filter(|record| record.partition == Some(partition)).count() as i64;
        expected.insert((topic.clone(), i64::from(partition), offset), code.to_owned());
        records.push(outgoing(topic, partition, value));
        fill(&mut records, &mut good);
    }
    let publisher = project.publisher()?;
    publisher.publish(&records).await?;

    let pool = &project.database.pool;
    let mut arrived = 0;
    until("all good records arrive", LONGEST, async || {
        processes.check_alive("")?;
        arrived = count(pool, "SELECT count(*) FROM conversion WHERE conversion_id LIKE 'good-%'").await?;
        Ok(arrived >= good as i64)
    })
    .await?;
    let found: Vec<(String, i64, i64, String)> =
        sqlx::query_as("SELECT source, source_partition, source_offset, code FROM dead_letter").fetch_all(pool).await?;
    let dead_letters: BTreeMap<Place, String> =
        found.into_iter().map(|(source, partition, offset, code)| ((source, partition, offset), code)).collect();
    if dead_letters != expected {
        bail!("dead letters are\n{dead_letters:#?}\nbut should be\n{expected:#?}");
    }
    if arrived != good as i64 {
        bail!("{arrived} conversions of {good} good records");
    }

    let flood: Vec<Outgoing> = (0..FLOOD)
        .map(|number| outgoing(&project.topics.activity, 2, Some(format!("not JSON {number}").into_bytes())))
        .collect();
    publisher.publish(&flood).await?;
    let refused = async || count(pool, "SELECT count(*) FROM dead_letter WHERE source LIKE '%.activity'").await;
    until("a flood of bad records stops its partition", LONGEST, async || {
        processes.check_alive("")?;
        Ok(processes.log("ingest-1").contains("were rejected"))
    })
    .await?;
    let after: Vec<Outgoing> = (0..GOOD_BETWEEN)
        .map(|number| {
            let value = conversion(&format!("after-{number}"), &now.to_string(), "4000").into_bytes();
            outgoing(topic, 2, Some(value))
        })
        .collect();
    publisher.publish(&after).await?;
    until("the others go on", LONGEST, async || {
        processes.check_alive("")?;
        let arrived = count(pool, "SELECT count(*) FROM conversion WHERE conversion_id LIKE 'after-%'").await?;
        Ok(arrived == GOOD_BETWEEN as i64)
    })
    .await?;
    let flooded = refused().await?;
    if flooded >= FLOOD as i64 {
        bail!("all {flooded} bad records became dead letters");
    }
    let place = format!("{}/2", project.topics.activity);
    project.rapport(&["dead-letters", "accept", &place]).await?;
    until("what a person accepted is refused to its end", LONGEST, async || {
        processes.check_alive("")?;
        Ok(refused().await? == FLOOD as i64)
    })
    .await?;
    Ok(Poisoned { dead_letters, good, flooded })
}

async fn count(pool: &sqlx::PgPool, query: &'static str) -> Result<i64> {
    let (count,): (i64,) = sqlx::query_as(query).fetch_one(pool).await?;
    Ok(count)
}

fn outgoing(topic: &str, partition: i32, value: Option<Vec<u8>>) -> Outgoing {
    let topic = topic.to_owned();
    Outgoing {
        topic,
        partition: Some(partition),
        headers: Vec::new(),
        timestamp: None,
        key: Some(b"any".to_vec()),
        value,
    }
}

/// One of each kind, with the code it must get.
fn poisons(now: Timestamp) -> Vec<(&'static str, Option<Vec<u8>>)> {
    let good = conversion("bad", &now.to_string(), "4000");
    let with = |from: &str, to: &str| Some(good.replacen(from, to, 1).into_bytes());
    let nested = format!("\"nested\":{}{},\"currency\"", "[".repeat(10_000), "]".repeat(10_000));
    let deep = good.replacen("\"currency\"", &nested, 1);
    let mut large = good.replacen("\"currency\"", "\"note\":\"", 1);
    large.push_str(&"x".repeat(10_000_000));
    large.push_str("\"}}");
    let mut foreign_bytes = good.clone().into_bytes();
    foreign_bytes.extend([0xff, 0xfe]);
    vec![
        ("bad_json", Some(b"{\"id\": \"e-1\", ".to_vec())),
        ("invalid_utf8", Some(foreign_bytes)),
        ("empty", Some(b"  ".to_vec())),
        ("tombstone", None),
        ("too_large", Some(large.into_bytes())),
        ("too_deep", Some(deep.into_bytes())),
        ("bad_json", with("4000", "NaN")),
        ("unknown_kind", with("\"kind\":\"conversion\"", "\"kind\":\"conversion.imagined\"")),
        ("too_old", Some(conversion("old", "1970-01-01T00:00:00Z", "4000").into_bytes())),
        ("in_future", Some(conversion("early", "2100-01-01T00:00:00Z", "4000").into_bytes())),
        ("duplicate_key", with("\"amount\":4000", "\"amount\":4000,\"amount\":4001")),
    ]
}

fn conversion(id: &str, at: &str, amount: &str) -> String {
    let event = json!({ "id": id, "kind": "conversion", "program": "default", "partner": format!("p-{}", id.len()),
        "occurred_at": at, "data": { "conversion_id": id, "status": "approved", "amount": "AMOUNT", "commission": 100, "currency": "EUR" } });
    event.to_string().replacen("\"AMOUNT\"", amount, 1)
}
