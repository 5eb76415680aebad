//! TLS configurations made from real files: what is accepted, how it shakes hands, and what each mistake is called.
//!
//! `tls/make.sh` made the files; their keys are public and good for nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use patchcord_net::tls::{MinimumVersion, ServerTls, TlsEnd, TlsError, TlsFile, TlsWarning, server_config};
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// What the fixtures are encrypted with.
const PASSWORD: Option<&str> = Some("patch");

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

type Configured = Result<(Arc<ServerConfig>, Vec<TlsWarning>), TlsError>;

fn configure_paths(certificate: &Path, private_key: &Path, password: Option<&str>) -> Configured {
    server_config(&ServerTls {
        certificate,
        private_key,
        password,
        client_ca: None,
        verify_client: false,
        minimum: MinimumVersion::Tls12,
    })
}

fn configure(certificate: &str, private_key: &str, password: Option<&str>) -> Configured {
    configure_paths(&file(certificate), &file(private_key), password)
}

fn configure_chain(minimum: MinimumVersion, client_ca: Option<&str>, verify_client: bool) -> Configured {
    server_config(&ServerTls {
        certificate: &file("chain.pem"),
        private_key: &file("key-pkcs8.pem"),
        password: None,
        client_ca: client_ca.map(file).as_deref(),
        verify_client,
        minimum,
    })
}

/// A client that trusts the authority, and shows a certificate if it has one.
struct Client {
    versions: Versions,
    alpn: &'static [&'static [u8]],
    identity: Option<(&'static str, &'static str)>,
}

type Versions = &'static [&'static SupportedProtocolVersion];

static BOTH: Versions = &[&TLS13, &TLS12];
static ONLY_1_2: Versions = &[&TLS12];
static ONLY_1_3: Versions = &[&TLS13];

static CLIENT: Client = Client { versions: BOTH, alpn: &[], identity: None };

/// What both ends agreed on.
#[derive(Debug, PartialEq, Eq)]
struct Agreed {
    version: ProtocolVersion,
    alpn: Option<Vec<u8>>,
    certificates: usize,
}

impl Client {
    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(file("ca.pem")).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_file(file(certificate)).unwrap()];
                let key = PrivateKeyDer::from_pem_file(file(key)).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.to_vec()).collect();
        config
    }

    /// Shakes hands and carries a byte each way; `None` if either end refuses.
    async fn connect(&self, server: Arc<ServerConfig>) -> Option<Agreed> {
        let (near, far) = tokio::io::duplex(1 << 16);
        let serve = async {
            let mut stream = TlsAcceptor::from(server).accept(far).await.ok()?;
            let byte = stream.read_u8().await.ok()?;
            stream.write_u8(byte + 1).await.ok()?;
            stream.flush().await.ok()
        };
        let ask = async {
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = TlsConnector::from(Arc::new(self.config())).connect(name, near).await.ok()?;
            stream.write_u8(41).await.ok()?;
            stream.flush().await.ok()?;
            assert_eq!(stream.read_u8().await.ok()?, 42);
            let session = stream.get_ref().1;
            Some(Agreed {
                version: session.protocol_version()?,
                alpn: session.alpn_protocol().map(<[u8]>::to_vec),
                certificates: session.peer_certificates()?.len(),
            })
        };
        let (served, agreed) = tokio::join!(serve, ask);
        agreed.filter(|_| served.is_some())
    }
}

#[tokio::test]
async fn the_whole_chain_is_presented_and_both_versions_are_spoken() {
    let (server, warnings) = configure("chain.pem", "key-pkcs8.pem", None).unwrap();
    assert_eq!(warnings, []);
    for (versions, version) in [(ONLY_1_3, ProtocolVersion::TLSv1_3), (ONLY_1_2, ProtocolVersion::TLSv1_2)] {
        let agreed = Client { versions, ..CLIENT }.connect(server.clone()).await;
        assert_eq!(agreed, Some(Agreed { version, alpn: None, certificates: 2 }));
    }
}

#[tokio::test]
async fn every_form_of_key_is_read_and_works() {
    for (certificate, key, password) in [
        ("chain.pem", "key-sec1.pem", None),
        ("chain.pem", "key-sec1-parameters.pem", None),
        ("combined.pem", "combined.pem", None),
        ("rsa.pem", "rsa-pkcs8.pem", None),
        ("rsa.pem", "rsa-pkcs1.pem", None),
        ("ed25519.pem", "ed25519-key.pem", None),
        ("chain.pem", "encrypted-aes256.pem", PASSWORD),
        ("chain.pem", "encrypted-aes128-sha1.pem", PASSWORD),
        ("chain.pem", "encrypted-scrypt.pem", PASSWORD),
        ("chain.pem", "encrypted-3des.pem", PASSWORD),
    ] {
        let (server, warnings) = configure(certificate, key, password).unwrap_or_else(|e| panic!("{key}: {e}"));
        assert_eq!(warnings, [], "{key}");
        assert!(CLIENT.connect(server).await.is_some(), "{key}");
    }
}

