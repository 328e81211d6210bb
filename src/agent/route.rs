//! The gateways that the agent knows, each with its connections, and which it goes by now.
//!
//! It begins with the one that the tenant named. That one tells of the others over a connection
//! that is trusted, with the thumbprints of their certificates, so those are trusted as well.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::gateways::{Itinerary, Stop};
use holdfast_actors::ports::Clock as _;
use hyper::header::HeaderValue;

use super::arguments::Transport;
use super::connection::Pool;
use super::failure::Failure;
use super::place::place;
use super::thumbprint::Thumbprint;
use super::trust::{self, Trust};
use crate::clock::SystemClock;
use crate::selfservice::GatewayRow;

/// One gateway and the connections to it.
pub(super) struct Gateway {
    /// Its host and port.
    pub(super) address: String,
    /// The same, as a header.
    pub(super) authority: HeaderValue,
    /// The connections.
    pub(super) pool: Pool,
}

/// All gateways.
pub(super) struct Route {
    transport: Transport,
    clock: SystemClock,
    moves: AtomicU64,
    known: Mutex<Known>,
}

struct Known {
    itinerary: Itinerary,
    gateways: BTreeMap<String, Arc<Gateway>>,
}

impl Route {
    /// Only the one that the tenant named, an address that begins with `https://`.
    ///
    /// # Errors
    /// When the address is none, or the certificates cannot be read.
    pub(super) fn new(server: &str, trust: &Trust, transport: Transport) -> Result<Self, Failure> {
        let named = Arc::new(gateway(server, trust, transport)?);
        let known = Known {
            itinerary: Itinerary::new(named.address.clone()),
            gateways: BTreeMap::from([(named.address.clone(), named)]),
        };
        Ok(Self {
            transport,
            clock: SystemClock::new(),
            moves: AtomicU64::new(0),
            known: Mutex::new(known),
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one to go by now; none only if it was never one.
    pub(super) fn current(&self) -> Option<Arc<Gateway>> {
        let known = self.known();
        known.gateways.get(known.itinerary.current()).cloned()
    }

    /// Takes in the list of gateways that a trusted one told.
    pub(super) fn learn(&self, rows: &[GatewayRow]) {
        let mut known = self.known();
        let mut stops = Vec::new();
        for row in rows {
            let prints = row.thumbprints.iter();
            let prints: Vec<Thumbprint> = prints
                .filter_map(|text| Thumbprint::parse(text).ok())
                .collect();
            for address in &row.addresses {
                // What makes no sense is somebody else's typing error, and no reason to stop.
                if !known.gateways.contains_key(address) {
                    let server = format!("https://{address}");
                    let trust = Trust::Pinned(prints.clone());
                    let Ok(made) = gateway(&server, &trust, self.transport) else {
                        continue;
                    };
                    known.gateways.insert(address.clone(), Arc::new(made));
                }
                stops.push(Stop {
                    address: address.clone(),
                    is_spare: row.spare,
                    load: row.clients,
                });
            }
        }
        let before = known.itinerary.current().to_owned();
        known.itinerary.learn(stops);
        self.note(&known, &before);
    }

    /// A gateway failed; whether there is another to go by now.
    pub(super) fn failed(&self, gateway: &Gateway) -> bool {
        let mut known = self.known();
        let before = known.itinerary.current().to_owned();
        let now = self.clock.now().monotonic;
        known.itinerary.failed(now, &gateway.address);
        self.note(&known, &before);
        known.itinerary.current() != gateway.address
    }

    /// A gateway answered.
    pub(super) fn answered(&self, gateway: &Gateway) {
        self.known().itinerary.answered(&gateway.address);
    }

    fn note(&self, known: &Known, before: &str) {
        if known.itinerary.current() != before {
            self.moves.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often it went over to another.
    pub(super) fn moves(&self) -> u64 {
        self.moves.load(Ordering::Relaxed)
    }

    /// How many it knows.
    pub(super) fn count(&self) -> usize {
        self.known().itinerary.count()
    }
}

fn gateway(server: &str, trust: &Trust, transport: Transport) -> Result<Gateway, Failure> {
    let (place, address) = place(server)?;
    let setup = |cause: &dyn std::fmt::Display| Failure::Setup(cause.to_string());
    let tls = trust::configuration(trust).map_err(|cause| setup(&cause))?;
    Ok(Gateway {
        authority: HeaderValue::from_str(&address).map_err(|cause| setup(&cause))?,
        address,
        pool: Pool::new(place, tls, transport),
    })
}
