//! `cargo xtask csound install|check|remove`: Csound's plugin, for the csound of this user.
//!
//! Csound searches folders of the user's after its own, and what it finds last plays where several have an opcode of the
//! same name and types. So the plugin goes there, and the distribution's own one can stay. Whether it is ours that plays
//! is not taken from names: csound runs an orchestra that both plugins could run, and the port that it opens is asked who
//! serves it.

use std::env::{self, split_paths};
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::workspace::{CommandError, cargo, has, show, target};

/// The file, as cargo calls it and as it is installed.
const LIBRARY: &str = "libpatchcord_csound.so";
/// Where Csound looks when `CS_USER_PLUGINDIR` does not say, below the home folder.
const USER_FOLDER: &str = ".local/lib/csound/6.0/plugins64";
/// What csound lists of ours.
const OPCODES: [&str; 6] =
    ["websocket", "websocketclient", "websocketclientsend", "websocketsend", "websocketset", "websocketstatus"];
/// What begins the header by which a port of ours says who it is.
const SERVER: &str = "Server: patchcord-csound/";
/// The release that the plugin is tested with.
const TESTED: (u32, u32) = (6, 18);
/// Longest wait for csound to open the port, and for its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the plugin is not installed, or not the one that plays.
#[derive(Debug, thiserror::Error)]
enum CsoundError {
    /// There is no csound.
    #[error("csound is not installed; on Debian or Ubuntu: sudo apt-get install csound")]
    NoCsound,
    /// It cannot be started, or says nothing that can be understood.
    #[error("csound does not say its version; it says: {0}")]
    NoVersion(String),
    /// It is another csound than the plugin is made for.
    #[error("this is Csound {0}.{1}, and the plugin is for Csound 6; a plugin for one does not work in the other")]
    OtherVersion(u32, u32),
    /// It computes with 32-bit floats.
    #[error(
        "this csound computes with 32-bit floats; build the plugin with --features f32 (docs/csound.md, 32-bit builds)"
    )]
    SingleFloats,
    /// Nothing says where the user's plugins are.
    #[error("there is no folder for the user's plugins: CS_USER_PLUGINDIR is set and empty, or HOME is not set")]
    NoFolder,
    /// The plugin does not build.
    #[error("the plugin does not build: {0}")]
    Build(CommandError),
    /// A file or folder.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// It is not there.
    #[error("{} is not there: cargo xtask csound install", .0.display())]
    NotInstalled(PathBuf),
    /// A variable keeps csound from loading it.
    #[error("CS_OMIT_LIBS names {LIBRARY}, so csound leaves it out; take it out of the variable")]
    Omitted,
    /// csound has no opcode of this name.
    #[error("csound has not loaded {}: it lists no opcode {opcode}{}", path.display(), said(.warnings))]
    NotLoaded {
        /// The file.
        path: PathBuf,
        /// The first that is missing.
        opcode: &'static str,
        /// What csound said about libraries.
        warnings: String,
    },
    /// The orchestra does not run.
    #[error("csound loads the plugin and does not play it: {0}")]
    NoPort(String),
    /// The opcode of another plugin opened the port.
    #[error("another plugin's opcode websocket is played, and not ours: {0}; remove it from the user's folders")]
    Other(String),
    /// A copy somewhere else was loaded, too or alone.
    #[error("csound loads {} and not only {}; remove the former", loaded.display(), installed.display())]
    OtherCopy {
        /// What csound has loaded.
        loaded: PathBuf,
        /// What is installed.
        installed: PathBuf,
    },
}

/// Entry of `cargo xtask csound`.
pub fn run(args: &[String]) -> Outcome {
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["install"] => install(None)?,
        ["install", library] => install(Some(Path::new(library)))?,
        ["check"] => check(&place()?)?,
        ["remove"] => remove(&place()?)?,
        _ => return Err("expected: csound install [LIBRARY]|check|remove".into()),
    }
    Ok(())
}

/// Builds the plugin, or takes one that is built, and puts it into the user's folder.
fn install(library: Option<&Path>) -> Result<(), CsoundError> {
    version()?;
    let place = place()?;
    let library = match library {
        Some(library) => library.to_owned(),
        None => build()?,
    };
    replace(&library, &place)?;
    println!("installed {}", place.display());
    check(&place)?;
    println!("to undo this: cargo xtask csound remove");
    Ok(())
}

