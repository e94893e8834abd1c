//! Stops a partition that is mostly rejected: a changed format upstream must not become a million dead letters.

use std::collections::HashMap;

/// Records looked back on.
const WINDOW: u32 = 1000;
/// Rejections among them that are too many.
const TOO_MANY: u32 = 500;

/// A partition is stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{rejected} of the last {looked_at} records of {source_name}/{partition} were rejected: stopped before the rest follows; \
     look at `rapport dead-letters`, mend the producer or the declared kinds, then start ingest again"
)]
pub struct Tripped {
    /// Topic or file.
    pub source_name: String,
    /// Partition.
    pub partition: i32,
    /// Rejected among those looked at.
    pub rejected: u32,
    /// Looked at.
    pub looked_at: u32,
}

/// Counts rejections per partition, halving the past so that old trouble is forgotten.
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    counts: HashMap<(String, i32), (u32, u32)>,
}

impl Breaker {
    /// A record was accepted.
    pub fn good(&mut self, source: &str, partition: i32) {
        // Nothing is kept of partitions that never had a rejection.
        if self.counts.is_empty() {
            return;
        }
        if let Some((seen, bad)) = self.counts.get_mut(&(source.to_owned(), partition)) {
            *seen += 1;
            forget(seen, bad);
        }
    }

    /// A record was rejected.
    ///
    /// # Errors
    /// [`Tripped`] when too many were, of enough.
    pub fn bad(&mut self, source: &str, partition: i32) -> Result<(), Tripped> {
        let (seen, bad) = self.counts.entry((source.to_owned(), partition)).or_default();
        *seen += 1;
        *bad += 1;
        if *bad >= TOO_MANY {
            let (rejected, looked_at) = (*bad, *seen);
            return Err(Tripped { source_name: source.to_owned(), partition, rejected, looked_at });
        }
        forget(seen, bad);
        Ok(())
    }
}

fn forget(seen: &mut u32, bad: &mut u32) {
    if *seen >= WINDOW {
        *seen /= 2;
        *bad /= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_bad_records_among_many_never_trip_it() {
        let mut breaker = Breaker::default();
        for _ in 0..10_000 {
            breaker.bad("conversions", 0).unwrap();
            for _ in 0..9 {
                breaker.good("conversions", 0);
            }
        }
    }

    #[test]
    fn a_partition_of_nothing_but_bad_records_is_stopped_and_its_neighbour_is_not() {
        let mut breaker = Breaker::default();
        let tripped = (0..TOO_MANY).find_map(|_| breaker.bad("conversions", 3).err()).unwrap();
        assert_eq!((tripped.partition, tripped.rejected), (3, TOO_MANY));
        breaker.bad("conversions", 4).unwrap();
    }
}
