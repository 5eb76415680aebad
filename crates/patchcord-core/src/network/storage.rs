//! Storage that outlives the program: who runs scripts keeps it in files, and is told when.

use super::Network;
use crate::patch::OpId;

impl Network {
    /// Tells who runs scripts that an operator keeps its storage in another file than before, or in none.
    pub fn tell_storage_file(&self, op: OpId) {
        let source = self.0.callback_source.borrow().clone();
        if let Some(source) = source {
            source.handle_storage_file(self, op);
        }
    }

    /// Has written what is stored and not yet in its file, because an operator may go.
    pub fn save_storage(&self) {
        let source = self.0.callback_source.borrow().clone();
        if let Some(source) = source {
            source.save_storage(self);
        }
    }
}
