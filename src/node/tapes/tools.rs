//! What the tape room of this node is made of.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use holdfast_actors::ports::{Disk, Entropy};
use holdfast_tape::archive::Site;
use holdfast_tape::format::{Keys, Settings, Signer, Text};
use holdfast_tape::ports::{Books, Reach, Repositories, Shelf, Stations};
use holdfast_tape::restore::Folders;
use holdfast_tape::room::Tools;
use holdfast_tape::station::Local;
use holdfast_tape::threads::Native;

use crate::disk;
use crate::home::Home;
use crate::whole;

/// In the folder of all that is of tape: where virtual libraries have their cartridges.
const LIBRARIES: &str = "libraries";
/// The secret that signs what is written, 32 bytes.
const SIGNER: &str = "signer";

/// What it takes for the node in this directory.
pub(super) fn tools(
    (home, folder): (&Home, &Path),
    repositories: Arc<dyn Repositories>,
    (books, shelf): (Arc<dyn Books>, Arc<dyn Shelf>),
    entropy: &dyn Entropy,
    keys: Keys,
) -> io::Result<Tools> {
    let libraries = folder.join(LIBRARIES);
    fs::create_dir_all(&libraries)?;
    let reach: Arc<dyn Reach> = Arc::new(Local { libraries });
    let signer = signer(folder, entropy)?;
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
        keys,
    };
    Ok(Tools {
        here: home.membership().map(|it| it.node),
        reach,
        threads: Arc::new(Native),
        folders: folders(),
        site,
    })
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
