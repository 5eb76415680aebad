//! Watches files for saves, whatever way an editor saves.
//!
//! Folders are watched, not files: editors that write beside a file and rename over it would leave a watch on the
//! file behind. Something that happens to a watched name wakes [`Watcher::changed`], which waits until the folder
//! has been quiet for [`QUIET`] and then compares each file's time, size, identity and permissions with what they were. So one save
//! is one change, and nothing is missed that happened while nobody looked. Without inotify the files are polled,
//! and so they are while one of their folders is gone: another may come in its place. Of a file system that other machines
//! write to, inotify tells only what this one does, so there it is looked every now and then, too.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

/// How long a folder has to be quiet before its files are looked at; an editor's save is several steps.
pub const QUIET: Duration = Duration::from_millis(40);

/// Longest wait for quiet, so that a file that is written without a pause is still followed.
pub const LONGEST: Duration = Duration::from_millis(120);

/// How often files are looked at where the system tells nothing.
pub const POLL: Duration = Duration::from_millis(100);

/// How often files are looked at, besides, that other machines can write to.
pub const POLL_SHARED: Duration = Duration::from_millis(500);

/// File systems that other machines, or the other side of a virtual one, can write to; `f_type` of statfs(2), the numbers of
/// Linux's `magic.h`: NFS, SMB (three), FUSE (sshfs), 9P, Ceph, AFS, folders of VirtualBox and of VMware.
const SHARED: [u32; 10] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x6573_5546,
    0x0102_1997,
    0x00c3_6400,
    0x5346_414f,
    0x786f_4256,
    0xbacb_acbc,
];

/// Links that a path may lead over; the system follows no more either.
const MAX_LINKS: usize = 40;

/// Watches a set of files.
pub struct Watcher {
    /// `None` where the system tells nothing: then the files are looked at again and again.
    backend: Option<RecommendedWatcher>,
    /// Folders with what they were when their watch began; `None` for one that is gone.
    folders: BTreeMap<PathBuf, Identity>,
    files: BTreeMap<PathBuf, Stamp>,
    /// One of the folders is on a file system that other machines can write to.
    is_shared: bool,
    shared: Arc<Shared>,
}

/// Why files are watched less well than they could be.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The system has no events for files; they are polled.
    #[error("the system tells nothing about saved files ({reason}); they are looked at every {} ms", POLL.as_millis())]
    Polling {
        /// What the system says.
        reason: notify::Error,
    },
    /// A folder cannot be watched.
    #[error("{} cannot be watched ({reason}); saves there are not noticed", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        reason: notify::Error,
    },
}

/// Shared with the thread that the events come on.
#[derive(Default)]
struct Shared {
    /// Names of the watched files: what happens to others in the same folders wakes nobody.
    names: Mutex<HashSet<OsString>>,
    stirred: Notify,
}

/// What of a file differs after a save: time of change, size, which file it is, and who may read it (mode, owner, group): what
/// could not be read may be readable now. `None` while there is none.
type Stamp = Option<(SystemTime, u64, u64, (u32, u32, u32))>;

/// Which folder a path leads to: device and number. `None` while there is none.
type Identity = Option<(u64, u64)>;

impl Watcher {
    /// Watches nothing yet. When the system has no events for files, they are polled, and the reason is returned.
    pub fn new() -> (Self, Option<WatchError>) {
        let shared = Arc::new(Shared::default());
        let (backend, error) = match notify::recommended_watcher(waker(&shared)) {
            Ok(backend) => (Some(backend), None),
            Err(reason) => (None, Some(WatchError::Polling { reason })),
        };
        let (folders, files) = (BTreeMap::new(), BTreeMap::new());
        (Watcher { backend, folders, files, is_shared: false, shared }, error)
    }

