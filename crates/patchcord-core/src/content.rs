//! What an operator holds: text, a table, channels, or nothing.

use std::rc::Rc;

use crate::declaration::ContentKind;
use crate::patch::flags::Flag;
use crate::patch::{OpId, Operator, Patch, PatchError};
use crate::table::Table;

/// Content of an operator.
#[derive(Clone, Default)]
pub enum Content {
    /// Nothing.
    #[default]
    None,
    /// Text.
    Text(Text),
    /// A table.
    Table(Table),
    /// Channels.
    Channels(Channels),
}

/// Text with a count of its changes.
#[derive(Clone, Debug)]
pub struct Text {
    text: Rc<str>,
    revision: u64,
}

impl Text {
    /// The text.
    pub fn as_str(&self) -> &Rc<str> {
        &self.text
    }

    /// Grows with each change.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

/// Named channels of samples (design: channels).
#[derive(Clone, Debug, PartialEq)]
pub struct Channels {
    /// Samples per second.
    pub rate: f64,
    /// Names and samples; all channels have the same number of samples.
    pub channels: Vec<(Rc<str>, Vec<f64>)>,
    /// Of a time slice, the number of its first sample, counted from the first that its operator ever showed. The
    /// samples of a time slice are those since the last frame; everybody who reads in one frame reads the same, and two
    /// slices join without a gap where one begins with the number at which the other has ended. `None` for samples that stand.
    pub slice: Option<u64>,
}

impl Channels {
    /// Channels whose samples stand.
    pub fn new(rate: f64, channels: Vec<(Rc<str>, Vec<f64>)>) -> Self {
        Channels { rate, channels, slice: None }
    }

    /// Samples of each channel.
    pub fn samples(&self) -> usize {
        self.channels.first().map_or(0, |(_, samples)| samples.len())
    }
}

impl Content {
    /// Empty content of a kind.
    pub fn of(kind: ContentKind) -> Self {
        match kind {
            ContentKind::None => Content::None,
            ContentKind::Text => Content::Text(Text { text: Rc::from(""), revision: 0 }),
            ContentKind::Table => Content::Table(Table::new()),
            ContentKind::Channels => Content::Channels(Channels::new(60.0, Vec::new())),
        }
    }

    /// A text.
    pub fn of_text(text: impl Into<Rc<str>>) -> Self {
        Content::Text(Text { text: text.into(), revision: 0 })
    }

    /// A copy, for an operator that passes it on.
    pub fn duplicate(&self) -> Self {
        match self {
            Content::None => Content::None,
            Content::Text(text) => Content::Text(text.clone()),
            Content::Table(table) => Content::Table(table.clone()),
            Content::Channels(channels) => Content::Channels(channels.clone()),
        }
    }

