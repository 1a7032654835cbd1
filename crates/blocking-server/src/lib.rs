//! blocking-server