    /// Watches these files from now on, and no others. Files need not exist; their folders must. A file that was
    /// watched before keeps its stamp, so a change of it in between is not lost.
    pub fn set_files(&mut self, files: impl IntoIterator<Item = PathBuf>) -> Vec<WatchError> {
        let mut old = std::mem::take(&mut self.files);
        self.files = files
            .into_iter()
            .map(|file| {
                let stamp = old.remove(&file).unwrap_or_else(|| stamp(&file));
                (file, stamp)
            })
            .collect();
        // A link is watched where it stands and where it leads; so is one that leads to a folder, which may lead to another one
        // from now on.
        let mut watched: BTreeSet<PathBuf> = self.files.keys().cloned().collect();
        watched.extend(self.files.keys().filter_map(|file| file.canonicalize().ok()));
        let parents: BTreeSet<&Path> = self.files.keys().filter_map(|file| file.parent()).collect();
        let linked = self.files.keys().filter(|file| file.is_symlink());
        let links: Vec<PathBuf> =
            parents.into_iter().chain(linked.map(PathBuf::as_path)).flat_map(links_on_the_way).collect();
        watched.extend(links);
        let folders: BTreeSet<PathBuf> = watched.iter().filter_map(|file| file.parent()).map(Path::to_owned).collect();
        // Folders too: that one was moved or deleted is said of itself.
        let names = watched.iter().chain(&folders).filter_map(|path| path.file_name()).map(OsString::from).collect();
        *self.shared.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
        self.is_shared = folders.iter().any(|folder| is_shared(folder));
        self.set_folders(folders)
    }

    /// Waits for saves. Returns the files that differ from when they were looked at last; never an empty list. Lists
    /// files that are gone, too. Dropping the future loses nothing.
    pub async fn changed(&mut self) -> Vec<PathBuf> {
        loop {
            self.stirred().await;
            self.watch_replaced_folders();
            let mut changed = Vec::new();
            for (file, known) in &mut self.files {
                let now = stamp(file);
                if now != *known {
                    *known = now;
                    changed.push(file.clone());
                }
            }
            if !changed.is_empty() {
                return changed;
            }
        }
    }

    /// Waits until something has happened and is over, or until it is time to look.
    async fn stirred(&self) {
        if self.backend.is_none() || self.folders.values().any(Option::is_none) {
            return sleep(POLL).await;
        }
        let stirred = &self.shared.stirred;
        if !self.is_shared {
            stirred.notified().await;
        } else if timeout(POLL_SHARED, stirred.notified()).await.is_err() {
            return;
        }
        // From here on a drop would lose the event: it is put back unless the wait ends.
        let mut put_back = PutBack(Some(stirred));
        let start = Instant::now();
        while start.elapsed() < LONGEST && timeout(QUIET, stirred.notified()).await.is_ok() {}
        put_back.0 = None;
    }

    fn set_folders(&mut self, folders: BTreeSet<PathBuf>) -> Vec<WatchError> {
        let Some(backend) = &mut self.backend else { return Vec::new() };
        self.folders.retain(|folder, _| {
            let is_wanted = folders.contains(folder);
            if !is_wanted {
                // A folder that was deleted is not watched any more; that is no failure.
                let _ = backend.unwatch(folder);
            }
            is_wanted
        });
        let mut errors = Vec::new();
        for folder in folders {
            if self.folders.contains_key(&folder) {
                continue;
            }
            let known = identity(&folder);
            match backend.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.folders.insert(folder, known)),
                Err(reason) if matches!(reason.kind, notify::ErrorKind::MaxFilesWatch) => {
                    errors.push(self.poll_instead(reason));
                    return errors;
                }
                Err(reason) => errors.push(WatchError::Folder { folder, reason }),
            }
        }
        errors
    }

    /// A watch stays with the folder that it began on: one that has come in its place needs another.
    fn watch_replaced_folders(&mut self) {
        let Some(backend) = &mut self.backend else { return };
        for (folder, known) in &mut self.folders {
            let now = identity(folder);
            if now == *known {
                continue;
            }
            let _ = backend.unwatch(folder);
            let is_watched = now.is_some() && backend.watch(folder, RecursiveMode::NonRecursive).is_ok();
            *known = now.filter(|_| is_watched);
        }
    }

    /// The system has no watches left for us.
    fn poll_instead(&mut self, reason: notify::Error) -> WatchError {
        self.backend = None;
        self.folders.clear();
        WatchError::Polling { reason }
    }
}

