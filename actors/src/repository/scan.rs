//! A walk over the frames of an extent: which are good, and where its torn tail begins.

use std::sync::Arc;

use bytes::Bytes;

use super::entry::{Entry, FRAME_ENTRY, Place};
use super::head::{FRAME_HEAD, HEAD_BYTES, Secret};
use super::recovery::RecoveryError;
use crate::frame::{BODY_MAX, FrameError, HEADER, Header};
use crate::kernel::ExtentId;
use crate::ports::File;
use crate::schema;

/// Bytes read at once.
const WINDOW: usize = 2 * (HEADER + BODY_MAX);
/// Bytes read at once where bodies are stepped over.
const GLANCE: usize = 16 << 10;

/// A walk over the frames of one extent.
pub(super) struct Scan {
    extent: ExtentId,
    file: Arc<dyn File>,
    /// Where the next frame begins.
    pub(super) at: u64,
    pub(super) end: u64,
    secret: Secret,
    /// Whether data bodies are read and checked too.
    whole: bool,
    window: Bytes,
    window_at: u64,
}

/// One good frame.
pub(super) struct Frame {
    pub(super) header: Header,
    pub(super) place: Place,
    /// With how far its extent had been durable when it was written.
    pub(super) entry: Option<(Entry, u64)>,
}

impl Scan {
    /// The file that is walked over.
    pub(super) fn file(&self) -> &dyn File {
        self.file.as_ref()
    }

    /// A walk behind the head of an extent.
    pub(super) async fn new(
        extent: ExtentId,
        file: Arc<dyn File>,
        end: u64,
        whole: bool,
    ) -> Result<Self, RecoveryError> {
        let disk = |source| RecoveryError::Disk { extent, source };
        let length = HEAD_BYTES as usize;
        let mut head = file.read(0, length).await.map_err(disk)?;
        if head_in(&head).is_err() {
            let is_sound = Arc::new(|head: &Bytes| head_in(head).is_ok());
            let again = file.read_sound(0, length, is_sound).await;
            head = again.map_err(disk)?;
        }
        let secret = match head_in(&head) {
            Ok((FRAME_HEAD, Some(secret))) => secret,
            Err(FrameError::Version(version)) => {
                let offset = 0;
                return Err(RecoveryError::Newer {
                    extent,
                    offset,
                    version,
                });
            }
            Ok(_) | Err(_) => return Err(RecoveryError::Damaged { extent, offset: 0 }),
        };
        Ok(Self {
            extent,
            file,
            at: HEAD_BYTES,
            end,
            secret,
            whole,
            window: Bytes::new(),
            window_at: 0,
        })
    }

