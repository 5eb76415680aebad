//! Parameters of every operator that records.

use patchcord_core::declaration::Parameter;

/// The file to record to.
pub(crate) const RECORD: Parameter = Parameter::file("record", "Record").beyond().help(
    "File to record the traffic to, from now on; empty records nothing. A file that is there is kept, and the next free \
     name is taken: show-2.jsonl after show.jsonl. It stops at 1 GiB. A change loses no connection.",
);

/// How fast a recording is played.
pub(crate) const REPLAY_SPEED: Parameter = Parameter::float("replayspeed", "Replay Speed", 1.0, 0.0, 1000.0)
    .beyond()
    .help("How fast: 1 is the original speed, 2 twice as fast; 0 does not wait at all. Holds at once.");
