//! The edge's HTTP server: the order in which a request meets the log, the key check, faults, idempotency and the API.

use std::{any::Any, io, net::SocketAddr, net::TcpStream, os::fd::AsFd, sync::Arc};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::{Extensions, Server},
    rt::net::TcpStream as ServedStream,
    web::{self, Bytes, Data},
};
use serde_json::Value;

use super::{
    answer::{Answer, Refusal},
    api::Api,
    faults::{When, Wrong},
    log::Reply,
    request::Asked,
};

/// The connection of a request, to be cut.
struct Connection(TcpStream);

/// Binds a server for the API on a free port; it runs when it is awaited.
pub fn bind(api: &Arc<Api>) -> io::Result<(Server, SocketAddr)> {
    let api = Data::from(Arc::clone(api));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(api.clone())
            .route("/authenticate/{client_secret}", web::get().to(authenticate))
            .default_service(web::to(serve))
    })
    .workers(1)
    .disable_signals()
    .on_connect(remember)
    .bind(("127.0.0.1", 0))?;
    let address = server.addrs().first().copied().ok_or_else(|| io::Error::other("it is bound"))?;
    Ok((server.run(), address))
}

fn remember(stream: &dyn Any, extensions: &mut Extensions) {
    let served = stream.downcast_ref::<ServedStream>();
    if let Some(Ok(copy)) = served.map(|stream| stream.as_fd().try_clone_to_owned()) {
        extensions.insert(Connection(copy.into()));
    }
}

async fn serve(request: HttpRequest, body: Bytes, api: Data<Api>) -> HttpResponse {
    let asked = Asked::read(&request, &body);
    // A request that has come is performed to its end, also when the client hangs up.
    let answer = tokio::spawn(logged(api.into_inner(), asked)).await;
    match answer {
        Ok(Some(answer)) => answer.into_response(),
        Ok(None) => cut(&request),
        Err(panic) => Answer::from(Refusal::broken(&panic.to_string())).into_response(),
    }
}

/// Closes the connection; what is answered then goes nowhere.
fn cut(request: &HttpRequest) -> HttpResponse {
    if let Some(Connection(stream)) = request.conn_data::<Connection>() {
        // It may be closed already, which is as good.
        drop(stream.shutdown(std::net::Shutdown::Both));
    }
    HttpResponse::Ok().finish()
}

/// The page of a redirect: the payer authenticates by opening it, and fails to with `?success=false`.
async fn authenticate(request: HttpRequest, secret: web::Path<String>, api: Data<Api>) -> HttpResponse {
    let id = secret.split("_secret_").next().unwrap_or_default();
    let success = !request.query_string().contains("success=false");
    let return_url = api.intents.of(id).return_url.unwrap_or_default();
    match api.authenticate(id, &secret, success).await {
        Ok(_) => HttpResponse::SeeOther().insert_header(("Location", return_url)).finish(),
        Err(refusal) => Answer::from(refusal).into_response(),
    }
}

async fn logged(api: Arc<Api>, asked: Asked) -> Option<Answer> {
    let number = api.log.begin(&asked);
    let answer = meet(&api, &asked).await;
    let is_replayed = answer.iter().flat_map(|answer| &answer.headers).any(|(name, _)| *name == "Idempotent-Replayed");
    let reply = answer.as_ref().map_or(Reply::Cut, |answer| Reply::Status(answer.status));
    api.log.end(number, reply, is_replayed);
    answer
}

/// The answer to a request; `None` cuts the connection.
async fn meet(api: &Arc<Api>, asked: &Asked) -> Option<Answer> {
    if let Err(refusal) = api.authorize(asked) {
        return Some(refusal.into());
    }
    let fault = api.faults.take(asked);
    match &fault {
        Some((When::Before, Wrong::Cut)) => return None,
        Some((_, Wrong::Busy(retry_after_s))) => return Some(Refusal::busy(*retry_after_s).into()),
        Some((When::Before, Wrong::Status(status))) if *status != 500 => return Some(page(*status)),
        _ => {}
    }
    let mut answer = once(api, asked, fault.as_ref()).await;
    match fault {
        Some((When::After, Wrong::Cut)) => return None,
        Some((When::After, Wrong::Status(status))) if status != 500 => return Some(page(status)),
        Some((When::After, wrong @ (Wrong::Delay(_) | Wrong::Held(_)))) => api.faults.wait(&wrong).await,
        Some((_, Wrong::Changed(pointer, value))) => {
            if let Some(member) = answer.body.pointer_mut(pointer) {
                *member = value;
            }
        }
        _ => {}
    }
    Some(answer)
}

/// Performs a request, once for each idempotency key.
async fn once(api: &Arc<Api>, asked: &Asked, fault: Option<&(When, Wrong)>) -> Answer {
    let Some(key) = asked.key.as_deref().filter(|_| asked.method == "POST") else {
        return perform(api, asked, fault).await;
    };
    if let Some(answer) = api.keys.begin(key, asked) {
        return answer;
    }
    let answer = perform(api, asked, fault).await;
    api.keys.end(key, &answer);
    answer
}

async fn perform(api: &Arc<Api>, asked: &Asked, fault: Option<&(When, Wrong)>) -> Answer {
    match fault {
        Some((When::Before, Wrong::Status(500))) => return api_error(),
        Some((When::Before, wrong)) => api.faults.wait(wrong).await,
        _ => {}
    }
    let answer = Answer::from(api.perform(asked).await);
    api.broken.lock().extend(answer.broken().map(str::to_owned));
    if matches!(fault, Some((When::After, Wrong::Status(500)))) { api_error() } else { answer }
}

/// The API's own error.
fn api_error() -> Answer {
    Refusal::new(500, "api_error", "Something went wrong on the gateway's side, as the test wants it.").into()
}

/// A proxy's page, without the JSON of the API.
fn page(status: u16) -> Answer {
    let body = Value::from(format!("<html><body>{status}, as the test wants it</body></html>"));
    Answer { status, body, headers: Vec::new(), is_kept: false }
}
