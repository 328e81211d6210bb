//! Nodes between which datagrams are lost, late, or pass one way alone; and nodes with addresses of
//! either kind.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;

use crate::nodes::{Cluster, is_long};
use crate::pulse::Pulse;
use crate::relay::{self, Ends, Weather};
use crate::work::Work;

/// How long a tenant may wait for the next node to take over, in seconds.
const GAP_MAX: f64 = 15.0;

/// The address of the relay, and the node's own, with the same port.
fn relayed(_: usize, port: u16) -> Vec<String> {
    let (said, bound) = (ends(port).said.to_string(), ends(port).bound.to_string());
    ["--address", &said, "--bind", &bound]
        .map(str::to_owned)
        .to_vec()
}

fn ends(port: u16) -> Ends {
    let at = |last| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), port));
    Ends {
        said: at(1),
        bound: at(2),
    }
}

/// Whom to cut off, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// Nobody hears it, and it hears nobody.
    Off,
    /// Nobody hears it.
    Out,
    /// It hears nobody.
    In,
}

/// Cuts nodes off, one after the other, while a tenant writes and backs up.
fn cut_off(cuts: &[(&str, Cut)]) {
    let mut cluster = Cluster::empty(Box::new(relayed));
    let nodes: Vec<Ends> = cluster.links.iter().map(|port| ends(*port)).collect();
    let weather = Weather::default();
    thread::scope(|scope| {
        let _ending = weather.ending();
        relay::run(scope, &weather, &nodes[..3]);
        cluster.make(3);
        let acme = cluster.tenant("acme", 0);
        let work = Work::begin(&cluster, &acme, 0);
        work.back_up(&acme);
        for (what, cut) in cuts {
            let victim = match *what {
                "owner" => cluster.owner(&acme),
                _ => cluster.leader(),
            };
            let others: Vec<usize> = (0..3).filter(|at| *at != victim).collect();
            let gateway = cluster.login("acme", others[0]);
            let pulse = Pulse::new(&gateway);
            thread::scope(|inner| {
                let _ending = pulse.ending();
                inner.spawn(|| pulse.beat());
                pulse.gap(pulse.now());
                let begun = pulse.now();
                for other in &others {
                    match cut {
                        Cut::Off => weather.part(victim, &[*other]),
                        Cut::Out => weather.cut(victim, *other),
                        Cut::In => weather.cut(*other, victim),
                    }
                }
                let gap = pulse.settled(begun);
                eprintln!("GAP after the {what} is cut {cut:?}: {gap:.2} s");
                assert!(gap < GAP_MAX, "{gap} s");
                work.back_up(&gateway);
                weather.heal();
            });
            cluster.settle();
            pulse.holds_at(cluster.nodes[victim].port);
        }
        weather.worsen(50, 5);
        work.back_up(&cluster.login("acme", 1));
        weather.worsen(0, 0);
        work.holds(&cluster, "acme");
        assert_eq!(cluster.trouble(), [""; 0]);
    });
}

#[test]
fn an_owner_and_a_leader_that_are_cut_off_are_replaced_and_lose_nothing() {
    cut_off(&[("owner", Cut::Off), ("leader", Cut::Out)]);
}

#[test]
fn whoever_is_cut_off_whichever_way_is_replaced_and_loses_nothing() {
    if !is_long() {
        return;
    }
    let all = [Cut::Off, Cut::Out, Cut::In];
    let cuts = all.map(|cut| [("owner", cut), ("leader", cut)]);
    cut_off(cuts.as_flattened());
}

#[test]
fn nodes_speak_ipv6_alone_as_well() {
    if !is_long() {
        return;
    }
    let places = |_: usize, port: u16| vec!["--address".to_owned(), format!("[::1]:{port}")];
    works(Cluster::placed(3, Box::new(places)));
}

#[test]
fn nodes_have_addresses_of_both_kinds() {
    let places = |_: usize, port: u16| {
        let both = [format!("127.0.0.1:{port}"), format!("[::1]:{port}")];
        let bind = format!("[::]:{port}");
        [
            "--address",
            &both[0],
            "--address",
            &both[1],
            "--bind",
            &bind,
        ]
        .map(str::to_owned)
        .to_vec()
    };
    works(Cluster::placed(3, Box::new(places)));
}

fn works(mut cluster: Cluster) {
    let acme = cluster.tenant("acme", 0);
    let work = Work::begin(&cluster, &acme, 0);
    work.back_up(&cluster.login("acme", 1));
    work.holds(&cluster, "acme");
    assert_eq!(cluster.trouble(), [""; 0]);
}
