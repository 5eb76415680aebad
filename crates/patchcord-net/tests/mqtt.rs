//! A client of MQTT and a broker that misbehaves.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use patchcord_net::client::DialSettings;
use patchcord_net::mqtt::{Accepted, BrokerAddress, Handler, Limits, Login, MqttClient, MqttError, MqttVersion, Qos};

#[derive(Default)]
struct Counts {
    is_open: Cell<bool>,
    messages: Cell<u64>,
}

impl Handler for Counts {
    fn handle_open(&self, _: &Accepted) {
        self.is_open.set(true);
    }

    fn handle_message(&self, _: &str, _: &[u8], _: bool) {
        self.messages.set(self.messages.get() + 1);
    }

    fn handle_granted(&self, _: &str, _: Result<Qos, &str>) {}

    fn handle_refused(&self, _: &str) {}

    fn handle_end(&self, _: Option<&MqttError>, _: usize) {}
}

/// A broker that sends without a pause. The flag is set when it has read this text.
fn flooding(listener: TcpListener, wanted: &'static [u8], has_read: Arc<AtomicBool>) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut buffer = [0; 4096];
    // The log-in comes in one piece, and then anything.
    assert!(stream.read(&mut buffer).unwrap() > 0);
    stream.write_all(&[0x20, 2, 0, 0]).unwrap();
    let mut reader = stream.try_clone().unwrap();
    std::thread::spawn(move || {
        let mut all = Vec::new();
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            all.extend_from_slice(&buffer[..count]);
            if all.windows(wanted.len()).any(|part| part == wanted) {
                has_read.store(true, Relaxed);
            }
        }
    });
    let message = [0x30, 5, 0, 1, b'a', b'x', b'y'].repeat(10_000);
    while stream.write_all(&message).is_ok() {}
}

#[tokio::test]
async fn what_is_published_gets_to_a_broker_that_sends_without_a_pause() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let has_read = Arc::new(AtomicBool::new(false));
    let seen = has_read.clone();
    std::thread::spawn(move || flooding(listener, b"here I am", seen));
    let local = tokio::task::LocalSet::new();
    let work = async {
        let counts = Rc::new(Counts::default());
        let broker = BrokerAddress::parse("127.0.0.1", port, false).unwrap();
        let login = Login { version: MqttVersion::V3_1_1, client_id: "me".to_owned(), ..Login::default() };
        let client = MqttClient::connect(counts.clone(), broker, DialSettings::default(), login, Limits::default());
        // In the middle of the flood.
        while counts.messages.get() < 50_000 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        client.publish("t", b"here I am", Qos::AtMostOnce, false).unwrap();
        while !has_read.load(Relaxed) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(counts.is_open.get());
    };
    tokio::time::timeout(Duration::from_secs(20), local.run_until(work)).await.expect("the broker got nothing");
}
