//! What `websocketset` sets: names, values, limits, and where they are kept until a port opens.
//!
//! Settings belong to a port of one Csound instance. They are kept for the whole process, since they are mostly set in
//! `instr 0`, before any note has opened the port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use patchcord_signal::{Dry, nearest};

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq)]
pub enum SettingValue {
    /// A number of the orchestra.
    Number(f64),
    /// A string of the orchestra.
    Text(String),
}

/// Why a setting was not taken. Nothing has changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SettingError {
    /// There is no setting of this name.
    #[error("there is no setting \"{name}\"; {hint}")]
    Unknown {
        /// What was given.
        name: String,
        /// The nearest one, or all.
        hint: String,
    },
    /// The setting is a number, and a string was given.
    #[error("\"{name}\" wants a number, not \"{value}\"")]
    WantsNumber {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: String,
    },
    /// The setting is a string, and a number was given.
    #[error("\"{name}\" wants a string, not {value}")]
    WantsText {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: f64,
    },
    /// The number is too small or too large.
    #[error("\"{name}\" goes from {lowest} to {highest}, not {value}")]
    OutOfRange {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: f64,
        /// The least that is allowed.
        lowest: f64,
        /// The most that is allowed.
        highest: f64,
    },
    /// The string is none of those that the setting has.
    #[error("\"{name}\" cannot be \"{value}\"; {hint}")]
    NotAChoice {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: String,
        /// The nearest choice, or all.
        hint: String,
    },
    /// The address cannot be read.
    #[error(
        "\"interface\" cannot be \"{value}\"; it is an address of this machine such as \"127.0.0.1\", or \"*\" for all"
    )]
    BadInterface {
        /// What was given.
        value: String,
    },
    /// What no page can have as its origin.
    #[error(
        "\"origins\": \"{value}\" is no origin; it has the form \"https://a.example\" or \"http://a.example:8080\", without a path"
    )]
    BadOrigin {
        /// What was given.
        value: String,
    },
    /// There is no such folder, or it cannot be read.
    #[error("\"folder\": there is no folder \"{path}\"")]
    NoFolder {
        /// What was given.
        path: String,
    },
    /// The port of the setting is no port.
    #[error("{0} is no port; ports go from 1 to 65535")]
    BadPort(u16),
}

/// The settings of one port.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    /// Where to listen; `None` is what the environment says, or this machine alone.
    pub(super) interface: Option<IpAddr>,
    /// Pages that are served on the same port.
    pub(super) folder: Option<PathBuf>,
    /// PEM file with the certificate: the port speaks TLS. For a client: the authorities to trust.
    pub(super) certificate: Option<PathBuf>,
    /// PEM file with the key; none is the certificate's file.
    pub(super) key: Option<PathBuf>,
    /// Origins of pages that may connect; `*` is any.
    pub(super) origins: Vec<String>,
    /// Most clients at once.
    pub(super) clients: usize,
    /// How far a slow client may lag.
    pub(super) buffer: Duration,
    /// What an a-rate input collects before it plays.
    pub(super) jitter: Duration,
    /// The most that an a-rate input lets wait.
    pub(super) limit: Duration,
    /// What an a-rate input does when it has run dry.
    pub(super) dry: Dry,
    /// Largest string in bytes.
    pub(super) text: usize,
    /// What messages of `csound.v1` may do: 0 nothing but ask, 1 set, 2 score events too.
    pub(super) control: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interface: None,
            folder: None,
            certificate: None,
            key: None,
            origins: vec!["*".to_owned()],
            clients: 64,
            buffer: Duration::from_millis(1000),
            jitter: Duration::from_millis(20),
            limit: Duration::from_millis(200),
            dry: Dry::default(),
            text: 65_536,
            control: 0,
        }
    }
}

/// The environment's way to listen elsewhere than on this machine alone.
pub(super) const INTERFACE_VARIABLE: &str = "PATCHCORD_CSOUND_INTERFACE";

const NAMES: [&str; 12] = [
    "interface",
    "folder",
    "certificate",
    "key",
    "origins",
    "clients",
    "buffer",
    "jitter",
    "limit",
    "dry",
    "text",
    "control",
];

