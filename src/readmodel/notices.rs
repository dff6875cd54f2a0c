//! What people were told: the records, the lists of them, and handing them to the hub.
//!
//! One thing told is one row in `told` however many receive it, and a small one per receiver: an offer goes to many drivers.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection, sqlite::SqliteRow};

use super::{
    ApplyError, Page, ReadError, ReadModel,
    fold::{put as put_rows, time},
    page,
};
use crate::{
    actors::hub::{Hub, Note, Topic},
    domain::{CallId, Role, ServiceId, call::Call, policy::Text},
    notify::{self, Notification, Receiver},
};

const PUT_TOLD: &str = "
    INSERT INTO told (id, call_id, service, occasion, ko, en, at)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
    FROM json_each(?1)";
const PUT_RECEIVERS: &str = "
    INSERT INTO notifications (role, receiver, told)
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)
    WHERE true ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING";
const COLUMNS: &str = "n.role, n.receiver, t.id, t.call_id, t.service, t.occasion, t.ko, t.en, t.at";

/// How many waiting payments are looked at in one transaction.
const SWEEP_MAX: i64 = 100;
/// How many notices are handed over at a time after a restart.
const HAND_OVER: i64 = 1_000;

/// One notification as its receiver sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Its id: the same for everybody who was told the same. Higher is later.
    pub id: String,
    /// Who was told.
    pub receiver: Receiver,
    /// On what occasion ([`notify::Occasion::as_str`]).
    pub occasion: String,
    /// About which call, if about one.
    pub call: Option<CallId>,
    /// Of which service.
    pub service: ServiceId,
    /// In what words.
    pub text: Text,
    /// When it happened.
    pub at: Timestamp,
}

/// A notification that is stored and not yet handed to the hub.
#[derive(Debug)]
pub(super) struct Outgoing {
    id: i64,
    at: Timestamp,
    told: Notification,
}

impl ReadModel {
    /// What a person was told, latest first. For operators `id` is the service's.
    ///
    /// # Errors
    /// When the cursor is not one of this list, or the file cannot be read.
    pub async fn notifications(
        &self,
        role: Role,
        id: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Notice>, ReadError> {
        self.notifications_of(role, &[id], limit, cursor).await
    }

    /// What several receivers of one role were told, latest first: the services of an operator.
    ///
    /// # Errors
    /// As for [`Self::notifications`].
    pub async fn notifications_of(
        &self,
        role: Role,
        ids: &[&str],
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Notice>, ReadError> {
        let limit = page::bounded(limit);
        let mut query = select();
        query.push(" WHERE n.role = ").push_bind(role_name(role)).push(" AND n.receiver IN (");
        let mut receivers = query.separated(", ");
        for id in ids {
            receivers.push_bind(*id);
        }
        query.push(")");
        if let Some(mark) = page::mark(cursor, "told")? {
            let before: i64 = mark.parse().map_err(|_| ReadError::BadCursor)?;
            query.push(" AND n.told < ").push_bind(before);
        }
        query.push(" ORDER BY n.told DESC LIMIT ").push_bind(page::one_more(limit));
        let rows = query.build().fetch_all(&self.readers).await?;
        let notices = rows.iter().map(notice).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(notices, limit, "told", |notice| notice.id.clone()))
    }

    /// Records something that people are told which is no call's event: that an actor was parked. The feeder hands it over.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn tell(&self, at: Timestamp, told: Notification) -> Result<(), ApplyError> {
        let mut transaction = self.writer.begin().await?;
        put(transaction.sql(), vec![(at, told)]).await?;
        transaction.commit().await?;
        self.progressed();
        Ok(())
    }

    /// Tells operators about charges whose outcome has been unknown since `limit` or before, once each. Answers how many.
    pub(super) async fn tell_of_unknown_payments(&self, now: Timestamp, limit: Timestamp) -> Result<usize, ApplyError> {
        const WAITING: &str = "SELECT state FROM calls WHERE unknown_since <= ?1 LIMIT ?2";
        let waiting: Vec<String> =
            sqlx::query_scalar(WAITING).bind(limit.as_millisecond()).bind(SWEEP_MAX).fetch_all(&self.readers).await?;
        if waiting.is_empty() {
            return Ok(0);
        }
        let mut told = Vec::new();
        let mut transaction = self.writer.begin().await?;
        for state in &waiting {
            let call: Call = serde_json::from_str(state)?;
            // Once: the mark goes in the same transaction, and another sweep may have been here first.
            let done = sqlx::query("UPDATE calls SET unknown_since = NULL WHERE id = ?1 AND unknown_since IS NOT NULL")
                .bind(call.id.as_str())
                .execute(transaction.sql())
                .await?;
            if done.rows_affected() > 0 {
                told.push((now, notify::payment_unknown_long(self.policies.get(&call.service), &call)));
            }
        }
        let count = put(transaction.sql(), told).await?.len();
        transaction.commit().await?;
        Ok(count)
    }

