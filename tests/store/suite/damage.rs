//! What cannot be read is set aside: everybody else is there, and the stream goes on behind it.

use std::error::Error;

use callout::actors::ports::store::{Commit, EventCursor, Shard, StoreError, Unreadable};
use redis::{Pipeline, aio::MultiplexedConnection, pipe};
use sqlx::{Connection, SqliteConnection};

use crate::harness::{Case, Fixture, TestResult, assert_each_once_in_order, at, case, ids_in, next};

pub fn cases() -> Vec<Case> {
    vec![
        case(a_snapshot_that_cannot_be_read_hides_no_other),
        case(a_snapshot_that_is_no_text_hides_no_other),
        case(a_page_of_nothing_but_unreadable_snapshots_leads_on),
        case(an_event_that_cannot_be_read_is_passed_by),
        case(a_damaged_entity_is_refused_and_the_rest_of_its_group_written),
    ]
}

/// Somebody with a tool of the store's own.
enum Tool {
    Sqlite(SqliteConnection),
    Redis(MultiplexedConnection),
}

impl Tool {
    async fn of(fixture: &Fixture) -> Result<Self, Box<dyn Error>> {
        Ok(match fixture.url.strip_prefix("sqlite://") {
            Some(path) => Self::Sqlite(SqliteConnection::connect(path).await?),
            None => {
                let client = redis::Client::open(fixture.url.as_str())?;
                Self::Redis(client.get_multiplexed_async_connection().await?)
            }
        })
    }

    async fn run(&mut self, sql: &'static str, id: &str, redis: &Pipeline) -> TestResult {
        match self {
            Self::Sqlite(file) => {
                let changed = sqlx::query(sql).bind(id).execute(file).await?.rows_affected();
                assert_eq!(changed, 1, "{sql}");
            }
            Self::Redis(server) => redis.exec_async(server).await?,
        }
        Ok(())
    }

    /// Writes over what is stored of a call.
    async fn spoil(&mut self, id: &str) -> TestResult {
        let set = pipe().cmd("SET").arg(key(id, &format!("call/{id}"))).arg("oops").to_owned();
        self.run("UPDATE snapshots SET version = -1 WHERE id = ?1", id, &set).await
    }

    /// Writes bytes over it that are no text.
    async fn garble(&mut self, id: &str) -> TestResult {
        let set = pipe().cmd("SET").arg(key(id, &format!("call/{id}"))).arg(b"\xff\xfe").to_owned();
        self.run("UPDATE snapshots SET body = CAST(x'fffe' AS TEXT) WHERE id = ?1", id, &set).await
    }

    /// Adds an event that no program of ours wrote.
    async fn add_nonsense(&mut self, id: &str) -> TestResult {
        let add = pipe().cmd("XADD").arg(key(id, "events")).arg("*").arg(b"\xff").arg("nonsense").to_owned();
        self.run("INSERT INTO events (kind, id, seq, at, body) VALUES ('call', ?1, -7, 0, 'nonsense')", id, &add).await
    }
}

fn key(id: &str, name: &str) -> String {
    format!("callout:{{{:03}}}:{name}", Shard::of(id).index())
}

/// Five calls of one shard that are live and due.
async fn five(fixture: &Fixture) -> Result<(crate::harness::Owner, Vec<String>), Box<dyn Error>> {
    let owner = fixture.own().await?;
    let mut ids = ids_in(Shard::of("call_0"), 5);
    ids.sort();
    for id in &ids {
        owner.put(&Commit { due_at: Some(at(1)), ..owner.first(id) }).await?;
    }
    Ok((owner, ids))
}

