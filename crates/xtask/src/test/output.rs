//! The output of several test programs at once: line by line, and what belongs together in one piece.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use crate::summary::Summary;

/// Prints for several readers.
#[derive(Default)]
pub struct Printer {
    turn: Mutex<()>,
}

/// The output of one program.
pub struct Relay<'a> {
    printer: &'a Printer,
    summary: &'a Mutex<Summary>,
    kept: Vec<u8>,
    keeps: bool,
    /// Whether the program has said what its tests came to.
    pub is_closed: bool,
}

impl Printer {
    /// A reader for the output of one program.
    pub fn relay<'a>(&'a self, summary: &'a Mutex<Summary>) -> Relay<'a> {
        Relay { printer: self, summary, kept: Vec::new(), keeps: false, is_closed: false }
    }

    /// Prints a text in one piece.
    pub fn say(&self, text: &[u8]) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = std::io::stdout().lock();
        // Whoever reads may have gone away: the run goes on.
        let _ = out.write_all(text).and_then(|()| out.flush());
    }
}

impl Relay<'_> {
    /// Passes a line on, and counts. What a program tells of its failures, up to its closing line, is printed together. Bytes, not
    /// text: a test may print what is no UTF-8.
    pub fn take(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        self.summary.lock().unwrap_or_else(PoisonError::into_inner).read(&text);
        let closes = text.starts_with("test result: ");
        self.is_closed |= closes || text.trim_start().starts_with("not run: ");
        self.keeps |= text.trim_end() == "failures:";
        self.keeps &= !closes;
        self.kept.extend_from_slice(line);
        if !self.keeps {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.printer.say(&self.kept);
        self.kept.clear();
    }
}

impl Drop for Relay<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::Printer;
    use crate::summary::Summary;

    #[test]
    fn a_program_that_leaves_in_the_middle_is_known() {
        let (printer, summary) = (Printer::default(), Mutex::new(Summary::default()));
        let mut relay = printer.relay(&summary);
        relay.take(b"test a ... ok\n");
        assert!(!relay.is_closed);
        relay.take(b"test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n");
        assert!(relay.is_closed);
        assert_eq!(summary.lock().unwrap().passed, 1);
    }
}
