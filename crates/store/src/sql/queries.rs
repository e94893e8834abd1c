//! Every statement the store runs, by the file it stands in (`queries/`).

use super::statement::Statement;

pub(crate) mod meta {
    use super::Statement;

    pub(crate) static GET: Statement = Statement::one(include_str!("../../queries/meta/get.sql"));
    pub(crate) static PIN: Statement = Statement::one(include_str!("../../queries/meta/pin.sql"));
    pub(crate) static SET: Statement = Statement::one(include_str!("../../queries/meta/set.sql"));
    pub(crate) static LOWER: Statement = Statement::one(include_str!("../../queries/meta/lower.sql"));
    pub(crate) static ADVANCE: Statement = Statement::one(include_str!("../../queries/meta/advance.sql"));
    pub(crate) static READ_ONLY: Statement = Statement::one(include_str!("../../queries/meta/read_only.pg.sql"));
    pub(crate) static SERVER_TIME: Statement = Statement::one(include_str!("../../queries/meta/server_time.sql"));
}

pub(crate) mod shard {
    use super::Statement;

    pub(crate) static HEARTBEAT: Statement = Statement::one(include_str!("../../queries/shard/heartbeat.sql"));
    pub(crate) static ALIVE: Statement = Statement::one(include_str!("../../queries/shard/alive.sql"));
    pub(crate) static FAREWELL: Statement = Statement::one(include_str!("../../queries/shard/farewell.sql"));
    pub(crate) static CREATE: Statement = Statement::one(include_str!("../../queries/shard/create.sql"));
    pub(crate) static LIST: Statement = Statement::one(include_str!("../../queries/shard/list.sql"));
    pub(crate) static TAKE: Statement = Statement::one(include_str!("../../queries/shard/take.sql"));
    pub(crate) static TOUCH: Statement = Statement::one(include_str!("../../queries/shard/touch.sql"));
    pub(crate) static RELEASE: Statement = Statement::one(include_str!("../../queries/shard/release.sql"));
    pub(crate) static RAISE: Statement = Statement::one(include_str!("../../queries/shard/raise.sql"));
}

pub(crate) mod commit {
    use super::Statement;

