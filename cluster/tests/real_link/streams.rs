//! Streams of bytes between nodes, over real sockets.

use std::time::Duration;

use holdfast_actors::kernel::NodeId;
use holdfast_cluster::quic::hello::Hello;
use holdfast_cluster::quic::{ALPN, Life, Pace, Purpose, STREAMS_MAX, Stream, VERSION};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::support::{Cluster, Running, Start, raw, soon, talk};

/// More than windows hold.
const LARGE: usize = 4 << 20;

async fn open(from: &Running, to: &Running) -> Stream {
    soon("stream", from.endpoint.streams().open(to.node))
        .await
        .unwrap()
}

/// A stream at both its ends.
async fn pair(from: &Running, to: &Running) -> (Stream, Stream) {
    let mut here = open(from, to).await;
    here.write_all(b"!").await.unwrap();
    let accepted = soon("stream", to.endpoint.streams().accept()).await;
    let (peer, mut there) = accepted.unwrap();
    assert_eq!(peer, from.node);
    assert_eq!(soon("byte", there.read_u8()).await.unwrap(), b'!');
    (here, there)
}

async fn two() -> (Cluster, Running, Running) {
    let cluster = Cluster::found();
    let one = cluster.join(1, Start::default());
    let other = cluster.join(2, Start::default());
    (cluster, one, other)
}

/// Writes until nothing is taken any more, and says how much was.
async fn stall(stream: &mut Stream) -> usize {
    let piece = [7; 64 << 10];
    let mut taken = 0;
    while let Ok(wrote) = timeout(Duration::from_millis(300), stream.write(&piece)).await {
        taken += wrote.unwrap();
        assert!(taken < LARGE, "nobody reads, and it goes on");
    }
    taken
}

#[tokio::test]
async fn bytes_go_both_ways_and_end_where_they_were_ended() {
    let (_cluster, one, other) = two().await;
    for (from, to) in [(&one, &other), (&other, &one)] {
        let (mut here, mut there) = pair(from, to).await;
        let bytes: Vec<u8> = (0..LARGE).map(|at| (at % 251) as u8).collect();
        let echo = async {
            let mut read = vec![0; LARGE];
            there.read_exact(&mut read).await.unwrap();
            there.write_all(&read).await.unwrap();
            there.shutdown().await.unwrap();
            assert_eq!(there.read(&mut [0]).await.unwrap(), 0);
        };
        let asked = async {
            here.write_all(&bytes).await.unwrap();
            here.shutdown().await.unwrap();
            let mut back = Vec::new();
            here.read_to_end(&mut back).await.unwrap();
            assert!(back == bytes);
        };
        soon("end of both", async { tokio::join!(echo, asked) }).await;
    }
}

#[tokio::test]
async fn streams_that_nobody_reads_hold_a_window_each_and_hold_up_nobody() {
    const STALLED: usize = 24;
    let (_cluster, one, other) = two().await;
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        let (mut here, there) = pair(&one, &other).await;
        let (taken, window) = (stall(&mut here).await, 512 << 10);
        assert!((window / 2..=window).contains(&taken), "{taken} bytes");
        stalled.push((here, there));
    }
    // The other way is as narrow.
    let (_, there) = stalled.last_mut().unwrap();
    assert!(stall(there).await <= 512 << 10);
    let (mut here, mut there) = pair(&one, &other).await;
    let copied = async {
        let (sent, mut read) = (vec![1; LARGE], vec![0; LARGE]);
        let write = async {
            here.write_all(&sent).await.unwrap();
            here.flush().await.unwrap();
        };
        tokio::join!(write, async { there.read_exact(&mut read).await.unwrap() });
    };
    soon("bytes beside those that stall", copied).await;
    talk(&one, &other).await;
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_an_error_at_its_peer_and_not_an_end() {
    let (_cluster, one, other) = two().await;
    let (mut here, mut there) = pair(&one, &other).await;
    here.write_all(b"half").await.unwrap();
    drop(here);
    let mut read = Vec::new();
    let end = soon("end of the stream", there.read_to_end(&mut read)).await;
    assert!(end.is_err(), "{read:?}");
    let (mut here, there) = pair(&one, &other).await;
    drop(there);
    let end = soon("end of the stream", here.read(&mut [0; 8])).await;
    assert!(end.is_err(), "{end:?}");
}

