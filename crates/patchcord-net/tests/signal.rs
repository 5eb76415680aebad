//! Signals without a patch: a host and clients of this crate, and the host against a client of another WebSocket implementation.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use patchcord_net::client::{Address, ConnectionSettings, DialError, DialSettings};
use patchcord_net::listen::listen;
use patchcord_net::signal::{
    ChannelValue, ClientFacts, ClientHandler, Direction, FloatSize, Handler, HostSettings, Kind, Layout, Level,
    MessageError, SignalClient, SignalHost, Unfit, Value, Variable,
};
use patchcord_net::websocket::{CloseCode, Ending};
use tokio::task::LocalSet;

/// What was heard, as lines.
#[derive(Default)]
struct Heard(RefCell<Vec<String>>);

impl Heard {
    fn say(&self, line: String) {
        self.0.borrow_mut().push(line);
    }

    fn has(&self, line: &str) -> bool {
        self.0.borrow().iter().any(|known| known == line)
    }

    async fn until(&self, line: &str) {
        until(line, || self.has(line)).await;
    }
}

fn said(value: Value<'_>) -> String {
    match value {
        Value::Numbers(numbers) => format!("{numbers:?}"),
        Value::Text(text) => text.to_owned(),
        Value::Texts(texts) => texts.join("+"),
    }
}

impl Handler for Heard {
    fn handle_open(&self, client: &ClientFacts) {
        self.say(format!("open {:?}", client.signal));
    }

    fn handle_value(&self, _: &ClientFacts, signal: &Variable, value: Value<'_>) {
        self.say(format!("{} {}", signal.name, said(value)));
    }

    fn handle_wrong(&self, _: &ClientFacts, signal: &Variable, wrong: &MessageError) {
        self.say(format!("{}: {wrong}", signal.name));
    }

    fn handle_close(&self, client: &ClientFacts, _: &Ending) {
        self.say(format!("close {:?}", client.signal));
    }

    fn handle_channel(&self, _: &ClientFacts, name: &str, value: &ChannelValue) {
        self.say(format!("channel {name} {value:?}"));
    }

    fn handle_event(&self, _: &ClientFacts, event: &str) {
        self.say(format!("event {event}"));
    }
}

impl ClientHandler for Heard {
    fn handle_open(&self, variable: &Variable) {
        self.say(format!("open {}", variable.name));
    }

    fn handle_value(&self, variable: &Variable, value: Value<'_>) {
        self.say(format!("{} {}", variable.name, said(value)));
    }

    fn handle_wrong(&self, variable: &Variable, wrong: &MessageError) {
        self.say(format!("{}: {wrong}", variable.name));
    }

    fn handle_close(&self, variable: &Variable, ending: &Ending) {
        self.say(format!("close {} {}", variable.name, ending.code.as_u16()));
    }

