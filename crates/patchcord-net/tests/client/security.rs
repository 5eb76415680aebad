//! TLS: whom a client trusts, what it shows, and what it says when either goes wrong. The certificates are those of
//! `tests/tls`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use patchcord_net::client::{Address, DialError, DialSettings, Phase};
use patchcord_net::tls::{
    ClientTls, MinimumVersion, ServerTls, TlsEnd, TlsError, TlsFailure, TlsFile, TlsWarning, client_config,
    server_config,
};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use super::peers::{accepting, answering, at, dial_with_steps, failure, read_head, run, server};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

/// A WebSocket server with this certificate; wants one of its clients if it has their authority. Gives the protocol that
/// ALPN chose and what the client says about it.
async fn secure_server(certificate: &str, client_ca: Option<&str>) -> SocketAddr {
    let (config, _) = server_config(&ServerTls {
        certificate: &file(certificate),
        private_key: &file(if certificate == "rsa.pem" { "rsa-pkcs8.pem" } else { "key-pkcs8.pem" }),
        password: None,
        client_ca: client_ca.map(file).as_deref(),
        verify_client: client_ca.is_some(),
        minimum: MinimumVersion::Tls12,
    })
    .unwrap();
    let acceptor = Rc::new(TlsAcceptor::from(config));
    server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
            let head = read_head(&mut stream).await;
            let name = stream.get_ref().1.server_name().unwrap_or("none").to_owned();
            let answer = accepting(&head).replace("\r\n\r\n", &format!("\r\nX-Name: {name}\r\n\r\n"));
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.flush().await;
        }
    })
    .await
}

fn trusting(ca: &str) -> ClientTls<'_> {
    ClientTls { ca: Some(Path::new(ca)), ..ClientTls::default() }
}

fn settings(tls: &ClientTls<'_>) -> DialSettings {
    let ca = tls.ca.map(|ca| file(ca.to_str().unwrap()));
    let certificate = tls.certificate.map(|name| file(name.to_str().unwrap()));
    let private_key = tls.private_key.map(|name| file(name.to_str().unwrap()));
    let tls = ClientTls {
        ca: ca.as_deref(),
        certificate: certificate.as_deref(),
        private_key: private_key.as_deref(),
        ..*tls
    };
    DialSettings { tls: Some(client_config(&tls).unwrap().0), ..DialSettings::default() }
}

fn named(host: &str, server: SocketAddr) -> Address {
    Address::parse(&format!("wss://{host}/"), server.port()).unwrap()
}

async fn tls_failure(address: &Address, tls: &ClientTls<'_>) -> TlsFailure {
    let error = failure(address, &settings(tls)).await;
    assert_eq!(error.phase(), Phase::Tls);
    assert!(!error.remedy().is_empty());
    match error {
        DialError::Tls(failure) => failure,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_accepted() {
    run(async {
        let server = secure_server("chain.pem", None).await;
        let (opened, steps) = dial_with_steps(&named("localhost", server), &settings(&trusting("ca.pem"))).await;
        let opening = opened.unwrap();
        assert!(opening.transport.is_tls());
        assert!(steps.contains(&"agreeing on TLS with localhost".to_owned()), "{steps:?}");
        let by_ip = Address::parse(&format!("https://{server}"), 0).unwrap();
        dial_with_steps(&by_ip, &settings(&trusting("ca.pem"))).await.0.unwrap();
    })
    .await;
}

/// What people make for themselves with `openssl req -x509`.
#[tokio::test]
async fn a_self_signed_certificate_is_accepted_where_the_file_of_authorities_holds_it() {
    run(async {
        let server = secure_server("own.pem", None).await;
        dial_with_steps(&named("localhost", server), &settings(&trusting("own.pem"))).await.0.unwrap();
        let by_ip = Address::parse(&format!("https://{server}"), 0).unwrap();
        let failure = tls_failure(&by_ip, &trusting("own.pem")).await;
        assert!(matches!(failure, TlsFailure::WrongName { .. }), "{failure}");
        let failure = tls_failure(&named("localhost", server), &trusting("ca.pem")).await;
        assert_eq!(failure.to_string(), "the server's certificate is not trusted: CN=own has signed it itself");
        assert!(failure.remedy().contains("`cafile`"), "{}", failure.remedy());
        let server = secure_server("own-expired.pem", None).await;
        let failure = tls_failure(&named("localhost", server), &trusting("own-expired.pem")).await;
        assert_eq!(failure.to_string(), "the server's certificate expired on 2019-12-31 23:59 UTC");
    })
    .await;
}

#[tokio::test]
async fn a_certificate_for_other_names_is_refused_with_both() {
    run(async {
        let server = secure_server("chain.pem", None).await;
        // On Linux all of 127.0.0.0/8 is this machine; the certificate has its first address alone.
        let listener = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap();
        let second = listener.local_addr().unwrap();
        tokio::task::spawn_local(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut far = tokio::net::TcpStream::connect(server).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            }
        });
        let address = Address::parse(&format!("wss://{second}"), 0).unwrap();
        let failure = tls_failure(&address, &trusting("ca.pem")).await;
        assert_eq!(failure.to_string(), "the server's certificate is not for 127.0.0.2, but for localhost, 127.0.0.1");
        assert!(failure.remedy().contains("localhost"), "{}", failure.remedy());

        let other = ClientTls { server_name: Some("other.example"), ..trusting("ca.pem") };
        let failure = tls_failure(&named("localhost", server), &other).await;
        assert!(matches!(&failure, TlsFailure::WrongName { expected, .. } if expected == "other.example"));

        // What the setting is for: the name of the certificate, over another way to the server.
        let right = ClientTls { server_name: Some("localhost"), ..trusting("ca.pem") };
        let opening = dial_with_steps(&address, &settings(&right)).await.0.unwrap();
        assert!(opening.headers.contains(&("X-Name".to_owned(), b"localhost".to_vec())), "{:?}", opening.headers);
    })
    .await;
}

