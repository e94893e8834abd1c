//! Every trigger and step of the language, as its author would test it.

mod tried;

use rapport_rule::finding::render::human;
use rapport_trial::Runner;
use rapport_workflow::compile;

const HEAD: &str = "workflow: Tried\nowner: a@acme.example\nmail: { kind: marketing, topic: news, from: ines }\n";
const GIVEN: &str = "given: { clock: 2026-02-02T00:00 Europe/Oslo, partner: { id: ada, name: Ada Holm } }\ntests:\n";

/// Plays tests of a workflow that has the mails `hello` and `later`.
#[track_caller]
fn check(workflow: &str, tests: &str) {
    let sources = tried::sources(format!("{HEAD}{workflow}"), format!("{GIVEN}{tests}"));
    let (rulebook, findings) = compile(&sources);
    let shown: Vec<String> = findings.iter().map(|finding| human(finding, &sources)).collect();
    let mut rulebook = rulebook.unwrap_or_else(|| panic!("{}", shown.join("\n")));
    rulebook.trials.retain(|id, _| **id == *"tried");
    let report = Runner::default().run(&rulebook, None, 1);
    assert!(!report.verdicts.is_empty());
    for verdict in &report.verdicts {
        assert!(verdict.wrong.is_empty(), "{}\n    {}", verdict.name, verdict.wrong.join("\n    "));
    }
}

#[test]
fn who_enters_a_segment_is_written_to_until_a_journey_began() {
    check(
        "when: { entered: never_sold }\nonce: per partner\nsteps: [{ email: hello }]\n",
        "  - { name: after thirty days without a sale, until: day 40, expect: { mails: [{ hello: { day: 31 } }] } }\n  \
           - { name: who sold is not in it, events: [{ day: 5, conversion: {} }], until: day 40, expect: { mails: [] } }\n",
    );
}

#[test]
fn a_segment_that_lasts_is_looked_at_again_every_day() {
    check(
        "when: { entered: never_sold }\nunless: logins_7d > 0\nonce: per partner\nsteps: [{ email: hello }]\n",
        "  - { name: the login a week before blocks until it is over, events: [{ day: 28, login: {} }], until: day 45, \
           expect: { mails: [{ hello: { day: 36 } }] } }\n",
    );
}

#[test]
fn who_leaves_a_segment_is_written_to() {
    check(
        "when: { left: never_sold }\nonce: per partner\nsteps: [{ email: hello }]\n",
        "  - { name: the first sale leaves it, events: [{ day: 40, at: \"10:00\", conversion: {} }], until: day 45, \
           expect: { mails: [{ hello: { day: 40, at: \"10:00\" } }] } }\n",
    );
}

#[test]
fn a_date_is_waited_for_and_moves_with_the_field() {
    check(
        "when: { date: partner.contract_ends - 30 days }\nonce: per event\nsteps: [{ email: hello }]\n",
        "  - { name: thirty days before, partner: { contract_ends: day 50 }, until: day 60, expect: { mails: [{ hello: { day: 22 } }] } }\n  \
           - { name: prolonged in time, partner: { contract_ends: day 50 }, events: [{ day: 10, partner.updated: { contract_ends: day 71 } }], \
               until: day 60, expect: { mails: [{ hello: { day: 43 } }] } }\n",
    );
}

#[test]
fn a_date_that_moves_ends_what_began_on_the_old_one() {
    check(
        "when: { date: partner.contract_ends - 30 days }\nonce: per event\nsteps: [{ email: hello }, { wait: 10 days }, { email: later }]\n",
        "  - { name: another date is another round, partner: { contract_ends: day 50 }, events: [{ day: 25, partner.updated: { contract_ends: day 71 } }], \
               until: day 60, expect: { mails: [{ hello: { day: 22 } }, { hello: { day: 43 } }, { later: { day: 53 } }], exits: [trigger_revoked, completed] } }\n  \
           - { name: the same date told again is no other, partner: { contract_ends: day 50 }, events: [{ day: 25, partner.updated: { contract_ends: day 50 } }], \
               until: day 60, expect: { mails: [{ hello: { day: 22 } }, { later: { day: 32 } }], exits: [completed] } }\n  \
           - { name: a date for which it is too late to begin anew, partner: { contract_ends: day 50 }, events: [{ day: 25, partner.updated: { contract_ends: day 52 } }], \
               until: day 60, expect: { mails: [{ hello: { day: 22 } }, { later: { day: 32 } }], exits: [completed] } }\n  \
           - { name: sooner than it was, partner: { contract_ends: day 50 }, events: [{ day: 25, partner.updated: { contract_ends: day 45 } }], \
               until: day 60, expect: { mails: [{ hello: { day: 22 } }, { later: { day: 32 } }], exits: [completed] } }\n",
    );
    check(
        "when: { date: partner.contract_ends - 30 days }\nonce: per partner\nsteps: [{ email: hello }, { wait: 10 days }, { email: later }]\n",
        "  - { name: the one round there is goes on, partner: { contract_ends: day 50 }, events: [{ day: 25, partner.updated: { contract_ends: day 71 } }], \
               until: day 60, expect: { mails: [{ hello: { day: 22 } }, { later: { day: 32 } }], exits: [completed] } }\n",
    );
}

