//! A socket that does not block, with or without TLS.
//!
//! Both look alike from outside: `WouldBlock` means that the socket has to become readable or writable first. With TLS
//! at most [`PIECE`] bytes wait inside, so that a slow peer is noticed as soon as without.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::{ClientConfig, ClientConnection, Connection, Error, InvalidMessage, ServerConfig, ServerConnection};
use rustls_pki_types::ServerName;

use super::http::Answer;

/// Most bytes that are encrypted ahead of the socket.
const PIECE: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Transport {
    socket: TcpStream,
    tls: Option<Box<Connection>>,
}

impl Transport {
    pub(super) fn plain(socket: TcpStream) -> Self {
        Self { socket, tls: None }
    }

    /// # Errors
    /// rustls does not want the configuration.
    pub(super) fn server(socket: TcpStream, config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        Ok(Self::secure(socket, ServerConnection::new(config)?.into()))
    }

    /// # Errors
    /// rustls does not want the configuration.
    pub(super) fn client(
        socket: TcpStream,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, rustls::Error> {
        Ok(Self::secure(socket, ClientConnection::new(config, name)?.into()))
    }

    fn secure(socket: TcpStream, mut tls: Connection) -> Self {
        tls.set_buffer_limit(Some(PIECE));
        Self { socket, tls: Some(Box::new(tls)) }
    }

    pub(super) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Whether a short read means that the socket is empty: not with TLS, where a record may be left.
    pub(super) fn is_plain(&self) -> bool {
        self.tls.is_none()
    }

    /// Reads what has come; 0 is the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A peer that leaves without TLS's own farewell has left all the same.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                done => return done,
            }
            let came = tls.read_tls(&mut self.socket)?;
            if let Err(error) = tls.process_new_packets() {
                // Tells the peer why, if it can still hear it, in the protocol that it speaks.
                let is_plain = matches!(error, Error::InvalidMessage(InvalidMessage::InvalidContentType));
                if is_plain && tls.is_handshaking() && matches!(**tls, Connection::Server(_)) {
                    let mut answer = Vec::new();
                    Answer::new(400, "this port speaks TLS: use wss:// or https://").encode(&mut answer, false);
                    let _ = self.socket.write(&answer);
                } else {
                    let _ = tls.write_tls(&mut self.socket);
                }
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
            while tls.wants_write() {
                match tls.write_tls(&mut self.socket) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
            if came == 0 {
                return Ok(0);
            }
        }
    }

    /// Writes as much as goes; `WouldBlock` if that is nothing.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.tls.is_none() {
            return self.socket.write(bytes);
        }
        self.flush()?;
        let Some(tls) = &mut self.tls else { return Ok(0) };
        let count = tls.writer().write(&bytes[..bytes.len().min(PIECE)])?;
        match self.flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ if count == 0 && !bytes.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(count),
        }
    }

    /// Brings what TLS holds to the socket; `WouldBlock` if some of it stays.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        while tls.wants_write() {
            tls.write_tls(&mut self.socket)?;
        }
        Ok(())
    }

    /// Says that nothing more will be sent.
    pub(super) fn end_writing(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = self.flush();
        }
        let _ = self.socket.shutdown(Shutdown::Write);
    }
}
