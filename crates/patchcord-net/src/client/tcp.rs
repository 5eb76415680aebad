//! Name look-up and TCP, as RFC 8305 ("Happy Eyeballs") has it in its simple form: the addresses of a name are tried in
//! turn by family, a new attempt begins 250 ms after the last or when one fails, and the first connection wins.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::dial::Track;
use super::error::DialError;
use super::progress::Phase;

/// Time that an attempt has before the next one begins beside it (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;
/// Name look-ups at a time, those included that were given up and that the system has not finished. They take threads
/// of tokio's pool, which files need too.
const MAX_LOOK_UPS: usize = 3;

thread_local! {
    static LOOK_UPS: Arc<Semaphore> = Arc::new(Semaphore::new(MAX_LOOK_UPS));
}

/// Connects to the first address of `host` that answers; with `only_ipv6` to one of IPv6. `is_proxy` is for errors alone.
pub(super) async fn connect(
    host: &str,
    port: u16,
    only_ipv6: bool,
    is_proxy: bool,
    track: &Track<'_>,
) -> Result<TcpStream, DialError> {
    let mut addresses = addresses(host, port, track).await?;
    addresses.retain(|address| address.is_ipv6() || !only_ipv6);
    if only_ipv6 && addresses.is_empty() {
        return Err(DialError::Dns { name: host.to_owned(), reason: "it has no address of IPv6".to_owned() });
    }
    connect_to(host, addresses, is_proxy, track).await
}

/// The addresses of a name in the order in which they are to be tried; an IP address is itself.
pub(super) async fn addresses(host: &str, port: u16, track: &Track<'_>) -> Result<Vec<SocketAddr>, DialError> {
    match host.parse::<IpAddr>() {
        Ok(address) => Ok(vec![SocketAddr::new(address, port)]),
        Err(_) => Ok(interleave(look_up(host, port, track).await?)),
    }
}

/// Connects to the first of these addresses of `host` that answers.
pub(super) async fn connect_to(
    host: &str,
    addresses: Vec<SocketAddr>,
    is_proxy: bool,
    track: &Track<'_>,
) -> Result<TcpStream, DialError> {
    let nothing = || DialError::Dns { name: host.to_owned(), reason: "it has no address".to_owned() };
    race(addresses, is_proxy, track).await.map_err(|error| error.unwrap_or_else(nothing))
}

/// Connects to the first address that answers. Without addresses the error is nothing.
async fn race(addresses: Vec<SocketAddr>, is_proxy: bool, track: &Track<'_>) -> Result<TcpStream, Option<DialError>> {
    let mut waiting = addresses.into_iter().take(MAX_ADDRESSES);
    let mut attempts = JoinSet::new();
    let mut most_telling: Option<DialError> = None;
    loop {
        let begun = waiting.next();
        if let Some(address) = begun {
            track.begin(Phase::Connect, address.to_string());
            attempts.spawn_local(async move { (address, attempt(address).await) });
        }
        let delay = async {
            match begun {
                Some(_) => tokio::time::sleep(ATTEMPT_DELAY).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = attempts.join_next() => match ended {
                Some(Ok((_, Ok(stream)))) => return Ok(stream),
                Some(Ok((address, Err(error)))) => {
                    let error = reason(address, is_proxy, error);
                    if most_telling.as_ref().is_none_or(|before| weight(&error) > weight(before)) {
                        most_telling = Some(error);
                    }
                }
                Some(Err(panic)) => most_telling = Some(DialError::Panicked(panic.to_string())),
                None => return Err(most_telling),
            },
            () = delay => {}
        }
    }
}

async fn look_up(host: &str, port: u16, track: &Track<'_>) -> Result<Vec<SocketAddr>, DialError> {
    track.begin(Phase::Dns, host.to_owned());
    let failed = |reason: &str| DialError::Dns { name: host.to_owned(), reason: reason.to_owned() };
    let Ok(permit) = LOOK_UPS.with(Arc::clone).acquire_owned().await else { return Ok(Vec::new()) };
    let name = host.to_owned();
    let looking = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        (name.as_str(), port).to_socket_addrs().map(Iterator::collect)
    });
    match looking.await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => {
            let text = error.to_string();
            // The standard library puts words of its own before those of the system.
            Err(failed(text.strip_prefix("failed to lookup address information: ").unwrap_or(&text)))
        }
        Err(panic) => Err(DialError::Panicked(panic.to_string())),
    }
}

