//! Papers are read within limits, and what cannot be read is not hidden.

mod limits;
mod notation;
