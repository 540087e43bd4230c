//! Models that were asked for and could not be served: counted by day, within a bound, and forgotten in time.

use shared::job::JobKind;
use store::Store;
use store::change::CountUnserved;

use super::database::on_both;

fn asked(day: u64, model: &str) -> CountUnserved {
    CountUnserved { day, kind: JobKind::Text, model: model.to_owned(), models_max: 3, forget_before_day: 0 }
}

async fn listed(store: &Store, first_day: u64) -> Vec<(String, u64, u64)> {
    let rows = store.list_unserved_models(first_day, 10).await.unwrap();
    rows.into_iter().map(|row| (row.model, row.asked, row.last_day)).collect()
}

#[tokio::test]
async fn what_most_ask_for_stands_first_over_all_days() {
    on_both(async |database| {
        let store = database.open().await;
        for (day, model) in [(7, "b"), (7, "a"), (8, "b"), (8, "c"), (9, "b"), (9, "c")] {
            store.write(asked(day, model)).await.unwrap();
        }
        let row = |model: &str, asked, last_day| (model.to_owned(), asked, last_day);
        assert_eq!(listed(&store, 0).await, [row("b", 3, 9), row("c", 2, 9), row("a", 1, 7)]);
        assert_eq!(listed(&store, 9).await, [row("b", 1, 9), row("c", 1, 9)]);
        assert_eq!(store.list_unserved_models(0, 1).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_full_day_keeps_what_several_asked_for() {
    on_both(async |database| {
        let store = database.open().await;
        for model in ["wanted", "wanted", "a", "b", "c"] {
            store.write(asked(7, model)).await.unwrap();
        }
        let models: Vec<String> = listed(&store, 0).await.into_iter().map(|(model, ..)| model).collect();
        assert_eq!(models, ["wanted", "b", "c"], "one that a single asker named made room");
        for model in ["b", "c", "late"] {
            store.write(asked(7, model)).await.unwrap();
        }
        assert_eq!(listed(&store, 0).await.len(), 3);
        assert!(listed(&store, 0).await.iter().all(|(model, ..)| model != "late"), "nobody makes room any more");
        store.write(asked(8, "late")).await.unwrap();
        assert_eq!(listed(&store, 8).await.len(), 1, "each day has room of its own");
    })
    .await;
}

#[tokio::test]
async fn old_days_are_forgotten() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(asked(7, "a")).await.unwrap();
        store.write(CountUnserved { forget_before_day: 8, ..asked(9, "b") }).await.unwrap();
        assert_eq!(listed(&store, 0).await, [("b".to_owned(), 1, 9)]);
    })
    .await;
}
