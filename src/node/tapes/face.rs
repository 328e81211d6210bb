//! The tapes of a node, as the office asks them.

use std::path::PathBuf;

use holdfast_actors::names::TapeName;
use holdfast_actors::ports::Pending;
use holdfast_actors::tape::{MediaSet, MediumId, SetId};
use holdfast_tape::ports::Mount;
use holdfast_tape::scan::Device;
use holdfast_tape::{job, ssc, station};
use tokio::sync::oneshot;

use super::{TapeDesk, devices, plan, problem, recovered};
use crate::admin::answers::{CartridgeCopied, CartridgeFound, RestorePlan, label};
use crate::admin::office::{Held, RunEnd, Tapes};
use crate::admin::{Items, Problem};
use crate::commands::tape::scan::Scan;
use crate::keyring::Keyring;

impl Tapes for TapeDesk {
    fn inventory(&self, library: &TapeName) -> Pending<Result<(), Problem>> {
        Box::pin(self.clone().inventory(library.clone()))
    }

    fn recover(&self, library: &TapeName, items: Items) -> Pending<Result<(), Problem>> {
        let (desk, library) = (self.clone(), library.clone());
        Box::pin(async move {
            let station = desk.station(&library).await?;
            let reader = recovered::Reader {
                station,
                books: &desk.books,
                shelf: desk.shelf.as_ref(),
                house: &desk.house,
            };
            reader.all(&library, &items).await
        })
    }

    fn door(&self, library: &TapeName) -> Pending<Result<Vec<station::Place>, Problem>> {
        let (desk, library) = (self.clone(), library.clone());
        Box::pin(async move {
            let station = desk.station(&library).await?;
            station::door(&station).await.map_err(problem)
        })
    }

    fn export(
        &self,
        library: &TapeName,
        slots: Vec<station::Wanted>,
    ) -> Pending<Result<(), Problem>> {
        Box::pin(self.clone().export(library.clone(), slots))
    }

    fn import(&self, library: &TapeName) -> Pending<Result<(), Problem>> {
        Box::pin(self.clone().import(library.clone()))
    }

    fn scan(&self, scan: Scan) -> Pending<Result<Vec<Device>, Problem>> {
        Box::pin(devices(self.here, scan))
    }

    fn run(&self, job: &TapeName, set: MediaSet) -> Pending<Result<RunEnd, Problem>> {
        let (tell, end) = oneshot::channel();
        let told = self
            .clone()
            .tell(job.clone(), job::Message::Full(set, tell));
        Box::pin(async move { told.await.map(|()| end) })
    }

    fn stop(&self, job: &TapeName) -> Pending<Result<(), Problem>> {
        Box::pin(self.clone().tell(job.clone(), job::Message::Stop))
    }

    fn verify(&self, medium: MediumId, items: Items) -> Pending<Result<CartridgeFound, Problem>> {
        Box::pin(self.clone().verify(medium, items))
    }

    fn unused(&self, medium: MediumId) -> Result<(), Problem> {
        let label = label(medium, &self.rows());
        self.using.unused(medium, &label)
    }

    fn hold(&self, medium: MediumId) -> Pending<Result<Held, Problem>> {
        Box::pin(self.clone().hold(medium))
    }

    fn eject(&self, medium: MediumId) -> Pending<Result<(), Problem>> {
        Box::pin(self.clone().eject(medium))
    }

    fn erase(
        &self,
        medium: MediumId,
        mount: Box<dyn Mount>,
        how: ssc::Erase,
    ) -> Pending<Result<(), Problem>> {
        Box::pin(self.clone().erase(medium, mount, how))
    }

    fn copy(
        &self,
        medium: MediumId,
        to: PathBuf,
        items: Items,
    ) -> Pending<Result<CartridgeCopied, Problem>> {
        Box::pin(self.clone().copy(medium, to, items))
    }

    fn serve_drive(
        &self,
        library: &TapeName,
        drive: u16,
        is_on: bool,
    ) -> Pending<Result<(), Problem>> {
        let (desk, library) = (self.clone(), library.clone());
        Box::pin(async move {
            let station = desk.station(&library).await?;
            station.serve(drive.into(), is_on).await.map_err(problem)
        })
    }

    fn unload_drive(&self, library: &TapeName, drive: u16) -> Pending<Result<(), Problem>> {
        let (desk, library) = (self.clone(), library.clone());
        Box::pin(async move {
            let station = desk.station(&library).await?;
            station.unload(drive.into()).await.map_err(problem)
        })
    }

    fn keyring(&self) -> Keyring {
        self.keyring.clone()
    }

    fn plan(&self, set: SetId, run: String) -> Pending<Result<RestorePlan, Problem>> {
        let desk = self.clone();
        Box::pin(async move {
            let shelf = desk.shelf.as_ref();
            plan::plan(&desk.rows(), shelf, desk.here, (set, run)).await
        })
    }
}
