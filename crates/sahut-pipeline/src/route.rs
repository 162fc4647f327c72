//! The second stage: every message gets a decision, and with it an inquiry, a promise and people who are told; or is
//! set aside because it needs nobody.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;
use sahut_domain::deadline::DeadlineKind;
use sahut_domain::decision::{Basis, Decision, Doubt};
use sahut_domain::event::EventId;
use sahut_domain::fault;
use sahut_domain::inquiry::{Act, InquiryId, Kind, Priority, State};
use sahut_domain::message::{CitizenId, MessageId, Surface, ThreadId};
use sahut_domain::notice::Template;
use sahut_domain::office::OfficeCode;
use sahut_routing::{Input, Sketch};
use sahut_store::notify::NewNotice;
use sahut_store::route::{CurrentInquiry, Joining, NewInquiry, Opened, Waiting};
use sahut_store::work::Stage;
use sahut_store::{StoreError, Tx};

use crate::incidents::{self, Face};
use crate::receipts::{self, Begun};
use crate::supervisor::{Heart, TaskError, panic_text};
use crate::{Context, Regency, clocks, stage};

/// Messages that one transaction takes.
const BATCH: i64 = 500;

/// Routes messages until asked to stop.
pub async fn run(context: Context, heart: Heart) -> Result<(), TaskError> {
    stage::run(&context, &heart, Stage::Route, || route_batch(&context)).await
}

/// Routes one batch; answers how many messages it took.
pub async fn route_batch(context: &Context) -> Result<usize, StoreError> {
    if !context.db.read().await?.has_waiting().await? {
        return Ok(0);
    }
    let mut tx = context.db.begin().await?;
    let waiting = tx.take_waiting(BATCH).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let regency = context.regency.get();
    let mut batch = Batch {
        context,
        regency: &regency,
        now: context.clock.now(),
        opening: Vec::new(),
        open: HashMap::new(),
        changed: HashMap::new(),
    };
    for message in &waiting {
        batch.take(&mut tx, message).await?;
    }
    batch.flush(&mut tx).await?;
    fault::point("route.before_commit");
    tx.commit().await?;
    fault::point("route.after_commit");
    metrics::counter!("sahut_routed_total").increment(waiting.len() as u64);
    Ok(waiting.len())
}

/// One transaction's work. Inquiries that begin are gathered and written together; whatever depends on them makes the
/// batch write them first.
struct Batch<'a> {
    context: &'a Context,
    regency: &'a Regency,
    now: Timestamp,
    opening: Vec<Opening>,
    /// Inquiries of this batch, by who wants what where; without an identifier until they are written.
    open: HashMap<(ThreadId, CitizenId), Option<CurrentInquiry>>,
    /// Inquiries as this batch left them, where it changed them after the messages were read.
    changed: HashMap<InquiryId, CurrentInquiry>,
}

