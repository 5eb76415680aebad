//! Declaration of the Csound CHOP.

use patchcord_core::declaration::{
    Callback, ContentKind, Family, InfoChannel, Input, MenuEntry, OperatorType, Page, ParIndex, Parameter,
};

use super::start;
use crate::client_parameters::{CA_FILE, CLIENT_CERTIFICATE, CLIENT_KEY, CLIENT_KEY_PASSWORD, PROXY, SERVER_NAME};

/// The Csound CHOP.
pub static CSOUND_CHOP: OperatorType = OperatorType {
    name: "csoundCHOP",
    label: "Csound CHOP",
    family: Family::Chop,
    summary: "Exchanges signals with Csound and with pages, as Csound's websocket opcode does: as the host to which they \
              connect, or as a client of a running Csound. Channels of its input are sent, what comes are its channels.",
    content: ContentKind::Channels,
    editable: false,
    inputs: &[Input {
        label: "CHOP",
        help: "The channels to send, each under its name. A time slice is sent whole; of other channels the newest sample.",
    }],
    pages: PAGES,
    info_channels: INFO,
    callbacks: CALLBACKS,
    start: Some(start),
};

pub(super) const PAGES: &[Page] = &[
    Page {
        name: "Csound",
        parameters: &[
            Parameter::toggle("active", "Active", false)
                .help(
                    "Listens or connects. Where a host's port is in use, or its address not there yet, it tries again every two \
                     seconds. Switching it off closes every connection: clients get close code 1001.",
                ),
            Parameter::menu(
                "role",
                "Role",
                "host",
                &[MenuEntry::new("host", "Host"), MenuEntry::new("client", "Client")],
            )
            .help(
                "`host`: pages, and Csound with `websocketclient`, connect to this operator. `client`: it connects to a \
                 Csound that runs `websocket`, once for each signal. A change closes every connection.",
            ),
            Parameter::int("port", "Port", 9000, 1, 65535).help(
                "Port to listen on; of a client the port of Csound's opcode, where `netaddress` has none. A host's \
                 connections stay when it changes, a client connects anew.",
            ),
            Parameter::str("localaddress", "Local Address", "127.0.0.1").help(
                "Address that a host listens on. The default lets only this machine in. \"*\" or empty is every \
                 interface. Open connections stay.",
            ),
            Parameter::str("netaddress", "Network Address", "localhost").help(
                "Where a client connects to: a name or IP address, with a scheme (ws, wss), a port and a path if need be. \
                 A change connects anew.",
            ),
            Parameter::dat("signals", "Signals DAT").help(
                "A table of signals with the columns name, type, direction and value, of which only the name must be \
                 there. `type` is a, k, i or S, or an array of it such as k[4] or a[2]. `direction` is `in` for what comes \
                 and `out` for what is sent; empty it is `out` for a channel of the input and for a row with a value, \
                 else `in`. `value` is what is sent of a signal without a channel: a number, a text, numbers with \
                 spaces between them, a JSON array of texts. The members of an array are channels called name0, name1 and so on. \
                 Channels of the input need no row.",
            ),
            Parameter::dat("callbacks", "Callbacks DAT").help("The DAT whose functions are called."),
            Parameter::pulse("reset", "Reset").help("Closes every connection and begins anew, if active."),
        ],
    },
    Page {
        name: "Signals",
        parameters: &[
            Parameter::float("rate", "Sample Rate", 48_000.0, 1.0, 1e6).help(
                "Samples per second of a-rate signals: Csound's `sr`. Channels of the input that have another rate are \
                 converted.",
            ),
            Parameter::int("ksmps", "Block Size", 64, 1, 65_536).help(
                "Samples in a message of an a-rate signal: Csound's `ksmps`. It must be the one of the other end.",
            ),
            Parameter::menu(
                "floatsize",
                "Float Size",
                "double",
                &[MenuEntry::new("double", "64 Bits"), MenuEntry::new("single", "32 Bits")],
            )
            .help("Size of numbers on the wire: that of Csound's MYFLT, 64 bits in nearly every build."),
            Parameter::menu(
                "type",
                "Type without a Row",
                "auto",
                &[
                    MenuEntry::new("auto", "Automatic"),
                    MenuEntry::new("a", "a-rate"),
                    MenuEntry::new("k", "k-rate"),
                    MenuEntry::new("i", "i-rate"),
                ],
            )
            .help(
                "Type of channels that have no row in `signals`, or none with a type. `auto`: a where the input is a \
                 time slice, else k. What comes and has a row without a type is k then.",
            ),
            Parameter::float("jitter", "Jitter", 20.0, 0.0, 10_000.0).help(
                "Milliseconds of an a-rate signal that are gathered before it is shown, at the beginning and after it \
                 ran dry: as much as its blocks may come unevenly.",
            ),
            Parameter::float("limit", "Limit", 1000.0, 1.0, 60_000.0).help(
                "Milliseconds of an a-rate signal that are kept at most until a frame shows them. Of more the oldest are \
                 dropped.",
            ),
            Parameter::menu(
                "dry",
                "When Dry",
                "silence",
                &[MenuEntry::new("silence", "Silence"), MenuEntry::new("hold", "Hold")],
            )
            .help("What is shown of an a-rate signal while nothing of it is there: zero, or its last sample."),
            Parameter::int("maxtext", "Maximum Text", 65_536, 1, 16 << 20)
                .help("Bytes of a text (S) that may come. A longer one closes its connection with 1009."),
        ],
    },
    Page {
        name: "Host",
        parameters: &[
            Parameter::str("origins", "Allowed Origins", "").help(
                "Pages that may connect: exact origins such as https://example.org, separated by spaces. Empty or * lets \
                 any page; programs that send no Origin are always let in.",
            ),
            Parameter::int("maxclients", "Maximum Clients", 64, 1, 10_000)
                .help("Connections at a time; each signal of a page is one. Further ones are refused with 503."),
            Parameter::float("buffer", "Buffer", 1000.0, 1.0, 60_000.0).help(
                "Milliseconds of an a-rate signal that may wait for a client which reads too slowly, at least 64 values \
                 and at most 4 MiB. Of more it loses the oldest, and nobody else does.",
            ),
            Parameter::folder("staticfolder", "Static Folder")
                .help("Files of this folder are served on the same port; / is index.html."),
            Parameter::menu(
                "control",
                "Control",
                "off",
                &[
                    MenuEntry::new("off", "Signals Only"),
                    MenuEntry::new("channels", "Channels"),
                    MenuEntry::new("events", "Channels and Events"),
                ],
            )
            .help(
                "What clients of the sub-protocol csound.v1 may do beside watching signals and setting those that \
                 come in. `channels`: set other names, which calls onSetChannel. `events`: also send score events, which \
                 calls onScoreEvent.",
            ),
        ],
    },
    Page {
        name: "Secure",
        parameters: &[
            Parameter::toggle("secure", "Secure (TLS)", false)
                .help("A host serves WSS and HTTPS. Open connections stay as they are."),
            Parameter::file("privatekey", "Private Key File Path")
                .help("PEM file with the private key: PKCS#8 (also encrypted), PKCS#1 or SEC1."),
            Parameter::file("certificate", "Certificate File Path")
                .help("PEM file with the certificate, followed by those that signed it."),
            Parameter::str("password", "Certificate Password", "")
                .secret()
                .help("Password of an encrypted private key."),
            Parameter::toggle("verifycert", "Verify Certificate", true).help(
                "The server of a client has to prove who it is. Off, anybody on the way can read and change everything.",
            ),
            CA_FILE,
            CLIENT_CERTIFICATE,
            CLIENT_KEY,
            CLIENT_KEY_PASSWORD,
            SERVER_NAME,
        ],
    },
    Page {
        name: "Reconnect",
        parameters: &[
            Parameter::toggle("reconnect", "Reconnect", true)
                .help("A client connects each signal again after a failure or a lost connection."),
            Parameter::float("reconnectdelay", "First Delay", 0.25, 0.1, 3600.0)
                .help("Seconds before the first new attempt; each further delay is twice the one before."),
            Parameter::float("reconnectlongest", "Longest Delay", 5.0, 0.0, 86_400.0)
                .help("Seconds beyond which delays do not grow."),
            Parameter::float("reconnectjitter", "Jitter", 0.5, 0.0, 1.0).help(
                "How far chance may carry a delay either way, as a fraction of it, so that the signals of one server do \
                 not all come back in one moment.",
            ),
            Parameter::int("reconnectattempts", "Attempts", 0, 0, 1_000_000)
                .help("Attempts in a row after which it gives up. 0: never."),
            Parameter::int("timeout", "Connection Timeout", 5000, 1, 3_600_000)
                .help("Milliseconds for name look-up, TCP, proxy, TLS and handshake together."),
            PROXY,
        ],
    },
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
        ACTIVE = "active", ROLE = "role", PORT = "port", LOCALADDRESS = "localaddress", NETADDRESS = "netaddress",
        SIGNALS = "signals", RESET = "reset",
        RATE = "rate", KSMPS = "ksmps", FLOATSIZE = "floatsize", TYPE = "type", JITTER = "jitter", LIMIT = "limit",
        DRY = "dry", MAXTEXT = "maxtext",
        ORIGINS = "origins", MAXCLIENTS = "maxclients", BUFFER = "buffer", STATICFOLDER = "staticfolder",
        CONTROL = "control",
        SECURE = "secure", PRIVATEKEY = "privatekey", CERTIFICATE = "certificate", PASSWORD = "password",
        RECONNECT = "reconnect", RECONNECTDELAY = "reconnectdelay", RECONNECTLONGEST = "reconnectlongest",
        RECONNECTJITTER = "reconnectjitter", RECONNECTATTEMPTS = "reconnectattempts",
        TIMEOUT = "timeout", PROXY = "proxy",
    }
}

