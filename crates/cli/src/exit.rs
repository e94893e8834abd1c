//! How a command ends: a number for scripts, and for people what went wrong, where, and what helps.

use std::fmt;

/// All went well.
pub const OK: u8 = 0;
/// Something could not be done.
pub const FAILURE: u8 = 1;
/// What was given cannot be used; nothing was changed.
pub const BAD_INPUT: u8 = 2;
/// Differences were found.
pub const DIFFERENCES: u8 = 3;

/// Why a command ended badly.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What went wrong, lower case, without a full stop.
    pub message: String,
    /// What helps.
    pub remedy: Option<String>,
    /// Whether it may be over soon without anybody's doing: a neighbour does not answer.
    pub passing: bool,
}

impl Failure {
    /// Something could not be done.
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: FAILURE, message: message.into(), remedy: None, passing: false }
    }

    /// What was given cannot be used.
    pub fn input(message: impl Into<String>) -> Self {
        Self { code: BAD_INPUT, message: message.into(), remedy: None, passing: false }
    }

    /// With what helps.
    #[must_use]
    pub fn help(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// That may be over soon.
    #[must_use]
    pub fn passing(self) -> Self {
        Self { passing: true, ..self }
    }

    /// That stays until somebody changes something.
    #[must_use]
    pub fn lasting(self) -> Self {
        Self { passing: false, ..self }
    }

    /// Nothing more to say: what is wrong has been printed.
    pub fn said(code: u8) -> Self {
        Self { code, message: String::new(), remedy: None, passing: false }
    }

    /// Prints to stderr.
    pub fn print(&self) {
        if !self.message.is_empty() {
            crate::printed::aside(self.to_string());
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        if let Some(remedy) = self.remedy.as_ref().filter(|remedy| !remedy.is_empty()) {
            write!(f, "\n  help: {remedy}")?;
        }
        Ok(())
    }
}

/// Turns an error into a failure that says what was being done.
pub trait Doing<T> {
    /// `what` is a gerund: "reading the shards".
    fn doing(self, what: &str) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, what: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("{what}: {error}")))
    }
}
