//! Going through proxies that say exactly given bytes.

use std::net::SocketAddr;
use std::time::Duration;

use patchcord_net::client::{Address, DialError, DialSettings, Phase, Proxy, ProxyError, ProxyKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::peers::{answering, at, dial_with_steps, failure, field, read_head, run, server, websocket, within};

fn through(text: &str) -> DialSettings {
    DialSettings { proxy: Some(Proxy::parse(text).unwrap()), ..DialSettings::default() }
}

async fn relay(mut near: TcpStream, to: SocketAddr) {
    let mut far = TcpStream::connect(to).await.unwrap();
    let _ = copy_bidirectional(&mut near, &mut far).await;
}

/// The name is one that only the proxy can look up.
fn inside(port: u16) -> Address {
    Address::parse("ws://inside.invalid/live", port).unwrap()
}

#[tokio::test]
async fn an_http_proxy_connects_by_name_with_its_password() {
    run(async {
        let target = websocket(b"\x81\x02hi", async |_| {}).await;
        let proxy = server(move |mut stream| async move {
            let head = read_head(&mut stream).await;
            let authority = format!("inside.invalid:{}", target.port());
            assert!(head.starts_with(&format!("CONNECT {authority} HTTP/1.1\r\n")), "{head}");
            assert_eq!(field(&head, "Host"), Some(authority.as_str()));
            assert_eq!(field(&head, "Proxy-Authorization"), Some("Basic bWU6c2U6Y3JldA=="));
            stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n").await.unwrap();
            relay(stream, target).await;
        })
        .await;
        let settings = through(&format!("http://me:se%3Acret@{proxy}"));
        let (opened, steps) = dial_with_steps(&inside(target.port()), &settings).await;
        let opening = opened.unwrap();
        assert_eq!(opening.peer, proxy);
        assert_eq!(steps[1], format!("waiting for the proxy to connect to inside.invalid:{}", target.port()));
    })
    .await;
}

#[tokio::test]
async fn a_socks_proxy_connects_by_name_or_address_with_its_password() {
    run(async {
        let target = websocket(b"", async |_| {}).await;
        let proxy = server(move |mut stream| async move {
            let mut greeting = [0; 4];
            stream.read_exact(&mut greeting).await.unwrap();
            assert_eq!(greeting, [5, 2, 0, 2]);
            stream.write_all(&[5, 2]).await.unwrap();
            let mut login = [0; 12];
            stream.read_exact(&mut login).await.unwrap();
            assert_eq!(&login, b"\x01\x02me\x07se:cret");
            stream.write_all(&[1, 0]).await.unwrap();
            let mut head = [0; 4];
            stream.read_exact(&mut head).await.unwrap();
            let port = target.port().to_be_bytes();
            let answer: &[u8] = match head {
                [5, 1, 0, 3] => {
                    let mut name = [0; 17];
                    stream.read_exact(&mut name).await.unwrap();
                    assert_eq!(name[..15], *b"\x0einside.invalid");
                    assert_eq!(name[15..], port);
                    b"\x05\x00\x00\x03\x05proxy\x12\x34"
                }
                [5, 1, 0, 1] => {
                    let mut address = [0; 6];
                    stream.read_exact(&mut address).await.unwrap();
                    assert_eq!(address[..4], [127, 0, 0, 1]);
                    b"\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x34"
                }
                other => panic!("{other:?}"),
            };
            stream.write_all(answer).await.unwrap();
            relay(stream, target).await;
        })
        .await;
        let settings = through(&format!("socks5://me:se:cret@{proxy}"));
        for address in [inside(target.port()), at(target)] {
            dial_with_steps(&address, &settings).await.0.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn http_proxies_that_refuse_are_told() {
    run(async {
        for (answer, user, expected) in [
            (
                "HTTP/1.1 403 Not for you\r\n\r\n",
                "",
                ProxyError::Status { status: 403, reason: "Not for you".to_owned() },
            ),
            ("HTTP/1.1 502 \r\n\r\n", "", ProxyError::Status { status: 502, reason: String::new() }),
            ("HTTP/1.1 407 Who\r\n\r\n", "", ProxyError::PasswordNeeded),
            ("HTTP/1.1 407 Who\r\n\r\n", "me:x@", ProxyError::WrongPassword),
            ("SSH-2.0-OpenSSH\r\n", "", ProxyError::WrongProtocol(ProxyKind::Http)),
            ("HTTP/1.1 200 OK\r\n\r\nnot asked for", "", ProxyError::WrongProtocol(ProxyKind::Http)),
        ] {
            let proxy = answering(answer).await;
            let error = failure(&inside(80), &through(&format!("http://{user}{proxy}"))).await;
            let DialError::Proxy { proxy: named, source } = &error else { panic!("{error}") };
            assert_eq!((named, source), (&format!("http://{proxy}"), &expected));
            assert!(error.to_string().starts_with("the proxy http://127") && !error.remedy().is_empty(), "{error}");
        }
        let endless = answering(format!("HTTP/1.1 200 OK\r\n{}", "X: y\r\n".repeat(10_000))).await;
        let error = failure(&inside(80), &through(&format!("http://{endless}"))).await;
        assert!(matches!(error, DialError::Proxy { source: ProxyError::WrongProtocol(_), .. }), "{error}");
        let ends = answering("HTTP/1.1 200").await;
        let error = failure(&inside(80), &through(&format!("http://{ends}"))).await;
        assert!(matches!(error, DialError::ClosedEarly { phase: Phase::Proxy, .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn socks_proxies_that_refuse_are_told() {
    run(async {
        for (answers, user, expected) in [
            (vec![&b"\x05\xff"[..]], "", ProxyError::PasswordNeeded),
            (vec![b"\x05\xff"], "me:x@", ProxyError::WrongPassword),
            (vec![b"\x05\x02", b"\x01\x01"], "me:x@", ProxyError::WrongPassword),
            (vec![b"\x05\x02"], "", ProxyError::WrongProtocol(ProxyKind::Socks5)),
            (vec![b"HT"], "", ProxyError::WrongProtocol(ProxyKind::Socks5)),
            (vec![b"\x05\x00", b"\x05\x05\x00\x01"], "", ProxyError::Socks { code: 5 }),
            (vec![b"\x05\x00", b"\x05\x63\x00\x01"], "", ProxyError::Socks { code: 99 }),
        ] {
            let proxy = server(move |mut stream| {
                let answers = answers.clone();
                async move {
                    let mut buffer = [0; 512];
                    for answer in answers {
                        let _ = stream.read(&mut buffer).await.unwrap();
                        stream.write_all(answer).await.unwrap();
                    }
                    let _ = stream.read(&mut buffer).await;
                }
            })
            .await;
            let error = failure(&inside(80), &through(&format!("socks5://{user}{proxy}"))).await;
            let DialError::Proxy { source, .. } = &error else { panic!("{error}") };
            assert_eq!(source, &expected);
            assert_eq!(error.phase(), Phase::Proxy);
        }
    })
    .await;
}

#[tokio::test]
async fn a_proxy_that_is_not_there_or_silent_is_told_from_the_server() {
    run(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let nowhere = socket.local_addr().unwrap();
        let error = failure(&inside(80), &through(&nowhere.to_string())).await;
        assert_eq!(error.to_string(), format!("the proxy {nowhere} refused the connection"));

        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = DialSettings {
            proxy: Some(Proxy::parse(&silent.local_addr().unwrap().to_string()).unwrap()),
            ..within(Duration::from_millis(200))
        };
        let error = failure(&inside(80), &settings).await;
        assert_eq!(error.phase(), Phase::Proxy);
        assert!(matches!(error, DialError::TimedOut { .. }), "{error}");
    })
    .await;
}
