//! Where a broker is, read from what people write into an address field: `localhost`, `10.0.0.5:1884`,
//! `mqtts://broker.example`.

use std::fmt;

use crate::client::{Address, AddressError};

/// The port of MQTT, and the one with TLS (MQTT 5, 4.2).
const MQTT_PORT: u16 = 1883;
const MQTTS_PORT: u16 = 8883;

/// Schemes of MQTT over TCP, and whether they mean TLS.
const SCHEMES: [(&str, bool); 5] = [("mqtt", false), ("tcp", false), ("mqtts", true), ("ssl", true), ("tls", true)];

/// The address of a broker. As text it leaves user and password out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Host, port and TLS, as the dial wants them.
    address: Address,
}

/// Why a text is no address of a broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerAddressError {
    /// A scheme that is not spoken here.
    #[error("`{scheme}://` is not a scheme of MQTT over TCP")]
    Scheme {
        /// What is written.
        scheme: String,
    },
    /// Something behind host and port.
    #[error("`{path}` stands behind the broker's host and port, and a broker has no path")]
    Path {
        /// What is written.
        path: String,
    },
    /// Anything else.
    #[error(transparent)]
    Address(AddressError),
}

impl BrokerAddressError {
    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            BrokerAddressError::Scheme { .. } => {
                "begin the address with mqtt://, mqtts:// or nothing; a broker's WebSocket is not what this dials"
            }
            BrokerAddressError::Path { .. } => "leave it out; topics are named where messages are sent",
            BrokerAddressError::Address(AddressError::Empty | AddressError::NoHost) => {
                "set the address to a host name or an IP address, for instance `localhost` or `mqtts://broker.example`"
            }
            BrokerAddressError::Address(AddressError::User) => {
                "use the parameters `username` and `password`, or write %2F for /, %3F for ? and %5C for \\"
            }
            BrokerAddressError::Address(error) => error.remedy(),
        }
    }
}

impl BrokerAddress {
    /// Reads an address. `port` counts where the text has none; 0 is the scheme's own. TLS is used with the schemes
    /// `mqtts`, `ssl` and `tls`, and where `tls` says so; a `port` of 1883, which is what people have who have set none,
    /// is then 8883.
    ///
    /// # Errors
    /// [`BrokerAddressError`].
    pub fn parse(text: &str, port: u16, tls: bool) -> Result<Self, BrokerAddressError> {
        let text = text.trim();
        let (is_tls, rest) = match text.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['/', '?', '@', '[']) => {
                let known = SCHEMES.iter().find(|(known, _)| scheme.eq_ignore_ascii_case(known));
                let Some((_, is_tls)) = known else {
                    return Err(BrokerAddressError::Scheme { scheme: scheme.to_owned() });
                };
                (*is_tls || tls, rest)
            }
            _ => (tls, text),
        };
        let port = match (port, is_tls) {
            (0 | MQTT_PORT, true) => MQTTS_PORT,
            (0, false) => MQTT_PORT,
            (port, _) => port,
        };
        if rest.is_empty() {
            return Err(BrokerAddressError::Address(AddressError::Empty));
        }
        let scheme = if is_tls { "wss://" } else { "ws://" };
        let address = Address::parse(&format!("{scheme}{rest}"), port).map_err(BrokerAddressError::Address)?;
        match address.target() {
            "/" => Ok(BrokerAddress { address }),
            path => Err(BrokerAddressError::Path { path: path.to_owned() }),
        }
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.address.is_tls()
    }

    /// User and password that the address names, percent-decoded.
    pub fn credentials(&self) -> Option<(String, String)> {
        self.address.credentials()
    }

    pub(super) fn as_dialled(&self) -> &Address {
        &self.address
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls() { "mqtts" } else { "mqtt" };
        let host = self.address.host();
        let host = if host.contains(':') { format!("[{host}]") } else { host.into_owned() };
        write!(f, "{scheme}://{host}:{}", self.address.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, port, tls, expected) in [
            ("localhost", 1883, false, "mqtt://localhost:1883"),
            ("localhost", 0, false, "mqtt://localhost:1883"),
            ("localhost", 80, false, "mqtt://localhost:80"),
            ("localhost", 443, false, "mqtt://localhost:443"),
            ("localhost", 1883, true, "mqtts://localhost:8883"),
            ("localhost", 1884, true, "mqtts://localhost:1884"),
            ("localhost:1883", 1, true, "mqtts://localhost:1883"),
            ("mqtts://broker.example", 1883, false, "mqtts://broker.example:8883"),
            ("MQTT://Broker.Example/", 1884, false, "mqtt://broker.example:1884"),
            ("ssl://h:80", 0, false, "mqtts://h:80"),
            ("tcp://[::1]", 1883, false, "mqtt://[::1]:1883"),
            ("me:secret@h", 1883, false, "mqtt://h:1883"),
        ] {
            let address = BrokerAddress::parse(text, port, tls).map(|address| address.to_string());
            assert_eq!(address.as_deref(), Ok(expected), "{text} {port} {tls}");
        }
    }

    #[test]
    fn the_user_of_an_address_is_decoded_and_not_shown() {
        let address = BrokerAddress::parse("mqtt://me:p%40ss@h", 0, false).unwrap();
        assert_eq!(address.credentials(), Some(("me".to_owned(), "p@ss".to_owned())));
        assert!(!format!("{address} {address:?}").contains("ss@"));
        assert_eq!(BrokerAddress::parse("h", 0, false).unwrap().credentials(), None);
    }

    #[test]
    fn what_is_no_broker_is_refused_in_its_words() {
        let error = |text: &str| BrokerAddress::parse(text, 1883, false).unwrap_err();
        assert_eq!(error("wss://h"), BrokerAddressError::Scheme { scheme: "wss".to_owned() });
        assert_eq!(error("h/a/b"), BrokerAddressError::Path { path: "/a/b".to_owned() });
        assert_eq!(error(" "), BrokerAddressError::Address(AddressError::Empty));
        assert_eq!(error("mqtt://"), BrokerAddressError::Address(AddressError::Empty));
        assert!(matches!(error("h:99999"), BrokerAddressError::Address(AddressError::Port { .. })));
        for text in ["wss://h", "h/a", "", "h:0x", "a b", "me:a/b@h"] {
            assert!(!error(text).remedy().is_empty(), "{text}");
            assert!(!error(text).remedy().contains("wss"), "{text}");
        }
    }
}
