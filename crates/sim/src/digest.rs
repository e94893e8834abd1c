//! What a run came to, in a form that can be compared: no epochs, no offsets, no shard numbers, nothing of who did it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use rapport_engine::ports::rows::MessageState;
use rapport_event::id::PartnerKey;
use rapport_partner::Measure;
use xxhash_rust::xxh3::xxh3_64;

use rapport_memory::store::Tables;

/// The final state: by partner, and what belongs to all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Everything about each partner, as text.
    pub partners: BTreeMap<PartnerKey, String>,
    /// What belongs to the programme.
    pub program: String,
    /// Partners with a mail that is in doubt or was tried more than once, and who shares an address with them: what follows may differ
    /// from a run without faults.
    pub touched_by_doubt: BTreeSet<PartnerKey>,
}

impl Digest {
    /// The digest of a final state.
    #[must_use]
    pub fn of(tables: &Tables) -> Self {
        let mut partners: BTreeMap<PartnerKey, String> = BTreeMap::new();
        let mut touched_by_doubt = BTreeSet::new();
        macro_rules! line {
            ($key:expr, $($arg:tt)*) => {
                let _ = writeln!(partners.entry($key.clone()).or_default(), $($arg)*);
            };
        }
        for (key, (_, row)) in &tables.partners {
            let days = row.days.as_ref().map(|days| xxh3_64(days));
            line!(key, "state {:016x} ({}) days {days:x?}", xxh3_64(&row.hot), row.hot.len());
        }
        for row in tables.conversions.values() {
            line!(row.key, "conversion {} {} {} {}", row.conversion_id, row.status, row.amount_minor, row.currency);
        }
        for row in tables.signals.values() {
            line!(row.key, "signal {} {} {} {:?} {}", row.id, row.kind, row.occurred_at, row.ended_at, row.payload);
        }
        for row in tables.refusals.values() {
            // Which of a day's equal refusals is kept depends on when memory was lost (docs/adr/0007).
            line!(row.key, "refusal {} {}", row.workflow, row.code);
        }
        for row in tables.responses.values() {
            line!(row.key, "response {} {} {}", row.message, row.what.code(), row.at);
        }
        for row in tables.journeys.values() {
            let body = without_mails_at_the_start(&row.body);
            line!(row.key, "journey {} {} {} {:?} {body}", row.id, row.workflow, row.started_at, row.exited);
        }
        for (_, row) in tables.timers.values() {
            line!(row.key, "timer {} {} {}", row.subject, row.due, row.seq);
        }
        for message in tables.messages.values() {
            let row = &message.row;
            // Refused for the time being, and meanwhile others took its place under a cap.
            let tried_in_vain = message.attempt > 0 && message.state != MessageState::Sent;
            if message.state == MessageState::InDoubt || message.attempt > 1 || tried_in_vain {
                touched_by_doubt.insert(row.key.clone());
            }
            line!(
                row.key,
                "message {} {}/{} {} due {} {} {:?} {} to {:?} {:016x}",
                row.id,
                row.workflow,
                row.step,
                row.mail,
                row.due,
                message.state.code(),
                message.reason,
                // Until now a cancellation is noted with the clock of its batch's end.
                if matches!(message.state, MessageState::Queued | MessageState::Cancelled) {
                    row.due
                } else {
                    message.changed_at
                },
                message.address,
                xxh3_64(row.context.as_bytes())
            );
        }
        // Who has an address with one of them may have had the copy, or the place under a cap, that was theirs.
        let messages = || tables.messages.values();
        let addresses: BTreeSet<&String> = messages()
            .filter(|message| touched_by_doubt.contains(&message.row.key))
            .filter_map(|message| message.address.as_ref())
            .collect();
        let is_shared = |address: &String| addresses.contains(address);
        let neighbours = messages().filter(|message| message.address.as_ref().is_some_and(is_shared));
        touched_by_doubt.extend(neighbours.map(|message| message.row.key.clone()));
        for ((key, workflow, by), until) in &tables.holds {
            line!(key, "hold {workflow} {by} {until:?}");
        }
        for call in tables.calls.values() {
            line!(call.row.key, "call {} {} {} {}", call.row.id, call.row.hook, call.row.body, call.state);
        }
        for row in tables.tasks.values() {
            line!(
                row.key,
                "task {} {} {} {} {:?} {:?}",
                row.id,
                row.assignee,
                row.text,
                row.opened_at,
                row.due,
                row.ended
            );
        }
        for row in tables.requests.values() {
            line!(row.key, "request {} {} {} {}", row.id, row.kind, row.body, row.at);
        }
        for (id, row) in &tables.reservations {
            line!(row.key, "reservation {id} {} {} {} {}", row.offer, row.at, row.minor, row.currency);
        }
        for ((key, _), reason) in &tables.parked {
            line!(key, "parked {reason}");
        }
        let mut program = String::new();
        for row in tables.day_closes.values() {
            let _ = writeln!(
                program,
                "day {} {} {} {:016x} fit {}",
                row.program.as_str(),
                row.day,
                String::from_utf8_lossy(&row.body),
                xxh3_64(&row.state),
                String::from_utf8_lossy(&row.fit)
            );
        }
        for row in tables.dead_letters.values() {
            let _ = writeln!(program, "dead letter {} {} {}", row.source, row.code, row.detail);
        }
        Self { partners, program, touched_by_doubt }
    }

    /// The first difference to another digest, with both sides; partners touched by doubt in either are left out.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        if let Some(found) = lines(&self.program, &other.program) {
            return Some(format!("programme: {found}"));
        }
        let keys: BTreeSet<&PartnerKey> = self.partners.keys().chain(other.partners.keys()).collect();
        keys.into_iter()
            .filter(|key| !self.touched_by_doubt.contains(key) && !other.touched_by_doubt.contains(key))
            .find_map(|key| {
                let of = |digest: &Self| digest.partners.get(key).cloned().unwrap_or_default();
                lines(&of(self), &of(other)).map(|found| format!("{key}: {found}"))
            })
    }
}

/// A journey's body without how many mails had gone out when it began: the outcome of a mail of the very instant at which a day's close
/// begins a journey is folded before or after that, as it comes.
fn without_mails_at_the_start(body: &str) -> String {
    let of_mails = [Measure::Mails, Measure::MailsAnswered, Measure::AnswerMinutes].map(|measure| measure as u8);
    let Ok(mut body) = serde_json::from_str::<serde_json::Value>(body) else { return body.to_owned() };
    if let Some(start) = body.get_mut("start").and_then(|start| start.as_array_mut()) {
        start.retain(|sum| {
            !sum[0].as_u64().is_some_and(|number| of_mails.iter().any(|known| u64::from(*known) == number))
        });
    }
    body.to_string()
}

fn lines(one: &str, other: &str) -> Option<String> {
    if one == other {
        return None;
    }
    let (ours, theirs): (BTreeSet<&str>, BTreeSet<&str>) = (one.lines().collect(), other.lines().collect());
    let missing: Vec<_> = ours.difference(&theirs).take(3).collect();
    let extra: Vec<_> = theirs.difference(&ours).take(3).collect();
    Some(format!("only here {missing:#?}\nonly there {extra:#?}"))
}
