//! Parses the arguments, does what they say, ends with its exit code.

use std::process::ExitCode;

use holdfast::cli::{self, Exit, Failure, Programs};

fn main() -> ExitCode {
    let programs = Programs {
        demo: |_, _| Err(absent()),
        init: |_, _, _| Err(absent()),
        serve: |_, _, _| Err(absent()),
    };
    cli::run(std::env::args_os(), &programs).into()
}

fn absent() -> Failure {
    Failure::new(Exit::Other, "absent", "this build has no node")
}
