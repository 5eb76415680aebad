//! TLS of both roles: from PEM files to what rustls wants.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or has no PEM section of the kind.
    #[error("the {what} in \"{}\" cannot be read: {reason}", path.display())]
    File {
        /// Certificate or key.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// rustls does not take certificate and key.
    #[error("the certificate in \"{}\" cannot be used: {reason}", path.display())]
    Refused {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        reason: rustls::Error,
    },
    /// The system has no authorities to verify servers by.
    #[error("no authorities to verify servers by: {reason}; set \"certificate\" to a file that has the server's")]
    NoAuthorities {
        /// Why.
        reason: String,
    },
}

/// The configuration of a server; `key` may be the same file.
pub(super) fn server(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::File {
        what: "key",
        path: key.to_owned(),
        reason: error.to_string(),
    })?;
    let refused = |reason| TlsError::Refused { path: certificate.to_owned(), reason };
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(refused)?;
    Ok(Arc::new(config))
}

/// The configuration of a client that trusts the authorities of a file, or those of the system.
pub(super) fn client(authorities: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    let origin = authorities.unwrap_or(Path::new("")).to_owned();
    let refused = |reason| TlsError::Refused { path: origin.clone(), reason };
    match authorities {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(refused)?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            // One that rustls cannot read does not make the others worthless.
            let (added, _) = roots.add_parsable_certificates(found.certs);
            if added == 0 {
                let reason = found.errors.first().map_or_else(|| "none are installed".to_owned(), ToString::to_string);
                return Err(TlsError::NoAuthorities { reason });
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |reason: String| TlsError::File { what: "certificate", path: path.to_owned(), reason };
    let found = CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
    let certificates = found.collect::<Result<Vec<_>, _>>().map_err(|error| failed(error.to_string()))?;
    if certificates.is_empty() {
        return Err(failed("there is none in it".to_owned()));
    }
    Ok(certificates)
}
