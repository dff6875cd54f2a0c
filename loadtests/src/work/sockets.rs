//! Customers with sockets: each hears of every change of its calls, and how old the news is is measured.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Result, anyhow};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::Stage;
use crate::{
    clock,
    wire::{Frame, Socket},
};

/// Sockets opened at a time.
const AT_ONCE: usize = 64;

/// Opens a socket for every customer. They listen until the stage is over.
///
/// # Errors
/// When the server refuses one.
pub async fn open_customers(stage: &Arc<Stage>, done: impl Fn()) -> Result<()> {
    let done = &done;
    stream::iter(stage.crowd.customers.iter().enumerate())
        .map(|(number, bearer)| async move {
            let opened = Socket::open(stage.http.target(), bearer).await;
            let socket = opened.map_err(|error| anyhow!("the socket of customer {number}: {error:#}"))?;
            tokio::spawn(listen(Arc::clone(stage), socket));
            done();
            Ok(())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn listen(stage: Arc<Stage>, mut socket: Socket) {
    while let Some(text) = Socket::next(&mut socket.stream).await {
        if let Ok(Frame::Call { call }) = serde_json::from_str::<Frame<'_>>(&text) {
            delivered(&stage, "change_seen", call.updated_at);
        }
    }
    if !stage.over.load(Ordering::Acquire) {
        stage.recorder.count("customer_sockets_lost", 1);
    }
}

/// Notes how long after the server's commit its news is here. The clocks of both must agree: best on one machine. The
/// server's times have milliseconds, so half of one is the error.
pub(super) fn delivered(stage: &Stage, step: &'static str, committed: Timestamp) {
    let age_ms = clock::now().as_millisecond() - committed.as_millisecond();
    stage.recorder.took(step, Duration::from_millis(u64::try_from(age_ms).unwrap_or_default()));
}
