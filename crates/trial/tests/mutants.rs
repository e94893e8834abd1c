//! Of the small changes that can be made to the shipped workflows, their tests notice almost all.

use rapport_trial::Runner;
use rapport_trial::mutants::survivors;
use rapport_workflow::compile;

#[test]
fn the_shipped_tests_notice_changes_of_the_shipped_workflows() {
    let sources = rapport_shipped::sources();
    let rulebook = compile(&sources).0.unwrap();
    let runner = Runner::default();
    let (mut all, mut left) = (0, Vec::new());
    for id in rulebook.trials.keys() {
        let (count, survivors) = survivors(&sources, &rulebook, id, &runner, 2);
        all += count;
        left.extend(survivors.into_iter().map(|what| format!("{id}: {what}")));
    }
    println!("{} of {all} noticed; not noticed:\n  {}", all - left.len(), left.join("\n  "));
    // Those left are equal for any partner a test can have, or wait for figures that are someone else's.
    assert!(left.len() * 20 <= all, "{} of {all} changes go unnoticed:\n  {}", left.len(), left.join("\n  "));
}
