//! Extents on nodes that do not answer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use holdfast_actors::ports::{Disk, File, Pending, SILENT, Storage};
use holdfast_actors::repository::{Moment, ReadError};

use crate::damage::run;
use crate::world::{World, key};

/// A disk whose files were on other nodes, and those are silent.
struct Silent(Arc<dyn Disk>);

fn silent<T>() -> Pending<io::Result<T>> {
    Box::pin(async { Err(SILENT.into()) })
}

impl Disk for Silent {
    fn create(&self, _: &str) -> Pending<io::Result<Arc<dyn File>>> {
        silent()
    }

    fn open(&self, _: &str) -> Pending<io::Result<Arc<dyn File>>> {
        silent()
    }

    fn list(&self, folder: &str) -> Pending<io::Result<Vec<String>>> {
        self.0.list(folder)
    }

    fn rename(&self, _: &str, _: &str) -> Pending<io::Result<()>> {
        silent()
    }

    fn remove(&self, _: &str) -> Pending<io::Result<()>> {
        silent()
    }

    fn sync_folder(&self, _: &str) -> Pending<io::Result<()>> {
        silent()
    }

    fn storage(&self) -> Option<Storage> {
        None
    }
}

#[test]
fn an_object_on_silent_nodes_is_not_said_to_be_damaged() {
    let mut world = World::of_seed(5);
    world.live(Duration::from_secs(20)).unwrap();
    run(async {
        let ports = world.ports();
        let (machine, _) = world.recover(&ports).await.unwrap();
        let held = machine.state().held();
        let objects = (0..crate::world::OBJECTS).filter_map(|number| {
            let key = key(number);
            held.object(&key, Moment::Now).map(|object| (key, object))
        });
        let objects: Vec<_> = objects.collect();
        assert!(!objects.is_empty());
        let mut away = ports.clone();
        away.disk = Arc::new(Silent(Arc::clone(&ports.disk)));
        let (sound, silent) = (world.reader(&ports), world.reader(&away));
        for (key, object) in objects {
            sound.check(&key, object).await.unwrap();
            let told = silent.check(&key, object).await.unwrap_err();
            assert!(told.is_silent(), "{told:?}");
            let whole = 0..object.size.as_bytes();
            let told = silent.open(&key, object, whole).await.err().unwrap();
            assert!(matches!(told, ReadError::Silent { .. }), "{told:?}");
        }
    });
}
