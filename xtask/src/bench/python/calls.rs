//! What calls cost: a patch whose script and whose program measure themselves, from within.
//!
//! What a script does (`op('x')`) it measures itself, in a loop with a clock around it, less the time of an empty loop. What
//! the program does when a message comes, `measure.rs` of the crate `patchcord` does: it calls the same handlers with
//! the same values as an operator would, when the script's turn is over.

use std::collections::BTreeMap;
use std::fs;

use super::{Bench, share};

/// Operators of the network in which is looked for one, besides those that are needed.
const SIBLINGS: usize = 190;

/// One row of the table.
pub struct Row {
    /// What is measured.
    pub title: &'static str,
    /// What it cost in the prototype, in nanoseconds: with the Python of this system, on a quiet machine.
    pub figure: f64,
    /// The step whose time it is.
    pub step: &'static str,
    /// The step whose time is taken off.
    pub less: Option<&'static str>,
}

/// Name of the step that says how fast Python is at the moment.
pub const YARDSTICK: &str = "call";

/// The rows, in the order of the report.
pub static ROWS: [Row; 11] = [
    Row { title: "empty call of a cached function", figure: 13.0, step: YARDSTICK, less: None },
    Row {
        title: "`onReceiveText(handle, int, str of 32 B)`, cached function",
        figure: 25.0,
        step: "arguments",
        less: None,
    },
    Row {
        title: "the same as the program calls it: function looked up, guarded",
        figure: 33.0,
        step: "told",
        less: None,
    },
    Row { title: "1 KiB message instead of 32 B: more by", figure: 48.0, step: "told-1k", less: Some("told") },
    Row {
        title: "attach and detach for each message instead of once: more by",
        figure: 28.0,
        step: "turns",
        less: Some("told"),
    },
    Row { title: "callback that does `op('rows').appendRow([message])`", figure: 140.0, step: "append", less: None },
    Row { title: "request dictionary with 10 keys", figure: 170.0, step: "request", less: None },
    Row { title: "reading a response dictionary with 4 keys", figure: 82.0, step: "response", less: None },
    Row {
        title: "request and response made, `onHTTPRequest`, response read",
        figure: 350.0,
        step: "answer",
        less: None,
    },
    Row { title: "`op('x')` among 200 operators", figure: 35.0, step: "op", less: Some("loop") },
    Row { title: "`op('x').par.y`", figure: 79.0, step: "par", less: Some("loop") },
];

/// The steps of one run of the program.
pub struct Sample {
    /// Least time of each step in nanoseconds.
    pub steps: BTreeMap<String, f64>,
    /// Share (0 to 1) of its time for which the program was ready to run and had no core.
    pub waited: f64,
}

impl Sample {
    /// Time of a row in nanoseconds.
    pub fn of(&self, row: &Row) -> Option<f64> {
        let less = row.less.map_or(Some(&0.0), |less| self.steps.get(less))?;
        Some(self.steps.get(row.step)? - less)
    }
}

/// Runs the patch until it has measured itself.
pub fn measure(bench: &Bench) -> Result<Sample, String> {
    let folder = bench.folder("calls")?;
    fs::write(folder.join("patch.toml"), patch()).map_err(|error| error.to_string())?;
    fs::write(folder.join("measure.py"), include_str!("measure.py")).map_err(|error| error.to_string())?;
    let mut running = bench.start(&folder)?;
    let result = folder.join("result");
    let elapsed = running.wait_for(&result)?;
    let waited = share(running.cpu()?.waited, elapsed);
    let text = fs::read_to_string(&result).map_err(|error| error.to_string())?;
    let steps: BTreeMap<String, f64> = text.lines().filter_map(parse).collect();
    let sample = Sample { steps, waited };
    match ROWS.iter().find(|row| sample.of(row).is_none()) {
        Some(row) => Err(format!("no time of {} ({})", row.step, running.log.display())),
        None => Ok(sample),
    }
}

fn parse(line: &str) -> Option<(String, f64)> {
    let (name, nanoseconds) = line.split_once(' ')?;
    Some((name.to_owned(), nanoseconds.parse().ok()?))
}

/// The patch file: operators that do not run, with callbacks that the steps call.
fn patch() -> String {
    let mut text = "[patch]\nformat = 1\nname = \"calls\"\ncallback_warning_ms = 0\ncallback_limit_s = 0\n\n\
                    [op.measure]\ntype = \"executeDAT\"\npar.start = true\nfile = \"measure.py\"\n\n\
                    [op.rows]\ntype = \"tableDAT\"\nrows = []\n\n"
        .to_owned();
    let callbacks = [
        ("quiet", "websocketDAT", "def onReceiveText(dat, rowIndex, message):\n    pass\n"),
        ("empty", "websocketDAT", "def onReceiveText():\n    pass\n"),
        (
            "appending",
            "websocketDAT",
            "def onReceiveText(dat, rowIndex, message):\n    op('rows').appendRow([message])\n",
        ),
        (
            "web",
            "webserverDAT",
            "def onHTTPRequest(webServerDAT, request, response):\n    response['statusCode'] = 200\n    \
             response['statusReason'] = 'OK'\n    response['data'] = 'hello'\n    \
             response['Content-Type'] = 'text/plain'\n    return response\n",
        ),
    ];
    for (name, kind, script) in callbacks {
        text += &format!(
            "[op.{name}]\ntype = \"{kind}\"\npar.active = false\npar.callbacks = \"{name}_callbacks\"\n\n\
             [op.{name}_callbacks]\ntype = \"textDAT\"\ntext = '''\n{script}'''\n\n"
        );
    }
    for number in 0..SIBLINGS {
        text += &format!("[op.table{number}]\ntype = \"tableDAT\"\n\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_step_of_the_script() {
        let script = include_str!("measure.py");
        for name in ROWS.iter().flat_map(|row| [Some(row.step), row.less]).flatten() {
            assert!(script.contains(&format!("'{name}': ")), "{name}");
        }
    }

    #[test]
    fn what_is_taken_off_a_row_is_taken_off() {
        let steps = ["par 150.5", "loop 10.5", "nonsense"].into_iter().filter_map(parse).collect();
        let sample = Sample { steps, waited: 0.0 };
        let par = ROWS.iter().find(|row| row.step == "par").expect("a row");
        assert_eq!(sample.of(par), Some(140.0));
        assert_eq!(sample.of(&ROWS[0]), None);
    }
}
