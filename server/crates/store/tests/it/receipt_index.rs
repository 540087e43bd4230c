//! Every filter of the list of receipts is answered by an index, however many receipts there are.

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use store::DatabaseUrl;

use super::database::on_both;

/// A column that the list filters by, a value, and the index that finds its rows.
const FILTERS: [(&str, &str, &str); 4] = [
    ("provider", "'0x02'", "receipt_by_provider"),
    ("client", "'0x01'", "receipt_by_client"),
    ("block_number", "7", "receipt_by_block"),
    ("transaction_hash", "'0x07'", "receipt_by_transaction"),
];

async fn connect(url: &DatabaseUrl) -> DatabaseConnection {
    let url = match url {
        DatabaseUrl::SqliteFile(path) => format!("sqlite:{}", path.display()),
        DatabaseUrl::Postgres(url) => url.clone(),
    };
    Database::connect(url).await.unwrap()
}

/// How the database would find the newest receipts with this value, in its own words.
async fn plan(connection: &DatabaseConnection, column: &str, value: &str) -> String {
    let backend = connection.get_database_backend();
    let transaction = connection.begin().await.unwrap();
    let explain = match backend {
        DbBackend::Sqlite => "EXPLAIN QUERY PLAN",
        // The tables of the test are empty, so that PostgreSQL would read them whole if it were free to.
        _ => {
            transaction.execute_unprepared("SET LOCAL enable_seqscan = off").await.unwrap();
            "EXPLAIN"
        }
    };
    let select = format!("SELECT * FROM job_receipt WHERE {column} = {value} ORDER BY seq DESC LIMIT 20");
    let statement = Statement::from_string(backend, format!("{explain} {select}"));
    let rows = transaction.query_all_raw(statement).await.unwrap();
    let name = if backend == DbBackend::Sqlite { "detail" } else { "QUERY PLAN" };
    let lines: Vec<String> = rows.iter().map(|row| row.try_get("", name).unwrap()).collect();
    lines.join("\n")
}

#[tokio::test]
async fn every_filter_of_receipts_has_an_index() {
    on_both(async |database| {
        database.open().await;
        let connection = connect(&database.url).await;
        for (column, value, index) in FILTERS {
            let plan = plan(&connection, column, value).await;
            assert!(plan.contains(index), "{column}: {plan}");
            assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort"), "{column} is sorted by hand: {plan}");
        }
        connection.close().await.unwrap();
    })
    .await;
}
