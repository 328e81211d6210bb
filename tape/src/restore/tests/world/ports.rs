//! What a restore reaches of the world: clock, catalog, shelf, library, repositories and a folder.

use super::*;

impl Clock for World {
    fn now(&self) -> Now {
        Now {
            wall: wall(),
            monotonic: Instant::default(),
        }
    }
}

impl Books for World {
    fn rows(&self) -> Arc<Rows> {
        Arc::new(Self::rows(self))
    }

    fn submit(&self, command: TapeCommand) -> Pending<Result<(), Failed>> {
        let world = self.clone();
        Box::pin(async move {
            world.0.gate.pass().await;
            let done = world.give(Actor::System, Command::Tape(command));
            world.0.gate.pass().await;
            done.map(drop).map_err(Failed::Refused)
        })
    }
}

/// A cartridge in the drive; it is in its place again when this is dropped.
struct Loaded {
    world: World,
    medium: MediumId,
}

impl Station for World {
    fn inventory(&self) -> Pending<Result<Vec<Seen>, Failed>> {
        Box::pin(async { Err(Failed::Other("nobody asks".to_owned())) })
    }

    fn elements(&self) -> Pending<Result<Vec<crate::smc::Element>, Failed>> {
        unreachable!("nobody asks")
    }

    fn serve(&self, _: usize, _: bool) -> Pending<Result<(), Failed>> {
        unreachable!("nobody asks")
    }

    fn unload(&self, _: usize) -> Pending<Result<(), Failed>> {
        unreachable!("nobody asks")
    }

    fn carry(&self, _: Element, _: Element) -> Pending<Result<(), Failed>> {
        unreachable!("nobody asks")
    }

    fn mount(&self, slot: Element, _: Purpose) -> Pending<Result<Box<dyn Mount>, Failed>> {
        let world = self.clone();
        Box::pin(async move {
            world.0.gate.pass().await;
            let medium = MediumId::new(slot.0.into());
            if !world.0.reels.lock().unwrap().contains_key(&medium) {
                return Err(Failed::Other("the slot is empty".to_owned()));
            }
            world.0.loads.lock().unwrap().push(medium);
            Ok(Box::new(Loaded { world, medium }) as Box<dyn Mount>)
        })
    }
}

impl Mount for Loaded {
    fn is_worm(&self) -> bool {
        false
    }

    fn work(&mut self, work: Work) -> Pending<Result<(), Failed>> {
        let (world, medium) = (self.world.clone(), self.medium);
        let (tell, told) = oneshot::channel();
        let thread = std::thread::Builder::new();
        thread
            .spawn(move || {
                // Taken out while it works: nobody else waits for the lock meanwhile.
                let mut reel = world.0.reels.lock().unwrap().get(&medium).unwrap().clone();
                work(&mut reel);
                let _ = tell.send(());
            })
            .unwrap();
        Box::pin(async move { told.await.map_err(|_| Failed::Other("gone".to_owned())) })
    }

    fn dismount(self: Box<Self>) -> Pending<Result<(), Failed>> {
        Box::pin(async move {
            self.world.0.gate.pass().await;
            Ok(())
        })
    }
}

impl Repositories for World {
    fn view(&self, id: RepositoryId, _: Timestamp) -> Pending<Result<Vec<Item>, Failed>> {
        let world = self.clone();
        Box::pin(async move {
            world.0.gate.pass().await;
            let stored = world.0.stored.lock().unwrap();
            let stored = stored.get(&id).cloned().unwrap_or_default();
            let items = stored.into_iter().map(|(key, bytes)| Item {
                key,
                length: Size::bytes(bytes.len() as u64),
                sha256: Sum::of(&bytes),
            });
            Ok(items.collect())
        })
    }

    fn read(&self, _: RepositoryId, _: Item) -> Pending<Result<Box<dyn Pieces>, Failed>> {
        Box::pin(async { Err(Failed::Other("nobody reads".to_owned())) })
    }

    fn write(
        &self,
        id: RepositoryId,
        item: Item,
        mut from: Box<dyn Pieces>,
    ) -> Pending<Result<(), Failed>> {
        let world = self.clone();
        Box::pin(async move {
            world.0.gate.pass().await;
            let mut whole = Vec::new();
            while let Some(piece) = from.next().await? {
                assert!(piece.len() <= 1 << 20);
                whole.extend_from_slice(&piece);
            }
            world.0.was_shut.lock().unwrap().insert(world.is_shut());
            let mut stored = world.0.stored.lock().unwrap();
            let stored = stored.entry(id).or_default();
            stored.entry(item.key).or_insert_with(|| whole.into());
            Ok(())
        })
    }

