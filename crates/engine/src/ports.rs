//! What the engine asks of the world. Each port has a real implementation at the edge and one in memory for the simulator.

pub mod bell;
pub mod caller;
pub mod clock;
pub mod copies;
pub mod keep;
pub mod leave;
pub mod log;
pub mod operating;
pub mod rows;
pub mod store;
pub mod transport;
pub mod written;
