//! Files that people write: how they are read, judged and complained about.
pub mod money;
pub mod suggest;
