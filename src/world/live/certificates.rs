//! When certificates expire, read where their Secret is: nothing else of them goes any further.

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::secrets::Secrets;
use crate::fleet::ClusterSpec;
use crate::state::{CertificateKey, Certificates, Reading};

/// Of every certificate that the spec names. A Secret or a key that is absent is told elsewhere.
pub(super) fn certificates(spec: &ClusterSpec, secrets: &Secrets) -> Certificates {
    let mut found = Certificates::new();
    for named in CertificateKey::of_spec(spec).into_keys() {
        let reading = match secrets.get(&named.secret) {
            Some(Ok(Some(secret))) => secret.public(named.key).map(expiries),
            Some(Ok(None)) | None => None,
            Some(Err(error)) => Some(Reading::Unknown(error.to_string())),
        };
        if let Some(reading) = reading {
            let keys = found.entry(named.secret).or_default();
            keys.insert(named.key.to_owned(), reading);
        }
    }
    found
}

/// Of all certificates in a PEM file, in its order.
fn expiries(pem: &[u8]) -> Reading<Vec<Timestamp>> {
    let each = CertificateDer::pem_slice_iter(pem).map(|der| {
        let der = der.map_err(|error| format!("its PEM is broken ({error})"))?;
        expiry(&der)
    });
    match each.collect::<Result<Vec<_>, String>>() {
        Ok(all) if all.is_empty() => {
            Reading::Unknown("found no certificate, expected one in PEM form".to_owned())
        }
        Ok(all) => Reading::Known(all),
        Err(why) => Reading::Unknown(why),
    }
}

fn expiry(der: &[u8]) -> Result<Timestamp, String> {
    let certificate = Certificate::from_der(der)
        .map_err(|error| format!("found what is no X.509 certificate ({error})"))?;
    let validity = certificate.tbs_certificate().validity();
    let seconds = validity.not_after.to_unix_duration().as_secs();
    let instant = i64::try_from(seconds).ok().map(Timestamp::from_second);
    match instant {
        Some(Ok(instant)) => Ok(instant),
        _ => Err(format!(
            "it expires {seconds} s after 1970, which is no time"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `openssl ca -selfsign -enddate 20501231235959Z`. From 2050 on a time has another form.
    const LATE: &str = include_str!("certificates/late.pem");
    const EARLY: &str = include_str!("certificates/early.pem");

    fn known(pem: &str) -> Vec<String> {
        let reading = expiries(pem.as_bytes());
        let all = reading.known().unwrap_or_else(|| panic!("{reading:?}"));
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn both_forms_of_a_time_are_read() {
        assert_eq!(known(EARLY), ["2049-12-31T23:59:59Z"]);
        assert_eq!(known(LATE), ["2050-12-31T23:59:59Z"]);
    }

    #[test]
    fn a_bundle_is_read_to_its_end_whatever_is_written_between() {
        let bundle = format!("subject=CN = old\r\n{LATE}\n\nsubject=CN = new\n{EARLY}");
        assert_eq!(
            known(&bundle),
            ["2050-12-31T23:59:59Z", "2049-12-31T23:59:59Z"]
        );
    }

    #[test]
    fn what_is_none_is_unknown_with_the_reason() {
        let why = |pem: &str| {
            let reading = expiries(pem.as_bytes());
            reading.why_unknown().expect("unknown").to_owned()
        };
        assert_eq!(why(""), "found no certificate, expected one in PEM form");
        let short = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        assert!(why(short).starts_with("found what is no X.509 certificate ("));
        let (head, _) = LATE.split_at(LATE.len() / 2);
        assert!(
            why(head).starts_with("its PEM is broken ("),
            "{}",
            why(head)
        );
    }
}
