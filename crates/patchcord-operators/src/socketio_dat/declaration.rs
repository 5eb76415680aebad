//! Declaration of the SocketIO DAT (TouchDesigner reference, sections 1.1, 2.1 and 3.2; Socket.IO reference, section 8).

use patchcord_core::declaration::{
    COMMON_DAT_PAGE, Callback, ContentKind, Family, InfoChannel, Input, MenuEntry, OperatorType, Page, ParIndex,
    Parameter, Returns,
};

use super::start;
use crate::client_parameters::{
    CA_FILE, CLIENT_CERTIFICATE, CLIENT_KEY, CLIENT_KEY_PASSWORD, COMPRESS_CONTEXT, COMPRESS_LEVEL, COMPRESS_WINDOW,
    COMPRESSION, PROXY, SERVER_NAME,
};
use crate::received::RECEIVED_MESSAGES;
use crate::recording::{RECORD, REPLAY_SPEED};

/// The SocketIO DAT.
pub static SOCKETIO_DAT: OperatorType = OperatorType {
    name: "socketioDAT",
    label: "SocketIO DAT",
    family: Family::Dat,
    summary: "Connects to a Socket.IO server. Events become rows of its table and go to callbacks; scripts emit events of \
              their own.",
    content: ContentKind::Table,
    editable: false,
    inputs: &[
        Input {
            label: "headers",
            help: "A table of two columns, name and value: further headers of the requests; read at every attempt.",
        },
        Input {
            label: "events",
            help: "A table of one column: the names of the events to receive. A change holds at once and loses no \
                   connection.",
        },
        Input {
            label: "query",
            help: "A table of two columns, name and value: further parameters of the query; read at every attempt.",
        },
        Input {
            label: "auth",
            help: "A table of two columns, name and value: what the server gets as `auth`, such as a token; read at \
                   every attempt.",
        },
    ],
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
                .help("Connects and stays connected. Off, nothing is received and nothing can be emitted."),
            Parameter::pulse("reset", "Reset").help("Closes the connection and connects anew, if active."),
            Parameter::str("url", "URL", "").help(
                "The server: http://localhost:3000, https://example.org; ws, wss and no scheme at all are taken too. A \
                 path in here counts in the place of `path`, and a query goes with that of input 2. A change connects \
                 anew.",
            ),
            Parameter::toggle("verifycert", "Verify Certificate (TLS)", true)
                .help("The server has to prove who it is. Off, anybody on the way can read and change everything."),
            Parameter::int("delay", "Reconnect Delay", 5000, 0, 3_600_000).help(
                "Milliseconds before it connects again after a failure or a lost connection; at least 100 count.",
            ),
        ],
    },
    RECEIVED_MESSAGES,
    Page {
        name: "Events",
        parameters: &[
            Parameter::toggle("allevents", "Receive All Events", false)
                .beyond()
                .help("Receives every event, whether input 1 names it or not."),
            Parameter::str("namespaces", "Namespaces", "/").beyond().help(
                "Namespaces to be in, between spaces. One connection carries all of them; a change joins and leaves \
                 without a new one.",
            ),
            Parameter::toggle("answer", "Answer Always", false).beyond().help(
                "Answers an event that asks for an acknowledgement also when onReceiveEvent returns nothing: with no \
                 arguments. Off, as in TouchDesigner, the server waits in vain.",
            ),
            Parameter::toggle("eventcolumn", "Event Column", false)
                .beyond()
                .help("Adds a column with the name of each event."),
            Parameter::toggle("namespacecolumn", "Namespace Column", false)
                .beyond()
                .help("Adds a column with the namespace of each event."),
            Parameter::toggle("timecolumn", "Time Column", false)
                .beyond()
                .help("Adds a column with the time at which each event came, in seconds since 1970."),
        ],
    },
    Page {
        name: "Request",
        parameters: &[
            Parameter::str("path", "Path", "/socket.io/").beyond().help(
                "Path of the Socket.IO server, where `url` has none. It is no namespace. A change connects anew.",
            ),
            Parameter::menu(
                "transports",
                "Transports",
                "websocket",
                &[
                    MenuEntry::new("websocket", "WebSocket"),
                    MenuEntry::new("pollingwebsocket", "Polling, Then WebSocket"),
                    MenuEntry::new("polling", "HTTP Long-Polling"),
                ],
            )
            .beyond()
            .help(
                "What carries the events: a WebSocket; HTTP requests until a WebSocket is known to work, where something \
                 on the way may not let one through; HTTP requests alone. Holds from the next attempt on.",
            ),
            Parameter::menu(
                "version",
                "Engine.IO Version",
                "auto",
                &[
                    MenuEntry::new("auto", "Automatic"),
                    MenuEntry::new("v4", "4 (Socket.IO 3 and Later)"),
                    MenuEntry::new("v3", "3 (Socket.IO 1 and 2)"),
                ],
            )
            .beyond()
            .help(
                "What the server is asked for. `auto` begins with 4 and goes over to 3 when the server shows that it \
                 speaks that alone. Holds from the next attempt on.",
            ),
            Parameter::menu(
                "parser",
                "Parser",
                "json",
                &[MenuEntry::new("json", "JSON"), MenuEntry::new("msgpack", "MessagePack")],
            )
            .beyond()
            .help("How events are written; the server has to be set up with the same. A change connects anew."),
            Parameter::int("timeout", "Connection Timeout", 20_000, 1, 3_600_000)
                .beyond()
                .help("Milliseconds until the server has opened a session, from the name look-up on."),
            Parameter::int("namespacetimeout", "Namespace Timeout", 20_000, 1, 3_600_000)
                .beyond()
                .help("Milliseconds that the server may take to let this client into a namespace."),
        ],
    },
    Page {
        name: "Reconnect",
        parameters: &[
            Parameter::toggle("reconnect", "Reconnect", true)
                .beyond()
                .help("Connects again by itself after a failure or a lost connection, after `delay`."),
            Parameter::float("reconnectlongest", "Longest Delay", 0.0, 0.0, 86_400.0).beyond().help(
                "Seconds. Each delay is twice the one before, up to this. 0, as in TouchDesigner: delays do not grow.",
            ),
            Parameter::float("reconnectjitter", "Jitter", 0.0, 0.0, 1.0).beyond().help(
                "How far chance may carry a delay either way, as a fraction of it, so that many clients of one server \
                 do not all come back in one moment.",
            ),
            Parameter::int("reconnectattempts", "Attempts", 0, 0, 1_000_000)
                .beyond()
                .help("Attempts in a row after which it gives up. 0: never."),
            Parameter::toggle("reconnectrefused", "Reconnect When Refused", false).beyond().help(
                "Comes back after `delay` also when the server has refused this client or put it out of a namespace. Off, \
                 as Socket.IO has it, that namespace stays closed until `reset`.",
            ),
        ],
    },
    Page {
        name: "Send",
        parameters: &[
            Parameter::menu(
                "offline",
                "While Offline",
                "off",
                &[
                    MenuEntry::new("off", "Drop"),
                    MenuEntry::new("keep", "Keep"),
                    MenuEntry::new("dropoldest", "Keep, Drop Oldest"),
                    MenuEntry::new("dropnewest", "Keep, Drop Newest"),
                ],
            )
            .beyond()
            .help(
                "What happens to events that are emitted while it is active and not connected. `off` drops them with a \
                 warning; the others keep them until it is connected, and say what goes when `offlinelimit` is reached: \
                 nothing more is taken, the oldest goes, or the new one goes.",
            ),
            Parameter::int("offlinelimit", "Offline Limit", 1024, 1, 1_000_000)
                .beyond()
                .help("Events of one namespace that are kept while it is not connected; 4 MiB of them at most."),
            Parameter::float("acktimeout", "Acknowledgement Timeout", 0.0, 0.0, 86_400.0).beyond().help(
                "Seconds that an acknowledgement may take where `emit` does not say. 0: as long as the connection lasts, \
                 and 5 where `retries` is in use.",
            ),
            Parameter::int("retries", "Retries", 0, 0, 1000).beyond().help(
                "How often an event is sent again that the server does not acknowledge in time. With more than 0 events \
                 go out one at a time, each when the one before was acknowledged; the server may get one twice.",
            ),
        ],
    },
    Page {
        name: "TLS",
        parameters: &[
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
            COMPRESSION,
            Parameter::int("compressthreshold", "Compression Threshold", 1024, 0, 1 << 30)
                .beyond()
                .help("Bytes. Shorter messages are sent as they are."),
            COMPRESS_LEVEL,
            COMPRESS_CONTEXT,
            COMPRESS_WINDOW,
        ],
    },
    Page {
        name: "Limits",
        parameters: &[
            Parameter::int("maxmessage", "Maximum Message", 16 << 20, 1, 1 << 30)
                .beyond()
                .help("Bytes of one event with its attachments, in both directions. A larger one closes the connection."),
            Parameter::int("maxattachments", "Maximum Attachments", 10, 0, 100_000).beyond().help(
                "Pieces of bytes in one event, in both directions. Servers since 2026 take 10 by default and close the \
                 connection over more.",
            ),
            Parameter::int("maxqueue", "Maximum Queue", 16 << 20, 1024, 1 << 30)
                .beyond()
                .help("Bytes that may wait to be sent. One event for which nothing has to wait may be larger."),
            Parameter::toggle("recovery", "Connection State Recovery", true).beyond().help(
                "Where the server offers it, a lost session is taken up again, and what was missed comes after all. Off, \
                 each connection is a new session.",
            ),
        ],
    },
    Page {
        name: "Recording",
        parameters: &[
            RECORD,
            Parameter::file("replay", "Replay").beyond().help(
                "Recording to play in the place of a server: while this names one, `active` dials nobody. What came \
                 then comes again in the same way, and what is emitted is counted and goes nowhere. `reset` begins \
                 again. A change connects anew.",
            ),
            REPLAY_SPEED,
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
        ACTIVE = "active", RESET = "reset", URL = "url", DELAY = "delay",
        CLAMP = "clamp", MAXLINES = "maxlines", CLEAR = "clear", BYTES = "bytes",
        ALLEVENTS = "allevents", NAMESPACES = "namespaces", ANSWER = "answer",
        EVENTCOLUMN = "eventcolumn", NAMESPACECOLUMN = "namespacecolumn", TIMECOLUMN = "timecolumn",
        PATH = "path", TRANSPORTS = "transports", VERSION = "version", PARSER = "parser",
        TIMEOUT = "timeout", NAMESPACETIMEOUT = "namespacetimeout",
        RECONNECT = "reconnect", RECONNECTLONGEST = "reconnectlongest", RECONNECTJITTER = "reconnectjitter",
        RECONNECTATTEMPTS = "reconnectattempts", RECONNECTREFUSED = "reconnectrefused",
        OFFLINE = "offline", OFFLINELIMIT = "offlinelimit", ACKTIMEOUT = "acktimeout", RETRIES = "retries",
        PROXY = "proxy",
        MAXMESSAGE = "maxmessage", MAXATTACHMENTS = "maxattachments", MAXQUEUE = "maxqueue", RECOVERY = "recovery",
        RECORD = "record", REPLAY = "replay", REPLAYSPEED = "replayspeed",
    }
}