#[test]
fn a_schedule_comes_once_a_week_for_each_of_a_segment_across_the_change_of_the_clock() {
    check(
        "when: { at: \"0 10 * * TUE\", each: never_sold }\nonce: per event\nsteps: [{ email: hello }]\n",
        "  - { name: every Tuesday from the day on which it fits, until: day 64, \
           expect: { mails: [{ hello: { day: 37, at: \"10:00\" } }, { hello: { day: 44 } }, { hello: { day: 51 } }, { hello: { day: 58, at: \"10:00\" } }] } }\n",
    );
}

#[test]
fn a_broadcast_goes_once_per_issue_to_its_lane_within_its_time() {
    check(
        "send_to: lane == \"newsletter\"\nat: \"0 10 * * TUE\"\nover: 2 hours\nsteps: [{ email: issue }]\n",
        "  - { name: no issue twice, until: day 30, expect: { mails: [{ issue-2026-02-09: { day: 9, at: \"10:00..12:00\", subject: /2026-02-09/ } }, \
           { issue-2026-02-23: { day: 23, at: \"10:00..12:00\" } }], refused: nothing_new } }\n  \
           - { name: nobody gets in before the first, until: day 8, expect: { mails: [], refused: nothing_new } }\n",
    );
}

#[test]
fn a_broadcast_at_one_instant() {
    check(
        "send_to: conversions_total == 0\nat: 2026-02-12T09:00\nsteps: [{ email: hello }]\n",
        "  - { name: to those it is for, until: day 20, expect: { mails: [{ hello: { day: 11, at: \"09:00\" } }] } }\n  \
           - { name: to nobody else, events: [{ day: 3, conversion: {} }], until: day 20, expect: { mails: [] } }\n",
    );
}

#[test]
fn a_split_sends_a_partner_one_way_for_ever() {
    check(
        "when: login\nonce: per event\nsteps: [{ split: { short: { share: 50%, then: [{ email: hello }] }, long: { share: 50%, then: [{ email: later }] } } }]\n",
        "  - { name: ada goes one way, events: [{ day: 1, at: \"10:00\", login: {} }, { day: 3, at: \"10:00\", login: {} }], until: day 9, expect: { mails: [hello, hello] } }\n  \
           - { name: bob goes the other, partner: { id: bob }, events: [{ day: 1, at: \"10:00\", login: {} }], until: day 9, expect: { mails: [later] } }\n",
    );
}

#[test]
fn tags_are_given_and_taken_and_can_be_asked_for() {
    check(
        "when: login\nonce: per event\nsteps:\n  - if: '\"warm\" in partner.tags'\n    then: [{ remove_tag: warm }, { email: later }]\n    else: [{ add_tag: warm }, { email: hello }]\n",
        "  - { name: the second login finds the tag, partner: { tags: [new] }, events: [{ day: 1, at: \"10:00\", login: {} }, { day: 3, at: \"10:00\", login: {} }, { day: 8, at: \"10:00\", login: {} }], \
           until: day 15, expect: { mails: [hello, later, hello] } }\n",
    );
}

#[test]
fn a_tag_taken_in_the_same_instant_as_another_is_given_stays_away() {
    check(
        "when: login\nonce: per event\nsteps:\n  - if: '\"warm\" in partner.tags'\n    then: [{ add_tag: cold }, { remove_tag: warm }, { email: hello }]\n    else: [{ email: later }]\n",
        "  - { name: the second login finds it gone, partner: { tags: [warm] }, events: [{ day: 1, at: \"10:00\", login: {} }, { day: 3, at: \"10:00\", login: {} }], \
           until: day 9, expect: { mails: [hello, later] } }\n",
    );
}

#[test]
fn an_offer_without_a_mail() {
    check(
        "when: login\nonce: per event\nsteps: [{ grant: comeback-bonus }, { task: { to: ines, text: \"{{partner.name}} has the bonus\" } }]\n",
        "  - { name: once a year, events: [{ day: 1, login: {} }, { day: 2, login: {} }], until: day 9, expect: { tasks: { count: 2 }, exits: [completed, completed] } }\n",
    );
}

#[test]
fn a_question_to_a_person_decides_and_else_the_default() {
    check(
        "when: login\nonce: per partner\nsteps:\n  - task: { to: ines, ask: \"Help or let go?\", choices: [help, let_go], due: 5 weekdays, default: let_go }\n  - if: task.choice == \"help\"\n    then: [{ email: hello }]\n",
        "  - { name: answered, events: [{ day: 1, login: {} }, { day: 3, at: \"10:00\", task.done: { choice: help } }], until: day 15, expect: { mails: [{ hello: { day: 3 } }] } }\n  \
           - { name: not answered, events: [{ day: 1, login: {} }], until: day 15, expect: { mails: [] } }\n",
    );
}