/// Rings again when a wait was dropped in its middle.
struct PutBack<'a>(Option<&'a Notify>);

impl Drop for PutBack<'_> {
    fn drop(&mut self) {
        if let Some(stirred) = self.0 {
            stirred.notify_one();
        }
    }
}

/// What is called for each event, on a thread of the backend.
fn waker(shared: &Arc<Shared>) -> impl Fn(notify::Result<Event>) + Send + 'static {
    let shared = shared.clone();
    move |event| {
        let concerns_us = match event {
            // Reading and opening change nothing; that a file was closed after writing is a good moment to look.
            Ok(Event { kind: EventKind::Access(kind), .. }) if !closes_write(kind) => false,
            Ok(event) => {
                let names = shared.names.lock().unwrap_or_else(PoisonError::into_inner);
                // No path: events were lost, so everything is looked at.
                event.paths.is_empty()
                    || event.paths.iter().any(|path| path.file_name().is_some_and(|name| names.contains(name)))
            }
            Err(_) => true,
        };
        if concerns_us {
            shared.stirred.notify_one();
        }
    }
}

fn closes_write(kind: notify::event::AccessKind) -> bool {
    use notify::event::{AccessKind, AccessMode};
    kind == AccessKind::Close(AccessMode::Write)
}

/// The links that a path leads over, each where it stands.
fn links_on_the_way(path: &Path) -> Vec<PathBuf> {
    let parts = |path: &Path| -> Vec<OsString> { path.iter().rev().map(OsString::from).collect() };
    let (mut links, mut at, mut rest) = (Vec::new(), PathBuf::new(), parts(path));
    while let Some(part) = rest.pop() {
        if part == ".." {
            at.pop();
            continue;
        }
        at.push(part);
        if let Ok(target) = at.read_link() {
            links.push(at.clone());
            at.pop();
            rest.extend(parts(&target));
        }
        if links.len() == MAX_LINKS {
            break;
        }
    }
    links
}

fn is_shared(folder: &Path) -> bool {
    rustix::fs::statfs(folder).is_ok_and(|system| SHARED.contains(&(system.f_type as u32)))
}

fn identity(folder: &Path) -> Identity {
    std::fs::metadata(folder).ok().map(|meta| (meta.dev(), meta.ino()))
}

