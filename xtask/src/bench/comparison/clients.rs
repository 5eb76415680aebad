//! One row of a comparison is one client: a program, how it is found and which version it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::peers::{self, Peers};
use super::super::process::Program;
use super::super::servers::{Places, revision, said_by};
use crate::install::PYTHON;

/// Where a program comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The bare client, in this crate.
    Bare,
    /// Our program with a patch.
    Patch(Handler),
    /// Our operator behind Rust callbacks: this example of `patchcord-operators`.
    Native(&'static str),
    /// A script of `xtask/peers` in the virtual environment.
    PythonPeer(&'static str),
    /// A script of `xtask/peers` on Node.
    NodePeer(&'static str),
    /// A package in a folder of `xtask/peers`.
    RustPeer(&'static str),
    /// A program that is not built here: an environment variable names it, and `--version` makes it say what it is.
    Named(&'static str),
}

/// What a patch of ours does with a message besides putting it into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    /// Nothing.
    Table,
    /// It calls a Python callback.
    Callback,
    /// It runs a logic graph.
    Graph,
}

/// One client of the comparison.
#[derive(Debug)]
pub struct Row {
    /// Name in reports and for `--only`.
    pub name: &'static str,
    /// The package that is pinned, where it is a peer's.
    pub package: &'static str,
    /// What it is, in the report.
    pub about: &'static str,
    /// Where it comes from.
    pub origin: Origin,
}

impl Row {
    /// Whether the row is one of ours and not of the yardsticks.
    pub fn is_ours(&self) -> bool {
        matches!(self.origin, Origin::Patch(_) | Origin::Native(_))
    }

    /// Whether the row is our program with a patch.
    pub fn is_patch(&self) -> bool {
        matches!(self.origin, Origin::Patch(_))
    }

    /// Whether the row is a program of somebody else.
    pub fn is_peer(&self) -> bool {
        !self.is_ours() && self.origin != Origin::Bare
    }
}

/// A row that can be started.
pub struct Prepared {
    /// The row.
    pub row: &'static Row,
    /// Name and version, for the report.
    pub version: String,
    /// The program, or the interpreter of the script.
    executable: PathBuf,
    script: Option<PathBuf>,
}

impl Prepared {
    /// Makes a row ready, or says why it cannot be measured.
    pub fn new(row: &'static Row, places: &Places, peers: &Peers) -> Result<Self, String> {
        let python = || said_by(Command::new(PYTHON).arg("--version"));
        let (executable, script, version) = match row.origin {
            Origin::Bare => (places.release.join("xtask"), None, revision(places)?),
            Origin::Patch(_) => {
                (places.release.join("patchcord"), None, format!("{}, {}", revision(places)?, python()?))
            }
            Origin::Native(example) => (places.release.join("examples").join(example), None, revision(places)?),
            Origin::PythonPeer(script) => {
                let folder = peers.python.as_ref()?;
                let version = format!("{}, {}", peers::pinned(row.package), python()?);
                (folder.join("bin/python"), Some(folder.join(script)), version)
            }
            Origin::NodePeer(script) => {
                let folder = peers.node.as_ref()?;
                let node = said_by(Command::new("node").arg("--version"))?;
                ("node".into(), Some(folder.join(script)), format!("{}, Node {node}", peers::pinned(row.package)))
            }
            Origin::RustPeer(folder) => (peers.rust(folder)?, None, peers::pinned(row.package)),
            Origin::Named(variable) => {
                let path = std::env::var_os(variable).ok_or_else(|| format!("{variable} names no program"))?;
                let version = said_by(Command::new(&path).arg("--version"))?;
                (path.into(), None, version)
            }
        };
        if executable.is_absolute() && !executable.is_file() {
            return Err(format!("{} is not built", executable.display()));
        }
        Ok(Self { row, version, executable, script })
    }

    /// Our program with a patch.
    pub fn patch(&self, folder: &Path) -> Program {
        let args = ["run".as_ref(), folder.as_os_str(), "--python".as_ref(), PYTHON.as_ref()];
        Program::new(&self.executable, args)
    }

    /// The program, started with arguments.
    pub fn program(&self, args: &[&str]) -> Program {
        let script = self.script.as_ref().map(|script| script.as_os_str());
        Program::new(&self.executable, script.into_iter().chain(args.iter().map(std::ffi::OsStr::new)))
    }
}
