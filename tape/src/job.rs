//! The hands of a tape job: what it keeps goes into its row, and each attempt is an actor below it.

use std::fmt;

use holdfast_actors::catalog::tape::{JobCommand, TapeCommand};
use holdfast_actors::kernel::{Machine as _, Timestamp};
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::{Pending, Ports};
use holdfast_actors::shell::{self, Context, Fault, Handle, Hands, Path};
use holdfast_actors::tape::job::{Effect, Event, Occasion, Outcome, State};
use holdfast_actors::tape::{Job, MediaSet};
use tokio::sync::oneshot;

use crate::archive::{self, Archive, ArchiveHands, Order, Site};

/// What a tape job is told.
pub enum Message {
    /// It was enabled, or disabled.
    Enabled(bool),
    /// An operator stops the run.
    Stop,
    /// An operator wants a set written now; how its run ended, if anybody waits for that.
    Full(MediaSet, oneshot::Sender<Occasion>),
    /// A source has something new.
    Changed,
    /// A tape was put in, or a library came back.
    Tape,
    /// The attempt of that number is over.
    Ended(u64, Outcome),
    /// The attempt of that number has an actor.
    Spawned(u64, Option<Handle<archive::Message>>),
    /// An operator was told.
    Notified,
}

/// Belongs to one tape job.
pub struct JobHands {
    name: TapeName,
    site: Site,
    run: Option<(u64, Handle<archive::Message>)>,
    /// Attempts up to this one are left off.
    aborted: u64,
    /// Who waits for the end of a run of that set.
    waiting: Vec<(MediaSet, oneshot::Sender<Occasion>)>,
}

impl fmt::Debug for JobHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobHands({})", self.name)
    }
}

/// Starts the job of that name as an actor at `path`, from its row; none if there is no such row,
/// or nobody takes it in any more. Whether it writes when it is due it has to be told.
pub async fn start(
    name: TapeName,
    site: Site,
    path: Path,
    ports: Ports,
    supervisor: Option<ractor::ActorCell>,
) -> Option<Handle<Message>> {
    let row = site.books.rows().tape.jobs.get(&name).cloned()?;
    let mut job = Job::new(row.schedule);
    job.apply(&row.state);
    let hands = JobHands {
        name,
        site,
        run: None,
        aborted: 0,
        waiting: Vec::new(),
    };
    shell::spawn(path, job, hands, ports, supervisor).await.ok()
}

/// Says how an attempt ended, also if it came to no end of its own.
struct Report {
    job: Handle<Message>,
    attempt: u64,
    is_told: bool,
}

impl Report {
    fn tell(mut self, outcome: Outcome) {
        self.is_told = true;
        self.say(outcome);
    }

    fn say(&self, outcome: Outcome) {
        // A job that is gone begins its run again when it comes back.
        let _ = self.job.tell(Message::Ended(self.attempt, outcome));
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !self.is_told {
            self.say(Outcome::Failed);
        }
    }
}

impl JobHands {
    /// Begins an attempt once the one before is gone, and its cartridge with it.
    fn write(
        &self,
        attempt: u64,
        (set, since): (MediaSet, Timestamp),
        context: &Context<Self>,
    ) -> Pending<Message> {
        let order = Order {
            job: self.name.clone(),
            set,
            since,
        };
        let machine = Archive::new(order, self.site.house());
        let report = Report {
            job: context.myself.clone(),
            attempt,
            is_told: false,
        };
        let (entropy, clock) = (context.ports.entropy.clone(), context.ports.clock.clone());
        let tell = move |outcome| report.tell(outcome);
        let hands = ArchiveHands::new(self.site.clone(), (entropy, clock), tell);
        let (path, ports) = (context.path.child("run"), context.ports.clone());
        let supervisor = Some(context.myself.cell());
        Box::pin(async move {
            if let Some(ended) = ports.directory.ended(&path) {
                ended.await;
            }
            let spawned = shell::spawn(path, machine, hands, ports, supervisor).await;
            let run = spawned.ok();
            let begun = run.filter(|run| run.tell(archive::Message::Start).is_ok());
            Message::Spawned(attempt, begun)
        })
    }

    fn notify(&self, set: MediaSet, occasion: Occasion) -> Pending<Message> {
        let command = TapeCommand::Job(self.name.clone(), JobCommand::Notify(set, occasion));
        let told = self.site.books.submit(command);
        let name = self.name.clone();
        Box::pin(async move {
            if let Err(error) = told.await {
                tracing::warn!(job = %name, %error, "operators were not told of a tape job");
            }
            Message::Notified
        })
    }

    /// Tells those who wait for a run that it is over. What was wanted of the daily set while
    /// another was written, that one took too.
    fn answer(&mut self, set: MediaSet, occasion: Occasion) {
        if occasion == Occasion::WaitingForTape {
            return;
        }
        let (over, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(of, _)| *of == set || *of == MediaSet::Daily);
        self.waiting = waiting;
        let over: Vec<_> = over;
        for (_, reply) in over {
            // Whoever waited may have gone away.
            let _ = reply.send(occasion);
        }
    }

    fn stop_aborted(&mut self) {
        let aborted = self.aborted;
        if let Some((_, run)) = self.run.take_if(|(attempt, _)| *attempt <= aborted) {
            run.stop();
        }
    }
}

impl Hands for JobHands {
    type Machine = Job;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        match message {
            Message::Enabled(enabled) => Some(Event::Enabled(enabled)),
            Message::Stop => Some(Event::Stop),
            Message::Full(set, reply) => {
                self.waiting.retain(|(_, reply)| !reply.is_closed());
                self.waiting.push((set, reply));
                Some(Event::Full(set))
            }
            Message::Changed => Some(Event::Changed),
            Message::Tape => Some(Event::Tape),
            Message::Ended(attempt, outcome) => Some(Event::Ended(attempt, outcome)),
            Message::Spawned(attempt, run) => {
                self.run = run.map(|run| (attempt, run));
                self.stop_aborted();
                None
            }
            Message::Notified => None,
        }
    }

    fn persist(&mut self, state: State, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        let keep = JobCommand::Keep(Box::new(state));
        let kept = self
            .site
            .books
            .submit(TapeCommand::Job(self.name.clone(), keep));
        Box::pin(async move { kept.await.map_err(|error| Fault::of(&error)) })
    }

    fn perform(
        &mut self,
        effect: Effect,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        Ok(match effect {
            Effect::Write {
                attempt,
                set,
                since,
                ..
            } => Some(self.write(attempt, (set, since), context)),
            Effect::Abort(attempt) => {
                self.aborted = attempt;
                self.stop_aborted();
                None
            }
            Effect::Notify(set, occasion) => {
                self.answer(set, occasion);
                Some(self.notify(set, occasion))
            }
        })
    }
}
