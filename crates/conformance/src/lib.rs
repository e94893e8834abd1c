//! What every implementation of the ports must do, as tests that take the implementation as an argument.
//!
//! A case gets a store of its own, empty but for its schema. [`store_conformance!`](crate::store_conformance) and
//! [`log_conformance!`](crate::log_conformance) make a test of each; their argument is an async function that returns
//! the implementation and a guard with `async fn finish(self)`, called when the case has passed.

mod anonymous;
mod batches;
mod calls;
mod claiming;
mod clicks;
mod coordination;
mod digests;
mod ending;
mod erasure;
mod limits;
mod logs;
mod mailing;
mod operating;
mod ownership;
mod pace;
mod people;
mod records;
mod sample;

/// All cases for a `Store`, handed to a macro after what it is given.
#[doc(hidden)]
#[macro_export]
macro_rules! store_cases {
    ($($then:tt)::+; $($given:tt)*) => {
        $($then)::+! { $($given)*;
            ownership:
                a_fresh_store_has_the_schema_and_no_shards,
                facts_are_pinned_once_and_the_present_never_goes_back,
                a_free_shard_is_taken_once,
                taking_over_needs_silence_and_raises_the_epoch,
                heartbeats_list_the_living,
                touching_tells_what_is_still_ours,
                a_released_shard_is_free,
                a_raised_commit_number_has_no_owner_and_never_goes_back;
            batches:
                an_old_epoch_writes_nothing,
                a_wrong_commit_number_writes_nothing,
                of_two_equal_commits_one_is_done,
                a_refused_row_takes_the_whole_batch_back,
                the_shard_row_comes_back_as_written,
                positions_stay_where_they_were_moved,
                partners_come_back_with_days_and_journeys,
                pages_follow_the_order_of_keys,
                conversions_come_back_by_id,
                ids_come_back_since_an_instant,
                timers_are_paged_in_order,
                the_last_change_of_a_timer_decides,
                large_batches_are_written_whole,
                everything_about_a_partner_is_told;
            mailing:
                a_message_is_sent_once_and_tells_it,
                a_cancelled_message_is_not_claimed,
                a_message_in_hand_is_not_cancelled_but_not_queued_again,
                settling_twice_counts_once,
                a_late_250_turns_in_doubt_into_sent,
                a_mail_in_doubt_is_resolved_by_a_person,
                a_mail_in_doubt_is_sent_again_when_a_person_wants_it,
                a_requeued_message_returns_its_count,
                an_ended_message_is_not_claimed_again,
                a_deferred_message_waits_for_its_time,
                a_message_waits_for_an_address,
                a_new_address_moves_queued_mail,
                a_claim_moves_mail_to_the_newest_address,
                messages_without_an_address_expire,
                planning_again_changes_nothing,
                mail_of_a_quarantined_partner_waits,
                what_the_relay_said_is_kept;
            claiming:
                one_recipient_has_one_attempt_at_a_time,
                two_claimers_never_take_the_same_recipient,
                cancelling_and_claiming_agree,
                a_late_250_ends_a_mail_that_was_put_back,
                accepted_mail_is_shown_to_the_policy,
                due_mail_comes_by_priority,
                one_copy_leaves_for_an_address,
                a_replay_is_told_who_shares_an_address,
                mail_of_a_shard_behind_is_not_claimable,
                suppressions_are_shown_by_topic,
                no_claim_takes_mail_to_whom_was_suppressed_before_it,
                a_report_told_again_changes_nothing,
                reports_about_an_address_are_counted_and_forgotten,
                a_suppression_is_lifted_by_topic_and_reason,
                a_suppression_and_its_records_are_one,
                a_message_is_found_by_its_id,
                holds_are_shown_until_they_end,
                attempts_of_silent_mailers_are_found,
                owners_and_mailers_at_once_leave_sound_data;
            ending:
                attempts_end_together_as_each_would_alone,
                of_attempts_that_end_together_each_is_asked_for,
                of_two_attempts_at_one_message_the_later_ends,
                attempts_end_once_whoever_ends_them;
            digests:
                what_travels_is_claimed_by_nobody_and_settled_with_its_carrier,
                what_travels_with_a_mail_that_did_not_leave_is_free_again,
                what_a_lost_mailer_had_gathered_is_found_with_its_carrier,
                what_was_cancelled_on_its_way_is_not_told_again,
                what_travelled_with_a_mail_in_doubt_is_sent_again_with_it,
                what_a_stopped_journey_had_in_a_digest_is_not_sent_again,
                a_late_250_tells_of_what_was_to_be_sent_again,
                what_travelled_when_a_backup_was_made_ends_as_the_log_tells,
                several_mailers_gather_each_mail_once;
            erasure:
                an_erased_partner_is_not_written_to_again,
                what_was_in_hand_is_erased_when_it_is_settled;
            people:
                persons_are_merged_by_version,
                storing_a_version_again_changes_nothing,
                a_version_told_again_takes_what_is_new,
                an_unknown_person_is_none;
            records:
                the_outbox_is_read_in_order_and_emptied,
                a_waiting_record_is_not_doubled,
                positions_are_given_once_and_for_good,
                a_fenced_relay_is_given_nothing,
                a_relay_takes_over_from_a_silent_one,
                targets_are_carried_apart,
                a_record_set_aside_is_a_dead_letter,
                dead_letters_stay_as_first_written,
                refused_lines_of_files_are_known_for_ever,
                definitions_follow_each_other,
                sound_data_breaks_no_invariant,
                broken_data_is_found,
                pruning_keeps_what_is_needed,
                pruning_keeps_the_history_of_health,
                a_class_is_removed_alone_and_once,
                that_a_notice_came_back_stays,
                mails_that_are_over_go,
                explanations_go_and_journeys_stay,
                numbers_for_summaries;
            calls:
                a_call_is_taken_once_and_ends_once,
                calls_of_a_shard_that_is_behind_wait;
            operating:
                paused_mail_waits,
                a_pause_ends_without_a_burst,
                one_pause_ends_and_another_holds,
                a_pause_ends_when_its_time_is_over,
                the_audit_is_kept,
                what_people_do_ends_once;
            limits:
                an_hours_limit_holds_for_many_mailers,
                only_what_leaves_is_counted,
                a_mail_that_may_have_left_counts_for_its_hour,
                a_burst_is_stopped_once_until_a_person_ends_it,
                a_stop_of_a_provider_is_shown_to_the_policy,
                mail_and_reports_are_tallied_by_domain,
                a_feed_of_reports_stops_mail_to_one_provider;
            pace:
                a_pace_holds_for_many_mailers,
                a_clock_set_back_holds_no_mail_up,
                another_provider_is_not_held_back,
                what_would_travel_waits_with_its_carrier,
                connections_to_a_provider_are_counted_over_all_mailers,
                a_warm_up_holds_for_many_mailers,
                thirty_days_of_a_warm_up,
                who_lately_did_something_comes_first_in_a_warm_up,
                a_mail_that_may_have_left_counts_for_its_day,
                what_waits_for_a_warm_up_expires_by_its_own_time;
            anonymous:
                an_anonymous_link_answers_once,
                what_is_told_of_anonymous_answers_never_grows_by_fewer_than_five,
                anonymous_answers_that_come_at_once_are_all_counted,
                used_links_are_forgotten_when_none_of_them_answers;
            clicks:
                a_click_is_noted_once_a_minute,
                a_click_is_judged_once,
                clicks_of_machines_are_told_to_nobody,
                clicks_of_the_erased_are_not_kept;
            coordination:
                day_parts_and_closes,
                requests_are_answered_once,
                a_promise_is_found_by_its_message,
                a_fenced_coordinator_writes_nothing;
        }
    };
}

