//! One node's end of the link, over all its lives.

use std::sync::Arc;

use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{Clock, Link};
use holdfast_cluster::identity::IdentityError;
use holdfast_cluster::nodes::Nodes;
use holdfast_cluster::quic::{
    Class, Config, Endpoint, Ground, Life, Notice, OpenError, Pace, VERSION,
};
use tokio::sync::watch;

use super::book::Book;
use super::chatter::Chatter;
use super::flaw::Flaw;
use super::identity::{WALL, certificate, table};
use super::invariants::welcome;
use crate::clock;
use crate::entropy::Entropy;
use crate::fleet::Stand;

/// The classes on which there is chatter; the third is for calls.
const CHATTER: [Class; 2] = [Class::Control, Class::Bulk];

/// A node's place on the network.
pub(crate) struct Berth {
    node: NodeId,
    nodes: Vec<NodeId>,
    /// Milliseconds between two frames of a chatterer at most.
    pause: u64,
    table: watch::Sender<Arc<Nodes>>,
    book: Book,
    flaw: Option<Flaw>,
    lives: u64,
    endpoint: Option<Arc<Endpoint>>,
}

impl Berth {
    /// The place of one of these nodes, none of which is up.
    ///
    /// # Errors
    /// When there are more nodes than certificates.
    pub(crate) fn new(
        node: NodeId,
        nodes: &[NodeId],
        pause: u64,
        book: Book,
        flaw: Option<Flaw>,
    ) -> Result<Self, IdentityError> {
        Ok(Self {
            node,
            nodes: nodes.to_vec(),
            pause,
            table: watch::Sender::new(table(nodes)?),
            book,
            flaw,
            lives: 0,
            endpoint: None,
        })
    }

    /// A life begins: its link for calls, and who chatters beside them. Inside of its runtime.
    ///
    /// # Errors
    /// When there is no endpoint.
    pub(crate) fn begin(
        &mut self,
        stand: &Stand,
    ) -> Result<(Arc<dyn Link>, Vec<Chatter>), OpenError> {
        self.lives += 1;
        let mut dice = stand.dice.fork("wire");
        let life = Life {
            count: match self.flaw {
                Some(Flaw::ForgottenLife) => 1,
                Some(_) | None => self.lives,
            },
            salt: dice.below(u64::MAX),
        };
        let config = Config {
            node: self.node,
            life,
            certificate: certificate(self.node)?,
            nodes: self.table.subscribe(),
            version: VERSION,
            pace: Pace::default(),
            clock: Arc::new(clock::Clock::starting_at(WALL)) as Arc<dyn Clock>,
            joins: None,
            notices: self.notices(stand),
        };
        let ground = Ground::Made {
            datagrams: Arc::clone(&stand.datagrams),
            entropy: Arc::new(Entropy::new(dice.fork("entropy"))),
        };
        let endpoint = Arc::new(Endpoint::open(config, ground)?);
        self.book.pages().begins(self.node, self.lives);
        let chatter = CHATTER.map(|class| Chatter {
            node: self.node,
            life: self.lives,
            class,
            peers: self.peers(),
            pause: self.pause,
            link: match self.flaw {
                Some(flaw) => flaw.spoil(endpoint.link(class)),
                None => endpoint.link(class),
            },
            book: self.book.clone(),
            time: stand.time,
            dice: dice.fork(&class.to_string()),
        });
        let calls = endpoint.link(Class::Calls);
        self.endpoint = Some(endpoint);
        Ok((calls, chatter.into()))
    }

    /// The life is over. Inside of its runtime.
    pub(crate) fn over(&mut self) {
        self.endpoint = None;
        self.book.pages().ends(self.node);
    }

    /// The present life cuts its connections with a node.
    pub(crate) fn sever(&self, peer: NodeId) {
        if let Some(endpoint) = &self.endpoint {
            endpoint.sever(peer);
        }
    }

    fn peers(&self) -> Vec<NodeId> {
        let others = self.nodes.iter().filter(|node| **node != self.node);
        others.copied().collect()
    }

    /// Writes down what operators would hear of the link.
    fn notices(&self, stand: &Stand) -> Arc<dyn Fn(Notice) + Send + Sync> {
        let (node, time, book) = (self.node, stand.time, self.book.clone());
        Arc::new(move |notice| {
            let now = time.world();
            book.say(now, format_args!("{node} hears of {notice}"));
            welcome::check(&book, node, &notice, now);
        })
    }
}
