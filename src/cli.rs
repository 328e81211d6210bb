//! The command line: argv becomes an order, and its answer becomes text or JSON and an exit code.
//!
//! Exit codes: 0 done, 2 usage, 3 not found, 4 refused by a rule, 5 conflict, 6 the node, or a
//! majority of its cluster, does not answer, 1 anything else. Secrets come from files, stdin or a
//! prompt, never from argv. No rule is decided here.

mod advice;
mod backup;
mod confirm;
mod failure;
mod layout;
mod present;
pub mod progress;
mod screen;
pub mod secret;
mod status;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use holdfast_actors::names::OperatorName;

use crate::agent::{self, AgentCommand};
use crate::commands::catalog::{self, Catalog};
use crate::commands::tape::Tape;
use crate::commands::tape::media::Media;
use crate::commands::tape::restore::Restore;
use crate::commands::{self, Order, Usage, node};
use crate::inspect;
use crate::sim::{self, Sim};

pub(crate) use confirm::typed;
pub use failure::{Exit, Failure};
pub use screen::Screen;

/// Backup as a service: tenants send backups by the restic protocol into leased, quota'd
/// repositories.
#[derive(Debug, Parser)]
#[command(
    name = "holdfast",
    version,
    disable_help_subcommand = true,
    after_help = "Examples:\n  holdfast demo\n  holdfast init --data /srv/holdfast\n  \
                  holdfast serve --data /srv/holdfast\n  \
                  holdfast --data /srv/holdfast tenant add acme --lease 2027-12-31"
)]
pub struct Arguments {
    /// The node's data directory
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Answer in JSON: one object, one array, or with --follow one object a line
    #[arg(long, global = true)]
    pub json: bool,
    /// Speak as this operator, where several share one local user
    #[arg(long = "as", global = true, value_name = "OPERATOR", value_parser = OperatorName::parse)]
    pub operator: Option<OperatorName>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the main job on an embedded node, with what it proves
    #[command(after_help = "Example: holdfast demo --source ~/Documents")]
    Demo(node::Demo),
    /// Make a new node: its identity, its certificate, its data directory
    #[command(
        after_help = "Examples:\n  holdfast init --data /srv/holdfast --name berlin-1\n  \
                      holdfast init --data /srv/holdfast --cluster --address 192.0.2.7:7443"
    )]
    Init(node::Init),
    /// Make a new node of a cluster: ask to be let in with a join token
    #[command(
        after_help = "Example: holdfast join --data /srv/holdfast --token-file token \
                      --address 192.0.2.8:7443"
    )]
    Join(node::Join),
    /// Run the node; prints 'ready' with its addresses
    #[command(
        after_help = "Example: holdfast serve --data /srv/holdfast --listen [::]:8443 \
                            --metrics 127.0.0.1:9443"
    )]
    Serve(node::Serve),
    /// Tenants and their contracts
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast tenant list"
    )]
    Tenant(commands::tenant::Tenant),
    /// Persons and machines of a tenant, each with its own data
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast subtenant list acme"
    )]
    Subtenant(commands::subtenant::Subtenant),
    /// Make a login for a tenant or subtenant and print its password, once
    #[command(
        after_help = "Example: holdfast --data /srv/holdfast password acme+laptop \
                            --scope append"
    )]
    Password(commands::credential::Password),
    /// Logins there are
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast credential list"
    )]
    Credential(commands::credential::Credential),
    /// Who operates the service
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast operator list"
    )]
    Operator(commands::operator::Operator),
    /// Requests that wait for a second operator
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast approval list"
    )]
    Approval(commands::operator::Approval),
    /// Cloud repositories with their quotas
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast repository list"
    )]
    Repository(commands::repository::Repository),
    /// What was deleted and is still kept; repositories as they once were
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast bin list"
    )]
    Bin(commands::bin::Bin),
    /// How much each tenant held, in byte-seconds
    #[command(after_help = "Example: holdfast --data /srv/holdfast usage --month 2026-11 --json")]
    Usage(Usage),
    /// What happened, oldest first
    #[command(after_help = "Example: holdfast --data /srv/holdfast events --follow --json")]
    Events(commands::Events),
    /// The notice that keeps new backups out for a while
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast maintenance status"
    )]
    Maintenance(commands::service::Maintenance),
    /// The day by which leases end
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast clock status"
    )]
    Clock(commands::service::Clock),
    /// The certificate that the node shows to clients
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast certificate show"
    )]
    Certificate(commands::certificate::Certificate),
    /// Make a token that lets one node join the cluster, and print it, once; list and revoke them
    #[command(after_help = "Examples:\n  \
                      holdfast --data /srv/holdfast join-token --expires 2h > token\n  \
                      holdfast --data /srv/holdfast join-token list")]
    JoinToken(commands::cluster::JoinToken),
    /// The catalog as a whole: a backup of it, and bringing it back
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast catalog export catalog.backup"
    )]
    Catalog(commands::catalog::Catalog),
    /// Go on from one node, which must not run, after a majority was lost for good
    #[command(after_help = "Example: holdfast --data /srv/holdfast recover --unsafe")]
    Recover(commands::catalog::Recover),
    /// The nodes of the cluster
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast node list"
    )]
    Node(commands::cluster::Node),
    /// Gateways that serve given tenants, and no others
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast pool list"
    )]
    Pool(commands::pool::Pool),
    /// Tape: libraries, media pools, cartridges, jobs that archive, and restores
    #[command(
        subcommand,
        after_help = "Example: holdfast --data /srv/holdfast tape job list"
    )]
    Tape(Box<commands::tape::Tape>),
    /// Read stored data back and compare it with what was received
    #[command(after_help = "Example: holdfast --data /srv/holdfast verify acme main")]
    Verify(commands::Verify),
    /// Whether the node answers, and how it and its cluster are
    #[command(after_help = "Examples:\n  holdfast --data /srv/holdfast status\n  \
                            holdfast --data /srv/holdfast status --check || page-somebody")]
    Status(node::Status),
    /// Look into the running actors
    #[command(after_help = "Example: holdfast --data /srv/holdfast shell -c tree")]
    Shell(inspect::Shell),
    /// The tenant's own client: back up, restore, look after the account
    #[command(
        subcommand,
        after_help = "Example: holdfast agent backup --server https://backup.example.net:8443 \
                      --user acme --repository main --init ~/Documents"
    )]
    Agent(Box<AgentCommand>),
    /// Run the actors in a simulated world, with faults, from one seed to the same end
    #[command(subcommand, after_help = "Example: holdfast sim run --seeds 0..500")]
    Sim(Box<Sim>),
}