    /// The next good frame; `None` at the end, or where an open extent's torn tail begins.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, RecoveryError> {
        if self.at >= self.end {
            return Ok(None);
        }
        match self.sound_frame(self.at).await? {
            Ok(frame) => {
                self.at += frame.header.total();
                Ok(Some(frame))
            }
            Err(FrameError::Version(version)) => Err(RecoveryError::Newer {
                extent: self.extent,
                offset: self.at,
                version,
            }),
            Err(_) if !self.whole => Err(RecoveryError::Damaged {
                extent: self.extent,
                offset: self.at,
            }),
            Err(_) => self.tail().await.map(|()| None),
        }
    }

    /// Makes sure that nothing behind a bad frame claims that the frame had been durable.
    async fn tail(&mut self) -> Result<(), RecoveryError> {
        let bad = self.at;
        let mut at = bad + 1;
        while at + HEADER as u64 <= self.end {
            let window = self.bytes(at, HEADER, WINDOW).await?;
            let step = window.windows(2).position(|pair| pair == b"HF");
            let Some(step) = step else {
                at += (window.len() as u64).saturating_sub(1).max(1);
                continue;
            };
            at += step as u64;
            match self.frame(at).await? {
                Ok(Frame {
                    entry: Some((_, mark)),
                    ..
                }) if mark > bad => {
                    return Err(RecoveryError::Damaged {
                        extent: self.extent,
                        offset: bad,
                    });
                }
                Ok(frame) => at += frame.header.total(),
                Err(_) => at += 1,
            }
        }
        Ok(())
    }

    /// The frame at an offset, from whichever copy has a sound one.
    async fn sound_frame(&mut self, at: u64) -> Result<Result<Frame, FrameError>, RecoveryError> {
        let found = self.frame(at).await?;
        if found.is_ok() {
            return Ok(found);
        }
        let (left, secret) = (self.end - at, self.secret);
        let is_sound = Arc::new(move |bytes: &Bytes| is_frame(bytes, left, secret));
        let length = (HEADER + BODY_MAX).min(left as usize);
        let again = self.file.read_sound(at, length, is_sound).await;
        self.window = again.map_err(|source| RecoveryError::Disk {
            extent: self.extent,
            source,
        })?;
        self.window_at = at;
        self.frame(at).await
    }

    /// The frame at an offset, or why there is none.
    pub(super) async fn frame(
        &mut self,
        at: u64,
    ) -> Result<Result<Frame, FrameError>, RecoveryError> {
        let glance = if self.whole { WINDOW } else { GLANCE };
        let bytes = self.bytes(at, HEADER, glance).await?;
        let header = match Header::decode(&bytes) {
            Ok(header) if at + header.total() <= self.end => header,
            Ok(_) => return Ok(Err(FrameError::Short)),
            Err(error) => return Ok(Err(error)),
        };
        let place = Place {
            extent: self.extent,
            offset: at,
        };
        let is_entry = header.kind == FRAME_ENTRY;
        if !is_entry && !self.whole {
            return Ok(Ok(Frame {
                header,
                place,
                entry: None,
            }));
        }
        let total = header.total() as usize;
        let bytes = self.bytes(at, total, glance).await?;
        let body = bytes.slice(HEADER..bytes.len().clamp(HEADER, total));
        if let Err(error) = header.check(&body) {
            return Ok(Err(error));
        }
        let mut entry = None;
        if is_entry {
            let Some((encoded, durable)) = self.secret.check(header.sequence, &body) else {
                return Ok(Err(FrameError::Body));
            };
            entry = Some((self.entry(at, encoded)?, durable));
        }
        Ok(Ok(Frame {
            header,
            place,
            entry,
        }))
    }

    fn entry(&self, offset: u64, encoded: &[u8]) -> Result<Entry, RecoveryError> {
        let extent = self.extent;
        schema::decode(encoded).map_err(|source| RecoveryError::Entry {
            extent,
            offset,
            source,
        })
    }

    /// At least `least` bytes from `at` on, unless the extent ends before; reads ahead by `ahead`.
    async fn bytes(&mut self, at: u64, least: usize, ahead: usize) -> Result<Bytes, RecoveryError> {
        let inside = at.checked_sub(self.window_at).map(|skip| skip as usize);
        let held = inside.filter(|skip| skip + least <= self.window.len());
        if let Some(skip) = held {
            return Ok(self.window.slice(skip..));
        }
        let left = self.end.saturating_sub(at);
        let length = least.max(ahead).min(left as usize);
        let read = self.file.read(at, length).await;
        self.window = read.map_err(|source| RecoveryError::Disk {
            extent: self.extent,
            source,
        })?;
        self.window_at = at;
        Ok(self.window.clone())
    }
}

/// What the head of an extent says, which bytes are to begin with.
fn head_in(bytes: &[u8]) -> Result<(u8, Option<Secret>), FrameError> {
    let header = Header::decode(bytes)?;
    let body = &bytes[HEADER..];
    header.check(body)?;
    Ok((header.kind, Secret::of(body)))
}

/// Whether bytes begin with a whole frame of an extent that has so many left.
fn is_frame(bytes: &[u8], left: u64, secret: Secret) -> bool {
    let Ok(header) = Header::decode(bytes) else {
        return false;
    };
    let body = bytes.get(HEADER..header.total() as usize);
    let sound = body.filter(|body| header.check(body).is_ok() && header.total() <= left);
    let is_ours = |body| secret.check(header.sequence, body).is_some();
    sound.is_some_and(|body| header.kind != FRAME_ENTRY || is_ours(body))
}
