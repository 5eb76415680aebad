//! Sessions of `csound.v1`.

use patchcord_signal::NameId;

#[derive(Debug, Default)]
pub(super) struct Session {
    watched: Vec<NameId>,
}

impl Session {
    pub(super) fn watched(&self) -> Vec<NameId> {
        self.watched.clone()
    }
}
