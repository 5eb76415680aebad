//! The negotiation of compression (RFC 7692 §7.1): which offer a server takes, what a client offers and which answers it
//! believes.
//!
//! A server passes over an offer that has an unknown, repeated or malformed parameter, or that cannot be met, and takes
//! the first of the others. A client offers once, what its settings say, and refuses any answer that does not keep to
//! it. Either end may ask the other to do without context takeover; only a client that said so can be given a smaller
//! window.

use std::fmt::Write;

use super::extension::ExtensionOffer;
use crate::deflate::{DeflateDirection, DeflateParameters, DeflateSettings, WindowBits};

/// The registered name of the extension.
pub const NAME: &str = "permessage-deflate";

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// What is wrong with a server's answer about compression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeflateError {
    /// A parameter that RFC 7692 does not know, and so nobody offered.
    #[error("the server's reply has the compression parameter {0:?}, which was not offered")]
    UnknownParameter(String),
    /// A parameter that stands twice.
    #[error("the server's reply has the compression parameter {0} twice")]
    RepeatedParameter(&'static str),
    /// A parameter without the value that it needs, with one that it must not have, or with another than 8 to 15.
    #[error("the server's reply has the compression parameter {name} with the value {value:?}{}", expected(.name))]
    BadValue {
        /// The parameter.
        name: &'static str,
        /// Its value; empty when it has none.
        value: String,
    },
    /// A window that is larger than the offered one.
    #[error("the server's reply has {name}={bits}, although {offered} was offered")]
    WindowTooLarge {
        /// The parameter.
        name: &'static str,
        /// The answer, in bits.
        bits: u8,
        /// The offer, in bits.
        offered: u8,
    },
    /// A demand of the offer that the answer does not repeat, as it would if it kept to it.
    #[error("the server's reply accepts compression without {0}, which was demanded")]
    MissingParameter(&'static str),
    /// The answer accepts the one offer more than once.
    #[error("the server's reply accepts compression more than once")]
    Repeated,
}

fn expected(name: &str) -> &'static str {
    if name.ends_with("window_bits") { "; it is a number from 8 to 15" } else { "; it has none" }
}

/// The parameters of one offer or answer.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<WindowBits>,
    client_max_window_bits: Option<WindowBits>,
    /// `client_max_window_bits` without a value: the client leaves it to the server.
    client_takes_window_bits: bool,
}

impl Parameters {
    fn read(list: &[(&str, Option<&str>)]) -> Result<Self, DeflateError> {
        let mut read = Self::default();
        for &(name, value) in list {
            let bad = |name| DeflateError::BadValue { name, value: value.unwrap_or_default().to_owned() };
            let (name, repeated) = match name {
                SERVER_NO_CONTEXT_TAKEOVER | CLIENT_NO_CONTEXT_TAKEOVER => {
                    let (name, place) = match name {
                        SERVER_NO_CONTEXT_TAKEOVER => {
                            (SERVER_NO_CONTEXT_TAKEOVER, &mut read.server_no_context_takeover)
                        }
                        _ => (CLIENT_NO_CONTEXT_TAKEOVER, &mut read.client_no_context_takeover),
                    };
                    if value.is_some() {
                        return Err(bad(name));
                    }
                    (name, std::mem::replace(place, true))
                }
                SERVER_MAX_WINDOW_BITS => {
                    let bits = value.and_then(window_bits).ok_or_else(|| bad(SERVER_MAX_WINDOW_BITS))?;
                    (SERVER_MAX_WINDOW_BITS, read.server_max_window_bits.replace(bits).is_some())
                }
                CLIENT_MAX_WINDOW_BITS => {
                    let repeated = read.client_takes_window_bits || read.client_max_window_bits.is_some();
                    match value {
                        None => read.client_takes_window_bits = true,
                        Some(value) => {
                            let bits = window_bits(value).ok_or_else(|| bad(CLIENT_MAX_WINDOW_BITS))?;
                            read.client_max_window_bits = Some(bits);
                        }
                    }
                    (CLIENT_MAX_WINDOW_BITS, repeated)
                }
                other => return Err(DeflateError::UnknownParameter(other.to_owned())),
            };
            if repeated {
                return Err(DeflateError::RepeatedParameter(name));
            }
        }
        Ok(read)
    }

