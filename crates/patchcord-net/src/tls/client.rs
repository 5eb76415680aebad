//! The client's side: whom to trust, what to show.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::sign::SingleCertAndKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::time::Time;

use super::error::{TlsError, TlsFile, TlsWarning};
use super::failure::UnknownAuthority;
use super::pem_file::PemFile;
use super::{IdentityFiles, SINCE_1_2, identity, roots_of};

/// What a TLS client is made of. Empty paths and names are the same as none.
///
/// Its `Debug` output leaves the password out.
#[derive(Clone, Copy)]
pub struct ClientTls<'a> {
    /// Whether the server has to prove who it is. Without, anybody between can read and change everything.
    pub verify: bool,
    /// PEM file with the authorities to trust, in the place of the system's.
    pub ca: Option<&'a Path>,
    /// PEM file with the certificate to show to a server that asks for one, and those that lead to its authority.
    pub certificate: Option<&'a Path>,
    /// PEM file with its private key; none is the certificate's file.
    pub private_key: Option<&'a Path>,
    /// What the private key is encrypted with.
    pub password: Option<&'a str>,
    /// The name that the server's certificate must have, and that is asked for, when it is not that of the address.
    pub server_name: Option<&'a str>,
}

impl Default for ClientTls<'_> {
    /// Verified by the system's authorities.
    fn default() -> Self {
        ClientTls { verify: true, ca: None, certificate: None, private_key: None, password: None, server_name: None }
    }
}

impl fmt::Debug for ClientTls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls")
            .field("verify", &self.verify)
            .field("ca", &self.ca)
            .field("certificate", &self.certificate)
            .field("private_key", &self.private_key)
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

/// TLS as a client is ready to speak it. Cheap to clone; clones share remembered sessions.
#[derive(Clone)]
pub struct TlsClient {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) server_name: Option<ServerName<'static>>,
}

/// Reads the files, or the system's authorities, and makes the configuration; also says what is doubtful about it.
///
/// Reads on the calling thread: at most 1 MiB of each file, or the system's authorities, some hundred of them.
///
/// # Errors
/// [`TlsError`], with one variant for each thing that a person can put right.
pub fn client_config(tls: &ClientTls<'_>) -> Result<(TlsClient, Vec<TlsWarning>), TlsError> {
    let mut warnings = Vec::new();
    let provider = Arc::new(ring::default_provider());
    let is_set = |path: &&Path| !path.as_os_str().is_empty();
    let server_name = match tls.server_name.filter(|name| !name.is_empty()) {
        None => None,
        Some(name) => {
            Some(ServerName::try_from(name).map_err(|_| TlsError::ServerName { name: name.to_owned() })?.to_owned())
        }
    };
    let (by_authority, named) = if tls.verify {
        let (roots, named) = match tls.ca.filter(is_set) {
            Some(path) => {
                let named = PemFile::read(TlsFile::ServerCa, path)?.certificates()?;
                (roots_of(TlsFile::ServerCa, path, &named)?, named)
            }
            None => (system_authorities()?, Vec::new()),
        };
        let by_authority = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|error| TlsError::Refused { source: rustls::Error::General(error.to_string()) })?;
        (Some(by_authority), named)
    } else {
        warnings.push(TlsWarning::ServerNotVerified);
        (None, Vec::new())
    };
    let verifier = Arc::new(Verifier { provider: provider.clone(), by_authority, named });
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(SINCE_1_2)
        .map_err(|source| TlsError::Refused { source })?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match tls.certificate.filter(is_set) {
        None if tls.private_key.is_some_and(|path| is_set(&path)) => {
            return Err(TlsError::NotSet { file: TlsFile::Certificate });
        }
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let private_key = tls.private_key.unwrap_or(Path::new(""));
            let files = IdentityFiles { certificate, private_key, password: tls.password };
            let identity = identity(files, &provider, SystemTime::now(), &mut warnings)?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsClient { config: Arc::new(config), server_name }, warnings))
}

fn system_authorities() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // One that rustls cannot read does not make the others worthless.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let reason = found.errors.first().map_or_else(|| "none are installed".to_owned(), ToString::to_string);
        return Err(TlsError::NoSystemAuthorities { reason });
    }
    Ok(roots)
}

/// Verifies as rustls does, with two differences: a server may show a certificate that the authority file itself holds,
/// and an unknown authority is named.
///
/// The first is what people have who sign their own: `openssl req -x509` makes an authority, and as such rustls takes it
/// for no server (RFC 5280 §4.2.1.9), though the file says that this very certificate is to be trusted. Its name and its
/// dates count as for any other.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// None takes any certificate. That the server has its key is checked all the same.
    by_authority: Option<Arc<WebPkiServerVerifier>>,
    /// The certificates of the authority file.
    named: Vec<CertificateDer<'static>>,
}

impl Verifier {
    fn verify_named(
        &self,
        end_entity: &CertificateDer<'_>,
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        verify_dates(end_entity, now)?;
        Ok(ServerCertVerified::assertion())
    }
}

/// Whether a certificate is valid at this time.
fn verify_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), CertificateError> {
    let certificate = Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let validity = certificate.tbs_certificate().validity();
    let time = |at: Time| UnixTime::since_unix_epoch(at.to_unix_duration());
    let (not_before, not_after) = (time(validity.not_before), time(validity.not_after));
    if now > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after });
    }
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before });
    }
    Ok(())
}

/// Whether a certificate is refused for who signed it: nobody who is known here, or itself.
fn is_of_unknown_authority(reason: &CertificateError) -> bool {
    match reason {
        CertificateError::UnknownIssuer => true,
        // Somebody of the same name as an authority that is trusted here.
        CertificateError::BadSignature => true,
        CertificateError::Other(other) => {
            matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(by_authority) = &self.by_authority else { return Ok(ServerCertVerified::assertion()) };
        if self.named.contains(end_entity) {
            return self.verify_named(end_entity, server_name, now);
        }
        let verified = by_authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|error| match &error {
            rustls::Error::InvalidCertificate(reason) if is_of_unknown_authority(reason) => {
                let unknown = UnknownAuthority::of(end_entity, intermediates);
                rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(unknown))))
            }
            _ => error,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
