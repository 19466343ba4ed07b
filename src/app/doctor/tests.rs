//! Each judge by itself.
