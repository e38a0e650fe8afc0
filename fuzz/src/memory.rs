//! Counts what a run allocates: more than 64 MiB at once or together is a finding.
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

const RUN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What lives now, and what lived when the run began.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static BEFORE: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static SCALES: Scales = Scales;

/// The system's allocator with a scale under it. libFuzzer's own `-malloc_limit_mb` needs ASan, which needs nightly.
struct Scales;

/// The next run starts from nothing.
pub(crate) fn begin() {
    BEFORE.store(LIVE.load(Ordering::Relaxed), Ordering::Relaxed);
}

fn weigh(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    if bytes > RUN_BYTES_MAX || live.saturating_sub(BEFORE.load(Ordering::Relaxed)) > RUN_BYTES_MAX {
        // Room for the sentence, and for libFuzzer to write the input down.
        LIVE.store(0, Ordering::Relaxed);
        BEFORE.store(usize::MAX, Ordering::Relaxed);
        eprintln!("allocation: {bytes} octets more would make over {RUN_BYTES_MAX} in one run");
        std::process::abort();
    }
}

// SAFETY: every call goes to the system's allocator as it came; beside it only numbers are counted.
unsafe impl GlobalAlloc for Scales {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        weigh(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}
