//! What a graph asks for besides connections: the console, files, clocks, options, HTTP requests.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use patchcord_core::textport::LineKind;
use patchcord_logic::Value;
use patchcord_logic::ports::{
    Answer, ConnectionRequest, ConsoleLine, Level, Occurrence, PatchRequest, Payload, Ports, Question,
};

use super::{LogicComp, connections, patch_nodes};

/// The outside of one graph, while it runs.
pub(super) struct Outside<'a> {
    pub logic: &'a LogicComp,
}

impl LogicComp {
    /// Says a line of the console, in the shape that Incari's has.
    pub(super) fn say(&self, level: Level, node: &str, text: &str) {
        let kind = match level {
            // Not as a script's print: what a peer has sent may hold escapes, and the line names its graph.
            Level::Debug | Level::Info => LineKind::Status,
            Level::Warning => LineKind::Warning,
            Level::Error => LineKind::Error,
        };
        let path = self.network.patch().path(self.op);
        let time = jiff::Zoned::now().strftime("%Y.%m.%d %H:%M:%S%.3f").to_string();
        let from = if node.is_empty() { String::new() } else { format!("{node}: ") };
        self.network.textport().say(kind, path, format!("[Player] [{time}] {from}{text}"));
    }

    fn path(&self, path: &str) -> PathBuf {
        self.network.project().folder.join(path)
    }

    /// Answers a question with what a blocking job finds.
    fn answer_with(&self, answer: u64, job: impl FnOnce() -> Result<Option<String>, String> + Send + 'static) {
        let (me, beginning) = (self.me.clone(), self.beginnings.get());
        tokio::task::spawn_local(async move {
            let result = tokio::task::spawn_blocking(job).await;
            // In a graph that began anew the number means another question.
            let Some(logic) = me.upgrade().filter(|logic| logic.beginnings.get() == beginning) else { return };
            let result = match result {
                Ok(Ok(Some(text))) => Answer::Text(Rc::from(text)),
                Ok(Ok(None)) => Answer::Done,
                Ok(Err(reason)) => Answer::Failed(reason),
                Err(_) => Answer::Failed("the job was ended".to_owned()),
            };
            logic.happen(Occurrence::Answer { answer, result });
        });
    }
}

impl Ports for Outside<'_> {
    fn console(&mut self, line: ConsoleLine<'_>) {
        self.logic.say(line.level, line.node, line.text);
    }

    fn clear_console(&mut self) {
        // What is on somebody's terminal stays there; what the textport keeps of this graph goes.
        let path = self.logic.network.patch().path(self.logic.op);
        self.logic.network.textport().forget(&path);
    }

    fn connection(&mut self, node: &str, connection: usize, request: ConnectionRequest) -> Result<(), String> {
        connections::request(self.logic, node, connection, request)
    }

    fn ask(&mut self, answer: u64, question: Question) -> Result<(), String> {
        match question {
            Question::LoadFile { path } => {
                let file = self.logic.path(&path);
                self.logic.answer_with(answer, move || load(&file, &path_text(&file)).map(Some));
                Ok(())
            }
            Question::SaveFile { path, content, overwrite } => {
                let file = self.logic.path(&path);
                let bytes = match content {
                    Payload::Text(text) => text.as_bytes().to_vec(),
                    Payload::Binary(bytes) => bytes.to_vec(),
                };
                self.logic.answer_with(answer, move || save(&file, &bytes, overwrite).map(|()| None));
                Ok(())
            }
            Question::Http(request) => self.logic.requests.ask(self.logic, answer, request),
        }
    }

    fn patch(&mut self, request: PatchRequest<'_>) -> Result<Value, String> {
        patch_nodes::answer(&self.logic.network, self.logic.op, request)
    }

    fn command_line_option(&mut self, name: &str) -> Option<String> {
        self.logic.network.project().options.get(name).cloned()
    }

    fn unix_time(&mut self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn zone_offset(&mut self, unix_time: i64) -> i64 {
        let Ok(time) = jiff::Timestamp::from_millisecond(unix_time) else { return 0 };
        i64::from(jiff::tz::TimeZone::system().to_offset(time).seconds()) * 1000
    }

    fn entropy(&mut self) -> u64 {
        getrandom::u64().unwrap_or_default()
    }
}

fn path_text(path: &std::path::Path) -> String {
    path.display().to_string()
}

fn load(path: &std::path::Path, name: &str) -> Result<String, String> {
    let bytes = crate::dat_file::read(path, &Rc::from(name)).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| format!("{name} is no UTF-8 text"))
}

fn save(path: &std::path::Path, bytes: &[u8], overwrite: bool) -> Result<(), String> {
    if !overwrite && path.exists() {
        return Err(format!("{} is there already", path.display()));
    }
    crate::dat_file::write(path, &Rc::from(path_text(path)), bytes).map_err(|error| error.to_string())
}