/// The plugin as a release.
fn build() -> Result<PathBuf, CsoundError> {
    let folder = target().map_err(|reason| CsoundError::File { path: LIBRARY.into(), reason })?;
    let mut command = cargo();
    command.args(["build", "--release", "--package", "patchcord-csound", "--target-dir"]).arg(&folder);
    show(&mut command).map_err(CsoundError::Build)?;
    Ok(folder.join("release").join(LIBRARY))
}

/// Copies a file into the place of another in one step: a csound that starts meanwhile finds the old one or the new one,
/// and one that runs keeps what it has loaded.
fn replace(from: &Path, to: &Path) -> Result<(), CsoundError> {
    let file = |path: &Path, reason| CsoundError::File { path: path.to_owned(), reason };
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|reason| file(folder, reason))?;
    let bytes = fs::read(from).map_err(|reason| file(from, reason))?;
    // Csound takes what ends in .so for a plugin; this does not.
    let mut whole = tempfile::NamedTempFile::new_in(folder).map_err(|reason| file(folder, reason))?;
    whole.write_all(&bytes).map_err(|reason| file(to, reason))?;
    whole.as_file().set_permissions(Permissions::from_mode(0o755)).map_err(|reason| file(to, reason))?;
    whole.as_file().sync_all().map_err(|reason| file(to, reason))?;
    whole.persist(to).map_err(|error| file(to, error.error))?;
    Ok(())
}

/// Says which plugin csound plays with, and fails if it is not the installed one.
fn check(place: &Path) -> Result<(), CsoundError> {
    let version = version()?;
    if (version.0, version.1) != TESTED {
        println!("this is Csound {}.{}; the plugin is tested with {}.{}", version.0, version.1, TESTED.0, TESTED.1);
    }
    if !place.is_file() {
        return Err(CsoundError::NotInstalled(place.to_owned()));
    }
    if env::var("CS_OMIT_LIBS").is_ok_and(|list| is_omitted(&list)) {
        return Err(CsoundError::Omitted);
    }
    if let Some(folder) = env::var_os("OPCODE6DIR64") {
        println!("OPCODE6DIR64 is set: csound takes its own plugins from {} alone", Path::new(&folder).display());
    }
    let listed = csound_says(&["-z1"])?;
    if let Some(opcode) = OPCODES.into_iter().find(|opcode| !lists(&listed, opcode)) {
        let path = place.to_owned();
        return Err(CsoundError::NotLoaded { path, opcode, warnings: about_libraries(&listed) });
    }
    let played = play()?;
    // A link is as good as what it leads to.
    let same = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(loaded) = played.files.into_iter().find(|file| same(file) != same(place)) {
        return Err(CsoundError::OtherCopy { loaded, installed: place.to_owned() });
    }
    println!("csound {}.{} plays websocket with {} {}", version.0, version.1, place.display(), played.version);
    if !played.others.is_empty() {
        println!("the opcode of the same name in {} stays unused", played.others.join(" and "));
    }
    Ok(())
}

