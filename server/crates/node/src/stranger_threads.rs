//! Threads of their own for what strangers ask, at a low priority: where the processors are busy, pages and blocks
//! come first.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use tokio::sync::oneshot;

use crate::error::NodeError;
use crate::low_priority::lower_this_thread;

type Work = Box<dyn FnOnce() + Send>;

/// They end when this is dropped.
#[derive(Debug)]
pub(crate) struct StrangerThreads {
    work: mpsc::Sender<Work>,
}

impl StrangerThreads {
    pub(crate) fn start(count: usize) -> Result<Self, NodeError> {
        let (work, waiting) = mpsc::channel::<Work>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..count {
            let waiting = Arc::clone(&waiting);
            std::thread::Builder::new()
                .name("strangers-read".to_owned())
                .spawn(move || run(&waiting))
                .map_err(|error| NodeError::Thread(error.to_string()))?;
        }
        Ok(Self { work })
    }

    /// Runs one piece of work. It goes on where nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, NodeError> + Send + 'static,
    ) -> Result<T, NodeError> {
        let (answer, answered) = oneshot::channel();
        let work = Box::new(move || {
            // An error says that nobody waits.
            let _ = answer.send(work());
        });
        self.work.send(work).map_err(|_| NodeError::Stopped)?;
        answered.await.unwrap_or_else(|_| Err(NodeError::Thread("a read of a stranger panicked".to_owned())))
    }
}

fn run(waiting: &Mutex<mpsc::Receiver<Work>>) {
    lower_this_thread();
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            tracing::error!("a read of a stranger panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_told_and_leaves_the_thread_to_the_next() {
        let threads = StrangerThreads::start(1).unwrap();
        let panicked: Result<(), NodeError> = threads.run(|| panic!("on purpose")).await;
        assert!(matches!(panicked, Err(NodeError::Thread(_))));
        assert_eq!(threads.run(|| Ok(7)).await.unwrap(), 7);
        #[cfg(target_os = "linux")]
        {
            let nice = || rustix::process::getpriority_process(None).unwrap();
            let before = nice();
            assert_eq!(threads.run(move || Ok(nice())).await.unwrap(), before.max(10));
            assert_eq!(nice(), before, "other threads lost their priority");
        }
    }
}
