//! How a member's client port is reached: straight, or through a stream that the API server carries.

use std::io;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::world::live::api::said;

/// A byte stream to a member.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

#[derive(Clone)]
pub enum Dial {
    Tcp { host: String, port: u16 },
    Forward(PortForward),
}

/// A port of a pod, through the API server.
#[derive(Clone)]
pub struct PortForward {
    pub client: kube::Client,
    pub namespace: String,
    pub pod: String,
    pub port: u16,
}

impl Dial {
    pub(super) async fn open(self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), port)).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Forward(forward) => forward.open().await,
        }
    }
}

/// The API server does not let us through to a pod.
#[derive(Debug, thiserror::Error)]
#[error("port-forward to pod {pod}: {message}")]
pub(super) struct ForwardError {
    pod: String,
    message: String,
}

impl PortForward {
    fn failed(&self, message: String) -> io::Error {
        io::Error::other(ForwardError {
            pod: self.pod.clone(),
            message,
        })
    }

    async fn open(self) -> io::Result<Box<dyn Stream>> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut forwarder = pods
            .portforward(&self.pod, &[self.port])
            .await
            .map_err(|error| self.failed(said(&error)))?;
        let stream = forwarder
            .take_stream(self.port)
            .ok_or_else(|| self.failed("it has no stream".to_owned()))?;
        Ok(Box::new(stream))
    }
}
