//! [`LossyFs`]: a volume, mounted, with a hand on its power cord.
//!
//! Spec: docs/adr/0002-slabs-and-sled.md, "Proofs". Invariant: from the moment of the cut on no act succeeds, so that
//! nothing is acknowledged on the strength of it.

use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fuser::{BackgroundSession, Config, MountOption};

use crate::fault::{Fault, On};
use crate::fuse::Server;
use crate::volume::{Act, NodeId, Volume};

/// What the mount and its owner share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) volume: Volume,
    /// The power fails when this many acts are done.
    cut_at: Option<u64>,
    cut: bool,
    faults: Vec<Fault>,
    /// Bytes that all files together may have.
    pub(crate) capacity: Option<u64>,
    slow: Duration,
    recording: Option<(Volume, Vec<Act>)>,
}

/// State, and a bell that rings at the cut.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    bell: Condvar,
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `look` see the volume, unless the power is off.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> io::Result<T>) -> io::Result<T> {
        let state = self.state();
        if state.cut { Err(io::Error::other("the power is off")) } else { look(&state) }
    }

    /// Asks whether an act of this kind on `node`, called `name` if that is known, may happen.
    pub(crate) fn allow(&self, on: On, name: &str) -> io::Result<()> {
        let mut state = self.state();
        if state.cut {
            return Err(io::Error::other("the power is off"));
        }
        let struck = state.faults.iter_mut().find_map(|fault| fault.strikes(on, name));
        let slow = if on == On::Sync { state.slow } else { Duration::ZERO };
        drop(state);
        if let Some(kind) = struck {
            return Err(kind.into());
        }
        std::thread::sleep(slow);
        Ok(())
    }

    /// Does an act that `check` agrees to.
    pub(crate) fn act<T>(&self, check: impl FnOnce(&State) -> io::Result<(T, Act)>) -> io::Result<T> {
        let mut state = self.state();
        if state.cut {
            return Err(io::Error::other("the power is off"));
        }
        let (answer, act) = check(&state)?;
        state.volume.act(&act);
        if let Some((_, acts)) = &mut state.recording {
            acts.push(act);
        }
        if state.cut_at.is_some_and(|at| state.volume.acts() >= at) {
            state.cut = true;
            self.bell.notify_all();
            // The act itself happened, in the cache; whoever did it does not hear of it.
            return Err(io::Error::other("the power is off"));
        }
        Ok(answer)
    }
}

/// A mounted volume. Unmounted with the value.
#[derive(Debug)]
pub struct LossyFs {
    shared: Arc<Shared>,
    session: Option<BackgroundSession>,
}

impl LossyFs {
    /// Mounts `volume` at the folder `at`.
    ///
    /// # Errors
    /// Whatever the system has against it: no `/dev/fuse`, no right to mount.
    pub fn mount(at: &Path, volume: Volume) -> io::Result<Self> {
        let slow = Duration::ZERO;
        let state = State {
            volume,
            cut_at: None,
            cut: false,
            faults: Vec::new(),
            capacity: None,
            slow,
            recording: None,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), bell: Condvar::new() });
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("lossyfs".to_owned()), MountOption::NoDev];
        let session = fuser::spawn_mount(Server(Arc::clone(&shared)), at, &config)?;
        Ok(Self { shared, session: Some(session) })
    }

    /// How many acts were done, over all mounts of the volume.
    #[must_use]
    pub fn acts(&self) -> u64 {
        self.shared.state().volume.acts()
    }

    /// Cuts the power when `more` acts are done.
    pub fn cut_after(&self, more: u64) {
        let mut state = self.shared.state();
        state.cut_at = Some(state.volume.acts() + more);
    }

    /// Cuts the power now.
    pub fn cut(&self) {
        self.shared.state().cut = true;
        self.shared.bell.notify_all();
    }

    /// Whether the power is off.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.shared.state().cut
    }

    /// Waits for the cut, and at most so long; whether it came.
    #[must_use]
    pub fn wait_for_cut(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut state = self.shared.state();
        while !state.cut {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.shared.bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Makes acts fail from now on.
    pub fn fail(&self, fault: Fault) {
        self.shared.state().faults.push(fault);
    }

    /// No more faults.
    pub fn mend(&self) {
        let mut state = self.shared.state();
        state.faults.clear();
        state.capacity = None;
        state.slow = Duration::ZERO;
    }

    /// All files together may grow by so many bytes more; then the disk is full.
    pub fn fill_up(&self, more: u64) {
        let mut state = self.shared.state();
        state.capacity = Some(state.volume.used() + more);
    }

    /// Each sync takes so long.
    pub fn slow(&self, sync: Duration) {
        self.shared.state().slow = sync;
    }

    /// Notes every act from now on.
    pub fn record(&self) {
        let mut state = self.shared.state();
        state.recording = Some((state.volume.clone(), Vec::new()));
    }

    /// What was noted: the volume as it was then, and every act since.
    #[must_use]
    pub fn recorded(&self) -> Option<(Volume, Vec<Act>)> {
        self.shared.state().recording.take()
    }

    /// The volume as it is, cache and all.
    #[must_use]
    pub fn volume(&self) -> Volume {
        self.shared.state().volume.clone()
    }

    /// Unmounts it; what a kernel that still has power would have written by then is in the volume. After a cut, the
    /// volume is that of the moment of the cut.
    ///
    /// # Errors
    /// When something still holds it.
    pub fn unmount(mut self) -> io::Result<Volume> {
        if let Some(session) = self.session.take() {
            match session.umount_and_join() {
                // A process was killed with a request under way: the kernel gave the connection up before we asked.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                other => other?,
            }
        }
        Ok(self.volume())
    }
}

/// Whether this process may run the body of `test`: in a mount namespace of its own, where a mount can't be left over.
///
/// Elsewhere it runs `test`, by its full name, again inside one, insists that it passes there, and returns `false`;
/// where there is no `/dev/fuse`, or no namespace, it says so loudly and returns `false`.
///
/// # Panics
/// When the test fails inside.
#[must_use]
pub fn inside_namespace(test: &str) -> bool {
    const INSIDE: &str = "SUBROSA_LOSSYFS";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let usable = std::fs::File::options().read(true).write(true).open("/dev/fuse").is_ok();
    let can = |options: &[&str]| {
        let tried = Command::new("unshare").args(options).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    let options: &[&str] = if can(&["-m"]) { &["-m"] } else { &["-r", "-m"] };
    if !usable || !can(options) {
        // Past the capture of libtest: a skip that nobody sees is a lie.
        let line = format!("SKIPPED: {test}: no /dev/fuse, or no mount namespace of one's own, here\n");
        let _ = io::stderr().write_all(line.as_bytes());
        return false;
    }
    let own = std::env::current_exe().expect("a test has a binary");
    let mut again = Command::new("unshare");
    again.args(options).arg("--propagation").arg("private").arg(own);
    again.args(["--exact", test, "--nocapture", "--include-ignored"]).env(INSIDE, "1");
    let status = again.status().expect("unshare starts");
    assert!(status.success(), "{test} failed in its namespace: {status}");
    false
}

impl State {
    /// What a node is called, for faults that are about a name; its first name, if it has many.
    pub(crate) fn name_of(&self, node: NodeId) -> String {
        self.volume.names.name_of(node).unwrap_or_default()
    }
}
