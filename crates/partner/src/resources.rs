//! Which resources a partner was given, has used or completed: what need not be shown to them as new any more.

use jiff::Timestamp;
use rapport_event::{ActivityData, Kind};

use crate::state::PartnerState;

/// The kind that a programme declares for what it hands out.
pub const RESOURCE_GIVEN: &str = "resource.given";
/// The field of it that names the resource.
const GIVEN: &str = "resource";

/// The mark that holds them, each as the instant it was last told of (epoch milliseconds) and the hash of its name, eight bytes each,
/// little-endian, the oldest first. Names are the trackers': a hash has one size, and two of some hundred never meet.
const MARK: &str = "resources";
/// Resources are declared in config; a tracker that tells of more names than these must not grow the state. The oldest are forgotten.
const RESOURCES_MAX: usize = 128;

/// The resource an event tells of: completed, used or given.
pub(crate) fn named<'e>(kind: &Kind, data: &'e ActivityData) -> Option<&'e str> {
    match data {
        ActivityData::Training(data) => Some(&*data.training),
        ActivityData::Resource(data) => Some(&*data.resource),
        ActivityData::Custom(data) if matches!(kind, Kind::Custom(name) if **name == *RESOURCE_GIVEN) => {
            data.get(GIVEN)?.as_str()
        }
        _ => None,
    }
}

fn hash(name: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(name.as_bytes())
}

impl PartnerState {
    /// Whether the partner was given this resource, has used or completed it.
    pub fn had_resource(&self, name: &str) -> bool {
        let wanted = hash(name);
        self.resources().any(|(_, known)| known == wanted)
    }

    /// Each with when it was last told of.
    fn resources(&self) -> impl Iterator<Item = (i64, u64)> {
        let entries = self.mark(MARK).unwrap_or_default().as_chunks::<16>().0;
        entries.iter().filter_map(|entry| {
            let (at, name) = entry.split_first_chunk::<8>()?;
            Some((i64::from_le_bytes(*at), u64::from_le_bytes(*name.first_chunk::<8>()?)))
        })
    }

    /// The newest stay, in whatever order they are told.
    pub(crate) fn note_resource(&mut self, name: &str, at: Timestamp) {
        let told = (at.as_millisecond(), hash(name));
        let before = self.resources().find(|(_, known)| *known == told.1);
        if before.is_some_and(|known| known >= told) {
            return;
        }
        let mut all: Vec<(i64, u64)> = self.resources().filter(|(_, known)| *known != told.1).chain([told]).collect();
        all.sort_unstable();
        let too_many = all.len().saturating_sub(RESOURCES_MAX);
        let kept = all.into_iter().skip(too_many);
        self.set_mark(MARK, kept.flat_map(|(at, name)| [at.to_le_bytes(), name.to_le_bytes()].concat()).collect());
    }

    pub(crate) fn forget_resources(&mut self) {
        self.set_mark(MARK, Vec::new());
    }
}