#[tokio::test]
async fn certificates_outside_their_time_are_refused_with_the_date() {
    run(async {
        for (certificate, text) in [
            ("expired.pem", "the server's certificate expired on 2020-01-31 23:59 UTC"),
            ("not-yet-valid.pem", "the server's certificate is not valid before 2100-03-01 12:00 UTC"),
        ] {
            let server = secure_server(certificate, None).await;
            let failure = tls_failure(&named("localhost", server), &trusting("ca.pem")).await;
            assert_eq!(failure.to_string(), text);
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_authority_is_refused_by_name_unless_nothing_is_verified() {
    run(async {
        let server = secure_server("chain.pem", None).await;
        let address = named("localhost", server);
        let failure = tls_failure(&address, &trusting("stranger.pem")).await;
        assert_eq!(
            failure.to_string(),
            "the server's certificate is not trusted: CN=authority of the tests is no authority known here"
        );
        assert!(failure.remedy().contains("`cafile`"));

        let off = ClientTls { verify: false, ..ClientTls::default() };
        assert_eq!(client_config(&off).unwrap().1, [TlsWarning::ServerNotVerified]);
        dial_with_steps(&address, &settings(&off)).await.0.unwrap();
        let expired = secure_server("expired.pem", None).await;
        dial_with_steps(&named("localhost", expired), &settings(&off)).await.0.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_client_certificate_is_shown_when_the_server_wants_one() {
    run(async {
        let server = secure_server("chain.pem", Some("ca.pem")).await;
        let address = named("localhost", server);
        let showing = |certificate: &'static str| ClientTls {
            certificate: Some(Path::new(certificate)),
            private_key: Some(Path::new("client-key.pem")),
            ..trusting("ca.pem")
        };
        dial_with_steps(&address, &settings(&showing("client.pem"))).await.0.unwrap();
        assert_eq!(tls_failure(&address, &trusting("ca.pem")).await, TlsFailure::CertificateRequired);
        let failure = tls_failure(&address, &showing("stranger.pem")).await;
        assert!(matches!(failure, TlsFailure::CertificateRefused { .. }), "{failure}");
    })
    .await;
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    run(async {
        let plain = answering("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        // It reads no request in TLS's hello, but answers when it has enough of it.
        let talks_first = server(|mut stream| async move {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            let mut sink = Vec::new();
            let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut sink).await;
        })
        .await;
        assert_eq!(tls_failure(&named("localhost", talks_first), &trusting("ca.pem")).await, TlsFailure::NotTls);
        let settings =
            DialSettings { time_limit: std::time::Duration::from_millis(200), ..settings(&trusting("ca.pem")) };
        let error = failure(&named("localhost", plain), &settings).await;
        assert_eq!(error.phase(), Phase::Tls, "{error}");
        assert!(matches!(error, DialError::TimedOut { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_redirect_out_of_tls_is_never_followed() {
    run(async {
        let (config, _) = server_config(&ServerTls {
            certificate: &file("chain.pem"),
            private_key: &file("key-pkcs8.pem"),
            password: None,
            client_ca: None,
            verify_client: false,
            minimum: MinimumVersion::Tls12,
        })
        .unwrap();
        let acceptor = Rc::new(TlsAcceptor::from(config));
        let server = server(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                read_head(&mut stream).await;
                let answer = b"HTTP/1.1 302 Found\r\nLocation: http://localhost/\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(answer).await.unwrap();
                stream.flush().await.unwrap();
            }
        })
        .await;
        let settings = DialSettings { redirects: 5, ..settings(&trusting("ca.pem")) };
        let error = failure(&named("localhost", server), &settings).await;
        assert_eq!(
            error.to_string(),
            "the server redirects to ws://localhost/, which is not encrypted as this connection is"
        );
    })
    .await;
}

#[tokio::test]
async fn mistakes_in_the_settings_are_told() {
    let missing = file("absent.pem");
    let error = client_config(&ClientTls { ca: Some(&missing), ..ClientTls::default() }).err().unwrap();
    assert!(matches!(error, TlsError::Missing { file: TlsFile::ServerCa, .. }), "{error}");
    assert!(error.remedy(TlsEnd::Client).contains("`cafile`"));
    let ca = file("ca.pem");
    let key = file("client-key.pem");
    let base = ClientTls { ca: Some(&ca), ..ClientTls::default() };
    let error = client_config(&ClientTls { private_key: Some(&key), ..base }).err().unwrap();
    assert!(matches!(error, TlsError::NotSet { file: TlsFile::Certificate }), "{error}");
    let error = client_config(&ClientTls { server_name: Some("two words"), ..base }).err().unwrap();
    assert!(matches!(error, TlsError::ServerName { .. }), "{error}");
    let encrypted = file("encrypted-aes256.pem");
    let chain = file("chain.pem");
    let identity = ClientTls { certificate: Some(&chain), private_key: Some(&encrypted), ..base };
    let error = client_config(&identity).err().unwrap();
    assert!(matches!(error, TlsError::PasswordNeeded { .. }), "{error}");
    client_config(&ClientTls { password: Some("patch"), ..identity }).unwrap();
    assert!(!format!("{:?}", ClientTls { password: Some("swordfish"), ..base }).contains("swordfish"));
}

/// The authorities of the system are those of these variables. A process cannot safely change its own, so the test runs
/// again in processes that have them.
#[tokio::test]
async fn the_systems_authorities_are_trusted_by_default() {
    const EXPECTED: &str = "AUTHORITIES_EXPECTED";
    let Ok(expected) = std::env::var(EXPECTED) else {
        let folder = tempfile::tempdir().unwrap();
        let nothing = folder.path().join("nothing.pem");
        std::fs::write(&nothing, "").unwrap();
        for (authorities, expected) in [(file("ca.pem"), "ours"), (file("stranger.pem"), "others"), (nothing, "none")] {
            let output = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "security::the_systems_authorities_are_trusted_by_default"])
                .env("SSL_CERT_FILE", authorities)
                .env_remove("SSL_CERT_DIR")
                .env(EXPECTED, expected)
                .output()
                .unwrap();
            assert!(output.status.success(), "{expected}: {}", String::from_utf8_lossy(&output.stdout));
        }
        return;
    };
    run(async {
        let server = secure_server("chain.pem", None).await;
        let result = dial_with_steps(&named("localhost", server), &DialSettings::default()).await.0;
        match (expected.as_str(), result) {
            ("ours", Ok(_)) => {}
            ("others", Err(DialError::Tls(TlsFailure::UnknownAuthority(_)))) => {}
            ("none", Err(DialError::TlsSettings(error @ TlsError::NoSystemAuthorities { .. }))) => {
                assert!(error.remedy(TlsEnd::Client).contains("ca-certificates"), "{error}");
            }
            (expected, result) => panic!("{expected}: {result:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn an_address_without_tls_needs_no_authorities() {
    run(async {
        let server = super::peers::websocket(b"", async |_| {}).await;
        dial_with_steps(&at(server), &DialSettings::default()).await.0.unwrap();
    })
    .await;
}
