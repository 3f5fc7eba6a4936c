//! A kernel and buffers for layers to run with.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::prior::cpu::kernel::Kernel;
use crate::prior::cpu::lines::Lines;

/// The kernel of a network and the buffers of its tasks.
#[derive(Debug)]
pub(super) struct Context {
    kernel: Kernel,
    idle: Mutex<Vec<Scratch>>,
}

impl Context {
    /// A context without buffers yet.
    pub fn new(kernel: Kernel) -> Context {
        Context {
            kernel,
            idle: Mutex::default(),
        }
    }

    /// Kernel in use.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Buffers for a task, of an earlier one if there are any. They come back when dropped.
    pub fn scratch(&self) -> Borrowed<'_> {
        let scratch = self.lock().pop().unwrap_or_default();
        Borrowed {
            context: self,
            scratch,
        }
    }

    /// Frees the buffers.
    pub fn release(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Scratch>> {
        // Buffers hold nothing between tasks that a panic could have left half written.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Transforms of inputs and products, and a tile's inputs at an edge.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub v: Lines,
    pub m: Lines,
    pub patch: Vec<f32>,
}

/// Buffers on loan from a context.
pub(super) struct Borrowed<'a> {
    context: &'a Context,
    scratch: Scratch,
}

impl Deref for Borrowed<'_> {
    type Target = Scratch;

    fn deref(&self) -> &Scratch {
        &self.scratch
    }
}

impl DerefMut for Borrowed<'_> {
    fn deref_mut(&mut self) -> &mut Scratch {
        &mut self.scratch
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.context.lock().push(std::mem::take(&mut self.scratch));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back() {
        let context = Context::new(Kernel::best());
        context.scratch().v.fit(1000);
        let (mut first, mut second) = (context.scratch(), context.scratch());
        assert_eq!((first.v.len(), second.v.len()), (1000, 0));
        second.m.fit(7);
        first.m.fit(6);
        drop((first, second));
        assert_eq!(context.lock().len(), 2);
        context.release();
        assert!(context.lock().is_empty());
    }
}
