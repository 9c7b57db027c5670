//! Who asks, for what, and what the project says in; allowed or denied out.
