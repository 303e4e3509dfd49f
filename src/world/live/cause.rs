//! What is at the bottom of an error from the wire, and how to say it.

use std::error::Error;
use std::io;

use rustls::CertificateError;

/// An error with its causes, each said once: the deepest one is the one that helps.
pub(in crate::world) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

/// The first cause of this type, the error itself among them.
pub(in crate::world) fn find<'e, T: Error + 'static>(
    error: &'e (dyn Error + 'static),
) -> Option<&'e T> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error passes over the error it was made of when asked for its source.
        at = match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

/// Nobody listens there.
pub(super) fn is_refused(error: &(dyn Error + 'static)) -> bool {
    find::<io::Error>(error).is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused)
}

/// How a TLS handshake failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handshake {
    /// Signed by none of the authorities we were given.
    Untrusted,
    WrongName,
    Expired,
    /// The other side wants a certificate of ours, or another one.
    NotLetIn,
    /// What answers does not speak TLS.
    Plain,
    Other,
}

/// The handshake's failure and rustls' words for it.
pub(super) fn handshake(error: &(dyn Error + 'static)) -> Option<(Handshake, String)> {
    let tls = find::<rustls::Error>(error)?;
    let kind = match tls {
        rustls::Error::InvalidCertificate(why) => match why {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Handshake::WrongName
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Handshake::Expired,
            _ => Handshake::Untrusted,
        },
        rustls::Error::AlertReceived(_) => Handshake::NotLetIn,
        rustls::Error::InvalidMessage(_) => Handshake::Plain,
        _ => Handshake::Other,
    };
    Some((kind, tls.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_found_inside_an_io_error() {
        let name = rustls::Error::InvalidCertificate(CertificateError::NotValidForName);
        let wrapped = io::Error::other(io::Error::other(name));
        let found = handshake(&wrapped).map(|(kind, _)| kind);
        assert_eq!(found, Some(Handshake::WrongName));
        assert_eq!(handshake(&io::Error::other("reset")), None);
        assert!(is_refused(&io::Error::from(
            io::ErrorKind::ConnectionRefused
        )));
    }
}
