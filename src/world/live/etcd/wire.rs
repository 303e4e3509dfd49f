//! The messages that etcd-client has no call for: a *linearizable* member list (its own is always serializable and may
//! be stale), and logging in, so that one token serves both.

use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic_prost::ProstCodec;

use super::answer::EtcdError;
use super::channel::GrpcService;

#[derive(Clone, PartialEq, Message)]
pub(super) struct MemberListRequest {
    #[prost(bool, tag = "1")]
    pub(super) linearizable: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MemberListResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) header: Option<ResponseHeader>,
    #[prost(message, repeated, tag = "2")]
    pub(super) members: Vec<Member>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ResponseHeader {
    #[prost(uint64, tag = "1")]
    pub(super) cluster_id: u64,
    #[prost(uint64, tag = "2")]
    pub(super) member_id: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Member {
    #[prost(uint64, tag = "1")]
    pub(super) id: u64,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(string, repeated, tag = "3")]
    pub(super) peer_urls: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    pub(super) client_urls: Vec<String>,
    #[prost(bool, tag = "5")]
    pub(super) is_learner: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AuthenticateRequest {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) password: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AuthenticateResponse {
    #[prost(string, tag = "2")]
    pub(super) token: String,
}

pub(super) const MEMBER_LIST: &str = "/etcdserverpb.Cluster/MemberList";
pub(super) const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";

/// One unary call of ours.
pub(super) fn unary<Q, A>(
    service: GrpcService,
    path: &'static str,
    request: Q,
) -> BoxFuture<'static, Result<A, EtcdError>>
where
    Q: Message + Send + Sync + 'static,
    A: Message + Default + Send + Sync + 'static,
{
    let mut grpc = Grpc::new(service);
    let path = PathAndQuery::from_static(path);
    Box::pin(async move {
        grpc.ready()
            .await
            .map_err(|error| EtcdError::unreachable(&error))?;
        let codec = ProstCodec::<Q, A>::default();
        grpc.unary(tonic::Request::new(request), path, codec)
            .await
            .map(tonic::Response::into_inner)
            .map_err(|status| EtcdError::from(&status))
    })
}
