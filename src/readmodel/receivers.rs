//! The numbers that receivers have in this file.
//!
//! An offer goes to twenty drivers, so nothing is written as often as notifications. Each is one integer: the
//! receiver's number above, the number of what it was told below. So one receiver's are next to each other, in order.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde::Serialize;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{fold::json, rows::Insert};
use crate::{domain::Role, notify::Receiver};

/// How many bits the number of what was told has; the receiver's has the rest, 27.
const TOLD_BITS: u32 = 36;
/// After the last number of what was told: sixty-nine billion.
pub(super) const TOLD_END: i64 = (1 << TOLD_BITS) - 1;

const FIND: &str = "
    SELECT r.id, r.role, r.name FROM json_each(?1) AS wanted CROSS JOIN receivers AS r
    ON r.role = wanted.value ->> 0 AND r.name = wanted.value ->> 1";
const ADD: Insert = Insert { into: "INSERT INTO receivers (role, name)", columns: 2, otherwise: "" };

/// The number of a notification.
pub(super) fn key(receiver: i64, told: i64) -> i64 {
    receiver << TOLD_BITS | told
}

/// The number of the text, from a notification's number.
pub(super) fn told_of(key: i64) -> i64 {
    key & TOLD_END
}

/// The number of the receiver, from a notification's number.
pub(super) fn receiver_of(key: i64) -> i64 {
    key >> TOLD_BITS
}

/// The numbers of those receivers who have one.
pub(super) async fn find<'e>(
    sql: impl sqlx::SqliteExecutor<'e>,
    wanted: impl Iterator<Item = &Receiver>,
) -> Result<HashMap<Receiver, i64>, sqlx::Error> {
    let wanted = json(&wanted.map(row).collect::<Vec<_>>())?;
    let rows = sqlx::query(FIND).bind(wanted).fetch_all(sql).await?;
    rows.iter().map(|row| Ok((receiver(row)?, row.try_get("id")?))).collect()
}

/// The numbers of receivers, given to those who had none.
pub(super) async fn number(
    sql: &mut SqliteConnection,
    wanted: &HashSet<&Receiver>,
) -> Result<HashMap<Receiver, i64>, sqlx::Error> {
    let mut known = find(&mut *sql, wanted.iter().copied()).await?;
    let new: Vec<&Receiver> = wanted.iter().copied().filter(|receiver| !known.contains_key(*receiver)).collect();
    if !new.is_empty() {
        ADD.put(sql, &new, |values, new| values.bind(role_name(new.role)).bind(Arc::clone(&new.id))).await?;
        known.extend(find(sql, new.into_iter()).await?);
    }
    Ok(known)
}

/// The receiver in the columns `role` and `name`.
pub(super) fn receiver(row: &SqliteRow) -> Result<Receiver, sqlx::Error> {
    let role: &str = row.try_get("role")?;
    let named = [Role::Customer, Role::Driver, Role::Operator].into_iter().find(|known| role_name(*known) == role);
    let role = named.ok_or_else(|| sqlx::Error::Decode(format!("no role {role:?}").into()))?;
    Ok(Receiver { role, id: row.try_get::<&str, _>("name")?.into() })
}

fn row(receiver: &Receiver) -> impl Serialize {
    (role_name(receiver.role), receiver.id.clone())
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Customer => "customer",
        Role::Driver => "driver",
        Role::Operator => "operator",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_of_a_receiver_lies_between_its_first_and_the_next_ones_first() {
        for (receiver, told) in [(1, 1), (7, 12_345), ((1 << 27) - 1, TOLD_END)] {
            let found = key(receiver, told);
            assert_eq!(told_of(found), told);
            assert!(found > key(receiver, 0) && receiver_of(found) == receiver, "{receiver} {told}");
        }
    }
}