/// Positions of the inputs.
pub(super) mod input {
    pub(in super::super) const HEADERS: usize = 0;
    pub(in super::super) const EVENTS: usize = 1;
    pub(in super::super) const QUERY: usize = 2;
    pub(in super::super) const AUTH: usize = 3;
}

const INFO: &[InfoChannel] = &[
    InfoChannel { name: "connected", help: "namespaces that are connected" },
    InfoChannel { name: "recovered", help: "1 when the server has restored the session that was lost before" },
    InfoChannel { name: "reconnects", help: "times that a session was opened again" },
    InfoChannel { name: "attempts", help: "attempts in a row that failed" },
    InfoChannel { name: "next_delay", help: "seconds until the next attempt; 0 when none is planned" },
    InfoChannel { name: "round_trip", help: "milliseconds from `emit` to the latest acknowledgement" },
    InfoChannel { name: "events_in", help: "events received, those that are not wanted included" },
    InfoChannel { name: "events_out", help: "events emitted" },
    InfoChannel { name: "bytes_in", help: "bytes received" },
    InfoChannel { name: "bytes_out", help: "bytes sent" },
    InfoChannel { name: "dropped", help: "events that were emitted and dropped" },
    InfoChannel { name: "queued", help: "bytes that wait to be sent" },
    InfoChannel { name: "buffered", help: "events that wait until they are connected or others are acknowledged" },
    InfoChannel { name: "acks_pending", help: "events whose acknowledgement is waited for" },
    InfoChannel { name: "recorded", help: "messages and events that were recorded" },
    InfoChannel { name: "record_lost", help: "those that were not, because the disk was too slow or full" },
    InfoChannel { name: "replaying", help: "1 while a recording is played" },
];