/// Takes the plugin out of the user's folder.
fn remove(place: &Path) -> Result<(), CsoundError> {
    match fs::remove_file(place) {
        Ok(()) => println!("removed {}", place.display()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => println!("{} is not there", place.display()),
        Err(reason) => return Err(CsoundError::File { path: place.to_owned(), reason }),
    }
    if has("csound") {
        let left = if lists(&csound_says(&["-z1"])?, "websocket") { "another plugin's" } else { "no" };
        println!("csound now has {left} opcode websocket");
    }
    Ok(())
}

/// Where the plugin is installed.
fn place() -> Result<PathBuf, CsoundError> {
    let folder = user_folder(env::var_os("CS_USER_PLUGINDIR"), env::var_os("HOME")).ok_or(CsoundError::NoFolder)?;
    Ok(folder.join(LIBRARY))
}

/// The folder of the user's plugins: the first that the variable names, or the one that Csound has without it.
fn user_folder(listed: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    match listed {
        Some(list) => split_paths(&list).find(|folder| !folder.as_os_str().is_empty()),
        None => Some(PathBuf::from(home.filter(|home| !home.is_empty())?).join(USER_FOLDER)),
    }
}

/// Release of csound, which has to be one that the plugin can be loaded by.
fn version() -> Result<(u32, u32), CsoundError> {
    if !has("csound") {
        return Err(CsoundError::NoCsound);
    }
    let said = csound_says(&["--version"])?;
    let Some((version, floats)) = read_version(&said) else {
        return Err(CsoundError::NoVersion(said.lines().next().unwrap_or_default().to_owned()));
    };
    if version.0 != 6 {
        return Err(CsoundError::OtherVersion(version.0, version.1));
    }
    if floats != "double" { Err(CsoundError::SingleFloats) } else { Ok(version) }
}

/// Reads `--Csound version 6.18 (double samples) 2022-11-24`.
fn read_version(said: &str) -> Option<((u32, u32), &str)> {
    let rest = said.split("Csound version ").nth(1)?;
    let (version, rest) = rest.split_once(" (")?;
    let (major, minor) = version.split_once('.')?;
    let minor = minor.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(((major.parse().ok()?, minor.parse().ok()?), rest.split_once(" samples")?.0))
}

/// All that csound prints, whatever its exit code: `-z1` has 1.
fn csound_says(args: &[&str]) -> Result<String, CsoundError> {
    let mut command = Command::new("csound");
    let output = command.args(args).stdin(Stdio::null()).output();
    let output = output.map_err(|error| CsoundError::NoVersion(error.to_string()))?;
    Ok([output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat())
}

/// Whether a list of csound's, with a name at the start of each line, has an opcode.
fn lists(listed: &str, opcode: &str) -> bool {
    listed.lines().any(|line| line.split_whitespace().next() == Some(opcode))
}

/// The lines in which csound says that a library is not for it.
fn about_libraries(said: &str) -> String {
    let tells = |line: &&str| line.contains(LIBRARY) || line.contains("could not open library");
    said.lines().filter(tells).map(str::trim).collect::<Vec<_>>().join("; ")
}

fn said(warnings: &str) -> String {
    if warnings.is_empty() { String::new() } else { format!("; it says: {warnings}") }
}

/// Whether a `CS_OMIT_LIBS` has the plugin: names without a suffix, with commas between them.
fn is_omitted(list: &str) -> bool {
    list.split(',').any(|name| Some(name.trim()) == LIBRARY.strip_suffix(".so"))
}

/// What was found while csound played.
struct Played {
    /// The version that the port told.
    version: String,
    /// The copies of our library that csound has loaded.
    files: Vec<PathBuf>,
    /// Other libraries with an opcode of that name.
    others: Vec<String>,
}

/// Has csound play an orchestra that opens a port, in a form that the original opcode has as well, and asks the port.
fn play() -> Result<Played, CsoundError> {
    let port = free_port().map_err(|error| CsoundError::NoPort(error.to_string()))?;
    let file = |reason| CsoundError::File { path: env::temp_dir(), reason };
    let mut csd = tempfile::Builder::new().suffix(".csd").tempfile().map_err(file)?;
    csd.write_all(orchestra(port).as_bytes()).map_err(file)?;
    let mut csound = Playing::start(csd.path()).map_err(|error| CsoundError::NoPort(error.to_string()))?;
    let answer = csound.ask(port)?;
    let (ours, others) = libraries(&fs::read_to_string(format!("/proc/{}/maps", csound.0.id())).unwrap_or_default());
    let version = answer.lines().find_map(|line| line.strip_prefix(SERVER)).map(str::trim);
    match version {
        Some(version) => Ok(Played { version: version.to_owned(), files: ours, others }),
        None => {
            Err(CsoundError::Other(if others.is_empty() { "it is not known which".into() } else { others.join(", ") }))
        }
    }
}

fn orchestra(port: u16) -> String {
    format!(
        "<CsoundSynthesizer>\n<CsOptions>\n-odac -+rtaudio=null -d -m0\n</CsOptions>\n<CsInstruments>\nksmps = 64\n\
         instr 1\nkin init 1\nkout websocket {port}, kin\nendin\n</CsInstruments>\n<CsScore>\ni 1 0 30\n</CsScore>\n\
         </CsoundSynthesizer>\n"
    )
}

/// A csound that plays, until this is dropped.
struct Playing(Child);

impl Playing {
    fn start(csd: &Path) -> io::Result<Self> {
        let mut command = Command::new("csound");
        command.arg(csd).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().map(Self)
    }

    /// What the port answers to a plain request, once it is open. The original opcode answers nothing.
    fn ask(&mut self, port: u16) -> Result<String, CsoundError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let end = Instant::now() + PATIENCE;
        loop {
            if let Ok(mut stream) = TcpStream::connect_timeout(&address, PATIENCE) {
                return Ok(request(&mut stream).unwrap_or_default());
            }
            let ended = self.0.try_wait().is_ok_and(|status| status.is_some());
            if ended || Instant::now() >= end {
                return Err(CsoundError::NoPort(self.last_words()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn last_words(&mut self) -> String {
        let _ = self.0.kill();
        let mut said = String::new();
        if let Some(mut stderr) = self.0.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        let line = said.lines().find(|line| line.contains("websocket")).map(str::trim);
        line.map_or_else(|| format!("it did not open a port within {} s", PATIENCE.as_secs()), str::to_owned)
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        // The original opcode does not let csound end by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn request(stream: &mut TcpStream) -> io::Result<String> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(65_536).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Copies of our library, and others that have the opcode, among the files that a process has mapped (proc_pid_maps(5)).
fn libraries(maps: &str) -> (Vec<PathBuf>, Vec<String>) {
    let mut files: Vec<&str> = maps.lines().filter_map(|line| Some(&line[line.find('/')?..])).collect();
    files.dedup();
    let named = |name: &'static str| move |file: &&&str| file.rsplit('/').next() == Some(name);
    let ours = files.iter().filter(named(LIBRARY)).map(PathBuf::from).collect();
    (ours, files.iter().filter(named("libwebsocketIO.so")).map(|&file| file.to_owned()).collect())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_first_that_the_user_names() {
        let folder = |listed: Option<&str>, home: Option<&str>| {
            user_folder(listed.map(OsString::from), home.map(OsString::from)).map(|path| path.display().to_string())
        };
        assert_eq!(folder(None, Some("/home/a")).as_deref(), Some("/home/a/.local/lib/csound/6.0/plugins64"));
        assert_eq!(folder(Some("/x:/y"), Some("/home/a")).as_deref(), Some("/x"));
        assert_eq!(folder(Some(":/y"), None).as_deref(), Some("/y"));
        // Csound does not look in the home folder then.
        assert_eq!(folder(Some(""), Some("/home/a")), None);
        assert_eq!(folder(None, Some("")), None);
    }

    #[test]
    fn the_version_is_read_from_what_csound_says() {
        let said = "--Csound version 6.18 (double samples) 2022-11-24\n[commit: none]\n";
        assert_eq!(read_version(said), Some(((6, 18), "double")));
        assert_eq!(read_version("--Csound version 7.0-beta (float samples) now"), Some(((7, 0), "float")));
        assert_eq!(read_version("command not found"), None);
    }

    #[test]
    fn an_opcode_is_found_by_its_whole_name() {
        let listed = "websocket   *           i.\nwebsocketset (null)  iSS\n";
        assert!(lists(listed, "websocket") && lists(listed, "websocketset") && !lists(listed, "websocketstatus"));
    }

    #[test]
    fn libraries_that_are_left_out_go_by_their_names_without_suffix() {
        assert!(is_omitted("libpatchcord_csound") && is_omitted("libstdutil, libpatchcord_csound"));
        assert!(!is_omitted("libwebsocketIO") && !is_omitted("libpatchcord_csound.so"));
    }

    #[test]
    fn loaded_libraries_are_read_from_the_map_of_a_process() {
        let maps = "7f00-7f10 r--p 00000000 08:01 1 /home/a b/plugins64/libpatchcord_csound.so\n\
                    7f10-7f20 r-xp 00001000 08:01 1 /home/a b/plugins64/libpatchcord_csound.so\n\
                    7f20-7f30 r--p 00000000 08:01 2 /usr/lib/plugins64-6.0/libwebsocketIO.so\n\
                    7f30-7f40 rw-p 00000000 00:00 0 [heap]\n";
        let (ours, others) = libraries(maps);
        assert_eq!(ours, [PathBuf::from("/home/a b/plugins64/libpatchcord_csound.so")]);
        assert_eq!(others, ["/usr/lib/plugins64-6.0/libwebsocketIO.so"]);
        assert!(libraries("").0.is_empty());
    }

    #[test]
    fn a_library_is_replaced_as_a_whole() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (from, to) = (folder.path().join("built"), folder.path().join("new/folder").join(LIBRARY));
        for bytes in ["one", "two and more"] {
            fs::write(&from, bytes)?;
            replace(&from, &to)?;
            assert_eq!(fs::read_to_string(&to)?, bytes);
        }
        assert_eq!(fs::metadata(&to)?.permissions().mode() & 0o777, 0o755);
        let left: Vec<_> = fs::read_dir(to.parent().unwrap())?.collect();
        assert_eq!(left.len(), 1, "nothing else is left beside it: {left:?}");
        let error = replace(&folder.path().join("missing"), &to).unwrap_err().to_string();
        assert!(error.contains("missing: "), "{error}");
        Ok(())
    }
}
