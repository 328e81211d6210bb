//! The actor itself.

use std::any::Any;
use std::collections::{BTreeSet, VecDeque};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

use super::directory::Resident;
use super::recorder::{Recorder, line};
use super::{Context, End, Fault, Gone, Handle, Hands, Input, Inspection, Path, Step};
use crate::kernel::{Act, Acts, Instant, Machine, Now};
use crate::ports::{Pending, Ports};

/// Starts an actor that runs `machine` with `hands` at `path`, below `supervisor` if there is one.
///
/// # Errors
/// When the supervisor is ending.
pub async fn spawn<H: Hands>(
    path: Path,
    machine: H::Machine,
    hands: H,
    ports: Ports,
    supervisor: Option<ActorCell>,
) -> Result<Handle<H::Message>, SpawnErr> {
    let depth = Arc::new(AtomicUsize::new(0));
    let arguments = (path, machine, hands, ports, Arc::clone(&depth));
    let shell = Shell::<H>(PhantomData);
    let (actor, _) = match supervisor {
        Some(cell) => Actor::spawn_linked(None, shell, arguments, cell).await?,
        None => Actor::spawn(None, shell, arguments).await?,
    };
    Ok(Handle { actor, depth })
}

/// Runs one machine.
struct Shell<H>(PhantomData<fn() -> H>);

/// The running machine and all it needs.
struct State<H: Hands> {
    machine: H::Machine,
    hands: H,
    context: Context<H>,
    /// Facts handed to [`Hands::persist`] so far, and how many of them are durable.
    persisted: u64,
    durable: u64,
    /// Facts that are durable while one before them is not yet.
    early: BTreeSet<u64>,
    /// What others may see once the fact with the number beside it is durable.
    held: VecDeque<(u64, <H::Machine as Machine>::Effect)>,
    alarm: Option<(Instant, AbortHandle)>,
    work: JoinSet<()>,
    recorder: Recorder,
    /// The invariant that was broken after the last step.
    broken: Option<&'static str>,
    residence: Residence,
}

/// Leaves the directory when the actor is gone, however it went.
struct Residence {
    ports: Ports,
    path: Path,
    life: u64,
    failed: bool,
}

impl Drop for Residence {
    fn drop(&mut self) {
        self.ports
            .directory
            .leave(&self.path, self.life, self.failed);
    }
}

type Arguments<H> = (Path, <H as Hands>::Machine, H, Ports, Arc<AtomicUsize>);

impl<H: Hands> Actor for Shell<H> {
    type Msg = Input<H::Message>;
    type State = State<H>;
    type Arguments = Arguments<H>;

    async fn pre_start(
        &self,
        actor: ActorRef<Self::Msg>,
        (path, machine, hands, ports, depth): Self::Arguments,
    ) -> Result<State<H>, ActorProcessingErr> {
        let myself = Handle { actor, depth };
        let life = ports
            .directory
            .enter(path.clone(), Box::new(myself.clone()));
        let residence = Residence {
            ports: ports.clone(),
            path: path.clone(),
            life,
            failed: false,
        };
        let mut state = State {
            machine,
            hands,
            context: Context {
                myself,
                path,
                ports,
            },
            persisted: 0,
            durable: 0,
            early: BTreeSet::new(),
            held: VecDeque::new(),
            alarm: None,
            work: JoinSet::new(),
            recorder: Recorder::default(),
            broken: None,
            residence,
        };
        state.show(None, &[]);
        state.rearm();
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        input: Self::Msg,
        state: &mut State<H>,
    ) -> Result<(), ActorProcessingErr> {
        let ended = catch_unwind(AssertUnwindSafe(|| state.take(input)));
        let fault = match ended {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(fault)) => fault,
            Err(panic) => Fault(format!("panic: {}", panic_text(panic.as_ref()))),
        };
        state.residence.failed = true;
        tracing::error!(path = %state.context.path, error = %fault, "actor failed");
        state
            .context
            .ports
            .directory
            .stop_below(&state.context.path);
        Err(Box::new(fault))
    }

    async fn post_stop(
        &self,
        _: ActorRef<Self::Msg>,
        state: &mut State<H>,
    ) -> Result<(), ActorProcessingErr> {
        // ractor would end them in the order of a hash.
        state
            .context
            .ports
            .directory
            .stop_below(&state.context.path);
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        actor: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut State<H>,
    ) -> Result<(), ActorProcessingErr> {
        let (child, end) = match event {
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {
                return Ok(());
            }
            SupervisionEvent::ActorTerminated(child, _, _) => (child, End::Stopped),
            SupervisionEvent::ActorFailed(child, error) => (child, End::Failed(error.to_string())),
        };
        match state.hands.ended(&child, end) {
            // A child's end is news like any other, and goes through the same door.
            Some(message) => {
                state.context.myself.depth.fetch_add(1, Ordering::Relaxed);
                self.handle(actor, Input::Message(message), state).await
            }
            None => Ok(()),
        }
    }
}

impl<H: Hands> State<H> {
    fn take(&mut self, input: Input<H::Message>) -> Result<(), Fault> {
        self.context.myself.depth.fetch_sub(1, Ordering::Relaxed);
        while self.work.try_join_next().is_some() {}
        let now = self.context.ports.clock.now();
        let mut acts = Acts::default();
        match input {
            Input::Message(message) => {
                let Some(event) = self.hands.admit(message, &self.context) else {
                    return Ok(());
                };
                let told = self.line(&event);
                self.machine.step(now, event, &mut acts);
                self.act(now, told, acts)?;
            }
            Input::Wake => {
                self.alarm = None;
                self.machine.wake(now, &mut acts);
                self.act(now, "Wake".to_owned(), acts)?;
            }
            Input::Durable(mark) => {
                self.early.insert(mark);
                while self.early.remove(&(self.durable + 1)) {
                    self.durable += 1;
                }
                self.release()?;
            }
            // Whoever looked may have turned away; that is no concern of the actor.
            Input::Inspect(reply) => drop(reply.send(self.inspection())),
            Input::Fault(fault) => return Err(fault),
        }
        self.judge();
        self.rearm();
        Ok(())
    }

