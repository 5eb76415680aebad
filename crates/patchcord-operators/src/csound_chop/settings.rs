//! From parameters to how signals look, how a host listens and how a client dials.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use patchcord_core::problem::Problem;
use patchcord_net::client::{Address, BackoffSettings, DialSettings};
use patchcord_net::server::TlsConfig;
use patchcord_net::signal::{FloatSize, HostSettings, Kind, Level};
use patchcord_net::static_files::StaticFiles;
use patchcord_net::tls::{MinimumVersion, ServerTls, TlsEnd, server_config};

use super::declaration::{PAGES, par};
use super::signals::Defaults;
use super::slices::Bounds;
use crate::par_reader::{ParReader, TlsPars, Wrong};

const TLS: TlsPars = TlsPars::of(PAGES);

/// What holds for all signals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Format {
    pub defaults: Defaults,
    /// Samples per second.
    pub rate: f64,
    pub bounds: Bounds,
    /// Bytes of a text at most.
    pub text: usize,
}

/// Reads the parameters of an operator.
pub(super) struct Reader<'a>(pub ParReader<'a>);

impl<'a> std::ops::Deref for Reader<'a> {
    type Target = ParReader<'a>;

    fn deref(&self) -> &ParReader<'a> {
        &self.0
    }
}

impl Reader<'_> {
    pub(super) fn is_host(&self) -> bool {
        &*self.text(par::ROLE) == "host"
    }

    pub(super) fn format(&self) -> Format {
        let rate = self.number(par::RATE);
        let samples = |index| (self.number(index) / 1000.0 * rate).ceil() as usize;
        let bounds = Bounds {
            jitter: samples(par::JITTER),
            // A frame's samples have to fit in, whatever is asked for.
            limit: samples(par::LIMIT).max(samples(par::JITTER)).max((rate / 10.0) as usize),
            holds: &*self.text(par::DRY) == "hold",
        };
        let kind = match &*self.text(par::TYPE) {
            "a" => Some(Kind::Audio),
            "k" => Some(Kind::Control),
            "i" => Some(Kind::Init),
            _ => None,
        };
        let defaults = Defaults {
            ksmps: self.size(par::KSMPS).max(1),
            float: if &*self.text(par::FLOATSIZE) == "single" { FloatSize::F32 } else { FloatSize::F64 },
            kind,
            is_host: self.is_host(),
        };
        Format { defaults, rate, bounds, text: self.size(par::MAXTEXT) }
    }

    /// Where a host listens.
    pub(super) fn listen_address(&self) -> (String, u16) {
        (self.text(par::LOCALADDRESS).to_string(), self.size(par::PORT) as u16)
    }

    /// Address and port of a client as they are written.
    pub(super) fn target(&self) -> (Rc<str>, usize) {
        (self.text(par::NETADDRESS), self.size(par::PORT))
    }

    /// Settings of a host. Certificate and key are read from their files unless `tls` holds what they were made into
    /// before. `None` when TLS is asked for and cannot be had; the operator then shows why.
    pub(super) fn host(&self, tls: Option<Arc<TlsConfig>>) -> Option<HostSettings> {
        let format = self.format();
        let tls = match tls {
            _ if !self.on(par::SECURE) => None,
            Some(known) => Some(known),
            None => Some(self.tls()?),
        };
        Some(HostSettings {
            sample_rate: format.rate,
            buffer: Duration::try_from_secs_f64(self.number(par::BUFFER) / 1000.0).unwrap_or_default(),
            clients: self.size(par::MAXCLIENTS),
            origins: self.words(par::ORIGINS),
            text: format.text,
            ksmps: format.defaults.ksmps,
            float: format.defaults.float,
            control: match &*self.text(par::CONTROL) {
                "channels" => Level::Values,
                "events" => Level::Events,
                _ => Level::Off,
            },
            folder: self.folder(),
            tls,
        })
    }

    fn folder(&self) -> Option<Rc<StaticFiles>> {
        let folder = self.path(par::STATICFOLDER);
        match folder.as_ref().filter(|folder| !folder.is_dir()) {
            None => self.network.clear_problem(self.op, "staticfolder"),
            Some(missing) => {
                let message = format!("the static folder {} does not exist", missing.display());
                let remedy = "make it, or set `staticfolder` to one that does";
                self.network.report(self.op, Problem::warning("staticfolder", message, remedy));
            }
        }
        folder.map(|folder| Rc::new(StaticFiles::new(folder)))
    }

    fn tls(&self) -> Option<Arc<TlsConfig>> {
        let fail = |message: String, remedy: &str| {
            self.network.report(self.op, Problem::error("certificate", message, remedy));
        };
        let (Some(certificate), Some(private_key)) = (self.path(par::CERTIFICATE), self.path(par::PRIVATEKEY)) else {
            fail("TLS needs a certificate and a private key".to_owned(), "set `certificate` and `privatekey`");
            return None;
        };
        let password = self.text(par::PASSWORD);
        let wanted = ServerTls {
            certificate: &certificate,
            private_key: &private_key,
            password: (!password.is_empty()).then_some(&*password),
            client_ca: None,
            verify_client: false,
            minimum: MinimumVersion::Tls12,
        };
        match server_config(&wanted) {
            Ok((config, warnings)) => {
                self.network.clear_problem(self.op, "certificate");
                let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
                if texts.is_empty() {
                    self.network.clear_problem(self.op, "tls");
                } else {
                    self.network.report(self.op, Problem::warning("tls", texts.join("; "), ""));
                }
                Some(config)
            }
            Err(error) => {
                fail(error.to_string(), &error.remedy(TlsEnd::Server));
                None
            }
        }
    }

    /// Where a client dials, and how. Files of keys and certificates are read here, at each attempt.
    pub(super) fn dial(&self) -> Result<(Address, DialSettings), Wrong> {
        let address = Address::parse(&self.text(par::NETADDRESS), self.size(par::PORT) as u16)
            .map_err(|error| (error.to_string(), error.remedy().to_owned()))?;
        let settings = DialSettings {
            time_limit: Duration::from_millis(self.size(par::TIMEOUT) as u64),
            proxy: self.proxy(par::PROXY)?,
            tls: if address.is_tls() { self.client_tls(&TLS)? } else { None },
            ..DialSettings::default()
        };
        Ok((address, settings))
    }

    pub(super) fn backoff(&self) -> BackoffSettings {
        BackoffSettings {
            first: self.seconds(par::RECONNECTDELAY),
            longest: self.seconds(par::RECONNECTLONGEST),
            jitter: self.number(par::RECONNECTJITTER),
            attempts: self.size(par::RECONNECTATTEMPTS) as u32,
        }
    }
}
