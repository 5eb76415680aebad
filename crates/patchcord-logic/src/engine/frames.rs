//! Frames: the values of one body's data outputs. The graph's own lives as long as the engine, a function's as long
//! as its call.

use std::collections::{HashMap, HashSet};

use super::{MAX_FRAMES, Zeros};
use crate::graph::Body;
use crate::value::Value;

/// One frame; another one that takes its place later has another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FrameId {
    index: u32,
    generation: u32,
}

impl FrameId {
    /// The frame of the graph's own body.
    pub const MAIN: FrameId = FrameId { index: 0, generation: 0 };
}

/// All frames.
pub(super) struct Frames {
    frames: Vec<Frame>,
    free: Vec<u32>,
    /// Nodes that wait for an answer.
    expecting: HashMap<u64, (FrameId, u32)>,
    /// Outputs that were read before they were set, and of which that was said.
    warned: HashSet<(u32, u32)>,
    pub zeros: Zeros,
}

struct Frame {
    generation: u32,
    is_alive: bool,
    body: u32,
    slots: Vec<Option<Value>>,
    caller: Option<(FrameId, u32)>,
}

/// A body that another takes the place of.
pub(super) struct MovedBody<'a> {
    before: &'a Body,
    after: &'a Body,
    /// Position of the other one.
    pub body: u32,
}

impl<'a> MovedBody<'a> {
    pub fn new(before: &'a Body, after: &'a Body, body: u32) -> Self {
        MovedBody { before, after, body }
    }

    /// The new position of a node; `None` when there is none of its id and type.
    pub fn node(&self, node: u32) -> Option<u32> {
        let node = self.before.nodes.get(node as usize)?;
        let index = *self.after.ids.get(&node.id)?;
        std::ptr::eq(self.after.nodes[index as usize].node_type, node.node_type).then_some(index)
    }

    /// The slots for the other body: outputs of the same name and type of the same nodes keep their values, unless the
    /// file says another value than before for one.
    fn slots(&self, old: &[Option<Value>]) -> Vec<Option<Value>> {
        let mut slots = self.after.initial.clone();
        for node in &self.after.nodes {
            let same = self.before.node(&node.id).filter(|same| std::ptr::eq(same.node_type, node.node_type));
            let Some(same) = same else { continue };
            for (index, output) in node.outputs.iter().enumerate() {
                let kept =
                    same.outputs.iter().position(|one| one.name == output.name && one.data_type == output.data_type);
                let Some(kept) = kept.map(|kept| same.first_slot as usize + kept) else { continue };
                let slot = &mut slots[node.first_slot as usize + index];
                if *slot == self.before.initial[kept] {
                    slot.clone_from(&old[kept]);
                }
            }
        }
        slots
    }
}

/// Answers that may be waited for.
const MAX_EXPECTED: usize = 10_000;

impl Frames {
    pub fn new(main: &Body) -> Self {
        let slots = main.initial.clone();
        Frames {
            frames: vec![Frame { generation: 0, is_alive: true, body: 0, slots, caller: None }],
            free: Vec::new(),
            expecting: HashMap::new(),
            warned: HashSet::new(),
            zeros: Zeros::default(),
        }
    }

    fn get(&self, id: FrameId) -> Option<&Frame> {
        let frame = &self.frames[id.index as usize];
        (frame.generation == id.generation && frame.is_alive).then_some(frame)
    }

    pub fn is_alive(&self, id: FrameId) -> bool {
        self.get(id).is_some()
    }