    pub(crate) static SHARD: Statement = Statement::one(include_str!("../../queries/commit/shard.sql"));
    pub(crate) static COORDINATOR: Statement = Statement::one(include_str!("../../queries/commit/coordinator.sql"));
    pub(crate) static CLOCK_MARK: Statement = Statement::one(include_str!("../../queries/commit/clock_mark.sql"));
    pub(crate) static SEEN: Statement = Statement::one(include_str!("../../queries/commit/seen.sql"));
    pub(crate) static IDS: Statement = Statement::one(include_str!("../../queries/commit/ids.sql"));
    pub(crate) static PARTNERS: Statement = Statement::one(include_str!("../../queries/commit/partners.sql"));
    pub(crate) static DAYS: Statement = Statement::one(include_str!("../../queries/commit/days.sql"));
    pub(crate) static CONVERSIONS: Statement = Statement::one(include_str!("../../queries/commit/conversions.sql"));
    pub(crate) static SIGNALS: Statement = Statement::one(include_str!("../../queries/commit/signals.sql"));
    pub(crate) static REFUSALS: Statement = Statement::one(include_str!("../../queries/commit/refusals.sql"));
    pub(crate) static RESPONSES: Statement = Statement::one(include_str!("../../queries/commit/responses.sql"));
    pub(crate) static JOURNEYS: Statement = Statement::one(include_str!("../../queries/commit/journeys.sql"));
    pub(crate) static TIMERS_SET: Statement = Statement::one(include_str!("../../queries/commit/timers_set.sql"));
    pub(crate) static TIMERS_CLEAR: Statement = Statement::one(include_str!("../../queries/commit/timers_clear.sql"));
    pub(crate) static REBUILD_MAIL: Statement = Statement::one(include_str!("../../queries/commit/rebuild_mail.sql"));
    pub(crate) static REBUILD_FREE: Statement = Statement::one(include_str!("../../queries/commit/rebuild_free.sql"));
    pub(crate) static REBUILD_CALL: Statement = Statement::one(include_str!("../../queries/commit/rebuild_call.sql"));
    pub(crate) static MESSAGES: Statement = Statement::one(include_str!("../../queries/commit/messages.sql"));
    pub(crate) static CONTEXTS: Statement = Statement::one(include_str!("../../queries/commit/contexts.sql"));
    pub(crate) static LOCK: Statement = Statement::pair(
        include_str!("../../queries/commit/lock.pg.sql"),
        include_str!("../../queries/commit/lock.lite.sql"),
    );
    pub(crate) static CANCELS: Statement = Statement::one(include_str!("../../queries/commit/cancels.sql"));
    pub(crate) static READDRESS: Statement = Statement::one(include_str!("../../queries/commit/readdress.sql"));
    pub(crate) static HOLDS: Statement = Statement::one(include_str!("../../queries/commit/holds.sql"));
    pub(crate) static TASKS: Statement = Statement::one(include_str!("../../queries/commit/tasks.sql"));
    pub(crate) static CALLS: Statement = Statement::one(include_str!("../../queries/commit/calls.sql"));
    pub(crate) static CALL_CANCELS: Statement = Statement::one(include_str!("../../queries/commit/call_cancels.sql"));
    pub(crate) static TASKS_CLOSED: Statement = Statement::one(include_str!("../../queries/commit/tasks_closed.sql"));
    pub(crate) static REQUESTS: Statement = Statement::one(include_str!("../../queries/commit/requests.sql"));
    pub(crate) static DAY_PARTS: Statement = Statement::one(include_str!("../../queries/commit/day_parts.sql"));
    pub(crate) static PARKED: Statement = Statement::one(include_str!("../../queries/commit/parked.sql"));
    pub(crate) static UNPARKED: Statement = Statement::one(include_str!("../../queries/commit/unparked.sql"));
    pub(crate) static QUARANTINE: Statement = Statement::one(include_str!("../../queries/commit/quarantine.sql"));
    pub(crate) static RELEASE: Statement = Statement::one(include_str!("../../queries/commit/release.sql"));
}

pub(crate) mod load {
    use super::Statement;

    pub(crate) static PARTNERS: Statement = Statement::one(include_str!("../../queries/load/partners.sql"));
    pub(crate) static PAGE: Statement = Statement::one(include_str!("../../queries/load/page.sql"));
    pub(crate) static JOURNEYS: Statement = Statement::one(include_str!("../../queries/load/journeys.sql"));
    pub(crate) static CONVERSIONS: Statement = Statement::one(include_str!("../../queries/load/conversions.sql"));
    pub(crate) static SEEN: Statement = Statement::one(include_str!("../../queries/load/seen.sql"));
    pub(crate) static ALL_SEEN: Statement = Statement::one(include_str!("../../queries/load/all_seen.sql"));
    pub(crate) static RECENT_IDS: Statement = Statement::one(include_str!("../../queries/load/recent_ids.sql"));
    pub(crate) static CLOCK_MARKS: Statement = Statement::one(include_str!("../../queries/load/clock_marks.sql"));
    pub(crate) static TIMERS: Statement = Statement::one(include_str!("../../queries/load/timers.sql"));
    pub(crate) static PARKED: Statement = Statement::one(include_str!("../../queries/load/parked.sql"));
    pub(crate) static QUARANTINES: Statement = Statement::one(include_str!("../../queries/load/quarantines.sql"));
}

pub(crate) mod call {
    use super::Statement;

    pub(crate) static CLAIM: Statement = Statement::pair(
        include_str!("../../queries/call/claim.pg.sql"),
        include_str!("../../queries/call/claim.lite.sql"),
    );
    pub(crate) static WAITS: Statement = Statement::one(include_str!("../../queries/call/waits.sql"));
    pub(crate) static AGAIN: Statement = Statement::one(include_str!("../../queries/call/again.sql"));
    pub(crate) static END: Statement = Statement::one(include_str!("../../queries/call/end.sql"));
}

