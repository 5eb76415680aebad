//! Installs the peers into `target/bench/peers`: a virtual environment for the Python ones, a folder with
//! `node_modules` for Node's, each with our scripts beside the packages, and a build directory for those in Rust, which
//! are built when they are asked for.
//!
//! Versions are pinned in `xtask/peers`: `requirements.txt`, `package-lock.json`, and the `Cargo.lock` of each Rust
//! package. What cannot be installed is a reason in words, which the benchmark prints beside the names that it leaves
//! out.

use std::path::{Path, PathBuf};

use crate::install;
use crate::workspace::{cargo, listen};

const REQUIREMENTS: &str = include_str!("../../peers/requirements.txt");
const PACKAGE: &str = include_str!("../../peers/package.json");
const RUST_LOCKS: [&str; 2] =
    [include_str!("../../peers/tungstenite/Cargo.lock"), include_str!("../../peers/rust_socketio/Cargo.lock")];

/// Scripts that run on Python, and on Node.
const PYTHON_FILES: [&str; 6] = [
    "granian_app.py",
    "uvicorn_app.py",
    "picows_server.py",
    "picows_client.py",
    "websockets_client.py",
    "socketio_client.py",
];
const NODE_FILES: [&str; 3] = ["ws_server.mjs", "ws_client.mjs", "socketio_client.mjs"];

/// Folders with an interpreter's packages and our scripts for it, or why there is none.
pub struct Peers {
    /// Virtual environment: the interpreter is `bin/python`.
    pub python: Result<PathBuf, String>,
    /// Folder with `node_modules`.
    pub node: Result<PathBuf, String>,
    /// Folder with our packages in Rust, and their build directory.
    rust: Option<(PathBuf, PathBuf)>,
}

impl Peers {
    /// Installs what is not installed yet. `scripts` is `xtask/peers`, `target` is the folder for them.
    pub fn install(scripts: &Path, target: &Path) -> Self {
        Self {
            python: install_python(scripts, &target.join("python")),
            node: install_node(scripts, &target.join("node")),
            rust: Some((scripts.to_owned(), target.join("rust"))),
        }
    }

    /// For a run without peers.
    pub fn none() -> Self {
        Self { python: not_wanted(), node: not_wanted(), rust: None }
    }

    /// Builds the package in a folder of `xtask/peers`; its program is called `bench-` and then as the folder.
    pub fn rust(&self, folder: &str) -> Result<PathBuf, String> {
        let (scripts, target) = self.rust.as_ref().map_or_else(not_wanted, Ok)?;
        let mut command = cargo();
        command.current_dir(scripts.join(folder)).args(["build", "--quiet", "--release", "--locked", "--target-dir"]);
        listen(command.arg(target)).map_err(|error| error.to_string())?;
        Ok(target.join("release").join(format!("bench-{folder}")))
    }
}

/// Name and pinned version of a peer.
pub fn pinned(name: &str) -> String {
    let python = REQUIREMENTS.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("=="));
    let node = PACKAGE.lines().find_map(|line| {
        let version = line.trim().strip_prefix(&format!("\"{name}\": \""))?;
        version.trim_end_matches(',').strip_suffix('"')
    });
    let rust = RUST_LOCKS.iter().find_map(|lock| {
        let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{name}\""));
        lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
    });
    python.or(node).or(rust).map_or_else(|| name.to_owned(), |version| format!("{name} {version}"))
}

fn not_wanted<T>() -> Result<T, String> {
    Err("left out by the command line".to_owned())
}

fn install_python(scripts: &Path, folder: &Path) -> Result<PathBuf, String> {
    let install = || {
        install::python_packages(&scripts.join("requirements.txt"), folder)?;
        // Beside the packages, where the interpreter looks for modules.
        install::copy(scripts, folder, &PYTHON_FILES)
    };
    install().map(|()| folder.to_owned()).map_err(|error| error.to_string())
}

fn install_node(scripts: &Path, folder: &Path) -> Result<PathBuf, String> {
    let install = || {
        install::node_packages(scripts, folder)?;
        install::copy(scripts, folder, &NODE_FILES)
    };
    install().map(|()| folder.to_owned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::servers::{Origin, ROWS};
    use super::*;

    #[test]
    fn every_peer_is_pinned() {
        for row in &ROWS {
            if matches!(row.origin, Origin::PythonPeer(_) | Origin::NodePeer(_)) {
                let pinned = pinned(row.name);
                let version = pinned.strip_prefix(row.name).map(str::trim).unwrap_or("");
                assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{pinned:?}");
            }
        }
        assert!(pinned("tokio-tungstenite").starts_with("tokio-tungstenite 0."));
        for package in ["socket.io-client", "python-socketio", "rust_socketio"] {
            assert!(pinned(package).strip_prefix(package).is_some_and(|version| version.len() > 4), "{package}");
        }
        assert!(REQUIREMENTS.lines().all(|line| line.is_empty() || line.starts_with('#') || line.contains("==")));
    }

    #[test]
    fn the_lock_names_no_registry() {
        let lock = include_str!("../../peers/package-lock.json");
        assert!(lock.contains("integrity"));
        assert!(!lock.contains("resolved") && !lock.contains("://"), "lock with omit-lockfile-registry-resolved=true");
    }
}
