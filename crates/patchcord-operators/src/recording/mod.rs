//! Recordings of what passes a socket operator: written while a patch runs, played back without the peer.
//!
//! An operator that records holds a [`Recorder`] and notes every [`Entry`]; one that plays back holds a [`Player`], or
//! lets [`play`] drive it. A recording is a text file with one JSON object on each line, so that it can be read,
//! searched and cut with ordinary tools; `docs/recording.md` has the format as a table, [`mod@format`] writes and reads it.
//!
//! Promised: noting copies the message and never waits for the disk; what waits is bounded, and what did not fit is
//! counted, in the file too. A recording is read as a stream, and one that was cut off is good up to the cut. Left to
//! the operators: which file, which parameters, and what an entry means to them.
//!
//! ```
//! use std::time::Duration;
//! use patchcord_operators::recording::{Content, DEFAULT_MAX_BYTES, Direction, Entry, Header, Player, Recorder, Turn};
//!
//! # let folder = std::env::temp_dir().join(format!("recording-doc-{}", std::process::id()));
//! # std::fs::create_dir(&folder)?;
//! # let path = folder.join("show.jsonl");
//! let header = Header::now("/project1/websocket1", "websocketDAT");
//! // The second value tells of trouble while recording; a local task waits for it.
//! let (recorder, _problems) = Recorder::start(&path, &header, DEFAULT_MAX_BYTES)?;
//! recorder.note(Entry::new(Direction::In, Content::Text("go".into())));
//! assert_eq!(recorder.finish().messages, 1);
//!
//! let mut player = Player::open(&path, 2.0)?;
//! let mut played = Vec::new();
//! let turn = player.play_due(Duration::from_secs(1), &mut |played_now| played.push(played_now.entry))?;
//! assert_eq!((turn, played.len()), (Turn::End, 1));
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use patchcord_net::websocket::{ClosedBy, Ending};

pub mod format;
mod parameters;
mod player;
mod reader;
mod recorder;
mod replaying;
mod tap;

pub(crate) use parameters::{RECORD, REPLAY_SPEED};
pub use player::{Played, Player, Turn, open, play};
pub use reader::{Reader, ReplayError};
pub use recorder::{DEFAULT_MAX_BYTES, MAX_WAITING_BYTES, Problems, Recorder, RecordingError, Summary};
pub(crate) use replaying::{REPLAY, hand_over, play_file, report_end, spawn};
pub(crate) use tap::Tap;

/// What the first line of a recording says.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Path of the operator that recorded, such as `/project1/websocket1`.
    pub operator: String,
    /// Its type, such as `websocketDAT`.
    pub operator_type: String,
    /// When recording began; the times of the entries count from here. Exact to a microsecond.
    pub start: SystemTime,
}

impl Header {
    /// The header of a recording that begins now.
    pub fn now(operator: impl Into<String>, operator_type: impl Into<String>) -> Self {
        Header { operator: operator.into(), operator_type: operator_type.into(), start: SystemTime::now() }
    }
}

/// Which way something went, as the operator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the peer to the operator.
    In,
    /// From the operator to the peer.
    Out,
}

