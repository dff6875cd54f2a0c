//! Notifications: their records, and handing them to the hub. Lists of them are in `told.rs`.
//!
//! One thing told is one row in `told` however many receive it: an offer goes to many drivers. What a transaction tells
//! one receiver is one row in `notifications`: under load a driver hears of many offers within the same few
//! milliseconds.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::to_raw_value;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    ApplyError, ReadError, ReadModel,
    fold::{json, time},
    receivers,
    rows::{Insert, Values},
};
use crate::{
    actors::hub::{Hub, Note, Notified, Topic},
    domain::{
        CallId, ServiceId,
        call::Call,
        policy::{Lang, Text},
    },
    notify::{self, Notification, Receiver},
};

const PUT_TOLD: Insert = Insert {
    into: "INSERT INTO told (id, call_id, service, occasion, ko, en, at, receivers)",
    columns: 8,
    otherwise: "",
};
const PUT_NOTIFICATIONS: Insert = Insert { into: "INSERT INTO notifications (key, more)", columns: 2, otherwise: "" };
const MISSED: &str = "
    SELECT t.id, t.call_id, t.service, t.occasion, t.ko, t.en, t.at, r.role, r.name
    FROM told AS t CROSS JOIN json_each(t.receivers) AS told CROSS JOIN receivers AS r ON r.id = told.value
    WHERE t.id > ?1 AND t.id <= ?2 ORDER BY t.id";

/// How many waiting payments are looked at in one transaction.
const SWEEP_MAX: i64 = 100;
/// How many notices are handed over at a time after a restart.
const HAND_OVER: i64 = 1_000;

/// One notification as its receiver sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Its id: the same for everybody who was told the same. Higher is later.
    pub id: String,
    pub receiver: Receiver,
    /// On what occasion ([`notify::Occasion::as_str`]).
    pub occasion: String,
    /// About which call, if about one.
    pub call: Option<CallId>,
    pub service: ServiceId,
    pub text: Text,
    pub at: Timestamp,
}

/// A notification in the words of one language, beside those of all.
#[derive(Serialize)]
struct Said<'a> {
    #[serde(flatten)]
    notice: &'a Notice,
    message: &'a str,
    /// Nobody has read what is only being told.
    read: bool,
}

impl Notice {
    /// Its number in the file; 0 if it has none.
    pub(super) fn number(&self) -> i64 {
        self.id.parse().unwrap_or_default()
    }

    fn said(&self, lang: Lang) -> Said<'_> {
        Said { notice: self, message: self.text.in_lang(lang), read: false }
    }
}

/// A notification that is stored and not yet handed to the hub.
#[derive(Debug)]
pub(super) struct Outgoing {
    id: i64,
    at: Timestamp,
    told: Notification,
}

impl ReadModel {
    /// Records a notification that belongs to no event of a call: that an actor was parked. The feeder hands it to the
    /// hub.
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

