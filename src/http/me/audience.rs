//! The receivers whose notifications somebody is shown: itself, or for an operator its services.

use jiff::Timestamp;

use crate::{
    domain::{Role, ServiceId, account::ReadMark},
    http::{auth::Principal, error::Problem, state::State},
    readmodel::{Notice, NoticeFilter, Page},
};

/// The most notifications that are counted as unread.
const UNREAD_MAX: usize = 100;

/// The receivers of a list of notifications.
pub(super) struct Audience<'a> {
    state: &'a State,
    role: Role,
    ids: Vec<&'a str>,
    services: Option<Vec<ServiceId>>,
}

impl<'a> Audience<'a> {
    /// The receivers for somebody; of one service only, if that is named.
    pub(super) fn of(state: &'a State, who: &'a Principal, service: Option<&str>) -> Result<Self, Problem> {
        let service = service.map(|named| state.service_named(named)).transpose()?;
        if let Some(service) = &service {
            who.must_use(service)?;
        }
        let role = who.role();
        Ok(match role {
            Role::Operator => {
                let services = state.engine.policies().services();
                let wanted = services.filter(|known| match &service {
                    Some(service) => *known == service,
                    None => who.may_use(known),
                });
                Self { state, role, ids: wanted.map(ServiceId::as_str).collect(), services: None }
            }
            Role::Customer | Role::Driver => {
                let services = service.map(|service| vec![service]).or_else(|| who.services().map(<[_]>::to_vec));
                Self { state, role, ids: vec![who.id()], services }
            }
        })
    }

    /// A page of their notifications, latest first.
    pub(super) async fn page(
        &self,
        since: Option<Timestamp>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Notice>, Problem> {
        let filter = NoticeFilter { services: self.services.as_deref(), since };
        Ok(self.state.read_model.notifications(self.role, &self.ids, filter, limit, cursor).await?)
    }

    /// How many notifications somebody with that mark has not read; not counted beyond 100.
    pub(super) async fn unread(&self, mark: Option<&ReadMark>) -> Result<usize, Problem> {
        let latest = self.page(None, UNREAD_MAX, None).await?;
        Ok(latest.items.iter().filter(|notice| !self.state.read_model.is_read(notice, mark)).count())
    }

    /// One of their notifications.
    pub(super) async fn notification(&self, id: &str) -> Result<Option<Notice>, Problem> {
        Ok(self.state.read_model.notification(self.role, &self.ids, id).await?)
    }
}
