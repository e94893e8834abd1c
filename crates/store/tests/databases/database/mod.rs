//! A database of PostgreSQL for one test.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// The server the tests run on.
fn server() -> String {
    std::env::var("RAPPORT_TEST_POSTGRES")
        .expect("RAPPORT_TEST_POSTGRES names no PostgreSQL server: run `cargo xtask test`, which starts one")
}

/// Runs a command of the test on a server or a database.
pub async fn on(url: &str, command: &str) {
    let mut connection = PgConnection::connect(url).await.expect("the server of RAPPORT_TEST_POSTGRES");
    sqlx::raw_sql(AssertSqlSafe(command.to_owned())).execute(&mut connection).await.expect("a command of the test");
}

/// A new database; its address.
pub async fn database(name: &str) -> String {
    let (server, name) = (server(), format!("{name}_{}", std::process::id()));
    on(&server, &format!("CREATE DATABASE {name}")).await;
    let (stem, _) = server.rsplit_once('/').expect("the address ends in a database");
    format!("{stem}/{name}")
}

/// Removes it, whoever is connected.
pub async fn drop_database(url: &str) {
    let (_, name) = url.rsplit_once('/').expect("the address ends in a database");
    on(&server(), &format!("DROP DATABASE {name} WITH (FORCE)")).await;
}
