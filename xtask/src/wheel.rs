//! The wheel, as a person installs it: built by pip, into an environment of its own, and used from there.
//!
//! What is asked of it is what differs from the program that cargo builds: that the module loads without the launcher,
//! answers with its version, and checks a patch that it has written itself. Everything else is the same module.

use std::fs;
use std::io;
use std::process::Command;

use crate::install::{self, InstallError};
use crate::workspace::{CommandError, cargo, listen, root, show, target};

/// Why the wheel is not good.
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// There is no environment to install it into.
    #[error(transparent)]
    Environment(InstallError),
    /// It cannot be built or installed.
    #[error("the wheel cannot be built and installed: {0}")]
    Build(InstallError),
    /// What was installed does not do its work.
    #[error("the installed program: {0}")]
    Program(CommandError),
    /// It is of another version.
    #[error("the installed program says `{0}`")]
    Version(String),
    /// The program that cargo builds cannot be built again.
    #[error(transparent)]
    Restore(CommandError),
    /// A folder cannot be emptied or found.
    #[error("{0}")]
    Folder(#[from] io::Error),
}

/// Builds, installs and uses the wheel.
///
/// # Errors
/// The step that failed.
pub fn check() -> Result<(), WheelError> {
    let folder = target()?.join("wheel");
    let (environment, patch) = (folder.join("environment"), folder.join("patch"));
    install::virtual_environment(&environment).map_err(WheelError::Environment)?;
    // Unoptimised, as what is asked of it does not depend on that and the build takes a fraction of the time.
    let wheel = install::pip(&environment).arg("--config-settings=build-args=--profile dev").arg(root());
    wheel.run().map_err(WheelError::Build)?;

    if patch.exists() {
        fs::remove_dir_all(&patch)?;
    }
    // Elsewhere than the repository, whose `python/patchcord` must not stand in for the installed package.
    let program = || {
        let mut command = Command::new(environment.join("bin/patchcord"));
        command.current_dir(&folder);
        command
    };
    let said = listen(program().arg("--version")).map_err(WheelError::Program)?;
    if said != concat!("patchcord ", env!("CARGO_PKG_VERSION")) {
        return Err(WheelError::Version(said));
    }
    listen(program().arg("new").arg(&patch)).map_err(WheelError::Program)?;
    println!("{}", listen(program().arg("check").arg(&patch)).map_err(WheelError::Program)?);

    // The wheel's module has other features and lies where cargo puts its own; a launcher would refuse it.
    show(cargo().args(["build", "--quiet", "--package", "patchcord"])).map_err(WheelError::Restore)
}
