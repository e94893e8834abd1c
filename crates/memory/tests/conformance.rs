//! The ports in memory against the suite that the databases pass.

use std::sync::Arc;

use rapport_engine::ports::{log::EventLog, store::Store};

/// Memory needs no cleaning up.
struct Guard;

impl Guard {
    async fn finish(self) {}
}

mod store {
    async fn fresh() -> (super::Arc<dyn super::Store>, super::Guard) {
        (super::Arc::new(rapport_memory::store::MemoryStore::default()), super::Guard)
    }
    rapport_conformance::store_conformance!(super::fresh);
}

mod log {
    async fn fresh() -> (super::Arc<dyn super::EventLog>, super::Guard) {
        (super::Arc::new(rapport_memory::log::MemoryLog::new(2)), super::Guard)
    }
    rapport_conformance::log_conformance!(super::fresh);
}