    /// The header's element with these parameters.
    fn write(&self) -> String {
        let mut text = NAME.to_owned();
        let mut add = |name: &str, bits: Option<WindowBits>| {
            let _ = match bits {
                Some(bits) => write!(text, "; {name}={}", bits.get()),
                None => write!(text, "; {name}"),
            };
        };
        if self.server_no_context_takeover {
            add(SERVER_NO_CONTEXT_TAKEOVER, None);
        }
        if self.client_no_context_takeover {
            add(CLIENT_NO_CONTEXT_TAKEOVER, None);
        }
        if self.server_max_window_bits.is_some() {
            add(SERVER_MAX_WINDOW_BITS, self.server_max_window_bits);
        }
        if self.client_max_window_bits.is_some() || self.client_takes_window_bits {
            add(CLIENT_MAX_WINDOW_BITS, self.client_max_window_bits);
        }
        text
    }

    /// What an answer with these parameters says of both directions.
    fn agreed(&self) -> DeflateParameters {
        let direction = |no_context_takeover: bool, bits: Option<WindowBits>| DeflateDirection {
            context_takeover: !no_context_takeover,
            window_bits: bits.unwrap_or(WindowBits::MAX),
        };
        DeflateParameters {
            server: direction(self.server_no_context_takeover, self.server_max_window_bits),
            client: direction(self.client_no_context_takeover, self.client_max_window_bits),
        }
    }
}

/// A value of 8 to 15, without zeros in front (§7.1.2).
fn window_bits(value: &str) -> Option<WindowBits> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit()) && !value.starts_with('0');
    digits.then(|| value.parse().ok().and_then(WindowBits::new)).flatten()
}

