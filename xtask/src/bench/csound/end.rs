//! How long after the last k-cycle of a note its port can be opened again.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use super::orchestra::{LAST_CYCLE, NOTE};
use super::stream::{LoadError, Stream};
use super::work::Audience;

/// How long is waited for a port.
pub const LIMIT: Duration = Duration::from_secs(3);
/// How often is looked.
const LOOK: Duration = Duration::from_micros(200);
/// For how long a client that leaves takes the stream.
const STAY: Duration = Duration::from_millis(300);

/// Watches a Csound that has just been started, and writes what it says to `log`. `None`: not within [`LIMIT`].
///
/// # Errors
/// When there is no stream, or the note does not end.
pub fn measure(port: u16, log: &Path, audience: Audience) -> Result<Option<Duration>, LoadError> {
    let mut client = match audience {
        Audience::Nobody => None,
        Audience::Stays | Audience::Left => Some(Stream::open(port, "kcycle")?),
    };
    let (opened, mut log) = (Instant::now(), Said::open(log)?);
    let deadline = opened + Duration::from_secs(u64::from(NOTE)) + LIMIT;
    while !log.says(LAST_CYCLE)? {
        if let Some(client) = &mut client {
            client.read(|_| Ok(()))?;
        }
        if audience == Audience::Left && opened.elapsed() > STAY {
            client = None;
        }
        if Instant::now() > deadline {
            return Err(LoadError::Stuck);
        }
        std::thread::sleep(LOOK);
    }
    let ended = Instant::now();
    loop {
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(Some(ended.elapsed()));
        }
        if ended.elapsed() > LIMIT {
            return Ok(None);
        }
        // A client that is told that this is the end has nothing more to do.
        client = client.and_then(|mut client| client.read(|_| Ok(())).is_ok().then_some(client));
        std::thread::sleep(LOOK);
    }
}

/// What a program writes to a file.
struct Said {
    file: File,
    text: Vec<u8>,
}

impl Said {
    fn open(log: &Path) -> io::Result<Self> {
        Ok(Self { file: fs::File::open(log)?, text: Vec::new() })
    }

    /// Whether it has written these words since they were asked for last.
    fn says(&mut self, words: &str) -> io::Result<bool> {
        self.file.read_to_end(&mut self.text)?;
        let found = memchr::memmem::find(&self.text, words.as_bytes()).is_some();
        let kept = self.text.len().saturating_sub(words.len());
        self.text.drain(..kept);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn words_are_found_in_what_grows() -> io::Result<()> {
        let path = std::env::temp_dir().join(format!("patchcord-bench-said-{}", std::process::id()));
        let mut file = File::create(&path)?;
        let mut said = Said::open(&path)?;
        assert!(!said.says("the end")?);
        file.write_all(b"a long beginning, then the e")?;
        assert!(!said.says("the end")?);
        file.write_all(b"nd\n")?;
        assert!(said.says("the end")?);
        fs::remove_file(path)
    }

    #[test]
    fn a_port_that_is_free_is_found_free_and_another_is_not() -> Result<(), LoadError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(LoadError::Socket)?;
        let port = listener.local_addr()?.port();
        let path = std::env::temp_dir().join(format!("patchcord-bench-end-{}", std::process::id()));
        fs::write(&path, LAST_CYCLE)?;
        let closer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60));
            drop(listener);
        });
        let time = measure(port, &path, Audience::Nobody)?.expect("free in the end");
        closer.join().expect("the thread does not panic");
        assert!(time > Duration::from_millis(20) && time < LIMIT, "{time:?}");
        fs::remove_file(path)?;
        Ok(())
    }
}