/// What happened on a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Content<'a> {
    /// A connection was opened; the direction says by whom.
    Open {
        /// Path and query that a client asked a server for; empty where the operator is the client.
        uri: Cow<'a, str>,
        /// Subprotocol; empty when none was agreed.
        subprotocol: Cow<'a, str>,
    },
    /// A connection could not be had; has no direction.
    Failed {
        /// Why, in words.
        reason: Cow<'a, str>,
    },
    /// A connection was closed; the direction says by whom.
    Close {
        /// Close code; none when the connection just broke, or the protocol has no codes.
        code: Option<u16>,
        /// Reason; empty when none was given.
        reason: Cow<'a, str>,
    },
    /// A text message.
    Text(Cow<'a, str>),
    /// A binary message.
    Binary(Cow<'a, [u8]>),
    /// A ping with its payload.
    Ping(Cow<'a, [u8]>),
    /// A pong with its payload.
    Pong(Cow<'a, [u8]>),
    /// An HTTP request.
    Request(Request<'a>),
    /// The answer to the latest request of the same client.
    Response(Response<'a>),
    /// So many messages are missing here: they came faster than the disk took them, or were too large. Written by the
    /// [`Recorder`] itself; has no direction.
    Lost(u64),
}

impl<'a> Content<'a> {
    /// An opening of an operator that is the client.
    pub fn open() -> Self {
        Content::Open { uri: "".into(), subprotocol: "".into() }
    }
}

/// An HTTP request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<'a> {
    /// Its method, such as `GET`.
    pub method: Cow<'a, str>,
    /// Path and query as they came.
    pub uri: Cow<'a, str>,
    /// Address that the client reached, as `ip:port`.
    pub server: Cow<'a, str>,
    /// Its headers in order, without secrets.
    pub headers: Headers,
    /// Its body.
    pub body: Body<'a>,
}

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Response<'a> {
    /// Its status, such as 200.
    pub status: u16,
    /// Its headers in order, without secrets.
    pub headers: Headers,
    /// Its body.
    pub body: Body<'a>,
}

/// Names and values.
pub type Headers = Vec<(String, String)>;

/// A body, or the beginning of a long one.
#[derive(Clone, Debug, PartialEq)]
pub struct Body<'a> {
    /// What is recorded of it.
    pub bytes: Cow<'a, [u8]>,
    /// Its whole size in bytes.
    pub size: u64,
}

impl<'a> Body<'a> {
    /// A body of which at most so many bytes are kept.
    pub fn new(bytes: &'a [u8], limit: usize) -> Self {
        Body { bytes: bytes[..bytes.len().min(limit)].into(), size: bytes.len() as u64 }
    }

    /// Whether nothing was left out.
    pub fn is_whole(&self) -> bool {
        self.size == self.bytes.len() as u64
    }
}

/// One line of a recording, apart from its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'a> {
    /// Which way it went.
    pub direction: Direction,
    /// What it was.
    pub content: Content<'a>,
    /// The connection that it belongs to, where an operator has several: a server's name of the client.
    pub peer: Option<Cow<'a, str>>,
    /// Name of the event that the message carries, where the protocol names them.
    pub event: Option<Cow<'a, str>>,
    /// Where the server would go on from if the session were lost here, in protocols that have that.
    pub offset: Option<Cow<'a, str>>,
}

impl<'a> Entry<'a> {
    /// An entry of an operator with one connection.
    pub fn new(direction: Direction, content: Content<'a>) -> Self {
        Entry { direction, content, peer: None, event: None, offset: None }
    }

    /// The end of a WebSocket. One that just broke has no code, and came from the other end.
    pub(crate) fn of_ending(ending: &'a Ending) -> Self {
        let reason = ending.reason.as_str().into();
        match ending.by {
            ClosedBy::Local => {
                let code = ending.sent.map(|code| code.as_u16());
                Entry::new(Direction::Out, Content::Close { code, reason })
            }
            ClosedBy::Remote => Entry::new(Direction::In, Content::Close { code: Some(ending.code.as_u16()), reason }),
            ClosedBy::Nobody => Entry::new(Direction::In, Content::Close { code: None, reason }),
        }
    }

    /// Says which connection it belongs to.
    #[must_use]
    pub fn peer(self, peer: impl Into<Cow<'a, str>>) -> Self {
        Entry { peer: Some(peer.into()), ..self }
    }

    /// Names the event.
    #[must_use]
    pub fn event(self, event: impl Into<Cow<'a, str>>) -> Self {
        Entry { event: Some(event.into()), ..self }
    }

    /// Says where the server would go on from.
    #[must_use]
    pub fn offset(self, offset: impl Into<Cow<'a, str>>) -> Self {
        Entry { offset: Some(offset.into()), ..self }
    }

    /// Whether it happens again in a replay: what came in, and every opening and closing.
    pub fn is_played(&self) -> bool {
        match self.content {
            Content::Open { .. } | Content::Close { .. } | Content::Failed { .. } => true,
            Content::Lost(_) => false,
            _ => self.direction == Direction::In,
        }
    }
}

/// An entry as it stands in a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Time since the recording's start, exact to a microsecond.
    pub at: Duration,
    /// Line of the file, from 1.
    pub line: u64,
    /// What happened.
    pub entry: Entry<'static>,
}
