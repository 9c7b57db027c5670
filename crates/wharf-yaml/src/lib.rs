//! YAML and JSON text in, values out, and back, as Helm's Go libraries read and write them.
