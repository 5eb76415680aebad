//! Where the Python module is that was built together with this launcher.
//!
//! In an installed archive and after `cargo build` it lies beside the program; `cargo test` leaves it in `deps/` only.
//! Where both exist the newer one counts. Whether it is of the same build is checked by the boot text.

use std::env;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::PathBuf;

/// Finds the module's file.
pub fn find() -> Result<PathBuf, String> {
    let program = env::current_exe().map_err(|error| format!("the program cannot find its own file: {error}"))?;
    // The program may be called through a link; the module lies beside the file itself.
    let program = program.canonicalize().unwrap_or(program);
    let folder = program.parent().map(PathBuf::from).unwrap_or_default();
    let name = format!("{DLL_PREFIX}_patchcord{DLL_SUFFIX}");
    let places = [folder.join(&name), folder.join("deps").join(&name)];
    let changed = |path: &PathBuf| path.metadata().and_then(|found| found.modified()).ok();
    places.into_iter().filter(|path| path.exists()).max_by_key(changed).ok_or_else(|| {
        format!(
            "its Python module {name} is not beside the program in {}\n\
             Keep the two files of an archive together; from source, start it with `cargo run`",
            folder.display()
        )
    })
}