pub(crate) mod coordinator {
    use super::Statement;

    pub(crate) static DAY_PARTS: Statement = Statement::one(include_str!("../../queries/coordinator/day_parts.sql"));
    pub(crate) static DAY_PART: Statement = Statement::one(include_str!("../../queries/coordinator/day_part.sql"));
    pub(crate) static LAST_CLOSE: Statement = Statement::one(include_str!("../../queries/coordinator/last_close.sql"));
    pub(crate) static CLOSE_BY: Statement = Statement::one(include_str!("../../queries/coordinator/close_by.sql"));
    pub(crate) static PROGRAMS: Statement = Statement::one(include_str!("../../queries/coordinator/programs.sql"));
    pub(crate) static NEXT_DAY: Statement = Statement::one(include_str!("../../queries/coordinator/next_day.sql"));
    pub(crate) static OPEN_REQUESTS: Statement =
        Statement::one(include_str!("../../queries/coordinator/open_requests.sql"));
    pub(crate) static RESERVATIONS: Statement =
        Statement::one(include_str!("../../queries/coordinator/reservations.sql"));
    pub(crate) static PROMISE: Statement = Statement::one(include_str!("../../queries/coordinator/promise.sql"));
    pub(crate) static CLOSE: Statement = Statement::one(include_str!("../../queries/coordinator/close.sql"));
    pub(crate) static ANSWER: Statement = Statement::one(include_str!("../../queries/coordinator/answer.sql"));
    pub(crate) static RESERVE: Statement = Statement::one(include_str!("../../queries/coordinator/reserve.sql"));
}

pub(crate) mod definition {
    use super::Statement;

    pub(crate) static APPLY: Statement = Statement::one(include_str!("../../queries/definition/apply.sql"));
    pub(crate) static HASHES: Statement = Statement::one(include_str!("../../queries/definition/hashes.sql"));
    pub(crate) static CURRENT: Statement = Statement::one(include_str!("../../queries/definition/current.sql"));
    pub(crate) static GET: Statement = Statement::one(include_str!("../../queries/definition/get.sql"));
}

pub(crate) mod measure {
    use super::Statement;

    pub(crate) static MAILS: Statement = Statement::one(include_str!("../../queries/measure/mails.sql"));
    pub(crate) static CONVERSIONS: Statement = Statement::one(include_str!("../../queries/measure/conversions.sql"));
    pub(crate) static INSIDE: Statement = Statement::one(include_str!("../../queries/measure/inside.sql"));
    pub(crate) static ENTRIES: Statement = Statement::one(include_str!("../../queries/measure/entries.sql"));
}

pub(crate) mod notices {
    use super::Statement;

    pub(crate) static JOURNEYS: Statement = Statement::one(include_str!("../../queries/notices/journeys.sql"));
    pub(crate) static MAILS: Statement = Statement::one(include_str!("../../queries/notices/mails.sql"));
}

pub(crate) mod anonymous {
    use super::Statement;

    pub(crate) static TICKET: Statement = Statement::one(include_str!("../../queries/anonymous/ticket.sql"));
    pub(crate) static COUNT: Statement = Statement::one(include_str!("../../queries/anonymous/count.sql"));
    pub(crate) static TELL: Statement = Statement::one(include_str!("../../queries/anonymous/tell.sql"));
    pub(crate) static TALLIES: Statement = Statement::one(include_str!("../../queries/anonymous/tallies.sql"));
}

pub(crate) mod click {
    use super::Statement;

    pub(crate) static NOTE: Statement = Statement::one(include_str!("../../queries/click/note.sql"));
    pub(crate) static OPEN: Statement = Statement::one(include_str!("../../queries/click/open.sql"));
    pub(crate) static JUDGE: Statement = Statement::one(include_str!("../../queries/click/judge.sql"));
    pub(crate) static FORGET: Statement = Statement::one(include_str!("../../queries/click/forget.sql"));
}

