//! Every parser of bytes that come from outside, given any bytes at all.
//!
//! A target returns when the parser kept its promises, and panics when not: it reads or refuses,
//! and what it reads it writes again in the same way. Each takes one input, keeps nothing, and says
//! whether there was anything to read.

use bytes::Bytes;
use holdfast::admin::protocol::Call;
use holdfast::agent::Thumbprint;
use holdfast::rest::resume::{self, Resume};
use holdfast::rest::{range, route};
use holdfast::tls::Identity;
use holdfast_actors::catalog;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::frame::{HEADER, Header};
use holdfast_actors::journal;
use holdfast_actors::kernel::{Date, Epoch, ExtentId, Rate, RepositoryId, Size, Timestamp};
use holdfast_actors::names::{OperatorName, RepositoryName, SubtenantName, TenantName};
use holdfast_actors::object::Hash;
use holdfast_actors::repository::{self, Entry, Repository, Settings};
use holdfast_actors::schema::{self, Stored};
use holdfast_actors::service::Part;
use holdfast_cluster::calls::envelope::{self, Envelope};
use holdfast_cluster::calls::pursuit::{self, Question};
use holdfast_cluster::identity::{Issuer, JoinToken, NodeCertificate, Sealed};
use holdfast_cluster::join::{Answer, Petition};
use holdfast_cluster::quic::VERSION;
use holdfast_cluster::quic::frame::{Decoder, Item, frame_header, taken};
use holdfast_cluster::quic::hello::Hello;
use holdfast_simulations::disk::Disk;
use hyper::Method;

/// The header of a frame, and its body.
pub(crate) fn frame(bytes: &[u8]) -> bool {
    let Ok(header) = Header::decode(bytes) else {
        return false;
    };
    let written = header.encode();
    assert_eq!(written, &bytes[..HEADER], "written as it was read");
    let end = bytes.len().min(HEADER + header.length as usize);
    let body = &bytes[HEADER..end];
    let checks = header.check(body).is_ok();
    if checks {
        let again = Header::of(header.kind, header.epoch, header.sequence, body);
        assert_eq!(again.encode(), written, "the body makes the same header");
    }
    checks
}

/// What lies in frames: entries of repositories, facts and rows of the catalog.
pub(crate) fn record(bytes: &[u8]) -> bool {
    fn same<T: Stored>(bytes: &[u8]) -> bool {
        let Ok(value) = schema::decode::<T>(bytes) else {
            return false;
        };
        // Numbers have a short and several long forms, so the bytes may differ once.
        let written = schema::encode(&value);
        let again = schema::decode::<T>(&written).expect("what was written can be read");
        assert_eq!(schema::encode(&again), written);
        true
    }
    same::<Entry>(bytes) | same::<catalog::Record>(bytes) | same::<Rows>(bytes)
}

/// A journal that holds nothing but these bytes, twice: what recovery left, it finds again.
pub(crate) fn journal(bytes: &[u8]) -> bool {
    const SEGMENT: &str = "journal/00000000000000000001.log";
    alone(async {
        let disk = holding(SEGMENT, bytes).await;
        let Ok(first) = journal::recover(disk.port().as_ref()).await else {
            return false;
        };
        let again = journal::recover(disk.port().as_ref()).await;
        let again = again.expect("a journal that was repaired needs no repair");
        assert_eq!(again.cut, None, "a repair is made once");
        assert_eq!(first.records, again.records, "a record got lost");
        !first.records.is_empty()
    })
}

/// An extent that holds nothing but these bytes, both open and sealed.
pub(crate) fn extent(bytes: &[u8]) -> bool {
    let (id, extent) = (RepositoryId::new(1), ExtentId::new(1));
    let length = bytes.len() as u64;
    alone(async {
        let disk = holding("extents/000000000001/000000000001.extent", bytes).await;
        let mut held = 0;
        for sealed in [Some(length), None] {
            let port = disk.port();
            let mut repository = Repository::new(id, Epoch::new(1), Settings::default());
            let found = repository::recover(&port, id, &[(extent, sealed)], &mut repository).await;
            let Ok(found) = found else { continue };
            let within = found.open.iter().all(|(_, end)| *end <= length);
            assert!(within, "an extent is sealed behind its end");
            held += repository.state().total().live.as_bytes();
        }
        held > 0
    })
}

/// Everything that somebody writes with his own hands: names, sizes, dates.
pub(crate) fn name(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let mut read = false;
    macro_rules! parses {
        ($($type:ty),*) => {$(
            if let Ok(value) = <$type>::parse(text) {
                let again = <$type>::parse(&value.to_string());
                assert_eq!(again.as_ref(), Ok(&value), "{text:?} is shown in another way");
                read = true;
            }
        )*};
    }
    parses!(
        TenantName,
        SubtenantName,
        RepositoryName,
        OperatorName,
        Date
    );
    if let Some(hash) = Hash::parse(text) {
        assert_eq!(hash.to_string(), text);
        read = true;
    }
    if let Some(time) = Timestamp::parse(text) {
        assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        read = true;
    }
    // These are shown rounded, or in another form.
    read | Size::parse(text).is_ok() | Rate::parse(text).is_ok() | Thumbprint::parse(text).is_ok()
}