/// The others are there whatever the page; what cannot be read is named once.
async fn only_the_third_is_missing(fixture: &Fixture, owner: &crate::harness::Owner, ids: &[String]) -> TestResult {
    let others: Vec<_> = ids.iter().enumerate().filter(|(nth, _)| *nth != 2).map(|(_, id)| id.clone()).collect();
    for limit in [1, 2, 3, 5, 100] {
        let (mut found, mut unreadable, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let page = owner.store.live(Shard::of("call_0"), after, limit).await?;
            found.extend(page.items.iter().map(|stored| stored.entity.id.to_string()));
            unreadable.extend(page.unreadable);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, others, "in pages of {limit}");
        let [Unreadable { entity: Some(entity), reason }] = unreadable.as_slice() else {
            panic!("in pages of {limit}: {unreadable:?}");
        };
        assert_eq!(*entity.id, *ids[2], "{reason}");
    }
    let mut due: Vec<_> = owner.store.due(Shard::of("call_0"), at(1), 100).await?;
    due.sort_by(|one, other| one.entity.cmp(&other.entity));
    assert_eq!(due.iter().map(|stored| stored.entity.id.to_string()).collect::<Vec<_>>(), others, "{}", fixture.url);
    let load = owner.load(&owner.first(&ids[2])).await;
    assert!(matches!(load, Err(StoreError::Corrupt { .. })), "{load:?}");
    Ok(())
}

async fn a_snapshot_that_cannot_be_read_hides_no_other(fixture: Fixture) -> TestResult {
    let (owner, ids) = five(&fixture).await?;
    Tool::of(&fixture).await?.spoil(&ids[2]).await?;
    only_the_third_is_missing(&fixture, &owner, &ids).await
}

async fn a_snapshot_that_is_no_text_hides_no_other(fixture: Fixture) -> TestResult {
    let (owner, ids) = five(&fixture).await?;
    Tool::of(&fixture).await?.garble(&ids[2]).await?;
    only_the_third_is_missing(&fixture, &owner, &ids).await
}

async fn a_page_of_nothing_but_unreadable_snapshots_leads_on(fixture: Fixture) -> TestResult {
    let (owner, ids) = five(&fixture).await?;
    let mut tool = Tool::of(&fixture).await?;
    for id in &ids[..4] {
        tool.spoil(id).await?;
    }
    let found = owner.live(Shard::of("call_0"), 2).await?;
    assert_eq!(found.iter().map(|stored| &*stored.entity.id).collect::<Vec<_>>(), [ids[4].as_str()]);
    Ok(())
}

async fn an_event_that_cannot_be_read_is_passed_by(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let mut tool = Tool::of(&fixture).await?;
    let first = owner.first("a");
    owner.put(&first).await?;
    tool.add_nonsense("a").await?;
    owner.put(&next(&first, 2)).await?;
    for page in [1, 2, 100] {
        let (events, cursor) = owner.read_on(EventCursor::default(), page).await?;
        assert_each_once_in_order(&events);
        assert_eq!(events.len(), 3, "in pages of {page}");
        assert_eq!(owner.store.events(cursor.clone(), page).await?.next, cursor);
    }
    let (_, cursor) = owner.read_on(EventCursor::default(), 100).await?;
    owner.store.trim_events(cursor).await?;
    tool.add_nonsense("a").await?;
    let page = owner.store.events(EventCursor::default(), 100).await?;
    assert_eq!(page.events, [], "it is alone");
    assert_ne!(page.next, EventCursor::default(), "and passed by all the same");
    Ok(())
}

async fn a_damaged_entity_is_refused_and_the_rest_of_its_group_written(fixture: Fixture) -> TestResult {
    let owner = fixture.own().await?;
    let firsts: Vec<_> = (0..20).map(|n| owner.first(&format!("call_{n}"))).collect();
    for first in &firsts {
        owner.put(first).await?;
    }
    Tool::of(&fixture).await?.spoil("call_7").await?;
    let writes = firsts.iter().map(|first| {
        let (owner, next) = (owner.clone(), next(first, 1));
        async move { (next.entity.to_string(), owner.commit(&next).await) }
    });
    for (entity, answer) in futures_util::future::join_all(writes).await {
        match answer {
            Err(StoreError::Corrupt { .. }) => assert_eq!(entity, "call/call_7"),
            answer => assert_eq!(answer?, callout::actors::ports::store::Committed::Ok, "{entity}"),
        }
    }
    Ok(())
}
