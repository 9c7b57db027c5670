//! The registry's HTTP server: distribution API, management API, access control and jobs.
