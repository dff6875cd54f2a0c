//! The change of an optional value: left out, it stays as it is.

/// The change of an optional value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// The value is left out: it stays as it is.
    #[default]
    Keep,
    /// The new value; `None` removes it.
    Set(Option<T>),
}

impl<T: Clone> Change<T> {
    /// The value after this change. `known` is the value before it.
    pub(super) fn of(&self, known: Option<&T>) -> Option<T> {
        match self {
            Self::Keep => known.cloned(),
            Self::Set(value) => value.clone(),
        }
    }
}
