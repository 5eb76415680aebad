//! Declaration of the MQTT DAT, an operator of our own: a connection of logic graphs. Its parameters are called as those of
//! the WebSocket DAT where they are the same thing.

use patchcord_core::declaration::{
    COMMON_DAT_PAGE, ContentKind, Family, InfoChannel, MenuEntry, OperatorType, Page, ParIndex, Parameter,
};

use super::start;
use crate::client_parameters::{CA_FILE, CLIENT_CERTIFICATE, CLIENT_KEY, CLIENT_KEY_PASSWORD, PROXY, SERVER_NAME};

/// The MQTT DAT.
pub static MQTT_DAT: OperatorType = OperatorType {
    name: "mqttDAT",
    label: "MQTT DAT",
    family: Family::Dat,
    summary: "A connection to a broker of MQTT 3.1.1 or 5, for logic graphs, which publish and subscribe. Its table shows \
              what is subscribed to.",
    content: ContentKind::Table,
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
                .help("Connects. Switching it off says goodbye to the broker; what comes meanwhile is lost."),
            Parameter::str("netaddress", "Network Address", "localhost").help(
                "The broker: a name or IP address, with a scheme (mqtt, mqtts) and a port if need be: \
                 mqtts://broker.example. A port in here counts before `port`. A change connects anew.",
            ),
            Parameter::int("port", "Network Port", 1883, 1, 65535).help(
                "Port of the broker, where the address has none. With TLS, 1883 means 8883; write the port into the \
                 address where a broker has TLS on 1883. A change connects anew.",
            ),
            Parameter::toggle("ipv6", "Is IPv6", false)
                .help("Of the addresses of a name only those of IPv6 are tried. Off, both kinds are."),
            Parameter::int("timeout", "Connection Timeout", 5000, 1, 3_600_000).help(
                "Milliseconds for name look-up, TCP, proxy and TLS together; then as many for the broker's answer to the \
                 log-in, and later to each ping.",
            ),
            Parameter::menu(
                "protocol",
                "Protocol",
                "v311",
                &[MenuEntry::new("v311", "MQTT 3.1.1"), MenuEntry::new("v5", "MQTT 5")],
            )
            .help("Version to speak. Every broker speaks 3.1.1; those of 5 say why they refuse something."),
            Parameter::str("clientid", "Client ID", "").help(
                "Name of this client at the broker, which puts out a client when another of the same name comes. Empty: \
                 one that is made up at each start of the program.",
            ),
            Parameter::str("username", "User Name", "").help("Name to log in with; empty logs in without."),
            Parameter::str("password", "Password", "").secret().help("Password to log in with."),
            Parameter::int("keepalive", "Keep Alive", 60, 0, 65535).help(
                "Seconds without a packet after which the broker is pinged; it gives this client up after one and a half \
                 times as long. 0: neither.",
            ),
            Parameter::pulse("reset", "Reset")
                .help("Closes the connection, forgets what was subscribed to, and connects anew, if active."),
        ],
    },
    Page {
        name: "Messages",
        parameters: &[
            Parameter::int("qos", "Quality of Service", 0, 0, 2).help(
                "Level of messages that are published: 0, at most once; 1, at least once; 2, exactly once. What was not confirmed when a connection is lost is not sent again.",
            ),
            Parameter::toggle("retain", "Retain", false)
                .help("The broker keeps the latest message of each topic for who subscribes later."),
            Parameter::int("subscribeqos", "Subscribe Level", 0, 0, 2)
                .help("Highest level of the messages that the broker sends; holds from the next subscription on."),
        ],
    },
    Page {
        name: "Reconnect",
        parameters: &[
            Parameter::toggle("reconnect", "Reconnect", true).help(
                "Connects again after a failure or a lost connection, and subscribes again to what was subscribed to.",
            ),
            Parameter::float("reconnectdelay", "First Delay", 1.0, 0.1, 3600.0)
                .help("Seconds before the first new attempt; each further delay is twice the one before."),
            Parameter::float("reconnectlongest", "Longest Delay", 30.0, 0.0, 86_400.0)
                .help("Seconds beyond which delays do not grow."),
            Parameter::float("reconnectjitter", "Jitter", 0.5, 0.0, 1.0).help(
                "How far chance may carry a delay either way, as a fraction of it, so that many clients of one broker do \
                 not all come back in one moment.",
            ),
            Parameter::int("reconnectattempts", "Attempts", 0, 0, 1_000_000)
                .help("Attempts in a row after which it gives up. 0: never."),
        ],
    },
    Page {
        name: "TLS",
        parameters: &[
            Parameter::toggle("tls", "TLS", false)
                .help("Encrypts the connection, also where the address has no scheme that says so. A change connects anew."),
            Parameter::toggle("verifycert", "Verify Certificate", true)
                .help("The broker has to prove who it is. Off, anybody on the way can read and change everything."),
            CA_FILE,
            CLIENT_CERTIFICATE,
            CLIENT_KEY,
            CLIENT_KEY_PASSWORD,
            SERVER_NAME,
        ],
    },
    Page {
        name: "Limits",
        parameters: &[
            PROXY,
            Parameter::int("maxmessage", "Maximum Message", 16 << 20, 1024, 256 << 20).help(
                "Bytes of one message from the broker, its topic included. A broker of MQTT 5 is told and leaves larger ones \
                 out; with 3.1.1 a larger one ends the connection. Holds from the next connection on.",
            ),
            Parameter::int("maxqueue", "Maximum Queue", 16 << 20, 1024, 1 << 30)
                .help("Bytes that may wait to be sent. One message for which nothing has to wait may be larger."),
            Parameter::menu(
                "slowreader",
                "Slow Reader",
                "dropnewest",
                &[
                    MenuEntry::new("dropnewest", "Drop Newest"),
                    MenuEntry::new("dropoldest", "Drop Oldest"),
                    MenuEntry::new("close", "Close"),
                ],
            )
            .help(
                "What happens when the broker takes messages too slowly and the queue is full: the message is not sent, the \
                 oldest that wait are not sent, or the connection is closed.",
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
        ACTIVE = "active", NETADDRESS = "netaddress", PORT = "port", IPV6 = "ipv6", TIMEOUT = "timeout",
        PROTOCOL = "protocol", CLIENTID = "clientid", USERNAME = "username", PASSWORD = "password",
        KEEPALIVE = "keepalive", RESET = "reset", QOS = "qos", RETAIN = "retain", SUBSCRIBEQOS = "subscribeqos",
        RECONNECT = "reconnect", RECONNECTDELAY = "reconnectdelay", RECONNECTLONGEST = "reconnectlongest",
        RECONNECTJITTER = "reconnectjitter", RECONNECTATTEMPTS = "reconnectattempts", TLS = "tls",
        PROXY = "proxy", MAXMESSAGE = "maxmessage", MAXQUEUE = "maxqueue", SLOWREADER = "slowreader",
    }
}

const INFO: &[InfoChannel] = &[
    InfoChannel { name: "connected", help: "1 while the broker has this client logged in" },
    InfoChannel { name: "reconnects", help: "times that it was connected again" },
    InfoChannel { name: "attempts", help: "attempts in a row that failed" },
    InfoChannel { name: "next_delay", help: "seconds until the next attempt; 0 when none is planned" },
    InfoChannel { name: "subscriptions", help: "topics and filters that the broker has granted" },
    InfoChannel { name: "messages_in", help: "messages received" },
    InfoChannel { name: "messages_out", help: "messages sent" },
    InfoChannel { name: "bytes_in", help: "bytes of the contents of messages received" },
    InfoChannel { name: "bytes_out", help: "bytes of the contents of messages sent" },
    InfoChannel { name: "dropped", help: "messages dropped because the broker takes them too slowly" },
    InfoChannel { name: "queued", help: "bytes that wait to be sent" },
    InfoChannel { name: "unconfirmed", help: "messages of level 1 and 2 that were sent and are not confirmed" },
    InfoChannel { name: "lost", help: "messages of level 1 and 2 that were not confirmed when a connection ended" },
];
