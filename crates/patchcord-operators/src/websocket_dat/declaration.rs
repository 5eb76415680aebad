//! Declaration of the WebSocket DAT (TouchDesigner reference, sections 1.2, 2.2 and 3.1).

use patchcord_core::declaration::{
    COMMON_DAT_PAGE, Callback, ContentKind, Family, InfoChannel, Input, MenuEntry, OperatorType, Page, ParIndex,
    Parameter,
};

use super::start;
use crate::client_parameters::{
    CA_FILE, CLIENT_CERTIFICATE, CLIENT_KEY, CLIENT_KEY_PASSWORD, COMPRESS_CONTEXT, COMPRESS_LEVEL, COMPRESS_WINDOW,
    COMPRESSION, PROXY, SERVER_NAME,
};
use crate::received::RECEIVED_MESSAGES;
use crate::recording::{RECORD, REPLAY_SPEED};

/// The WebSocket DAT.
pub static WEBSOCKET_DAT: OperatorType = OperatorType {
    name: "websocketDAT",
    label: "WebSocket DAT",
    family: Family::Dat,
    summary: "Connects to a WebSocket server. Text messages become rows of its table; everything that comes goes to \
              callbacks.",
    content: ContentKind::Table,
    editable: false,
    inputs: &[Input {
        label: "headers",
        help: "A table of two columns, name and value: further headers of the request; read at every attempt. A first \
               row `name`, `value` or `header`, `value` is taken for a heading.",
    }],
    pages: PAGES,
    info_channels: INFO,
    callbacks: CALLBACKS,
    start: Some(start),
};

