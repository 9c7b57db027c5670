//! Named points at which a test may end the process, to see what a reopened store says.

/// Called when the work has come to `point`. Does nothing outside tests.
#[inline]
pub(crate) fn reached(point: &'static str) {
    #[cfg(feature = "testing")]
    if let Some(hook) = HOOK.get() {
        hook(point);
    }
    #[cfg(not(feature = "testing"))]
    let _ = point;
}

#[cfg(feature = "testing")]
static HOOK: std::sync::OnceLock<fn(&'static str)> = std::sync::OnceLock::new();

/// Sets what is called at every point, once in a process.
#[cfg(feature = "testing")]
pub fn on_reached(hook: fn(&'static str)) {
    let _ = HOOK.set(hook);
}
