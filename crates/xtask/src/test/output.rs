//! The output of several test programs at once: line by line, and what belongs together in one piece.

use std::io::{BufRead, BufReader, Write};
use std::process::Child;
use std::sync::{Mutex, PoisonError};

use crate::summary::Summary;

/// Prints for several readers.
#[derive(Default)]
pub struct Printer {
    turn: Mutex<()>,
}

impl Printer {
    /// Passes the lines of a child's output through as they come, and counts. What a program tells of its failures, up to its
    /// closing line, is printed together.
    pub fn relay(&self, child: &mut Child, summary: &Mutex<Summary>) {
        let Some(stdout) = child.stdout.take() else { return };
        let mut lines = BufReader::new(stdout);
        let (mut line, mut kept, mut keeps) = (Vec::new(), Vec::new(), false);
        // Bytes, not text: a test may print what is no UTF-8.
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line);
            summary.lock().unwrap_or_else(PoisonError::into_inner).read(&text);
            keeps |= text.trim_end() == "failures:";
            keeps &= !text.starts_with("test result: ");
            kept.append(&mut line);
            if !keeps {
                self.print(&mut kept);
            }
        }
        self.print(&mut kept);
    }

    /// Prints a text in one piece.
    pub fn say(&self, text: &str) {
        self.print(&mut text.as_bytes().to_vec());
    }

    fn print(&self, kept: &mut Vec<u8>) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = std::io::stdout().lock();
        // Whoever reads may have gone away: the run goes on.
        let _ = out.write_all(kept).and_then(|()| out.flush());
        kept.clear();
    }
}
