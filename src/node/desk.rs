//! What operators ask of the running node beside its catalog: figures, bins, views, certificates.

mod export;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::catalog::command::{Actor, Command, ServiceCommand};
use holdfast_actors::front::Front;
use holdfast_actors::kernel::{Date, NodeId, RepositoryId, Size, Space, Timestamp};
use holdfast_actors::node::Node;
use holdfast_actors::ports::{Pending, Ports, Storage};
use holdfast_actors::repositories;
use holdfast_actors::repository::{self, Snapshot, Visit};
use holdfast_actors::shell::{Fault, Handle, Path, Standing};
use holdfast_actors::tenants;
use holdfast_cluster::identity::{Folder, thumbprint};

use super::figures::report;
use crate::admin::answers::{self, BinContent, ByteSeconds};
use crate::admin::office::{Books, Member, Services};
use crate::admin::{Items, Problem, ProblemClass};
use crate::commands::credential::Secret;
use crate::commands::values::{Moment, Month};
use crate::home::{CLUSTER, Home};
use crate::tls::{CertificateStore, Identity, RotationMessage, SharedStore};

/// How long a certificate that was rotated in waits, so that clients can learn its thumbprint (D4).
const OVERLAP_DAYS: u64 = 14;

/// The node, as operators ask it.
pub(super) struct Desk {
    name: String,
    host: String,
    listen: Mutex<(Vec<String>, Option<String>)>,
    front: Front,
    store: SharedStore,
    rotation: Handle<RotationMessage>,
    books: Arc<dyn Books>,
    ports: Ports,
    /// Which node of its cluster, and where its identity lies.
    member: Option<(NodeId, PathBuf)>,
}

impl Desk {
    /// A desk of this node.
    pub(super) fn new(
        home: &Home,
        node: &Node,
        (store, rotation): (SharedStore, Handle<RotationMessage>),
        books: Arc<dyn Books>,
        ports: Ports,
    ) -> Self {
        Self {
            name: home.name.to_string(),
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .to_lowercase(),
            listen: Mutex::default(),
            front: node.front.clone(),
            store,
            rotation,
            books,
            ports,
            member: home
                .membership()
                .map(|it| (it.node, home.path.join(CLUSTER))),
        }
    }

    /// Notes where the node listens.
    pub(super) fn listens(&self, face: SocketAddr, metrics: Option<SocketAddr>) {
        let mut listen = self.listen.lock().unwrap_or_else(PoisonError::into_inner);
        *listen = (
            vec![face.to_string()],
            metrics.map(|address| address.to_string()),
        );
    }

    fn visit(&self, id: RepositoryId) -> Pending<Result<Visit, Problem>> {
        let visit = self
            .front
            .repositories
            .ask(|door| repositories::Message::Visit(id, door));
        Box::pin(async move { visit.await.map_err(|_| out_of_service(id)) })
    }

    fn held(&self, id: RepositoryId) -> Pending<Result<(Visit, Snapshot), Problem>> {
        let visit = self.visit(id);
        Box::pin(async move {
            let visit = visit.await?;
            let held = visit.repository.ask(repository::Message::Look).await;
            let held = held
                .map_err(|_| out_of_service(id))?
                .map_err(Problem::failed)?;
            Ok((visit, held))
        })
    }

    /// The earliest instant that a repository still shows as it was.
    fn reach(&self, id: RepositoryId) -> Timestamp {
        let rows = self.books.rows();
        let now = self.ports.clock.now().wall;
        let settings = repository::Settings::of(&rows, id).unwrap_or_default();
        let days = u64::from(settings.bin_days.max(settings.hold_days));
        Timestamp::from_millis(now.as_millis().saturating_sub(days * 86_400_000))
    }

    fn identity(&self) -> MutexGuard<'_, CertificateStore> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> answers::Certificate {
        let store = self.identity();
        let (served, status, due) = (store.served(), store.status(), store.due());
        answers::Certificate {
            thumbprint: status.thumbprint,
            subject: served.names().first().cloned().unwrap_or_default(),
            names: status.names,
            not_before: Moment(served.since()),
            not_after: Moment(served.until()),
            self_signed: served.is_self_signed(),
            next: status.next.map(|next| next.thumbprint),
            switch: due.map(Moment),
            pem: served.certificate_pem(),
        }
    }

    /// Tells the catalog of a certificate, then shows it.
    fn told(&self, by: Actor) -> Pending<Result<answers::Certificate, Problem>> {
        let shown = self.shown();
        let command = match (shown.next.clone(), shown.switch) {
            (Some(thumbprint), Some(Moment(switch))) => {
                ServiceCommand::CertificatePrepared { thumbprint, switch }
            }
            (None, _) | (_, None) => {
                let thumbprint = shown.thumbprint.clone();
                ServiceCommand::CertificateUpdated { thumbprint }
            }
        };
        // If it has ended, so does the node.
        let _ = self.rotation.tell(RotationMessage::Look);
        let told = self.books.submit(by, Command::Service(command));
        Box::pin(async move { told.await.map(|_| shown) })
    }
}