/// What runs in this process, instead of being ordered from a running node.
pub struct Programs {
    /// `demo`.
    pub demo: fn(&node::Demo, &mut Screen) -> Result<(), Failure>,
    /// `init` in a directory.
    pub init: fn(&Path, &node::Init, &mut Screen) -> Result<(), Failure>,
    /// `join` into a directory.
    pub join: fn(&Path, &node::Join, &mut Screen) -> Result<(), Failure>,
    /// `serve` of a directory, until it is told to end.
    pub serve: fn(&Path, &node::Serve, &mut Screen) -> Result<(), Failure>,
    /// `catalog import` into a node that never ran.
    pub import: fn(&Path, &catalog::Import, &mut Screen) -> Result<(), Failure>,
    /// `recover` on a node that does not run.
    pub recover: fn(&Path, &catalog::Recover, &mut Screen) -> Result<(), Failure>,
}

/// Parses arguments, the program's name first, does what they say, tells what came of it, and
/// answers with the process's exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>, programs: &Programs) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    let mut screen = Screen::new(json);
    match Arguments::try_parse_from(arguments) {
        Ok(parsed) => match dispatch(parsed, programs, &mut screen) {
            Ok(()) => Exit::Done,
            Err(failure) => screen.fail(&failure),
        },
        Err(error) => screen.fail_to_parse(&error),
    }
}

