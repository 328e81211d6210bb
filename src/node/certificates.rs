//! The certificate that clients are shown, and who switches it.

use std::sync::{Arc, Mutex, PoisonError};

use holdfast_actors::node as domain;
use holdfast_actors::ports::Ports;
use holdfast_actors::shell::{self, Handle};

use super::failure;
use crate::cli::Failure;
use crate::home::Home;
use crate::tls::{
    CertificateStore, Certificates, Rotation, RotationHands, RotationMessage, SharedStore,
};

/// Where the certificate lies in the node's directory.
pub(super) const TLS: &str = "tls";

/// Opens the node's certificates, and starts who switches them when it is time.
pub(super) async fn certificates(
    home: &Home,
    node: &domain::Node,
    ports: &Ports,
) -> Result<(SharedStore, Handle<RotationMessage>), Failure> {
    let store = CertificateStore::open(&home.path.join(TLS), ports.clock.now().wall);
    let store = store.map_err(|error| failure(&error))?;
    let machine = Rotation::new(store.standing());
    let store: SharedStore = Arc::new(Mutex::new(store));
    let hands = RotationHands::new(Arc::clone(&store), node.catalog.clone());
    let path = shell::Path::node().child("certificate");
    let rotation = shell::spawn(path, machine, hands, ports.clone(), Some(node.root()));
    Ok((store, rotation.await.map_err(|error| failure(&error))?))
}

/// What clients are shown now, with its thumbprint.
pub(super) fn served(store: &SharedStore) -> (String, Certificates) {
    let serving = store.lock().unwrap_or_else(PoisonError::into_inner);
    let thumbprint = serving.served().thumbprint().to_string();
    (thumbprint, serving.certificates().clone())
}