    /// Counts an invariant once for as long as it stays broken.
    fn judge(&mut self) {
        let broken = self.machine.broken();
        if let Some(invariant) = broken.filter(|_| broken != self.broken) {
            let path = &self.context.path;
            tracing::error!(%path, invariant, "an invariant is broken; please report it");
            self.context.ports.directory.broke(invariant);
        }
        self.broken = broken;
    }

    fn act(&mut self, now: Now, told: String, acts: Acts<H::Machine>) -> Result<(), Fault> {
        if told == "Wake" && acts.is_empty() {
            return Ok(());
        }
        let shown: Vec<String> = acts.iter().map(|act| self.line(act)).collect();
        self.show(Some(&told), &shown);
        self.recorder.record(now, told, shown);
        for act in acts {
            match act {
                Act::Persist(record) => self.persist(record),
                Act::Start(effect) => self.perform(effect)?,
                Act::Show(effect) if self.durable == self.persisted => self.perform(effect)?,
                Act::Show(effect) => self.held.push_back((self.persisted, effect)),
            }
        }
        Ok(())
    }

    /// The text of an event or act: all of it if somebody looks on.
    fn line(&self, thing: &dyn Debug) -> String {
        if self.context.ports.directory.is_watched() {
            return format!("{thing:?}");
        }
        line(thing)
    }

    /// Shows a step to whoever looks on.
    fn show(&self, event: Option<&str>, acts: &[String]) {
        let (state, waits) = (|| self.machine.observe(), || self.waits());
        let step = || Step {
            path: &self.context.path,
            machine: std::any::type_name::<H::Machine>(),
            event,
            acts,
            state: &state,
            waits: &waits,
        };
        self.context.ports.directory.decided(step);
    }

    fn persist(&mut self, record: <H::Machine as Machine>::Record) {
        self.persisted += 1;
        let mark = self.persisted;
        let durable = self.hands.persist(record, &self.context);
        self.begin(async move {
            match durable.await {
                Ok(()) => Input::Durable(mark),
                Err(fault) => Input::Fault(fault),
            }
        });
    }

    fn release(&mut self) -> Result<(), Fault> {
        while let Some((_, effect)) = self.held.pop_front_if(|(mark, _)| *mark <= self.durable) {
            self.perform(effect)?;
        }
        Ok(())
    }

    fn perform(&mut self, effect: <H::Machine as Machine>::Effect) -> Result<(), Fault> {
        if let Some(work) = self.hands.perform(effect, &self.context)? {
            self.begin(async move { Input::Message(work.await) });
        }
        Ok(())
    }

    /// Runs work beside the mailbox; its end comes back as an input, and so does its panic.
    fn begin(&mut self, work: impl Future<Output = Input<H::Message>> + Send + 'static) {
        let mut end = Outcome(Some(self.context.myself.clone()));
        self.work.spawn(async move {
            let input = work.await;
            if let Some(myself) = end.0.take() {
                // Gone means that the actor ended first: nobody is left who waits for this.
                let _ = myself.input(input);
            }
        });
    }

    fn rearm(&mut self) {
        let deadline = self.machine.deadline();
        if self.alarm.as_ref().map(|(at, _)| *at) == deadline {
            return;
        }
        if let Some((_, alarm)) = self.alarm.take() {
            alarm.abort();
        }
        let Some(deadline) = deadline else { return };
        let wait = self.context.ports.clock.now().monotonic.until(deadline);
        let myself = self.context.myself.clone();
        let alarm = self.work.spawn(async move {
            #[expect(clippy::disallowed_methods, reason = "this is the one alarm")]
            tokio::time::sleep(wait).await;
            let _ = myself.input(Input::Wake);
        });
        self.alarm = Some((deadline, alarm));
    }

    fn waits(&self) -> Vec<String> {
        let mut waits = self.machine.waits();
        if !self.held.is_empty() {
            let held = self.held.len();
            waits.push(format!("{held} answers wait for the disk"));
        }
        waits
    }

    fn inspection(&self) -> Inspection {
        Inspection {
            state: self.machine.observe(),
            waits: self.waits(),
            decisions: self.recorder.decisions(),
        }
    }
}

/// Tells the actor when its work died without an end.
struct Outcome<M: Send + 'static>(Option<Handle<M>>);

impl<M: Send + 'static> Drop for Outcome<M> {
    fn drop(&mut self) {
        if let Some(myself) = self.0.take() {
            // The actor may have ended itself, which is why its work was dropped.
            let _ = myself.input(Input::Fault(Fault(
                "work of the actor was cut off".to_owned(),
            )));
        }
    }
}

impl<M: Send + 'static> Resident for Handle<M> {
    fn depth(&self) -> usize {
        self.depth.load(Ordering::Relaxed)
    }

    fn inspect(&self) -> Pending<Result<Inspection, Gone>> {
        let (reply, answer) = oneshot::channel();
        let told = self.input(Input::Inspect(reply));
        Box::pin(async move {
            told?;
            answer.await.map_err(|_| Gone)
        })
    }

    fn stop(&self) {
        Handle::stop(self);
    }

    fn fail(&self, fault: Fault) {
        // An actor that is gone already is ended well enough.
        let _ = self.input(Input::Fault(fault));
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}
