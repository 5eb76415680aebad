//! From parameters to the server's settings.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use patchcord_core::declaration::ParIndex;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_net::cors::Cors;
use patchcord_net::server::{Limits, Settings, TlsConfig};
use patchcord_net::static_files::StaticFiles;
use patchcord_net::tls::{MinimumVersion, ServerTls, server_config};
use patchcord_net::websocket::{DeflateDirection, DeflateSettings, SlowReader, WindowBits};

use super::declaration::par;
use super::service::Options;

/// Reads all parameters. Certificate and key are read from their files unless `tls` holds what they were made into
/// before. `Err` when TLS is asked for and cannot be had; the operator then shows why.
pub(super) fn read(network: &Network, op: OpId, tls: Option<Arc<TlsConfig>>) -> Result<(Options, Settings), ()> {
    let reader = Reader { network, op };
    let options = Options {
        autopong: reader.on(par::AUTOPONG),
        subprotocols: reader.words(par::SUBPROTOCOLS),
        origins: reader.words(par::ORIGINS),
        keep_left: reader.size(par::KEEPLEFT),
    };
    let limits = Limits {
        message: reader.size(par::MAXMESSAGE),
        body: reader.size(par::MAXBODY),
        head: reader.size(par::MAXHEADER),
        connections: reader.size(par::MAXCONNECTIONS),
        connections_per_address: reader.size(par::MAXPERADDRESS),
        handshake_time: reader.seconds(par::HANDSHAKETIME),
        stall_time: reader.seconds(par::STALLTIME),
        idle_time: reader.seconds(par::IDLETIME),
        queue: reader.size(par::MAXQUEUE),
        ping_interval: reader.seconds(par::PINGINTERVAL),
        missed_pings: reader.size(par::MISSEDPINGS) as u32,
        ..Limits::default()
    };
    let slow_reader = match &*reader.text(par::SLOWREADER) {
        "dropoldest" => SlowReader::DropOldest,
        "dropnewest" => SlowReader::DropNewest,
        "latest" => SlowReader::Latest,
        "close" => SlowReader::Close,
        _ => SlowReader::Pause,
    };
    let tls = match tls {
        _ if !reader.on(par::SECURE) => None,
        Some(known) => Some(known),
        None => Some(reader.tls()?),
    };
    let origins = reader.words(par::CORSORIGINS);
    let settings = Settings {
        limits,
        slow_reader,
        deflate: reader.on(par::COMPRESSION).then(|| reader.deflate()),
        tls,
        static_files: reader.static_files(),
        cors: (!origins.is_empty()).then(|| Rc::new(Cors { origins })),
    };
    Ok((options, settings))
}

struct Reader<'a> {
    network: &'a Network,
    op: OpId,
}

impl Reader<'_> {
    fn on(&self, index: ParIndex) -> bool {
        self.network.eval(self.op, index).is_on()
    }

    fn text(&self, index: ParIndex) -> Rc<str> {
        self.network.eval(self.op, index).to_text()
    }

    fn size(&self, index: ParIndex) -> usize {
        usize::try_from(self.network.eval(self.op, index).as_i64()).unwrap_or(0)
    }

    fn seconds(&self, index: ParIndex) -> Duration {
        Duration::try_from_secs_f64(self.network.eval(self.op, index).as_f64()).unwrap_or_default()
    }

    fn words(&self, index: ParIndex) -> Vec<String> {
        self.text(index).split_whitespace().map(str::to_owned).collect()
    }

    fn path(&self, index: ParIndex) -> Option<PathBuf> {
        let text = self.text(index);
        (!text.is_empty()).then(|| self.network.project().folder.join(Path::new(&*text)))
    }

    fn deflate(&self) -> DeflateSettings {
        let bits = u8::try_from(self.size(par::COMPRESSWINDOW)).ok().and_then(WindowBits::new);
        let context_takeover = self.on(par::COMPRESSCONTEXT);
        DeflateSettings {
            server: DeflateDirection { context_takeover, window_bits: bits.unwrap_or(WindowBits::MAX) },
            // A smaller window of the client's would save it memory, and nothing here.
            client: DeflateDirection { context_takeover, window_bits: WindowBits::MAX },
            level: u8::try_from(self.size(par::COMPRESSLEVEL)).unwrap_or(u8::MAX),
            threshold: self.size(par::COMPRESSTHRESHOLD),
        }
    }

    fn static_files(&self) -> Option<Rc<StaticFiles>> {
        let Some(folder) = self.path(par::STATICFOLDER) else {
            self.network.clear_problem(self.op, "staticfolder");
            return None;
        };
        if folder.is_dir() {
            self.network.clear_problem(self.op, "staticfolder");
        } else {
            let message = format!("the static folder {} does not exist", folder.display());
            let problem = Problem::warning("staticfolder", message, "make it, or set `staticfolder` to one that does");
            self.network.report(self.op, problem);
        }
        Some(Rc::new(StaticFiles::new(folder)))
    }

    fn tls(&self) -> Result<Arc<TlsConfig>, ()> {
        let fail = |message: String, remedy: &str| {
            self.network.report(self.op, Problem::error("certificate", message, remedy));
        };
        let (Some(certificate), Some(private_key)) = (self.path(par::CERTIFICATE), self.path(par::PRIVATEKEY)) else {
            fail("TLS needs a certificate and a private key".to_owned(), "set `certificate` and `privatekey`");
            return Err(());
        };
        let password = self.text(par::PASSWORD);
        let client_ca = self.path(par::CLIENTCA);
        let wanted = ServerTls {
            certificate: &certificate,
            private_key: &private_key,
            password: (!password.is_empty()).then_some(&*password),
            client_ca: client_ca.as_deref(),
            verify_client: self.on(par::VERIFYCLIENT),
            minimum: match &*self.text(par::MINPROTOCOL) {
                "tlsv10" => MinimumVersion::Tls10,
                "tlsv11" => MinimumVersion::Tls11,
                "tlsv13" => MinimumVersion::Tls13,
                _ => MinimumVersion::Tls12,
            },
        };
        match server_config(&wanted) {
            Ok((config, warnings)) => {
                self.network.clear_problem(self.op, "certificate");
                self.network.clear_problem(self.op, "tls");
                let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
                if !texts.is_empty() {
                    self.network.report(self.op, Problem::warning("tls", texts.join("; "), ""));
                }
                Ok(config)
            }
            Err(error) => {
                fail(error.to_string(), &error.remedy());
                Err(())
            }
        }
    }
}
