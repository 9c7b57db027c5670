/// Tells how much stack has been used since it was made, so that recursion can stop in good time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackGuard {
    base: usize,
    limit_bytes: usize,
}

impl StackGuard {
    #[inline(never)]
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { base: stack_address(), limit_bytes }
    }

    pub(crate) fn is_exhausted(self) -> bool {
        self.base.abs_diff(stack_address()) > self.limit_bytes
    }
}

/// Returns the address of something on the stack.
#[inline(never)]
fn stack_address() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&marker)).addr()
}
