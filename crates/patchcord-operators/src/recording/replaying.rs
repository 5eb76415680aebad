//! What operators that replay have in common: how an entry reaches a WebSocket, and what is said at the end.

use std::future::Future;
use std::path::PathBuf;

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_net::websocket::{CloseCode, Handler, PlayedWebSocket};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::{Content, Direction, Entry, Played, Recorded, ReplayError, open, play};

/// Cause of the problem that a recording is not replayed, or not all of it.
pub(crate) const REPLAY: &str = "replay";

/// Hands over what came on an open WebSocket, and its end.
pub(crate) fn hand_over<H: Handler>(websocket: &PlayedWebSocket<H>, entry: &Entry<'_>) {
    match &entry.content {
        Content::Text(text) => websocket.handle_text(text),
        Content::Binary(bytes) => websocket.handle_binary(bytes),
        Content::Ping(payload) => websocket.handle_ping(payload),
        Content::Pong(payload) => websocket.handle_pong(payload),
        Content::Close { code, reason } => match (entry.direction, code.map(CloseCode::new)) {
            (Direction::Out, code) => {
                websocket.close(code.filter(|code| code.may_be_sent()).unwrap_or(CloseCode::NORMAL), reason);
            }
            (Direction::In, None) => websocket.handle_loss(reason),
            (Direction::In, Some(CloseCode::NO_CODE)) => websocket.handle_close(None, ""),
            (Direction::In, code) => websocket.handle_close(code, reason),
        },
        Content::Open { .. }
        | Content::Failed { .. }
        | Content::Request(_)
        | Content::Response(_)
        | Content::Lost(_) => {}
    }
}

/// Plays a file that an operator of this type has recorded. `begin` hears in words what is played, before anything is.
pub(crate) async fn play_file(
    file: PathBuf,
    operator_type: &'static str,
    speed: watch::Receiver<f64>,
    begin: impl FnOnce(&str),
    on_entry: impl FnMut(Recorded),
) -> Result<Played, ReplayError> {
    let first_speed = *speed.borrow();
    let player = open(file.clone(), operator_type, first_speed).await?;
    let operator = &player.header().operator;
    let whose = if operator.is_empty() { "" } else { ", recorded by " };
    begin(&format!("replaying {}{whose}{operator}", file.display()));
    play(player, speed, on_entry).await
}

/// Shows on the operator what is wrong with a recording that has been played. The result says how it ended.
pub(crate) fn report_end(network: &Network, op: OpId, played: &Result<Played, ReplayError>) -> String {
    match played {
        Ok(played) => {
            if let Some(line) = played.cut_off {
                let message = format!("the recording was cut off in line {line}");
                network.report(op, Problem::warning(REPLAY, message, "what came before was replayed"));
            }
            format!("the recording has ended: {}", in_words(*played))
        }
        Err(error) => {
            let message = format!("the replay has stopped: {error}");
            network.report(op, Problem::error(REPLAY, message.clone(), error.remedy()));
            format!("error: {message}")
        }
    }
}

fn in_words(played: Played) -> String {
    let plural = if played.entries == 1 { "entry" } else { "entries" };
    let lost = if played.lost > 0 { format!(", {} are missing in it", played.lost) } else { String::new() };
    format!("{} {plural}{lost}", played.entries)
}

/// Runs what plays as a task of its own; `on_panic` hears what a panic in it said.
pub(crate) fn spawn(play: impl Future<Output = ()> + 'static, on_panic: impl FnOnce(String) + 'static) -> AbortHandle {
    let playing = tokio::task::spawn_local(play);
    let handle = playing.abort_handle();
    tokio::task::spawn_local(async move {
        if let Err(error) = playing.await
            && let Ok(panic) = error.try_into_panic()
        {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            on_panic(text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default());
        }
    });
    handle
}
