//! The works that every server is measured with, and the bars that ours is held against.
//!
//! One row of [`WORKS`] is one work. The floor's reference figure was measured on another machine and is printed
//! beside this machine's, so that a reader sees whether the floor itself is a good one; only ratios within one
//! session are compared with a bar.

/// Connections that stay open and busy while a work is measured.
pub const CONNECTIONS: usize = 64;

/// The body of every answer to a GET request: 30 bytes.
pub const BODY: &str = "Hello from the Patchcord bench";

/// Path of a plain request; a server may answer any path alike.
pub const HTTP_PATH: &str = "/";

/// Path on which a WebSocket is opened.
pub const WEBSOCKET_PATH: &str = "/ws";

/// What one operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A GET request on a connection that is kept alive, answered with [`BODY`].
    Http,
    /// A text message that comes back as it is.
    Echo {
        /// Payload of a message in bytes.
        bytes: usize,
        /// Messages that a connection has under way at any time.
        in_flight: usize,
    },
}

/// One row of the comparison.
#[derive(Debug)]
pub struct Work {
    /// Name on the command line of the load generator.
    pub id: &'static str,
    /// Name in the report.
    pub title: &'static str,
    /// What one operation is.
    pub kind: Kind,
    /// CPU time of the floor per operation on the machine the bars were set on, in microseconds.
    pub floor_reference_us: f64,
    /// Most that our server may cost with a Python callback, as a multiple of the floor.
    pub bar_python: f64,
    /// Most that our server may cost with a native handler, as a multiple of the floor.
    pub bar_native: f64,
}

/// Every work, in the order of the report.
pub const WORKS: [Work; 4] = [
    Work {
        id: "http",
        title: "HTTP GET, 30-byte body",
        kind: Kind::Http,
        floor_reference_us: 4.7,
        bar_python: 1.3,
        bar_native: 1.1,
    },
    Work {
        id: "echo-32",
        title: "WebSocket echo 32 B, one in flight",
        kind: Kind::Echo { bytes: 32, in_flight: 1 },
        floor_reference_us: 4.2,
        bar_python: 1.2,
        bar_native: 1.1,
    },
    Work {
        id: "echo-32x16",
        title: "WebSocket echo 32 B, 16 in flight",
        kind: Kind::Echo { bytes: 32, in_flight: 16 },
        floor_reference_us: 0.27,
        bar_python: 1.6,
        bar_native: 1.2,
    },
    Work {
        id: "echo-16k",
        title: "WebSocket echo 16 KiB, one in flight",
        kind: Kind::Echo { bytes: 16 * 1024, in_flight: 1 },
        floor_reference_us: 5.3,
        bar_python: 1.2,
        bar_native: 1.1,
    },
];

/// The work with this id.
pub fn find(id: &str) -> Option<&'static Work> {
    WORKS.iter().find(|work| work.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_promised_size() {
        assert_eq!(BODY.len(), 30);
    }

    #[test]
    fn works_are_found_by_their_own_id() {
        for work in &WORKS {
            assert_eq!(find(work.id).map(|found| found.title), Some(work.title));
        }
        assert!(find("echo").is_none());
    }
}
