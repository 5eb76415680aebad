//! Why a client's TLS handshake failed, in the words of who has to put it right.

use std::fmt;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};
use rustls_pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::date;

/// Why a client's TLS handshake failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The certificate is for other names.
    #[error("the server's certificate is not for {expected}, but for {}", listed(.presented))]
    WrongName {
        /// What was expected.
        expected: String,
        /// What the certificate is issued for; may be empty.
        presented: Vec<String>,
    },
    /// A certificate of the server's has run out.
    #[error("the server's certificate expired on {at}")]
    Expired {
        /// When, in UTC.
        at: String,
    },
    /// A certificate of the server's is not valid yet, or this machine's clock is wrong.
    #[error("the server's certificate is not valid before {from}")]
    NotYetValid {
        /// From when on, in UTC.
        from: String,
    },
    /// The certificate leads to no authority that is trusted here.
    #[error("the server's certificate is not trusted: {0}")]
    UnknownAuthority(UnknownAuthority),
    /// The certificate was withdrawn, is damaged, for another purpose, or wrong in another way.
    #[error("the server's certificate cannot be accepted: {reason}")]
    BadCertificate {
        /// What rustls says.
        reason: String,
    },
    /// What listens there does not speak TLS.
    #[error("the server does not speak TLS")]
    NotTls,
    /// Both ends have no version or cipher in common.
    #[error("the server speaks no version of TLS that is safe: {reason}")]
    Incompatible {
        /// What rustls or the server says.
        reason: String,
    },
    /// The server wants a certificate of this end and got none.
    #[error("the server wants a client certificate")]
    CertificateRequired,
    /// The server does not accept the certificate of this end.
    #[error("the server refused the client certificate: {alert}")]
    CertificateRefused {
        /// The server's alert (RFC 8446 §6.2).
        alert: String,
    },
    /// The server does not know the name that was asked for.
    #[error("the server has no certificate for this name")]
    NameUnknown,
    /// Anything else.
    #[error("the TLS handshake failed: {reason}")]
    Other {
        /// What rustls says.
        reason: String,
    },
}

impl TlsFailure {
    /// What a person can do about it.
    pub fn remedy(&self) -> String {
        match self {
            TlsFailure::WrongName { presented, .. } => {
                let fits = presented.iter().find(|name| !name.starts_with('*'));
                let example = fits.map(|name| format!(", for instance {name},")).unwrap_or_default();
                return format!(
                    "connect by a name that the certificate has{example} or set `servername` to it if you trust the \
                     server"
                );
            }
            TlsFailure::Expired { .. } => "have the server's certificate renewed",
            TlsFailure::NotYetValid { .. } => "set the clock of this machine, or wait",
            TlsFailure::UnknownAuthority(_) => {
                "set `cafile` to a PEM file with the authority, or with the certificate itself if nobody else signed it; \
                 in a closed network `verifycert` can be switched off"
            }
            TlsFailure::BadCertificate { .. } => "have the server's certificate issued again",
            TlsFailure::NotTls => "correct the port, or begin the address with ws:// for plain text",
            TlsFailure::Incompatible { .. } => "let the server speak TLS 1.2 or 1.3",
            TlsFailure::CertificateRequired => "set `clientcert` and `clientkey` to those that the server knows",
            TlsFailure::CertificateRefused { .. } => {
                "set `clientcert` and `clientkey` to a pair that the server's authority has signed for clients"
            }
            TlsFailure::NameUnknown => "correct the host name, or set `servername` to the one that the server has",
            TlsFailure::Other { .. } => "see the log of the server",
        }
        .to_owned()
    }

    /// The failure that a stream's error tells of, if TLS is what failed.
    pub(crate) fn find(error: &io::Error) -> Option<Self> {
        let error = error.get_ref()?.downcast_ref::<Error>()?;
        Some(match error {
            Error::InvalidCertificate(error) => certificate(error),
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => TlsFailure::NotTls,
            Error::PeerIncompatible(_) => TlsFailure::Incompatible { reason: error.to_string() },
            Error::AlertReceived(description) => alert(*description),
            _ => TlsFailure::Other { reason: error.to_string() },
        })
    }
}

fn certificate(error: &CertificateError) -> TlsFailure {
    let moment = |time: &rustls_pki_types::UnixTime| date(Duration::from_secs(time.as_secs()));
    match error {
        CertificateError::NotValidForNameContext { expected, presented } => TlsFailure::WrongName {
            expected: expected.to_str().into_owned(),
            presented: presented.iter().map(|name| plain_name(name)).collect(),
        },
        CertificateError::ExpiredContext { not_after, .. } => TlsFailure::Expired { at: moment(not_after) },
        CertificateError::NotValidYetContext { not_before, .. } => TlsFailure::NotYetValid { from: moment(not_before) },
        CertificateError::Other(other) => match other.0.downcast_ref::<UnknownAuthority>() {
            Some(unknown) => TlsFailure::UnknownAuthority(unknown.clone()),
            None => bad(error),
        },
        _ => bad(error),
    }
}

fn bad(error: &CertificateError) -> TlsFailure {
    TlsFailure::BadCertificate { reason: error.to_string() }
}

fn alert(description: AlertDescription) -> TlsFailure {
    use AlertDescription as Alert;
    match description {
        Alert::CertificateRequired => TlsFailure::CertificateRequired,
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied => TlsFailure::CertificateRefused { alert: format!("{description:?}") },
        Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::InsufficientSecurity => {
            TlsFailure::Incompatible { reason: format!("its alert is {description:?}") }
        }
        Alert::UnrecognisedName => TlsFailure::NameUnknown,
        _ => TlsFailure::Other { reason: format!("the server's alert is {description:?}") },
    }
}

/// A name out of what the verifier says about it, `DnsName("example.org")`.
fn plain_name(name: &str) -> String {
    let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inside.trim_matches('"').to_owned()
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") }
}

/// Who signed a certificate that leads to no trusted authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAuthority {
    /// The subject of the server's certificate, as RFC 4514 writes it.
    pub subject: String,
    /// The authority at the end of what the server shows.
    pub issuer: String,
}

impl std::error::Error for UnknownAuthority {}

impl UnknownAuthority {
    pub(super) fn of(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Self {
        let read = |certificate: &CertificateDer<'_>| Certificate::from_der(certificate).ok();
        let name = |certificate: &Certificate, issuer: bool| {
            let certificate = certificate.tbs_certificate();
            if issuer { certificate.issuer().to_string() } else { certificate.subject().to_string() }
        };
        let first = read(end_entity);
        let last = intermediates.last().and_then(read);
        UnknownAuthority {
            subject: first.as_ref().map(|certificate| name(certificate, false)).unwrap_or_default(),
            issuer: last.or(first).map(|certificate| name(&certificate, true)).unwrap_or_default(),
        }
    }
}

impl fmt::Display for UnknownAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.subject == self.issuer {
            write!(f, "{} has signed it itself", self.subject)
        } else {
            write!(f, "{} is no authority known here", self.issuer)
        }
    }
}