pub(crate) mod feedback {
    use super::Statement;

    pub(crate) static TAKE: Statement = Statement::one(include_str!("../../queries/feedback/take.sql"));
    pub(crate) static COUNT: Statement = Statement::one(include_str!("../../queries/feedback/count.sql"));
    pub(crate) static WORKFLOWS: Statement = Statement::one(include_str!("../../queries/feedback/workflows.sql"));
    pub(crate) static TALLIES: Statement = Statement::pair(
        include_str!("../../queries/feedback/tallies.pg.sql"),
        include_str!("../../queries/feedback/tallies.lite.sql"),
    );
    pub(crate) static ABOUT: Statement = Statement::one(include_str!("../../queries/feedback/about.sql"));
}

pub(crate) mod erasure {
    use super::Statement;

    pub(crate) static NOTE: Statement = Statement::one(include_str!("../../queries/erasure/note.sql"));
    pub(crate) static ADDRESSES: Statement = Statement::one(include_str!("../../queries/erasure/addresses.sql"));
    pub(crate) static LOCK: Statement = Statement::one(include_str!("../../queries/erasure/lock.sql"));
    pub(crate) static PERSONS: Statement = Statement::one(include_str!("../../queries/erasure/persons.sql"));
    pub(crate) static CANCEL: Statement = Statement::one(include_str!("../../queries/erasure/cancel.sql"));
    pub(crate) static CONTEXTS: Statement = Statement::one(include_str!("../../queries/erasure/contexts.sql"));
    pub(crate) static CLICKS: Statement = Statement::one(include_str!("../../queries/erasure/clicks.sql"));
    pub(crate) static REASONS: Statement = Statement::one(include_str!("../../queries/erasure/reasons.sql"));
    pub(crate) static MAILS: Statement = Statement::one(include_str!("../../queries/erasure/mails.sql"));
    pub(crate) static COUNTS: Statement = Statement::one(include_str!("../../queries/erasure/counts.sql"));
    pub(crate) static SUPPRESS: Statement = Statement::one(include_str!("../../queries/erasure/suppress.sql"));
    pub(crate) static REHASH: Statement = Statement::one(include_str!("../../queries/erasure/rehash.sql"));
    pub(crate) static UNSUPPRESS: Statement = Statement::one(include_str!("../../queries/erasure/unsuppress.sql"));
    pub(crate) static RECIPIENT: Statement = Statement::one(include_str!("../../queries/erasure/recipient.sql"));
    pub(crate) static TASKS: Statement = Statement::one(include_str!("../../queries/erasure/tasks.sql"));
    pub(crate) static CALLS: Statement = Statement::one(include_str!("../../queries/erasure/calls.sql"));
    pub(crate) static PAUSES: Statement = Statement::one(include_str!("../../queries/erasure/pauses.sql"));
    pub(crate) static REASONS_WITH: Statement = Statement::one(include_str!("../../queries/erasure/reasons_with.sql"));
    pub(crate) static REASON: Statement = Statement::one(include_str!("../../queries/erasure/reason.sql"));
    pub(crate) static LETTERS: Statement = Statement::one(include_str!("../../queries/erasure/letters.sql"));
    pub(crate) static LETTER: Statement = Statement::one(include_str!("../../queries/erasure/letter.sql"));
    pub(crate) static IN_HAND: Statement = Statement::one(include_str!("../../queries/erasure/in_hand.sql"));
    pub(crate) static AT: Statement = Statement::one(include_str!("../../queries/erasure/at.sql"));
    pub(crate) static EXPORT: Statement = Statement::one(include_str!("../../queries/erasure/export.sql"));
    pub(crate) static UNHURRIED: Statement = Statement::pair(
        include_str!("../../queries/erasure/unhurried.pg.sql"),
        include_str!("../../queries/erasure/unhurried.lite.sql"),
    );
    pub(crate) static COLUMNS: Statement = Statement::pair(
        include_str!("../../queries/erasure/columns.pg.sql"),
        include_str!("../../queries/erasure/columns.lite.sql"),
    );
}

