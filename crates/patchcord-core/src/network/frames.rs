//! Frames of the running patch, and what waits for them.

use std::time::Duration;

use super::{Network, RateSetter};
use crate::frame::{Delay, Frame, FramePhase, RunId};
use crate::patch::OpId;

impl Network {
    /// Sets who sets the frame rate.
    pub fn set_rate_setter(&self, setter: RateSetter) {
        *self.0.rate_setter.borrow_mut() = Some(setter);
    }

    /// Asks for another frame rate, in frames per second. Who runs the frames decides what is possible.
    pub fn set_frame_rate(&self, rate: f64) {
        let setter = self.0.rate_setter.borrow().clone();
        if let Some(setter) = setter {
            setter(rate);
        }
    }

    /// The frame that is running, or ran last; while no frames run, the one that would.
    pub fn frame(&self) -> Frame {
        self.frame_at(None)
    }

    pub(super) fn frame_at(&self, time: Option<Duration>) -> Frame {
        let last = self.0.frame.get();
        let source = self.0.frame_source.borrow().clone();
        source.map_or(last, |source| source(last, time))
    }

    /// Whether anything happens at frames: workers that want them, delayed runs, computed parameters that may be stale.
    pub fn wants_frames(&self) -> bool {
        !self.0.frame_workers.borrow().is_empty() || !self.0.runs.borrow().is_empty() || self.has_stale_parameters()
    }

    /// Says whether [`Worker::handle_frame`](super::Worker::handle_frame) of an operator is wanted from now on, for workers that change their mind.
    pub fn set_frame_interest(&self, op: OpId, wanted: bool) {
        let mut workers = self.0.frame_workers.borrow_mut();
        workers.retain(|(id, _)| wanted || *id != op);
        let is_known = workers.iter().any(|(id, _)| *id == op);
        let worker = self.patch().get(op).and_then(|op| op.worker.clone());
        if let Some(worker) = worker.filter(|_| wanted && !is_known) {
            workers.push((op, worker));
            self.0.queue.wake();
        }
    }

    /// Begins a frame: due runs, workers that want frames, computed parameters of operators that own something.
    pub fn frame_start(&self, frame: Frame) {
        self.0.frame.set(frame);
        self.turn(|network| {
            network.run_due(FramePhase::Start);
            network.frame_workers(FramePhase::Start);
        });
        if self.has_stale_parameters() {
            self.turn(Network::refresh_parameters);
        }
    }

    /// Ends the frame.
    pub fn frame_end(&self) {
        self.turn(|network| {
            network.frame_workers(FramePhase::End);
            network.run_due(FramePhase::End);
        });
    }

    fn frame_workers(&self, phase: FramePhase) {
        if self.0.frame_workers.borrow().is_empty() {
            return;
        }
        let workers = self.0.frame_workers.borrow().clone();
        for (op, worker) in workers {
            // One before it may have destroyed it.
            if self.patch().get(op).is_some() {
                worker.handle_frame(self, self.frame(), phase);
            }
        }
    }

    fn run_due(&self, phase: FramePhase) {
        let before = self.0.runs.borrow().last_sequence();
        loop {
            let job = self.0.runs.borrow_mut().take_due(self.frame(), phase, before);
            let Some(job) = job else { break };
            job(self);
        }
    }

    /// Runs something later. `None` when too many runs wait already.
    pub fn schedule(&self, delay: Delay, job: impl FnOnce(&Network) + 'static) -> Option<RunId> {
        let now = self.frame();
        let id = self.0.runs.borrow_mut().add(now, delay, Box::new(job));
        self.0.queue.wake();
        id
    }

    /// Takes a run back. Returns whether it was still waiting.
    pub fn kill_run(&self, id: RunId) -> bool {
        self.0.runs.borrow_mut().kill(id)
    }

    /// Frames until a run is due; `None` when it no longer waits.
    pub fn remaining_frames(&self, id: RunId) -> Option<u64> {
        self.0.runs.borrow().remaining(id, self.frame())
    }

    /// The runs that wait, in order.
    pub fn runs(&self) -> Vec<RunId> {
        self.0.runs.borrow().ids()
    }
}