pub(super) const PAGES: &[Page] = &[
    Page {
        name: "Connect",
        parameters: &[
            Parameter::toggle("active", "Active", false)
                .help("Connects. Switching it off closes the connection; what comes meanwhile is lost."),
            Parameter::str("netaddress", "Network Address", "localhost").help(
                "The server: a name or IP address, with a scheme (ws, wss), a port, a path and a query if need be: \
                 wss://example.org/live?room=1. A port in here counts before `port`. A change connects anew.",
            ),
            Parameter::int("port", "Network Port", 80, 1, 65535).help(
                "Port of the server, where the address has none. 443 means TLS also without a scheme; with wss, 80 \
                 means 443. A change connects anew.",
            ),
            Parameter::int("timeout", "Connection Timeout", 5000, 1, 3_600_000)
                .help("Milliseconds for name look-up, TCP, proxy, TLS and handshake together."),
            Parameter::pulse("reset", "Reset").help("Closes the connection and connects anew, if active."),
        ],
    },
    RECEIVED_MESSAGES,
    Page {
        name: "Reconnect",
        parameters: &[
            Parameter::toggle("reconnect", "Reconnect", false).beyond().help(
                "Connects again after a failure or a lost connection. Off, as in TouchDesigner, it stays closed until \
                 `active` or `reset` is used.",
            ),
            Parameter::float("reconnectdelay", "First Delay", 1.0, 0.1, 3600.0)
                .beyond()
                .help("Seconds before the first new attempt; each further delay is twice the one before."),
            Parameter::float("reconnectlongest", "Longest Delay", 30.0, 0.0, 86_400.0)
                .beyond()
                .help("Seconds beyond which delays do not grow."),
            Parameter::float("reconnectjitter", "Jitter", 0.5, 0.0, 1.0).beyond().help(
                "How far chance may carry a delay either way, as a fraction of it, so that many clients of one server \
                 do not all come back in one moment.",
            ),
            Parameter::int("reconnectattempts", "Attempts", 0, 0, 1_000_000)
                .beyond()
                .help("Attempts in a row after which it gives up. 0: never."),
        ],
    },
    Page {
        name: "Request",
        parameters: &[
            Parameter::str("subprotocols", "Subprotocols", "")
                .beyond()
                .help("Subprotocols to offer, separated by spaces, the preferred first."),
            Parameter::str("query", "Query", "")
                .beyond()
                .help("Added to the query of the address: `room=1&name=desk`; values are percent-encoded."),
            Parameter::str("origin", "Origin", "").beyond().help(
                "Origin that the request claims. Empty: the server's own, which servers that check it let in.",
            ),
            Parameter::str("username", "User Name", "").beyond().help("Name for Basic authorisation; empty sends none."),
            Parameter::str("password", "Password", "").beyond().secret().help("Password for Basic authorisation."),
            Parameter::str("token", "Bearer Token", "")
                .beyond()
                .secret()
                .help("Token for bearer authorisation; counts before name and password."),
            Parameter::int("redirects", "Redirects", 0, 0, 5)
                .beyond()
                .help("Redirects that are followed, never from wss to ws. 0: the connection fails and says where it leads."),
        ],
    },
    Page {
        name: "TLS",
        parameters: &[
            Parameter::toggle("verifycert", "Verify Certificate", true)
                .beyond()
                .help("The server has to prove who it is. Off, anybody on the way can read and change everything."),
            CA_FILE.beyond(),
            CLIENT_CERTIFICATE.beyond(),
            CLIENT_KEY.beyond(),
            CLIENT_KEY_PASSWORD.beyond(),
            SERVER_NAME.beyond(),
        ],
    },
    Page {
        name: "Network",
        parameters: &[
            PROXY.beyond(),
            Parameter::toggle("autopong", "Automatic Pong", false).beyond().help(
                "Answers pings at once. Off, as in TouchDesigner, the callback onReceivePing has to. A pong with the same \
                 contents that the callback sends all the same is left out.",
            ),
            COMPRESSION,
            Parameter::int("compressthreshold", "Compression Threshold", 256, 0, 1 << 30)
                .beyond()
                .help("Bytes. Shorter messages are sent as they are."),
            COMPRESS_LEVEL,
            COMPRESS_CONTEXT,
            COMPRESS_WINDOW,
            Parameter::float("pinginterval", "Ping Interval", 0.0, 0.0, 3600.0)
                .beyond()
                .help("Seconds between pings of its own, which callbacks do not see. 0 sends none, as in TouchDesigner."),
            Parameter::int("missedpings", "Missed Pings", 2, 1, 100)
                .beyond()
                .help("Pings in a row without any sign of life after which the connection is given up."),
        ],
    },
    Page {
        name: "Limits",
        parameters: &[
            Parameter::int("maxmessage", "Maximum Message", 16 << 20, 1, 1 << 30)
                .beyond()
                .help("Bytes of one message over all its fragments. A larger one closes with 1009."),
            Parameter::menu(
                "receive",
                "Receive",
                "all",
                &[MenuEntry::new("all", "Every Message"), MenuEntry::new("latest", "Latest Only")],
            )
            .beyond()
            .help(
                "What is handled of messages that come faster than callbacks return. `all`: every one, before more is read, \
                 so that a flood slows the server down. `latest`: of those that have come together only the newest text \
                 and the newest binary message, which keeps up with a sensor; the others are counted in `dropped`. A \
                 recording has all of them.",
            ),
            Parameter::int("maxqueue", "Maximum Queue", 64 << 20, 1024, 1 << 30)
                .beyond()
                .help("Bytes that may wait to be sent. One message for which nothing has to wait may be larger."),
            Parameter::menu(
                "slowreader",
                "Slow Reader",
                "pause",
                &[
                    MenuEntry::new("pause", "Pause"),
                    MenuEntry::new("dropoldest", "Drop Oldest"),
                    MenuEntry::new("dropnewest", "Drop Newest"),
                    MenuEntry::new("latest", "Latest Only"),
                    MenuEntry::new("close", "Close"),
                ],
            )
            .beyond()
            .help(
                "What happens when the server reads too slowly. `pause` reads no more from it while much waits, and \
                 closes with 1013 when the queue is full all the same; `close` closes with 1008; the others drop \
                 messages.",
            ),
        ],
    },
    Page {
        name: "Recording",
        parameters: &[
            RECORD,
            Parameter::file("replay", "Replay").beyond().help(
                "Recording to play in the place of a server: while this names one, `active` dials nobody. What came \
                 then comes again in the same way, and what is sent is counted and goes nowhere. `reset` begins \
                 again. A change connects anew.",
            ),
            REPLAY_SPEED,
        ],
    },
    Page {
        name: "Retired",
        parameters: &[
            Parameter::toggle("socketio", "Socket.io Format", false)
                .help("Retired in TouchDesigner and without effect: it spoke Socket.IO 0.9."),
            Parameter::str("socketioaddress", "Socket.io Address", "")
                .help("Retired in TouchDesigner and without effect: it spoke Socket.IO 0.9."),
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
        ACTIVE = "active", NETADDRESS = "netaddress", PORT = "port", TIMEOUT = "timeout", RESET = "reset",
        CLAMP = "clamp", MAXLINES = "maxlines", CLEAR = "clear", BYTES = "bytes",
        RECONNECT = "reconnect", RECONNECTDELAY = "reconnectdelay", RECONNECTLONGEST = "reconnectlongest",
        RECONNECTJITTER = "reconnectjitter", RECONNECTATTEMPTS = "reconnectattempts",
        SUBPROTOCOLS = "subprotocols", QUERY = "query", ORIGIN = "origin", USERNAME = "username",
        PASSWORD = "password", TOKEN = "token", REDIRECTS = "redirects",
        PROXY = "proxy", AUTOPONG = "autopong", PINGINTERVAL = "pinginterval", MISSEDPINGS = "missedpings",
        MAXMESSAGE = "maxmessage", RECEIVE = "receive", MAXQUEUE = "maxqueue", SLOWREADER = "slowreader",
        RECORD = "record", REPLAY = "replay", REPLAYSPEED = "replayspeed",
        SOCKETIO = "socketio", SOCKETIOADDRESS = "socketioaddress",
    }
}

const INFO: &[InfoChannel] = &[
    InfoChannel { name: "connected", help: "1 while the WebSocket is open" },
    InfoChannel { name: "reconnects", help: "times that it was opened again" },
    InfoChannel { name: "attempts", help: "attempts in a row that failed" },
    InfoChannel { name: "next_delay", help: "seconds until the next attempt; 0 when none is planned" },
    InfoChannel { name: "round_trip", help: "milliseconds that the latest answered ping took" },
    InfoChannel { name: "messages_in", help: "messages received" },
    InfoChannel { name: "messages_out", help: "messages sent" },
    InfoChannel { name: "bytes_in", help: "bytes of messages received" },
    InfoChannel { name: "bytes_out", help: "bytes of messages sent" },
    InfoChannel { name: "dropped", help: "messages dropped because the server reads too slowly, or by `receive`" },
    InfoChannel { name: "queued", help: "bytes that wait to be sent" },
    InfoChannel { name: "close_code", help: "close code of the last connection; 0 before the first has ended" },
    InfoChannel { name: "recorded", help: "messages and events that were recorded" },
    InfoChannel { name: "record_lost", help: "those that were not, because the disk was too slow or full" },
    InfoChannel { name: "replaying", help: "1 while a recording is played" },
];

const CALLBACKS: &[Callback] = &[
    Callback::new("onConnect", &["dat"], "The WebSocket is open."),
    Callback::new("onDisconnect", &["dat"], "The WebSocket has closed, whoever closed it, or could not be opened."),
    Callback::new(
        "onReceiveText",
        &["dat", "rowIndex", "message"],
        "A text message came; it stands in row `rowIndex` of the table already.",
    ),
    Callback::new("onReceiveBinary", &["dat", "contents"], "A binary message came; `contents` is bytes."),
    Callback::new(
        "onReceivePing",
        &["dat", "contents"],
        "A ping came. Answer with `dat.sendPong(contents)`, unless `autopong` is on.",
    ),
    Callback::new("onReceivePong", &["dat", "contents"], "A pong came that answers a ping of a script."),
    Callback::new(
        "onMonitorMessage",
        &["dat", "message"],
        "Says in words what happens to the connection; what went wrong has `error` or `failed` in it.",
    ),
];

/// Positions of the callbacks.
pub(super) mod callback {
    pub(in super::super) const CONNECT: usize = 0;
    pub(in super::super) const DISCONNECT: usize = 1;
    pub(in super::super) const RECEIVE_TEXT: usize = 2;
    pub(in super::super) const RECEIVE_BINARY: usize = 3;
    pub(in super::super) const RECEIVE_PING: usize = 4;
    pub(in super::super) const RECEIVE_PONG: usize = 5;
    pub(in super::super) const MONITOR_MESSAGE: usize = 6;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_callbacks_match_the_declaration() {
        for (at, name) in [
            (callback::CONNECT, "onConnect"),
            (callback::DISCONNECT, "onDisconnect"),
            (callback::RECEIVE_TEXT, "onReceiveText"),
            (callback::RECEIVE_BINARY, "onReceiveBinary"),
            (callback::RECEIVE_PING, "onReceivePing"),
            (callback::RECEIVE_PONG, "onReceivePong"),
            (callback::MONITOR_MESSAGE, "onMonitorMessage"),
        ] {
            assert_eq!(WEBSOCKET_DAT.find_callback(name), Some(at));
        }
    }

    #[test]
    fn touchdesigners_own_parameters_are_all_there_and_nothing_else_is_called_theirs() {
        let own: Vec<&str> =
            WEBSOCKET_DAT.parameters().filter(|(_, parameter)| !parameter.beyond).map(|(_, p)| &*p.name).collect();
        let documented = [
            "active",
            "netaddress",
            "port",
            "timeout",
            "reset",
            "callbacks",
            "executeloc",
            "fromop",
            "clamp",
            "maxlines",
            "clear",
            "bytes",
            "socketio",
            "socketioaddress",
            "language",
            "extension",
            "customext",
            "wordwrap",
        ];
        assert_eq!(own, documented);
    }
}
