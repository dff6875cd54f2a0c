//! Ends the connection as soon as the answer to a client's goodbye is written.
//!
//! The server is to hang up first (RFC 6455, 7.1.1). Left alone it waits for the client's end, for as long as it would for
//! somebody who still sends a body, and so both sides wait. Knows nothing of frames.

use std::{
    any::Any,
    cell::Cell,
    os::fd::{AsRawFd, RawFd},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::Extensions,
    rt::net::TcpStream,
};
use bytes::Bytes;
use nix::sys::socket::{Shutdown, shutdown};

/// The descriptor of a connection. Good for as long as the connection is, so it is used only while that is served.
#[derive(Clone, Copy)]
struct Wire(RawFd);

/// Notes the descriptor of a connection that was just made.
pub(in crate::http) fn note_wire(connection: &dyn Any, notes: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<TcpStream>() {
        notes.insert(Wire(stream.as_raw_fd()));
    }
}

/// Whether to hang up when the answer ends: shared by a socket and its answer.
#[derive(Clone, Default)]
pub(super) struct HangUp(Rc<Cell<bool>>);

impl HangUp {
    /// The connection ends with the answer.
    pub fn at_the_end(&self) {
        self.0.set(true);
    }

    /// The answer to `request` whose end this decides.
    pub fn after(&self, request: &HttpRequest, answer: HttpResponse) -> HttpResponse {
        let Some(wire) = request.conn_data::<Wire>().copied() else { return answer };
        let wanted = self.clone();
        answer.map_body(|_, body| BoxBody::new(EndingBody { body, wire, wanted, written: false }))
    }
}

struct EndingBody {
    body: BoxBody,
    wire: Wire,
    wanted: HangUp,
    written: bool,
}

impl MessageBody for EndingBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let next = ready!(Pin::new(&mut this.body).poll_next(context));
        if next.is_none() && this.wanted.0.get() {
            // What there was is written before the connection asks again.
            if !std::mem::replace(&mut this.written, true) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            // It is the connection that asks, so the descriptor is still its own.
            if let Err(error) = shutdown(this.wire.0, Shutdown::Both) {
                tracing::debug!(%error, "a connection was gone before it was ended");
            }
        }
        Poll::Ready(next)
    }
}
