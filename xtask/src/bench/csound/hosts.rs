//! The Csounds that are measured: without `websocket`, with the original plugin, with ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::process::Program;
use super::super::servers::{Places, revision, said_by};
use super::orchestra::Ports;
use super::work::{Kind, Work};

/// Csound without `websocket`.
pub const BARE: &str = "bare";
/// With the original plugin.
pub const ORIGINAL: &str = "original";
/// With ours.
pub const OURS: &str = "patchcord";
/// With ours and the original's orchestra.
pub const OURS_ON_PORTS: &str = "patchcord-ports";

/// File name of the original plugin.
const ORIGINAL_FILE: &str = "libwebsocketIO.so";
/// File name of ours.
const OUR_FILE: &str = "libpatchcord_csound.so";

/// Where `websocket` comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plugin {
    None,
    Original,
    Ours,
}

/// One row.
#[derive(Debug)]
pub struct Host {
    /// Name on the command line and in the report.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    plugin: Plugin,
    /// The ports that its orchestras open.
    pub ports: Ports,
}

/// Every row, in the order of the report.
pub static HOSTS: [Host; 4] = [
    Host { name: BARE, about: "Csound alone, the same signals", plugin: Plugin::None, ports: Ports::None },
    Host {
        name: ORIGINAL,
        about: "Debian's plugin, an opcode and a port for each variable",
        plugin: Plugin::Original,
        ports: Ports::EachVariable,
    },
    Host {
        name: OURS,
        about: "this project's plugin, one opcode and one port",
        plugin: Plugin::Ours,
        ports: Ports::One,
    },
    Host {
        name: OURS_ON_PORTS,
        about: "this project's plugin, the original's orchestra",
        plugin: Plugin::Ours,
        ports: Ports::EachVariable,
    },
];

impl Host {
    /// Whether it is measured in a work.
    pub fn does(&self, work: &Work) -> bool {
        match work.kind {
            Kind::Trip | Kind::End(_) => matches!(self.name, ORIGINAL | OURS),
            Kind::Memory { .. } => self.name != OURS_ON_PORTS,
            // With one port for everything, both orchestras of ours are the same.
            Kind::Stream { .. } => self.name != OURS_ON_PORTS || self.ports.count(&work.kind) > 1,
        }
    }

    /// Whether it has a plugin of this project.
    pub fn is_ours(&self) -> bool {
        self.plugin == Plugin::Ours
    }
}

/// A row that can be started.
pub struct Prepared {
    /// The row.
    pub host: &'static Host,
    /// Name and version.
    pub version: String,
    /// Folder of plugins beside Csound's own.
    plugins: PathBuf,
}

/// Makes a row ready, or says why it cannot be measured. Ours is built already.
pub fn prepare(host: &'static Host, places: &Places) -> Result<Prepared, String> {
    let plugins = places.work.join("csound").join(host.name);
    fs::create_dir_all(&plugins).map_err(|error| error.to_string())?;
    let package = |name: &str| said_by(Command::new("dpkg-query").args(["-W", "-f=${Version}\\n", name]));
    let version = match host.plugin {
        Plugin::None => format!("csound {}", package("csound")?),
        Plugin::Original => format!("csound-plugins {}", package("csound-plugins")?),
        Plugin::Ours => {
            let built = places.release.join(OUR_FILE);
            fs::copy(&built, plugins.join(OUR_FILE)).map_err(|error| format!("{}: {error}", built.display()))?;
            revision(places)?
        }
    };
    Ok(Prepared { host, version, plugins })
}

impl Prepared {
    /// Csound with a csd.
    pub fn program(&self, csd: &Path) -> Program {
        let omitted = if self.host.plugin == Plugin::Original { "" } else { "libwebsocketIO" };
        let plugins = format!("CS_USER_PLUGINDIR={}", self.plugins.display());
        let omitted = format!("CS_OMIT_LIBS={omitted}");
        Program::new("env", [plugins.as_ref(), omitted.as_ref(), "csound".as_ref(), csd.as_os_str()])
    }

    /// Checks in `/proc/PID/maps` that a running Csound has loaded the plugin that it is to have, and no other.
    pub fn check_loaded(&self, maps: &str) -> Result<(), String> {
        let expected = [(ORIGINAL_FILE, Plugin::Original), (OUR_FILE, Plugin::Ours)];
        for (file, plugin) in expected {
            let loaded = maps.lines().any(|line| line.ends_with(&format!("/{file}")));
            if loaded != (self.host.plugin == plugin) {
                return Err(format!("{file} is {}", if loaded { "loaded" } else { "not loaded" }));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::work::find;
    use super::*;

    #[test]
    fn every_host_has_its_works() {
        let does = |name: &str, id: &str| {
            let host = HOSTS.iter().find(|host| host.name == name).expect("a host");
            host.does(find(id).expect("a work"))
        };
        assert!(does(BARE, "k-1") && does(BARE, "memory-a1-c0") && !does(BARE, "trip"));
        assert!(does(ORIGINAL, "trip") && does(OURS, "end-left") && !does(OURS_ON_PORTS, "trip"));
        assert!(does(OURS_ON_PORTS, "a8-c1") && !does(OURS_ON_PORTS, "a1-c1") && !does(OURS_ON_PORTS, "array16-c1"));
    }

    #[test]
    fn another_plugin_than_expected_is_noticed() {
        let prepared = |index: usize| Prepared { host: &HOSTS[index], version: String::new(), plugins: PathBuf::new() };
        let original = "7f00-7f01 r-xp 0 08:01 1 /usr/lib/csound/plugins64-6.0/libwebsocketIO.so\n";
        let ours = "7f00-7f01 r-xp 0 08:01 1 /home/x/libpatchcord_csound.so\n";
        assert!(prepared(0).check_loaded("").is_ok() && prepared(1).check_loaded(original).is_ok());
        assert!(prepared(2).check_loaded(ours).is_ok());
        assert!(prepared(0).check_loaded(original).is_err() && prepared(2).check_loaded(original).is_err());
        assert!(prepared(2).check_loaded(&format!("{ours}{original}")).is_err());
    }
}