    /// Hands notifications to the hub, in order.
    pub(super) fn publish(&self, hub: &Hub, outgoing: &[Outgoing]) {
        for one in outgoing {
            // Others may have been told in between: those are handed over by their place in the file.
            if one.id == self.published() + 1 {
                for receiver in &one.told.receivers {
                    send(hub, receiver, || one.notice(receiver));
                }
                self.set_published(one.id);
            }
        }
    }

    /// Hands everything to the hub that is stored and was not handed over: what a crash came in between of.
    pub(super) async fn publish_missed(&self, hub: &Hub) -> Result<(), ReadError> {
        loop {
            let from = self.published();
            let last: Option<i64> =
                sqlx::query_scalar("SELECT max(id) FROM (SELECT id FROM told WHERE id > ?1 ORDER BY id LIMIT ?2)")
                    .bind(from)
                    .bind(HAND_OVER)
                    .fetch_one(&self.readers)
                    .await?;
            let Some(last) = last else { return Ok(()) };
            let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
            query.push(COLUMNS).push(" FROM told t CROSS JOIN notifications n ON n.told = t.id WHERE t.id > ");
            query.push_bind(from).push(" AND t.id <= ").push_bind(last).push(" ORDER BY t.id");
            for row in query.build().fetch_all(&self.readers).await? {
                let notice = notice(&row)?;
                send(hub, &notice.receiver, || notice.clone());
            }
            self.set_published(last);
        }
    }
}

impl Outgoing {
    fn notice(&self, receiver: &Receiver) -> Notice {
        Notice {
            id: self.id.to_string(),
            receiver: receiver.clone(),
            occasion: self.told.occasion.as_str().to_owned(),
            call: self.told.call.clone(),
            service: self.told.service.clone(),
            text: self.told.text.clone(),
            at: self.at,
        }
    }
}

/// Records what people are told, in order.
pub(super) async fn put(
    sql: &mut SqliteConnection,
    told: Vec<(Timestamp, Notification)>,
) -> Result<Vec<Outgoing>, sqlx::Error> {
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let last: i64 = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM told").fetch_one(&mut *sql).await?;
    let number = |((at, told), id)| Outgoing { id, at, told };
    let outgoing: Vec<Outgoing> = told.into_iter().zip(last + 1..).map(number).collect();
    put_rows(sql, PUT_TOLD, &outgoing.iter().map(told_row).collect::<Vec<_>>()).await?;
    put_rows(sql, PUT_RECEIVERS, &outgoing.iter().flat_map(receiver_rows).collect::<Vec<_>>()).await?;
    Ok(outgoing)
}

fn told_row(one: &Outgoing) -> impl Serialize {
    let told = &one.told;
    (one.id, &told.call, &told.service, told.occasion.as_str(), &told.text.ko, &told.text.en, one.at.as_millisecond())
}

fn receiver_rows(one: &Outgoing) -> impl Iterator<Item = impl Serialize> {
    one.told.receivers.iter().map(|receiver| (role_name(receiver.role), &receiver.id, one.id))
}

fn send(hub: &Hub, receiver: &Receiver, notice: impl FnOnce() -> Notice) {
    let topic = Topic::Person(receiver.role, Arc::clone(&receiver.id));
    if !hub.is_heard(&topic) {
        return;
    }
    match to_raw_value(&notice()) {
        Ok(json) => hub.publish(&[topic], &Note::Notified(Arc::<RawValue>::from(json))),
        Err(error) => tracing::error!(%error, "a notification cannot be written as JSON"),
    }
}

fn select() -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(" FROM notifications n CROSS JOIN told t ON t.id = n.told");
    query
}

fn notice(row: &SqliteRow) -> Result<Notice, sqlx::Error> {
    let wrong = |what: &str| sqlx::Error::Decode(format!("{what:?} in notifications").into());
    let role: &str = row.try_get("role")?;
    let call: Option<&str> = row.try_get("call_id")?;
    let service: &str = row.try_get("service")?;
    Ok(Notice {
        id: row.try_get::<i64, _>("id")?.to_string(),
        receiver: Receiver {
            role: role_named(role).ok_or_else(|| wrong(role))?,
            id: row.try_get::<&str, _>("receiver")?.into(),
        },
        occasion: row.try_get("occasion")?,
        call: call.map(CallId::new).transpose().map_err(|_| wrong(call.unwrap_or_default()))?,
        service: ServiceId::new(service).map_err(|_| wrong(service))?,
        text: Text { ko: row.try_get("ko")?, en: row.try_get("en")? },
        at: time(row.try_get("at")?)?,
    })
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Customer => "customer",
        Role::Driver => "driver",
        Role::Operator => "operator",
    }
}

fn role_named(name: &str) -> Option<Role> {
    [Role::Customer, Role::Driver, Role::Operator].into_iter().find(|role| role_name(*role) == name)
}