#[test]
fn once_by_a_value_and_by_time() {
    check(
        "when: training.completed\nonce: per event.training\nsteps: [{ email: hello }]\n",
        "  - { name: each training once, events: [{ day: 1, training.completed: { training: a } }, { day: 3, training.completed: { training: a } }, { day: 4, training.completed: { training: b } }], \
           until: day 9, expect: { mails: [{ hello: { day: 1 } }, { hello: { day: 4 } }], refused: once_used } }\n",
    );
    check(
        "when: login\nonce: every 10 days\nsteps: [{ email: hello }]\n",
        "  - { name: again after ten days, events: [{ day: 1, login: {} }, { day: 10, login: {} }, { day: 11, login: {} }], until: day 15, \
           expect: { mails: [{ hello: { day: 1 } }, { hello: { day: 11 } }] } }\n",
    );
}

#[test]
fn programmes_statuses_since_and_holdout() {
    check(
        "when: login\nstatuses: [suspended]\nsince: 2026-02-05\nonce: per event\nsteps: [{ email: hello }]\n",
        "  - { name: only whom it is for and from then on, partner: { status: suspended }, events: [{ day: 1, login: {} }, { day: 4, login: {} }], until: day 9, expect: { mails: [{ hello: { day: 4 } }] } }\n  \
           - { name: nobody else, events: [{ day: 4, login: {} }], until: day 9, expect: { mails: [], refused: not_active } }\n",
    );
    check(
        "when: login\nholdout: 99%\nonce: per event\nsteps: [{ email: hello }]\n",
        "  - { name: held out, holdout: as_written, events: [{ day: 4, login: {} }], until: day 9, expect: { mails: [], exits: [held_out] } }\n  \
           - { name: written to, events: [{ day: 4, login: {} }], until: day 9, expect: { mails: [hello] } }\n",
    );
}

#[test]
fn who_objects_to_being_judged_starts_nothing_by_figures_and_is_never_held_out() {
    // Said before, nothing is raised; taken back before anything begins, it is as for anybody.
    check(
        "when: [dip.conversions, silence.conversions]\nonce: per event\nsteps: [{ wait: 2 days }, { email: hello }]\n",
        "  - { name: as for anybody, daily: { conversions: 5x70 0x40 }, expect: { signals: { includes: [dip.conversions] }, mails: [hello] } }\n  \
           - { name: said before, partner: { objects_to_profiling: true }, daily: { conversions: 5x70 0x40 }, expect: { signals: [], mails: [] } }\n  \
           - { name: taken back, partner: { objects_to_profiling: true }, daily: { conversions: 5x70 0x40 }, events: [{ day: 60, partner.updated: { objects_to_profiling: false } }], expect: { mails: [hello] } }\n",
    );
    check(
        "when: health.falling\nonce: per event\nsteps: [{ email: hello }]\n",
        "  - { name: it falls for anybody, daily: { conversions: 5x70 0x70 }, expect: { signals: { includes: [health.falling] } } }\n  \
           - { name: no health either, partner: { objects_to_profiling: true }, daily: { conversions: 5x70 0x70 }, expect: { signals: [], mails: [] } }\n",
    );
    // Said while a dip lasts: what it began ends.
    check(
        "when: dip.conversions\nonce: per event\nsteps: [{ wait: 2 days }, { email: hello }, { wait: 20 days }, { email: later }]\n",
        "  - { name: to its end, daily: { conversions: 5x70 0x40 }, expect: { mails: [hello, later] } }\n  \
           - { name: said in the middle, daily: { conversions: 5x70 0x40 }, events: [{ day: 85, partner.updated: { objects_to_profiling: true } }], \
               expect: { mails: [hello], exits: [trigger_revoked] } }\n",
    );
    check(
        "when: login\nholdout: 99%\nonce: per event\nsteps: [{ email: hello }]\n",
        "  - { name: not held out, holdout: as_written, partner: { objects_to_profiling: true }, events: [{ day: 4, login: {} }], until: day 9, expect: { mails: [hello] } }\n",
    );
    check(
        "when: login\nif: partner.health.score > 0\nonce: per event\nsteps: [{ email: hello }]\n",
        "  - { name: a score before, daily: { conversions: 5x70 }, events: [{ day: 69, login: {} }], until: day 75, expect: { mails: [hello] } }\n  \
           - { name: and none after, daily: { conversions: 5x70 }, events: [{ day: 68, partner.updated: { objects_to_profiling: true } }, { day: 69, login: {} }], until: day 75, expect: { mails: [] } }\n",
    );
}
