//! Work in a thread of its own. The thread of the caller waits without Python's lock and looks for
//! signals, so that other threads run and Ctrl-C ends the call at once.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use dcodec::{Error, Report, Result};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Time between two looks for signals.
const PATIENCE: Duration = Duration::from_millis(50);

/// Bytes of the thread's stack, as of a program's first thread.
const STACK: usize = 8 << 20;

/// Progress of an encode or a decode: `layers` that are done, `bytes` written or read, the noise
/// level `sigma` in 8-bit levels (None before the first layer), and the share of the work that is
/// `done`, 0 to 1.
#[pyclass(frozen, get_all, module = "dcodec")]
pub struct Progress {
    /// Layers that are done.
    layers: u32,
    /// Bytes written or read.
    bytes: u64,
    /// Present noise level in 8-bit levels.
    sigma: Option<f64>,
    /// Estimated share of the work that is done.
    done: f64,
}

#[pymethods]
impl Progress {
    fn __repr__(&self) -> String {
        let Progress {
            layers,
            bytes,
            done,
            ..
        } = self;
        let sigma = self.sigma.map_or("None".into(), |s| format!("{s:.3}"));
        format!("Progress(layers={layers}, bytes={bytes}, sigma={sigma}, done={done:.3})")
    }
}

/// News from the work.
enum Message<T> {
    /// Progress, and the way to say whether to go on.
    Progress(dcodec::Progress, SyncSender<ControlFlow<()>>),
    Done(Result<T>),
}

/// Stops the work when the caller leaves.
struct StopAtEnd(Arc<AtomicBool>);

impl Drop for StopAtEnd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does `work`, and calls `progress` in the caller's thread as it goes on.
///
/// The work owns all that it needs. If the caller is interrupted, it goes on alone up to its next
/// report, which can be seconds away.
///
/// # Errors
/// The library's, the callback's, and those of handlers of signals, KeyboardInterrupt among them.
pub fn run<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<Py<PyAny>>,
    work: impl FnOnce(&mut Report<'_>) -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let (send, mut receive) = mpsc::channel();
    let stop = StopAtEnd(Arc::default());
    let (stopped, is_heard) = (stop.0.clone(), progress.is_some());
    let body = move || {
        let done = in_pool(|| {
            let mut report = |p| reported(p, &send, &stopped, is_heard);
            work(&mut report)
        });
        // Nobody may be left to hear it.
        let _ = send.send(Message::Done(done));
    };
    thread::Builder::new()
        .name("dcodec".into())
        .stack_size(STACK)
        .spawn(body)?;
    loop {
        let message = py.detach(|| {
            let message = receive.recv_timeout(PATIENCE);
            (message, receive)
        });
        let message: (
            std::result::Result<Message<T>, RecvTimeoutError>,
            Receiver<Message<T>>,
        ) = message;
        receive = message.1;
        match message.0 {
            Ok(Message::Done(done)) => return done.map_err(|e| crate::errors::raised(py, e)),
            Ok(Message::Progress(p, answer)) => {
                if let Some(progress) = &progress {
                    progress.call1(py, (told(p),))?;
                }
                py.check_signals()?;
                let _ = answer.send(ControlFlow::Continue(()));
            }
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err(
                    "the work ended without a result: this is a fault of dcodec",
                ));
            }
        }
    }
}

fn told(p: dcodec::Progress) -> Progress {
    Progress {
        layers: p.layers,
        bytes: p.bytes,
        sigma: p.sigma,
        done: p.done,
    }
}

/// Tells the caller of the progress, and waits for the answer if there is a callback.
fn reported<T>(
    p: dcodec::Progress,
    send: &Sender<Message<T>>,
    stopped: &AtomicBool,
    is_heard: bool,
) -> ControlFlow<()> {
    if stopped.load(Ordering::Relaxed) {
        return ControlFlow::Break(());
    }
    if !is_heard {
        return ControlFlow::Continue(());
    }
    let (answer, wait) = mpsc::sync_channel(1);
    if send.send(Message::Progress(p, answer)).is_err() {
        return ControlFlow::Break(());
    }
    wait.recv().unwrap_or(ControlFlow::Break(()))
}

/// Does `work` with a pool of threads that lives. A panic becomes an error.
fn in_pool<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let work = || {
        let caught = catch_unwind(AssertUnwindSafe(work));
        caught.unwrap_or_else(|_| {
            Err(Error::Backend(
                "the work panicked: this is a fault of dcodec".into(),
            ))
        })
    };
    match pool_after_fork()? {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// A pool for a process that was forked after the global one began. The threads of that one are
/// the parent's, and a child would wait for them for ever.
fn pool_after_fork() -> Result<Option<Arc<ThreadPool>>> {
    static FIRST: OnceLock<u32> = OnceLock::new();
    static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);
    let own = std::process::id();
    if *FIRST.get_or_init(|| own) == own {
        return Ok(None);
    }
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    match &*pool {
        Some((process, pool)) if *process == own => Ok(Some(pool.clone())),
        _ => {
            let made = ThreadPoolBuilder::new().build();
            let made = Arc::new(made.map_err(|e| Error::Backend(e.to_string()))?);
            *pool = Some((own, made.clone()));
            Ok(Some(made))
        }
    }
}
