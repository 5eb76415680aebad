//! The classes of the operators for communication, and Peer.

use super::{Class, NOT_YET, raises, works};

pub(super) static SOCKETIO_DAT: Class = Class::new(
    "socketioDAT",
    "A Socket.IO client.",
    &[works("emit()").note("more arguments, acknowledgements and namespaces go beyond TouchDesigner")],
)
.base("DAT");

pub(super) static WEBSOCKET_DAT: Class = Class::new(
    "websocketDAT",
    "A WebSocket client.",
    &[works("sendText()"), works("sendBinary()"), works("sendPing()"), works("sendPong()")],
)
.base("DAT");

pub(super) static WEBSERVER_DAT: Class = Class::new(
    "webserverDAT",
    "A server for HTTP and WebSockets.",
    &[
        works("webSocketConnections"),
        works("webSocketSendText()"),
        works("webSocketSendBinary()"),
        works("webSocketSendPing()"),
        works("webSocketSendPong()"),
        works("webSocketClose()"),
        works("authenticateBasic()"),
    ],
)
.base("DAT");

pub(super) static LOGIC_COMP: Class = Class::new(
    "logicCOMP",
    "A logic graph.",
    &[works("trigger()").note("triggers a custom event of the graph").beyond(), works("variable()").beyond()],
)
.base("COMP");

pub(super) static WEBCLIENT_DAT: Class = Class::new(
    "webclientDAT",
    "An HTTP client.",
    &[works("connections"), works("request()"), works("closeConnection()")],
)
.base("DAT")
.absent("there is no Web Client DAT yet; urllib, or requests from your virtual environment, in a thread");

pub(super) static TCPIP_DAT: Class =
    Class::new("tcpipDAT", "A TCP client or server.", &[works("send()"), works("sendBytes()")])
        .base("DAT")
        .absent("there is no TCP/IP DAT");

pub(super) static UDP_DAT: Class = Class::new(
    "udpinDAT",
    "Receives UDP messages; the UDP Out DAT is alike.",
    &[works("send()"), works("sendBytes()")],
)
.base("DAT")
.absent("there is no UDP In DAT");

pub(super) static OSC_OUT_DAT: Class =
    Class::new("oscoutDAT", "Sends OSC messages.", &[works("sendOSC()"), works("sendBytes()"), works("send()")])
        .base("DAT")
        .absent("there is no OSC Out DAT");

pub(super) static MQTT_DAT: Class = Class::new(
    "mqttclientDAT",
    "An MQTT client.",
    &[works("isConnected"), works("publish()"), works("subscribe()"), works("unsubscribe()")],
)
.base("DAT")
.absent("there is no MQTT Client DAT");

pub(super) static PEER: Class = Class::new(
    "Peer",
    "The other end, as the callbacks of TCP, UDP and OSC DATs are given it.",
    &[
        works("owner").gives("DAT"),
        works("port"),
        works("address"),
        works("hostname"),
        works("close()"),
        works("send()"),
        works("sendBytes()"),
        raises("sendOSC()", NOT_YET),
    ],
)
.absent("there are no operators with callbacks for plain TCP, UDP and OSC");