pub(crate) mod person {
    use super::Statement;

    pub(crate) static STORE: Statement = Statement::pair(
        include_str!("../../queries/person/store.pg.sql"),
        include_str!("../../queries/person/store.lite.sql"),
    );
    pub(crate) static RECIPIENTS: Statement = Statement::one(include_str!("../../queries/person/recipients.sql"));
    pub(crate) static VERSIONS: Statement = Statement::one(include_str!("../../queries/person/versions.sql"));
    pub(crate) static NEWEST_ADDRESS: Statement =
        Statement::one(include_str!("../../queries/person/newest_address.sql"));
    pub(crate) static SUPPRESS: Statement = Statement::one(include_str!("../../queries/person/suppress.sql"));
    pub(crate) static SUPPRESSED: Statement = Statement::one(include_str!("../../queries/person/suppressed.sql"));
    pub(crate) static LIFT: Statement = Statement::one(include_str!("../../queries/person/lift.sql"));
    pub(crate) static AT_ADDRESS: Statement = Statement::one(include_str!("../../queries/person/at_address.sql"));
}

pub(crate) mod mail {
    use super::Statement;

    pub(crate) static PICK: Statement = Statement::pair(
        include_str!("../../queries/mail/pick.pg.sql"),
        include_str!("../../queries/mail/pick.lite.sql"),
    );
    pub(crate) static DUE: Statement =
        Statement::pair(include_str!("../../queries/mail/due.pg.sql"), include_str!("../../queries/mail/due.lite.sql"));
    pub(crate) static MOVE: Statement = Statement::one(include_str!("../../queries/mail/move.sql"));
    pub(crate) static SUPPRESSIONS: Statement = Statement::one(include_str!("../../queries/mail/suppressions.sql"));
    pub(crate) static ACCEPTED: Statement = Statement::one(include_str!("../../queries/mail/accepted.sql"));
    pub(crate) static SHARED: Statement = Statement::one(include_str!("../../queries/mail/shared.sql"));
    pub(crate) static HOLDS: Statement = Statement::one(include_str!("../../queries/mail/holds.sql"));
    pub(crate) static HOLDERS: Statement = Statement::one(include_str!("../../queries/mail/holders.sql"));
    pub(crate) static DEFER: Statement = Statement::one(include_str!("../../queries/mail/defer.sql"));
    pub(crate) static END_QUEUED: Statement = Statement::one(include_str!("../../queries/mail/end_queued.sql"));
    pub(crate) static TAKE: Statement = Statement::one(include_str!("../../queries/mail/take.sql"));
    pub(crate) static OCCUPY: Statement = Statement::one(include_str!("../../queries/mail/occupy.sql"));
    pub(crate) static COUNT: Statement = Statement::one(include_str!("../../queries/mail/count.sql"));
    pub(crate) static UNCOUNT: Statement = Statement::one(include_str!("../../queries/mail/uncount.sql"));
    pub(crate) static RECOUNT: Statement = Statement::one(include_str!("../../queries/mail/recount.sql"));
    pub(crate) static HOLD_RECIPIENTS: Statement = Statement::pair(
        include_str!("../../queries/mail/hold_recipients.pg.sql"),
        include_str!("../../queries/mail/hold_recipients.lite.sql"),
    );
    pub(crate) static VACATE: Statement = Statement::one(include_str!("../../queries/mail/vacate.sql"));
    pub(crate) static SETTLE: Statement = Statement::one(include_str!("../../queries/mail/settle.sql"));
    pub(crate) static DOUBTFUL: Statement = Statement::one(include_str!("../../queries/mail/doubtful.sql"));
    pub(crate) static RESOLVE: Statement = Statement::one(include_str!("../../queries/mail/resolve.sql"));
    pub(crate) static SEND_AGAIN: Statement = Statement::one(include_str!("../../queries/mail/send_again.sql"));
    pub(crate) static REQUEUE: Statement = Statement::one(include_str!("../../queries/mail/requeue.sql"));
    pub(crate) static GET: Statement = Statement::one(include_str!("../../queries/mail/get.sql"));
    pub(crate) static ATTEMPTS_OF: Statement = Statement::one(include_str!("../../queries/mail/attempts_of.sql"));
    pub(crate) static STALE: Statement = Statement::one(include_str!("../../queries/mail/stale.sql"));
    pub(crate) static UNADDRESSED: Statement = Statement::one(include_str!("../../queries/mail/unaddressed.sql"));
    pub(crate) static STOPPED: Statement = Statement::one(include_str!("../../queries/mail/stopped.sql"));
    pub(crate) static BURST_LOCK: Statement = Statement::one(include_str!("../../queries/mail/burst_lock.sql"));
    pub(crate) static BURST_SUM: Statement = Statement::one(include_str!("../../queries/mail/burst_sum.sql"));
    pub(crate) static BURST_ADD: Statement = Statement::one(include_str!("../../queries/mail/burst_add.sql"));
    pub(crate) static BURST_FORGET: Statement = Statement::one(include_str!("../../queries/mail/burst_forget.sql"));
    pub(crate) static BURST_RETURN: Statement = Statement::one(include_str!("../../queries/mail/burst_return.sql"));
    pub(crate) static BURST_HOUR: Statement = Statement::one(include_str!("../../queries/mail/burst_hour.sql"));
    pub(crate) static PACE_LOCK: Statement = Statement::one(include_str!("../../queries/mail/pace_lock.sql"));
    pub(crate) static PACE_SET: Statement = Statement::one(include_str!("../../queries/mail/pace_set.sql"));
    pub(crate) static WARM_UP_LOCK: Statement = Statement::one(include_str!("../../queries/mail/warm_up_lock.sql"));
    pub(crate) static WARM_UP_SET: Statement = Statement::one(include_str!("../../queries/mail/warm_up_set.sql"));
    pub(crate) static WARM_UP_RETURN: Statement = Statement::one(include_str!("../../queries/mail/warm_up_return.sql"));
    pub(crate) static LEAVING_COUNT: Statement = Statement::one(include_str!("../../queries/mail/leaving_count.sql"));
    pub(crate) static LEAVING_ADD: Statement = Statement::one(include_str!("../../queries/mail/leaving_add.sql"));
    pub(crate) static LEAVING_END: Statement = Statement::one(include_str!("../../queries/mail/leaving_end.sql"));
    pub(crate) static WAITS: Statement = Statement::one(include_str!("../../queries/mail/waits.sql"));
    pub(crate) static LOOK: Statement = Statement::one(include_str!("../../queries/mail/look.sql"));
    pub(crate) static GATHER: Statement = Statement::one(include_str!("../../queries/mail/gather.sql"));
    pub(crate) static ALONG: Statement = Statement::one(include_str!("../../queries/mail/along.sql"));
    pub(crate) static LOCK: Statement = Statement::pair(
        include_str!("../../queries/mail/lock.pg.sql"),
        include_str!("../../queries/mail/lock.lite.sql"),
    );
    pub(crate) static END_ALONG: Statement = Statement::one(include_str!("../../queries/mail/end_along.sql"));
    pub(crate) static SET_FREE: Statement = Statement::one(include_str!("../../queries/mail/set_free.sql"));
    pub(crate) static TRAVELLED: Statement = Statement::one(include_str!("../../queries/mail/travelled.sql"));
    pub(crate) static AGAIN_ALONG: Statement = Statement::one(include_str!("../../queries/mail/again_along.sql"));
}