impl Batch<'_> {
    async fn take(&mut self, tx: &mut Tx, waiting: &Waiting) -> Result<(), StoreError> {
        if waiting.own {
            return self.file_own(tx, waiting).await;
        }
        let Some(citizen) = waiting.citizen else {
            return tx.quarantine_message(waiting, "the message has no author", self.now).await;
        };
        let decided = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let decision = decide(self.regency, waiting);
            let sketch = decision.kind.needs_action().then(|| sketch(self.regency, waiting, &decision));
            (decision, sketch)
        }));
        let (decision, sketch) = match decided {
            Ok(decided) => decided,
            Err(panic) => {
                let error = format!("no decision could be made: {}", panic_text(&*panic));
                tracing::error!(message = %waiting.message, error, "route.panicked");
                return tx.quarantine_message(waiting, &error, self.now).await;
            }
        };
        match self.current(tx, waiting, citizen).await? {
            Some(current) => self.join(tx, waiting, current, decision, sketch).await,
            None if waiting.history && waiting.given_office.is_none() && !waiting.brought_back => {
                let decision = Decision { basis: Basis::History, ..decision };
                tx.set_aside(vec![(waiting, decision)], self.now).await
            }
            None => match sketch {
                Some(sketch) => self.open(tx, waiting, citizen, decision, sketch).await,
                None => tx.set_aside(vec![(waiting, decision)], self.now).await,
            },
        }
    }

    /// The inquiry that the message may belong to, also when it began in this batch.
    async fn current(
        &mut self,
        tx: &mut Tx,
        waiting: &Waiting,
        citizen: CitizenId,
    ) -> Result<Option<CurrentInquiry>, StoreError> {
        let key = (waiting.thread, citizen);
        if self.open.get(&key).is_some_and(Option::is_none) {
            self.flush(tx).await?;
        }
        let current = self.open.get(&key).cloned().flatten().or_else(|| waiting.current.clone());
        Ok(current.map(|current| self.changed.get(&current.id).cloned().unwrap_or(current)))
    }

    async fn open(
        &mut self,
        tx: &mut Tx,
        waiting: &Waiting,
        citizen: CitizenId,
        decision: Decision,
        sketch: Sketch,
    ) -> Result<(), StoreError> {
        let office = decision.office.clone().unwrap_or_else(|| self.regency.triage_office.clone());
        let (what, written_at) = ((decision.kind, decision.priority), waiting.written_at);
        let make = |kind| clocks::make(self.regency, kind, &office, what, written_at);
        let (first, resolution) = (make(DeadlineKind::FirstResponse), make(DeadlineKind::Resolution));
        let Some((promise, next_at)) = first else {
            let error = format!("office {office} has no calendar with working time");
            return tx.quarantine_message(waiting, &error, self.now).await;
        };
        let year = self
            .regency
            .calendar(&office)
            .map_or(1970, |calendar| calendar.date_of(waiting.written_at).year());
        let new = NewInquiry {
            message: waiting.message,
            channel: waiting.channel,
            thread: waiting.thread,
            citizen,
            office,
            title: title(waiting),
            opened_at: waiting.written_at,
            year,
            decision,
            promise,
            next_at,
            resolution,
        };
        self.opening.push(Opening { new, sketch, surface: waiting.surface, post: waiting.post.clone() });
        self.open.insert((waiting.thread, citizen), None);
        Ok(())
    }

    async fn join(
        &mut self,
        tx: &mut Tx,
        waiting: &Waiting,
        current: CurrentInquiry,
        decision: Decision,
        sketch: Option<Sketch>,
    ) -> Result<(), StoreError> {
        let wants_something = decision.kind.needs_action();
        // What is read later than the answer and was written before it, the office had before its eyes.
        let newer = current.answered_at.is_none_or(|answered_at| waiting.written_at > answered_at);
        let reopens = wants_something && newer && current.state.after(Act::CitizenWrote) == Some(State::Open);
        let emergency = decision.kind == Kind::Emergency
            && current.kind != Kind::Emergency
            && (reopens || current.state == State::Open);
        let kind = if emergency { Kind::Emergency } else { current.kind };
        let promise = if reopens || emergency {
            let (what, first) = ((kind, priority_of(kind)), DeadlineKind::FirstResponse);
            clocks::make(self.regency, first, &current.office, what, waiting.written_at)
        } else {
            None
        };
        let concerned = self.concerned(&decision, &current.office);
        let (reopens, hastens) = if reopens { (promise, None) } else { (None, promise) };
        let reopened = reopens.is_some();
        let joining = Joining {
            message: waiting.message,
            channel: waiting.channel,
            written_at: waiting.written_at,
            inquiry: current.id,
            office: current.office.clone(),
            decision: Decision {
                basis: Basis::OpenInquiry,
                office: Some(current.office.clone()),
                doubt: None,
                ..decision
            },
            reopens,
            emergency,
            hastens,
        };
        let event = tx.join_inquiry(&joining, self.now).await?;
        if reopened {
            clocks::resume(tx, self.regency, current.id, waiting.written_at, self.now).await?;
        }
        if emergency {
            clocks::hasten(tx, self.regency, current.id, waiting.written_at, self.now).await?;
        }
        let urgent = joining.decision.priority == Priority::Emergency;
        let again = !emergency
            && concerned.is_empty()
            && match sketch {
                Some(sketch) => says_again(tx, &sketch, current.id).await?,
                None => false,
            };
        // The office has heard it from others, and has them to answer; who comes back after its answer is heard anew.
        let heard = again && !urgent && !reopened && tx.is_waited_with_others(current.id).await?;
        if wants_something && !heard {
            let offices = std::iter::once(&current.office).chain(concerned.iter());
            let told = offices
                .flat_map(|office| self.notices(event, Template::FollowUp, current.id, office, urgent));
            tx.owe(told.collect(), self.now).await?;
        }
        if wants_something && !again && (reopened || current.state == State::Open) {
            tx.part_from_incident(current.id, "sahut", self.now).await?;
        }
        if reopened || emergency {
            self.changed.insert(current.id, CurrentInquiry { state: State::Open, kind, ..current });
        }
        self.answer_before_read(tx, vec![waiting.message]).await
    }

    /// Who else is told where the words clearly concern another office than the one whose inquiry the message joins:
    /// those who decide, and of an emergency that office itself, which cannot wait for them.
    fn concerned(&self, decision: &Decision, office: &OfficeCode) -> Vec<OfficeCode> {
        let clear = matches!(decision.basis, Basis::Topics | Basis::Mention | Basis::Emergency)
            && decision.doubt.is_none();
        let Some(named) = decision.office.as_ref().filter(|named| clear && *named != office) else {
            return Vec::new();
        };
        let mut concerned = Vec::new();
        if decision.basis == Basis::Emergency {
            concerned.push(named.clone());
        }
        let triage = &self.regency.triage_office;
        if triage != office && !concerned.contains(triage) {
            concerned.push(triage.clone());
        }
        concerned
    }

    /// What the office wrote on the platform itself: a reply of ours that is read back, or an answer given there by
    /// hand, which counts as one.
    async fn file_own(&mut self, tx: &mut Tx, waiting: &Waiting) -> Result<(), StoreError> {
        self.flush(tx).await?;
        if !tx.is_our_reply(waiting.channel, &waiting.external_id).await? {
            match tx.recognise_own(waiting, self.now).await? {
                Some(inquiry) => self.answered(tx, inquiry).await?,
                None => self.answer_by_hand(tx, waiting).await?,
            }
        }
        tx.file_own(&[waiting.message]).await
    }

    async fn answer_by_hand(&mut self, tx: &mut Tx, waiting: &Waiting) -> Result<(), StoreError> {
        for (inquiry, office) in tx.answered_by_own(waiting).await? {
            self.answer(tx, inquiry, &office, waiting.written_at).await?;
        }
        Ok(())
    }

    /// Counts answers that were read before what they answer.
    async fn answer_before_read(&mut self, tx: &mut Tx, messages: Vec<MessageId>) -> Result<(), StoreError> {
        for (at, inquiry, office) in tx.answers_read_before(messages).await? {
            self.answer(tx, inquiry, &office, at).await?;
        }
        Ok(())
    }

    async fn answer(
        &mut self,
        tx: &mut Tx,
        inquiry: InquiryId,
        office: &OfficeCode,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        if tx.answer_inquiry(inquiry, office, at, "platform", self.now).await? {
            self.answered(tx, inquiry).await?;
        }
        Ok(())
    }

    /// Promises again what was asked after an answer, and keeps where the inquiry stands now.
    async fn answered(&mut self, tx: &mut Tx, inquiry: InquiryId) -> Result<(), StoreError> {
        promise_again(tx, self.regency, inquiry, self.now).await?;
        self.changed.extend(tx.hold_inquiries([inquiry].into()).await?);
        Ok(())
    }

    /// Writes the inquiries that begin, and owes the mails about them.
    async fn flush(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        if self.opening.is_empty() {
            return Ok(());
        }
        let opening = std::mem::take(&mut self.opening);
        let facts: Vec<_> = opening.iter().map(|opening| Facts::of(&opening.new)).collect();
        let messages = opening.iter().map(|opening| opening.new.message).collect();
        let (new, seen): (Vec<_>, Vec<_>) = opening.into_iter().map(Opening::parted).unzip();
        let opened = tx.open_inquiries(new, &self.context.chance, self.now).await?;
        let receipts = seen.iter().zip(&facts).zip(&opened);
        let receipts = receipts.map(|((seen, facts), opened)| facts.begun(opened, seen)).collect();
        let begun = seen.into_iter().zip(&facts).zip(&opened);
        let begun = begun.map(|((seen, facts), opened)| facts.face(opened.id, seen)).collect();
        let gathered = incidents::gather(tx, begun, self.now).await?;
        let mut told = Vec::new();
        for (facts, opened) in facts.into_iter().zip(opened) {
            if !gathered.joined.contains(&opened.id) {
                let template = if facts.triage { Template::Triage } else { Template::Assignment };
                told.extend(self.notices(opened.event, template, opened.id, &facts.office, facts.urgent));
            }
            tracing::info!(inquiry = %opened.number, office = %facts.office, message = %facts.message, "inquiry.opened");
            let current = CurrentInquiry {
                id: opened.id,
                office: facts.office,
                state: State::Open,
                kind: facts.kind,
                answered_at: None,
            };
            self.open.insert(facts.key, Some(current));
        }
        for incident in gathered.told {
            let (template, office) = (Template::Incident, &incident.office);
            told.extend(self.notices(incident.event, template, incident.inquiry, office, incident.urgent));
        }
        tx.owe(told, self.now).await?;
        receipts::give(tx, self.regency, receipts, self.now).await?;
        self.answer_before_read(tx, messages).await
    }

    fn notices(
        &self,
        event: EventId,
        template: Template,
        inquiry: InquiryId,
        office: &OfficeCode,
        urgent: bool,
    ) -> Vec<NewNotice> {
        notices(self.regency, event, template, Some(inquiry), office, urgent, self.now)
    }
}

