//! Makes a node's data directory.

use std::net::SocketAddr;
use std::path::Path;

use holdfast_actors::kernel::{NodeName, Timestamp};
use holdfast_actors::ports::Clock;
use holdfast_cluster::identity::PASSPHRASE_MIN;
use holdfast_cluster::nodes::ADDRESSES_MAX;
use serde_json::json;

use super::certificates::TLS;
use super::failure;
use super::founding::{self, Founding};
use crate::cli::{Failure, Screen};
use crate::clock::SystemClock;
use crate::commands::node::{Init, Place};
use crate::entropy::SystemEntropy;
use crate::home::{self, CLUSTER, HomeError, Membership};
use crate::secret;
use crate::tls::{CertificateStore, Identity};

/// Makes a new node: its directory, its name, its certificate; with `--cluster` the first of a
/// cluster.
///
/// # Errors
/// When the directory is not empty or cannot be written, or an argument is missing.
pub fn init(data: &Path, init: &Init, screen: &mut Screen) -> Result<(), Failure> {
    let name = named(init.name.as_ref())?;
    let now = SystemClock::new().now().wall;
    if !init.cluster {
        if init.place.is_given() || init.passphrase_file.is_some() {
            let told = "a node that stands alone has no place in a cluster; add --cluster";
            return Err(Failure::usage(told));
        }
        let thumbprint = furnished(data, &name, None, now, |_| Ok(()))?;
        return tell(data, &name, &thumbprint, None, screen);
    }
    let membership = placed(&name, &init.place)?;
    let passphrase = secret::chosen(
        init.passphrase_file.as_deref(),
        "Passphrase for the cluster's root",
        PASSPHRASE_MIN,
    );
    let passphrase = passphrase.map_err(Failure::usage)?;
    let founding = Founding::new(&passphrase, now, &SystemEntropy);
    let founding = founding.map_err(|error| failure(&error))?;
    let root = founding.thumbprint().to_string();
    let keep = |path: &Path| {
        let kept = founding.keep(&path.join(CLUSTER), &membership, now);
        kept.map_err(|error| HomeError::Io {
            path: path.to_owned(),
            source: std::io::Error::other(error),
        })
    };
    let thumbprint = furnished(data, &name, Some(&membership), now, keep)?;
    tell(data, &name, &thumbprint, Some((&membership, &root)), screen)
}

/// What was asked for, or the host's name.
pub(super) fn named(wanted: Option<&NodeName>) -> Result<NodeName, Failure> {
    let name = wanted.cloned().or_else(|| NodeName::parse(&host()));
    let name = name.or_else(|| NodeName::parse("node"));
    name.ok_or_else(|| Failure::usage("the node needs a name; add --name NODE"))
}

fn host() -> String {
    let host = rustix::system::uname();
    host.nodename().to_string_lossy().to_lowercase()
}

/// Makes the directory with the certificate that clients see, and answers its thumbprint.
pub(super) fn furnished(
    data: &Path,
    name: &NodeName,
    membership: Option<&Membership>,
    now: Timestamp,
    more: impl FnOnce(&Path) -> Result<(), HomeError>,
) -> Result<String, Failure> {
    let identity = Identity::self_signed(&host(), now);
    let identity = identity.map_err(|error| failure(&error))?;
    let thumbprint = identity.thumbprint().to_string();
    home::create(data, name, membership, |path| {
        let stored = CertificateStore::create(&path.join(TLS), identity);
        stored.map_err(|error| HomeError::Io {
            path: path.to_owned(),
            source: std::io::Error::other(error),
        })?;
        more(path)
    })?;
    Ok(thumbprint)
}

/// The founder's membership.
fn placed(name: &NodeName, place: &Place) -> Result<Membership, Failure> {
    let addresses = announced(&place.addresses)?;
    Ok(Membership {
        node: founding::FIRST,
        name: name.clone(),
        bind: place.bind.unwrap_or_else(|| bound(&addresses)),
        addresses,
        roles: place.roles(),
        zone: place.zone.clone().unwrap_or_default(),
        others: Vec::new(),
    })
}

/// Addresses that other nodes can use.
pub(super) fn announced(given: &[SocketAddr]) -> Result<Vec<SocketAddr>, Failure> {
    if given.is_empty() {
        let told = "the other nodes must know where to reach this one; add --address IP:PORT, \
                    for example --address 192.0.2.7:7443";
        return Err(Failure::usage(told));
    }
    if given.len() > ADDRESSES_MAX {
        let told = format!("a node has {ADDRESSES_MAX} addresses at most");
        return Err(Failure::usage(told));
    }
    for address in given {
        let ip = address.ip();
        if ip.is_unspecified() || ip.is_multicast() || address.port() == 0 {
            let told = format!(
                "no other node can reach {address}; --address is an IP address of this machine \
                 and a UDP port, and --bind where to listen, if that is another"
            );
            return Err(Failure::usage(told));
        }
    }
    Ok(given.to_vec())
}

/// Where to listen for datagrams to these addresses: the address if there is one, or all of the
/// machine's.
pub(super) fn bound(addresses: &[SocketAddr]) -> SocketAddr {
    match addresses {
        [only] => *only,
        many => {
            let port = many.first().map_or(0, SocketAddr::port);
            if many.iter().all(SocketAddr::is_ipv4) {
                ([0, 0, 0, 0], port).into()
            } else {
                ([0; 8], port).into()
            }
        }
    }
}

/// Says what was made.
pub(super) fn tell(
    data: &Path,
    name: &NodeName,
    thumbprint: &str,
    cluster: Option<(&Membership, &str)>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    if screen.json {
        let mut made = json!({ "node": name, "data": data, "thumbprint": thumbprint });
        if let Some((membership, root)) = cluster {
            made["cluster"] = json!({
                "id": membership.node.to_string(), "root": root,
                "addresses": membership.addresses, "bind": membership.bind,
                "roles": membership.roles, "zone": membership.zone,
            });
        }
        return screen.object(&made);
    }
    screen.line(format_args!("node         {name}"))?;
    screen.line(format_args!("data         {}", data.display()))?;
    screen.line(format_args!(
        "certificate  self-signed, SHA-256 {thumbprint}"
    ))?;
    if let Some((membership, root)) = cluster {
        let addresses: Vec<_> = membership
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        screen.line(format_args!("cluster      root SHA-256 {root}"))?;
        screen.line(format_args!("member       {}", membership.node))?;
        screen.line(format_args!("addresses    {}", addresses.join(" ")))?;
    }
    screen.remark(format_args!(
        "next: holdfast serve --data {}",
        data.display()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_listens_where_it_is_reached() {
        let of = |addresses: &[&str]| {
            let addresses: Vec<_> = addresses.iter().map(|it| it.parse().unwrap()).collect();
            bound(&announced(&addresses).unwrap()).to_string()
        };
        assert_eq!(of(&["192.0.2.7:7443"]), "192.0.2.7:7443");
        assert_eq!(of(&["192.0.2.7:7443", "10.0.0.7:7443"]), "0.0.0.0:7443");
        assert_eq!(of(&["192.0.2.7:7443", "[2001:db8::1]:7443"]), "[::]:7443");
    }

    #[test]
    fn an_address_that_nobody_can_reach_is_refused() {
        for odd in ["0.0.0.0:7443", "[::]:7443", "192.0.2.7:0", "224.0.0.1:7443"] {
            assert!(announced(&[odd.parse().unwrap()]).is_err(), "{odd}");
        }
        let nine = ["192.0.2.7:7443".parse().unwrap(); 9];
        assert!(announced(&nine).is_err());
    }
}
