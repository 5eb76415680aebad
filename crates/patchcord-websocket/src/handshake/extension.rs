//! The `Sec-WebSocket-Extensions` header (RFC 6455 §9.1).
//!
//! A header is parsed here, so that a malformed one is refused and a server can show what its peers offer. What is done
//! with it is said in [`deflate`](super::deflate), the only extension that is known; any other is passed over.

use super::{is_token, list_elements};

/// One extension as a client offers it or a server answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionOffer<'a> {
    /// Its registered name, such as `permessage-deflate`.
    pub name: &'a str,
    /// Its parameters in order, with their values, if they have one. Quotes are taken off.
    pub parameters: Vec<(&'a str, Option<&'a str>)>,
}

/// Parses one header value; `None` when it does not have the form of §9.1.
///
/// A quoted value must be a token inside its quotes, as §9.1 says; so no comma or semicolon hides in one.
pub(crate) fn parse(value: &str) -> Option<Vec<ExtensionOffer<'_>>> {
    list_elements(value).map(parse_offer).collect()
}

fn parse_offer(element: &str) -> Option<ExtensionOffer<'_>> {
    let mut parts = element.split(';').map(|part| part.trim_matches([' ', '\t']));
    let name = parts.next().filter(|name| is_token(name))?;
    let parameters = parts.map(parse_parameter).collect::<Option<_>>()?;
    Some(ExtensionOffer { name, parameters })
}

fn parse_parameter(part: &str) -> Option<(&str, Option<&str>)> {
    let Some((name, value)) = part.split_once('=') else { return is_token(part).then_some((part, None)) };
    let (name, value) = (name.trim_end_matches([' ', '\t']), value.trim_start_matches([' ', '\t']));
    let value = value.strip_prefix('"').map_or(Some(value), |quoted| quoted.strip_suffix('"'))?;
    (is_token(name) && is_token(value)).then_some((name, Some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_with_parameters_section_9_1() {
        let offers =
            parse("permessage-deflate; client_max_window_bits; server_max_window_bits=\"10\" , x-other").unwrap();
        assert_eq!(
            offers,
            [
                ExtensionOffer {
                    name: "permessage-deflate",
                    parameters: vec![("client_max_window_bits", None), ("server_max_window_bits", Some("10"))],
                },
                ExtensionOffer { name: "x-other", parameters: vec![] },
            ]
        );
    }

    #[test]
    fn malformed_headers_are_refused() {
        for value in ["a b", "; x=1", "a;", "a; =1", "a; x=", "a; x=\"1", "a; x=\"\"", "a; x=1 2", "a; x=\"1;2\""] {
            assert_eq!(parse(value), None, "{value}");
        }
    }
}