    fn hide(&self, id: RepositoryId, key: Key) -> Pending<Result<(), Failed>> {
        let world = self.clone();
        Box::pin(async move {
            world.0.gate.pass().await;
            world.0.was_shut.lock().unwrap().insert(world.is_shut());
            let mut stored = world.0.stored.lock().unwrap();
            stored.entry(id).or_default().remove(&key);
            Ok(())
        })
    }
}

struct Open {
    world: World,
    entry: Entry,
}

impl World {
    fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&World, &mut BTreeMap<String, Entry>) -> io::Result<T> + Send + 'static,
    ) -> Pending<io::Result<T>> {
        let world = self.clone();
        Box::pin(async move {
            world.0.gate.pass().await;
            let mut disk = world.0.disk.lock().unwrap();
            work(&world, &mut disk)
        })
    }

    fn opened(&self, entry: Entry) -> Arc<dyn File> {
        let world = self.clone();
        Arc::new(Open { world, entry })
    }
}

impl Disk for World {
    fn create(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        let path = path.to_owned();
        assert!(holdfast_actors::ports::is_path(&path), "{path}");
        self.on_disk(move |world, disk| {
            if disk.contains_key(&path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let entry = disk.entry(path).or_default();
            Ok(world.opened(entry.clone()))
        })
    }

    fn open(&self, path: &str) -> Pending<io::Result<Arc<dyn File>>> {
        let path = path.to_owned();
        self.on_disk(move |world, disk| {
            let entry = disk.get(&path).ok_or(io::ErrorKind::NotFound)?;
            Ok(world.opened(entry.clone()))
        })
    }

    fn list(&self, folder: &str) -> Pending<io::Result<Vec<String>>> {
        // A crash at each of 260 looks would show nothing that one does not.
        let disk = self.0.disk.lock().unwrap();
        let names = disk.keys().filter_map(|path| {
            let (of, name) = path.rsplit_once('/').unwrap_or(("", path));
            (of == folder).then(|| name.to_owned())
        });
        let names = names.collect();
        Box::pin(async move { Ok(names) })
    }

    fn rename(&self, from: &str, to: &str) -> Pending<io::Result<()>> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.on_disk(move |_, disk| {
            let entry = disk.remove(&from).ok_or(io::ErrorKind::NotFound)?;
            let is_named = false;
            disk.insert(to, Entry { is_named, ..entry });
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> Pending<io::Result<()>> {
        let path = path.to_owned();
        self.on_disk(move |_, disk| {
            disk.remove(&path);
            Ok(())
        })
    }

    fn sync_folder(&self, folder: &str) -> Pending<io::Result<()>> {
        let folder = folder.to_owned();
        self.on_disk(move |_, disk| {
            for (path, entry) in disk.iter_mut() {
                let of = path.rsplit_once('/').map_or("", |(of, _)| of);
                entry.is_named |= of == folder;
            }
            Ok(())
        })
    }

    fn storage(&self) -> Option<Storage> {
        None
    }
}

impl File for Open {
    fn write(&self, at: u64, parts: Vec<Bytes>) -> Pending<io::Result<()>> {
        let body = Arc::clone(&self.entry.body);
        self.world.on_disk(move |_, _| {
            let (bytes, at) = (parts.concat(), usize::try_from(at).unwrap());
            let mut body = body.lock().unwrap();
            let end = body.0.len().max(at + bytes.len());
            body.0.resize(end, 0);
            body.0[at..at + bytes.len()].copy_from_slice(&bytes);
            Ok(())
        })
    }

    fn sync(&self) -> Pending<io::Result<()>> {
        let body = Arc::clone(&self.entry.body);
        self.world.on_disk(move |_, _| {
            let mut body = body.lock().unwrap();
            body.1 = body.0.clone();
            Ok(())
        })
    }

    fn read(&self, at: u64, length: usize) -> Pending<io::Result<Bytes>> {
        let body = self.entry.body.lock().unwrap();
        let at = body.0.len().min(usize::try_from(at).unwrap());
        let end = body.0.len().min(at + length);
        let bytes = Bytes::copy_from_slice(&body.0[at..end]);
        Box::pin(async move { Ok(bytes) })
    }

    fn length(&self) -> Pending<io::Result<u64>> {
        let length = self.entry.body.lock().unwrap().0.len() as u64;
        Box::pin(async move { Ok(length) })
    }

    fn truncate(&self, _: u64) -> Pending<io::Result<()>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn reserve(&self, _: u64) -> Pending<io::Result<()>> {
        Box::pin(async { Ok(()) })
    }
}
