//! The standing backlog of PROOF.md's P1: partners with volumes in proportion to 1/rank, twenty activities to a conversion.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rapport_engine::ports::log::{EventLog, NewRecord};
use rapport_event::{CustomKinds, Headers, SourcePosition, decode, encode, shard_of};

use crate::EngineArguments;

/// Upstream partitions the records claim to come from.
const SOURCE_PARTITIONS: i32 = 8;
const CHUNK: usize = 50_000;
/// The backlog came in within this time.
const SPAN: SignedDuration = SignedDuration::from_hours(6);

/// What the database must hold afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Partners that occur.
    pub partners: i64,
    /// Conversions that occur.
    pub conversions: i64,
    /// Their sum in minor units.
    pub minor: i64,
}

/// Appends the backlog; every record as ingest would write it. Returns what must come of it.
pub async fn produce(log: &dyn EventLog, arguments: &EngineArguments, now: Timestamp) -> Result<Expected> {
    let mut random = StdRng::seed_from_u64(arguments.seed);
    let ranks = cumulative(arguments.partners);
    let custom = CustomKinds::none();
    let (mut partners, mut expected) = (BTreeSet::new(), Expected { partners: 0, conversions: 0, minor: 0 });
    let mut chunk = Vec::with_capacity(CHUNK);
    for number in 0..arguments.records {
        let rank = rank(&ranks, random.random_range(0.0..1.0));
        partners.insert(rank);
        let share = number as f64 / arguments.records as f64;
        let at = now - SPAN + SignedDuration::from_millis((SPAN.as_millis() as f64 * share) as i64);
        let minor = random.random_range(500..20_000_i64);
        let json = if number.is_multiple_of(arguments.one_conversion_in) {
            expected.conversions += 1;
            expected.minor += minor;
            format!(
                r#"{{"id":"c{number}","kind":"conversion","program":"default","partner":"p{rank}","occurred_at":"{at}","data":{{"conversion_id":"c{number}","status":"pending","amount":{minor},"commission":{},"currency":"EUR"}}}}"#,
                minor / 10
            )
        } else {
            let kind = ["link.clicked", "link.clicked", "link.clicked", "login", "content.published"]
                [random.random_range(0..5)];
            format!(
                r#"{{"id":"a{number}","kind":"{kind}","program":"default","partner":"p{rank}","occurred_at":"{at}","data":{{}}}}"#
            )
        };
        let event = match decode(json.as_bytes(), &Headers::NONE, &custom, now) {
            Ok(decoded) => decoded.event,
            Err(rejection) => bail!("the bench makes a bad event: {rejection}\n{json}"),
        };
        chunk.push(NewRecord {
            shard: shard_of(&event.key, arguments.shards),
            key: event.key.to_string().into_bytes(),
            value: encode(&event),
            stamp: None,
            position: Some(SourcePosition {
                source: 1,
                incarnation: 0,
                partition: (number % SOURCE_PARTITIONS as u64) as i32,
                offset: (number / SOURCE_PARTITIONS as u64) as i64,
                index: 0,
            }),
        });
        if chunk.len() == CHUNK {
            log.append(std::mem::take(&mut chunk)).await?;
        }
    }
    log.append(chunk).await?;
    expected.partners = partners.len() as i64;
    Ok(expected)
}

/// Shares of the ranks up to each, summing to 1.
fn cumulative(partners: u32) -> Vec<f64> {
    let whole: f64 = (1..=partners).map(|rank| 1.0 / f64::from(rank)).sum();
    let mut sum = 0.0;
    (1..=partners)
        .map(|rank| {
            sum += 1.0 / f64::from(rank) / whole;
            sum
        })
        .collect()
}

fn rank(ranks: &[f64], drawn: f64) -> usize {
    ranks.partition_point(|sum| *sum < drawn).min(ranks.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_many_ranks_has_the_largest_share() {
        let ranks = cumulative(1000);
        assert_eq!(rank(&ranks, 0.0), 0);
        assert_eq!(rank(&ranks, 0.13), 0);
        assert_eq!(rank(&ranks, 0.99999), 999);
        assert!(ranks.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
