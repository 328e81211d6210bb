//! The command line as operators meet it: the built program, run with arguments, against a socket.

mod arguments;
mod figures;
mod furniture;
mod office;
mod socket;
mod world;
