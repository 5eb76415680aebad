//! Packets of both versions under one name each: what is sent is built here, what comes is read here.

use mqtt_protocol_core::mqtt::packet::{Packet, Property, SubEntry, SubOpts, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::result_code::{
    ConnectReasonCode, ConnectReturnCode, DisconnectReasonCode, MqttError as Violation, SubackReasonCode,
    SubackReturnCode,
};

use super::error::{MqttError, Refusal};
use super::settings::{Accepted, Login, MqttVersion};

/// How surely a message arrives (MQTT 5, 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Qos {
    /// 0: at most once.
    #[default]
    AtMostOnce,
    /// 1: at least once; the receiver confirms.
    AtLeastOnce,
    /// 2: exactly once; two confirmations each way.
    ExactlyOnce,
}

impl Qos {
    /// The level of a number from 0 to 2; more counts as 2.
    pub fn of(number: usize) -> Self {
        match number {
            0 => Qos::AtMostOnce,
            1 => Qos::AtLeastOnce,
            _ => Qos::ExactlyOnce,
        }
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self as u8
    }

    fn in_packets(self) -> mqtt_protocol_core::mqtt::packet::Qos {
        match self {
            Qos::AtMostOnce => mqtt_protocol_core::mqtt::packet::Qos::AtMostOnce,
            Qos::AtLeastOnce => mqtt_protocol_core::mqtt::packet::Qos::AtLeastOnce,
            Qos::ExactlyOnce => mqtt_protocol_core::mqtt::packet::Qos::ExactlyOnce,
        }
    }
}

/// What a packet of the broker says, as far as somebody has to know.
pub(super) enum Said {
    /// The log-in is answered.
    Answered(Result<Accepted, Refusal>),
    /// A message of a topic.
    Message(Message),
    /// For each filter of a SUBSCRIBE what became of it.
    Subscribed(u16, Vec<Result<Qos, String>>),
    /// A message was not taken (MQTT 5).
    Refused(String),
    /// The broker ends the connection, and why (MQTT 5).
    Disconnected(String),
    /// Nothing that concerns anybody.
    Nothing,
}

/// A message of a topic.
pub(super) enum Message {
    V3(v3_1_1::Publish),
    V5(v5_0::Publish),
}

impl Message {
    pub fn topic(&self) -> &str {
        match self {
            Message::V3(packet) => packet.topic_name(),
            Message::V5(packet) => packet.topic_name(),
        }
    }

    pub fn payload(&self) -> &[u8] {
        match self {
            Message::V3(packet) => packet.payload().as_slice(),
            Message::V5(packet) => packet.payload().as_slice(),
        }
    }

    /// Whether the broker had kept it from before the subscription.
    pub fn is_retained(&self) -> bool {
        match self {
            Message::V3(packet) => packet.retain(),
            Message::V5(packet) => packet.retain(),
        }
    }
}

/// The packet that logs in.
///
/// # Errors
/// [`MqttError::Login`].
pub(super) fn connect(login: &Login) -> Result<Packet, MqttError> {
    let bad = |what| move |_: Violation| MqttError::Login { what };
    let keep_alive = u16::try_from(login.keep_alive.as_secs()).unwrap_or(u16::MAX);
    let texts = [("the client id", Some(&login.client_id)), ("the user name", login.user.as_ref())];
    for (what, text) in texts {
        // The library looks at the length alone.
        if text.is_some_and(|text| text.contains('\0')) {
            return Err(MqttError::Login { what });
        }
    }
    macro_rules! build {
        ($version:ident) => {{
            let mut packet = $version::Connect::builder()
                .client_id(login.client_id.as_str())
                .map_err(bad("the client id"))?
                .clean_start(true)
                .keep_alive(keep_alive);
            if let Some(user) = &login.user {
                packet = packet.user_name(user.as_str()).map_err(bad("the user name"))?;
            }
            if let Some(password) = &login.password {
                packet = packet.password(password.as_str()).map_err(bad("the password"))?;
            }
            packet.build().map_err(bad("the log-in"))?.into()
        }};
    }
    Ok(match login.version {
        MqttVersion::V3_1_1 => build!(v3_1_1),
        MqttVersion::V5 => build!(v5_0),
    })
}

/// A packet with a message; `id` for those that are to be confirmed.
pub(super) fn publish(
    version: MqttVersion,
    id: Option<u16>,
    message: (&str, &[u8]),
    qos: Qos,
    retain: bool,
) -> Result<Packet, Violation> {
    let (topic, payload) = message;
    macro_rules! build {
        ($version:ident) => {
            $version::Publish::builder()
                .topic_name(topic)?
                .qos(qos.in_packets())
                .retain(retain)
                .packet_id(id)
                .payload(payload)
                .build()?
                .into()
        };
    }
    Ok(match version {
        MqttVersion::V3_1_1 => build!(v3_1_1),
        MqttVersion::V5 => build!(v5_0),
    })
}

/// A packet that asks for topics.
pub(super) fn subscribe(version: MqttVersion, id: u16, filters: &[String], qos: Qos) -> Result<Packet, Violation> {
    let entry = |filter: &String| SubEntry::new(filter.as_str(), SubOpts::new().set_qos(qos.in_packets()));
    let entries = filters.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    Ok(match version {
        MqttVersion::V3_1_1 => v3_1_1::Subscribe::builder().packet_id(id).entries(entries).build()?.into(),
        MqttVersion::V5 => v5_0::Subscribe::builder().packet_id(id).entries(entries).build()?.into(),
    })
}