fn dispatch(arguments: Arguments, programs: &Programs, screen: &mut Screen) -> Result<(), Failure> {
    let Arguments {
        data,
        operator,
        command,
        json: _,
    } = arguments;
    let order = match command {
        Command::Demo(demo) => return (programs.demo)(&demo, screen),
        Command::Init(init) => return (programs.init)(&needed(data)?, &init, screen),
        Command::Join(join) => return (programs.join)(&needed(data)?, &join, screen),
        Command::Serve(serve) => return (programs.serve)(&needed(data)?, &serve, screen),
        Command::Catalog(Catalog::Export(export)) => {
            let data = needed(data)?;
            return backup::export(&present::Desk { data, operator }, &export, screen);
        }
        Command::Catalog(Catalog::Import(import)) => {
            return (programs.import)(&needed(data)?, &import, screen);
        }
        Command::Recover(recover) => return (programs.recover)(&needed(data)?, &recover, screen),
        Command::Agent(agent) => return tend(&agent, screen),
        Command::Sim(sim) => return sim::run(&sim, screen),
        Command::Shell(shell) => {
            let desk = present::Desk {
                data: needed(data)?,
                operator,
            };
            return inspect::run(
                &shell,
                &mut |order, screen| desk.order(order, screen),
                screen,
            );
        }
        Command::Password(password) => Order::Password(secret::with_password(password)?),
        Command::Certificate(order) => Order::Certificate(secret::with_pem(order)?),
        Command::Bin(order) => Order::Bin(with_whole_path(order)?),
        Command::Tenant(order) => Order::Tenant(order),
        Command::Subtenant(order) => Order::Subtenant(order),
        Command::Credential(order) => Order::Credential(order),
        Command::Operator(order) => Order::Operator(order),
        Command::Approval(order) => Order::Approval(order),
        Command::Repository(order) => Order::Repository(order),
        Command::Usage(order) => Order::Usage(order),
        Command::Events(order) => Order::Events(order),
        Command::Maintenance(order) => Order::Maintenance(order),
        Command::Clock(order) => Order::Clock(order),
        Command::JoinToken(order) => Order::JoinToken(order),
        Command::Node(order) => {
            let data = needed(data)?;
            return confirm::node(&present::Desk { data, operator }, order, screen);
        }
        Command::Pool(order) => {
            let data = needed(data)?;
            return confirm::pool(&present::Desk { data, operator }, order, screen);
        }
        Command::Tape(order) => {
            let data = needed(data)?;
            let order = with_files(*order)?;
            return confirm::tape(&present::Desk { data, operator }, order, screen);
        }
        Command::Verify(order) => Order::Verify(order),
        Command::Status(status) => {
            let data = needed(data)?;
            let desk = present::Desk { data, operator };
            return desk.status(status.check, screen);
        }
    };
    let data = needed(data)?;
    present::Desk { data, operator }.order(order, screen)
}

/// Runs the tenant's own client.
fn tend(command: &AgentCommand, screen: &mut Screen) -> Result<(), Failure> {
    let json = screen.json;
    let ran = agent::run(command, json, &mut std::io::stdin().lock(), screen.out());
    ran.map_err(|failure| {
        let exit = Exit::from_code(failure.code());
        Failure::new(exit, failure.reason(), &failure)
    })
}

fn needed(data: Option<PathBuf>) -> Result<PathBuf, Failure> {
    data.ok_or_else(|| Failure::usage("the node's data directory is not given; add --data DIR"))
}

/// The node may stand in another directory than we do.
fn with_whole_path(order: commands::bin::Bin) -> Result<commands::bin::Bin, Failure> {
    let commands::bin::Bin::Export(mut export) = order else {
        return Ok(order);
    };
    export.to = whole(&export.to)?;
    Ok(commands::bin::Bin::Export(export))
}

/// The same for what comes from tape, with what its secret files hold.
fn with_files(mut order: Tape) -> Result<Tape, Failure> {
    match &mut order {
        Tape::Key(key) => *key = secret::with_key(key.clone())?,
        Tape::Restore(Restore::Run(run)) => {
            if let Some(to) = &mut run.target.to {
                *to = whole(to)?;
            }
        }
        Tape::Media(Media::Copy(copy)) => copy.to = whole(&copy.to)?,
        Tape::Library(_)
        | Tape::Pool(_)
        | Tape::Media(_)
        | Tape::Job(_)
        | Tape::Restore(_)
        | Tape::Drive(_)
        | Tape::Scan(_)
        | Tape::Vault(_)
        | Tape::Class(_)
        | Tape::RecoverCatalog(_) => {}
    }
    Ok(order)
}

fn whole(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::other("io", format!("{}: {error}", path.display())))
}

/// Whether a person sits in front of it.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_agree_with_themselves() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_is_for() {
        fn look(command: &clap::Command, silent: &mut Vec<String>) {
            if command.get_about().is_none() {
                silent.push(command.get_name().to_owned());
            }
            for below in command.get_subcommands() {
                look(below, silent);
            }
        }
        let mut silent = Vec::new();
        look(&Arguments::command(), &mut silent);
        assert!(silent.is_empty(), "{silent:?}");
    }
}