const CALLBACKS: &[Callback] = &[
    Callback::new(
        "onOpen",
        &["dat", "namespace", "recovered"],
        "A namespace is connected, for the first time or again. `recovered`: the server has restored the session that \
         was lost.",
    ),
    Callback::new(
        "onReceiveEvent",
        &["dat", "rowIndex", "message", "event", "namespace", "offset"],
        "An event came; it stands in row `rowIndex` of the table already. `message` is its argument as a Python object, \
         None if it has none, a list if it has several. What is returned answers an event that asks for it: a tuple as \
         that many arguments, None not at all. `offset` is what the server restores a lost session by, or None.",
    )
    .returns(Returns::Answer),
    Callback::new(
        "onClose",
        &["dat", "failure", "namespace", "reason"],
        "A namespace that was connected is so no more. `failure` is False when this end has closed it; `reason` is what \
         Socket.IO calls it, such as `transport close`.",
    ),
    Callback::new(
        "onConnectError",
        &["dat", "namespace", "message", "data"],
        "The server refuses a namespace, with its message and what it says beside it; or, where `namespace` is empty, \
         an attempt to connect has failed.",
    )
    .beyond(),
    Callback::new(
        "onReconnectAttempt",
        &["dat", "attempt"],
        "It is about to connect again; `attempt` counts those in a row, from 1. The inputs are read after this.",
    )
    .beyond(),
    Callback::new(
        "onAck",
        &["dat", "request", "message", "event", "namespace"],
        "The server has acknowledged an event that was emitted with `ack=True`; `request` is what `emit` returned, \
         `message` the answer.",
    )
    .beyond(),
    Callback::new(
        "onAckTimeout",
        &["dat", "request", "reason", "event", "namespace"],
        "An event that was emitted with `ack` will not be acknowledged: `reason` is `timeout`, `disconnected` or \
         `dropped`.",
    )
    .beyond(),
];

