//! TLS: from files on disk to a configuration that is ready to accept or to connect.
//!
//! [`server_config`] reads what [`ServerTls`] names, [`client_config`] what [`ClientTls`] names. Both promise an answer
//! that a person can act on: each way in which certificates and keys go wrong is a [`TlsError`] of its own with a remedy,
//! and what works but should not stay is a [`TlsWarning`]. What goes wrong later, when a client shakes hands, is a
//! [`TlsFailure`]. Certificates are PEM files with the whole chain; keys are PEM in PKCS#8 (plain or encrypted), PKCS#1
//! or SEC 1, in a file of their own or in the certificate's.
//!
//! The cryptography is rustls with ring, passed explicitly, with its own choice of TLS 1.2 and 1.3 suites. By ALPN
//! (RFC 7301) servers offer HTTP/2 and HTTP/1.1, clients HTTP/1.1 alone, which is what a WebSocket begins as. Accepting connections, handshake time-outs and reading the files again
//! after they change are left to who uses this.

mod client;
mod error;
mod failure;
mod pem_file;
mod private_key;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use rustls_pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::{DateTime, Decode};

pub use self::client::{ClientTls, TlsClient, client_config};
pub use self::error::{TlsEnd, TlsError, TlsFile, TlsWarning};
pub use self::failure::{TlsFailure, UnknownAuthority};
use self::pem_file::PemFile;

/// Protocols offered by ALPN, the preferred first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

static SINCE_1_2: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
static ONLY_1_3: &[&SupportedProtocolVersion] = &[&version::TLS13];

/// What a TLS server is made of.
///
/// Its `Debug` output leaves the password out.
#[derive(Clone, Copy)]
pub struct ServerTls<'a> {
    /// PEM file with the server's certificate, followed by those that lead to the authority.
    pub certificate: &'a Path,
    /// PEM file with the private key; may be the same file. Empty is the same as the certificate's file.
    pub private_key: &'a Path,
    /// What the private key is encrypted with; none and empty are the same.
    pub password: Option<&'a str>,
    /// PEM file with the authorities that sign the clients' certificates.
    pub client_ca: Option<&'a Path>,
    /// Whether only clients with a certificate of those authorities are let in.
    pub verify_client: bool,
    /// The oldest protocol that a client may use.
    pub minimum: MinimumVersion,
}

impl std::fmt::Debug for ServerTls<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls")
            .field("certificate", &self.certificate)
            .field("private_key", &self.private_key)
            .field("client_ca", &self.client_ca)
            .field("verify_client", &self.verify_client)
            .field("minimum", &self.minimum)
            .finish_non_exhaustive()
    }
}

/// The oldest TLS version to accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MinimumVersion {
    /// Acts as 1.2, with a warning: 1.0 is withdrawn (RFC 8996).
    Tls10,
    /// Acts as 1.2, with a warning: 1.1 is withdrawn (RFC 8996).
    Tls11,
    /// 1.2 and 1.3.
    #[default]
    Tls12,
    /// 1.3 only.
    Tls13,
}

/// Reads the files and makes the configuration; also says what is doubtful about it.
///
/// Reads at most 1 MiB of each file, on the calling thread. Decrypting a key takes as long as the file demands,
/// commonly some tens of milliseconds.
///
/// # Errors
/// [`TlsError`], with one variant for each thing that a person can put right.
pub fn server_config(tls: &ServerTls<'_>) -> Result<(Arc<ServerConfig>, Vec<TlsWarning>), TlsError> {
    config_at(tls, SystemTime::now())
}

fn config_at(tls: &ServerTls<'_>, now: SystemTime) -> Result<(Arc<ServerConfig>, Vec<TlsWarning>), TlsError> {
    let mut warnings = Vec::new();
    let versions = versions(tls.minimum, &mut warnings);
    let provider = Arc::new(ring::default_provider());
    let files = IdentityFiles { certificate: tls.certificate, private_key: tls.private_key, password: tls.password };
    let identity = identity(files, &provider, now, &mut warnings)?;
    let verifier = client_verifier(tls, &provider, &mut warnings)?;

    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|source| TlsError::Refused { source })?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).into();
    Ok((Arc::new(config), warnings))
}

fn versions(minimum: MinimumVersion, warnings: &mut Vec<TlsWarning>) -> &'static [&'static SupportedProtocolVersion] {
    match minimum {
        MinimumVersion::Tls10 => warnings.push(TlsWarning::VersionRaised { asked: "1.0" }),
        MinimumVersion::Tls11 => warnings.push(TlsWarning::VersionRaised { asked: "1.1" }),
        MinimumVersion::Tls12 => {}
        MinimumVersion::Tls13 => return ONLY_1_3,
    }
    SINCE_1_2
}

/// Where certificates, key and password of one end are.
#[derive(Clone, Copy)]
struct IdentityFiles<'a> {
    certificate: &'a Path,
    private_key: &'a Path,
    password: Option<&'a str>,
}

