//! Keeps the tape room at work as long as the node serves. What fails in there is started again:
//! tenants' service does not end with a tape drive.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::catalog::Catalog;
use holdfast_actors::ports::{Disk, Entropy, Pending, Ports};
use holdfast_actors::shell::{self, Handle};
use holdfast_tape::archive::Site;
use holdfast_tape::format::{Settings, Signer, Text};
use holdfast_tape::ports::{Books, Repositories, Shelf, Stations};
use holdfast_tape::restore::Folders;
use holdfast_tape::room::{Message, Room, RoomHands, Tools};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::disk;
use crate::home::Home;
use crate::whole;

/// In the folder of all that is of tape: where virtual libraries have their cartridges.
const LIBRARIES: &str = "libraries";
/// The secret that signs what is written, 32 bytes.
const SIGNER: &str = "signer";
/// So long a room that failed rests.
const REST: Duration = Duration::from_secs(10);

/// What the room is made of, each time.
pub(in crate::node) struct Keep {
    tools: Tools,
    catalog: Catalog,
    ports: Ports,
    /// Who speaks for the room that is at work now.
    door: watch::Sender<Option<Handle<Message>>>,
}

impl Keep {
    /// What it takes for the node in this directory.
    pub(super) fn new(
        (home, folder): (&Home, &Path),
        (repositories, catalog): (Arc<dyn Repositories>, &Catalog),
        (books, shelf): (Arc<dyn Books>, Arc<dyn Shelf>),
        ports: &Ports,
        door: watch::Sender<Option<Handle<Message>>>,
    ) -> io::Result<Self> {
        let libraries = folder.join(LIBRARIES);
        fs::create_dir_all(&libraries)?;
        let signer = signer(folder, ports.entropy.as_ref())?;
        let name = format!("{} {}", home.name, signer.public());
        let cluster = Text::parse(&name).ok_or_else(|| io::Error::other("no name for labels"))?;
        let site = Site {
            stations: Stations::default(),
            repositories,
            books,
            shelf,
            signer,
            cluster,
            settings: Settings::default(),
        };
        let tools = Tools {
            here: home.membership().map(|it| it.node),
            libraries,
            folders: folders(),
            site,
        };
        Ok(Self {
            tools,
            catalog: catalog.clone(),
            ports: ports.clone(),
            door,
        })
    }

    /// Keeps the room until the node stops.
    pub(in crate::node) async fn until(self, mut stop: Pending<()>) {
        loop {
            tokio::select! {
                () = &mut stop => break,
                () = self.live() => {}
            }
            if timeout(REST, &mut stop).await.is_ok() {
                break;
            }
        }
        if let Some(room) = self.door.send_replace(None) {
            room.stop();
        }
    }

    /// One life of the room: it hears of every change of the catalog.
    async fn live(&self) {
        let path = shell::Path::node().child("tape");
        let mut tools = self.tools.clone();
        // What the room before had open ended with it.
        tools.site.stations = Stations::default();
        let hands = RoomHands::new(tools);
        let ports = self.ports.clone();
        let room = match shell::spawn(path.clone(), Room::default(), hands, ports, None).await {
            Ok(room) => room,
            Err(error) => return tracing::error!(%error, "the tape room does not start"),
        };
        let ended = self.ports.directory.ended(&path);
        self.door.send_replace(Some(room.clone()));
        let mut rows = self.catalog.subscribe();
        let hears = async {
            loop {
                let now = Arc::new(rows.borrow_and_update().clone());
                let told = room.tell(Message::Rows(now));
                if told.is_err() || rows.changed().await.is_err() {
                    return;
                }
            }
        };
        match ended {
            Some(ended) => tokio::select! {
                () = hears => {}
                end = ended => tracing::error!(?end, "the tape room ended and is started again"),
            },
            None => hears.await,
        }
        self.door.send_replace(None);
    }
}

/// The node's own key, made when it is first needed.
fn signer(folder: &Path, entropy: &dyn Entropy) -> io::Result<Signer> {
    let file = folder.join(SIGNER);
    let mut seed = [0; 32];
    match fs::read(&file) {
        Ok(bytes) => {
            let wrong = |_| io::Error::other(format!("{}: not 32 bytes", file.display()));
            seed = bytes.try_into().map_err(wrong)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            entropy.fill(&mut seed);
            whole::keep(&file, &seed)?;
        }
        Err(error) => return Err(error),
    }
    Signer::from_seed(&seed).ok_or_else(|| io::Error::other("the key that signs tapes is no key"))
}

/// Folders of this node, by their whole paths.
fn folders() -> Folders {
    Arc::new(|path| {
        let path = Path::new(path);
        if !path.is_absolute() {
            let told = format!("{} does not begin with a '/'", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, told));
        }
        fs::create_dir_all(path)?;
        Ok(Arc::new(disk::Folder::new(path)) as Arc<dyn Disk>)
    })
}
