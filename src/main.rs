//! Parses the arguments, does what they say, ends with its exit code.

use std::process::ExitCode;

use holdfast::cli::{self, Programs};
use holdfast::{demo, node};

fn main() -> ExitCode {
    let programs = Programs {
        demo: demo::run,
        init: node::init,
        join: node::join,
        serve: node::serve,
        import: node::import,
        recover: node::recover,
    };
    cli::run(std::env::args_os(), &programs).into()
}
