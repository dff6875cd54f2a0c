//! Where the Redis is: what the URL and the settings say, and how to connect to it, sentinels included.

use std::{path::Path, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, TlsCertificates, aio::MultiplexedConnection, cmd,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::greeting::{self, Greeted};
use crate::{
    outbound::choose_tls,
    persistence::{OpenError, StoreSettings},
    settings::Url,
};

const SCHEMES: [&str; 4] = ["redis://", "rediss://", "redis+sentinel://", "rediss+sentinel://"];

/// Where the Redis is, with everything needed to connect.
pub(in crate::persistence) struct Address {
    place: Place,
    redis: RedisConnectionInfo,
    certificates: Option<TlsCertificates>,
    connect_timeout: Duration,
    shown: String,
}

enum Place {
    Server(ConnectionAddr),
    Sentinels { sentinels: Vec<ConnectionInfo>, master: String },
}

impl Address {
    /// Whether the URL's scheme is one of Redis's.
    pub fn knows(url: &str) -> bool {
        SCHEMES.iter().any(|scheme| url.starts_with(scheme))
    }

    /// Reads the URL and what the settings add to it.
    pub fn parse(url: &str, settings: &StoreSettings) -> Result<Self, OpenError> {
        let wrong = |reason: String| OpenError::Url { url: Url::new(url).to_string(), reason };
        let (place, redis) = match url.split_once("+sentinel://") {
            Some((scheme, rest)) => sentinels(scheme, rest, settings).map_err(wrong)?,
            None => {
                let info = url.into_connection_info().map_err(|error| wrong(error.to_string()))?;
                (Place::Server(info.addr().clone()), info.redis_settings().clone())
            }
        };
        Ok(Self {
            place,
            redis: login(redis, settings.username.as_deref(), settings.password.as_ref()),
            certificates: certificates(url, settings)?,
            connect_timeout: settings.connect_timeout(),
            shown: Url::new(url).to_string(),
        })
    }

    /// The URL without its user and password.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Connects: to the server named, or to the one the sentinels say is the master. Either must be a master by its own
    /// account.
    pub(super) async fn connect(&self, response_timeout: Duration) -> Result<Greeted, RedisError> {
        match &self.place {
            Place::Server(server) => greeting::greet(self.connect_to(server.clone(), response_timeout).await?).await,
            Place::Sentinels { sentinels, master } => {
                let mut last = None;
                for sentinel in sentinels {
                    match self.connect_by(sentinel, master, response_timeout).await {
                        Ok(connection) => return Ok(connection),
                        Err(error) => last = Some(error),
                    }
                }
                Err(last.unwrap_or_else(|| (ErrorKind::EmptySentinelList, "no sentinel is named").into()))
            }
        }
    }

    async fn connect_by(
        &self,
        sentinel: &ConnectionInfo,
        master: &str,
        response_timeout: Duration,
    ) -> Result<Greeted, RedisError> {
        let mut asked = self.open(sentinel.clone(), self.connect_timeout).await?;
        let found: Option<(String, u16)> =
            cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(master).query_async(&mut asked).await?;
        let unknown = || {
            RedisError::from((
                ErrorKind::MasterNameNotFoundBySentinel,
                "the sentinel knows no such master",
                master.to_owned(),
            ))
        };
        let (host, port) = found.ok_or_else(unknown)?;
        let tls = matches!(sentinel.addr(), ConnectionAddr::TcpTls { .. });
        let address = if tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        greeting::greet(self.connect_to(address, response_timeout).await?).await
    }

    async fn connect_to(
        &self,
        address: ConnectionAddr,
        response_timeout: Duration,
    ) -> Result<MultiplexedConnection, RedisError> {
        let info = address.into_connection_info()?.set_redis_settings(self.redis.clone());
        self.open(info, response_timeout).await
    }

    async fn open(
        &self,
        info: ConnectionInfo,
        response_timeout: Duration,
    ) -> Result<MultiplexedConnection, RedisError> {
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        let info = info.set_tcp_settings(tcp);
        let client = match &self.certificates {
            Some(certificates) => Client::build_with_tls(info, certificates.clone())?,
            None => Client::open(info)?,
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(Some(response_timeout));
        // The configured one covers the socket; this one also what is said before the connection is usable.
        match timeout(self.connect_timeout, client.get_multiplexed_async_connection_with_config(&config)).await {
            Ok(connected) => connected,
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }
}

fn sentinels(scheme: &str, rest: &str, settings: &StoreSettings) -> Result<(Place, RedisConnectionInfo), String> {
    const FORM: &str = "it must be …+sentinel://[user:password@]sentinel:port,sentinel:port/master[/db]";
    let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(user, rest)| (user, rest));
    let (hosts, path) = rest.split_once('/').ok_or(FORM)?;
    let (master, db) = path.split_once('/').unwrap_or((path, "0"));
    if master.is_empty() || hosts.is_empty() {
        return Err(FORM.to_owned());
    }
    let parse = |url: String| url.into_connection_info().map_err(|error| format!("{error}; {FORM}"));
    let at = if user.is_empty() { "" } else { "@" };
    let redis = parse(format!("{scheme}://{user}{at}localhost/{db}"))?.redis_settings().clone();
    let mut sentinels = Vec::new();
    for host in hosts.split(',') {
        let port = if host.rsplit_once(':').is_some() { "" } else { ":26379" };
        let info = parse(format!("{scheme}://{host}{port}"))?;
        let (user, password) = (settings.sentinel_username.as_deref(), settings.sentinel_password.as_ref());
        let asked = login(info.redis_settings().clone(), user, password);
        sentinels.push(info.set_redis_settings(asked));
    }
    Ok((Place::Sentinels { sentinels, master: master.to_owned() }, redis))
}

/// Adds the user and password of the settings to a login that has none.
fn login(redis: RedisConnectionInfo, user: Option<&str>, password: Option<&SecretString>) -> RedisConnectionInfo {
    let redis = match user {
        Some(user) if redis.username().is_none() => redis.set_username(user),
        _ => redis,
    };
    match password {
        Some(password) if redis.password().is_none() => redis.set_password(password.expose_secret()),
        _ => redis,
    }
}

/// The certificates for a `rediss` URL, read from the files that the settings name.
fn certificates(url: &str, settings: &StoreSettings) -> Result<Option<TlsCertificates>, OpenError> {
    if !url.starts_with("rediss") {
        return Ok(None);
    }
    choose_tls();
    let read = |key: &'static str, path: &Path| {
        std::fs::read(path).map_err(|source| OpenError::Certificate { key, path: path.to_owned(), source })
    };
    let root_cert = settings.tls_ca_file.as_deref().map(|path| read("tls_ca_file", path)).transpose()?;
    let client_tls = match (&settings.tls_cert_file, &settings.tls_key_file) {
        (Some(cert), Some(key)) => {
            Some(ClientTlsConfig { client_cert: read("tls_cert_file", cert)?, client_key: read("tls_key_file", key)? })
        }
        _ => None,
    };
    Ok(Some(TlsCertificates { client_tls, root_cert }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentinels_of(url: &str) -> Result<(Vec<String>, String, RedisConnectionInfo), OpenError> {
        let address = Address::parse(url, &StoreSettings::default())?;
        let Place::Sentinels { sentinels, master } = address.place else { panic!("{url} names a server") };
        let hosts = sentinels.iter().map(|info| info.addr().to_string()).collect();
        Ok((hosts, master, address.redis))
    }

    #[test]
    fn a_sentinel_url_names_sentinels_master_database_and_login() -> Result<(), OpenError> {
        let (hosts, master, redis) = sentinels_of("redis+sentinel://app:s%40cret@one:1,two/calls/3")?;
        assert_eq!((hosts.join(" "), master.as_str()), ("one:1 two:26379".to_owned(), "calls"));
        assert_eq!((redis.username(), redis.password(), redis.db()), (Some("app"), Some("s@cret"), 3));
        Ok(())
    }

    #[test]
    fn what_a_url_lacks_comes_from_the_settings() -> Result<(), OpenError> {
        let settings =
            StoreSettings { username: Some("app".into()), password: Some("hidden".into()), ..StoreSettings::default() };
        let address = Address::parse("redis://host:7/2", &settings)?;
        assert_eq!((address.redis.username(), address.redis.password()), (Some("app"), Some("hidden")));
        let address = Address::parse("redis://:other@host:7/2", &settings)?;
        assert_eq!(address.redis.password(), Some("other"));
        assert_eq!(address.shown(), "redis://[hidden]@host:7/2");
        Ok(())
    }

    #[test]
    fn a_url_that_is_not_understood_is_refused_without_its_password() {
        for wrong in ["redis://:s3cret@host:port", "redis+sentinel://:s3cret@host", "redis+sentinel://:s3cret@/calls"] {
            let Err(error) = Address::parse(wrong, &StoreSettings::default()) else { panic!("{wrong} was taken") };
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_certificate_that_cannot_be_read_is_named() {
        let settings = StoreSettings { tls_ca_file: Some("no/such.pem".into()), ..StoreSettings::default() };
        let Err(error) = Address::parse("rediss://host", &settings) else { panic!("it was read") };
        assert!(error.to_string().starts_with("store.tls_ca_file names \"no/such.pem\""), "{error}");
    }
}
