//! Every reason for which nothing began, or a journey ended, is in docs/workflow-language.md: authors name them in tests.

use std::collections::BTreeSet;

use rapport_journey::{ExitReason, RefusalCode};

const PAGE: &str = include_str!("../../../docs/workflow-language.md");

#[track_caller]
fn check(code: &str, about: &str) {
    let row = format!("| `{code}` | {about} |");
    assert!(PAGE.lines().any(|line| line == row), "docs/workflow-language.md has no row {row}");
}

#[test]
fn why_nothing_began() {
    for code in RefusalCode::ALL {
        check(code.code(), code.about());
    }
    let codes: BTreeSet<&str> = RefusalCode::ALL.iter().map(|code| code.code()).collect();
    assert_eq!(codes.len(), RefusalCode::ALL.len());
}

#[test]
fn how_a_journey_ended() {
    let ends = [
        ExitReason::Completed,
        ExitReason::StopWhen("".into()),
        ExitReason::TriggerRevoked,
        ExitReason::NotActive,
        ExitReason::Replied,
        ExitReason::OptedOut,
        ExitReason::Suppressed,
        ExitReason::Erased,
        ExitReason::HeldOut,
        ExitReason::NoPlace,
        ExitReason::Stopped("".into()),
        ExitReason::WorkflowGone,
    ];
    for reason in ends {
        check(reason.code(), reason.about());
    }
}
