//! `cargo xtask setup`: installs what the tests need and is not there.
//!
//! Programs of the system come from apt-get, where this user may call it (root, or sudo without a password);
//! elsewhere they are named with their packages. Everything else goes into the build directory: the independent
//! peers of `tests/peers` into `target/peers`, cargo-deny into `target/tools`. What is there is left alone, so that
//! every task can ask for what it needs. A machine that lacks something can still run the other tests; what is
//! missing is a failure only where `CI` is `true`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::install::{self, InstallError};
use crate::workspace::{CommandError, cargo, has, listen, root, show, target};

/// The release of cargo-deny whose findings are known.
const CARGO_DENY: &str = "0.20.2";

/// A program of the system that tests start.
struct Program {
    name: &'static str,
    /// Debian's packages with it.
    packages: &'static [&'static str],
    /// What is not tested without it.
    purpose: &'static str,
    is_there: fn() -> bool,
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "venv of Python",
        packages: &["python3", "python3-venv"],
        purpose: "the tests with independent clients",
        is_there: || listen(Command::new(install::python()).args(["-c", "import ensurepip, venv"])).is_ok(),
    },
    Program {
        name: "node and npm",
        packages: &["nodejs", "npm"],
        purpose: "the tests with a client on Node",
        is_there: || has("node") && has("npm"),
    },
    Program {
        name: "chromium",
        packages: &["chromium"],
        purpose: "the tests of the demo page",
        is_there: || has("chromium"),
    },
    Program {
        name: "openssl",
        packages: &["openssl"],
        purpose: "the tests of TLS with certificates of its making",
        is_there: || has("openssl"),
    },
    Program {
        name: "csound 6",
        packages: &["csound", "csound-plugins", "libcsound64-6.0"],
        purpose: "the tests of Csound's plugin",
        is_there: || has("csound") && csound_has_plugins(),
    },
    Program {
        name: "valgrind",
        packages: &["valgrind"],
        purpose: "the test that Csound's plugin leaks nothing",
        is_there: || has("valgrind"),
    },
    Program {
        name: "mosquitto",
        packages: &["mosquitto", "mosquitto-clients"],
        purpose: "the tests with a broker of MQTT",
        is_there: || has_in_sbin("mosquitto") && has("mosquitto_pub") && has("mosquitto_sub"),
    },
];

/// Services that packages start and that no test needs: the tests start programs of their own.
const SERVICES: &[(&str, &str)] = &[("mosquitto", "mosquitto.service")];

