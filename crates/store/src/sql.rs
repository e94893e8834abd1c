//! One way to run one SQL text on two databases.
//!
//! A statement stands in a file under `queries/`. Where both databases understand the same text there is one file; where they do
//! not (`SKIP LOCKED`, JSON operators) there are two, `.pg.sql` and `.lite.sql`. A file whose comments hold a line
//! `-- rows: name type, …` takes a batch: its text reads from a table `input`, which is `UNNEST` of one array per column in
//! PostgreSQL and a `VALUES` list in SQLite. `@now` is the database server's time in epoch milliseconds.

mod cell;
mod notices;
#[cfg(test)]
mod plans;
pub(crate) mod queries;
mod row;
mod session;
mod statement;

pub(crate) use cell::{Cell, Rows, cells};
pub(crate) use notices::hear;
pub(crate) use row::{Row, instant};
pub(crate) use session::{On, Session, refusal};
