//! One work of a comparison.

/// One row of the comparison; what a kind of work is, each comparison says.
#[derive(Debug)]
pub struct Work<K> {
    /// Name on the command line.
    pub id: &'static str,
    /// Name in the report.
    pub title: &'static str,
    /// What one operation is.
    pub kind: K,
    /// Bytes of a message.
    pub bytes: usize,
}
