//! Pages of lists, and the opaque cursors that lead from one to the next.
//!
//! A cursor names the last item that was given, not a number of items, so what is added meanwhile moves nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use super::ReadError;

/// The longest list anybody gets at once.
pub(super) const MAX_LIMIT: usize = 200;

/// A piece of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give this back to go on; `None` when that was all.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A list without items.
    pub(super) fn empty() -> Self {
        Self { items: Vec::new(), next_cursor: None }
    }

    /// The page after `cursor` of a list that is in memory, in the order of its items' `mark`s.
    ///
    /// # Errors
    /// When the cursor is not one of the list `list`.
    pub fn of_whole(
        mut items: Vec<T>,
        limit: usize,
        cursor: Option<&str>,
        list: &str,
        mark_of: impl Fn(&T) -> String,
    ) -> Result<Self, ReadError> {
        if let Some(given) = mark(cursor, list)? {
            items.retain(|item| mark_of(item) > given);
        }
        Ok(Self::cut(items, bounded(limit), list, mark_of))
    }

    /// Makes a page of at most `limit` items out of one more than that; `mark` names the place after an item.
    pub(super) fn cut(mut items: Vec<T>, limit: usize, list: &str, mark: impl Fn(&T) -> String) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more);
        let next_cursor = last.map(|last| URL_SAFE_NO_PAD.encode(format!("{list}:{}", mark(last))));
        Self { items, next_cursor }
    }
}

/// A limit within what is allowed, 1 to 200.
pub(super) fn bounded(limit: usize) -> usize {
    limit.clamp(1, MAX_LIMIT)
}

/// One more than a limit: whether there is a next page.
pub(super) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// The place that a cursor of this list names.
pub(super) fn mark(cursor: Option<&str>, list: &str) -> Result<Option<String>, ReadError> {
    let Some(cursor) = cursor else { return Ok(None) };
    let decoded = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let mark = decoded.as_deref().and_then(|text| text.strip_prefix(list)?.strip_prefix(':'));
    mark.map(|mark| Some(mark.to_owned())).ok_or(ReadError::BadCursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_in_memory_goes_on_behind_an_item_that_is_gone() -> Result<(), ReadError> {
        let page = |items: &[&'static str], cursor: Option<&str>| {
            Page::of_whole(items.to_vec(), 2, cursor, "services", ToString::to_string)
        };
        let first = page(&["a", "b", "c"], None)?;
        assert_eq!(first.items, ["a", "b"]);
        let rest = page(&["a", "c", "d"], first.next_cursor.as_deref())?;
        assert_eq!((rest.items, rest.next_cursor), (vec!["c", "d"], None));
        assert!(matches!(page(&[], Some("b")), Err(ReadError::BadCursor)));
        Ok(())
    }

    #[test]
    fn a_cursor_is_only_good_for_its_own_list() {
        let page = Page::cut(vec![1, 2, 3], 2, "calls", i32::to_string);
        assert_eq!(page.items, [1, 2]);
        let cursor = page.next_cursor.expect("there is more");
        assert_eq!(mark(Some(&cursor), "calls").expect("a cursor"), Some("2".to_owned()));
        for (bad, list) in
            [(cursor.as_str(), "call"), (cursor.as_str(), "drivers"), ("garbage!", "calls"), ("", "calls")]
        {
            assert!(matches!(mark(Some(bad), list), Err(ReadError::BadCursor)), "{bad:?} of {list}");
        }
        assert_eq!(Page::cut(vec![1, 2], 2, "calls", i32::to_string).next_cursor, None);
    }
}
