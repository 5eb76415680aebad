//! Declaration of the UDP DAT. TouchDesigner has no operator of this name; where a parameter is the same as one of the
//! WebSocket DAT it has the same name.

use patchcord_core::declaration::{
    COMMON_DAT_PAGE, ContentKind, Family, InfoChannel, OperatorType, Page, ParIndex, Parameter,
};

use super::start;
use crate::local_address::{LOCAL_ADDRESS, LOCAL_IPV6};

/// The UDP DAT.
pub static UDP_DAT: OperatorType = OperatorType {
    name: "udpDAT",
    label: "UDP DAT",
    family: Family::Dat,
    summary: "A UDP socket of logic graphs: sends datagrams to one address and hears those that anybody sends to it.",
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
            Parameter::toggle("active", "Active", false).help("Opens the socket."),
            Parameter::int("localport", "Local Port", 0, 0, 65535)
                .help("The socket's own port. 0 is any that is free. A change opens the socket anew."),
            LOCAL_ADDRESS,
            LOCAL_IPV6,
            Parameter::str("netaddress", "Network Address", "localhost").help(
                "Where datagrams go: a name or IP address. A port in here counts before `port`. With the local address \
                 `localhost` only this machine can be reached. Empty: nowhere.",
            ),
            Parameter::int("port", "Network Port", 7000, 1, 65535)
                .help("The port that they go to, where the address has none."),
            Parameter::toggle("ipv6", "IPv6", false)
                .help("Of a name's addresses, one of IPv6 is taken and not one of IPv4."),
            Parameter::toggle("autoaddress", "Automatic Address", false).help(
                "Datagrams go to whoever has sent the latest one, and to the network address only until somebody has.",
            ),
            Parameter::pulse("reset", "Reset").help("Closes the socket and opens it anew, if active."),
        ],
    },
    Page {
        name: "Rebind",
        parameters: &[
            Parameter::toggle("rebind", "Rebind", false)
                .help("Opens the socket again when it failed, or when its port was in use."),
            Parameter::float("rebinddelay", "First Delay", 1.0, 0.1, 3600.0).help(
                "Seconds before the first new attempt; each further delay is twice the one before, up to 30 seconds or \
                 the first delay.",
            ),
        ],
    },
    Page {
        name: "Network",
        parameters: &[
            Parameter::toggle("broadcast", "Broadcast", false)
                .help("Lets datagrams go to broadcast and multicast addresses, where many may hear them."),
            Parameter::str("groups", "Multicast Groups", "").help(
                "Multicast addresses that the socket hears, too, separated by spaces. The local address has to be \
                 \"*\". Other programs that do the same may then have the same local port.",
            ),
            Parameter::str("interface", "Multicast Interface", "").help(
                "IPv4 address of the network interface for multicast, when the machine has several. Empty: the \
                 system's choice.",
            ),
        ],
    },
    Page {
        name: "Limits",
        parameters: &[
            Parameter::int("maxqueue", "Maximum Queue", 1 << 20, 1024, 1 << 30).help(
                "Bytes that may wait for the socket, for the look-up of a name, or for the system. Datagrams beyond \
                 that, or beyond 10,000 of them, are dropped.",
            ),
            Parameter::int("timeout", "Look-up Timeout", 5000, 1, 3_600_000)
                .help("Milliseconds for the look-up of a name."),
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
        ACTIVE = "active", LOCALPORT = "localport", LOCALADDRESS = "localaddress", LOCALIPV6 = "localipv6",
        NETADDRESS = "netaddress", PORT = "port", IPV6 = "ipv6", AUTOADDRESS = "autoaddress", RESET = "reset",
        REBIND = "rebind", REBINDDELAY = "rebinddelay", BROADCAST = "broadcast", GROUPS = "groups",
        INTERFACE = "interface", MAXQUEUE = "maxqueue", TIMEOUT = "timeout",
    }
}

const INFO: &[InfoChannel] = &[
    InfoChannel { name: "connected", help: "1 while the socket is open" },
    InfoChannel { name: "local_port", help: "the socket's own port; 0 while it is closed" },
    InfoChannel { name: "reopened", help: "times that it was opened again" },
    InfoChannel { name: "attempts", help: "attempts in a row that failed" },
    InfoChannel { name: "next_delay", help: "seconds until the next attempt; 0 when none is planned" },
    InfoChannel { name: "packets_in", help: "datagrams received" },
    InfoChannel { name: "packets_out", help: "datagrams sent" },
    InfoChannel { name: "bytes_in", help: "bytes of datagrams received" },
    InfoChannel { name: "bytes_out", help: "bytes of datagrams sent" },
    InfoChannel { name: "dropped", help: "datagrams that were to be sent and were dropped" },
    InfoChannel { name: "queued", help: "bytes that wait to be sent" },
];