#[tokio::test]
async fn an_empty_key_path_means_the_certificate_file() {
    let (server, _) = configure_paths(&file("combined.pem"), Path::new(""), None).unwrap();
    assert!(CLIENT.connect(server).await.is_some());
}

#[tokio::test]
async fn http_2_is_preferred_and_http_1_1_is_there() {
    let (server, _) = configure("chain.pem", "key-pkcs8.pem", None).unwrap();
    for (alpn, chosen) in
        [(&[b"http/1.1" as &[u8], b"h2"] as &'static [&'static [u8]], &b"h2"[..]), (&[b"http/1.1"], b"http/1.1")]
    {
        let agreed = Client { alpn, ..CLIENT }.connect(server.clone()).await.unwrap();
        assert_eq!(agreed.alpn.as_deref(), Some(chosen));
    }
    assert_eq!(Client { alpn: &[b"smtp"], ..CLIENT }.connect(server).await, None);
}

#[tokio::test]
async fn the_minimum_is_kept_and_withdrawn_versions_are_raised() {
    let old = Client { versions: ONLY_1_2, ..CLIENT };
    for (minimum, old_connects, warnings) in [
        (MinimumVersion::Tls10, true, vec![TlsWarning::VersionRaised { asked: "1.0" }]),
        (MinimumVersion::Tls11, true, vec![TlsWarning::VersionRaised { asked: "1.1" }]),
        (MinimumVersion::Tls12, true, vec![]),
        (MinimumVersion::Tls13, false, vec![]),
    ] {
        let (server, given) = configure_chain(minimum, None, false).unwrap();
        assert_eq!(given, warnings);
        assert_eq!(old.connect(server.clone()).await.is_some(), old_connects, "{minimum:?}");
        assert!(CLIENT.connect(server).await.is_some(), "{minimum:?}");
    }
}

#[tokio::test]
async fn only_clients_of_the_authority_are_let_in_when_asked_for() {
    let known = Client { identity: Some(("client.pem", "client-key.pem")), ..CLIENT };
    let stranger = Client { identity: Some(("stranger.pem", "client-key.pem")), ..CLIENT };
    // Of the right authority, but issued to a server.
    let server_as_client = Client { identity: Some(("rsa.pem", "rsa-pkcs8.pem")), ..CLIENT };
    for versions in [ONLY_1_3, ONLY_1_2] {
        let (server, warnings) = configure_chain(MinimumVersion::Tls12, Some("ca.pem"), true).unwrap();
        assert_eq!(warnings, []);
        assert!(Client { versions, ..known }.connect(server.clone()).await.is_some());
        assert_eq!(Client { versions, ..stranger }.connect(server.clone()).await, None);
        assert_eq!(Client { versions, ..server_as_client }.connect(server.clone()).await, None);
        assert_eq!(Client { versions, ..CLIENT }.connect(server).await, None);
    }
    let (open, warnings) = configure_chain(MinimumVersion::Tls12, Some("ca.pem"), false).unwrap();
    assert_eq!(warnings, [TlsWarning::ClientCaUnused]);
    assert!(CLIENT.connect(open).await.is_some());
}

#[test]
fn verifying_clients_needs_their_authority() {
    assert!(matches!(configure_chain(MinimumVersion::Tls12, None, true), Err(TlsError::ClientCaNotSet)));
    let absent = configure_chain(MinimumVersion::Tls12, Some("absent.pem"), true);
    assert!(matches!(absent, Err(TlsError::Missing { file: TlsFile::ClientCa, .. })), "{absent:?}");
    let key = configure_chain(MinimumVersion::Tls12, Some("key-pkcs8.pem"), true);
    assert!(matches!(key, Err(TlsError::NoCertificate { file: TlsFile::ClientCa, .. })), "{key:?}");
}

#[test]
fn warnings_do_not_stop_the_server() {
    let (_, warnings) = configure("chain.pem", "key-pkcs8.pem", PASSWORD).unwrap();
    assert_eq!(warnings, [TlsWarning::PasswordUnused]);
    let (_, warnings) = configure("expired.pem", "key-pkcs8.pem", None).unwrap();
    assert_eq!(warnings, [TlsWarning::Expired { at: "2020-01-31 23:59 UTC".to_owned() }]);
    let (_, warnings) = configure("not-yet-valid.pem", "key-pkcs8.pem", None).unwrap();
    assert_eq!(warnings, [TlsWarning::NotYetValid { from: "2100-03-01 12:00 UTC".to_owned() }]);
}