/// Puts the families by turns, beginning with the system's choice (RFC 8305 §4).
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut order = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return order;
        }
        order.extend(pair.into_iter().flatten());
    }
}

async fn attempt(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Where nobody listens on a port of the range from which the system chooses, a connection can meet itself.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    // Messages are written whole; waiting for more would only add latency.
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn reason(address: SocketAddr, is_proxy: bool, source: io::Error) -> DialError {
    match source.kind() {
        io::ErrorKind::ConnectionRefused => DialError::Refused { address, is_proxy },
        _ => DialError::Unreachable { address, is_proxy, source },
    }
}

/// Which of several errors to show: a refusal comes from a machine that is there, while one of two families that leads
/// nowhere is common.
fn weight(error: &DialError) -> u8 {
    u8::from(matches!(error, DialError::Refused { .. }))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::net::TcpListener;

    use super::*;

    async fn raced(addresses: Vec<SocketAddr>) -> (Result<TcpStream, Option<DialError>>, Duration) {
        let begun = Instant::now();
        let track = Track::new("test".to_owned(), &|_| {});
        let local = tokio::task::LocalSet::new();
        let limit = Duration::from_secs(10);
        let result = local.run_until(tokio::time::timeout(limit, race(addresses, false, &track))).await;
        (result.expect("a race that ends"), begun.elapsed())
    }

    /// An address that takes no more connections and does not say so.
    async fn black_hole() -> (SocketAddr, Vec<TcpStream>, socket2::Socket) {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut filling = Vec::new();
        let patience = Duration::from_millis(200);
        while let Ok(Ok(stream)) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
            filling.push(stream);
        }
        (address, filling, socket)
    }

    #[tokio::test]
    async fn the_next_address_is_tried_beside_one_that_does_not_answer() {
        let (silent, _filling, _socket) = black_hole().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let (stream, took) = raced(vec![silent, good]).await;
        assert_eq!(stream.unwrap().peer_addr().unwrap(), good);
        assert!(took >= ATTEMPT_DELAY && took < 4 * ATTEMPT_DELAY, "{took:?}");
    }

    #[tokio::test]
    async fn a_refusal_is_not_waited_for_and_is_the_most_telling_error() {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let refusing = socket.local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (stream, took) = raced(vec![refusing, listener.local_addr().unwrap()]).await;
        assert!(stream.is_ok() && took < ATTEMPT_DELAY, "{took:?}");
        // A multicast address cannot be connected to.
        let unreachable = "[ff02::1]:9".parse().unwrap();
        for addresses in [vec![unreachable, refusing], vec![refusing, unreachable]] {
            let (result, _) = raced(addresses).await;
            assert!(matches!(result, Err(Some(DialError::Refused { address, .. })) if address == refusing));
        }
        assert!(matches!(raced(vec![unreachable]).await.0, Err(Some(DialError::Unreachable { .. }))));
        assert!(matches!(raced(Vec::new()).await.0, Err(None)));
    }

    #[tokio::test]
    async fn look_ups_that_do_not_end_leave_threads_for_others() {
        let held: Vec<_> = (0..MAX_LOOK_UPS)
            .map(|_| LOOK_UPS.with(Arc::clone).try_acquire_owned().expect("none is under way"))
            .collect();
        let track = Track::new("test".to_owned(), &|_| {});
        let mut waiting = std::pin::pin!(look_up("localhost", 1, &track));
        let patience = Duration::from_millis(100);
        assert!(tokio::time::timeout(patience, waiting.as_mut()).await.is_err());
        drop(held);
        assert!(!waiting.await.unwrap().is_empty());
    }

    #[test]
    fn families_take_turns_rfc_8305_section_4() {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let order = interleave(addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"]));
        assert_eq!(order, addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"]));
        let order = interleave(addresses(&["1.1.1.1:1", "[::1]:1"]));
        assert_eq!(order, addresses(&["1.1.1.1:1", "[::1]:1"]));
        assert_eq!(interleave(Vec::new()), []);
    }
}