/// Opens an inquiry again whose answer turned out to be older than a question in it: the answer kept its own promise, and
/// the question is owed another one.
pub(crate) async fn promise_again(
    tx: &mut Tx,
    regency: &Regency,
    inquiry: InquiryId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(asked) = tx.asked_again(inquiry).await? else { return Ok(()) };
    let (what, first) = ((asked.kind, priority_of(asked.kind)), DeadlineKind::FirstResponse);
    let Some((promise, next_at)) = clocks::make(regency, first, &asked.office, what, asked.written_at) else {
        return Ok(());
    };
    let event = tx.promise_again(&asked, &promise, next_at, now).await?;
    clocks::resume(tx, regency, inquiry, asked.written_at, now).await?;
    // While others of its incident were waiting, nobody was told of the question.
    if tx.incident_of(inquiry).await?.is_some() {
        let urgent = asked.kind == Kind::Emergency;
        let office = &asked.office;
        let told = notices(regency, event, Template::FollowUp, Some(inquiry), office, urgent, now);
        tx.owe(told, now).await?;
    }
    Ok(())
}

/// Whether a citizen says again what the incident of the inquiry tells of.
async fn says_again(tx: &mut Tx, sketch: &Sketch, inquiry: InquiryId) -> Result<bool, StoreError> {
    let kept = tx.sketches_of_incident(inquiry).await?;
    let mut faces = kept.iter().filter_map(|kept| Sketch::from_bytes(kept));
    Ok(faces.any(|face| sketch.says_again(&face)))
}

