//! Keeps the running patch in step with its files while it runs.
//!
//! A save of `patch.toml` is read, compared and applied as one transaction; when it has errors nothing changes and
//! the report says why. Saves of texts and tables go to the operators that hold them. Afterwards the set of watched
//! files follows the patch. All of this happens between turns, on the patch's thread.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use patchcord_core::declaration::OperatorType;
use patchcord_core::network::Network;
use patchcord_core::textport::LineKind;

use crate::engine::guarded;
use crate::project::{FILE_NAME, LivePatch, PatchFile, Report, Settings, Style};
use crate::watcher::Watcher;

/// Columns of a report in the textport.
const REPORT_WIDTH: usize = 100;

/// A patch whose files are followed.
pub(crate) struct Follower {
    pub(crate) network: Network,
    pub(crate) types: Vec<&'static OperatorType>,
    pub(crate) live: LivePatch,
    pub(crate) watcher: Watcher,
    /// Brings settings of the file into force.
    pub(crate) set_settings: Rc<dyn Fn(&Settings)>,
    /// The report of the patch file, if it was refused when it was read last. A file that it names may have been missing for
    /// a moment, or is yet to be saved, so the patch file is read again at the next change of any file.
    pub(crate) refused: Option<Report>,
}

impl Follower {
    /// Follows until it is dropped.
    pub(crate) async fn follow(mut self) {
        // What was saved between the loading of the patch and the start of the watch would go unseen.
        for file in self.files() {
            self.apply_guarded(&file);
        }
        loop {
            self.watch();
            let mut changed = self.watcher.changed().await;
            let patch_file = self.patch_file();
            if self.refused.is_some() && !changed.contains(&patch_file) {
                changed.insert(0, patch_file);
            }
            for file in changed {
                self.apply_guarded(&file);
            }
        }
    }

    /// As [`Follower::apply`]. A panic of an operator that the change concerns must not end the following.
    fn apply_guarded(&mut self, file: &Path) {
        let network = self.network.clone();
        guarded(&network, "a change of a file", |_| self.apply(file));
    }

    fn patch_file(&self) -> PathBuf {
        self.live.file().folder().join(FILE_NAME)
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files = vec![self.patch_file()];
        files.extend(self.live.watched_files());
        files.extend(self.refused.iter().flat_map(Report::faulty_files).map(|file| first_missing(file)));
        files
    }

    /// Watches what the patch is made of now.
    pub(crate) fn watch(&mut self) {
        let files = self.files();
        for error in self.watcher.set_files(files) {
            self.network.textport().say(LineKind::Warning, "", error.to_string());
        }
    }

    fn apply(&mut self, file: &Path) {
        let folder = self.live.file().folder().to_owned();
        if file != folder.join(FILE_NAME) {
            self.live.file_changed(&self.network, file);
            return;
        }
        match PatchFile::read(&folder, &self.types) {
            Ok(read) => {
                let settings = read.settings().clone();
                let warnings = read.warnings().clone();
                let applied = self.live.update(&self.network, read);
                (self.set_settings)(&settings);
                self.refused = None;
                if !warnings.is_empty() && !applied.is_empty() {
                    self.say_report(LineKind::Warning, &warnings);
                }
            }
            Err(report) => {
                self.say_report(LineKind::Error, &report);
                self.refused = Some(report);
            }
        }
    }

    fn say_report(&self, kind: LineKind, report: &Report) {
        let text = report.render(Style::Plain, REPORT_WIDTH);
        let heading = match kind {
            LineKind::Error => format!("{FILE_NAME} has errors and changes nothing"),
            _ => format!("{FILE_NAME} has warnings"),
        };
        self.network.textport().say(kind, "", format!("{heading}\n{}", text.trim_end()));
    }
}

/// A file to be watched: itself, or the outermost folder on the way to it that is missing, since only what is in a folder can be
/// watched.
fn first_missing(file: &Path) -> PathBuf {
    let mut first = file;
    while let Some(parent) = first.parent().filter(|parent| !parent.is_dir()) {
        first = parent;
    }
    first.to_owned()
}
