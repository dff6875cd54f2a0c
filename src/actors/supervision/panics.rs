//! Where a panic happened: the hook notes the place, the supervisor picks it up.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    future::Future,
    panic,
    pin::Pin,
    sync::Once,
    task::{Context, Poll},
};

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A panic that a supervisor caught.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PanicReport {
    /// The text of the panic.
    pub message: String,
    /// The file and line of the panic.
    pub place: String,
    /// When it was caught.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

thread_local! {
    static SUPERVISED: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Makes supervised panics silent but for their place, which the supervisor logs. Other panics go to the previous hook.
pub fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if SUPERVISED.get() {
                PLACE.set(info.location().map(ToString::to_string));
            } else {
                previous(info);
            }
        }));
    });
}

impl PanicReport {
    /// The report on the panic that was just caught on this thread.
    #[expect(clippy::needless_pass_by_value, reason = "it is what catch_unwind gives")]
    pub(super) fn new(payload: Box<dyn Any + Send>, at: Timestamp) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned());
        Self { message, place: PLACE.take().unwrap_or_else(|| "an unknown place".to_owned()), at }
    }
}

/// Marks panics inside a future's polls as supervised.
pub(super) fn caught<F: Future + Unpin>(future: F) -> Caught<F> {
    Caught(future)
}

/// The future of [`caught`]: a panic while it is polled becomes its output.
pub(super) struct Caught<F>(F);

impl<F: Future + Unpin> Future for Caught<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let outer = SUPERVISED.replace(true);
        let polled = Pin::new(&mut self.0).poll(context);
        SUPERVISED.set(outer);
        polled
    }
}
