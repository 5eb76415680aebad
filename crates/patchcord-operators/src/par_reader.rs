//! Reading an operator's parameters as what they stand for: sizes, times, paths, policies.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use patchcord_core::declaration::{Page, ParIndex};
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_net::client::Proxy;
use patchcord_net::tls::{ClientTls, TlsClient, TlsEnd, client_config};
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

impl CompressionPars {
    /// Those of an operator type with these pages.
    pub(crate) const fn of(pages: &[Page]) -> Self {
        CompressionPars {
            on: ParIndex::of(pages, "compression"),
            threshold: ParIndex::of(pages, "compressthreshold"),
            level: ParIndex::of(pages, "compresslevel"),
            context: ParIndex::of(pages, "compresscontext"),
            window: ParIndex::of(pages, "compresswindow"),
        }
    }
}

/// Where the parameters of a client's TLS are.
pub(crate) struct TlsPars {
    pub verify: ParIndex,
    pub ca: ParIndex,
    pub certificate: ParIndex,
    pub key: ParIndex,
    pub password: ParIndex,
    pub server_name: ParIndex,
}

impl TlsPars {
    /// Those of an operator type with these pages.
    pub(crate) const fn of(pages: &[Page]) -> Self {
        TlsPars {
            verify: ParIndex::of(pages, "verifycert"),
            ca: ParIndex::of(pages, "cafile"),
            certificate: ParIndex::of(pages, "clientcert"),
            key: ParIndex::of(pages, "clientkey"),
            password: ParIndex::of(pages, "clientkeypassword"),
            server_name: ParIndex::of(pages, "servername"),
        }
    }
}

/// Why parameters cannot be used: what is wrong and what can be done about it.
pub(crate) type Wrong = (String, String);

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

    /// The proxy that a parameter names, if it names one.
    pub(crate) fn proxy(self, index: ParIndex) -> Result<Option<Proxy>, Wrong> {
        match &*self.text(index) {
            "" => Ok(None),
            text => Proxy::parse(text).map(Some).map_err(|error| (error.to_string(), error.remedy().to_owned())),
        }
    }

    /// TLS of a client; `None` is verified by the system's authorities alone, which the dial reads out of the way. The files
    /// are read now; what is doubtful about them is shown on the operator.
    pub(crate) fn client_tls(self, pars: &TlsPars) -> Result<Option<TlsClient>, Wrong> {
        let (ca, certificate, key) = (self.path(pars.ca), self.path(pars.certificate), self.path(pars.key));
        let (password, server_name) = (self.text(pars.password), self.text(pars.server_name));
        let tls = ClientTls {
            verify: self.on(pars.verify),
            ca: ca.as_deref(),
            certificate: certificate.as_deref(),
            private_key: key.as_deref(),
            password: (!password.is_empty()).then_some(&*password),
            server_name: (!server_name.is_empty()).then_some(&*server_name),
        };
        if tls.verify && tls.ca.is_none() && tls.certificate.is_none() && tls.server_name.is_none() {
            self.network.clear_problem(self.op, "tls");
            return Ok(None);
        }
        let (client, warnings) =
            client_config(&tls).map_err(|error| (error.to_string(), error.remedy(TlsEnd::Client)))?;
        let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        if texts.is_empty() {
            self.network.clear_problem(self.op, "tls");
        } else {
            self.network.report(self.op, Problem::warning("tls", texts.join("; "), ""));
        }
        Ok(Some(client))
    }

    /// The operator that is wired to an input.
    pub(crate) fn input(self, index: usize) -> Option<OpId> {
        let patch = self.network.patch();
        patch.get(self.op)?.inputs().get(index).copied().flatten().map(|source| source.op)
    }

    /// The first two columns of the table at an input, without rows that have no name.
    pub(crate) fn input_pairs(self, index: usize) -> Vec<(String, String)> {
        let Some(source) = self.input(index) else { return Vec::new() };
        self.network.cook(source);
        let patch = self.network.patch();
        let table = patch.get(source).and_then(|op| op.content().as_table());
        let cell = |cell: Option<&str>| cell.unwrap_or_default().to_owned();
        let rows = table.into_iter().flat_map(|table| table.rows());
        rows.map(|row| (cell(row.get(0)), cell(row.get(1)))).filter(|(name, _)| !name.is_empty()).collect()
    }
}
