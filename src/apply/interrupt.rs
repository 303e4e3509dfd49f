//! Being asked to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts the signals received. One: stop at a safe point. Two: stop after the atomic step under way.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    count: Arc<AtomicUsize>,
    signal: Arc<AtomicI32>,
    raised: Arc<Notify>,
}

impl Interrupt {
    pub fn raise(&self, signal: i32) {
        self.signal.store(signal, Ordering::SeqCst);
        self.count.fetch_add(1, Ordering::SeqCst);
        self.raised.notify_waiters();
    }

    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Returns once a signal has been received.
    pub async fn raised(&self) {
        let raised = self.raised.notified();
        if self.count() == 0 {
            raised.await;
        }
    }

    /// The last signal received.
    pub fn signal(&self) -> Option<i32> {
        match self.signal.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }
}
