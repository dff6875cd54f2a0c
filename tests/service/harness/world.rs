//! People, places and calls of the substitute-driver service, in the words of the tests.

use serde_json::{Value, json};

use super::{Client, Server, eventually, knobs::DRIVER_CALL};

/// A pickup in the middle of the service area.
pub const GANGNAM: (f64, f64) = (37.4979, 127.0276);
/// A destination in the service area.
pub const SEOUL_STATION: (f64, f64) = (37.5547, 126.9707);
/// Far outside of it.
pub const BUSAN: (f64, f64) = (35.1796, 129.0756);

/// A place as JSON.
pub fn place((lat, lng): (f64, f64)) -> Value {
    json!({"lat": lat, "lng": lng})
}

/// The body of an unpaid request from Gangnam to Seoul station.
pub fn trip() -> Value {
    json!({"service": DRIVER_CALL, "pickup": place(GANGNAM), "dropoff": place(SEOUL_STATION)})
}

/// The body of a request that is paid with it.
pub fn trip_paid_with(method: &str) -> Value {
    let mut body = trip();
    body["payment"] = json!({"method": method});
    body
}

/// The id of the call that a frame, an offer or a notification is about: whole calls and bare ids are both fine.
pub fn call_named_by(value: &Value) -> Option<&str> {
    let call = &value["call"];
    call.as_str().or_else(|| call["id"].as_str())
}

impl Server {
    /// Registers a driver and makes it available at a place.
    pub async fn register_driver(&self, id: &str, at: (f64, f64)) -> Client {
        self.register_driver_of(DRIVER_CALL, id, at).await
    }

    /// Registers a driver of any service and makes it available at a place.
    pub async fn register_driver_of(&self, service: &str, id: &str, (lat, lng): (f64, f64)) -> Client {
        let driver = self.driver(id);
        let profile = json!({"service": service, "name": format!("기사 {id}")});
        // Only where calls are offered a driver may register itself.
        let registrar = if [DRIVER_CALL, "taxi"].contains(&service) { self.driver(id) } else { self.operator() };
        registrar.put(&format!("/v1/drivers/{id}"), profile).await.ok();
        driver.put(&format!("/v1/drivers/{id}/availability"), json!({"available": true})).await.ok();
        driver.post(&format!("/v1/drivers/{id}/position"), json!({"lat": lat, "lng": lng})).await.expect(204);
        driver
    }

    /// Waits until a driver has one of these statuses, and returns the driver.
    pub async fn driver_is(&self, id: &str, statuses: &[&str]) -> Value {
        let operator = self.operator();
        eventually(&format!("driver {id} is {statuses:?}"), async || {
            let driver = operator.get(&format!("/v1/drivers/{id}")).await;
            has_status(driver.body, statuses)
        })
        .await
    }

    /// Waits until a call has one of these statuses, and returns the call.
    pub async fn call_is(&self, id: &str, statuses: &[&str]) -> Value {
        let operator = self.operator();
        eventually(&format!("call {id} is {statuses:?}"), async || {
            has_status(operator.get(&format!("/v1/calls/{id}")).await.body, statuses)
        })
        .await
    }

    /// Waits until a call's payment has one of these statuses, and returns the call.
    pub async fn payment_is(&self, id: &str, statuses: &[&str]) -> Value {
        let operator = self.operator();
        eventually(&format!("payment {id} is {statuses:?}"), async || {
            let call = operator.get(&format!("/v1/calls/{id}")).await.body;
            let status = call["payment"]["status"].as_str().unwrap_or_default();
            if statuses.contains(&status) { Ok(call) } else { Err(call.to_string()) }
        })
        .await
    }
}

impl Client {
    /// Requests a call that is not paid; returns it.
    pub async fn request_call(&self) -> Value {
        self.post("/v1/calls", trip()).await.expect(201)
    }

    /// Requests a call and pays with `tok_ok`; returns its id.
    pub async fn request_paid_call(&self) -> String {
        let call = self.post("/v1/calls", trip_paid_with("tok_ok")).await.expect(201);
        id_of(&call)
    }

    /// A call as this principal sees it.
    pub async fn call(&self, id: &str) -> Value {
        self.get(&format!("/v1/calls/{id}")).await.expect(200)
    }

    pub async fn pay(&self, id: &str, method: &str) -> super::Reply {
        self.post(&format!("/v1/calls/{id}/pay"), json!({"method": method})).await
    }

    /// This driver's open offers: ids of calls.
    pub async fn offers(&self) -> Vec<String> {
        let offers = self.get(&format!("/v1/drivers/{}/offers", self.id)).await.ok();
        let items = offers["items"].as_array().cloned().unwrap_or_default();
        items.iter().filter_map(call_named_by).map(str::to_owned).collect()
    }

    /// Waits until this driver has an offer of the call.
    pub async fn offered(&self, call: &str) {
        eventually(&format!("{call} is offered to {}", self.id), async || {
            let offers = self.offers().await;
            if offers.iter().any(|offer| offer == call) { Ok(()) } else { Err(format!("{offers:?}")) }
        })
        .await;
    }

    /// Waits until this driver has no offer of the call.
    pub async fn no_longer_offered(&self, call: &str) {
        eventually(&format!("{call} is withdrawn from {}", self.id), async || {
            let offers = self.offers().await;
            if offers.iter().any(|offer| offer == call) { Err(format!("{offers:?}")) } else { Ok(()) }
        })
        .await;
    }

    /// Takes a call that is on offer, or will be.
    pub async fn take(&self, call: &str) -> Value {
        self.offered(call).await;
        self.command(call, "accept").await.expect(200)
    }

    /// What happened to a call, as this principal may read it: the names of the events, in order.
    pub async fn timeline(&self, call: &str) -> Vec<Value> {
        let timeline = self.get(&format!("/v1/calls/{call}/timeline")).await.ok();
        let items = if timeline.is_array() { &timeline } else { &timeline["items"] };
        items.as_array().cloned().unwrap_or_default()
    }

    /// This person's notifications about a call.
    pub async fn notifications_about(&self, call: &str) -> Vec<Value> {
        let page = self.get("/v1/me/notifications?limit=200").await.ok();
        let items = page["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().filter(|item| call_named_by(item) == Some(call)).collect()
    }

    /// Waits for that many notifications about a call.
    pub async fn notified_about(&self, call: &str, at_least: usize) -> Vec<Value> {
        eventually(&format!("{} has {at_least} notifications about {call}", self.id), async || {
            let found = self.notifications_about(call).await;
            if found.len() >= at_least { Ok(found) } else { Err(format!("{found:?}")) }
        })
        .await
    }
}

/// The id of a call or another thing.
pub fn id_of(thing: &Value) -> String {
    thing["id"].as_str().unwrap_or_else(|| panic!("no id in {thing}")).to_owned()
}

fn has_status(thing: Value, statuses: &[&str]) -> Result<Value, String> {
    let status = thing["status"].as_str().unwrap_or_default();
    if statuses.contains(&status) { Ok(thing) } else { Err(thing.to_string()) }
}