    fn handle_failure(&self, variable: &Variable, error: &DialError) {
        self.say(format!("{}: {error}", variable.name));
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(8);
    while !condition() {
        assert!(Instant::now() < end, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

fn variable(name: &str, kind: Kind, block: usize, dims: &[usize], direction: Direction) -> Variable {
    let layout = Layout::new(kind, FloatSize::F64, block, dims).unwrap();
    Variable { name: name.to_owned(), layout, direction }
}

fn host(heard: &Rc<Heard>, settings: HostSettings) -> (SignalHost<Heard>, SocketAddr) {
    let host = SignalHost::new(heard.clone(), settings);
    let address = host.listen(listen(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).unwrap()).unwrap();
    (host, address)
}

fn client(heard: &Rc<Heard>, address: SocketAddr, variable: Variable) -> SignalClient<Heard> {
    let address = Address::parse(&address.to_string(), 0).unwrap();
    SignalClient::connect(
        heard.clone(),
        variable,
        address,
        DialSettings::default(),
        ConnectionSettings::default(),
        1000,
    )
}

#[test]
fn a_host_and_a_client_exchange_values_of_every_kind() {
    run(async {
        let (there, here) = (Rc::new(Heard::default()), Rc::new(Heard::default()));
        let (host, address) = host(&there, HostSettings::default());
        let signals = [
            variable("kout", Kind::Control, 1, &[], Direction::Outgoing),
            variable("aout", Kind::Audio, 4, &[2], Direction::Outgoing),
            variable("Sout", Kind::Text, 1, &[2], Direction::Outgoing),
            variable("iin", Kind::Init, 1, &[3], Direction::Incoming),
            variable("Sin", Kind::Text, 1, &[], Direction::Incoming),
        ];
        assert_eq!(host.set_signals(&signals), []);
        host.publish("kout", Value::Numbers(&[1.5])).unwrap();
        assert!(!host.has_listeners("kout"));
        let clients: Vec<_> = signals.iter().map(|signal| client(&here, address, signal.clone())).collect();
        for signal in &signals {
            here.until(&format!("open {}", signal.name)).await;
        }
        // Values that were published before come at once, and those of a-rate signals when they are there.
        here.until("kout [1.5]").await;
        until("listeners", || host.has_listeners("aout") && host.has_listeners("Sout")).await;
        let block: Vec<f64> = (0..8).map(f64::from).collect();
        host.publish("aout", Value::Numbers(&block)).unwrap();
        host.publish("Sout", Value::Texts(&["a".to_owned(), "b\"".to_owned()])).unwrap();
        here.until("aout [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]").await;
        here.until("Sout a+b\"").await;
        assert_eq!(host.publish("kout", Value::Numbers(&block)), Err(Unfit::Count { expected: 1, got: 8 }));
        assert_eq!(clients[3].send(Value::Numbers(&[1.0, 2.0, 3.0])), Ok(true));
        assert_eq!(clients[4].send(Value::Text("grüße")), Ok(true));
        assert_eq!(clients[4].send(Value::Numbers(&[1.0])), Err(Unfit::Kind));
        there.until("iin [1.0, 2.0, 3.0]").await;
        there.until("Sin grüße").await;
        let figures = host.figures();
        assert_eq!((figures.clients, figures.received, figures.sent), (5, 2, 3));
        // Another layout of one signal is the end of its clients alone.
        let mut others = signals.to_vec();
        others[0] = variable("kout", Kind::Control, 1, &[2], Direction::Outgoing);
        assert_eq!(host.set_signals(&others), []);
        here.until("close kout 1001").await;
        assert!(clients[1..].iter().all(SignalClient::is_open));
        host.close_all(CloseCode::GOING_AWAY, "done");
        here.until("close Sin 1001").await;
        assert_eq!(clients[4].send(Value::Text("late")), Ok(false));
    });
}

#[test]
fn what_does_not_fit_is_told_on_both_ends() {
    run(async {
        let (there, here) = (Rc::new(Heard::default()), Rc::new(Heard::default()));
        let (host, address) = host(&there, HostSettings { clients: 2, ..HostSettings::default() });
        let outgoing = variable("aout", Kind::Audio, 64, &[], Direction::Outgoing);
        let incoming = variable("karr", Kind::Control, 1, &[4], Direction::Incoming);
        host.set_signals(&[outgoing.clone(), incoming]);
        let other = variable("aout", Kind::Audio, 32, &[], Direction::Outgoing);
        let audio = client(&here, address, other);
        let array = client(&here, address, variable("karr", Kind::Control, 1, &[2], Direction::Incoming));
        here.until("open aout").await;
        here.until("open karr").await;
        until("listeners", || host.has_listeners("aout")).await;
        host.publish("aout", Value::Numbers(&[1.0; 64])).unwrap();
        here.until("aout: it has 512 bytes, a value has 256").await;
        // With the right layout the same connection goes on.
        audio.set_variable(outgoing, 1000);
        host.publish("aout", Value::Numbers(&[2.0; 64])).unwrap();
        until("a value", || audio.figures().received == 1).await;
        assert_eq!(array.send(Value::Numbers(&[1.0, 2.0])), Ok(true));
        there.until("karr: it has 16 bytes, a value has 32").await;
        let third = client(&here, address, variable("karr", Kind::Control, 1, &[4], Direction::Incoming));
        until("an answer", || third.is_ended()).await;
        let unknown = client(&here, address, variable("nobody", Kind::Control, 1, &[], Direction::Incoming));
        until("an answer", || unknown.is_ended()).await;
        let heard = here.0.borrow();
        assert!(heard.iter().any(|line| line.starts_with("karr: the server answered 503")), "{heard:?}");
    });
}

#[test]
fn csound_v1_is_spoken_with_another_implementation() {
    run(async {
        let heard = Rc::new(Heard::default());
        let (host, address) = host(&heard, HostSettings { control: Level::Events, ..HostSettings::default() });
        let kfreq = variable("kfreq", Kind::Control, 1, &[], Direction::Incoming);
        host.set_signals(&[kfreq.clone(), variable("kout", Kind::Control, 1, &[], Direction::Outgoing)]);
        host.publish("kout", Value::Numbers(&[0.25])).unwrap();
        let peer = tokio::task::spawn_blocking(move || {
            let stream = std::net::TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
            let mut request =
                tungstenite::client::IntoClientRequest::into_client_request(format!("ws://{address}/")).unwrap();
            request.headers_mut().insert("sec-websocket-protocol", "csound.v1".parse().unwrap());
            let (mut socket, _) = tungstenite::client(request, stream).unwrap();
            let mut read = || socket.read().unwrap().into_text().unwrap().to_string();
            let hello = read();
            assert!(hello.contains(r#""name":"kfreq""#) && hello.contains(r#""sr":48000"#), "{hello}");
            for request in [r#"{"set":{"kfreq":440,"other":"x"}}"#, r#"{"event":"i 1 0 1"}"#, r#"{"get":["kout"]}"#] {
                socket.send(request.into()).unwrap();
            }
            let mut read = || socket.read().unwrap().into_text().unwrap().to_string();
            assert_eq!(read(), r#"{"values":{"kout":0.25}}"#);
            socket.send(r#"{"subscribe":["kout"],"rate":1000}"#.into()).unwrap();
            let mut read = || socket.read().unwrap().into_text().unwrap().to_string();
            [read(), read()]
        });
        heard.until("kfreq [440.0]").await;
        heard.until(r#"channel other Text("x")"#).await;
        heard.until("event i 1 0 1").await;
        until("a listener", || host.has_listeners("kout") && host.is_listened_to()).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        host.publish("kout", Value::Numbers(&[0.5])).unwrap();
        let values = peer.await.unwrap();
        assert_eq!(values, [r#"{"values":{"kout":0.25}}"#, r#"{"values":{"kout":0.5}}"#]);
        heard.until("close None").await;
        assert!(!host.is_listened_to());
    });
}
