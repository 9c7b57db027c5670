//! Chart folders and archives in, checked charts and reproducible archives out.
