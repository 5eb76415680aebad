//! Benchmark peer: tokio-tungstenite as a client, on one thread. Usage: bench-tungstenite PORT flood|echo
//!
//! Does nothing with a message, or sends it back.

use std::error::Error;

use futures_util::{SinkExt, StreamExt};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let port: u16 = args.next().ok_or("expected: PORT flood|echo")?.parse()?;
    let echo = args.next().as_deref() == Some("echo");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (mut socket, _) = tokio_tungstenite::client_async(format!("ws://127.0.0.1:{port}/ws"), stream).await?;
        while let Some(message) = socket.next().await {
            let message = message?;
            if echo && message.is_text() {
                socket.send(message).await?;
            }
        }
        Ok(())
    })
}
