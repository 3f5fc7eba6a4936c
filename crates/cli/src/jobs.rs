//! Several files at once, as many as the memory holds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

/// Bytes of the stack of a thread, as of a program's first one.
const STACK_BYTES: usize = 8 << 20;

/// Memory that is in use, and the number of files that use it.
#[derive(Default)]
struct InUse {
    bytes: u64,
    files: usize,
}

/// Lets files in while there is memory for them. One file is let in however large it is: it has a
/// limit of its own.
struct Gate {
    limit: u64,
    in_use: Mutex<InUse>,
    left: Condvar,
}

impl Gate {
    /// Waits until there is memory for a file, and does `work`.
    fn pass<T>(&self, bytes: u64, work: impl FnOnce() -> T) -> T {
        let full = |now: &mut InUse| now.files > 0 && now.bytes.saturating_add(bytes) > self.limit;
        let locked = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.left.wait_while(locked, full);
        let mut now = waited.unwrap_or_else(PoisonError::into_inner);
        now.bytes = now.bytes.saturating_add(bytes);
        now.files += 1;
        drop(now);
        let result = work();
        let mut now = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        now.bytes = now.bytes.saturating_sub(bytes);
        now.files -= 1;
        self.left.notify_all();
        result
    }
}

/// Results of `work` on each of `all`, on at most `threads` at once. Those that are worked on take
/// by `need` no more than `memory` bytes together, or than the machine has free.
pub fn run<A: Sync, T: Send>(
    all: &[A],
    threads: usize,
    memory: Option<u64>,
    need: &(dyn Fn(&A) -> u64 + Sync),
    work: &(dyn Fn(&A) -> T + Sync),
) -> Vec<T> {
    let gate = Gate {
        limit: memory.or_else(free_memory).unwrap_or(u64::MAX),
        in_use: Mutex::default(),
        left: Condvar::new(),
    };
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(all.len()));
    let each = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = all.get(i) else { break };
            let result = gate.pass(need(one), || work(one));
            let results = results.lock();
            results
                .unwrap_or_else(PoisonError::into_inner)
                .push((i, result));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(all.len()) {
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            // With fewer threads it takes longer.
            if thread.spawn_scoped(scope, each).is_err() {
                break;
            }
        }
        each();
    });
    let results = results.into_inner();
    let mut results = results.unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(i, _)| *i);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Bytes of memory that programs can have without harm to others; none where the system does not
/// tell.
pub fn free_memory() -> Option<u64> {
    let table = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = table
        .lines()
        .find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    // The rest is for what grows in the meantime.
    Some(kib * 1024 / 4 * 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest sum of what is worked on at once, and the results.
    fn peak(threads: usize, memory: u64) -> (u64, Vec<u64>) {
        let sizes: Vec<u64> = (0..24).map(|i| 10 + i % 5 * 20).collect();
        let (now, most) = (Mutex::new(0), Mutex::new(0));
        let work = |size: &u64| {
            let sum = {
                let mut now = now.lock().unwrap();
                *now += size;
                *now
            };
            let mut most = most.lock().unwrap();
            *most = sum.max(*most);
            drop(most);
            thread::sleep(std::time::Duration::from_millis(2));
            *now.lock().unwrap() -= size;
            2 * size
        };
        let results = run(&sizes, threads, Some(memory), &|size| *size, &work);
        assert_eq!(results, sizes.iter().map(|s| 2 * s).collect::<Vec<_>>());
        let most = *most.lock().unwrap();
        (most, results)
    }

    #[test]
    fn files_share_the_memory() {
        let (most, _) = peak(6, 150);
        assert!(most > 90 && most <= 150, "{most}");
        // Larger than the memory: alone, and not never.
        assert_eq!(peak(6, 5).0, 90);
        assert_eq!(peak(1, 1000).0, 90);
    }
}