    /// All frames that are in use, and which body each is of.
    pub fn alive(&self) -> impl Iterator<Item = (FrameId, u32)> + '_ {
        self.frames
            .iter()
            .enumerate()
            .filter(|(_, frame)| frame.is_alive)
            .map(|(index, frame)| (FrameId { index: index as u32, generation: frame.generation }, frame.body))
    }

    /// Which body a frame is of; `None` when the frame has ended.
    pub fn body(&self, id: FrameId) -> Option<u32> {
        self.get(id).map(|frame| frame.body)
    }

    pub fn slot(&self, id: FrameId, slot: u32) -> Option<&Value> {
        self.get(id)?.slots[slot as usize].as_ref()
    }

    pub fn set_slot(&mut self, id: FrameId, slot: u32, value: Value) {
        let frame = &mut self.frames[id.index as usize];
        if frame.generation == id.generation {
            frame.slots[slot as usize] = Some(value);
        }
    }

    pub fn caller(&self, id: FrameId) -> Option<(FrameId, u32)> {
        self.get(id)?.caller
    }

    /// Whether there is no room for another call.
    pub fn is_full(&self) -> bool {
        self.frames.len() - self.free.len() > MAX_FRAMES
    }

    /// A frame for a call; `None` when there are too many.
    pub fn begin(&mut self, index: u32, body: &Body, caller: (FrameId, u32)) -> Option<FrameId> {
        if self.is_full() {
            return None;
        }
        if let Some(place) = self.free.pop() {
            let frame = &mut self.frames[place as usize];
            frame.is_alive = true;
            frame.body = index;
            frame.slots.clear();
            frame.slots.extend_from_slice(&body.initial);
            frame.caller = Some(caller);
            return Some(FrameId { index: place, generation: frame.generation });
        }
        let slots = body.initial.clone();
        self.frames.push(Frame { generation: 0, is_alive: true, body: index, slots, caller: Some(caller) });
        Some(FrameId { index: (self.frames.len() - 1) as u32, generation: 0 })
    }

    /// Ends a call: who made it. `None` for the graph's own frame and for one that has ended before.
    pub fn end(&mut self, id: FrameId) -> Option<(FrameId, u32)> {
        let caller = self.caller(id)?;
        let frame = &mut self.frames[id.index as usize];
        frame.is_alive = false;
        frame.generation = frame.generation.wrapping_add(1);
        frame.slots.clear();
        self.free.push(id.index);
        self.expecting.retain(|_, (waiting, _)| *waiting != id);
        Some(caller)
    }

    /// Ends the calls for which nothing is under way any more: no answer, and nothing of `others`.
    pub fn sweep(&mut self, others: impl Iterator<Item = FrameId>) {
        if self.frames.len() - self.free.len() <= 1 {
            return;
        }
        let mut used: HashSet<FrameId> = others.collect();
        used.extend(self.expecting.values().map(|(frame, _)| *frame));
        // Those whose caller is waited for by another are in use, too.
        let mut more: Vec<FrameId> = used.iter().copied().collect();
        while let Some(id) = more.pop() {
            if let Some((caller, _)) = self.caller(id)
                && used.insert(caller)
            {
                more.push(caller);
            }
        }
        for index in 1..self.frames.len() {
            let frame = &self.frames[index];
            let id = FrameId { index: index as u32, generation: frame.generation };
            if frame.is_alive && !used.contains(&id) {
                self.end(id);
            }
        }
    }

    /// Notes that a node waits for an answer; false when too many do.
    pub fn expect(&mut self, answer: u64, frame: FrameId, node: u32) -> bool {
        if self.expecting.len() >= MAX_EXPECTED {
            return false;
        }
        self.expecting.insert(answer, (frame, node));
        true
    }

    /// Who waits for an answer; nobody does afterwards.
    pub fn answered(&mut self, answer: u64) -> Option<(FrameId, u32)> {
        let (frame, node) = self.expecting.remove(&answer)?;
        self.is_alive(frame).then_some((frame, node))
    }

    /// Whether this is the first time that an output of a body is missed.
    pub fn warn_once(&mut self, frame: FrameId, slot: u32) -> bool {
        let body = self.body(frame).unwrap_or(0);
        self.warned.insert((body, slot))
    }

    /// Takes the bodies of another graph, by their position in the old one; `None` for those that are gone. Calls of these end,
    /// and so does a call that `goes_on` (function, body and node of the call) does not want.
    pub fn replace(&mut self, bodies: &[Option<MovedBody<'_>>], goes_on: impl Fn(u32, u32, u32) -> bool) {
        self.warned.clear();
        let mut ended = Vec::new();
        for (index, frame) in self.frames.iter_mut().enumerate().filter(|(_, frame)| frame.is_alive) {
            match &bodies[frame.body as usize] {
                Some(moved) => frame.slots = moved.slots(&frame.slots),
                None => ended.push(index),
            }
        }
        // The place of each call, which is in a body of the old graph as yet.
        let old_bodies: Vec<u32> = self.frames.iter().map(|frame| frame.body).collect();
        for index in 1..self.frames.len() {
            let frame = &mut self.frames[index];
            let Some((caller, call)) = frame.caller.filter(|_| frame.is_alive) else { continue };
            let (function, calling) =
                (&bodies[frame.body as usize], &bodies[old_bodies[caller.index as usize] as usize]);
            let moved = function.as_ref().zip(calling.as_ref()).and_then(|(function, calling)| {
                let call = calling.node(call)?;
                goes_on(function.body, calling.body, call).then_some(call)
            });
            match moved {
                Some(call) => frame.caller = Some((caller, call)),
                None => ended.push(index),
            }
        }
        for frame in &mut self.frames {
            if let Some(moved) = &bodies[frame.body as usize] {
                frame.body = moved.body;
            }
        }
        // Who is called by an ended one has nowhere to go back to.
        while let Some(index) = ended.pop() {
            let id = FrameId { index: index as u32, generation: self.frames[index].generation };
            if self.end(id).is_some() {
                let called = |frame: &Frame| frame.is_alive && frame.caller.is_some_and(|(caller, _)| caller == id);
                ended.extend(self.frames.iter().enumerate().filter(|(_, frame)| called(frame)).map(|(index, _)| index));
            }
        }
    }

    /// Gives who waits for answers the new position of its node; those whose node or frame is gone are forgotten.
    pub fn move_expecting(&mut self, moved: impl Fn(FrameId, u32) -> Option<u32>) {
        self.expecting = std::mem::take(&mut self.expecting)
            .into_iter()
            .filter_map(|(answer, (frame, node))| Some((answer, (frame, moved(frame, node)?))))
            .collect();
    }
}
