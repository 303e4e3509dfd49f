//! One member's channel: dialling, TLS under the member's own name, and the token etcd wants when auth is on.

use std::time::Duration;

use hyper_util::rt::TokioIo;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity, Uri};
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

use super::answer::{Answer, EtcdError};
use super::dial::Dial;
use super::wire::{AUTHENTICATE, AuthenticateRequest, AuthenticateResponse, unary};
use crate::fleet::Ordinal;
use crate::world::live::secret::Secret;

/// What etcd-client and our own calls share.
pub(super) type GrpcService = BoxCloneSyncService<
    http::Request<tonic::body::Body>,
    http::Response<tonic::body::Body>,
    Broken,
>;

/// A transport's error under a type of its own: tonic's bounds on a bare boxed one defeat the compiler's `Send` check.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Broken(#[from] tonic::transport::Error);

/// Where one member answers.
#[derive(Clone)]
pub struct Target {
    pub ordinal: Ordinal,
    /// `https://<host>:2379`: the host is what its certificate is checked against, not where it is dialled.
    pub url: String,
    pub dial: Dial,
    /// Its metrics port: plain HTTP, as the member's file has it.
    pub metrics: Dial,
}

/// What it takes to be let in; the same for every member of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Access {
    pub tls: Option<Tls>,
    pub credentials: Option<Credentials>,
}

#[derive(Debug, Clone)]
pub struct Tls {
    /// PEM of the authority that signed the members' certificates.
    pub ca: Vec<u8>,
    /// PEM of our certificate and key, where etcd asks for one.
    pub identity: Option<(Vec<u8>, Secret<Vec<u8>>)>,
}

#[derive(Debug, Clone)]
pub struct Credentials {
    pub user: String,
    pub password: Secret<String>,
}

impl Credentials {
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: Secret::new(password.into()),
        }
    }
}

/// An open way to one member. Cheap to clone; reconnects by itself.
#[derive(Clone)]
pub struct MemberChannel {
    pub ordinal: Ordinal,
    pub(super) service: GrpcService,
    pub(super) client: etcd_client::Client,
    pub(super) metrics: Dial,
    /// It speaks TLS and has no certificate of ours.
    pub(super) is_anonymous: bool,
}

/// A dead peer behind a silent network is noticed after two of these.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

impl MemberChannel {
    /// Opens lazily unless there is a login to do: a dead address shows at the first call.
    pub async fn open(
        target: Target,
        access: &Access,
        deadline: Duration,
    ) -> Result<Self, EtcdError> {
        let (ordinal, metrics) = (target.ordinal, target.metrics.clone());
        let bare = connect(target, access.tls.as_ref())?;
        let service = match &access.credentials {
            None => bare,
            Some(credentials) => {
                match within(deadline, log_in(bare.clone(), credentials)).await {
                    Ok(token) => with_token(bare, token),
                    // A cluster is born without: whoever runs it switches it on later.
                    Err(error) if error.answer() == Some(Answer::AuthOff) => bare,
                    Err(error) => return Err(error),
                }
            }
        };
        let boxed = service.clone().map_err(tower::BoxError::from);
        let channel = etcd_client::Channel::Custom(BoxCloneSyncService::new(boxed));
        let client = etcd_client::Client::from_channel(channel, None).await?;
        Ok(Self {
            ordinal,
            service,
            client,
            metrics,
            is_anonymous: access
                .tls
                .as_ref()
                .is_some_and(|tls| tls.identity.is_none()),
        })
    }
}

fn connect(target: Target, tls: Option<&Tls>) -> Result<GrpcService, EtcdError> {
    let uri: Uri = target
        .url
        .parse()
        .map_err(|error| EtcdError::unreachable(&error))?;
    let mut endpoint = Endpoint::from(uri.clone())
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE);
    if let Some(tls) = tls {
        let mut config = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&tls.ca))
            .domain_name(uri.host().unwrap_or_default());
        if let Some((certificate, key)) = &tls.identity {
            config = config.identity(Identity::from_pem(certificate, key.expose()));
        }
        endpoint = endpoint
            .tls_config(config)
            .map_err(|error| EtcdError::unreachable(&error))?;
    }
    let dial = target.dial;
    let channel = endpoint.connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
        let dial = dial.clone();
        async move { dial.open().await.map(TokioIo::new) }
    }));
    Ok(BoxCloneSyncService::new(channel.map_err(Broken)))
}

async fn log_in(
    service: GrpcService,
    credentials: &Credentials,
) -> Result<AsciiMetadataValue, EtcdError> {
    let request = AuthenticateRequest {
        name: credentials.user.clone(),
        password: credentials.password.expose().clone(),
    };
    let answer: AuthenticateResponse = unary(service, AUTHENTICATE, request).await?;
    let mut token: AsciiMetadataValue = answer
        .token
        .parse()
        .map_err(|_| EtcdError::broken("etcd sent a token that is not ASCII"))?;
    token.set_sensitive(true);
    Ok(token)
}

fn with_token(service: GrpcService, token: AsciiMetadataValue) -> GrpcService {
    BoxCloneSyncService::new(service.map_request(
        move |mut request: http::Request<tonic::body::Body>| {
            let mut headers =
                tonic::metadata::MetadataMap::from_headers(std::mem::take(request.headers_mut()));
            headers.insert("token", token.clone());
            *request.headers_mut() = headers.into_headers();
            request
        },
    ))
}

/// A call under a deadline of its own.
pub(super) async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, EtcdError>>,
) -> Result<T, EtcdError> {
    tokio::time::timeout(deadline, call)
        .await
        .unwrap_or(Err(EtcdError::Deadline(deadline)))
}