/// The server's choice: what is agreed on, and the element of the answer that says so.
pub(crate) fn choose(offers: &[ExtensionOffer<'_>], settings: &DeflateSettings) -> Option<(DeflateParameters, String)> {
    let ours = offers.iter().filter(|offer| offer.name == NAME);
    ours.filter_map(|offer| Parameters::read(&offer.parameters).ok()).find_map(|offer| {
        let answer = answer(&offer, settings)?;
        Some((answer.agreed(), answer.write()))
    })
}

/// The answer to one offer; `None` when it does not let the settings be kept.
fn answer(offer: &Parameters, settings: &DeflateSettings) -> Option<Parameters> {
    let DeflateSettings { server, client, .. } = settings;
    // Said where it is not what an answer without it means, and where the client asked (§7.1.2.1).
    let said = (server.window_bits < WindowBits::MAX).then_some(server.window_bits);
    let server_max_window_bits = offer.server_max_window_bits.map(|bits| bits.min(server.window_bits)).or(said);
    let client_max_window_bits = match offer.client_max_window_bits {
        Some(bits) => Some(bits.min(client.window_bits)),
        None if client.window_bits == WindowBits::MAX => None,
        // A client that does not say so cannot be told to keep to a smaller window (§7.1.2.2). None is told 8 bits that
        // did not offer them itself: zlib cannot compress for so few, and clients that use it refuse the answer.
        None => Some(offer.client_takes_window_bits.then_some(client.window_bits.max(WindowBits::ZLIB_MIN))?),
    };
    Some(Parameters {
        server_no_context_takeover: offer.server_no_context_takeover || !server.context_takeover,
        client_no_context_takeover: offer.client_no_context_takeover || !client.context_takeover,
        server_max_window_bits,
        client_max_window_bits,
        client_takes_window_bits: false,
    })
}

/// What a client with these settings offers. It takes a smaller window for itself in any case.
fn offer_of(settings: &DeflateSettings) -> Parameters {
    let smaller = |bits: WindowBits| (bits < WindowBits::MAX).then_some(bits);
    let client_max_window_bits = smaller(settings.client.window_bits);
    Parameters {
        server_no_context_takeover: !settings.server.context_takeover,
        client_no_context_takeover: !settings.client.context_takeover,
        server_max_window_bits: smaller(settings.server.window_bits),
        client_max_window_bits,
        client_takes_window_bits: client_max_window_bits.is_none(),
    }
}

/// The value of the client's header.
pub(crate) fn offer(settings: &DeflateSettings) -> String {
    offer_of(settings).write()
}

/// Judges a server's answer to [`offer`] (§7.1).
pub(crate) fn judge(
    answer: &ExtensionOffer<'_>,
    settings: &DeflateSettings,
) -> Result<DeflateParameters, DeflateError> {
    let answer = Parameters::read(&answer.parameters)?;
    let offer = offer_of(settings);
    if answer.client_takes_window_bits {
        return Err(DeflateError::BadValue { name: CLIENT_MAX_WINDOW_BITS, value: String::new() });
    }
    if offer.server_no_context_takeover && !answer.server_no_context_takeover {
        return Err(DeflateError::MissingParameter(SERVER_NO_CONTEXT_TAKEOVER));
    }
    if offer.server_max_window_bits.is_some() && answer.server_max_window_bits.is_none() {
        return Err(DeflateError::MissingParameter(SERVER_MAX_WINDOW_BITS));
    }
    for (name, offered, answered) in [
        (SERVER_MAX_WINDOW_BITS, offer.server_max_window_bits, answer.server_max_window_bits),
        (CLIENT_MAX_WINDOW_BITS, offer.client_max_window_bits, answer.client_max_window_bits),
    ] {
        if let (Some(offered), Some(bits)) = (offered, answered)
            && bits > offered
        {
            return Err(DeflateError::WindowTooLarge { name, bits: bits.get(), offered: offered.get() });
        }
    }
    let mut agreed = answer.agreed();
    // What this end announced of itself it keeps, whether the server repeats it or not.
    agreed.client.context_takeover &= settings.client.context_takeover;
    agreed.client.window_bits = agreed.client.window_bits.min(settings.client.window_bits);
    Ok(agreed)
}

#[cfg(test)]
mod tests {
    use super::super::extension;
    use super::*;

    fn direction(context_takeover: bool, bits: u8) -> DeflateDirection {
        DeflateDirection { context_takeover, window_bits: WindowBits::new(bits).expect("8 to 15") }
    }

    fn settings(server: DeflateDirection, client: DeflateDirection) -> DeflateSettings {
        DeflateSettings { server, client, ..DeflateSettings::default() }
    }

    /// Everything is allowed.
    fn generous() -> DeflateSettings {
        settings(direction(true, 15), direction(true, 15))
    }

    /// The server's answer to a header.
    fn answered(offers: &str, settings: &DeflateSettings) -> Option<String> {
        choose(&extension::parse(offers).expect("well formed"), settings).map(|(_, answer)| answer)
    }

    /// What a client makes of an answer.
    fn judged(answer: &str, settings: &DeflateSettings) -> Result<DeflateParameters, DeflateError> {
        judge(&extension::parse(answer).expect("well formed")[0], settings)
    }

    #[test]
    fn a_server_answers_what_its_settings_and_the_offer_ask_for_section_7_1() {
        let default = DeflateSettings::default();
        let small = settings(direction(true, 10), direction(true, 11));
        for (offer, settings, answer) in [
            ("", generous(), ""),
            ("; client_max_window_bits", generous(), ""),
            ("", default, "; server_no_context_takeover; client_no_context_takeover"),
            ("; server_no_context_takeover", generous(), "; server_no_context_takeover"),
            ("; client_no_context_takeover", generous(), "; client_no_context_takeover"),
            ("; server_max_window_bits=15", generous(), "; server_max_window_bits=15"),
            ("; server_max_window_bits=8", generous(), "; server_max_window_bits=8"),
            ("; client_max_window_bits=9", generous(), "; client_max_window_bits=9"),
            ("; client_max_window_bits", small, "; server_max_window_bits=10; client_max_window_bits=11"),
            (
                "; client_max_window_bits",
                settings(direction(true, 8), direction(true, 8)),
                "; server_max_window_bits=8; client_max_window_bits=9",
            ),
            (
                "; client_max_window_bits=8; server_max_window_bits=9",
                small,
                "; server_max_window_bits=9; client_max_window_bits=8",
            ),
        ] {
            let answer = format!("{NAME}{answer}");
            assert_eq!(answered(&format!("{NAME}{offer}"), &settings), Some(answer), "{offer}");
        }
    }

    #[test]
    fn what_was_answered_is_what_was_agreed() {
        let offers = format!("{NAME}; server_max_window_bits=12; client_max_window_bits; client_no_context_takeover");
        let own = settings(direction(true, 14), direction(true, 9));
        let (agreed, _) = choose(&extension::parse(&offers).unwrap(), &own).expect("can be met");
        assert_eq!(agreed, DeflateParameters { server: direction(true, 12), client: direction(false, 9) });
    }

    #[test]
    fn an_offer_that_is_wrong_or_cannot_be_met_is_passed_over_for_the_next_section_5() {
        let small = settings(direction(true, 15), direction(true, 9));
        for offer in [
            "; x=1",
            "; server_max_window_bits",
            "; server_max_window_bits=7",
            "; server_max_window_bits=16",
            "; server_max_window_bits=010",
            "; server_max_window_bits=+9",
            "; client_max_window_bits=16",
            "; server_no_context_takeover=1",
            "; client_no_context_takeover=\"true\"",
            "; client_no_context_takeover; client_no_context_takeover",
            "; server_max_window_bits=9; server_max_window_bits=9",
            "; client_max_window_bits; client_max_window_bits=9",
            "; Server_No_Context_Takeover",
        ] {
            let first = format!("{NAME}{offer}");
            assert_eq!(answered(&first, &generous()), None, "{offer}");
            let several = format!("{first}, x-other, {NAME}; server_max_window_bits=9, {NAME}");
            assert_eq!(
                answered(&several, &generous()).unwrap(),
                format!("{NAME}; server_max_window_bits=9"),
                "{offer}"
            );
        }
        assert_eq!(answered(NAME, &small), None, "the client cannot be told to keep to 9 bits");
        assert_eq!(answered("x-other, permessage-bzip2", &generous()), None);
    }

    #[test]
    fn a_client_offers_its_settings() {
        for (settings, expected) in [
            (generous(), "; client_max_window_bits"),
            (
                DeflateSettings::default(),
                "; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
            ),
            (
                settings(direction(true, 9), direction(true, 10)),
                "; server_max_window_bits=9; client_max_window_bits=10",
            ),
        ] {
            assert_eq!(offer(&settings), format!("{NAME}{expected}"));
        }
    }

    #[test]
    fn a_client_believes_only_an_answer_to_its_offer() {
        let small = settings(direction(true, 10), direction(true, 10));
        let bad = |name, value: &str| DeflateError::BadValue { name, value: value.to_owned() };
        let server_bits = SERVER_MAX_WINDOW_BITS;
        for (settings, answer, error) in [
            (generous(), "; x=1", DeflateError::UnknownParameter("x".to_owned())),
            (generous(), "; server_max_window_bits=7", bad(server_bits, "7")),
            (generous(), "; server_max_window_bits=16", bad(server_bits, "16")),
            (generous(), "; server_max_window_bits", bad(server_bits, "")),
            (generous(), "; client_max_window_bits", bad(CLIENT_MAX_WINDOW_BITS, "")),
            (generous(), "; client_max_window_bits=09", bad(CLIENT_MAX_WINDOW_BITS, "09")),
            (generous(), "; server_no_context_takeover=1", bad(SERVER_NO_CONTEXT_TAKEOVER, "1")),
            (
                generous(),
                "; server_max_window_bits=9; server_max_window_bits=9",
                DeflateError::RepeatedParameter(server_bits),
            ),
            (
                generous(),
                "; client_no_context_takeover; client_no_context_takeover",
                DeflateError::RepeatedParameter(CLIENT_NO_CONTEXT_TAKEOVER),
            ),
            (DeflateSettings::default(), "", DeflateError::MissingParameter(SERVER_NO_CONTEXT_TAKEOVER)),
            (small, "; client_max_window_bits=9", DeflateError::MissingParameter(server_bits)),
            (
                small,
                "; server_max_window_bits=11",
                DeflateError::WindowTooLarge { name: server_bits, bits: 11, offered: 10 },
            ),
            (
                small,
                "; server_max_window_bits=10; client_max_window_bits=11",
                DeflateError::WindowTooLarge { name: CLIENT_MAX_WINDOW_BITS, bits: 11, offered: 10 },
            ),
        ] {
            assert_eq!(judged(&format!("{NAME}{answer}"), &settings), Err(error), "{answer}");
        }
    }

    #[test]
    fn a_server_may_take_less_than_was_offered_and_the_client_keeps_to_its_word() {
        let agreed = judged(&format!("{NAME}; server_max_window_bits=8; client_max_window_bits=9"), &generous());
        assert_eq!(agreed, Ok(DeflateParameters { server: direction(true, 8), client: direction(true, 9) }));
        let agreed = judged(&format!("{NAME}; server_no_context_takeover"), &DeflateSettings::default());
        assert_eq!(agreed, Ok(DeflateParameters { server: direction(false, 15), client: direction(false, 15) }));
        let agreed = judged(NAME, &settings(direction(true, 15), direction(true, 9)));
        assert_eq!(agreed, Ok(DeflateParameters { server: direction(true, 15), client: direction(true, 9) }));
    }

    #[test]
    fn errors_say_which_parameter() {
        let error = DeflateError::BadValue { name: SERVER_MAX_WINDOW_BITS, value: "16".to_owned() };
        assert_eq!(
            error.to_string(),
            "the server's reply has the compression parameter server_max_window_bits with the value \"16\"; it is a \
             number from 8 to 15"
        );
    }
}
