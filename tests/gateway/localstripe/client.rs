//! A plain HTTP client of the edge, and the requests that most tests begin with.

use std::error::Error;

use callout::outbound::client_for;
use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::Value;

use crate::edge::{API_KEY, Edge};

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub is_replayed: bool,
    pub retry_after: Option<String>,
    pub body: Value,
}

impl Reply {
    /// The `error` of the body.
    pub fn error(&self) -> &Value {
        &self.body["error"]
    }

    /// The `id` of the body.
    pub fn id(&self) -> &str {
        self.body["id"].as_str().unwrap_or_default()
    }

    /// The `status` of the object in the body.
    pub fn state(&self) -> &str {
        self.body["status"].as_str().unwrap_or_default()
    }
}

pub type Asked<T = Reply> = Result<T, Box<dyn Error>>;

/// A client with the right key.
pub struct StripeClient {
    http: Client,
    base: Url,
}

impl StripeClient {
    pub fn of(edge: &Edge) -> Asked<Self> {
        let base = Url::parse(edge.url())?;
        let http = client_for(&base).no_proxy().build()?;
        Ok(Self { http, base })
    }

    pub fn request(&self, method: Method, path: &str) -> Asked<RequestBuilder> {
        Ok(self.http.request(method, self.base.join(path)?))
    }

    pub async fn get(&self, path: &str) -> Asked {
        send(self.request(Method::GET, path)?.bearer_auth(API_KEY)).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Asked {
        send(self.request(Method::POST, path)?.bearer_auth(API_KEY).form(form)).await
    }

    pub async fn post_with(&self, key: &str, path: &str, form: &[(&str, &str)]) -> Asked {
        let request = self.request(Method::POST, path)?.bearer_auth(API_KEY).form(form);
        send(request.header("Idempotency-Key", key)).await
    }

    /// An unconfirmed intent over 20,000 won.
    pub async fn intent(&self, payment: &str) -> Asked {
        self.post("/v1/payment_intents", &intent_of(payment)).await
    }

    pub async fn confirm(&self, intent: &Reply, method: &str) -> Asked {
        self.post(&format!("/v1/payment_intents/{}/confirm", intent.id()), &[("payment_method", method)]).await
    }

    /// An intent that is paid by card.
    pub async fn paid(&self, payment: &str) -> Asked {
        let intent = self.intent(payment).await?;
        self.confirm(&intent, "pm_card_visa").await
    }

    /// Reads an intent or refund again.
    pub async fn again(&self, object: &Reply) -> Asked {
        let kind = object.body["object"].as_str().unwrap_or_default();
        self.get(&format!("/v1/{kind}s/{}", object.id())).await
    }

    pub async fn refund(&self, intent: &Reply, amount: &str) -> Asked {
        self.post("/v1/refunds", &[("payment_intent", intent.id()), ("amount", amount)]).await
    }
}

/// The form of an intent over 20,000 won.
pub fn intent_of(payment: &str) -> [(&str, &str); 4] {
    let money = [("amount", "20000"), ("currency", "krw")];
    [money[0], money[1], ("payment_method_types[]", "card"), ("metadata[payment_id]", payment)]
}

pub async fn send(request: RequestBuilder) -> Asked {
    let response = request.send().await?;
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (replayed, retry_after) = (header("Idempotent-Replayed"), header("Retry-After"));
    let status = response.status().as_u16();
    let text = response.text().await?;
    // A proxy's page is not JSON.
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Reply { status, is_replayed: replayed.as_deref() == Some("true"), retry_after, body })
}
