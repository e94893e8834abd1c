//! Everything a run leaves behind that must not depend on what happened to its processes, partner by partner.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::Result;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

/// Rows by section, each a line; by partner, with the programme's own under `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FinalState {
    partners: BTreeMap<String, BTreeMap<&'static str, BTreeSet<String>>>,
    /// Partners with a message whose fate is not known.
    doubtful: BTreeSet<String>,
}

/// Section, and a query for (partner, line). Left out is what tells of processes rather than of partners: owners, epochs,
/// commit numbers, offsets, attempts and mailers.
const SECTIONS: [(&str, &str); 12] = [
    ("partner", "SELECT partner, concat_ws(' ', program, shard, encode(hot, 'hex')) FROM partner"),
    ("days", "SELECT partner, concat_ws(' ', program, encode(days, 'hex')) FROM partner_days"),
    (
        "conversion",
        "SELECT partner, concat_ws(' ', program, conversion_id, occurred_at, status, amount_minor, currency, encode(body, 'hex')) FROM conversion",
    ),
    ("signal", "SELECT partner, concat_ws(' ', id, kind, occurred_at, coalesce(ended_at, 0), payload) FROM signal"),
    // A restarted owner tells a refusal of the same day again, with that moment's values (docs/adr/0007): the day and the code are
    // what holds. Days here begin when the programme's do in summer; in winter nothing happens in the hour between.
    ("refusal", "SELECT partner, concat_ws(' ', workflow, (at + 7200000) / 86400000, code) FROM refusal"),
    (
        "journey",
        "SELECT partner, concat_ws(' ', id, workflow, version, started_at, coalesce(exited_at, 0), exit_code, held_out, body) FROM journey",
    ),
    (
        "message",
        "SELECT partner, concat_ws(' ', id, workflow, step, mail, address, planned_at, due, expires, state, coalesce(reason, '')) FROM message",
    ),
    ("timer", "SELECT partner, concat_ws(' ', subject, due, seq) FROM timer"),
    ("task", "SELECT partner, concat_ws(' ', id, workflow, assignee, opened_at, body) FROM task"),
    ("hold", "SELECT partner, concat_ws(' ', program, workflow, by_journey, coalesce(until, 0)) FROM hold"),
    (
        "reservation",
        "SELECT partner, concat_ws(' ', program, offer, journey, request, minor, currency) FROM reservation",
    ),
    ("day", "SELECT '*', concat_ws(' ', program, day, encode(body, 'hex'), encode(state, 'hex')) FROM day_close"),
];

/// Of partners with a message in doubt these must still be the same.
const BEYOND_DOUBT: [&str; 2] = ["conversion", "days"];

impl FinalState {
    /// Reads it from a database at rest.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn read(pool: &PgPool) -> Result<Self> {
        let mut state = Self::default();
        for (section, query) in SECTIONS {
            let rows: Vec<(String, String)> = sqlx::query_as(query).fetch_all(pool).await?;
            for (partner, line) in rows {
                state.partners.entry(partner).or_default().entry(section).or_default().insert(line);
            }
        }
        let doubtful: Vec<(String,)> =
            sqlx::query_as("SELECT DISTINCT partner FROM message WHERE state = 'in_doubt'").fetch_all(pool).await?;
        state.doubtful = doubtful.into_iter().map(|(partner,)| partner).collect();
        Ok(state)
    }

    /// One number for all of it.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (partner, sections) in &self.partners {
            for (section, lines) in sections {
                for line in lines {
                    hash.update(format!("{partner}\u{1f}{section}\u{1f}{line}\n"));
                }
            }
        }
        let digest = hash.finalize();
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// What differs from an undisturbed run beyond the in-doubt rule: a message in doubt, and what its own partner's state
    /// and journeys make of that.
    #[must_use]
    pub fn differences(&self, undisturbed: &Self) -> Vec<Difference> {
        let names: BTreeSet<&String> = self.partners.keys().chain(undisturbed.partners.keys()).collect();
        let mut found = Vec::new();
        for partner in names {
            let none = BTreeMap::new();
            let (ours, theirs) =
                (self.partners.get(partner).unwrap_or(&none), undisturbed.partners.get(partner).unwrap_or(&none));
            let excused = self.doubtful.contains(partner) || undisturbed.doubtful.contains(partner);
            for (section, _) in SECTIONS {
                let nothing = BTreeSet::new();
                let (ours, theirs) = (ours.get(section).unwrap_or(&nothing), theirs.get(section).unwrap_or(&nothing));
                if ours == theirs || (excused && !BEYOND_DOUBT.contains(&section)) {
                    continue;
                }
                found.push(Difference {
                    partner: partner.clone(),
                    section,
                    only_here: ours.difference(theirs).cloned().collect(),
                    only_undisturbed: theirs.difference(ours).cloned().collect(),
                });
            }
        }
        found
    }

    /// Partners with a message in doubt.
    #[must_use]
    pub fn doubtful(&self) -> usize {
        self.doubtful.len()
    }
}

/// Rows of one section of one partner that are not the same.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Whose.
    pub partner: String,
    /// Which table.
    pub section: &'static str,
    /// Rows of the disturbed run alone.
    pub only_here: Vec<String>,
    /// Rows of the undisturbed run alone.
    pub only_undisturbed: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partner {}, {}:", self.partner, self.section)?;
        for line in &self.only_here {
            write!(f, "\n  disturbed   {line}")?;
        }
        for line in &self.only_undisturbed {
            write!(f, "\n  undisturbed {line}")?;
        }
        Ok(())
    }
}
