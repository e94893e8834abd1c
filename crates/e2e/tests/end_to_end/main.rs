//! The services as processes, with a real broker, database and mail server. One program, so that its plays run side by side:
//! most of each is one process waiting for another. They begin in the order of their names, the longest first.

mod all_purchases;
mod cut;
mod disturbed;
mod erased;
mod live;
mod poison;
