//! What a cloud's store says when it does not do what was asked.

use super::StoreError;

/// What a store's words mean; the first match wins. `object_store` tells few of them apart by type.
const WORDS: &[(Kind, &[&str])] = &[
    // Whom it asked who we are: the machine's own identity service.
    (
        Kind::Nobody,
        &[
            "169.254.169.254",
            "169.254.170.2",
            "metadata.google.internal",
        ],
    ),
    (
        Kind::Full,
        &[
            "status code: 507",
            "StorageFull",
            "QuotaExceeded",
            "InsufficientStorage",
            "InsufficientCapacity",
            "No space left",
        ],
    ),
    (
        Kind::Absent,
        &["NoSuchBucket", "ContainerNotFound", "status code: 404"],
    ),
    (
        Kind::Denied,
        &["status code: 401", "status code: 403", "AccessDenied"],
    ),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nobody,
    Full,
    Absent,
    Denied,
    Unreachable,
    Failed,
}

/// Longer ones are pages of XML.
const LONGEST: usize = 400;

pub(super) fn said(place: &str, error: &object_store::Error) -> StoreError {
    let place = place.to_owned();
    let mut said: String = crate::world::live::chain(error)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let kind = kind(error, &said);
    if let Some((at, _)) = said.char_indices().nth(LONGEST) {
        said.truncate(at);
        said.push('…');
    }
    match kind {
        Kind::Nobody => StoreError::Credentials {
            what: format!("there is no identity for {place} ({said})"),
            expected: "one in the environment or of this machine".to_owned(),
        },
        Kind::Full => StoreError::Full { place, said },
        Kind::Absent => StoreError::Absent { place, said },
        Kind::Denied => StoreError::Denied { place, said },
        Kind::Unreachable => StoreError::Unreachable { place, said },
        Kind::Failed => StoreError::Failed { place, said },
    }
}

fn kind(error: &object_store::Error, said: &str) -> Kind {
    use object_store::Error;
    use object_store::client::{HttpError, HttpErrorKind};
    let meant = |(_, texts): &&(Kind, &[&str])| texts.iter().any(|text| said.contains(text));
    if let Some((kind, _)) = WORDS.iter().find(meant) {
        return *kind;
    }
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Kind::Denied,
        Error::NotFound { .. } => Kind::Absent,
        _ => match crate::world::live::find::<HttpError>(error).map(HttpError::kind) {
            Some(HttpErrorKind::Connect | HttpErrorKind::Timeout | HttpErrorKind::Request) => {
                Kind::Unreachable
            }
            _ => Kind::Failed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As servers have said it.
    const SEEN: &[(&str, Kind)] = &[
        (
            "Error performing GET http://127.0.0.1:39931/b?list-type=2 - Server returned non-2xx status code: 404 Not Found: <Error><Code>NoSuchBucket</Code></Error>",
            Kind::Absent,
        ),
        (
            "Server returned non-2xx status code: 403 Forbidden: <Error><Code>InvalidAccessKeyId</Code></Error>",
            Kind::Denied,
        ),
        (
            "Server returned non-2xx status code: 507 Insufficient Storage: <Error><Code>XMinioStorageFull</Code></Error>",
            Kind::Full,
        ),
        (
            "Error performing PUT http://169.254.169.254/latest/api/token in 5.1s - HTTP error: error sending request",
            Kind::Nobody,
        ),
        ("Server returned non-2xx status code: 500", Kind::Failed),
    ];

    #[test]
    fn the_words_of_stores_are_told_apart() {
        for (text, expected) in SEEN {
            let error = object_store::Error::Generic {
                store: "S3",
                source: (*text).into(),
            };
            assert_eq!(kind(&error, text), *expected, "{text}");
        }
    }
}
