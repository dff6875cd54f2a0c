//! The walk of each service as data: how it is requested, who takes which step, and which of them charges.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    harness::{Client, GANGNAM, Reply, Server, eventually, id_of, place, trip_paid_with},
    rental::booking_in,
    taxi::ride,
};

/// Who asks, in every walk.
pub const CUSTOMER: &str = "mina";

/// One service from the request to the end.
pub struct Walk {
    pub service: &'static str,
    /// Who or what answers its calls here.
    pub driver: &'static str,
    /// Whether an operator registers that, and customers choose it.
    pub is_chosen: bool,
    /// The body of a request.
    pub request: fn() -> Value,
    /// Where a call stands when the request has succeeded.
    pub first: &'static str,
    /// What the driver is doing while the request is not paid.
    pub unpaid_driver: &'static str,
    /// Which step charges: `request`, or the command of one of the steps.
    pub charged_by: &'static str,
    /// Where a call stays whose charge cannot be made.
    pub stays: &'static str,
    /// Whether the step that charges succeeds without the charge, which then follows by itself.
    pub is_deferred: bool,
    /// The steps after the request.
    pub steps: &'static [Step],
}

/// A request that can be repeated.
pub struct Ask {
    customer: Client,
    key: String,
    body: Value,
}

/// A command on a call.
pub struct Step {
    pub command: &'static str,
    /// Whether an operator gives it; otherwise the driver does.
    pub by_operator: bool,
    pub status: &'static str,
}

const fn by_driver(command: &'static str, status: &'static str) -> Step {
    Step { command, by_operator: false, status }
}

const fn by_operator(command: &'static str, status: &'static str) -> Step {
    Step { command, by_operator: true, status }
}

pub const DRIVER_CALL: Walk = Walk {
    service: "driver-call",
    driver: "kim",
    is_chosen: false,
    request: || trip_paid_with("tok_ok"),
    first: "dispatching",
    unpaid_driver: "available",
    charged_by: "request",
    stays: "requested",
    is_deferred: false,
    steps: &[by_driver("accept", "assigned"), by_driver("start", "started"), by_driver("complete", "completed")],
};

pub const CLEANING: Walk = Walk {
    service: "cleaning",
    driver: "ssak3",
    request: || json!({"service": "cleaning", "pickup": place(GANGNAM), "payment": {"method": "tok_ok"}}),
    first: "assigned",
    steps: &[by_driver("start", "started"), by_driver("complete", "completed")],
    ..DRIVER_CALL
};

pub const RENTAL: Walk = Walk {
    service: "rental",
    driver: "car-1",
    is_chosen: true,
    request: || booking_in("car-1", 0, 86_400),
    first: "assigned",
    unpaid_driver: "reserved",
    steps: &[by_operator("start", "started"), by_operator("complete", "completed")],
    ..DRIVER_CALL
};

pub const TAXI: Walk = Walk {
    service: "taxi",
    driver: "taxi-a",
    request: || ride("tok_ok"),
    unpaid_driver: "engaged",
    charged_by: "complete",
    stays: "started",
    ..DRIVER_CALL
};

pub const STUDYCAFE: Walk = Walk {
    service: "studycafe",
    driver: "seat-1",
    is_chosen: true,
    request: || {
        json!({"service": "studycafe", "pickup": place(GANGNAM), "driver_id": "seat-1",
        "payment": {"method": "tok_ok"}})
    },
    first: "awaiting_approval",
    unpaid_driver: "reserved",
    charged_by: "approve",
    stays: "awaiting_payment",
    is_deferred: true,
    steps: &[by_operator("approve", "assigned"), by_operator("start", "started"), by_operator("complete", "completed")],
};

impl Walk {
    /// Registers the driver.
    pub async fn stage(&self, server: &Server) {
        if self.is_chosen {
            let profile = json!({"service": self.service, "name": self.driver});
            server.operator().put(&format!("/v1/drivers/{}", self.driver), profile).await.expect(201);
        } else {
            server.register_driver_of(self.service, self.driver, GANGNAM).await;
        }
    }