/// An inquiry that is to begin, with what it is compared by.
struct Opening {
    new: NewInquiry,
    sketch: Sketch,
    surface: Surface,
    post: Option<String>,
}

impl Opening {
    fn parted(self) -> (NewInquiry, (Sketch, Surface, Option<String>)) {
        (self.new, (self.sketch, self.surface, self.post))
    }
}

/// What is still needed of an inquiry after it was handed to the store.
struct Facts {
    key: (ThreadId, CitizenId),
    message: MessageId,
    channel: ChannelId,
    office: OfficeCode,
    opened_at: Timestamp,
    kind: Kind,
    triage: bool,
    urgent: bool,
}

impl Facts {
    fn of(new: &NewInquiry) -> Self {
        Self {
            key: (new.thread, new.citizen),
            message: new.message,
            channel: new.channel,
            office: new.office.clone(),
            opened_at: new.opened_at,
            kind: new.decision.kind,
            triage: new.decision.needs_triage(),
            urgent: new.decision.priority == Priority::Emergency,
        }
    }

    fn begun(&self, opened: &Opened, (_, surface, post): &(Sketch, Surface, Option<String>)) -> Begun {
        Begun {
            inquiry: opened.id,
            office: self.office.clone(),
            channel: self.channel,
            message: self.message,
            citizen: self.key.1,
            surface: *surface,
            post: post.clone(),
            opened_at: self.opened_at,
            code: opened.public_code.clone(),
        }
    }

