//! Declaration of the Web Server DAT (TouchDesigner reference, sections 1.3, 2.3 and 3.3).

use patchcord_core::declaration::{
    COMMON_DAT_PAGE, Callback, ContentKind, Family, InfoChannel, MenuEntry, OperatorType, Page, ParIndex, Parameter,
    Returns,
};

use super::start;
use crate::recording::{RECORD, REPLAY_SPEED};

/// The Web Server DAT.
pub static WEB_SERVER_DAT: OperatorType = OperatorType {
    name: "webserverDAT",
    label: "Web Server DAT",
    family: Family::Dat,
    summary: "Serves HTTP/1.1, HTTP/2 and WebSocket on one port. Requests and messages go to callbacks; files can be \
              served from a folder.",
    content: ContentKind::Text,
    editable: false,
    inputs: &[],
    pages: PAGES,
    info_channels: INFO,
    callbacks: CALLBACKS,
    start: Some(start),
};

pub(super) const PAGES: &[Page] = &[
    Page {
        name: "Web Server",
        parameters: &[
            Parameter::toggle("active", "Active", false)
                .help(
                    "Runs the server. Where its port is in use, or its address not there yet, it tries again every two seconds. \
                     Switching it off closes every connection: WebSockets get close code 1001.",
                ),
            Parameter::pulse("restart", "Restart")
                .help(
                "Stops and starts an active server; also tries again after an error. The callbacks come in this order: \
                 onServerStop, onWebSocketClose for each client, onServerStart. Clients are not waited for.",
            ),
            Parameter::int("port", "Port", 9980, 1, 65535)
                .help("Port to listen on. A change moves the listener; open connections stay."),
            Parameter::str("localaddress", "Local Address", "127.0.0.1").help(
                "Address to listen on. The default lets only this machine in. \"*\" or empty is every interface. A \
                 change moves the listener; open connections stay.",
            ),
            Parameter::dat("callbacks", "Callbacks DAT")
                .help("The DAT whose functions are called. Empty: requests are answered with 404."),
        ],
    },
    Page {
        name: "Secure",
        parameters: &[
            Parameter::toggle("secure", "Secure (TLS)", false)
                .help("Serves HTTPS and WSS. Open connections stay as they are."),
            Parameter::file("privatekey", "Private Key File Path")
                .help("PEM file with the private key: PKCS#8 (also encrypted), PKCS#1 or SEC1."),
            Parameter::file("certificate", "Certificate File Path")
                .help("PEM file with the certificate, followed by those that signed it."),
            Parameter::str("password", "Certificate Password", "")
                .secret()
                .help("Password of an encrypted private key."),
            Parameter::toggle("verifyclient", "Verify Client", false)
                .help("Lets in only clients with a certificate that `clientca` has signed."),
            Parameter::menu(
                "minprotocol",
                "Minimum TLS Protocol",
                "tlsv12",
                &[
                    MenuEntry::new("tlsv10", "TLS 1.0"),
                    MenuEntry::new("tlsv11", "TLS 1.1"),
                    MenuEntry::new("tlsv12", "TLS 1.2"),
                    MenuEntry::new("tlsv13", "TLS 1.3"),
                ],
            )
            .help("Oldest protocol that is spoken. 1.0 and 1.1 are broken and act as 1.2, with a warning."),
            Parameter::file("clientca", "Client CA File Path")
                .beyond()
                .help("PEM file with the certificates that may sign client certificates."),
        ],
    },
    Page {
        name: "WebSocket",
        parameters: &[
            Parameter::toggle("autopong", "Automatic Pong", false).beyond().help(
                "Answers pings at once. Off, as in TouchDesigner, the callback onWebSocketReceivePing has to. A pong \
                 with the same contents that the callback sends all the same is left out.",
            ),
            Parameter::str("subprotocols", "Subprotocols", "").beyond().help(
                "Subprotocols that the server speaks, separated by spaces, the preferred first. Chosen is the first \
                 that the client offers.",
            ),
            Parameter::str("origins", "Allowed Origins", "").beyond().help(
                "Pages that may open a WebSocket: exact origins such as https://example.org, separated by spaces. \
                 Empty or * lets any page; programs that send no Origin are always let in.",
            ),
            Parameter::toggle("compression", "Compression", false).beyond().help(
                "Compresses messages (permessage-deflate) with clients that offer it, as browsers do: less to \
                 transmit, more work. This and how it compresses hold for WebSockets that open from then on.",
            ),
            Parameter::int("compressthreshold", "Compression Threshold", 256, 0, 1 << 30)
                .beyond()
                .help("Bytes. Shorter messages are sent as they are."),
            Parameter::int("compresslevel", "Compression Level", 6, 1, 9)
                .beyond()
                .help("1 is the fastest, 9 makes the smallest messages."),
            Parameter::toggle("compresscontext", "Compression Context", false).beyond().help(
                "Lets messages refer back to those before them: many that are alike become much smaller, and every \
                 client costs 360 KiB of memory, or 240 with the smallest `compresswindow`.",
            ),
            Parameter::int("compresswindow", "Compression Window", 15, 8, 15).beyond().help(
                "How far back the server's messages refer, as a power of two of bytes: 15 is 32 KiB. Less saves memory \
                 where `compresscontext` is on.",
            ),
            Parameter::float("pinginterval", "Ping Interval", 20.0, 0.0, 3600.0)
                .beyond()
                .help("Seconds between the server's own pings, which callbacks do not see. 0 sends none."),
            Parameter::int("missedpings", "Missed Pings", 2, 1, 100)
                .beyond()
                .help("Pings in a row without any sign of life after which a client is given up."),
            Parameter::int("keepleft", "Keep Left Clients", 100, 0, 10_000)
                .beyond()
                .help("Rows of clients that have left which the clients table keeps, with the reason."),
            Parameter::toggle("clientstable", "Clients Table", false).beyond().help(
                "The DAT holds the clients table: a row for each client. An Info DAT shows it in any case. Off, the \
                 DAT is empty, as in TouchDesigner.",
            ),
        ],
    },
    Page {
        name: "Files",
        parameters: &[
            Parameter::folder("staticfolder", "Static Folder").beyond().help(
                "Files of this folder are served for GET and HEAD before the callback is asked; / is index.html. \
                 Hidden files and links that lead out of the folder are not.",
            ),
            Parameter::str("corsorigins", "CORS Origins", "").beyond().help(
                "Pages of other origins that may read answers: exact origins separated by spaces, or *. Preflight \
                 requests are answered without the callback. Empty: none.",
            ),
        ],
    },
    Page {
        name: "Limits",
        parameters: &[
            Parameter::int("maxmessage", "Maximum Message", 16 << 20, 1, 1 << 30)
                .beyond()
                .help("Bytes of one WebSocket message, uncompressed and over all its fragments. A larger one closes with 1009."),
            Parameter::int("maxbody", "Maximum Body", 64 << 20, 0, 1 << 30).beyond().help(
                "Bytes of a request's body. A larger one is answered with 413, before it is read where it says so.",
            ),
            Parameter::int("maxheader", "Maximum Header", 32 << 10, 8 << 10, 1 << 20)
                .beyond()
                .help("Bytes of a request's head. A larger one is answered with 431."),
            Parameter::int("maxconnections", "Maximum Connections", 10_000, 1, 1_000_000)
                .beyond()
                .help("Open connections. Further ones are closed at once."),
            Parameter::int("maxperaddress", "Maximum per Address", 0, 0, 1_000_000)
                .beyond()
                .help("Open connections from one address. 0: no limit of its own."),
            Parameter::float("handshaketime", "Handshake Time-out", 10.0, 0.5, 3600.0)
                .beyond()
                .help("Seconds for a TLS handshake, and for a request's head from its first byte."),
            Parameter::float("stalltime", "Stall Time-out", 30.0, 0.5, 3600.0)
                .beyond()
                .help("Seconds that a request's body may pause, or that an answer may wait to be read."),
            Parameter::float("idletime", "Idle Time-out", 75.0, 0.5, 86_400.0)
                .beyond()
                .help("Seconds that an HTTP connection is kept open between requests."),
            Parameter::float("answertime", "Answer Time-out", 30.0, 0.5, 3600.0).beyond().help(
                "Seconds that a logic graph may take to answer a request of one of its routes; then the client gets 504.",
            ),
            Parameter::int("maxwaiting", "Maximum Waiting", 1000, 1, 1_000_000).beyond().help(
                "Requests that may wait for answers of logic graphs. Further ones are answered with 503.",
            ),
            Parameter::int("maxqueue", "Maximum Queue", 4 << 20, 1024, 1 << 30)
                .beyond()
                .help("Bytes that may wait for one WebSocket client. One message for which nothing has to wait may be larger."),
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
                "What happens when a client reads too slowly. `pause` reads no more from it while much waits, and \
                 closes with 1013 when the queue is full all the same; `close` closes with 1008; the others drop \
                 messages, which the clients table counts.",
            ),
        ],
    },
    Page {
        name: "Recording",
        parameters: &[
            RECORD,
            Parameter::file("replay", "Replay").beyond().help(
                "Recording whose clients join beside those of the network while the server runs: what came from them \
                 comes again in the same way, requests included, and what is sent to them is counted and goes nowhere. \
                 `restart` begins again.",
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
        ACTIVE = "active", RESTART = "restart", PORT = "port", LOCALADDRESS = "localaddress",
        SECURE = "secure", PRIVATEKEY = "privatekey", CERTIFICATE = "certificate",
        PASSWORD = "password", VERIFYCLIENT = "verifyclient", MINPROTOCOL = "minprotocol", CLIENTCA = "clientca",
        AUTOPONG = "autopong", SUBPROTOCOLS = "subprotocols", ORIGINS = "origins", PINGINTERVAL = "pinginterval",
        MISSEDPINGS = "missedpings", KEEPLEFT = "keepleft", CLIENTSTABLE = "clientstable",
        STATICFOLDER = "staticfolder", CORSORIGINS = "corsorigins",
        MAXMESSAGE = "maxmessage", MAXBODY = "maxbody", MAXHEADER = "maxheader", MAXCONNECTIONS = "maxconnections",
        MAXPERADDRESS = "maxperaddress", HANDSHAKETIME = "handshaketime", STALLTIME = "stalltime",
        IDLETIME = "idletime", ANSWERTIME = "answertime", MAXWAITING = "maxwaiting", MAXQUEUE = "maxqueue", SLOWREADER = "slowreader",
        RECORD = "record", REPLAY = "replay", REPLAYSPEED = "replayspeed",
    }
}

const INFO: &[InfoChannel] = &[
    InfoChannel { name: "server_running", help: "1 while the server listens" },
    InfoChannel { name: "websocket_connections", help: "open WebSockets" },
    InfoChannel { name: "connections", help: "open TCP connections, WebSockets included" },
    InfoChannel { name: "requests", help: "HTTP requests that reached the callback or a logic graph" },
    InfoChannel { name: "messages_in", help: "WebSocket messages received" },
    InfoChannel { name: "messages_out", help: "WebSocket messages sent" },
    InfoChannel { name: "bytes_in", help: "bytes of WebSocket messages received" },
    InfoChannel { name: "bytes_out", help: "bytes of WebSocket messages sent" },
    InfoChannel { name: "queued", help: "bytes that wait for slow clients" },
    InfoChannel { name: "dropped", help: "messages dropped for slow clients" },
    InfoChannel { name: "refused", help: "connections and requests refused by limits and rules" },
    InfoChannel { name: "recorded", help: "messages, requests and events that were recorded" },
    InfoChannel { name: "record_lost", help: "those that were not, because the disk was too slow or full" },
    InfoChannel { name: "replaying", help: "1 while a recording is played" },
];

const CALLBACKS: &[Callback] = &[
    Callback::new(
        "onHTTPRequest",
        &["dat", "request", "response"],
        "A request came. `request` holds method, uri (the path), pars (the decoded query), clientAddress, \
         serverAddress, data (the body) and every header. Fill in `response` (statusCode, statusReason, data; any other \
         key becomes a header) and return it. Beyond TouchDesigner: a str or bytes alone is answered with 200.",
    )
    .returns(Returns::Argument(2)),
    Callback::new(
        "onWebSocketRequest",
        &["dat", "client", "request"],
        "A client asks for a WebSocket, which is not open yet. Return True or None to let it in, False to refuse with \
         403, a status code, a pair of status code and reason, or a dictionary with `statusCode` and `statusReason` to \
         refuse, or with `subprotocol` to let it in with one of those it offers.",
    )
    .returns(Returns::Value)
    .beyond(),
    Callback::new(
        "onWebSocketOpen",
        &["dat", "client", "uri"],
        "A WebSocket has opened. `client` names it in all calls; `uri` is the path and query that it asked for.",
    ),
    Callback::new(
        "onWebSocketClose",
        &["dat", "client"],
        "A WebSocket has closed. Comes once for each that opened. When the server stops, or the operator is destroyed, it \
         comes right after onServerStop, also for a client that has yet to answer.",
    ),
    Callback::new("onWebSocketReceiveText", &["dat", "client", "data"], "A text message came; `data` is a str."),
    Callback::new("onWebSocketReceiveBinary", &["dat", "client", "data"], "A binary message came; `data` is bytes."),
    Callback::new(
        "onWebSocketReceivePing",
        &["dat", "client", "data"],
        "A ping came. Answer with `dat.webSocketSendPong(client, data=data)`, unless `autopong` is on.",
    ),
    Callback::new("onWebSocketReceivePong", &["dat", "client", "data"], "A pong came."),
    Callback::new("onServerStart", &["dat"], "The server listens."),
    Callback::new("onServerStop", &["dat"], "The server stops, or the operator is destroyed. Clients are still listed and can be sent to."),
];

/// Positions of the callbacks.
pub(super) mod callback {
    pub(in super::super) const HTTP_REQUEST: usize = 0;
    pub(in super::super) const WEBSOCKET_REQUEST: usize = 1;
    pub(in super::super) const WEBSOCKET_OPEN: usize = 2;
    pub(in super::super) const WEBSOCKET_CLOSE: usize = 3;
    pub(in super::super) const RECEIVE_TEXT: usize = 4;
    pub(in super::super) const RECEIVE_BINARY: usize = 5;
    pub(in super::super) const RECEIVE_PING: usize = 6;
    pub(in super::super) const RECEIVE_PONG: usize = 7;
    pub(in super::super) const SERVER_START: usize = 8;
    pub(in super::super) const SERVER_STOP: usize = 9;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_callbacks_match_the_declaration() {
        for (at, name) in [
            (callback::HTTP_REQUEST, "onHTTPRequest"),
            (callback::WEBSOCKET_REQUEST, "onWebSocketRequest"),
            (callback::WEBSOCKET_OPEN, "onWebSocketOpen"),
            (callback::WEBSOCKET_CLOSE, "onWebSocketClose"),
            (callback::RECEIVE_TEXT, "onWebSocketReceiveText"),
            (callback::RECEIVE_BINARY, "onWebSocketReceiveBinary"),
            (callback::RECEIVE_PING, "onWebSocketReceivePing"),
            (callback::RECEIVE_PONG, "onWebSocketReceivePong"),
            (callback::SERVER_START, "onServerStart"),
            (callback::SERVER_STOP, "onServerStop"),
        ] {
            assert_eq!(WEB_SERVER_DAT.find_callback(name), Some(at));
        }
    }

    #[test]
    fn touchdesigners_own_parameters_are_all_there() {
        for name in [
            "active",
            "restart",
            "port",
            "localaddress",
            "callbacks",
            "secure",
            "privatekey",
            "certificate",
            "password",
            "verifyclient",
            "minprotocol",
            "language",
            "extension",
            "customext",
            "wordwrap",
        ] {
            let (_, parameter) = WEB_SERVER_DAT.find_parameter(name).unwrap_or_else(|| panic!("{name}"));
            assert!(!parameter.beyond, "{name}");
        }
    }

    #[test]
    fn every_parameter_says_what_it_does() {
        for (_, parameter) in WEB_SERVER_DAT.parameters() {
            assert!(!parameter.help.is_empty(), "{}", parameter.name);
        }
    }
}
