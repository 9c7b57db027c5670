//! Content targets, and the graph copy between any two of them.