/// Each mistake, the text that names it and a piece of the remedy.
#[test]
fn each_mistake_has_its_own_words() {
    let cases: [(&str, &str, Option<&str>, &str, &str); 17] = [
        ("absent.pem", "key-pkcs8.pem", None, "the certificate file {} does not exist", "`certificate`"),
        ("chain.pem", "absent.pem", None, "the private key file {} does not exist", "`privatekey`"),
        ("chain.pem", "chain.pem/key.pem", None, "the private key file {} does not exist", "`privatekey`"),
        ("", "key-pkcs8.pem", None, "the certificate file {} is not a file", "`certificate`"),
        ("server.der", "key-pkcs8.pem", None, "the certificate file {} is not in PEM format", "openssl x509 -in "),
        ("chain.pem", "server.der", None, "the private key file {} is not in PEM format", "openssl pkey -in "),
        ("truncated.pem", "key-pkcs8.pem", None, "the certificate file {} is damaged", "-----END"),
        ("key-pkcs8.pem", "key-pkcs8.pem", None, "the certificate file {} contains no certificate", "CERTIFICATE"),
        ("chain.pem", "chain.pem", None, "the private key file {} contains no private key", "PRIVATE KEY"),
        ("chain.pem", "encrypted-aes256.pem", None, "the private key {} needs a password", "set `password`"),
        ("chain.pem", "encrypted-aes256.pem", Some(""), "the private key {} needs a password", "set `password`"),
        ("chain.pem", "encrypted-scrypt.pem", Some("no"), "the password of the private key {} is wrong", "`password`"),
        ("chain.pem", "encrypted-legacy.pem", PASSWORD, UNCOMMON, "openssl pkcs8 -topk8"),
        ("chain.pem", "encrypted-pbes1.pem", PASSWORD, UNCOMMON, "openssl pkcs8 -topk8"),
        ("chain.pem", "encrypted-camellia.pem", PASSWORD, UNCOMMON, "openssl pkcs8 -topk8"),
        ("secp256k1.pem", "secp256k1-key.pem", None, "the private key {} is of a kind that is not supported", "P-256"),
        (
            "version1.pem",
            "key-pkcs8.pem",
            None,
            "the certificate file {} contains a certificate that cannot",
            "req -x509",
        ),
    ];
    for (certificate, key, password, text, remedy) in cases {
        let error = configure(certificate, key, password).expect_err(text);
        let named = if text.contains("private key") { key } else { certificate };
        let text = text.replace("{}", &file(named).display().to_string());
        assert!(error.to_string().starts_with(&text), "{certificate}, {key}: {error}");
        assert!(error.remedy(TlsEnd::Server).contains(remedy), "{error}: {}", error.remedy(TlsEnd::Server));
    }
}

const UNCOMMON: &str = "the private key {} is encrypted in an outdated or uncommon way";

#[test]
fn a_key_of_another_certificate_is_told() {
    for certificate in ["rsa.pem", "client.pem", "chain-reversed.pem"] {
        let error = configure(certificate, "key-pkcs8.pem", None).unwrap_err();
        assert!(matches!(error, TlsError::KeyMismatch { .. }), "{certificate}: {error}");
        assert!(error.remedy(TlsEnd::Server).contains("must come first"));
    }
}

#[test]
fn no_wrong_password_passes_for_another_mistake() {
    // Enough of them that some pass the cipher's padding check.
    for number in 0..600 {
        let password = number.to_string();
        let error = configure("chain.pem", "encrypted-aes256.pem", Some(&password)).unwrap_err();
        assert!(matches!(error, TlsError::WrongPassword { .. }), "{password}: {error}");
    }
}

#[test]
fn an_unset_certificate_and_a_huge_file_are_told() {
    let unset = configure_paths(Path::new(""), Path::new(""), None);
    assert!(matches!(unset, Err(TlsError::NotSet { file: TlsFile::Certificate })), "{unset:?}");

    let folder = tempfile::tempdir().unwrap();
    let huge = folder.path().join("huge.pem");
    fs::File::create(&huge).unwrap().set_len((1 << 20) + 1).unwrap();
    let error = configure_paths(&huge, &huge, None).unwrap_err();
    assert!(matches!(error, TlsError::TooLarge { file: TlsFile::Certificate, .. }), "{error}");
}

#[test]
fn garbled_sections_are_damage_and_text_between_sections_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("certificate.pem");
    let chain = fs::read_to_string(file("chain.pem")).unwrap();

    fs::write(&path, format!("Bag Attributes\r\n  name: show\r\n{}", chain.replace('\n', "\r\n"))).unwrap();
    configure_paths(&path, &file("key-pkcs8.pem"), None).unwrap();

    fs::write(&path, chain.replacen("\nM", "\n*", 1)).unwrap();
    let error = configure_paths(&path, &file("key-pkcs8.pem"), None).unwrap_err();
    assert!(matches!(error, TlsError::Damaged { file: TlsFile::Certificate, .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.pem");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (done, answer) = std::sync::mpsc::channel();
    let path = pipe.clone();
    let reader = std::thread::spawn(move || done.send(configure_paths(&path, &path, None)));
    let answer = answer.recv_timeout(Duration::from_secs(5));
    if answer.is_err() {
        // Lets the reader that should not be there go, so that the test fails and does not hang.
        fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    }
    assert!(matches!(answer, Ok(Err(TlsError::NotAFile { .. }))), "{answer:?}");
    reader.join().unwrap().unwrap();
}
