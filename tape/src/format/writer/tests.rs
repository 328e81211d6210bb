//! Scripts for the writer.