    fn face(&self, inquiry: InquiryId, seen: (Sketch, Surface, Option<String>)) -> Face {
        let (sketch, surface, post) = seen;
        Face {
            inquiry,
            office: self.office.clone(),
            priority: if self.urgent { Priority::Emergency } else { Priority::Normal },
            triage: self.triage,
            opened_at: self.opened_at,
            channel: self.channel,
            surface,
            post,
            sketch,
        }
    }
}

/// Mails to everybody who answers for an office.
pub(crate) fn notices(
    regency: &Regency,
    event: EventId,
    template: Template,
    inquiry: Option<InquiryId>,
    office: &OfficeCode,
    urgent: bool,
    now: Timestamp,
) -> Vec<NewNotice> {
    let notice = |recipient| NewNotice {
        event,
        template,
        recipient,
        office: Some(office.clone()),
        inquiry,
        channel: None,
        urgent,
        not_before: now,
    };
    regency.people(office, now).into_iter().map(notice).collect()
}

/// Decides on a message: by the office that an import knew, else by the rules.
fn decide(regency: &Regency, waiting: &Waiting) -> Decision {
    let mut decision = regency.rules.decide(&Input {
        text: &waiting.text,
        // Somebody said that it is needed: an empty subject keeps the gate open.
        subject: waiting.subject.as_deref().or(waiting.brought_back.then_some("")),
        owner: Some(&waiting.owner),
        revision: regency.revision,
        direct: waiting.surface != Surface::Comment,
        mentions: &[],
    });
    if let Some(office) = &waiting.given_office {
        decision.office = Some(office.clone());
        decision.basis = Basis::Given;
        decision.doubt = None;
        if !decision.kind.needs_action() {
            decision.kind = Kind::Complaint;
        }
    } else if (waiting.brought_back && !decision.kind.needs_action())
        || wordless_but_meant(waiting, &decision)
    {
        decision.kind = Kind::Complaint;
        decision.basis = Basis::Triage;
        decision.doubt = Some(Doubt::NoMatch);
        decision.office = Some(regency.triage_office.clone());
    }
    decision
}

/// A picture without words, sent to the office alone, is not noise: somebody has to look at it.
fn wordless_but_meant(waiting: &Waiting, decision: &Decision) -> bool {
    waiting.has_attachments
        && waiting.text.trim().is_empty()
        && matches!(waiting.surface, Surface::Direct | Surface::Mail)
        && !decision.kind.needs_action()
}

/// How urgent an inquiry of a kind is.
const fn priority_of(kind: Kind) -> Priority {
    match kind {
        Kind::Emergency => Priority::Emergency,
        _ => Priority::Normal,
    }
}

/// What is kept of a message to see later whether another one tells of the same.
fn sketch(regency: &Regency, waiting: &Waiting, decision: &Decision) -> Sketch {
    match &waiting.subject {
        Some(subject) => regency.rules.sketch(&[subject, "\n", &waiting.text].concat(), decision),
        None => regency.rules.sketch(&waiting.text, decision),
    }
}

fn title(waiting: &Waiting) -> String {
    let subject = waiting.subject.as_deref().filter(|subject| !subject.trim().is_empty());
    sahut_render::tame::title(subject.unwrap_or(&waiting.text))
}
