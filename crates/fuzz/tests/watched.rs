//! What goes wrong while a target is fed is written down. A program of its own: it takes panics out of everybody's sight.
#![allow(clippy::disallowed_methods, reason = "what the driver wrote is read")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rapport_fuzz::target::Target;
use rapport_fuzz::watch::{Plan, feed, remember_panics};

static GOES_ON: AtomicBool = AtomicBool::new(true);
static ODD: Target = Target { name: "odd", about: "", seeds, feed: odd, tries: 0 };

fn seeds() -> Vec<Vec<u8>> {
    vec![b"panic".to_vec(), b"panic again".to_vec(), b"hang".to_vec()]
}

fn odd(input: &[u8]) -> String {
    assert!(!input.starts_with(b"panic"), "it was fed a panic");
    while GOES_ON.load(Ordering::Relaxed) {
        std::thread::yield_now();
    }
    "ok".to_owned()
}

#[test]
fn an_input_that_panics_and_one_that_does_not_come_back_are_written_down() {
    let folder = tempfile::tempdir().unwrap();
    remember_panics();
    let plan = Plan { length: Duration::from_secs(600), patience: Duration::from_millis(500), seed: 1 };
    let fed = feed(&ODD, plan, folder.path()).unwrap();
    GOES_ON.store(false, Ordering::Relaxed);
    assert!(fed.hangs);
    // Of two panics at one place the first is kept.
    assert_eq!((fed.inputs, fed.findings.len()), (2, 2), "{fed:?}");
    let mut inputs: Vec<Vec<u8>> = fed.findings.values().map(|file| std::fs::read(file).unwrap()).collect();
    inputs.sort();
    assert_eq!(inputs, [b"hang".to_vec(), b"panic".to_vec()]);
    assert!(fed.findings.keys().any(|what| what.ends_with("it was fed a panic")), "{fed:?}");
}
