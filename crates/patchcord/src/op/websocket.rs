//! The class of the WebSocket DAT: sending to its server (TouchDesigner reference, section 2.2).
//!
//! Every method takes any number of arguments and sends them as one message. The result is the number of bytes, or -1
//! when nothing was sent, which is also a warning on the operator.

use patchcord_core::patch::OpId;
use patchcord_operators::websocket_dat::WebSocketDat as Worker;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyString, PyTuple};

use super::Op;
use super::dat::Dat;
use crate::convert::text_of;
use crate::errors::Error;
use crate::host::{self, gone};

/// A WebSocket DAT.
#[pyclass(name = "websocketDAT", module = "td", frozen, extends = Dat, subclass)]
pub struct WebSocketDat;

fn id(dat: &Bound<'_, WebSocketDat>) -> OpId {
    dat.as_super().as_super().get().id()
}

/// Lets the operator's worker send; nothing is borrowed meanwhile.
#[inline]
fn send(dat: &Bound<'_, WebSocketDat>, work: impl FnOnce(&Worker) -> i64) -> PyResult<i64> {
    host::with(|host| {
        let network = &host.network;
        network.with_worker(id(dat), work).ok_or_else(|| match network.patch().get(id(dat)) {
            Some(_) => {
                Error::new_err("the operator was made in this very turn and begins when the script has returned")
            }
            None => gone(),
        })
    })
}

#[pymethods]
impl WebSocketDat {
    #[new]
    fn new(id: u64) -> PyClassInitializer<Self> {
        PyClassInitializer::from(Op::of(id)).add_subclass(Dat).add_subclass(WebSocketDat)
    }

    /// Sends the arguments, joined without a separator, as one text message.
    #[pyo3(name = "sendText", signature = (*messages))]
    fn send_text(this: &Bound<'_, Self>, messages: &Bound<'_, PyTuple>) -> PyResult<i64> {
        // The usual case: one str, whose text can be used where it is.
        if messages.len() == 1
            && let Ok(text) = messages.get_item(0)?.cast::<PyString>()
        {
            let text = text.to_cow()?;
            return send(this, |worker| worker.send_text(&text));
        }
        let text = messages.iter().map(|message| text_of(&message)).collect::<PyResult<String>>()?;
        send(this, |worker| worker.send_text(&text))
    }

    /// Sends the arguments (str, bytes, numbers from 0 to 255), one behind another, as one binary message.
    #[pyo3(name = "sendBinary", signature = (*contents))]
    fn send_binary(this: &Bound<'_, Self>, contents: &Bound<'_, PyTuple>) -> PyResult<i64> {
        let bytes = bytes_of(contents)?;
        send(this, |worker| worker.send_binary(&bytes))
    }

    /// Sends a ping with the arguments as `sendBinary` takes them, at most 125 bytes.
    #[pyo3(name = "sendPing", signature = (*contents))]
    fn send_ping(this: &Bound<'_, Self>, contents: &Bound<'_, PyTuple>) -> PyResult<i64> {
        let bytes = bytes_of(contents)?;
        send(this, |worker| worker.send_ping(&bytes))
    }

    /// Sends a pong with the arguments as `sendBinary` takes them, at most 125 bytes.
    #[pyo3(name = "sendPong", signature = (*contents))]
    fn send_pong(this: &Bound<'_, Self>, contents: &Bound<'_, PyTuple>) -> PyResult<i64> {
        let bytes = bytes_of(contents)?;
        send(this, |worker| worker.send_pong(&bytes))
    }
}

/// Text, bytes and numbers as the bytes of one message.
fn bytes_of(contents: &Bound<'_, PyTuple>) -> PyResult<Vec<u8>> {
    let mut all = Vec::new();
    for content in contents.iter() {
        if let Ok(bytes) = content.cast::<PyBytes>() {
            all.extend_from_slice(bytes.as_bytes());
        } else if let Ok(text) = content.cast::<PyString>() {
            all.extend_from_slice(text.to_cow()?.as_bytes());
        } else if let Ok(bytes) = content.cast::<PyByteArray>() {
            all.extend(bytes.to_vec());
        } else if let Some(number) = whole_number(&content)? {
            let too_large = || PyValueError::new_err("a number must be from 0 to 255; use struct.pack for others");
            all.push(u8::try_from(number).map_err(|_| too_large())?);
        } else {
            all.extend_from_slice(other_bytes(&content)?.as_bytes());
        }
    }
    Ok(all)
}

/// A whole number, numpy's included, as far as it fits. `bytes` of one would be as many zeros, which nobody means.
fn whole_number(content: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    let py = content.py();
    match content.extract::<i64>() {
        Ok(number) => Ok(Some(number)),
        Err(error) if error.is_instance_of::<PyOverflowError>(py) => Ok(Some(i64::MAX)),
        Err(error) if error.is_instance_of::<PyTypeError>(py) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Bytes of an object that can give them: a memoryview, an array, a list of numbers.
fn other_bytes<'py>(content: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = content.py();
    let made = py.get_type::<PyBytes>().call1((content,)).map_err(|error| {
        // What the object itself raises is the script's to see, and so is an interrupt.
        if error.is_instance_of::<PyTypeError>(py) {
            PyTypeError::new_err("contents must be str, bytes or whole numbers; use struct.pack for other numbers")
        } else {
            error
        }
    })?;
    Ok(made.cast_into()?)
}
