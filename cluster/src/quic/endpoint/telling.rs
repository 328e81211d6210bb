//! What an endpoint tells of its connections, and whom it cuts off when the table changes.

use std::net::SocketAddr;
use std::sync::PoisonError;

use holdfast_actors::kernel::NodeId;

use super::super::class::Class;
use super::super::end::End;
use super::super::hello::Life;
use super::super::lives::BadLife;
use super::super::notice::Notice;
use super::Shared;
use crate::identity::KeyHash;

impl Shared {
    pub(in crate::quic) fn notice(&self, notice: Notice) {
        let now = self.clock.now().monotonic;
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = news.is_news(now, &notice);
        drop(news);
        if is_news {
            match notice {
                Notice::Refused { .. }
                | Notice::Dismissed { .. }
                | Notice::Outdated { .. }
                | Notice::Doubled { .. } => {
                    tracing::warn!(node = %self.node, "{notice}");
                }
                Notice::Up { .. } | Notice::Down { .. } => {
                    tracing::info!(node = %self.node, "{notice}");
                }
            }
            (self.notices)(notice);
        }
    }

    /// Tells that somebody was refused, if that is what happened.
    pub(in crate::quic) fn refused(
        &self,
        peer: Option<NodeId>,
        address: Option<SocketAddr>,
        end: &End,
    ) {
        if let (End::Dismissed, Some(by)) = (end, peer) {
            return self.notice(Notice::Dismissed { by });
        }
        if let (End::Doubled(_), Some(by)) = (end, peer) {
            return self.notice(Notice::Doubled { by });
        }
        if let (End::Outdated(reason), Some(by)) = (end, peer) {
            let reason = reason.clone();
            return self.notice(Notice::Outdated { by, reason });
        }
        if end.is_refusal() {
            let reason = end.to_string();
            self.notice(Notice::Refused {
                peer,
                address,
                reason,
            });
        }
    }

    /// Takes note of the run of a peer that greets on a connection.
    pub(in crate::quic) fn see(
        &self,
        peer: NodeId,
        life: Life,
        connection: u64,
    ) -> Result<(), BadLife> {
        let now = self.clock.now().monotonic;
        let mut lives = self.lives();
        lives.see(peer, life, now, |known| self.live().runs(peer, known))?;
        self.live().greeted(connection, life);
        Ok(())
    }

    pub(in crate::quic) fn down(&self, peer: NodeId, class: Class, end: &End) {
        let reason = end.to_string();
        self.notice(Notice::Down {
            peer,
            class,
            reason,
        });
    }

    /// The table changed: whoever is no longer in it is cut off.
    pub(super) fn sift(&self) {
        let nodes = self.nodes.borrow().clone();
        // Of a node that is in the table no more it is known that it was removed: none ever leaves
        // it in another way.
        let is_gone =
            |peer, key: &KeyHash| nodes.removed(key).is_some() || nodes.node(peer).is_none();
        let mut live = self.live();
        live.cut_where(&End::Removed, is_gone);
        let is_other = |peer, key: &KeyHash| !nodes.admits(peer, key) && !is_gone(peer, key);
        live.cut_where(&End::Severed, is_other);
        drop(live);
        self.lives().keep(|peer| nodes.node(peer).is_some());
    }
}