fn out_of_service(id: RepositoryId) -> Problem {
    let text = format!("{id} is out of service; look with 'shell -c \"show node/repositories\"'");
    Problem::new(ProblemClass::Failed, "unavailable", text)
}

fn refused(error: &(dyn std::error::Error + 'static)) -> Problem {
    Problem::new(ProblemClass::Refused, "bad-certificate", Fault::of(error))
}

impl Services for Desk {
    fn node(&self) -> answers::Node {
        let (listen, metrics) = self
            .listen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let storage = self.ports.disk.storage();
        answers::Node {
            node: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            listen,
            metrics,
            thumbprint: self.identity().served().thumbprint().to_string(),
            free: storage.map(|storage| storage.free),
            reserve: storage.map(Storage::reserve),
            reads_as_of: self.front.cut_off().map(|it| Moment(it.as_of)),
        }
    }

    fn member(&self) -> Result<Option<Member>, Problem> {
        let Some((node, path)) = &self.member else {
            return Ok(None);
        };
        let folder = Folder::open(path).map_err(Problem::failed)?;
        let own = folder.node().map_err(Problem::failed)?;
        let root = own.map(|own| thumbprint(own.root()));
        Ok(root.map(|root| Member { node: *node, root }))
    }

    fn wall(&self) -> Timestamp {
        self.ports.clock.now().wall
    }

    fn revive(&self, path: &Path) -> bool {
        let listings = self.ports.directory.tree().into_iter();
        let mut out = listings.filter(|listing| listing.standing == Standing::OutOfService);
        if !out.any(|listing| listing.path == *path) {
            return false;
        }
        let rows = self.books.rows();
        let (tenants, repositories) = (
            Path::node().child("tenants"),
            Path::node().child("repositories"),
        );
        // Those who supervise end with the node only.
        if let Some(name) = rows
            .tenants
            .keys()
            .find(|name| tenants.child(name) == *path)
        {
            let again = tenants::Message::Restart(name.clone());
            return self.front.tenants.tell(again).is_ok();
        }
        let mut ids = rows.repositories.keys();
        ids.find(|id| repositories.child(id) == *path)
            .is_some_and(|id| {
                let again = repositories::Message::Restart(*id);
                self.front.repositories.tell(again).is_ok()
            })
    }

    fn figures(&self, id: RepositoryId) -> Pending<Result<answers::Figures, Problem>> {
        let (front, books) = (self.front.clone(), Arc::clone(&self.books));
        Box::pin(async move {
            let report = report(&front, id).await.ok_or_else(|| out_of_service(id))?;
            // Behind the report: a repository that was loaded for it has sealed what was open.
            let rows = books.rows();
            let extents = rows.extents_of(id);
            let sealed: u64 = extents.filter_map(|(_, row)| row.sealed).sum();
            let open = report.end.map_or(0, |end| end.offset);
            Ok(answers::Figures {
                used: report.total.live,
                charged: report.charged,
                stored: Size::bytes(sealed + open),
                reclaimable: report.dead,
                bin: report.total.bin,
                objects: report.total.objects,
            })
        })
    }

    fn bin(&self, id: RepositoryId) -> Pending<Result<BinContent, Problem>> {
        let (held, figures, reach) = (self.held(id), self.figures(id), self.reach(id));
        Box::pin(async move {
            let (_, held) = held.await?;
            let figures = figures.await?;
            let binned: Vec<Timestamp> = held.binned().map(|binned| binned.deleted).collect();
            Ok(BinContent {
                objects: binned.len() as u64,
                bin: figures.bin,
                charged: figures.charged.minus(figures.used),
                oldest: binned.into_iter().min().map(Moment),
                reach: Moment(reach),
            })
        })
    }

    fn viewable(&self, id: RepositoryId, at: Timestamp) -> Pending<Result<(), Problem>> {
        let (held, reach) = (self.held(id), self.reach(id));
        let now = self.ports.clock.now().wall;
        Box::pin(async move {
            held.await?;
            if at >= reach && at <= now {
                return Ok(());
            }
            let text =
                format!("the repository can be shown as of any instant from {reach} to {now}");
            Err(Problem::new(ProblemClass::Refused, "out-of-reach", text))
        })
    }

    fn export(
        &self,
        id: RepositoryId,
        at: Timestamp,
        to: PathBuf,
        items: Items,
    ) -> Pending<Result<answers::Moved, Problem>> {
        let (held, viewable) = (self.held(id), self.viewable(id, at));
        Box::pin(async move {
            viewable.await?;
            let (visit, held) = held.await?;
            export::export(&visit, &held, Space::TENANT, at, to, &items).await
        })
    }

    fn restore(&self, id: RepositoryId, at: Timestamp) -> Pending<Result<answers::Moved, Problem>> {
        let (visit, viewable) = (self.visit(id), self.viewable(id, at));
        Box::pin(async move {
            viewable.await?;
            let visit = visit.await?;
            let before = visit.repository.ask(repository::Message::Look).await;
            let before = before
                .map_err(|_| out_of_service(id))?
                .map_err(Problem::failed)?;
            let restore = |reply| repository::Message::Restore(at, reply);
            let restored = visit.repository.ask(restore).await;
            restored
                .map_err(|_| out_of_service(id))?
                .map_err(Problem::failed)?;
            let back = before.binned().filter(|binned| binned.is_visible(at));
            let sizes: Vec<Size> = back.map(|binned| binned.object.size).collect();
            Ok(answers::Moved {
                objects: sizes.len() as u64,
                bytes: sizes.into_iter().sum(),
            })
        })
    }

    fn verify(
        &self,
        id: RepositoryId,
        items: Items,
    ) -> Pending<Result<answers::Findings, Problem>> {
        let held = self.held(id);
        Box::pin(async move {
            let (visit, held) = held.await?;
            Ok(export::verify(&visit, &held, &items).await)
        })
    }

    fn usage(&self, month: Month) -> Pending<Result<Vec<answers::Usage>, Problem>> {
        let (front, rows) = (self.front.clone(), self.books.rows());
        let here = self.member.as_ref().map(|(node, _)| *node);
        Box::pin(async move {
            let mut all = Vec::new();
            for (tenant, row) in &rows.tenants {
                // Of a cluster's tenants, those who are at home here.
                if here.is_some() && rows.home(tenant) != here {
                    continue;
                }
                let mine = rows
                    .repositories
                    .iter()
                    .filter(|(_, other)| other.tenant == row.id);
                let mut held = 0;
                for (id, _) in mine {
                    let report = report(&front, *id)
                        .await
                        .ok_or_else(|| out_of_service(*id))?;
                    held += of_month(&report.usage, month);
                }
                let byte_seconds = Some(ByteSeconds(held));
                all.push(answers::Usage {
                    tenant: tenant.clone(),
                    month,
                    byte_seconds,
                });
            }
            Ok(all)
        })
    }

    fn certificate(&self) -> Pending<Result<answers::Certificate, Problem>> {
        let shown = self.shown();
        Box::pin(std::future::ready(Ok(shown)))
    }

    fn import_certificate(
        &self,
        pem: Secret,
        by: Actor,
    ) -> Pending<Result<answers::Certificate, Problem>> {
        let now = self.ports.clock.now().wall;
        let imported = Identity::from_pem(pem.expose(), pem.expose(), now);
        let imported = imported.map_err(|error| refused(&error));
        let stored = imported.and_then(|identity| {
            self.identity()
                .import(identity)
                .map_err(|error| refused(&error))
        });
        match stored {
            Ok(()) => self.told(by),
            Err(problem) => Box::pin(std::future::ready(Err(problem))),
        }
    }

    fn rotate_certificate(&self, by: Actor) -> Pending<Result<answers::Certificate, Problem>> {
        let now = self.ports.clock.now().wall;
        let switch = now + std::time::Duration::from_secs(OVERLAP_DAYS * 86_400);
        let made = Identity::self_signed(&self.host, now).map_err(|error| refused(&error));
        let stored = made.and_then(|identity| {
            self.identity()
                .rotate(identity, switch)
                .map_err(|error| refused(&error))
        });
        match stored {
            Ok(()) => self.told(by),
            Err(problem) => Box::pin(std::future::ready(Err(problem))),
        }
    }
}

fn of_month(usage: &BTreeMap<Date, u128>, month: Month) -> u128 {
    usage.get(&month.first()).copied().unwrap_or_default()
}
