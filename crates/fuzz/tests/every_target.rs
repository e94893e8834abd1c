//! Every parser, fed the same damaged inputs each time: an answer to each, and a reason where it is a refusal. What must hold besides
//! is asserted in the targets. `cargo xtask fuzz` goes on where this ends.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use rapport_fuzz::corpus::Corpus;
use rapport_fuzz::target::{ALL, find};

fn check(name: &str) {
    let target = find(name).unwrap_or_else(|| panic!("no target `{name}`"));
    let answer = |input: &[u8]| {
        let answer = catch_unwind(AssertUnwindSafe(|| (target.feed)(input)));
        let answer = answer.unwrap_or_else(|panic| {
            eprintln!("{name} was fed {:?}", String::from_utf8_lossy(input));
            resume_unwind(panic)
        });
        assert!(!answer.is_empty(), "{name} says nothing about {:?}", String::from_utf8_lossy(input));
        answer
    };
    let (mut understood, mut refused) = (0, 0);
    let mut count = |answer: &str| if answer.starts_with("ok") { understood += 1 } else { refused += 1 };
    let mut corpus = Corpus::new(target, 7);
    for input in (target.seeds)().into_iter().take(target.tries) {
        let told = answer(&input);
        assert_eq!(told, answer(&input), "the same input has the same answer");
        count(&told);
        corpus.learn(input, told);
    }
    for _ in 0..target.tries {
        let input = corpus.next_input();
        let told = answer(&input);
        count(&told);
        corpus.learn(input, told);
    }
    assert!(understood > 0 && refused > 0, "{name}: {understood} understood, {refused} refused");
    assert!(corpus.answers() > 2, "{name} always says the same");
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                check(stringify!($name));
            }
        )*

        #[test]
        fn none_is_left_out() {
            let tested = BTreeSet::from([$(stringify!($name)),*]);
            assert_eq!(tested, ALL.iter().map(|target| target.name).collect::<BTreeSet<_>>());
        }
    };
}

targets! { event record headers mail webhook yaml expression mail_file project words feed relay }