pub(crate) mod outbox {
    use super::Statement;

    pub(crate) static ADD: Statement = Statement::one(include_str!("../../queries/outbox/add.sql"));
    pub(crate) static NEXT: Statement = Statement::one(include_str!("../../queries/outbox/next.sql"));
    pub(crate) static DONE: Statement = Statement::one(include_str!("../../queries/outbox/done.sql"));
    pub(crate) static WAITS: Statement = Statement::one(include_str!("../../queries/outbox/waits.sql"));
    pub(crate) static TAKE: Statement = Statement::one(include_str!("../../queries/outbox/take.sql"));
    pub(crate) static ALIVE: Statement = Statement::one(include_str!("../../queries/outbox/alive.sql"));
    pub(crate) static PLACE: Statement = Statement::one(include_str!("../../queries/outbox/place.sql"));
    pub(crate) static PLACED: Statement = Statement::one(include_str!("../../queries/outbox/placed.sql"));
    pub(crate) static CARRY: Statement = Statement::one(include_str!("../../queries/outbox/carry.sql"));
}

pub(crate) mod dead_letter {
    use super::Statement;

    pub(crate) static ADD: Statement = Statement::one(include_str!("../../queries/dead_letter/add.sql"));
    pub(crate) static LIST: Statement = Statement::one(include_str!("../../queries/dead_letter/list.sql"));
    pub(crate) static OPEN: Statement = Statement::one(include_str!("../../queries/dead_letter/open.sql"));
    pub(crate) static AT: Statement = Statement::one(include_str!("../../queries/dead_letter/at.sql"));
    pub(crate) static BETWEEN: Statement = Statement::one(include_str!("../../queries/dead_letter/between.sql"));
    pub(crate) static REPLAYED: Statement = Statement::one(include_str!("../../queries/dead_letter/replayed.sql"));
}

