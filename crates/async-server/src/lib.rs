//! async-server
