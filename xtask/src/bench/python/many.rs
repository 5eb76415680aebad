//! Ten thousand operators: how long they take to load, and what they cost while nothing happens.
//!
//! The operators stand in components of ten, as agents or devices do: a component, four scripts, four tables and an Info
//! CHOP. The time of the load is that from the start of the program to `onStart`, less that of a patch
//! with the starting script alone. While it is idle a `run(…, delayFrames=1)` that orders itself again makes every frame run.

use std::fs;
use std::time::Duration;

use super::{Bench, share};

/// For how long an idle patch is watched.
pub const IDLE: Duration = Duration::from_secs(10);
/// The same where only is seen whether everything runs.
pub const SHORT_IDLE: Duration = Duration::from_secs(1);
/// How long a patch may do what it does after it has started.
const SETTLE: Duration = Duration::from_secs(1);

/// Operators of a component, itself included.
const OF_COMPONENT: usize = 10;

/// One patch.
pub struct Patch {
    /// Its name in the report.
    pub name: &'static str,
    /// Operators besides the script that starts it.
    pub operators: usize,
    /// Of each component one parameter is this expression.
    pub expression: Option<&'static str>,
    /// Whether frames are run.
    pub frames: bool,
    /// Whether bars are set for it.
    pub judged: bool,
}

/// Name of the patch that the others are compared with.
pub const EMPTY: &str = "no operators";

/// Every patch, in the order of the report.
pub static PATCHES: [Patch; 5] = [
    Patch { name: EMPTY, operators: 0, expression: None, frames: true, judged: false },
    Patch { name: "ten thousand", operators: 10_000, expression: None, frames: true, judged: true },
    Patch {
        name: "ten thousand, no frames asked for",
        operators: 10_000,
        expression: None,
        frames: false,
        judged: true,
    },
    Patch {
        name: "ten thousand, 1,000 expressions that read a table",
        operators: 10_000,
        expression: Some("op('table1')[1, 1]"),
        frames: true,
        judged: true,
    },
    Patch {
        name: "ten thousand, 1,000 expressions of the frame",
        operators: 10_000,
        expression: Some("absTime.frame"),
        frames: true,
        judged: false,
    },
];

/// What one run of the program showed.
pub struct Sample {
    /// From the start of the program to `onStart`.
    pub start: Duration,
    /// CPU time of that.
    pub cpu: Duration,
    /// Share (0 to 1) of a core while idle.
    pub idle: f64,
    /// Share of the idle time for which the program was ready to run and had no core.
    pub waited: f64,
    /// Resident memory in bytes.
    pub resident: u64,
}

/// Runs a patch until it has been idle for as long.
pub fn measure(bench: &Bench, patch: &Patch, idle: Duration) -> Result<Sample, String> {
    let folder = bench.folder("operators")?;
    fs::write(folder.join("patch.toml"), patch_file(patch)).map_err(|error| error.to_string())?;
    fs::write(folder.join("start.py"), script(patch)).map_err(|error| error.to_string())?;
    let mut running = bench.start(&folder)?;
    let start = running.wait_for(&folder.join("started"))?;
    let until_start = running.cpu()?.ran;
    std::thread::sleep(SETTLE);
    let (cpu, elapsed) = running.cpu_during(idle)?;
    let log = fs::read_to_string(&running.log).map_err(|error| error.to_string())?;
    if let Some(line) = log.lines().find(|line| line.contains("warning") || line.contains("error")) {
        return Err(format!("{line} ({})", running.log.display()));
    }
    let resident = running.resident()?;
    let (idle, waited) = (share(cpu.ran, elapsed), share(cpu.waited, elapsed));
    Ok(Sample { start, cpu: until_start, idle, waited, resident })
}

/// Says that the patch has started, and makes frames run.
fn script(patch: &Patch) -> String {
    let begin = if patch.frames { "again()" } else { "pass" };
    format!(
        "def again():\n    run(again, delayFrames=1)\n\n\n\
         def onStart():\n    open(project.folder + '/started', 'w').close()\n    {begin}\n"
    )
}

fn patch_file(patch: &Patch) -> String {
    let mut text = "[patch]\nformat = 1\nname = \"many operators\"\n\n\
                    [op.start]\ntype = \"executeDAT\"\npar.start = true\nfile = \"start.py\"\n\n"
        .to_owned();
    for number in 0..patch.operators / OF_COMPONENT {
        let at = format!("agent{number}");
        text += &format!("[op.{at}]\ntype = \"baseCOMP\"\n\n");
        for place in 0..4 {
            text += &format!(
                "[op.\"{at}/script{place}\"]\ntype = \"textDAT\"\ntext = '''\ndef onReceiveText(dat, rowIndex, message):\n    \
                 op('table{place}').appendRow([message])\n'''\n\n\
                 [op.\"{at}/table{place}\"]\ntype = \"tableDAT\"\n\
                 rows = [[\"name\", \"value\"], [\"seat\", \"{number}\"], [\"place\", \"{place}\"]]\n\n"
            );
        }
        text += &format!("[op.\"{at}/info1\"]\ntype = \"infoCHOP\"\npar.op = \"table0\"\n");
        if let Some(expression) = patch.expression {
            text += &format!("par.range2 = {{ expr = \"{expression}\" }}\n");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_patch_has_as_many_operators_as_it_says() {
        for patch in &PATCHES {
            let text = patch_file(patch);
            assert_eq!(text.matches("\ntype = ").count(), patch.operators + 1, "{}", patch.name);
            let expressions = text.matches("expr = ").count();
            assert_eq!(expressions, patch.expression.map_or(0, |_| patch.operators / OF_COMPONENT), "{}", patch.name);
            assert_eq!(script(patch).contains("    again()"), patch.frames);
        }
        let names: BTreeSet<&str> = PATCHES.iter().map(|patch| patch.name).collect();
        assert!(names.len() == PATCHES.len() && PATCHES[0].name == EMPTY);
    }
}