pub(crate) mod operate {
    use super::Statement;

    pub(crate) static BEGIN: Statement = Statement::one(include_str!("../../queries/operate/begin.sql"));
    pub(crate) static LIFT: Statement = Statement::one(include_str!("../../queries/operate/lift.sql"));
    pub(crate) static SPREAD: Statement = Statement::one(include_str!("../../queries/operate/spread.sql"));
    pub(crate) static TASKS: Statement = Statement::one(include_str!("../../queries/operate/tasks.sql"));
    pub(crate) static OPEN_TASK: Statement = Statement::one(include_str!("../../queries/operate/open_task.sql"));
    pub(crate) static END_TASK: Statement = Statement::one(include_str!("../../queries/operate/end_task.sql"));
    pub(crate) static ASSIGN_TASK: Statement = Statement::one(include_str!("../../queries/operate/assign_task.sql"));
    pub(crate) static BURST_RESET: Statement = Statement::one(include_str!("../../queries/operate/burst_reset.sql"));
    pub(crate) static PAUSES: Statement = Statement::one(include_str!("../../queries/operate/pauses.sql"));
    pub(crate) static NOTE: Statement = Statement::one(include_str!("../../queries/operate/note.sql"));
    pub(crate) static AUDITS: Statement = Statement::one(include_str!("../../queries/operate/audits.sql"));
}

pub(crate) mod story {
    use super::Statement;

    pub(crate) static PARTNER: Statement = Statement::one(include_str!("../../queries/story/partner.sql"));
    pub(crate) static JOURNEYS: Statement = Statement::one(include_str!("../../queries/story/journeys.sql"));
    pub(crate) static MESSAGES: Statement = Statement::one(include_str!("../../queries/story/messages.sql"));
    pub(crate) static SIGNALS: Statement = Statement::one(include_str!("../../queries/story/signals.sql"));
    pub(crate) static REFUSALS: Statement = Statement::one(include_str!("../../queries/story/refusals.sql"));
    pub(crate) static TASKS: Statement = Statement::one(include_str!("../../queries/story/tasks.sql"));
    pub(crate) static RESPONSES: Statement = Statement::one(include_str!("../../queries/story/responses.sql"));
    pub(crate) static FIND: Statement = Statement::one(include_str!("../../queries/story/find.sql"));
}

pub(crate) mod figures {
    use super::Statement;