    /// The text, when it is text.
    pub fn as_text(&self) -> Option<&Text> {
        match self {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The table, when it is one.
    pub fn as_table(&self) -> Option<&Table> {
        match self {
            Content::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The channels, when they are channels.
    pub fn as_channels(&self) -> Option<&Channels> {
        match self {
            Content::Channels(channels) => Some(channels),
            _ => None,
        }
    }

    /// Text form: the text itself, a table with tabs and line ends, nothing for the rest.
    pub fn to_text(&self) -> Rc<str> {
        match self {
            Content::Text(text) => text.text.clone(),
            Content::Table(table) => Rc::from(table.to_text()),
            _ => Rc::from(""),
        }
    }

    /// Grows with each edit; content that is replaced as a whole begins anew.
    pub fn revision(&self) -> u64 {
        match self {
            Content::Text(text) => text.revision,
            Content::Table(table) => table.revision(),
            _ => 0,
        }
    }

    /// Whether another one says the same.
    fn says_the_same(&self, other: &Content) -> bool {
        match (self, other) {
            (Content::None, Content::None) => true,
            (Content::Text(text), Content::Text(other)) => text.text == other.text,
            (Content::Table(table), Content::Table(other)) => table == other,
            (Content::Channels(channels), Content::Channels(other)) => channels == other,
            _ => false,
        }
    }
}

impl Operator {
    /// Another number with each change of the content.
    pub fn content_version(&self) -> u64 {
        self.content_base.wrapping_add(self.content.revision())
    }
}

impl Patch {
    /// Replaces the text of a text operator; a table is read from its text form.
    ///
    /// # Errors
    /// When the operator is gone, holds no text, or the text makes too large a table.
    pub fn set_text(&mut self, id: OpId, text: &str) -> Result<(), PatchError> {
        let op = self.get_mut(id).ok_or(PatchError::Gone)?;
        let label = op.declaration().label;
        match &mut op.content {
            Content::Text(old) => {
                if *old.text == *text {
                    return Ok(());
                }
                old.text = Rc::from(text);
                old.revision += 1;
                self.queue().note_text_change();
            }
            Content::Table(table) => {
                let parsed = Table::from_text(text)
                    .map_err(|_| PatchError::Content { label, reason: "holds no table of that size" })?;
                table.copy_from(&parsed);
            }
            _ => return Err(PatchError::Content { label, reason: "holds no text" }),
        }
        self.note_content_change(id);
        Ok(())
    }

    /// The table of a table operator.
    ///
    /// # Errors
    /// When the operator is gone or holds no table.
    pub fn table(&self, id: OpId) -> Result<&Table, PatchError> {
        let op = self.get(id).ok_or(PatchError::Gone)?;
        let label = op.declaration().label;
        op.content().as_table().ok_or(PatchError::Content { label, reason: "holds no table" })
    }

    /// The table of a table operator, to be changed. The change is delivered when the turn ends.
    ///
    /// # Errors
    /// When the operator is gone or holds no table.
    pub fn table_mut(&mut self, id: OpId) -> Result<&mut Table, PatchError> {
        let Some(op) = self.with_content_change(id) else { return Err(PatchError::Gone) };
        let label = op.declaration().label;
        match &mut op.content {
            Content::Table(table) => Ok(table),
            _ => Err(PatchError::Content { label, reason: "holds no table" }),
        }
    }

    /// The table of a table operator, to be changed by the operator itself. Only those that watch the operator are told: a
    /// notice would come back to the operator, and would cost it more than the row that it adds. `None` when the
    /// operator is gone, locked or holds no table.
    #[inline]
    pub fn own_table_mut(&mut self, id: OpId) -> Option<&mut Table> {
        self.queue().tracker.note_change();
        let op = self.get(id)?;
        if op.flags.has(Flag::LOCK) {
            return None;
        }
        if op.is_watched() {
            self.note_content_change(id);
        }
        match &mut self.get_mut(id)?.content {
            Content::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Puts content in place that an operator computed itself. Only those that watch the operator are told, and only of
    /// content that says something else. A locked operator keeps what it has.
    pub fn put_content(&mut self, id: OpId, content: Content) {
        let Some(op) = self.get_mut(id) else { return };
        if op.flags.has(Flag::LOCK) || op.content.says_the_same(&content) {
            return;
        }
        let version = op.content_version().wrapping_add(1);
        op.content = content;
        op.content_base = version.wrapping_sub(op.content.revision());
        let watched = op.is_watched();
        self.queue().tracker.note_change();
        if watched {
            self.note_content_change(id);
        }
    }

    pub(crate) fn note_content_change(&mut self, id: OpId) {
        self.with_content_change(id);
    }

    /// An operator whose content becomes another, of which those are told whom it concerns.
    fn with_content_change(&mut self, id: OpId) -> Option<&mut Operator> {
        let queue = self.queue().clone();
        queue.tracker.note_change();
        let op = self.get_mut(id)?;
        // One notice is enough until it is delivered: a script may write a thousand cells in a turn.
        if (op.worker.is_some() || op.is_watched()) && !op.content_change_queued {
            op.content_change_queued = true;
            queue.push(crate::change::Change::Content { op: id });
        }
        Some(op)
    }
}