    /// Tells operators about charges whose outcome has been unknown since `limit` or before, once each. Answers how
    /// many.
    pub(super) async fn tell_of_unknown_payments(&self, now: Timestamp, limit: Timestamp) -> Result<usize, ApplyError> {
        const WAITING: &str = "SELECT state FROM calls WHERE unknown_since <= ?1 LIMIT ?2";
        let waiting: Vec<String> = sqlx::query_scalar(WAITING)
            .bind(limit.as_millisecond())
            .bind(SWEEP_MAX)
            .fetch_all(&mut *self.readers.begin().await?)
            .await?;
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
                told.push((now, notify::payment_unknown_long(call.shown_policy(&self.policies), &call)));
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

    /// Hands the notifications to the hub that were stored, but not handed over because of a crash.
    pub(super) async fn publish_missed(&self, hub: &Hub) -> Result<(), ReadError> {
        loop {
            let from = self.published();
            let last: Option<i64> =
                sqlx::query_scalar("SELECT max(id) FROM (SELECT id FROM told WHERE id > ?1 ORDER BY id LIMIT ?2)")
                    .bind(from)
                    .bind(HAND_OVER)
                    .fetch_one(&mut *self.readers.begin().await?)
                    .await?;
            let Some(last) = last else { return Ok(()) };
            for row in sqlx::query(MISSED).bind(from).bind(last).fetch_all(&mut *self.readers.begin().await?).await? {
                let (_, notice) = notice(&row, receivers::receiver(&row)?)?;
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
    let receivers = outgoing.iter().flat_map(|one| &one.told.receivers).collect();
    let numbers = receivers::number(sql, &receivers).await?;
    let number = |receiver: &Receiver| numbers.get(receiver).copied();
    let receivers = |one: &Outgoing| json(&one.told.receivers.iter().filter_map(number).collect::<Vec<_>>());
    let told = outgoing.iter().map(|one| Ok((one, receivers(one)?))).collect::<Result<Vec<_>, sqlx::Error>>()?;
    PUT_TOLD.put(sql, &told, |values, (one, receivers)| bind_told(values, one, receivers)).await?;
    let rows = by_receiver(&keys(&outgoing, number))?;
    PUT_NOTIFICATIONS.put(sql, &rows, |values, (key, more)| values.bind(*key).bind(more.clone())).await?;
    Ok(outgoing)
}

fn bind_told<'q>(values: Values<'q>, one: &Outgoing, receivers: &str) -> Values<'q> {
    let told = &one.told;
    values
        .bind(one.id)
        .bind(told.call.as_ref().map(CallId::to_arc))
        .bind(told.service.to_arc())
        .bind(told.occasion.as_str())
        .bind(told.text.ko.clone())
        .bind(told.text.en.clone())
        .bind(one.at.as_millisecond())
        .bind(receivers.to_owned())
}

/// The notifications' numbers, in the order in which they are stored; one who is named twice is told once.
fn keys(outgoing: &[Outgoing], number: impl Fn(&Receiver) -> Option<i64>) -> Vec<i64> {
    let of = |one: &Outgoing, receiver| number(receiver).map(|number| receivers::key(number, one.id));
    let all = outgoing.iter().flat_map(|one| one.told.receivers.iter().filter_map(move |receiver| of(one, receiver)));
    let mut keys: Vec<i64> = all.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Sorted notifications as they are stored: the first of each receiver, and by how much the numbers of its others are
/// higher, as a JSON array.
fn by_receiver(keys: &[i64]) -> Result<Vec<(i64, Option<String>)>, sqlx::Error> {
    let of_one = keys.chunk_by(|one, next| receivers::receiver_of(*one) == receivers::receiver_of(*next));
    let row = |keys: &[i64]| match keys {
        [] => Ok(None),
        [first] => Ok(Some((*first, None))),
        [first, others @ ..] => {
            let later: Vec<i64> = others.iter().map(|other| other - first).collect();
            Ok(Some((*first, Some(json(&later)?))))
        }
    };
    of_one.filter_map(|keys| row(keys).transpose()).collect()
}

fn send(hub: &Hub, receiver: &Receiver, notice: impl FnOnce() -> Notice) {
    let topic = Topic::Person(receiver.role, Arc::clone(&receiver.id));
    if !hub.is_heard(&topic) {
        return;
    }
    let notice = notice();
    match (to_raw_value(&notice.said(Lang::Ko)), to_raw_value(&notice.said(Lang::En))) {
        (Ok(ko), Ok(en)) => {
            hub.publish(&[topic], &Note::Notified(Arc::new(Notified { service: notice.service, ko, en })));
        }
        (Err(error), _) | (_, Err(error)) => tracing::error!(%error, "a notification cannot be written as JSON"),
    }
}

/// The notification in this row, and its number.
pub(super) fn notice(row: &SqliteRow, receiver: Receiver) -> Result<(i64, Notice), sqlx::Error> {
    let wrong = |what: &str| sqlx::Error::Decode(format!("{what:?} in told").into());
    let call: Option<&str> = row.try_get("call_id")?;
    let service: &str = row.try_get("service")?;
    let id: i64 = row.try_get("id")?;
    let notice = Notice {
        id: id.to_string(),
        receiver,
        occasion: row.try_get("occasion")?,
        call: call.map(CallId::new).transpose().map_err(|_| wrong(call.unwrap_or_default()))?,
        service: ServiceId::new(service).map_err(|_| wrong(service))?,
        text: Text { ko: row.try_get("ko")?, en: row.try_get("en")? },
        at: time(row.try_get("at")?)?,
    };
    Ok((id, notice))
}
