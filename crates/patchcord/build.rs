//! Bakes into launcher and module what they must agree on.
//!
//! `PATCHCORD_BUILD_ID` is a digest of everything that the module is made from: the sources of all crates, the lock
//! file, the features and the interpreter. Launcher and module of one build carry the same one, so a module that was
//! left over from an older build is noticed. `PATCHCORD_PYTHON_VERSION` is the interpreter that the module was built
//! for, `3.11`, and `PATCHCORD_PYTHON_ABI3` says whether every later one will do too.
//!
//! The modules in Python are compiled here, by that interpreter, so that the start need not do it: `x.py` becomes
//! `x.py.code` in the folder of the build's output (`src/library.rs` says what is in it).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let python = pyo3_build_config::get().version();
    let python = format!("{}.{}", python.major, python.minor);
    let abi3 = std::env::var_os("CARGO_FEATURE_ABI3").is_some();
    println!("cargo:rustc-env=PATCHCORD_PYTHON_VERSION={python}");
    println!("cargo:rustc-env=PATCHCORD_PYTHON_ABI3={}", u8::from(abi3));

    let mut digest = Digest::default();
    for fact in ["CARGO_PKG_VERSION", "PROFILE", "TARGET", "OPT_LEVEL", "DEBUG", "CARGO_ENCODED_RUSTFLAGS"] {
        digest.take(std::env::var(fact).unwrap_or_default().as_bytes());
    }
    digest.take(python.as_bytes());
    digest.take(&[u8::from(abi3)]);
    for file in sources() {
        digest.take(file.to_string_lossy().as_bytes());
        digest.take(&fs::read(&file).unwrap_or_default());
    }
    println!("cargo:rustc-env=PATCHCORD_BUILD_ID={:016x}", digest.0);
    println!("cargo:rerun-if-changed=build.rs");
    compile_python();
}

/// Compiles files below `src`, which are its arguments behind the folder of the output. The name stands in tracebacks.
const COMPILE: &str = r#"
import importlib.util, marshal, sys
out, *files = sys.argv[1:]
for file in files:
    with open("src/" + file, encoding="utf-8") as text:
        code = compile(text.read(), "<patchcord>", "exec", dont_inherit=True)
    with open(out + "/" + file + ".code", "wb") as compiled:
        compiled.write(importlib.util.MAGIC_NUMBER + marshal.dumps(code))
"#;

/// Compiles the modules in Python. Without an interpreter (a build for another machine) the files are empty.
fn compile_python() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names a folder for the output"));
    fs::create_dir_all(out.join("library")).expect("the folder of the output can be written");
    let library = fs::read_dir("src/library").expect("the modules in Python are there").flatten();
    let library = library.map(|file| Path::new("library").join(file.file_name()));
    let files: BTreeSet<PathBuf> = library.filter(|file| file.extension().is_some_and(|kind| kind == "py")).collect();
    let files: Vec<PathBuf> = files.into_iter().chain(["glue.py".into(), "execute.py".into()]).collect();
    for file in &files {
        fs::write(out.join(format!("{}.code", file.display())), "").expect("the folder of the output can be written");
    }
    if let Some(python) = pyo3_build_config::get().executable() {
        let done = Command::new(python).args(["-I", "-S", "-c", COMPILE]).arg(&out).args(&files).status();
        assert!(done.is_ok_and(|status| status.success()), "{python} does not compile the modules in Python");
    }
}

/// The files that the module is made from, in a fixed order. Tests and examples are not among them.
fn sources() -> BTreeSet<PathBuf> {
    let crates = Path::new("..");
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(crates).into_iter().flatten().flatten() {
        for part in ["src", "Cargo.toml", "build.rs"] {
            watch(&entry.path().join(part), &mut files);
        }
    }
    for part in ["../../Cargo.toml", "../../Cargo.lock", "../../examples/demo"] {
        watch(Path::new(part), &mut files);
    }
    files
}

fn watch(path: &Path, files: &mut BTreeSet<PathBuf>) {
    if path.exists() {
        println!("cargo:rerun-if-changed={}", path.display());
        collect(path, files);
    }
}

fn collect(path: &Path, files: &mut BTreeSet<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            collect(&entry.path(), files);
        }
    } else {
        files.insert(path.to_owned());
    }
}

/// FNV-1a with 64 bits: enough to tell builds apart; nothing here guards against malice.
struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Digest(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Takes one piece in, with its length, so that moving a byte from one piece to the next makes a difference.
    fn take(&mut self, bytes: &[u8]) {
        for byte in (bytes.len() as u64).to_le_bytes().iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
