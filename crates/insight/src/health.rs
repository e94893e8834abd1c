//! Health: one score from 0 to 100 with its reasons, by a declared model.
//!
//! Five groups by default, the drivers of lasting partnerships: satisfaction, value, trust, commitment, mutual goals. Each
//! input is turned into points by anchors, points are weighted within a group, groups within the score. What is missing
//! hands its weight on and is named. Contributions are kept, so that a change can be told: "−14 since Monday: conversions −9,
//! replies −5". A band changes when the score has stood beyond its edge for some days, or at once when it is far beyond.

mod facts;
mod kept;
mod model;
mod score;
mod told;
mod trail;

pub use facts::{BASE_DAYS, Course, Facts, INPUTS, InputKind, Inputs, NOW_DAYS};
pub use kept::Kept;
pub use model::{BandSpec, GroupSpec, HealthModel, InputSpec, InvalidModel, ModelSpec};
pub use score::{BandChange, Contribution, Health};
pub use told::{Reason, reasons, sentence, sentence_since};
pub use trail::{Fall, Pending, Sample, Trail};
