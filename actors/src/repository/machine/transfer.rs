//! Uploads: room is made, frames are placed, and the object counts once its entry is durable.

use super::Repository;
use crate::extent::Trouble;
use crate::frame::{HEADER, Header};
use crate::kernel::{Acts, CredentialId, ExtentId, Now, Size};
use crate::object::{Key, Kind, LOCKS_MAX};
use crate::repository::denied::Denied;
use crate::repository::entry::{Entry, FRAME_BYTES, FRAME_DATA, Stored};
use crate::repository::event::{Begin, Effect, Finish, Frame, Grow, Written};
use crate::repository::snapshot::Moment;
use crate::repository::uploads::{PIECES_MAX, UPLOADS_MAX};

/// What `index/` may pass the quota by (architecture, section 4).
const INDEX_SLACK: Size = Size::mib(64);

impl Repository {
    pub(super) fn begin(&mut self, now: Now, event: Begin, acts: &mut Acts<Self>) {
        let Begin {
            ticket,
            key,
            size,
            by,
            ..
        } = event;
        self.uploads.forget(key, by);
        let new = self.state.held().object(&key, Moment::Now).is_none();
        if let Err(denied) = self.may_begin(&event, new) {
            acts.show(Effect::Deny { ticket, denied });
            return;
        }
        let reserved = if new && key.kind != Kind::Lock {
            size
        } else {
            Size::ZERO
        };
        let upload = self
            .uploads
            .begin(now.monotonic, key, by, size, new, reserved);
        acts.show(Effect::Begun { ticket, upload });
    }

    fn may_begin(&self, begin: &Begin, new: bool) -> Result<(), Denied> {
        let Begin { key, size, .. } = *begin;
        if size > key.kind.size_max() {
            return Err(Denied::TooLarge(key.kind.size_max()));
        }
        if self.uploads.len() >= UPLOADS_MAX {
            return Err(Denied::Busy);
        }
        if !new {
            // A second config would be another repository (vector 5 of the restic face).
            let config = key.kind == Kind::Config;
            return if config { Err(Denied::Exists) } else { Ok(()) };
        }
        if key.kind == Kind::Lock {
            let locks = self.state.figures(key.space).locks as usize;
            let on_their_way = self.uploads.locks(key.space);
            let full = locks + on_their_way >= LOCKS_MAX;
            return if full {
                Err(Denied::Locks(LOCKS_MAX))
            } else {
                Ok(())
            };
        }
        self.fits_quotas(&key, size, begin.by)?;
        self.spares_the_reserve(begin)
    }

    /// Takes note that more will come, or ends the upload. Nothing waits for the disk here.
    pub(super) fn grow(&mut self, now: Now, event: Grow, acts: &mut Acts<Self>) {
        let (ticket, id) = (event.ticket, event.upload);
        match self.may_grow(now, event) {
            Ok(()) => {
                self.uploads.grow(id, event.more);
                acts.start(Effect::Done { ticket });
            }
            Err(denied) => {
                self.uploads.end(id);
                acts.start(Effect::Deny { ticket, denied });
            }
        }
    }

    fn may_grow(&mut self, now: Now, event: Grow) -> Result<(), Denied> {
        let upload = self.uploads.touch(now.monotonic, event.upload);
        let upload = upload.ok_or(Denied::NoUpload)?;
        let (key, new) = (upload.key, upload.new);
        let more = Begin {
            ticket: event.ticket,
            key,
            size: event.more,
            by: upload.by,
            storage: event.storage,
            elsewhere: event.elsewhere,
        };
        if upload.declared + more.size > key.kind.size_max() {
            return Err(Denied::TooLarge(key.kind.size_max()));
        }
        if !new || key.kind == Kind::Lock {
            return Ok(());
        }
        self.fits_quotas(&key, more.size, more.by)?;
        self.spares_the_reserve(&more)
    }

    fn fits_quotas(&self, key: &Key, size: Size, by: CredentialId) -> Result<(), Denied> {
        if self.settings.past_quota && by == CredentialId::SYSTEM {
            return Ok(());
        }
        let slack = if key.kind == Kind::Index {
            INDEX_SLACK
        } else {
            Size::ZERO
        };
        fits(
            self.settings.quota,
            slack,
            self.charged() + self.uploads.reserved(None),
            size,
        )?;
        match self.settings.limits.get(&key.space) {
            Some(limit) => {
                let live = self.state.figures(key.space).live;
                fits(
                    *limit,
                    slack,
                    live + self.uploads.reserved(Some(key.space)),
                    size,
                )
            }
            None => Ok(()),
        }
    }