    pub(crate) static SAVE: Statement = Statement::one(include_str!("../../queries/figures/save.sql"));
    pub(crate) static DROP: Statement = Statement::one(include_str!("../../queries/figures/drop.sql"));
}

pub(crate) mod doctor {
    use super::Statement;

    pub(crate) static OUTSTANDING: Statement = Statement::one(include_str!("../../queries/doctor/outstanding.sql"));
    pub(crate) static COUNTS: Statement = Statement::one(include_str!("../../queries/doctor/counts.sql"));
    pub(crate) static INVARIANTS: Statement = Statement::one(include_str!("../../queries/doctor/invariants.sql"));
}

pub(crate) mod prune {
    use super::Statement;

    pub(crate) static ACTIVITY_IDS: Statement = Statement::one(include_str!("../../queries/prune/activity_ids.sql"));
    pub(crate) static CONVERSIONS: Statement = Statement::one(include_str!("../../queries/prune/conversions.sql"));
    pub(crate) static DEAD_LETTERS: Statement = Statement::one(include_str!("../../queries/prune/dead_letters.sql"));
    pub(crate) static LINES: Statement = Statement::one(include_str!("../../queries/prune/lines.sql"));
    pub(crate) static SENT: Statement = Statement::one(include_str!("../../queries/prune/sent.sql"));
    pub(crate) static CLOCK_MARKS: Statement = Statement::one(include_str!("../../queries/prune/clock_marks.sql"));
    pub(crate) static DAY_PARTS: Statement = Statement::one(include_str!("../../queries/prune/day_parts.sql"));
    pub(crate) static REVIEWS: Statement = Statement::one(include_str!("../../queries/prune/reviews.sql"));
    pub(crate) static FEEDBACK: Statement = Statement::one(include_str!("../../queries/prune/feedback.sql"));
    pub(crate) static RESPONSES: Statement = Statement::one(include_str!("../../queries/prune/responses.sql"));
    pub(crate) static PROCESSES: Statement = Statement::one(include_str!("../../queries/prune/processes.sql"));
    pub(crate) static SURVEY_TICKETS: Statement =
        Statement::one(include_str!("../../queries/prune/survey_tickets.sql"));
    pub(crate) static CLICKS: Statement = Statement::one(include_str!("../../queries/prune/clicks.sql"));
    pub(crate) static PACE: Statement = Statement::one(include_str!("../../queries/prune/pace.sql"));
    pub(crate) static WARM_UP: Statement = Statement::one(include_str!("../../queries/prune/warm_up.sql"));
    pub(crate) static LEAVING: Statement = Statement::one(include_str!("../../queries/prune/leaving.sql"));
    pub(crate) static MAILS: Statement = Statement::one(include_str!("../../queries/prune/mails.sql"));
    pub(crate) static CONTEXTS: Statement = Statement::one(include_str!("../../queries/prune/contexts.sql"));
    pub(crate) static MESSAGES: Statement = Statement::one(include_str!("../../queries/prune/messages.sql"));
    pub(crate) static EXPLAINED: Statement = Statement::one(include_str!("../../queries/prune/explained.sql"));
    pub(crate) static EMPTIED: Statement = Statement::one(include_str!("../../queries/prune/emptied.sql"));
    pub(crate) static REFUSALS: Statement = Statement::one(include_str!("../../queries/prune/refusals.sql"));
}

pub(crate) mod journal {
    use super::Statement;

    pub(crate) static TAKE_OFFSETS: Statement = Statement::one(include_str!("../../queries/journal/take_offsets.sql"));
    pub(crate) static APPEND: Statement = Statement::one(include_str!("../../queries/journal/append.sql"));
    pub(crate) static READ: Statement = Statement::one(include_str!("../../queries/journal/read.sql"));
    pub(crate) static ENDS: Statement = Statement::one(include_str!("../../queries/journal/ends.sql"));
    pub(crate) static FIRST: Statement = Statement::one(include_str!("../../queries/journal/first.sql"));
}
