//! The class of the Web Server DAT: sending to WebSocket clients, and Basic authentication.
//!
//! Clients come first in every method and are named by the id that callbacks get. What is sent within one callback
//! leaves in one write when the callback has returned. A client that is not there is a warning on the operator.

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::tracking::Source;
use patchcord_operators::web_server::{WebServer, authenticate_basic};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use super::Op;
use super::dat::Dat;
use super::table::text;
use crate::convert::{is_shared, read_entries, shared, text_of};
use crate::errors::Error;
use crate::host::{self, gone};

/// A Web Server DAT.
#[pyclass(name = "webserverDAT", module = "td", frozen, extends = Dat, subclass)]
pub struct WebServerDat;

fn id(dat: &Bound<'_, WebServerDat>) -> OpId {
    dat.as_super().as_super().get().id()
}

/// Lets the operator's worker do something; nothing is borrowed meanwhile.
#[inline]
fn with_server<R>(dat: &Bound<'_, WebServerDat>, work: impl FnOnce(&Network, &WebServer) -> R) -> PyResult<R> {
    host::with(|host| {
        let network = &host.network;
        network
            .with_worker(id(dat), |server: &WebServer| work(network, server))
            .ok_or_else(|| not_running(network, id(dat)))
    })
}

#[cold]
fn not_running(network: &Network, op: OpId) -> PyErr {
    match network.patch().get(op) {
        Some(_) => Error::new_err("the server was made in this very turn and begins when the script has returned"),
        None => gone(),
    }
}

#[pymethods]
impl WebServerDat {
    #[new]
    fn new(id: u64) -> PyClassInitializer<Self> {
        PyClassInitializer::from(Op::of(id)).add_subclass(Dat).add_subclass(WebServerDat)
    }

    /// Ids of the connected WebSocket clients, the oldest first.
    #[getter(webSocketConnections)]
    fn connections<'py>(this: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, PyString>>> {
        let py = this.py();
        let ids = with_server(this, |network, server| {
            network.note_read(Source::Moment);
            server.connections()
        })?;
        Ok(ids.iter().map(|id| shared(py, id)).collect())
    }

    /// Sends a text message to a client.
    #[pyo3(name = "webSocketSendText")]
    fn send_text(this: &Bound<'_, Self>, client: &Bound<'_, PyAny>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        // The usual case: both are str objects, whose text can be used where it is, and an answer goes to the client
        // that the callback was called for, by the very object that it got.
        if let (Ok(client), Ok(data)) = (client.cast::<PyString>(), data.cast::<PyString>()) {
            let data = data.to_cow()?;
            return with_server(this, |network, server| {
                if !server.answer_text(network, |id| is_shared(client, id), &data) {
                    server.send_text(network, &client.to_cow()?, &data);
                }
                Ok(())
            })?;
        }
        let (client, data) = (text(client)?, text(data)?);
        with_server(this, |network, server| server.send_text(network, &client, &data))
    }

    /// Sends a binary message to a client.
    #[pyo3(name = "webSocketSendBinary")]
    fn send_binary(this: &Bound<'_, Self>, client: &Bound<'_, PyAny>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let (client, data) = (text(client)?, bytes(data)?);
        with_server(this, |network, server| server.send_binary(network, &client, data.as_bytes()))
    }

    /// Sends a ping, with at most 125 bytes, to a client.
    #[pyo3(name = "webSocketSendPing", signature = (client, data=None))]
    fn send_ping(this: &Bound<'_, Self>, client: &Bound<'_, PyAny>, data: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let data = bytes_or_nothing(this.py(), data)?;
        let client = text(client)?;
        with_server(this, |network, server| server.send_ping(network, &client, data.as_bytes()))
    }

    /// Sends a pong, with at most 125 bytes, to a client.
    #[pyo3(name = "webSocketSendPong", signature = (client, data=None))]
    fn send_pong(this: &Bound<'_, Self>, client: &Bound<'_, PyAny>, data: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let data = bytes_or_nothing(this.py(), data)?;
        let client = text(client)?;
        with_server(this, |network, server| server.send_pong(network, &client, data.as_bytes()))
    }

    /// Closes the connection of a client.
    #[pyo3(name = "webSocketClose")]
    fn close(this: &Bound<'_, Self>, client: &Bound<'_, PyAny>) -> PyResult<()> {
        let client = text(client)?;
        with_server(this, |network, server| server.close(network, &client))
    }

    /// Whether the token of an `Authorization: Basic` header, with or without its leading `Basic `, names a user and
    /// password of the dictionary.
    #[pyo3(name = "authenticateBasic")]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn authenticate(&self, token: &Bound<'_, PyAny>, userPasswords: &Bound<'_, PyDict>) -> PyResult<bool> {
        let token = text(token)?;
        let known = read_entries(userPasswords, |user, password| Ok((text_of(user)?, text_of(password)?)))?;
        let password_of =
            |user: &str| known.iter().find(|(name, _)| name == user).map(|(_, password)| password.clone());
        Ok(authenticate_basic(&token, password_of))
    }
}

/// Bytes of anything that holds bytes.
fn bytes<'py>(data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = data.cast::<PyBytes>() {
        return Ok(bytes.clone());
    }
    if let Ok(text) = data.cast::<PyString>() {
        return Ok(PyBytes::new(data.py(), text.to_cow()?.as_bytes()));
    }
    // An array of numpy has an index, too, for the case that it is of one number.
    if data.hasattr("__index__")? && !data.hasattr("__len__")? {
        // `bytes(5)` would be five zeros, which nobody means.
        return Err(PyTypeError::new_err("data must be bytes, not a number"));
    }
    Ok(data.py().get_type::<PyBytes>().call1((data,))?.cast_into()?)
}

fn bytes_or_nothing<'py>(py: Python<'py>, data: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyBytes>> {
    match data.filter(|data| !data.is_none()) {
        Some(data) => bytes(data),
        None => Ok(PyBytes::new(py, b"")),
    }
}