fn stamp(file: &Path) -> Stamp {
    let meta = std::fs::metadata(file).ok()?;
    Some((meta.modified().ok()?, meta.len(), meta.ino(), (meta.mode(), meta.uid(), meta.gid())))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Bound of each wait; far longer than what is waited for.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn changed(watcher: &mut Watcher) -> Vec<PathBuf> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { timeout(PATIENCE, watcher.changed()).await.unwrap() })
    }

    #[test]
    fn a_file_that_comes_and_goes_is_a_change_and_its_neighbours_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, other) = (folder.path().join("mine.txt"), folder.path().join("other.txt"));
        let (mut watcher, _) = Watcher::new();
        assert!(watcher.set_files([mine.clone()]).is_empty());
        fs::write(&other, "of no interest").unwrap();
        fs::write(&mine, "made").unwrap();
        assert_eq!(changed(&mut watcher), std::slice::from_ref(&mine));
        fs::remove_file(&mine).unwrap();
        assert_eq!(changed(&mut watcher), [mine]);
    }

    #[test]
    fn a_folder_that_another_one_replaces_is_followed() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("scripts");
        let file = folder.join("a.txt");
        fs::create_dir(&folder).unwrap();
        fs::write(&file, "first").unwrap();
        let (mut watcher, _) = Watcher::new();
        assert!(watcher.set_files([file.clone()]).is_empty());
        fs::rename(&folder, root.path().join("old")).unwrap();
        assert_eq!(changed(&mut watcher), std::slice::from_ref(&file));
        assert!(watcher.set_files([file.clone()]).is_empty());
        fs::create_dir(&folder).unwrap();
        fs::write(&file, "second one").unwrap();
        assert_eq!(changed(&mut watcher), std::slice::from_ref(&file));
        fs::write(&file, "and third").unwrap();
        assert_eq!(changed(&mut watcher), [file]);
    }

    #[test]
    fn a_link_on_the_way_that_leads_elsewhere_is_followed() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for release in ["1", "2", "3"] {
            fs::create_dir_all(at("releases").join(release)).unwrap();
            fs::write(at("releases").join(release).join("a.txt"), release).unwrap();
        }
        let lead_to = |link: &str, target: &str| {
            symlink(target, at("new")).unwrap();
            fs::rename(at("new"), at(link)).unwrap();
        };
        // A link to a folder, and a file that is a link whose way leads over it.
        lead_to("current", "releases/1");
        fs::create_dir(at("patch")).unwrap();
        symlink("../current/a.txt", at("patch/b.txt")).unwrap();
        let files = [at("current/a.txt"), at("patch/b.txt")];
        let (mut watcher, _) = Watcher::new();
        assert!(watcher.set_files(files.clone()).is_empty());
        for release in ["releases/2", "releases/3"] {
            lead_to("current", release);
            assert_eq!(changed(&mut watcher), files);
            assert!(watcher.set_files(files.clone()).is_empty());
        }
        fs::write(at("releases/3/a.txt"), "edited").unwrap();
        assert_eq!(changed(&mut watcher), files);
    }

    #[test]
    fn a_file_that_others_may_read_now_is_a_change() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.txt");
        fs::write(&file, "uploaded").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
        let (mut watcher, _) = Watcher::new();
        assert!(watcher.set_files([file.clone()]).is_empty());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(changed(&mut watcher), [file]);
    }

    #[test]
    fn a_wait_that_is_dropped_loses_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.txt");
        let (mut watcher, _) = Watcher::new();
        assert!(watcher.set_files([file.clone()]).is_empty());
        fs::write(&file, "saved").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            // Dropped again and again, most often in the middle of the wait for quiet.
            for _ in 0..20 {
                if let Ok(files) = timeout(Duration::from_millis(2), watcher.changed()).await {
                    assert_eq!(files, [file]);
                    return;
                }
            }
            assert_eq!(timeout(PATIENCE, watcher.changed()).await.unwrap(), [file]);
        });
    }

    #[test]
    fn files_are_polled_where_the_system_has_no_events_left() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.txt");
        fs::write(&file, "old").unwrap();
        let (mut watcher, _) = Watcher::new();
        assert!(watcher.set_files([file.clone()]).is_empty());
        let reason = notify::Error::new(notify::ErrorKind::MaxFilesWatch);
        let warning = watcher.poll_instead(reason).to_string();
        assert!(warning.starts_with("the system tells nothing about saved files"), "{warning}");
        assert!(watcher.set_files([file.clone()]).is_empty());
        fs::write(&file, "another length").unwrap();
        assert_eq!(changed(&mut watcher), [file]);
    }

    #[test]
    fn what_another_machine_writes_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.txt");
        fs::write(&file, "old").unwrap();
        let (mut watcher, _) = Watcher::new();
        assert!(watcher.set_files([file.clone()]).is_empty());
        // As on a file system of others: nothing is told.
        watcher.backend.as_mut().unwrap().unwatch(folder.path()).unwrap();
        watcher.is_shared = true;
        fs::write(&file, "another length").unwrap();
        assert_eq!(changed(&mut watcher), [file]);
    }

    #[test]
    fn a_folder_that_does_not_exist_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let (mut watcher, _) = Watcher::new();
        let errors = watcher.set_files([folder.path().join("none/a.txt")]);
        assert!(errors[0].to_string().contains("saves there are not noticed"), "{errors:?}");
    }
}