/// Why something is not set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Programs that have to be installed by hand.
    #[error("missing: {0}")]
    Programs(String),
    /// cargo-deny cannot be installed.
    #[error("cargo-deny {CARGO_DENY}: {0}")]
    CargoDeny(CommandError),
    /// The independent peers cannot be installed.
    #[error("tests/peers: {0}")]
    Peers(#[from] InstallError),
    /// The system does not say where the build directory is.
    #[error("the build directory: {0}")]
    Target(#[from] std::io::Error),
}

/// Entry of `cargo xtask setup`.
pub fn run(args: &[String]) -> Outcome {
    if !args.is_empty() {
        return Err("expected: setup".into());
    }
    let mut missing = Vec::new();
    for error in everything() {
        eprintln!("{error}");
        missing.push(error);
    }
    if missing.is_empty() {
        println!("everything that the tests need is there");
        return Ok(());
    }
    Err("some tests cannot run here".into())
}

/// Installs everything and says what could not be.
pub fn everything() -> Vec<SetupError> {
    let results = [programs(), peers().map(drop), cargo_deny().map(drop)];
    results.into_iter().filter_map(Result::err).collect()
}

/// Installs programs of the system where this user may.
///
/// # Errors
/// The programs that are still missing, with the command that installs them.
pub fn programs() -> Result<(), SetupError> {
    let missing = || PROGRAMS.iter().filter(|program| !(program.is_there)());
    let packages: Vec<&str> = missing().flat_map(|program| program.packages).copied().collect();
    if packages.is_empty() {
        return Ok(());
    }
    if let Some(apt) = Apt::allowed() {
        println!("installing {}", packages.join(" "));
        // What went wrong has been shown; what is missing afterwards is said below.
        let _ = apt.install(&packages);
        for (package, service) in SERVICES {
            if packages.contains(package) && Path::new("/run/systemd/system").exists() {
                let _ = show(&mut apt.systemctl(&["disable", "--quiet", "--now", service]));
            }
        }
    }
    let left: Vec<&Program> = missing().collect();
    if left.is_empty() { Ok(()) } else { Err(SetupError::Programs(in_words(&left))) }
}

/// The independent clients and servers of `tests/peers`, installed.
pub struct Peers {
    /// The folder that holds them: `python`, `node`, and `socketioxide`, the build directory of a server in Rust.
    pub folder: PathBuf,
    /// The interpreter of the virtual environment.
    pub python: PathBuf,
}

/// Installs the peers that `tests/peers` pins. The tests themselves say when Node's part or Rust's is not there.
///
/// # Errors
/// When there is no virtual environment or pip fails.
pub fn peers() -> Result<Peers, SetupError> {
    let (source, folder) = (root().join("tests/peers"), target()?.join("peers"));
    install::python_packages(&source.join("requirements.txt"), &folder.join("python"))?;
    if let Err(error) = install::node_packages(&source, &folder.join("node")) {
        eprintln!("tests/peers: {error}");
    }
    let mut build = cargo();
    build.current_dir(source.join("socketioxide")).args(["build", "--quiet", "--locked", "--target-dir"]);
    if let Err(error) = show(build.arg(folder.join("socketioxide"))) {
        eprintln!("tests/peers/socketioxide: {error}");
    }
    Ok(Peers { python: folder.join("python/bin/python"), folder })
}

/// Finds cargo-deny among the user's programs or installs it, which takes some minutes the first time.
///
/// # Errors
/// When it cannot be fetched or built.
pub fn cargo_deny() -> Result<PathBuf, SetupError> {
    let folder = target()?.join("tools");
    let program = folder.join("bin/cargo-deny");
    let version = |program: &Path| listen(Command::new(program).arg("--version"));
    let is_it = |program: &Path| version(program).is_ok_and(|version| version.ends_with(CARGO_DENY));
    let installed = Path::new("cargo-deny");
    if is_it(installed) {
        return Ok(installed.to_owned());
    }
    if !is_it(&program) {
        println!("installing cargo-deny {CARGO_DENY}");
        let package = format!("cargo-deny@{CARGO_DENY}");
        let mut command = cargo();
        command.args(["install", "--quiet", "--locked", "--force", "--root"]).arg(&folder).arg(package);
        show(&mut command).map_err(SetupError::CargoDeny)?;
    }
    Ok(program)
}

/// apt-get, as this user may call it.
struct Apt {
    sudo: bool,
}

impl Apt {
    fn allowed() -> Option<Self> {
        if !has("apt-get") {
            return None;
        }
        if rustix::process::geteuid().is_root() {
            return Some(Self { sudo: false });
        }
        let may = has("sudo") && listen(Command::new("sudo").args(["-n", "true"])).is_ok();
        may.then_some(Self { sudo: true })
    }

    fn install(&self, packages: &[&str]) -> Result<(), CommandError> {
        show(self.command(&["update", "-qq"]).env("DEBIAN_FRONTEND", "noninteractive"))?;
        let mut command = self.command(&["install", "-qq", "--yes", "--no-install-recommends"]);
        show(command.args(packages).env("DEBIAN_FRONTEND", "noninteractive"))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(if self.sudo { "sudo" } else { "apt-get" });
        if self.sudo {
            command.args(["-n", "--preserve-env=DEBIAN_FRONTEND", "apt-get"]);
        }
        command.args(args);
        command
    }

    fn systemctl(&self, args: &[&str]) -> Command {
        let mut command = Command::new(if self.sudo { "sudo" } else { "systemctl" });
        if self.sudo {
            command.args(["-n", "systemctl"]);
        }
        command.args(args);
        command
    }
}

/// Whether a program is there, also where only an administrator's shell looks.
fn has_in_sbin(name: &str) -> bool {
    has(name) || Path::new("/usr/sbin").join(name).exists()
}

/// Whether the original of the plugin is there, in the folder of the system's csound.
fn csound_has_plugins() -> bool {
    const ORIGINAL: &str = "csound/plugins64-6.0/libwebsocketIO.so";
    let Ok(mut folders) = std::fs::read_dir("/usr/lib") else { return false };
    folders.any(|folder| folder.is_ok_and(|folder| folder.path().join(ORIGINAL).exists()))
}

fn in_words(programs: &[&Program]) -> String {
    let names: Vec<String> =
        programs.iter().map(|program| format!("{} (for {})", program.name, program.purpose)).collect();
    let packages: Vec<&str> = programs.iter().flat_map(|program| program.packages).copied().collect();
    format!("{}; on Debian or Ubuntu: sudo apt-get install {}", names.join(", "), packages.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_its_purpose_and_packages() {
        let missing: Vec<&Program> = PROGRAMS.iter().filter(|program| program.name != "venv of Python").collect();
        assert_eq!(
            in_words(&missing),
            "node and npm (for the tests with a client on Node), chromium (for the tests of the demo page), openssl \
             (for the tests of TLS with certificates of its making), csound 6 (for the tests of Csound's plugin), \
             valgrind (for the test that Csound's plugin leaks nothing), mosquitto (for the tests with a broker of \
             MQTT); on Debian or Ubuntu: sudo apt-get install nodejs npm chromium openssl csound csound-plugins \
             libcsound64-6.0 valgrind mosquitto mosquitto-clients"
        );
    }

    #[test]
    fn apt_is_called_through_sudo_where_needed() {
        let args = |apt: Apt| format!("{:?}", apt.command(&["update"]));
        assert_eq!(args(Apt { sudo: false }), r#""apt-get" "update""#);
        assert!(args(Apt { sudo: true }).starts_with(r#""sudo" "-n""#));
        let stops = |apt: Apt| format!("{:?}", apt.systemctl(&["disable"]));
        assert_eq!(stops(Apt { sudo: false }), r#""systemctl" "disable""#);
        assert_eq!(stops(Apt { sudo: true }), r#""sudo" "-n" "systemctl" "disable""#);
    }
}
