//! Laws that hold however the two sides of a ring or a cell take turns, and whatever clients of a stream do.

use std::collections::VecDeque;

use patchcord_signal::{
    Count, Counters, Dry, FloatSize, Kind, Layout, OutgoingReader, Played, PlayoutSettings, fuzz, latest, latest_text,
    outgoing, outgoing_text, playout,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn layout(kind: Kind, block: usize, members: usize) -> Layout {
    Layout::new(kind, FloatSize::F32, block, &[members]).expect("a layout")
}

/// A value that shows when it is torn: all its bytes follow from its number.
fn value(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (number * 31 + at * 7) as u8).collect()
}

fn pop(reader: &mut OutgoingReader) -> Option<Vec<u8>> {
    let mut out = vec![0xee];
    let length = reader.pop(&mut out)?;
    assert_eq!(out.len(), 1 + length, "it is appended");
    Some(out.split_off(1))
}

proptest! {
    #[test]
    fn a_ring_is_a_queue_that_refuses_when_it_is_full(
        capacity in 1usize..8, members in 1usize..6, turns in vec(any::<bool>(), 0..200),
    ) {
        let counters = Counters::new();
        let layout = layout(Kind::Control, 1, members);
        let length = 4 * members;
        let (mut writer, mut reader) = outgoing(&layout, capacity, &counters);
        reader.set_listeners(1);
        let (mut model, mut dropped) = (VecDeque::new(), 0);
        for (number, publish) in turns.into_iter().enumerate() {
            if publish {
                let fits = model.len() < capacity;
                prop_assert_eq!(writer.publish(&value(number, length)), fits);
                if fits { model.push_back(value(number, length)) } else { dropped += 1 }
            } else {
                prop_assert_eq!(pop(&mut reader), model.pop_front());
            }
            prop_assert_eq!(reader.is_empty(), model.is_empty());
        }
        prop_assert_eq!(counters.read(Count::Dropped), dropped);
    }

    #[test]
    fn a_ring_of_texts_keeps_them_whole(
        limit in 1usize..40, turns in vec(prop_oneof![Just(None), (0usize..40).prop_map(Some)], 0..200),
    ) {
        let (mut writer, mut reader) = outgoing_text(limit, &Counters::new());
        let mut model = VecDeque::new();
        for (number, publish) in turns.into_iter().enumerate() {
            if let Some(length) = publish {
                let text = value(number, length);
                let bytes: usize = model.iter().map(|text: &Vec<u8>| text.len() + 4).sum();
                let fits = bytes + length + 4 <= 2 * (limit + 4);
                prop_assert_eq!(writer.publish(&text), fits);
                if fits { model.push_back(text) }
            } else {
                prop_assert_eq!(pop(&mut reader), model.pop_front());
            }
        }
    }

    #[test]
    fn a_cell_gives_the_last_value_whole_and_once(members in 1usize..6, turns in vec(any::<bool>(), 0..200)) {
        let (mut writer, mut reader) = latest(&layout(Kind::Control, 1, members));
        let length = 4 * members;
        let mut model = None;
        for (number, store) in turns.into_iter().enumerate() {
            if store {
                prop_assert!(writer.store(&value(number, length)));
                model = Some(value(number, length));
            } else {
                let mut out = vec![0xee; length + 3];
                let taken = reader.take(&mut out);
                let expected = model.take().unwrap_or_else(|| vec![0xee; length]);
                prop_assert_eq!(taken, expected != vec![0xee; length]);
                prop_assert_eq!(&out[..length], &expected[..]);
                prop_assert_eq!(&out[length..], &[0xee; 3][..]);
            }
        }
    }

    #[test]
    fn a_cell_of_text_gives_the_last_one_whole(
        limit in 0usize..40, turns in vec(prop_oneof![Just(None), (0usize..45).prop_map(Some)], 0..200),
    ) {
        let (mut writer, mut reader) = latest_text(limit);
        let mut model = None;
        for (number, store) in turns.into_iter().enumerate() {
            if let Some(length) = store {
                prop_assert_eq!(writer.store(&value(number, length)), length <= limit);
                if length <= limit {
                    model = Some(value(number, length));
                }
            } else {
                let mut out = vec![0; limit];
                let taken = reader.take(&mut out).map(|length| out[..length].to_vec());
                prop_assert_eq!(taken, model.take());
            }
        }
    }

    #[test]
    fn a_jitter_buffer_plays_in_order_and_accounts_for_every_block(
        target in 1usize..6, above in 1usize..6, turns in vec(0u8..6, 0..300),
    ) {
        let counters = Counters::new();
        let settings = PlayoutSettings { target, limit: target + above, dry: Dry::Silence };
        let (mut writer, mut reader) = playout(&layout(Kind::Audio, 2, 2), settings, &counters);
        let (mut pushed, mut played, mut last, mut dry) = (0u64, 0u64, 0u32, 0u64);
        let (mut was_playing, mut ran_dry) = (false, 0u64);
        for blocks in turns {
            for _ in 0..blocks / 2 {
                pushed += 1;
                writer.push(&[(pushed as u32).to_le_bytes(); 4].concat());
            }
            let mut out = [0xee; 16];
            match reader.next_block(&mut out) {
                Played::Block => {
                    let [a, b, c, d, ..] = out;
                    let number = u32::from_le_bytes([a, b, c, d]);
                    prop_assert!(number > last, "in order");
                    prop_assert_eq!(out.to_vec(), [number.to_le_bytes(); 4].concat(), "whole");
                    (last, played, was_playing) = (number, played + 1, true);
                }
                Played::Dry => {
                    prop_assert_eq!(out, [0; 16]);
                    dry += 1;
                    ran_dry += u64::from(was_playing);
                    was_playing = false;
                }
            }
            let (buffered, dropped) = (reader.buffered(), counters.read(Count::Dropped));
            prop_assert_eq!(buffered, writer.buffered());
            prop_assert!(buffered <= settings.limit as u64);
            prop_assert_eq!(pushed, played + buffered + dropped);
            prop_assert_eq!(counters.read(Count::Late), ran_dry);
        }
        prop_assert!(dry >= ran_dry);
    }

    #[test]
    fn clients_of_a_stream_get_whole_frames_in_order_and_every_loss_is_counted(steps in vec(any::<u8>(), 0..400)) {
        fuzz::stream_log(&steps);
    }
}
