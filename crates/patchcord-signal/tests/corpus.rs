//! The fuzz targets on stable: a committed corpus, and mutations of it that a seed decides, so that every run is the same.

use std::path::Path;

use patchcord_signal::fuzz;

/// Mutations of each file.
const MUTATIONS: usize = 400;

#[test]
fn control() {
    replay("control", fuzz::control);
}

#[test]
fn string_array() {
    replay("string_array", fuzz::string_array);
}

#[test]
fn stream_log() {
    replay("stream_log", fuzz::stream_log);
}

fn replay(target: &str, run: fn(&[u8])) {
    let files = corpus(target);
    assert!(files.len() >= 10, "the corpus of {target} is missing");
    let mut random = Random(0x5eed);
    let check = |name: &str, data: &[u8]| {
        let outcome = std::panic::catch_unwind(|| run(data));
        assert!(outcome.is_ok(), "{target}/{name} fails on \"{}\"", data.escape_ascii());
    };
    for (name, data) in &files {
        check(name, data);
        for _ in 0..MUTATIONS {
            check(name, &random.mutate(data, &files));
        }
    }
}

/// The files of a target by name, in the same order everywhere.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(target);
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .expect("the corpus is part of the sources")
        .map(|entry| {
            let entry = entry.expect("the folder is readable");
            let data = std::fs::read(entry.path()).expect("the file is readable");
            (entry.file_name().to_string_lossy().into_owned(), data)
        })
        .collect();
    files.sort();
    files
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) % end as u64) as usize
    }

    /// One to four changes: a bit flipped, a byte set, a stretch removed or doubled, the end of another file put on.
    fn mutate(&mut self, data: &[u8], files: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut data = data.to_vec();
        for _ in 0..=self.below(4) {
            if data.is_empty() {
                break;
            }
            let at = self.below(data.len());
            let to = at + self.below((data.len() - at).min(32)) + 1;
            match self.below(5) {
                0 => data[at] ^= 1 << self.below(8),
                1 => data[at] = self.below(256) as u8,
                2 => drop(data.drain(at..to)),
                3 => {
                    let stretch = data[at..to].to_vec();
                    data.splice(at..at, stretch);
                }
                _ => {
                    let other = &files[self.below(files.len())].1;
                    data.truncate(at);
                    data.extend_from_slice(&other[self.below(other.len() + 1)..]);
                }
            }
        }
        data
    }
}