/// The packet that says goodbye.
pub(super) fn disconnect(version: MqttVersion) -> Result<Packet, Violation> {
    Ok(match version {
        MqttVersion::V3_1_1 => v3_1_1::Disconnect::builder().build()?.into(),
        MqttVersion::V5 => v5_0::Disconnect::builder().build()?.into(),
    })
}

/// What a packet says.
pub(super) fn read(packet: Packet) -> Said {
    match packet {
        Packet::V3_1_1Connack(packet) => Said::Answered(match packet.return_code() {
            ConnectReturnCode::Accepted => Ok(Accepted::default()),
            code => Err(refusal_of_3(code)),
        }),
        Packet::V5_0Connack(packet) => Said::Answered(match packet.reason_code() {
            ConnectReasonCode::Success => Ok(accepted(packet.props())),
            code => Err(refusal_of_5(code, packet.props())),
        }),
        Packet::V3_1_1Publish(packet) => Said::Message(Message::V3(packet)),
        Packet::V5_0Publish(packet) => Said::Message(Message::V5(packet)),
        Packet::V3_1_1Suback(packet) => {
            let granted = packet.return_codes().into_iter().map(granted_by_3).collect();
            Said::Subscribed(packet.packet_id(), granted)
        }
        Packet::V5_0Suback(packet) => {
            let granted = packet.reason_codes().into_iter().map(granted_by_5).collect();
            Said::Subscribed(packet.packet_id(), granted)
        }
        Packet::V5_0Puback(packet) => refused(packet.reason_code().filter(|code| code.is_failure()), packet.props()),
        Packet::V5_0Pubrec(packet) => refused(packet.reason_code().filter(|code| code.is_failure()), packet.props()),
        Packet::V5_0Disconnect(packet) => {
            let code = packet.reason_code().unwrap_or(DisconnectReasonCode::NormalDisconnection);
            Said::Disconnected(with_reason(words(&code), packet.props().as_deref().unwrap_or_default()))
        }
        _ => Said::Nothing,
    }
}

fn accepted(properties: &[Property]) -> Accepted {
    let mut accepted = Accepted::default();
    for property in properties {
        match property {
            Property::MaximumPacketSize(size) => accepted.largest = size.val() as usize,
            Property::MaximumQos(qos) => accepted.highest_qos = Qos::of(usize::from(qos.val())),
            Property::RetainAvailable(retain) => accepted.retains = retain.val() != 0,
            _ => {}
        }
    }
    accepted
}

fn refused<R: std::fmt::Display>(code: Option<R>, properties: &Option<Vec<Property>>) -> Said {
    match code {
        Some(code) => Said::Refused(with_reason(words(&code), properties.as_deref().unwrap_or_default())),
        None => Said::Nothing,
    }
}

fn granted_by_3(code: SubackReturnCode) -> Result<Qos, String> {
    match code {
        SubackReturnCode::SuccessMaximumQos0 => Ok(Qos::AtMostOnce),
        SubackReturnCode::SuccessMaximumQos1 => Ok(Qos::AtLeastOnce),
        SubackReturnCode::SuccessMaximumQos2 => Ok(Qos::ExactlyOnce),
        SubackReturnCode::Failure => Err("the broker does not allow it".to_owned()),
    }
}

fn granted_by_5(code: SubackReasonCode) -> Result<Qos, String> {
    match code {
        SubackReasonCode::GrantedQos0 => Ok(Qos::AtMostOnce),
        SubackReasonCode::GrantedQos1 => Ok(Qos::AtLeastOnce),
        SubackReasonCode::GrantedQos2 => Ok(Qos::ExactlyOnce),
        code => Err(words(&code)),
    }
}

fn refusal_of_3(code: ConnectReturnCode) -> Refusal {
    match code {
        ConnectReturnCode::UnacceptableProtocolVersion => Refusal::Version,
        ConnectReturnCode::IdentifierRejected => Refusal::ClientId,
        ConnectReturnCode::ServerUnavailable => Refusal::Unavailable,
        ConnectReturnCode::BadUserNameOrPassword => Refusal::Credentials,
        ConnectReturnCode::NotAuthorized => Refusal::NotAuthorised,
        code @ ConnectReturnCode::Accepted => Refusal::Other(words(&code)),
    }
}

fn refusal_of_5(code: ConnectReasonCode, properties: &[Property]) -> Refusal {
    match code {
        ConnectReasonCode::UnsupportedProtocolVersion => Refusal::Version,
        ConnectReasonCode::ClientIdentifierNotValid => Refusal::ClientId,
        ConnectReasonCode::ServerUnavailable | ConnectReasonCode::ServerBusy => Refusal::Unavailable,
        ConnectReasonCode::BadUserNameOrPassword => Refusal::Credentials,
        ConnectReasonCode::NotAuthorized | ConnectReasonCode::Banned => Refusal::NotAuthorised,
        ConnectReasonCode::UseAnotherServer | ConnectReasonCode::ServerMoved => Refusal::Elsewhere,
        code => Refusal::Other(with_reason(words(&code), properties)),
    }
}

/// Behind the words of a code what the broker says itself, if it does.
fn with_reason(words: String, properties: &[Property]) -> String {
    let said = properties.iter().find_map(|property| match property {
        Property::ReasonString(reason) => Some(reason.val()),
        _ => None,
    });
    match said {
        Some(said) => format!("{words} ({})", said.replace(char::is_control, " ")),
        None => words,
    }
}

/// The name of a code as words: `QuotaExceeded` is `quota exceeded`.
pub(super) fn words(code: &impl std::fmt::Display) -> String {
    let name = code.to_string();
    let mut words = String::with_capacity(name.len() + 8);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}
