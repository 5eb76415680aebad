//! The Text DAT: free text, often a script (TouchDesigner reference, section 5).
//!
//! It holds text that scripts and people edit, may stand in a file, and is checked when it changes: a Python or JSON
//! text that does not compile shows an error with its line until it does. Which language it is in, `language` decides.
//! Running it and loading it as a module is the business of whoever runs scripts.

use std::rc::Rc;

use patchcord_core::change::Change;
use patchcord_core::declaration::{COMMON_DAT_PAGE, ContentKind, Family, OperatorType, Page, Parameter};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;

use crate::dat_file::{DatFile, FileParameters, with_file_parameters};
use crate::language::CompileCheck;

/// The Text DAT.
pub static TEXT_DAT: OperatorType = OperatorType {
    name: "textDAT",
    label: "Text DAT",
    family: Family::Dat,
    summary: "Holds text: a script with callbacks, a page, JSON. It can stand in a file and is checked when it changes.",
    content: ContentKind::Text,
    editable: true,
    inputs: &[],
    pages: PAGES,
    info_channels: &[],
    callbacks: &[],
    start: Some(start),
};

const PAGES: &[Page] = &[Page { name: "Text", parameters: with_file_parameters!([], []) }, COMMON_DAT_PAGE];

static AT: FileParameters = FileParameters::of(PAGES);

struct TextDat {
    file: DatFile,
    check: CompileCheck,
}

fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    // Later: whoever loads scripts does so first and says more about what is wrong.
    network.defer(move |network| {
        network.with_worker(op, |worker: &TextDat| worker.check.run(network));
    });
    Rc::new(TextDat { file: DatFile::start(network, op, &AT), check: CompileCheck::new(op) })
}

impl Worker for TextDat {
    fn handle_change(&self, network: &Network, change: &Change) {
        self.file.handle_change(network, change);
        match change {
            Change::Content { .. } => self.check.run(network),
            Change::Parameter { index, .. } if *index == AT.language || *index == AT.file => self.check.run(network),
            _ => {}
        }
    }
}