impl Settings {
    /// Sets one.
    pub(super) fn set(&mut self, name: &str, value: SettingValue) -> Result<(), SettingError> {
        let Some(&name) = NAMES.iter().find(|&&known| known == name) else {
            return Err(SettingError::Unknown { name: name.to_owned(), hint: hint(name, &NAMES) });
        };
        match name {
            "interface" => {
                let text = text(name, value)?;
                self.interface = Some(parse_interface(&text).ok_or(SettingError::BadInterface { value: text })?);
            }
            "folder" => {
                let path = text(name, value)?;
                let folder = std::fs::canonicalize(&path).ok().filter(|folder| folder.is_dir());
                self.folder = if path.is_empty() { None } else { Some(folder.ok_or(SettingError::NoFolder { path })?) };
            }
            "certificate" => self.certificate = path(text(name, value)?),
            "key" => self.key = path(text(name, value)?),
            "origins" => {
                let origins: Vec<_> = text(name, value)?.split_ascii_whitespace().map(str::to_owned).collect();
                if let Some(wrong) = origins.iter().find(|origin| !is_origin(origin)) {
                    return Err(SettingError::BadOrigin { value: wrong.clone() });
                }
                self.origins = origins;
            }
            "clients" => self.clients = number(name, value, 1.0, 4096.0)? as usize,
            "buffer" => self.buffer = milliseconds(name, value, 1.0, 60_000.0)?,
            "jitter" => self.jitter = milliseconds(name, value, 0.0, 10_000.0)?,
            "limit" => self.limit = milliseconds(name, value, 1.0, 60_000.0)?,
            "text" => self.text = number(name, value, 1.0, 16_777_216.0)? as usize,
            "control" => self.control = number(name, value, 0.0, 2.0)? as u8,
            _ => {
                let text = text(name, value)?;
                self.dry = match text.as_str() {
                    "silence" => Dry::Silence,
                    "hold" => Dry::Hold,
                    _ => {
                        let hint = hint(&text, &["silence", "hold"]);
                        return Err(SettingError::NotAChoice { name, value: text, hint });
                    }
                };
            }
        }
        Ok(())
    }

    /// Where to listen: what was set, or what the environment says, or this machine alone.
    pub(super) fn interface(&self) -> IpAddr {
        self.interface
            .or_else(|| parse_interface(&std::env::var(INTERFACE_VARIABLE).ok()?))
            .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }
}

fn parse_interface(text: &str) -> Option<IpAddr> {
    match text.trim() {
        "*" => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        "" | "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        other => other.trim_matches(['[', ']']).parse().ok(),
    }
}

/// Whether a page can have it as its origin: browsers say a scheme and a host, or "null". A path, be it a slash, they never say.
fn is_origin(text: &str) -> bool {
    let is_page =
        |(scheme, host): (&str, &str)| !scheme.is_empty() && !host.is_empty() && !host.contains(['/', '?', '#']);
    matches!(text, "*" | "null") || text.split_once("://").is_some_and(is_page)
}

fn text(name: &'static str, value: SettingValue) -> Result<String, SettingError> {
    match value {
        SettingValue::Text(text) => Ok(text),
        SettingValue::Number(value) => Err(SettingError::WantsText { name, value }),
    }
}

fn path(text: String) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}

fn number(name: &'static str, value: SettingValue, lowest: f64, highest: f64) -> Result<f64, SettingError> {
    match value {
        SettingValue::Number(value) if value >= lowest && value <= highest => Ok(value),
        SettingValue::Number(value) => Err(SettingError::OutOfRange { name, value, lowest, highest }),
        SettingValue::Text(value) => Err(SettingError::WantsNumber { name, value }),
    }
}

fn milliseconds(name: &'static str, value: SettingValue, lowest: f64, highest: f64) -> Result<Duration, SettingError> {
    Ok(Duration::from_secs_f64(number(name, value, lowest, highest)? / 1000.0))
}

/// The nearest of what there is, or all of it.
fn hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(nearest) => format!("did you mean \"{nearest}\"?"),
        None => format!("there are {}", known.join(", ")),
    }
}

/// Settings of ports that may not be open yet.
#[derive(Debug)]
struct Kept {
    instance: usize,
    port: u16,
    settings: Settings,
}

