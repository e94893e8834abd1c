//! Adds up the closing lines of `cargo test`: one per test binary.

/// What a whole run came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests marked to be left out; this project has none, so any is a failure of the run.
    pub ignored: u64,
    /// What said that it was not run, and for want of what.
    pub not_run: Vec<String>,
}

impl Summary {
    /// Takes one line of output; counts it if it is a closing line, and keeps it if it says `not run`.
    pub fn read(&mut self, line: &str) {
        if let Some(what) = line.trim().strip_prefix("not run: ") {
            self.not_run.push(what.to_owned());
        }
        let Some(rest) = line.trim().strip_prefix("test result: ") else { return };
        for part in rest.split([';', '.']) {
            let mut words = part.split_whitespace();
            if let (Some(Ok(count)), Some(word)) = (words.next().map(str::parse::<u64>), words.next()) {
                match word {
                    "passed" => self.passed += count,
                    "failed" => self.failed += count,
                    "ignored" => self.ignored += count,
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn closing_lines_are_added_up_and_others_are_not() {
        let mut summary = Summary::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.00s",
            "test result: FAILED. 5 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.20s",
            "test 7 passed ... ok",
            "not run: published parameters, for want of data",
        ] {
            summary.read(line);
        }
        assert_eq!(
            summary,
            Summary {
                passed: 8,
                failed: 2,
                ignored: 1,
                not_run: vec!["published parameters, for want of data".into()],
            }
        );
    }
}