    pub(super) fn frame(&mut self, now: Now, event: Frame, acts: &mut Acts<Self>) {
        let Frame {
            ticket,
            upload: id,
            bytes,
            hashed,
        } = event;
        let Some(upload) = self.uploads.touch(now.monotonic, id) else {
            acts.start(Effect::Deny {
                ticket,
                denied: Denied::NoUpload,
            });
            return;
        };
        let length = bytes.len() as u64;
        upload.received += Size::bytes(length);
        let scattered = upload.pieces.len() >= PIECES_MAX;
        if upload.received > upload.declared || bytes.len() > FRAME_BYTES || scattered {
            let (declared, received) = (upload.declared.as_bytes(), upload.received.as_bytes());
            self.uploads.end(id);
            acts.start(Effect::Deny {
                ticket,
                denied: Denied::Length { declared, received },
            });
            return;
        }
        upload.hashed_to(hashed);
        if !upload.new || bytes.is_empty() {
            acts.start(Effect::Done { ticket });
            return;
        }
        let Some((sequence, place)) = self.tail.place(HEADER as u64 + length) else {
            return;
        };
        upload.placed(place, length);
        let header = Header::of(FRAME_DATA, self.epoch, sequence, &bytes).encode();
        acts.start(Effect::Append {
            ticket,
            upload: id,
            place,
            parts: vec![header, bytes],
        });
    }

    pub(super) fn finish(&mut self, now: Now, event: Finish, acts: &mut Acts<Self>) {
        let Finish {
            ticket,
            upload,
            hash,
        } = event;
        let Some(upload) = self.uploads.end(upload) else {
            acts.show(Effect::Deny {
                ticket,
                denied: Denied::NoUpload,
            });
            return;
        };
        let key = upload.key;
        let here = self.state.held().object(&key, Moment::Now).is_some();
        let config = self
            .state
            .config(key.space)
            .filter(|_| key.kind == Kind::Config && here);
        let denied = if upload.received != upload.declared {
            let declared = upload.declared.as_bytes();
            Some(Denied::Length {
                declared,
                received: upload.received.as_bytes(),
            })
        } else if key.kind != Kind::Config && hash != key.name {
            Some(Denied::Hash)
        } else if config.is_some_and(|existing| existing != hash) {
            Some(Denied::Exists)
        } else if !upload.new && !here {
            // It was there when the upload began, so its bytes were not kept, and went meanwhile.
            Some(Denied::NoUpload)
        } else {
            None
        };
        match denied {
            Some(denied) => acts.show(Effect::Deny { ticket, denied }),
            None => {
                if !here {
                    let at = self.time(now);
                    let (size, pieces, by) = (upload.received, upload.pieces, upload.by);
                    self.log(
                        Entry::Stored(Stored {
                            key,
                            size,
                            hash,
                            at,
                            by,
                            pieces,
                        }),
                        acts,
                    );
                }
                acts.show(Effect::Done { ticket });
            }
        }
    }

    pub(super) fn written(&mut self, event: Written, acts: &mut Acts<Self>) {
        let Written {
            ticket,
            upload,
            extent,
            length,
            result,
        } = event;
        let Err(trouble) = result else {
            self.uploads.written(upload, length);
            acts.start(Effect::Done { ticket });
            return;
        };
        let denied = match trouble {
            Trouble::Full => Denied::StorageFull,
            Trouble::Broken | Trouble::Short | Trouble::Fenced | Trouble::Sealed => {
                Denied::StorageFailed
            }
        };
        self.lost(extent, acts);
        acts.start(Effect::Deny { ticket, denied });
    }

    /// Gives up an extent, and all uploads that have bytes in it and that nobody goes on with.
    pub(super) fn lost(&mut self, extent: ExtentId, acts: &mut Acts<Self>) {
        self.uploads.tear(extent);
        if self.tail.give_up(extent) {
            acts.start(Effect::Seal { extent });
        }
    }
}

fn fits(quota: Size, slack: Size, used: Size, needed: Size) -> Result<(), Denied> {
    if used + needed <= quota + slack {
        Ok(())
    } else {
        Err(Denied::Quota {
            quota,
            used,
            needed,
        })
    }
}