static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// Sets one setting of a port and tells all of them.
pub(super) fn keep(instance: usize, port: u16, name: &str, value: SettingValue) -> Result<Settings, SettingError> {
    if port == 0 {
        return Err(SettingError::BadPort(port));
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let place = kept.iter().position(|kept| (kept.instance, kept.port) == (instance, port));
    let mut settings = place.map(|place| kept[place].settings.clone()).unwrap_or_default();
    settings.set(name, value)?;
    match place {
        Some(place) => kept[place].settings = settings.clone(),
        None => kept.push(Kept { instance, port, settings: settings.clone() }),
    }
    Ok(settings)
}

/// The settings of a port.
pub(super) fn kept(instance: usize, port: u16) -> Settings {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let found = kept.iter().find(|kept| (kept.instance, kept.port) == (instance, port));
    found.map(|kept| kept.settings.clone()).unwrap_or_default()
}

/// An instance is reset: its settings are no more.
pub(super) fn forget(instance: usize) {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.retain(|kept| kept.instance != instance);
    // The plugin may be unloaded next, and a static is never dropped.
    kept.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f64) -> SettingValue {
        SettingValue::Number(value)
    }

    fn text(value: &str) -> SettingValue {
        SettingValue::Text(value.to_owned())
    }

    #[test]
    fn each_name_is_taken() {
        let mut settings = Settings::default();
        let folder = std::env::temp_dir();
        for (name, value) in [
            ("interface", text("*")),
            ("folder", text(folder.to_str().unwrap())),
            ("certificate", text("c.pem")),
            ("key", text("k.pem")),
            ("origins", text("https://a.example  null")),
            ("clients", number(2.0)),
            ("buffer", number(500.0)),
            ("jitter", number(0.0)),
            ("limit", number(50.5)),
            ("dry", text("hold")),
            ("text", number(100.0)),
            ("control", number(2.0)),
        ] {
            settings.set(name, value).unwrap();
        }
        let expected = Settings {
            interface: Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
            folder: Some(folder.canonicalize().unwrap()),
            certificate: Some("c.pem".into()),
            key: Some("k.pem".into()),
            origins: vec!["https://a.example".into(), "null".into()],
            clients: 2,
            buffer: Duration::from_millis(500),
            jitter: Duration::ZERO,
            limit: Duration::from_micros(50_500),
            dry: Dry::Hold,
            text: 100,
            control: 2,
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn each_mistake_says_what_to_do() {
        for (name, value, expected) in [
            ("Jiter", number(1.0), "there is no setting \"Jiter\"; did you mean \"jitter\"?"),
            ("dry", text("noise"), "\"dry\" cannot be \"noise\"; there are silence, hold"),
            ("clients", text("x"), "\"clients\" wants a number, not \"x\""),
            ("folder", number(1.0), "\"folder\" wants a string, not 1"),
            ("control", number(3.0), "\"control\" goes from 0 to 2, not 3"),
            ("buffer", number(f64::NAN), "\"buffer\" goes from 1 to 60000, not NaN"),
            ("dry", text("holt"), "\"dry\" cannot be \"holt\"; did you mean \"hold\"?"),
            (
                "origins",
                text("https://a.example localhost:8080"),
                "\"origins\": \"localhost:8080\" is no origin; it has the form \"https://a.example\" or \"http://a.example:8080\", without a path",
            ),
            (
                "origins",
                text("http://a.example:8080/"),
                "\"origins\": \"http://a.example:8080/\" is no origin; it has the form \"https://a.example\" or \"http://a.example:8080\", without a path",
            ),
            ("folder", text("/no/such"), "\"folder\": there is no folder \"/no/such\""),
            (
                "interface",
                text("lan"),
                "\"interface\" cannot be \"lan\"; it is an address of this machine such as \"127.0.0.1\", or \"*\" for all",
            ),
        ] {
            let mut settings = Settings::default();
            assert_eq!(settings.set(name, value).unwrap_err().to_string(), expected);
            assert_eq!(settings, Settings::default());
        }
    }

    #[test]
    fn settings_belong_to_a_port_of_an_instance() {
        keep(71, 9000, "clients", number(3.0)).unwrap();
        keep(71, 9000, "control", number(1.0)).unwrap();
        assert_eq!((kept(71, 9000).clients, kept(71, 9000).control), (3, 1));
        assert_eq!((kept(71, 9001).clients, kept(72, 9000).clients), (64, 64));
        forget(71);
        assert_eq!(kept(71, 9000), Settings::default());
    }
}
