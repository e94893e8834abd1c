//! What the files in force say of events that come in: which kinds and programmes are declared, how far back is read.

use jiff::Timestamp;
use rapport_event::{CustomKinds, Decoded, Headers, Limits, RejectCode, Rejection, decode_with};
use rapport_rule::suggest::nearest;
use rapport_workflow::Rulebook;

/// Judges events of strangers, from wherever they come. Before anything is applied every programme is taken: what is not
/// declared by the time the event is folded is refused then.
pub struct Intake<'a> {
    rules: Option<&'a Rulebook>,
    none: CustomKinds,
    limits: Limits,
}

impl<'a> Intake<'a> {
    /// By these files; in a replay events are of any age.
    #[must_use]
    pub fn of(rules: Option<&'a Rulebook>, replays: bool) -> Self {
        let limits = match rules {
            _ if replays => Limits::replay(),
            Some(rules) => Limits::keeping(rules.config.history_days),
            None => Limits::default(),
        };
        Self { rules, none: CustomKinds::none(), limits }
    }

    /// The event in these bytes, or why there is none.
    ///
    /// # Errors
    /// The rejection, for the tracker.
    pub fn read(&self, bytes: &[u8], headers: &Headers<'_>, now: Timestamp) -> Result<Decoded, Rejection> {
        let custom = self.rules.map_or(&self.none, |rules| &rules.custom_kinds);
        let decoded = decode_with(&self.limits, bytes, headers, custom, now)?;
        let Some(rules) = self.rules else { return Ok(decoded) };
        let (config, program) = (&rules.config, decoded.event.key.program.as_str());
        if config.program(program).is_some() {
            return Ok(decoded);
        }
        let near = nearest(program, config.programs.keys().map(|id| &**id));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let detail = format!("`program`: `{program}` is not declared in config/rapport.yaml{near}");
        Err(Rejection::new(RejectCode::UnknownProgram, detail))
    }
}
