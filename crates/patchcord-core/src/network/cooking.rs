//! Cooking on demand, and what can be seen of it: figures and info channels.

use std::time::Duration;

use super::Network;
use crate::declaration::COMMON_INFO;
use crate::patch::{CookStats, OpId};
use crate::problem::Severity;

/// Figures about an operator's cooks, as the common info channels show them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CookFigures {
    /// Cooks since the operator was made.
    pub total: u64,
    /// Length of the last cook in milliseconds.
    pub time_ms: f64,
    /// Frame of the last cook, counted from the program's start.
    pub abs_frame: u64,
    /// Start of the last cook within its frame in milliseconds.
    pub start_ms: f64,
    /// End of the last cook within its frame in milliseconds.
    pub end_ms: f64,
}

impl Network {
    /// Brings an operator's content up to date, for operators that compute it on demand.
    pub fn cook(&self, op: OpId) {
        let worker = self.patch().get(op).and_then(|op| op.worker.clone());
        if let Some(worker) = worker {
            worker.cook(self);
        }
    }

    /// Notes that an operator cooked from `start` until now.
    #[inline]
    pub fn note_cook(&self, op: OpId, start: Duration) {
        let end = self.now();
        if let Some(op) = self.patch_mut().get_mut(op) {
            // Which frame it was is worked out by whoever asks: a server cooks more often than anybody looks.
            op.cook = CookStats { total: op.cook.total + 1, start, end };
        }
    }

    /// Figures about an operator's cooks; `None` when it is gone.
    pub fn cook_figures(&self, op: OpId) -> Option<CookFigures> {
        let cook = self.patch().get(op)?.cook;
        if cook.total == 0 {
            return Some(CookFigures::default());
        }
        let frame = self.frame_at(Some(cook.start));
        let within = |at: Duration| ((at.as_secs_f64() - frame.seconds) * 1000.0).max(0.0);
        Some(CookFigures {
            total: cook.total,
            time_ms: cook.time_ms(),
            abs_frame: frame.number,
            start_ms: within(cook.start),
            end_ms: within(cook.end),
        })
    }

    /// All info channels of an operator after a cook: its own, then the common ones.
    pub fn info(&self, op: OpId) -> Vec<(&'static str, f64)> {
        self.cook(op);
        self.info_of_last_cook(op)
    }

    /// All info channels of an operator, which is not cooked for it.
    pub fn info_of_last_cook(&self, op: OpId) -> Vec<(&'static str, f64)> {
        let Some((declaration, worker)) = self.patch().get(op).map(|op| (op.declaration(), op.worker.clone())) else {
            return Vec::new();
        };
        let own = worker.map(|worker| worker.info(self)).unwrap_or_default();
        let own = own.into_iter().chain(std::iter::repeat(0.0));
        let mut info: Vec<_> = declaration.info_channels.iter().map(|channel| channel.name).zip(own).collect();
        info.extend(COMMON_INFO.iter().map(|channel| channel.name).zip(self.common_info(op)));
        info
    }

    fn common_info(&self, op: OpId) -> [f64; 11] {
        let Some(cook) = self.cook_figures(op) else { return [0.0; 11] };
        let now = self.frame().number;
        let patch = self.patch();
        let Some(op) = patch.get(op) else { return [0.0; 11] };
        let (rows, cols) = match op.content().as_table() {
            Some(table) => (table.num_rows(), table.num_cols()),
            None => (op.content().as_text().map_or(0, |text| text.as_str().lines().count()), 0),
        };
        [
            rows as f64,
            cols as f64,
            cook.total as f64,
            cook.time_ms,
            cook.abs_frame as f64,
            cook.abs_frame as f64,
            cook.start_ms,
            cook.end_ms,
            f64::from(u8::from(cook.total > 0 && cook.abs_frame == now)),
            op.problems.of(Severity::Warning).count() as f64,
            op.problems.of(Severity::Error).count() as f64,
        ]
    }
}
