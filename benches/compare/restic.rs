//! The unmodified restic of the system, as a tenant's client.

use std::fs;
use std::io;
use std::process::Command;
use std::time::Instant;

use super::server::Server;

/// One client of one server, with a cache of its own.
pub(crate) struct Client<'a> {
    server: &'a Server,
}

impl<'a> Client<'a> {
    /// A client of a server.
    pub(crate) fn new(server: &'a Server) -> io::Result<Self> {
        fs::create_dir_all(server.path("cache"))?;
        Ok(Self { server })
    }

    /// Runs restic to its end.
    pub(crate) fn run(&self, words: &[&str]) -> io::Result<()> {
        let Server {
            port,
            user,
            password,
            repository,
            ..
        } = self.server;
        let password = password.replace(' ', "%20");
        let url = format!("rest:https://{user}:{password}@localhost:{port}/{repository}/");
        let output = Command::new("restic")
            .args(["-q", "--cacert"])
            .arg(self.server.certificate())
            .arg("--cache-dir")
            .arg(self.server.path("cache"))
            .args(words)
            .env("RESTIC_REPOSITORY", url)
            .env("RESTIC_PASSWORD", "what the provider never learns")
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(io::Error::other(format!("restic {words:?}: {said}")))
    }

    /// Runs restic to its end; for how long, in seconds.
    pub(crate) fn timed(&self, words: &[&str]) -> io::Result<f64> {
        let start = Instant::now();
        self.run(words)?;
        Ok(start.elapsed().as_secs_f64())
    }
}
