use std::time::Duration;

use patchcord_operators::recording::{Content, Player, Recorded, ReplayError, Turn, open, play};
use tokio::sync::watch;

use crate::corpus;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn label(recorded: Recorded) -> String {
    match recorded.entry.content {
        Content::Text(text) => text.into_owned(),
        content => patchcord_operators::recording::format::kind(&content).to_owned(),
    }
}

/// What is handed out at a time, and what comes next.
fn turn(player: &mut Player, now: Duration) -> (Vec<String>, Turn) {
    let mut played = Vec::new();
    let turn = player.play_due(now, &mut |recorded| played.push(label(recorded))).unwrap();
    (played, turn)
}

#[test]
fn entries_come_at_their_times_and_what_was_sent_does_not_come() {
    let mut player = Player::open(&corpus("conversation.jsonl"), 1.0).unwrap();
    assert_eq!(turn(&mut player, Duration::ZERO), (vec![], Turn::Next(Duration::from_micros(100))));
    let (played, next) = turn(&mut player, millis(300));
    assert_eq!((played.len(), next), (2, Turn::Next(millis(500))));
    assert_eq!(turn(&mut player, millis(650)), (vec!["binary".into(), "ping".into()], Turn::Next(millis(700))));
    assert_eq!(turn(&mut player, millis(850)).0, ["lost", "request"]);
    assert_eq!(turn(&mut player, millis(5000)), (vec!["".into(), "close".into(), "failed".into()], Turn::End));
    assert_eq!((player.played().entries, player.played().lost), (8, 3));
}

#[test]
fn the_speed_can_change_on_the_way() {
    let mut player = Player::open(&corpus("out_of_order.jsonl"), 2.0).unwrap();
    assert_eq!(turn(&mut player, millis(0)).1, Turn::Next(millis(150)));
    // At 100 ms it stands at 200 ms; the rest goes at half the speed.
    player.set_speed(0.5, millis(100));
    assert_eq!(turn(&mut player, millis(100)).1, Turn::Next(millis(300)));
    assert_eq!(
        turn(&mut player, millis(300)),
        (vec!["first".into(), "second".into(), "third".into()], Turn::Next(millis(700)))
    );
    player.set_speed(0.0, millis(301));
    assert_eq!(turn(&mut player, millis(301)), (vec!["fourth".into()], Turn::End));
}

#[test]
fn times_that_go_back_are_played_at_once_and_in_the_order_of_the_file() {
    let mut player = Player::open(&corpus("out_of_order.jsonl"), 1.0).unwrap();
    assert_eq!(turn(&mut player, millis(299)).0, [""; 0]);
    assert_eq!(
        turn(&mut player, millis(300)),
        (vec!["first".into(), "second".into(), "third".into()], Turn::Next(millis(500)))
    );
}

#[test]
fn what_is_no_speed_does_not_wait() {
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut player = Player::open(&corpus("out_of_order.jsonl"), speed).unwrap();
        assert_eq!(turn(&mut player, Duration::ZERO).0.len(), 4, "{speed}");
    }
}

#[test]
fn a_turn_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.jsonl");
    let line = "{\"at\":0,\"dir\":\"in\",\"kind\":\"ping\",\"data\":\"\"}\n";
    std::fs::write(&path, format!("{{\"patchcord_recording\":1}}\n{}", line.repeat(200))).unwrap();
    let mut player = Player::open(&path, 1.0).unwrap();
    let mut turns = Vec::new();
    loop {
        let (played, next) = turn(&mut player, Duration::ZERO);
        turns.push(played.len());
        if next == Turn::End {
            break;
        }
        assert_eq!(next, Turn::Next(Duration::ZERO));
    }
    assert_eq!(turns, [64, 64, 64, 8]);
}

#[test]
fn on_the_clock_it_takes_as_long_as_the_speed_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let played = runtime.block_on(async {
        let (speed, speeds) = watch::channel(4.0);
        let player = open(corpus("conversation.jsonl"), "webserverDAT", 4.0).await.unwrap();
        let started = std::time::Instant::now();
        let mut played = Vec::new();
        let sum = play(player, speeds, |recorded| played.push((started.elapsed(), recorded.at))).await.unwrap();
        drop(speed);
        // A gap is told, and is no entry.
        assert_eq!(sum.entries, played.len() as u64 - 1);
        played
    });
    for (elapsed, at) in played {
        assert!(elapsed >= at / 4, "{at:?} came after {elapsed:?}");
    }
}

#[test]
fn a_change_of_speed_wakes_one_that_waits() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (speed, speeds) = watch::channel(0.000_001);
        let player = open(corpus("conversation.jsonl"), "webserverDAT", 0.000_001).await.unwrap();
        let faster = async {
            tokio::time::sleep(millis(20)).await;
            speed.send_replace(0.0);
            std::future::pending::<()>().await;
        };
        let playing = play(player, speeds, |_| {});
        let both = async {
            tokio::select! {
                sum = playing => sum.unwrap().entries,
                () = faster => 0,
            }
        };
        assert_eq!(tokio::time::timeout(Duration::from_secs(10), both).await, Ok(8));
    });
}

#[test]
fn a_wrong_line_ends_it_after_what_is_good() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let player = open(corpus("wrong_json.jsonl"), "webserverDAT", 0.0).await.unwrap();
        let mut played = Vec::new();
        let (_speed, speeds) = watch::channel(0.0);
        let error = play(player, speeds, |recorded| played.push(label(recorded))).await.unwrap_err();
        assert!(matches!(error, ReplayError::Line { line: 3, .. }), "{error}");
        assert_eq!(played, ["before"]);
    });
}

#[test]
fn another_types_recording_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(open(corpus("conversation.jsonl"), "websocketDAT", 1.0)).unwrap_err();
    let said = error.to_string();
    assert!(said.ends_with("is a recording of a webserverDAT, and this is a websocketDAT"), "{said}");
    assert!(error.remedy().contains("type that recorded it"));
}
