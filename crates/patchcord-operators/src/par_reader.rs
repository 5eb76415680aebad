//! Reading an operator's parameters as what they stand for: sizes, times, paths, policies.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use patchcord_core::declaration::ParIndex;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_net::websocket::{DeflateDirection, DeflateSettings, SlowReader, WindowBits};

/// Reads the parameters of an operator.
#[derive(Clone, Copy)]
pub(crate) struct ParReader<'a> {
    pub network: &'a Network,
    pub op: OpId,
}

/// Where the parameters of compression are.
pub(crate) struct CompressionPars {
    pub on: ParIndex,
    pub threshold: ParIndex,
    pub level: ParIndex,
    pub context: ParIndex,
    pub window: ParIndex,
}

impl ParReader<'_> {
    pub(crate) fn on(self, index: ParIndex) -> bool {
        self.network.eval(self.op, index).is_on()
    }

    pub(crate) fn text(self, index: ParIndex) -> Rc<str> {
        self.network.eval(self.op, index).to_text()
    }

    pub(crate) fn number(self, index: ParIndex) -> f64 {
        self.network.eval(self.op, index).as_f64()
    }

    pub(crate) fn size(self, index: ParIndex) -> usize {
        usize::try_from(self.network.eval(self.op, index).as_i64()).unwrap_or(0)
    }

    pub(crate) fn seconds(self, index: ParIndex) -> Duration {
        Duration::try_from_secs_f64(self.number(index)).unwrap_or_default()
    }

    pub(crate) fn words(self, index: ParIndex) -> Vec<String> {
        self.text(index).split_whitespace().map(str::to_owned).collect()
    }

    /// A path, counted from the patch folder; `None` when it is empty.
    pub(crate) fn path(self, index: ParIndex) -> Option<PathBuf> {
        let text = self.text(index);
        (!text.is_empty()).then(|| self.network.project().folder.join(&*text))
    }

    pub(crate) fn slow_reader(self, index: ParIndex) -> SlowReader {
        match &*self.text(index) {
            "dropoldest" => SlowReader::DropOldest,
            "dropnewest" => SlowReader::DropNewest,
            "latest" => SlowReader::Latest,
            "close" => SlowReader::Close,
            _ => SlowReader::Pause,
        }
    }

    /// Compression, if it is on. The window is the one of what is sent from here: a smaller one of the other end would
    /// save it memory, and nothing here.
    pub(crate) fn deflate(self, pars: &CompressionPars, is_server: bool) -> Option<DeflateSettings> {
        if !self.on(pars.on) {
            return None;
        }
        let bits = u8::try_from(self.size(pars.window)).ok().and_then(WindowBits::new);
        let context_takeover = self.on(pars.context);
        let here = DeflateDirection { context_takeover, window_bits: bits.unwrap_or(WindowBits::MAX) };
        let there = DeflateDirection { context_takeover, window_bits: WindowBits::MAX };
        let (server, client) = if is_server { (here, there) } else { (there, here) };
        Some(DeflateSettings {
            server,
            client,
            level: u8::try_from(self.size(pars.level)).unwrap_or(u8::MAX),
            threshold: self.size(pars.threshold),
        })
    }
}
