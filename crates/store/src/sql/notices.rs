//! What the processes of a replay on one PostgreSQL write reaches the bells of all of them: said in the writing transaction, heard once it is committed.
//!
//! Only a replay listens and only who listens says anything: live, nobody waits for another process's commit, and `NOTIFY` makes
//! commits wait for each other. A notice lost with its connection costs its hearers a little time; they look now and then anyway.

use std::time::Duration;

use rapport_engine::ports::bell::{Bell, Subjects};
use sqlx::PgPool;
use sqlx::postgres::{PgConnection, PgListener};
use tracing::debug;

const CHANNEL: &str = "rapport_written";
/// Between two tries to listen.
const AGAIN: Duration = Duration::from_millis(500);

/// Says what the transaction writes about, heard when it commits.
pub(crate) async fn say(connection: &mut PgConnection, about: Subjects) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(about.to_string()).execute(connection).await?;
    Ok(())
}

/// Rings the bell for what every process writes, this one included, until the pool is closed.
pub(crate) async fn hear(pool: PgPool, bell: Bell) {
    while !pool.is_closed() {
        if let Err(error) = hear_on_one_connection(&pool, &bell).await {
            debug!(%error, "listening again");
            tokio::select! { () = tokio::time::sleep(AGAIN) => {}, () = pool.close_event() => {} }
        }
    }
}

async fn hear_on_one_connection(pool: &PgPool, bell: &Bell) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // What was said before this connection listened is not heard again.
        bell.ring_for_all();
        while let Some(notice) = listener.try_recv().await? {
            bell.ring(Subjects::read(notice.payload()));
        }
    }
}
