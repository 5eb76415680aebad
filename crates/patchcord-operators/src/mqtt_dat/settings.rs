//! From parameters to a broker's address, to how it is dialled and logged in to, and to the bounds of the connection.

use std::rc::Rc;
use std::time::Duration;

use patchcord_net::client::{BackoffSettings, DialSettings};
use patchcord_net::mqtt::{BrokerAddress, FullQueue, Limits, Login, MqttVersion, Qos};

use super::declaration::{PAGES, par};
use crate::par_reader::{ParReader, TlsPars, Wrong};

const TLS: TlsPars = TlsPars::of(PAGES);

/// Reads the parameters of an operator.
pub(super) struct Reader<'a>(pub ParReader<'a>);

impl<'a> std::ops::Deref for Reader<'a> {
    type Target = ParReader<'a>;

    fn deref(&self) -> &ParReader<'a> {
        &self.0
    }
}

/// Where a connection leads, as it is written.
pub(super) type Target = (Rc<str>, usize, bool);

impl Reader<'_> {
    pub(super) fn target(&self) -> Target {
        (self.text(par::NETADDRESS), self.size(par::PORT), self.on(par::TLS))
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            message: self.size(par::MAXMESSAGE),
            queue: self.size(par::MAXQUEUE),
            full: match &*self.text(par::SLOWREADER) {
                "dropoldest" => FullQueue::DropOldest,
                "close" => FullQueue::Close,
                _ => FullQueue::DropNewest,
            },
        }
    }

    /// Level of messages that are published, and whether the broker is to keep them.
    pub(super) fn publishing(&self) -> (Qos, bool) {
        (Qos::of(self.size(par::QOS)), self.on(par::RETAIN))
    }

    pub(super) fn subscribe_level(&self) -> Qos {
        Qos::of(self.size(par::SUBSCRIBEQOS))
    }

    pub(super) fn backoff(&self) -> BackoffSettings {
        BackoffSettings {
            first: self.seconds(par::RECONNECTDELAY),
            longest: self.seconds(par::RECONNECTLONGEST),
            jitter: self.number(par::RECONNECTJITTER),
            attempts: self.size(par::RECONNECTATTEMPTS) as u32,
        }
    }

    /// Where to and how. Files of keys and certificates are read here, at each attempt. `own_id` is the client id where none
    /// is set.
    pub(super) fn dial(&self, own_id: &str) -> Result<(BrokerAddress, DialSettings, Login), Wrong> {
        let (address, port, tls) = self.target();
        let broker = BrokerAddress::parse(&address, port as u16, tls)
            .map_err(|error| (error.to_string(), error.remedy().to_owned()))?;
        let settings = DialSettings {
            time_limit: Duration::from_millis(self.size(par::TIMEOUT) as u64),
            proxy: self.proxy(par::PROXY)?,
            only_ipv6: self.on(par::IPV6),
            tls: if broker.is_tls() { self.client_tls(&TLS)? } else { None },
            ..DialSettings::default()
        };
        let login = self.login(own_id, &broker);
        Ok((broker, settings, login))
    }

    fn login(&self, own_id: &str, broker: &BrokerAddress) -> Login {
        let (user, password) = (self.text(par::USERNAME), self.text(par::PASSWORD));
        let (user, password) = match broker.credentials() {
            Some((user_of_address, password_of_address)) if user.is_empty() && password.is_empty() => {
                (user_of_address, password_of_address)
            }
            _ => (user.to_string(), password.to_string()),
        };
        let id = self.text(par::CLIENTID);
        let is_anonymous = user.is_empty() && password.is_empty();
        Login {
            version: if &*self.text(par::PROTOCOL) == "v5" { MqttVersion::V5 } else { MqttVersion::V3_1_1 },
            client_id: if id.is_empty() { own_id.to_owned() } else { id.to_string() },
            // MQTT 3.1.1 has no password without a user name, be it an empty one.
            user: (!is_anonymous).then_some(user),
            password: (!password.is_empty()).then_some(password),
            keep_alive: Duration::from_secs(self.size(par::KEEPALIVE) as u64),
        }
    }
}
