//! The WebSocket handshake on a stream that leads to the server.

use std::time::Duration;

use patchcord_websocket::handshake::client::{ClientError, ClientRequest, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::address::Address;
use super::error::{DialError, lost, refused};
use super::progress::Phase;
use super::settings::DialSettings;
use crate::transport::Transport;

/// Bytes of one read of the answer.
const READ_SIZE: usize = 8 * 1024;
/// How much sooner than the whole dial waiting for an answer's body ends, so that what came of it can be shown; at most a
/// quarter of what is left.
const MARGIN: Duration = Duration::from_millis(20);
/// Headers that belong to the server that the settings were made for.
const SECRETS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Asks for a WebSocket. Gives the reply and the bytes that came behind it. `is_known` is whether the server is the one
/// that the settings name, and not one that another server has sent us to.
pub(super) async fn open(
    transport: &mut Transport,
    address: &Address,
    settings: &DialSettings,
    is_known: bool,
    deadline: Instant,
) -> Result<(Reply, Vec<u8>), DialError> {
    let authorization = address.authorization();
    let mut headers: Vec<(&str, &str)> = settings
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| is_known || !SECRETS.iter().any(|secret| secret.eq_ignore_ascii_case(name)))
        .collect();
    if let Some(authorization) = &authorization
        && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
    {
        headers.push(("Authorization", authorization));
    }
    let subprotocols: Vec<&str> = settings.subprotocols.iter().map(String::as_str).collect();
    let request = ClientRequest {
        host: address.host_header(),
        path: address.target(),
        origin: settings.origin.as_deref(),
        subprotocols: &subprotocols,
        deflate: settings.deflate,
        headers: &headers,
    };
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|_| DialError::NoEntropy)?;
    let (request, mut reader) = request.encode(nonce)?;

    // A server may answer and end before it has read the whole request; its answer is worth more than the failed write.
    let written = async {
        transport.write_all(&request).await?;
        transport.flush().await
    };
    let written = written.await;
    let margin = MARGIN.min(deadline.saturating_duration_since(Instant::now()) / 4);
    let patience = deadline.checked_sub(margin).unwrap_or(deadline);
    let mut start = Vec::new();
    let mut chunk = vec![0; READ_SIZE];
    loop {
        let read = match tokio::time::timeout_at(patience, transport.read(&mut chunk)).await {
            Ok(read) => read,
            Err(_) => {
                return match reader.handle_end() {
                    // The status has come, only its body has not.
                    refusal @ ClientError::Refused(_) => Err(refused(refusal, &start)),
                    _ => std::future::pending().await,
                };
            }
        };
        let count = match read {
            Ok(0) => return Err(refused(reader.handle_end(), &start)),
            Ok(count) => count,
            Err(error) => {
                return Err(match reader.handle_end() {
                    refusal @ ClientError::Refused(_) => refused(refusal, &start),
                    _ => lost(Phase::Handshake, written.err().unwrap_or(error)),
                });
            }
        };
        let input = &chunk[..count];
        if start.len() < 64 {
            start.extend_from_slice(&input[..count.min(64)]);
        }
        match reader.receive(input) {
            Ok(None) => {}
            Ok(Some(reply)) => {
                let behind = input[reply.consumed..].to_vec();
                return Ok((reply, behind));
            }
            Err(error) => return Err(refused(error, &start)),
        }
    }
}
