//! HTTP requests of graphs: the node HTTP Client.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use http::{Method, Response};
use patchcord_logic::ports::{Answer, HttpRequest, Occurrence, Payload};
use patchcord_logic::{Dictionary, Value};
use patchcord_net::client::{Address, AddressError};
use patchcord_net::http_client::{self, HttpBody, HttpClient, HttpLimits, basic_authorization};
use tokio::task::JoinSet;

use super::LogicComp;
use crate::web_server::each_header;

/// Requests of a graph that may be under way.
const MOST: usize = 100;

/// The requests of a graph.
#[derive(Default)]
pub(super) struct Requests {
    client: Rc<HttpClient>,
    under_way: RefCell<JoinSet<()>>,
}

impl Requests {
    /// Makes a request; its answer comes as an occurrence.
    ///
    /// # Errors
    /// In plain words, when it cannot be made.
    pub fn ask(&self, logic: &LogicComp, answer: u64, asked: HttpRequest) -> Result<(), String> {
        let request = request(asked)?;
        let mut under_way = self.under_way.borrow_mut();
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= MOST {
            return Err(format!("{MOST} requests are under way already"));
        }
        let (client, logic) = (self.client.clone(), logic.me.clone());
        under_way.spawn_local(async move {
            let result = match client.request(request, HttpLimits::default()).await {
                Ok(response) => response_of(&response),
                Err(error) => Answer::Failed(error.to_string()),
            };
            if let Some(logic) = logic.upgrade() {
                logic.happen(Occurrence::Answer { answer, result });
            }
        });
        Ok(())
    }

    /// Gives up all that are under way.
    pub fn give_up(&self) {
        self.under_way.borrow_mut().abort_all();
    }
}

fn request(asked: HttpRequest) -> Result<http_client::HttpRequest, String> {
    let HttpRequest { method, host, port, path, query, headers, basic, body } = asked;
    let address = Address::parse(&host, port).map_err(|error| match error {
        AddressError::Scheme { scheme } => format!("`{scheme}://` is not a scheme of HTTP"),
        error => error.to_string(),
    })?;
    let before = address.target().trim_end_matches('/').to_owned();
    let path = if path.starts_with('/') || path.is_empty() { Cow::Borrowed(&*path) } else { format!("/{path}").into() };
    let pairs = query.iter().map(|(name, value)| (&**name, &**value));
    let address = address.with_target(&format!("{before}{path}")).with_query(pairs);
    let mut headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let is_given = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    if let Some((user, password)) = basic.filter(|_| !is_given) {
        headers.push(("authorization".to_owned(), basic_authorization(&user, &password)));
    }
    let body = match body {
        Payload::Text(text) if text.is_empty() => HttpBody::Empty,
        Payload::Text(text) => HttpBody::Text(text.to_string()),
        Payload::Binary(bytes) => HttpBody::Binary(Bytes::copy_from_slice(&bytes)),
    };
    let method = Method::from_bytes(method.as_bytes()).map_err(|error| error.to_string())?;
    Ok(http_client::HttpRequest { address, method, headers, body })
}

fn response_of(response: &Response<Bytes>) -> Answer {
    let mut headers = Dictionary::new();
    each_header(response.headers(), |name, value| drop(headers.insert(Rc::from(name), Value::text(value))));
    let body = match std::str::from_utf8(response.body()) {
        Ok(text) => Payload::Text(Rc::from(text)),
        Err(_) => Payload::Binary(Rc::from(&**response.body())),
    };
    Answer::Response { status: response.status().as_u16(), headers: Rc::new(headers), body }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str, port: u16, path: &str, query: &[(&str, &str)]) -> HttpRequest {
        HttpRequest {
            method: "GET",
            host: Rc::from(host),
            port,
            path: Rc::from(path),
            query: query.iter().map(|(name, value)| (Rc::from(*name), Rc::from(*value))).collect(),
            headers: Vec::new(),
            basic: None,
            body: Payload::Text(Rc::from("")),
        }
    }

    /// What is written in the node, and: `Host`, whether by TLS, target.
    #[test]
    fn a_node_says_where_to_ask() {
        for (host, port, path, query, server, is_tls, target) in [
            ("127.0.0.1", 80, "/", &[][..], "127.0.0.1", false, "/"),
            ("127.0.0.1", 8080, "", &[], "127.0.0.1:8080", false, "/"),
            ("example.org", 443, "/a b", &[], "example.org", true, "/a%20b"),
            ("https://example.org", 80, "seats", &[], "example.org", true, "/seats"),
            ("https://example.org", 0, "/seats", &[], "example.org", true, "/seats"),
            ("http://example.org:81/api/", 80, "/v1", &[], "example.org:81", false, "/api/v1"),
            ("::1", 8080, "/", &[], "[::1]:8080", false, "/"),
            ("h", 80, "/x?a=1", &[("b", "ü &")], "h", false, "/x?a=1&b=%C3%BC+%26"),
            ("h", 80, "/", &[("a", ""), ("a", "2")], "h", false, "/?a=&a=2"),
        ] {
            let made = request(asked(host, port, path, query)).unwrap();
            let is = (made.address.host_header(), made.address.is_tls(), made.address.target());
            assert_eq!(is, (server, is_tls, target), "{host} {port} {path}");
        }
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        let said = |host| request(asked(host, 80, "/", &[])).map(drop).unwrap_err();
        assert_eq!(said(""), "no address is set");
        assert_eq!(said("ftp://example.org"), "`ftp://` is not a scheme of HTTP");
    }

    #[test]
    fn a_header_that_is_given_wins_over_the_user() {
        let mut asked = asked("h", 80, "/", &[]);
        asked.basic = Some((Rc::from("ann"), Rc::from("säcret:")));
        let header = |asked| request(asked).unwrap().headers;
        assert_eq!(header(asked.clone()), [("authorization".to_owned(), "Basic YW5uOnPDpGNyZXQ6".to_owned())]);
        asked.headers = vec![(Rc::from("Authorization"), Rc::from("Bearer x"))];
        assert_eq!(header(asked), [("Authorization".to_owned(), "Bearer x".to_owned())]);
    }
}
