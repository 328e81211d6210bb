//! What every adapter of calls must do, over whatever link.
