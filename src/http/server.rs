//! Runs the server on a listener until it is told to stop, and finishes what was begun.

use std::{future::Future, io, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{App, HttpServer, middleware::from_fn, web};

use super::{edge, routes, state::State};

/// How long a connection may be silent between two requests.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a connection may take to close.
const CLOSING: Duration = Duration::from_secs(2);
/// How long a server that was taken over goes on to answer that it was.
const TAKEN_OVER: Duration = Duration::from_secs(1);
/// How often quiet clients are forgotten by the limiters and figures are condensed.
const UPKEEP: Duration = Duration::from_secs(5);

/// Kinds of end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Somebody asked for it: there is time to announce it, and to finish what was begun.
    Asked,
    /// Something failed: what was begun is finished.
    Failed,
    /// Another process has the shards: nothing that was begun here can end well, and each client is better off there.
    TakenOver,
}

/// Serves `listeners` until `shutdown` is done; then ends as that says: announces it for the configured time, answers what is
/// under way within the configured grace, closes the sockets, and returns. Whether requests are welcome before that is
/// [`super::Lifecycle`]'s to say.
///
/// # Errors
/// When a listener cannot be used.
pub async fn run(
    listeners: Vec<TcpListener>,
    state: Arc<State>,
    shutdown: impl Future<Output = Ending>,
) -> io::Result<()> {
    let settings = state.settings.clone();
    let data = web::Data::from(Arc::clone(&state));
    let welcoming = Arc::clone(&state);
    let cors_origins = settings.cors_origins.clone();
    let mut server = HttpServer::new(move || {
        let cors = edge::cors::layer(&cors_origins);
        App::new().app_data(data.clone()).wrap(from_fn(edge::outermost)).wrap(cors).configure(routes::configure)
    })
    .keep_alive(KEEP_ALIVE)
    // A frame is a few hundred bytes: held back until the one before is acknowledged, it is 40 ms late.
    .tcp_nodelay(true)
    .client_request_timeout(state.client_patience())
    .client_disconnect_timeout(CLOSING)
    .on_connect(move |connection, notes| welcoming.connections.welcome(connection, notes))
    .max_connections(usize::try_from(settings.connections_max).unwrap_or(usize::MAX))
    .shutdown_timeout(settings.drain_grace_s)
    .disable_signals();
    if settings.workers > 0 {
        server = server.workers(settings.workers.into());
    }
    for listener in listeners {
        server = server.listen(listener)?;
    }
    let server = server.run();
    let handle = server.handle();
    let upkeep = actix_web::rt::spawn(keep_up(Arc::clone(&state)));
    let stop = async {
        let ending = shutdown.await;
        if ending == Ending::Asked {
            state.lifecycle.announce();
            tokio::time::sleep(Duration::from_secs(settings.drain_announce_s)).await;
        }
        state.lifecycle.drain();
        if ending == Ending::TakenOver {
            let _ = tokio::time::timeout(TAKEN_OVER, handle.stop(true)).await;
            return;
        }
        handle.stop(true).await;
        std::future::pending::<()>().await;
    };
    let served = tokio::select! {
        served = server => served,
        () = stop => Ok(()),
    };
    upkeep.abort();
    served
}

async fn keep_up(state: Arc<State>) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        state.limits.forget_quiet();
        if let Some(metrics) = &state.metrics {
            metrics.run_upkeep();
        }
    }
}
