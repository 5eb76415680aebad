//! Declaration of the TCP DAT. TouchDesigner has no operator of this name; where a parameter is the same as one of the
//! WebSocket DAT it has the same name.

use patchcord_core::declaration::{
    COMMON_DAT_PAGE, ContentKind, Family, InfoChannel, OperatorType, Page, ParIndex, Parameter,
};

use super::start;
use crate::local_address::{LOCAL_ADDRESS, LOCAL_IPV6};

/// The TCP DAT.
pub static TCP_DAT: OperatorType = OperatorType {
    name: "tcpDAT",
    label: "TCP DAT",
    family: Family::Dat,
    summary: "A TCP connection of logic graphs: a client of a server, or a server that sends to all its clients. An \
              Info DAT shows who is connected.",
    content: ContentKind::Text,
    editable: false,
    inputs: &[],
    pages: PAGES,
    info_channels: INFO,
    callbacks: &[],
    start: Some(start),
};

pub(super) const PAGES: &[Page] = &[
    Page {
        name: "Connect",
        parameters: &[
            Parameter::toggle("active", "Active", false)
                .help("Connects, or listens. Switching it off closes every connection when what waits is written."),
            Parameter::toggle("server", "Is Server", false)
                .help("Listens for clients, and does not connect. A change closes every connection."),
            Parameter::str("netaddress", "Network Address", "localhost").help(
                "Of a client: the server, a name or IP address. A port in here counts before `port`. A change connects \
                 anew.",
            ),
            Parameter::int("port", "Port", 7000, 1, 65535).help(
                "Of a client the server's port, of a server its own. A client connects anew when it changes; a server \
                 moves, and its connections stay.",
            ),
            LOCAL_ADDRESS,
            LOCAL_IPV6,
            Parameter::int("timeout", "Connection Timeout", 5000, 1, 3_600_000)
                .help("Milliseconds for name look-up and connecting together."),
            Parameter::pulse("reset", "Reset").help("Closes every connection and begins anew, if active."),
        ],
    },
    Page {
        name: "Reconnect",
        parameters: &[
            Parameter::toggle("reconnect", "Reconnect", false).help(
                "Connects again after a failure or a lost connection; a server tries again when it could not listen.",
            ),
            Parameter::float("reconnectdelay", "First Delay", 1.0, 0.1, 3600.0)
                .help("Seconds before the first new attempt; each further delay is twice the one before."),
            Parameter::float("reconnectlongest", "Longest Delay", 30.0, 0.0, 86_400.0)
                .help("Seconds beyond which delays do not grow."),
            Parameter::float("reconnectjitter", "Jitter", 0.5, 0.0, 1.0).help(
                "How far chance may carry a delay either way, as a fraction of it, so that many clients of one server \
                 do not all come back in one moment.",
            ),
            Parameter::int("reconnectattempts", "Attempts", 0, 0, 1_000_000)
                .help("Attempts in a row after which it gives up. 0: never."),
        ],
    },
    Page {
        name: "Limits",
        parameters: &[
            Parameter::int("maxclients", "Maximum Clients", 64, 1, 10_000)
                .help("Clients of a server at a time. More are not let in."),
            Parameter::int("maxqueue", "Maximum Queue", 4 << 20, 1024, 1 << 30).help(
                "Bytes that may wait to be sent to one other end. Nothing of a stream can be left out, so one that \
                 reads too slowly for that is closed. What is sent when nothing waits may be larger.",
            ),
            Parameter::int("keepalive", "Keep Alive", 20, 0, 3600).help(
                "Seconds of silence after which the system asks whether the other end is still there; it is lost after \
                 three such questions without an answer. 0 asks never.",
            ),
        ],
    },
    COMMON_DAT_PAGE,
];

/// Positions of the parameters that the worker reads.
pub(super) mod par {
    use super::{PAGES, ParIndex};

    macro_rules! parameters {
        ($($constant:ident = $name:literal),* $(,)?) => {
            $(pub(in super::super) const $constant: ParIndex = ParIndex::of(PAGES, $name);)*
        };
    }

    parameters! {
        ACTIVE = "active", SERVER = "server", NETADDRESS = "netaddress", PORT = "port",
        LOCALADDRESS = "localaddress", LOCALIPV6 = "localipv6", TIMEOUT = "timeout", RESET = "reset",
        RECONNECT = "reconnect", RECONNECTDELAY = "reconnectdelay", RECONNECTLONGEST = "reconnectlongest",
        RECONNECTJITTER = "reconnectjitter", RECONNECTATTEMPTS = "reconnectattempts",
        MAXCLIENTS = "maxclients", MAXQUEUE = "maxqueue", KEEPALIVE = "keepalive",
    }
}

const INFO: &[InfoChannel] = &[
    InfoChannel { name: "connected", help: "1 while it is connected, or listens" },
    InfoChannel { name: "clients", help: "clients of a server" },
    InfoChannel { name: "reconnects", help: "times that it was opened again" },
    InfoChannel { name: "attempts", help: "attempts in a row that failed" },
    InfoChannel { name: "next_delay", help: "seconds until the next attempt; 0 when none is planned" },
    InfoChannel { name: "packets_in", help: "times that something was received" },
    InfoChannel { name: "packets_out", help: "times that something was sent, to each client" },
    InfoChannel { name: "bytes_in", help: "bytes received" },
    InfoChannel { name: "bytes_out", help: "bytes sent" },
    InfoChannel { name: "queued", help: "bytes that wait to be sent" },
    InfoChannel { name: "refused", help: "clients that were not let in" },
    InfoChannel { name: "slow", help: "connections that were closed because the other end reads too slowly" },
];