#[tokio::test]
async fn a_peer_has_so_many_streams_at_once_and_the_next_waits_until_some_end() {
    let cluster = Cluster::found();
    let pace = Pace {
        greeting: Duration::from_secs(2),
        ..Start::default().pace
    };
    let hasty = || Start {
        pace,
        ..Start::default()
    };
    let (one, other) = (cluster.join(1, hasty()), cluster.join(2, hasty()));
    let mut all = Vec::new();
    for _ in 0..STREAMS_MAX {
        all.push(pair(&one, &other).await);
    }
    let refused = one.endpoint.streams().open(other.node).await;
    let refused = refused.map(|_| ()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::TimedOut, "{refused}");
    all.truncate(200);
    let _one_more = pair(&one, &other).await;
    // Those that it opens itself are counted apart.
    let _back = pair(&other, &one).await;
}

#[tokio::test]
async fn a_removed_node_has_no_streams_from_that_moment_on() {
    let (cluster, one, other) = two().await;
    let (mut here, mut there) = pair(&one, &other).await;
    let (mut back, _kept) = pair(&other, &one).await;
    cluster.remove(other.node);
    for stream in [&mut here, &mut there, &mut back] {
        let end = soon("end of a stream", stream.read(&mut [0; 8])).await;
        assert!(end.is_err(), "{end:?}");
    }
    let gone = soon("refusal", one.endpoint.streams().open(other.node)).await;
    let gone = gone.map(|_| ()).unwrap_err().to_string();
    assert_eq!(gone, "node-2: no way there: it is not in the node table");
    assert!(one.refusal().await.contains("removed from the cluster"));
    let back = soon("refusal", other.endpoint.streams().open(one.node)).await;
    assert!(back.is_err());
}

#[tokio::test]
async fn an_endpoint_that_closes_ends_its_streams_and_whoever_accepts() {
    let (_cluster, one, other) = two().await;
    let (mut here, _there) = pair(&one, &other).await;
    let streams = other.endpoint.streams();
    soon("close", other.endpoint.close()).await;
    assert!(soon("end", here.read(&mut [0; 8])).await.is_err());
    assert!(soon("end", streams.accept()).await.is_none());
    assert!(soon("end", streams.open(one.node)).await.is_err());
    let (gone, kept) = (one.endpoint.streams(), one.node);
    drop(one.endpoint);
    assert!(soon("end", gone.open(other.node)).await.is_err());
    assert!(soon("end", gone.accept()).await.is_none(), "{kept}");
}

#[test]
fn the_streams_of_a_peer_that_is_killed_end_within_about_a_second() {
    let brisk = || Start {
        pace: Pace::default(),
        ..Start::default()
    };
    let (here, there) = (
        tokio::runtime::Runtime::new().unwrap(),
        tokio::runtime::Runtime::new().unwrap(),
    );
    let cluster = Cluster::found();
    let one = here.block_on(async { cluster.join(1, brisk()) });
    let other = there.block_on(async { cluster.join(2, brisk()) });
    let (mut stream, kept) = here.block_on(pair(&one, &other));
    // Its tasks stop where they are, and nothing is said to anybody.
    there.shutdown_background();
    here.block_on(async {
        let read = timeout(Duration::from_millis(1_500), stream.read(&mut [0; 8])).await;
        assert!(matches!(read, Ok(Err(_))), "{read:?}");
        let late = timeout(
            Duration::from_secs(3),
            one.endpoint.streams().open(other.node),
        );
        assert!(late.await.unwrap().is_err(), "nobody is there");
    });
    drop((other, kept));
}

#[tokio::test]
async fn who_dials_for_one_purpose_and_greets_for_another_is_refused() {
    let cluster = Cluster::found();
    let one = cluster.join(1, Start::default());
    let certificate = cluster.certificate(2);
    cluster.enter(NodeId::new(2), certificate.hash(), vec![]);
    let address = one.endpoint.address().unwrap();
    let hello = Hello {
        version: VERSION,
        purpose: Purpose::Streams,
        node: NodeId::new(2),
        life: Life { count: 1, salt: 1 },
        attempt: 0,
    };
    let (connection, _send) = raw::greet(&certificate, one.node, address, &hello.encode()).await;
    let closed = soon("end of the connection", connection.closed()).await;
    let said = "it greets for another purpose than it dialled for";
    assert!(closed.to_string().contains(said), "{closed}");
    assert!(one.refusal().await.contains(said));
    let other = raw::connect(&certificate, ALPN, one.node, address).await;
    let opened = timeout(Duration::from_millis(300), other.unwrap().open_bi())
        .await
        .is_ok();
    assert!(!opened, "nobody opens a stream before he has greeted");
}
