//! Lists of notifications, and which of them were read.

use jiff::Timestamp;
use sqlx::{Row, sqlite::SqliteRow};

use super::{
    Page, ReadError, ReadModel,
    fold::{json, time},
    notices::{Notice, notice},
    page, receivers,
};
use crate::{
    domain::{Role, ServiceId, account::ReadMark},
    notify::Receiver,
};

const NOTIFICATIONS: &str =
    "SELECT key, more FROM notifications WHERE key > ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3";
const LATEST: &str = "
    SELECT t.id, t.call_id, t.service, t.occasion, t.ko, t.en, t.at
    FROM json_each(?1) AS wanted CROSS JOIN told AS t ON t.id = wanted.value ORDER BY t.id DESC";

/// Which notifications are wanted. Nothing set: all of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoticeFilter<'a> {
    /// About these services only.
    pub services: Option<&'a [ServiceId]>,
    /// Of events that happened then or later.
    pub since: Option<Timestamp>,
}

impl NoticeFilter<'_> {
    fn is_empty(self) -> bool {
        self.services.is_none() && self.since.is_none()
    }

    fn fits(self, row: &SqliteRow) -> Result<bool, ReadError> {
        let service: &str = row.try_get("service")?;
        let is_about = self.services.is_none_or(|services| services.iter().any(|wanted| wanted.as_str() == service));
        Ok(is_about && !self.is_too_old(row)?)
    }

    fn is_too_old(self, row: &SqliteRow) -> Result<bool, ReadError> {
        let Some(since) = self.since else { return Ok(false) };
        Ok(time(row.try_get("at")?)? < since)
    }

    fn are_all_too_old(self, rows: &[SqliteRow]) -> Result<bool, ReadError> {
        for row in rows {
            if !self.is_too_old(row)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl ReadModel {
    /// The notifications of one person, or of the services of an operator, latest first. Receivers of one role are
    /// named by their ids.
    ///
    /// # Errors
    /// When the cursor is not one of this list, or the file cannot be read.
    pub async fn notifications(
        &self,
        role: Role,
        ids: &[&str],
        filter: NoticeFilter<'_>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Notice>, ReadError> {
        let limit = page::bounded(limit);
        let before = match page::mark(cursor, "told")? {
            Some(mark) => mark.parse().map_err(|_| ReadError::BadCursor)?,
            None => receivers::TOLD_END,
        };
        Ok(Page::cut(self.told_before(role, ids, filter, before, limit).await?, limit, "told", |notice| {
            notice.id.clone()
        }))
    }

    /// The notification with that id, if one of these receivers was told it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn notification(&self, role: Role, ids: &[&str], id: &str) -> Result<Option<Notice>, ReadError> {
        let Some(before) = id.parse::<i64>().ok().and_then(|number| number.checked_add(1)) else { return Ok(None) };
        let latest = self.told_before(role, ids, NoticeFilter::default(), before, 1).await?;
        Ok(latest.into_iter().find(|notice| notice.id == id))
    }

    /// The mark of somebody who has read this notification and all before it.
    #[must_use]
    pub fn mark(&self, notice: &Notice) -> ReadMark {
        ReadMark { numbering: self.numbering.clone(), number: notice.number(), at: notice.at }
    }

    /// Whether a notification was read by somebody with that mark.
    #[must_use]
    pub fn is_read(&self, notice: &Notice, mark: Option<&ReadMark>) -> bool {
        mark.is_some_and(|mark| mark.covers(&self.numbering, notice.number(), notice.at))
    }

    /// The latest notifications before `before` of each receiver, at most one more than `limit` of each; latest first.
    async fn told_before(
        &self,
        role: Role,
        ids: &[&str],
        filter: NoticeFilter<'_>,
        before: i64,
        limit: usize,
    ) -> Result<Vec<Notice>, ReadError> {
        let wanted: Vec<Receiver> = ids.iter().map(|id| Receiver { role, id: (*id).into() }).collect();
        let mut latest = Vec::new();
        for (receiver, number) in receivers::find(&mut *self.readers.begin().await?, wanted.iter()).await? {
            let rows = self.latest_fitting(filter, number, before, limit).await?;
            let notices = rows.iter().map(|row| notice(row, receiver.clone()));
            latest.extend(notices.collect::<Result<Vec<_>, _>>()?);
        }
        latest.sort_by_key(|(told, _)| std::cmp::Reverse(*told));
        Ok(latest.into_iter().map(|(_, notice)| notice).collect())
    }

    /// The latest things before `before` that a receiver was told and that fit, at most one more than `limit`.
    async fn latest_fitting(
        &self,
        filter: NoticeFilter<'_>,
        receiver: i64,
        mut before: i64,
        limit: usize,
    ) -> Result<Vec<SqliteRow>, ReadError> {
        if filter.is_empty() {
            return self.latest(receiver, before, limit).await;
        }
        let mut found = Vec::new();
        loop {
            let rows = self.latest(receiver, before, page::MAX_LIMIT).await?;
            let mut is_last = rows.len() <= page::MAX_LIMIT;
            // Events are told in the order of the stream, so neighbours differ little in time: behind so many that are too
            // old there is none that is not.
            is_last |= filter.are_all_too_old(&rows)?;
            for row in rows {
                before = row.try_get("id")?;
                if filter.fits(&row)? {
                    found.push(row);
                }
            }
            if is_last || found.len() > limit {
                found.truncate(limit + 1);
                return Ok(found);
            }
        }
    }

    /// The latest things before `before` that a receiver was told, at most one more than `limit`.
    async fn latest(&self, receiver: i64, before: i64, limit: usize) -> Result<Vec<SqliteRow>, ReadError> {
        let rows: Vec<(i64, Option<String>)> = sqlx::query_as(NOTIFICATIONS)
            .bind(receivers::key(receiver, 0))
            .bind(receivers::key(receiver, before.clamp(0, receivers::TOLD_END)))
            .bind(page::one_more(limit))
            .fetch_all(&mut *self.readers.begin().await?)
            .await?;
        let mut told = Vec::new();
        for (key, more) in rows {
            let first = receivers::told_of(key);
            let later: Vec<i64> = more.as_deref().map_or(Ok(Vec::new()), serde_json::from_str)?;
            told.extend(later.iter().rev().map(|later| first + later).filter(|told| *told < before));
            told.push(first);
        }
        told.truncate(limit + 1);
        Ok(sqlx::query(LATEST).bind(json(&told)?).fetch_all(&mut *self.readers.begin().await?).await?)
    }
}