/// What a client asks for: the path with its query behind a `?`, and a range behind a line feed.
pub(crate) fn request(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let (target, header) = text.split_once('\n').unwrap_or((text, ""));
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let methods = ["GET", "HEAD", "POST", "DELETE", "PUT"];
    let routed = methods.into_iter().filter_map(|method| {
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        route::route(&method, path, query).ok()
    });
    let mut read = range::part(header) != Part::Whole;
    if let Some(resume) = resume::parse(header) {
        if let Resume::From { from, length } = resume {
            assert!(from <= length, "{header:?}");
        }
        read = true;
    }
    for request in routed {
        let mut bytes = request.repository.bytes();
        assert!(
            bytes.all(|byte| byte.is_ascii_graphic() && !b"/%".contains(&byte)),
            "{path:?}"
        );
        assert!(!path.contains("//") && !path.contains("/../"), "{path:?}");
        read = true;
    }
    read
}

/// A line on the admin socket.
pub(crate) fn order(bytes: &[u8]) -> bool {
    let Ok(call) = Call::parse(bytes) else {
        return false;
    };
    let line = serde_json::to_vec(&call).expect("a call can be written");
    assert_eq!(
        Call::parse(&line).as_ref(),
        Ok(&call),
        "read as it was written"
    );
    true
}

/// A chain of certificates and its key, as an operator imports them.
pub(crate) fn certificate(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let (chain, key) = text.split_at(text.find("-----BEGIN PRIVATE").unwrap_or(text.len()));
    let now = Timestamp::from_millis(1_800_000_000_000);
    let identity = Identity::from_pem(chain, key, now);
    identity.is_ok_and(|identity| identity.certificate_pem().contains("BEGIN CERTIFICATE"))
}

/// What a peer sends on its stream: a greeting, and items behind it.
pub(crate) fn link(bytes: &[u8]) -> bool {
    let greeted = Hello::read(bytes, VERSION).ok().flatten();
    let length = greeted.map_or(0, |(hello, length)| {
        let again = hello.encode();
        let known = again.len().min(length);
        // A later minor version is longer, and says so in the third byte.
        assert_eq!(again[4..known], bytes[4..known], "written as it was read");
        length
    });
    let (mut decoder, mut items) = (Decoder::default(), Vec::new());
    let told = decoder.feed(&bytes[length..], &mut items);
    let (mut slowly, mut again) = (Decoder::default(), Vec::new());
    let mut parts = bytes[length..].chunks(3);
    let same = parts.try_for_each(|part| slowly.feed(part, &mut again));
    assert_eq!(
        (&same, &again),
        (&told, &items),
        "however the bytes come in"
    );
    let written = items.iter().flat_map(|item| match item {
        Item::Frame(body) => {
            let header = frame_header(body.len()).expect("it was read");
            [&header, body.as_ref()].concat()
        }
        Item::Taken(count) => taken(*count).to_vec(),
    });
    let written: Vec<u8> = written.collect();
    assert_eq!(written, bytes[length..length + written.len()]);
    greeted.is_some() || !items.is_empty()
}

/// A join token, as somebody pastes it.
pub(crate) fn token(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let Ok(token) = JoinToken::parse(text) else {
        return false;
    };
    assert_eq!(
        JoinToken::parse(&token.text()),
        Ok(token),
        "written as it was read"
    );
    true
}

/// What a newcomer and a member say to each other.
pub(crate) fn join(bytes: &[u8]) -> bool {
    let mut read = Petition::open(bytes, &[0; 32]).is_ok();
    if let Ok(petition) = Petition::decode(bytes) {
        let again = Petition::decode(&petition.encode()).expect("what was written can be read");
        assert_eq!(again.encode(), petition.encode(), "written as it was read");
        read = true;
    }
    if let Ok(answer) = Answer::decode(bytes) {
        let again = Answer::decode(&answer.encode()).expect("what was written can be read");
        assert_eq!(again.encode(), answer.encode(), "written as it was read");
        read = true;
    }
    read
}

/// The files of a node's identity.
pub(crate) fn identity(bytes: &[u8]) -> bool {
    let mut read = Sealed::parse(bytes).is_ok();
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(node) = NodeCertificate::from_pem(text) {
            let again = NodeCertificate::from_pem(&node.pem()).expect("what was written is read");
            assert_eq!(again.hash(), node.hash());
            read = true;
        }
        let (certificates, key) = text.split_at(text.find("-----BEGIN PRIVATE").unwrap_or(0));
        read |= Issuer::from_pem(certificates, key).is_ok();
    }
    read
}

/// What one node says to another: frames of calls, and calls by name.
pub(crate) fn envelope(bytes: &[u8]) -> bool {
    let bytes = Bytes::copy_from_slice(bytes);
    let mut read = false;
    if let Ok(question) = Question::decode(bytes.clone()) {
        assert_eq!(question.encode(), bytes, "written as it was read");
        read = true;
    }
    if let Ok(answer) = pursuit::Answer::decode(bytes.clone()) {
        assert_eq!(answer.encode(), bytes, "written as it was read");
        read = true;
    }
    let Ok(envelopes) = envelope::decode(bytes.clone()) else {
        return read;
    };
    assert!(envelopes.len() <= envelope::ENVELOPES_MAX);
    let strange = |it: &Envelope| matches!(it, Envelope::Strange { .. });
    if !envelopes.iter().any(strange) {
        // The minor version is the writer's own.
        let written = envelope::encode(&envelopes).concat();
        assert_eq!(written[2..], bytes[2..], "written as it was read");
    }
    true
}

/// A disk with one file.
async fn holding(path: &str, bytes: &[u8]) -> Disk {
    let disk = Disk::default();
    let made = disk.port().create(path).await;
    let file = made.expect("an empty disk takes a file");
    file.sync().await.expect("a disk without faults syncs");
    assert!(disk.rot(path, bytes.to_vec()), "the file is there");
    disk
}

fn alone(work: impl Future<Output = bool>) -> bool {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime.expect("a runtime of one thread").block_on(work)
}