/// Positions of the callbacks.
pub(super) mod callback {
    pub(in super::super) const OPEN: usize = 0;
    pub(in super::super) const RECEIVE_EVENT: usize = 1;
    pub(in super::super) const CLOSE: usize = 2;
    pub(in super::super) const CONNECT_ERROR: usize = 3;
    pub(in super::super) const RECONNECT_ATTEMPT: usize = 4;
    pub(in super::super) const ACK: usize = 5;
    pub(in super::super) const ACK_TIMEOUT: usize = 6;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_match_the_declaration() {
        for (at, name) in [
            (callback::OPEN, "onOpen"),
            (callback::RECEIVE_EVENT, "onReceiveEvent"),
            (callback::CLOSE, "onClose"),
            (callback::CONNECT_ERROR, "onConnectError"),
            (callback::RECONNECT_ATTEMPT, "onReconnectAttempt"),
            (callback::ACK, "onAck"),
            (callback::ACK_TIMEOUT, "onAckTimeout"),
        ] {
            assert_eq!(SOCKETIO_DAT.find_callback(name), Some(at));
        }
        for (at, label) in
            [(input::HEADERS, "headers"), (input::EVENTS, "events"), (input::QUERY, "query"), (input::AUTH, "auth")]
        {
            assert_eq!(SOCKETIO_DAT.inputs[at].label, label);
        }
    }

    #[test]
    fn touchdesigners_own_parameters_are_all_there_and_nothing_else_is_called_theirs() {
        let own: Vec<&str> =
            SOCKETIO_DAT.parameters().filter(|(_, parameter)| !parameter.beyond).map(|(_, p)| &*p.name).collect();
        let documented = [
            "active",
            "reset",
            "url",
            "verifycert",
            "delay",
            "callbacks",
            "executeloc",
            "fromop",
            "clamp",
            "maxlines",
            "clear",
            "bytes",
            "language",
            "extension",
            "customext",
            "wordwrap",
        ];
        assert_eq!(own, documented);
    }
}
