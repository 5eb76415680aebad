//! The launcher: which interpreter it takes, and what it says when none will do.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{program, run, write_patch};

/// A patch that says which interpreter runs it.
const PATCH: &str = "[patch]\nformat = 1\n[op.e]\ntype = \"executeDAT\"\npar.start = true\nfile = \"e.py\"\n";
const SCRIPT: &str = "import sys\ndef onStart():\n    print('prefix', sys.prefix)\n    project.quit()\n";

/// The interpreter that tests run with.
fn python() -> PathBuf {
    let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().expect("a python3");
    PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim())
}

fn patch() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write_patch(folder.path(), &[("patch.toml", PATCH), ("e.py", SCRIPT)]);
    folder
}

/// A virtual environment without pip, which would take long.
fn environment(folder: &Path) {
    let made = Command::new(python()).args(["-m", "venv", "--without-pip"]).arg(folder).status().expect("venv runs");
    assert!(made.success(), "virtual environments need the module venv (Debian: python3-venv)");
}

/// A program that answers as an interpreter of another kind would: it changes a fact, then runs what it is given.
fn other_python(folder: &Path, name: &str, change: &str) -> PathBuf {
    let path = folder.join(name);
    let text = format!(
        "#!{}\nimport sys\nassert sys.argv[1] == '-c'\ntext = sys.argv[2]\nsys.argv = ['-c'] + sys.argv[3:]\n{change}\n\
         exec(compile(text, '<string>', 'exec'))\n",
        python().display()
    );
    fs::write(&path, text).expect("the file can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be made a program");
    path
}