const INFO: &[InfoChannel] = &[
    InfoChannel { name: "running", help: "1 while a host listens, and while all signals of a client are connected" },
    InfoChannel { name: "connections", help: "open connections" },
    InfoChannel { name: "signals", help: "signals, those that come and those that are sent" },
    InfoChannel { name: "received", help: "values received" },
    InfoChannel { name: "sent", help: "values sent, once for each connection" },
    InfoChannel { name: "dropped", help: "values dropped: for a slow reader, or a-rate blocks beyond `limit`" },
    InfoChannel {
        name: "late",
        help: "times that an a-rate signal ran dry, because its blocks came too late or ended",
    },
    InfoChannel { name: "buffered", help: "milliseconds that wait to be shown, of the a-rate signal that has most" },
    InfoChannel { name: "queued", help: "bytes that wait to be sent" },
    InfoChannel { name: "wrong", help: "messages that were no values of their signal" },
    InfoChannel { name: "refused", help: "connections that a host has refused" },
    InfoChannel { name: "reconnects", help: "times that signals of a client were connected again" },
];

const CALLBACKS: &[Callback] = &[
    Callback::new(
        "onConnect",
        &["chop", "signal", "peer"],
        "A signal is connected. `peer` is the client of a host, or the address of a client's server; `signal` is empty for one \
         that speaks csound.v1.",
    ),
    Callback::new("onDisconnect", &["chop", "signal", "peer"], "A connection that was open has ended."),
    Callback::new(
        "onReceive",
        &["chop", "signal", "value"],
        "A value of a k- or i-rate signal came: a float, of an array a list. The channel has it already, unless the operator \
         shows a-rate signals, too: then the next frame has it. For a-rate signals nothing is called.",
    ),
    Callback::new("onReceiveString", &["chop", "signal", "value"], "A text (S) came: a str, of an array a list."),
    Callback::new(
        "onSetChannel",
        &["chop", "name", "value"],
        "A client of csound.v1 has set a name that is no signal: a float, a str, or a list of one of them. See `control`.",
    ),
    Callback::new("onScoreEvent", &["chop", "event"], "A client of csound.v1 has sent a score event. See `control`."),
];

/// Positions of the callbacks.
pub(super) mod callback {
    pub(in super::super) const CONNECT: usize = 0;
    pub(in super::super) const DISCONNECT: usize = 1;
    pub(in super::super) const RECEIVE: usize = 2;
    pub(in super::super) const RECEIVE_STRING: usize = 3;
    pub(in super::super) const SET_CHANNEL: usize = 4;
    pub(in super::super) const SCORE_EVENT: usize = 5;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_callbacks_match_the_declaration() {
        for (at, name) in [
            (callback::CONNECT, "onConnect"),
            (callback::DISCONNECT, "onDisconnect"),
            (callback::RECEIVE, "onReceive"),
            (callback::RECEIVE_STRING, "onReceiveString"),
            (callback::SET_CHANNEL, "onSetChannel"),
            (callback::SCORE_EVENT, "onScoreEvent"),
        ] {
            assert_eq!(CSOUND_CHOP.find_callback(name), Some(at));
        }
    }

    #[test]
    fn every_parameter_says_what_it_does() {
        for (_, parameter) in CSOUND_CHOP.parameters() {
            assert!(!parameter.help.is_empty() && !parameter.beyond, "{}", parameter.name);
        }
    }
}
