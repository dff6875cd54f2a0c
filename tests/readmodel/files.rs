//! Whose file is whose: stores that take turns or run at the same time in one folder, and what earlier builds left there.

use std::{path::PathBuf, sync::Arc};

use callout::{
    domain::Role,
    readmodel::{CallFilter, NoticeFilter, OpenError, ReadModel},
};
use uuid::Uuid;

use crate::fixture::{Home, IDENTITY, Life, Outcome, connect, cursor, feed, policies};

const OTHER: Uuid = Uuid::from_u128(2);

/// Feeds so many calls of a customer, whose stream is then trimmed for good.
async fn feed_calls(model: &ReadModel, customer: &str, count: i64) -> Outcome {
    for n in 0..count {
        feed(model, &Life::whole(&format!("call_{customer}_{n}"), customer, "kim", n).events).await?;
    }
    Ok(())
}

/// How many calls of which customers it shows.
async fn shown(model: &ReadModel) -> Result<Vec<(String, usize)>, Box<dyn std::error::Error>> {
    let calls = model.calls(CallFilter::default(), 200, None).await?.items;
    Ok(crate::fixture::counted(calls.iter().map(|call| call.customer_id.to_string())).into_iter().collect())
}

fn of(customer: &str, count: usize) -> Vec<(String, usize)> {
    vec![(customer.to_owned(), count)]
}

fn own_file(home: &Home, identity: Uuid) -> PathBuf {
    home.folder.path().join(format!("readmodel.db.{identity}"))
}

#[tokio::test]
async fn stores_that_take_turns_find_their_calls_again_each_time() -> Outcome {
    let home = Home::new();
    for turn in 0..3 {
        for (identity, customer, count) in [(IDENTITY, "mina", 5), (OTHER, "jun", 3)] {
            let model = home.open_for(identity).await;
            if turn == 0 {
                feed_calls(&model, customer, count).await?;
            }
            let count = usize::try_from(count)?;
            assert_eq!(shown(&model).await?, of(customer, count), "turn {turn}");
            assert_eq!(
                model.notifications(Role::Customer, &[customer], NoticeFilter::default(), 50, None).await?.items.len(),
                4 * count
            );
            assert_eq!(model.cursor().await?, cursor(&count.to_string()));
            model.close().await;
        }
    }
    Ok(())
}

#[tokio::test]
async fn servers_of_two_stores_in_one_folder_each_have_a_file_of_their_own() -> Outcome {
    let home = Home::new();
    let mina = home.open().await;
    let jun = home.open_for(OTHER).await;
    feed_calls(&mina, "mina", 2).await?;
    feed_calls(&jun, "jun", 3).await?;
    feed_calls(&mina, "mina", 4).await?;
    assert_eq!((shown(&mina).await?, shown(&jun).await?), (of("mina", 4), of("jun", 3)));
    Ok(())
}

#[tokio::test]
async fn stores_that_come_into_a_new_folder_at_once_each_have_a_file_of_their_own() -> Outcome {
    let home = Arc::new(Home::new());
    let opening = (1..=4).map(|n| {
        let settings = home.settings();
        tokio::spawn(async move { (n, ReadModel::open(settings, Uuid::from_u128(n), policies()).await) })
    });
    let mut models = Vec::new();
    for opened in opening.collect::<Vec<_>>() {
        let (n, model) = opened.await?;
        models.push((format!("customer-{n}"), model?));
    }
    for (customer, model) in &models {
        feed_calls(model, customer, 2).await?;
    }
    for (customer, model) in &models {
        assert_eq!(shown(model).await?, of(customer, 2));
    }
    Ok(())
}

#[tokio::test]
async fn a_process_that_takes_over_shares_the_file_with_the_one_that_still_ends() -> Outcome {
    for identity in [IDENTITY, OTHER] {
        let home = Home::new();
        home.open().await.close().await;
        let before = home.open_for(identity).await;
        feed_calls(&before, "mina", 2).await?;
        let after = home.open_for(identity).await;
        feed_calls(&before, "mina", 3).await?;
        before.close().await;
        feed_calls(&after, "mina", 4).await?;
        assert_eq!(shown(&after).await?, of("mina", 4));
    }
    Ok(())
}

#[tokio::test]
async fn a_file_that_an_earlier_build_set_aside_is_taken_back() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    feed_calls(&model, "mina", 5).await?;
    model.close().await;
    // What an earlier build did when another store came.
    std::fs::rename(home.settings().file(), own_file(&home, IDENTITY))?;
    let model = home.open_for(OTHER).await;
    feed_calls(&model, "jun", 3).await?;
    model.close().await;
    for (identity, shows) in [(IDENTITY, of("mina", 5)), (OTHER, of("jun", 3)), (IDENTITY, of("mina", 5))] {
        let model = home.open_for(identity).await;
        assert_eq!(shown(&model).await?, shows);
        model.close().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_file_that_was_set_aside_is_taken_back_also_when_nothing_came_in_its_place() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    feed_calls(&model, "mina", 5).await?;
    model.close().await;
    std::fs::rename(home.settings().file(), own_file(&home, IDENTITY))?;
    assert_eq!(shown(&*home.open().await).await?, of("mina", 5));
    assert!(!home.settings().file().exists(), "no second file is begun");
    Ok(())
}

#[tokio::test]
async fn a_file_that_names_no_store_belongs_to_the_first_that_comes() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    feed_calls(&model, "mina", 5).await?;
    model.close().await;
    let mut sql = connect(&home).await?;
    sqlx::raw_sql("DELETE FROM source").execute(&mut sql).await?;
    sqlx::Connection::close(sql).await?;
    let model = home.open_for(OTHER).await;
    assert_eq!(shown(&model).await?, of("mina", 5));
    assert_eq!(model.cursor().await?, cursor(""));
    assert!(shown(&*home.open().await).await?.is_empty(), "it has an owner now");
    Ok(())
}

#[tokio::test]
async fn a_file_named_for_this_store_that_is_anothers_is_refused_and_left_alone() -> Outcome {
    let home = Home::new();
    let model = home.open().await;
    feed_calls(&model, "mina", 5).await?;
    model.close().await;
    std::fs::copy(home.settings().file(), own_file(&home, OTHER))?;
    let refused = ReadModel::open(home.settings(), OTHER, policies()).await;
    let Err(error) = refused else { return Err("it was opened".into()) };
    assert!(error.to_string().contains(&format!("belongs to the store {IDENTITY}, not to {OTHER}")), "{error}");
    assert_eq!(shown(&*home.open().await).await?, of("mina", 5));
    Ok(())
}

#[tokio::test]
async fn a_damaged_file_says_what_to_do() -> Outcome {
    let home = Home::new();
    home.open().await.close().await;
    let file = home.folder.path().join("readmodel.db");
    let whole = std::fs::read(&file)?;
    let mut torn = whole.clone();
    torn.iter_mut().skip(100).take(2_000).for_each(|byte| *byte = 0x5a);
    for damaged in [vec![0x5a; 20_000], torn] {
        std::fs::write(&file, damaged)?;
        let opened = ReadModel::open(home.settings(), IDENTITY, policies()).await;
        let Err(error) = opened else { return Err("a damaged file was opened".into()) };
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("move the three away"), "{error}");
    }
    std::fs::write(&file, whole)?;
    home.open().await.close().await;
    Ok(())
}
