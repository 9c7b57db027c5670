//! Who is let in, with what.

mod basic;
mod robots;
mod token;