#[test]
fn it_answers_version_without_python() {
    let said = run(program(&["--version"]).env("PATH", "")).ended_well();
    assert_eq!(said.text.trim(), format!("patchcord {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_missing_python_is_explained() {
    let said = run(program(&["run", "."]).env("PATH", "/nowhere"));
    assert_eq!(said.code, Some(3));
    said.says("there is no `python3` on the PATH").says("apt install python3").says("--python");
}

#[test]
fn a_named_interpreter_is_taken_or_none() {
    let said = run(&mut program(&["--python", "/no/such/python", "run"]));
    assert_eq!(said.code, Some(3));
    said.says("/no/such/python (from --python) cannot be started").says("there is no such program");
    let said = run(program(&["run"]).env("PATCHCORD_PYTHON", "no-such-python"));
    assert_eq!(said.code, Some(3));
    said.says("there is no program `no-such-python`");
    let said = run(program(&["run"]).env("VIRTUAL_ENV", "/no/such/environment"));
    assert_eq!(said.code, Some(3));
    said.says("VIRTUAL_ENV").says("deactivate");
}

#[test]
fn virtual_environments_are_honoured() {
    let folder = patch();
    let environments = tempfile::tempdir().expect("a folder");
    let active = environments.path().join("active");
    environment(&active);
    let in_patch = folder.path().join(".venv");
    environment(&in_patch);
    let shown = |folder: &Path| format!("prefix {}", folder.canonicalize().expect("it exists").display());
    let run_here = || program(&["run", &folder.path().to_string_lossy()]);

    run(&mut run_here()).ended_well().says(&shown(&in_patch));
    run(run_here().env("VIRTUAL_ENV", &active)).ended_well().says(&shown(&active));
    let named = active.join("bin/python");
    run(run_here().env("PATCHCORD_PYTHON", &named)).ended_well().says(&shown(&active));
    run(run_here().arg("--python").arg(&named)).ended_well().says(&shown(&active));
    run(run_here().env("VIRTUAL_ENV", "/x").arg(format!("--python={}", named.display())))
        .ended_well()
        .says(&shown(&active));
}

#[test]
fn an_environment_whose_python_has_gone_is_not_passed_over() {
    let folder = patch();
    let programs = folder.path().join(".venv/bin");
    std::fs::create_dir_all(&programs).expect("a folder");
    std::os::unix::fs::symlink("/no/such/python3", programs.join("python")).expect("a link");
    let said = run(&mut program(&["run", &folder.path().to_string_lossy()]));
    assert_eq!(said.code, Some(3), "{}", said.text);
    let remedy = format!("python3 -m venv --clear {}`", folder.path().join(".venv").display());
    said.says("leads to a Python that is not there any more").says(&remedy).says("--python PATH");
}

#[test]
fn an_unfit_interpreter_is_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |name: &str, change: &str, wanted: &[&str]| {
        let python = other_python(folder.path(), name, change);
        let said = run(program(&["run"]).arg("--python").arg(python));
        assert_eq!(said.code, Some(3), "{}", said.text);
        said.says("--python PATH").does_not_say("Traceback");
        wanted.iter().for_each(|wanted| {
            said.says(wanted);
        });
    };
    refused("old", "sys.version_info = (3, 9, 2)", &["is Python 3.9, but 3.10 or later is needed"]);
    refused("new", "sys.version_info = (3, 99, 0)", &["is Python 3.99, but this program was built for", "PYO3_PYTHON"]);
    let change = "import types\nsys.implementation = types.SimpleNamespace(name='pypy')";
    refused("other", change, &["is pypy, but only CPython will do"]);
    refused("free", "sys.abiflags = 't'", &["free-threaded"]);
}

#[test]
fn a_module_of_another_build_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let program_file = Path::new(env!("CARGO_BIN_EXE_patchcord"));
    let copy = folder.path().join("patchcord");
    let bytes = fs::read(program_file).expect("the program can be read");
    // The launcher of another build differs in the id that is baked in.
    let id = env!("PATCHCORD_BUILD_ID").as_bytes();
    let at = bytes.windows(id.len()).position(|window| window == id).expect("the id is baked in");
    let mut other = bytes.clone();
    other[at..at + id.len()].copy_from_slice(b"0000000000000000");
    fs::write(&copy, other).expect("the copy can be written");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("it can be made a program");

    let said =
        run(Command::new(&copy).arg("run").stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()));
    assert_eq!(said.code, Some(3));
    said.says("is not beside the program");

    let module = "lib_patchcord.so";
    let beside = program_file.parent().expect("it has a folder");
    let original = [beside.join(module), beside.join("deps").join(module)].into_iter().find(|path| path.exists());
    symlink(original.expect("the module was built"), folder.path().join(module)).expect("a link can be made");
    let said =
        run(Command::new(&copy).arg("run").stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()));
    assert_eq!(said.code, Some(3), "{}", said.text);
    said.says("is of another build than the program beside it");
}

#[test]
fn the_current_folder_is_not_importable() {
    // A file of a callbacks DAT there would hide the DAT.
    let folder = patch();
    write_patch(
        folder.path(),
        &[("e.py", "import sys\ndef onStart():\n    print('path', '' in sys.path)\n    project.quit()\n")],
    );
    run(program(&["run", "."]).current_dir(folder.path())).ended_well().says("path False");
}

#[test]
fn python_settings_of_a_person_count() {
    let folder = patch();
    let extra = tempfile::tempdir().expect("a folder");
    write_patch(extra.path(), &[("own_module.py", "answer = 42\n")]);
    let script = "import own_module\ndef onStart():\n    print('answer', own_module.answer)\n    project.quit()\n";
    write_patch(folder.path(), &[("e.py", script)]);
    run(program(&["run"]).arg(folder.path()).env("PYTHONPATH", extra.path())).ended_well().says("answer 42");
}

#[test]
fn check_reports_a_script_that_does_not_compile() {
    let folder = patch();
    write_patch(folder.path(), &[("e.py", "def onStart(:\n    pass\n")]);
    let said = run(program(&["check"]).arg(folder.path()));
    assert_eq!(said.code, Some(1), "{}", said.text);
    said.says("e.py:1");
    let said = run(program(&["run"]).arg(folder.path()));
    assert_eq!(said.code, Some(1), "{}", said.text);
}