/// All cases for an `EventLog` with two shards.
#[doc(hidden)]
#[macro_export]
macro_rules! log_cases {
    ($($then:tt)::+; $($given:tt)*) => {
        $($then)::+! { $($given)*;
            logs:
                records_come_back_in_order_with_stamp_and_position,
                concurrent_appends_leave_no_gap,
                a_waiting_feed_is_woken,
                a_feed_opens_only_inside_the_log,
                a_record_is_read_again_by_its_offset,
                what_was_reported_is_known,
                a_log_knows_itself;
        }
    };
}

/// Makes tests of all cases for a `Store`.
#[macro_export]
macro_rules! store_conformance {
    ($fresh:expr) => {
        $crate::store_cases! { $crate::conformance_tests; $fresh }
    };
}

/// Makes tests of all cases for an `EventLog` with two shards.
#[macro_export]
macro_rules! log_conformance {
    ($fresh:expr) => {
        $crate::log_cases! { $crate::conformance_tests; $fresh }
    };
}

/// One test per case.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($fresh:expr; $($module:ident: $($case:ident),* ;)*) => {
        $(
            mod $module {
                $(
                    #[test]
                    fn $case() {
                        $crate::play(Box::pin(async {
                            let (port, guard) = ($fresh)().await;
                            $crate::cases::$module::$case(port).await;
                            guard.finish().await;
                        }));
                    }
                )*
            }
        )*
    };
}

/// Plays a case on two threads. One function for all of them: `#[tokio::test]` would have the whole runtime compiled for each.
///
/// # Panics
/// The case fails, or the operating system gives no threads.
#[doc(hidden)]
pub fn play(case: std::pin::Pin<Box<dyn Future<Output = ()>>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("threads for the runtime").block_on(case);
}

/// The cases as they are called by tests: boxed, so that they are compiled here and not again in each test.
pub mod cases {
    use std::{future::Future, pin::Pin};

    macro_rules! boxed {
        ($port:ty; $($module:ident: $($case:ident),* ;)*) => {
            $(
                #[allow(missing_docs, reason = "told where each case is written")]
                pub mod $module {
                    $(
                        pub fn $case(port: std::sync::Arc<$port>) -> super::Case {
                            Box::pin(crate::$module::$case(port))
                        }
                    )*
                }
            )*
        };
    }

    /// A case that is under way.
    pub type Case = Pin<Box<dyn Future<Output = ()> + Send>>;

    crate::store_cases! { boxed; dyn rapport_engine::ports::store::Store }
    crate::log_cases! { boxed; dyn rapport_engine::ports::log::EventLog }
}