/// The certificates of one end with the key that belongs to the first.
fn identity(
    tls: IdentityFiles<'_>,
    provider: &CryptoProvider,
    now: SystemTime,
    warnings: &mut Vec<TlsWarning>,
) -> Result<CertifiedKey, TlsError> {
    let certificate_file = PemFile::read(TlsFile::Certificate, tls.certificate)?;
    let chain = certificate_file.certificates()?;
    let key_path = if tls.private_key.as_os_str().is_empty() { tls.certificate } else { tls.private_key };
    let key_file = PemFile::read(TlsFile::PrivateKey, key_path)?;
    let key = private_key::find(&key_file, tls.password.filter(|password| !password.is_empty()), warnings)?;

    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|_| TlsError::UnsupportedKey { path: key_path.to_owned() })?;
    let leaf = chain.first().cloned();
    let identity = CertifiedKey::new(chain, key);
    match identity.keys_match() {
        // A key that cannot tell its public half is taken at its word.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(rustls::Error::InconsistentKeys(_)) => {
            return Err(TlsError::KeyMismatch { certificate: tls.certificate.to_owned(), key: key_path.to_owned() });
        }
        Err(source) => {
            let path = tls.certificate.to_owned();
            return Err(TlsError::UnsupportedCertificate { file: TlsFile::Certificate, path, source });
        }
    }
    warnings.extend(leaf.and_then(|leaf| outside_its_time(&leaf, now)));
    Ok(identity)
}

/// The authorities of a file.
fn authorities(file: TlsFile, path: &Path) -> Result<RootCertStore, TlsError> {
    roots_of(file, path, &PemFile::read(file, path)?.certificates()?)
}

fn roots_of(file: TlsFile, path: &Path, certificates: &[CertificateDer<'_>]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let path = path.to_owned();
        let added = roots.add(certificate.clone().into_owned());
        added.map_err(|source| TlsError::UnsupportedCertificate { file, path, source })?;
    }
    Ok(roots)
}

fn client_verifier(
    tls: &ServerTls<'_>,
    provider: &Arc<CryptoProvider>,
    warnings: &mut Vec<TlsWarning>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let client_ca = tls.client_ca.filter(|path| !path.as_os_str().is_empty());
    if !tls.verify_client {
        warnings.extend(client_ca.map(|_| TlsWarning::ClientCaUnused));
        return Ok(WebPkiClientVerifier::no_client_auth());
    }
    let path = client_ca.ok_or(TlsError::ClientCaNotSet)?;
    let roots = authorities(TlsFile::ClientCa, path)?;
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| TlsError::Refused { source: rustls::Error::General(error.to_string()) })
}

/// The warning about a certificate that clients will not take at `now`. Only the dates are read here: what else they
/// might object to, rustls has checked, or only they know.
fn outside_its_time(certificate: &CertificateDer<'_>, now: SystemTime) -> Option<TlsWarning> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let now = now.duration_since(UNIX_EPOCH).ok()?;
    if now > validity.not_after.to_unix_duration() {
        Some(TlsWarning::Expired { at: date(validity.not_after.to_unix_duration()) })
    } else if now < validity.not_before.to_unix_duration() {
        Some(TlsWarning::NotYetValid { from: date(validity.not_before.to_unix_duration()) })
    } else {
        None
    }
}

/// A moment since 1970 as people read it, `2027-01-31 23:59 UTC`.
fn date(since_1970: Duration) -> String {
    // X.509 knows no date behind the year 9999.
    let Ok(time) = DateTime::from_unix_duration(since_1970) else { return "9999-12-31 23:59 UTC".to_owned() };
    let (year, month, day) = (time.year(), time.month(), time.day());
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", time.hour(), time.minutes())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn file(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
    }

    fn warnings_at(certificate: &str, seconds: u64) -> Vec<TlsWarning> {
        let tls = ServerTls {
            certificate: &file(certificate),
            private_key: &file("key-pkcs8.pem"),
            password: None,
            client_ca: None,
            verify_client: false,
            minimum: MinimumVersion::default(),
        };
        config_at(&tls, UNIX_EPOCH + Duration::from_secs(seconds)).unwrap().1
    }

    #[test]
    fn a_certificate_warns_outside_its_time_only() {
        // The fixture is valid from 2019-01-01 00:00:00 to 2020-01-31 23:59:59.
        let (first, last) = (1_546_300_800, 1_580_515_199);
        let early = TlsWarning::NotYetValid { from: "2019-01-01 00:00 UTC".to_owned() };
        let late = TlsWarning::Expired { at: "2020-01-31 23:59 UTC".to_owned() };
        assert_eq!(warnings_at("expired.pem", first - 1), [early]);
        assert_eq!(warnings_at("expired.pem", first), []);
        assert_eq!(warnings_at("expired.pem", last), []);
        assert_eq!(warnings_at("expired.pem", last + 1), [late]);
    }

    #[test]
    fn the_password_is_not_printed() {
        let tls = ServerTls {
            certificate: Path::new("cert.pem"),
            private_key: Path::new("key.pem"),
            password: Some("swordfish"),
            client_ca: None,
            verify_client: false,
            minimum: MinimumVersion::default(),
        };
        assert!(!format!("{tls:?}").contains("swordfish"));
    }
}
