//! What is wrong with a file, as data: all of it at once, each with code, place, reason and the nearest right thing.

pub mod fix;
pub mod render;

use serde::Serialize;

use crate::source::Span;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing runs while it stands.
    Error,
    /// It runs, but somebody should look.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One thing that is wrong in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable code (`R0201`); its page is in [`crate::codes`].
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// The file it is about.
    pub path: String,
    /// The place in the file; none for what is missing as a whole.
    pub span: Option<Span>,
    /// What is wrong, lower case, without a full stop.
    pub message: String,
    /// What stands beside the caret: mostly "did you mean …".
    pub label: Option<String>,
    /// A sentence more: why it matters, what is possible.
    pub hint: Option<String>,
    /// What it can only mean, where it can mean one thing only: [`fix`] writes that.
    pub right: Option<Right>,
}

/// The one right form of what is written at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// The place, within or around that of the finding.
    pub span: Span,
    /// What stands there.
    pub written: String,
    /// What is to stand there.
    pub instead: String,
}

impl Finding {
    /// Sets what stands beside the caret.
    pub fn label(&mut self, label: impl Into<String>) -> &mut Finding {
        self.label = Some(label.into());
        self
    }

    /// Sets the sentence that follows the label.
    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Finding {
        self.hint = Some(hint.into());
        self
    }

    /// Says what is to stand at a place instead of what is written there, because it can mean nothing else. Never for what is merely near.
    pub fn right(&mut self, span: Span, written: &str, instead: impl Into<String>) -> &mut Finding {
        self.right = Some(Right { span, written: written.to_owned(), instead: instead.into() });
        self
    }

    /// "did you mean `near`?" as label if there is something near.
    pub fn did_you_mean(&mut self, near: Option<&str>) -> &mut Finding {
        if let Some(near) = near {
            self.label = Some(format!("did you mean `{near}`?"));
        }
        self
    }
}

/// All findings of one run over the files.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    all: Vec<Finding>,
    maps: Option<Vec<MapRead>>,
}

/// A map that was read, and the keys its reader knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapRead {
    /// The file.
    pub path: String,
    /// The map's place in it.
    pub span: Span,
    /// The keys known there, sorted.
    pub keys: Vec<String>,
}

impl Findings {
    /// None yet.
    pub fn new() -> Findings {
        Findings::default()
    }

    /// No findings, and every map read is noted with the keys its reader knows: what a description of the files is held
    /// against.
    pub fn watching() -> Findings {
        Findings { all: Vec::new(), maps: Some(Vec::new()) }
    }

    /// The maps read since [`Findings::watching`].
    pub fn maps_read(&self) -> &[MapRead] {
        self.maps.as_deref().unwrap_or_default()
    }

    pub(crate) fn note_map(&mut self, path: &str, span: Span, keys: &[&str]) {
        if let Some(maps) = &mut self.maps {
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            maps.push(MapRead { path: path.to_owned(), span, keys });
        }
    }

    /// Adds an error and gives it back for a label and a hint.
    pub fn error(
        &mut self,
        code: &'static str,
        path: &str,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.add(code, Severity::Error, path, span.into(), message.into())
    }

    /// Adds a warning and gives it back for a label and a hint.
    pub fn warning(
        &mut self,
        code: &'static str,
        path: &str,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.add(code, Severity::Warning, path, span.into(), message.into())
    }

    fn add(
        &mut self,
        code: &'static str,
        severity: Severity,
        path: &str,
        span: Option<Span>,
        message: String,
    ) -> &mut Finding {
        let finding =
            Finding { code, severity, path: path.to_owned(), span, message, label: None, hint: None, right: None };
        let at = self.all.len();
        self.all.push(finding);
        &mut self.all[at]
    }

    /// Adds a finding made elsewhere.
    pub fn push(&mut self, finding: Finding) {
        self.all.push(finding);
    }

    /// Adds all of another run.
    pub fn append(&mut self, other: Findings) {
        self.all.extend(other.all);
        if let (Some(maps), Some(others)) = (&mut self.maps, other.maps) {
            maps.extend(others);
        }
    }

    /// Whether anything stands in the way of running.
    pub fn has_errors(&self) -> bool {
        self.all.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// How many errors there are: compare before and after to know whether a part is sound.
    pub fn errors(&self) -> usize {
        self.all.iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// How many findings there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All findings by file, place and code, each said once.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        let mut sorted: Vec<&Finding> = self.all.iter().collect();
        sorted.sort_by(|a, b| {
            (&a.path, a.span, a.severity, a.code, &a.message).cmp(&(&b.path, b.span, b.severity, b.code, &b.message))
        });
        sorted.dedup();
        sorted.into_iter()
    }
}