    /// A request that can be repeated: under its key it is always the same call.
    pub fn ask(&self, server: &Server, key: &str) -> Ask {
        Ask { customer: server.customer(CUSTOMER), key: key.to_owned(), body: (self.request)() }
    }

    /// Asks until there is a call that has come as far as a request alone can bring it; pays again where that is for the
    /// customer to do.
    pub async fn requested(&self, ask: &Ask) -> String {
        let id = eventually("the request is taken", async || {
            let reply = Client::send(ask.request()).await;
            if matches!(reply.status, 200 | 201) { Ok(id_of(&reply.body)) } else { Err(reply.text) }
        })
        .await;
        eventually(&format!("{id} is {}", self.first), async || {
            let call = ask.customer.get(&format!("/v1/calls/{id}")).await.body;
            if call["status"] == self.first {
                return Ok(());
            }
            if call["status"] == "requested" && call["payment"]["status"] == "created" {
                ask.customer.pay(&id, "tok_ok").await;
            }
            Err(call.to_string())
        })
        .await;
        id
    }

    /// Whether a call has been paid after so many steps.
    pub fn is_paid_after(&self, steps: usize) -> bool {
        self.charged_by == "request" || self.steps[..steps].iter().any(|step| step.command == self.charged_by)
    }

    /// How many steps a call can take and still be cancelled.
    pub fn steps_before_start(&self) -> usize {
        self.steps.iter().position(|step| step.command == "start").unwrap_or_default()
    }

    /// The call is completed, paid once, and the driver is free.
    pub async fn has_ended_well(&self, server: &Server, id: &str) {
        server.call_is(id, &["completed"]).await;
        server.payment_is(id, &["charged"]).await;
        server.ledger_is(id, 1, 0).await;
        server.driver_is(self.driver, &["available"]).await;
        let last = self.steps.last().expect("a last step");
        assert_eq!(last.taken(server, self, id).await.body["status"], "completed", "twice is once");
        super::told_once(server, id, &["paid", "assigned", "started", "completed"]).await;
        server.ledger_is(id, 1, 0).await;
    }
}

impl Ask {
    /// The request, to be sent as often as it takes.
    pub fn request(&self) -> RequestBuilder {
        self.customer.request(Method::POST, "/v1/calls").header("Idempotency-Key", &self.key).json(&self.body)
    }
}

impl Step {
    /// Who gives the command.
    pub fn by(&self, server: &Server, walk: &Walk) -> Client {
        if self.by_operator { server.operator() } else { server.driver(walk.driver) }
    }

    /// Waits until its time has come.
    pub async fn is_due(&self, server: &Server, walk: &Walk, id: &str) {
        if self.command == "accept" {
            eventually(&format!("{id} is offered to {}", walk.driver), async || {
                let reply = server.driver(walk.driver).get(&format!("/v1/drivers/{}/offers", walk.driver)).await;
                if reply.text.contains(id) { Ok(()) } else { Err(reply.text) }
            })
            .await;
        }
    }

    /// Gives the command until it is taken.
    pub async fn taken(&self, server: &Server, walk: &Walk, id: &str) -> Reply {
        taken(&self.by(server, walk), id, self.command).await
    }

    /// Waits for its time, takes it, and waits for where it leads.
    pub async fn go(&self, server: &Server, walk: &Walk, id: &str) {
        self.is_due(server, walk, id).await;
        self.taken(server, walk, id).await;
        server.call_is(id, &[self.status]).await;
    }
}

/// Gives a command until it is taken: an actor, or the gateway, may be on its way back.
pub async fn taken(by: &Client, id: &str, command: &str) -> Reply {
    eventually(&format!("{command} of {id} is taken"), async || {
        let reply = by.command(id, command).await;
        if reply.status == 200 {
            return Ok(reply);
        }
        assert_eq!(reply.status, 503, "{command} {}", reply.text);
        Err(reply.any_problem().to_string())
    })
    .await
}
