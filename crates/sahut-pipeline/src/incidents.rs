//! Part of the second stage: of the inquiries that begin, which tell of a happening that others tell of already.
//!
//! Each is compared with the newest ones of its office, by what routing sketched of them. One that tells of the same
//! joins: the office is told of the incident when it begins and when it has grown, and of its inquiries no more one by
//! one, unless they are emergencies. It joins only where somebody is still to be answered, and holds what it joins until the transaction ends: an
//! answer that is just being given must not pass by an inquiry of which nobody was told. What may belong together is
//! offered to people.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use sahut_domain::channel::ChannelId;
use sahut_domain::event::EventId;
use sahut_domain::incident::{IncidentId, IncidentNumber};
use sahut_domain::inquiry::{InquiryId, Priority};
use sahut_domain::message::Surface;
use sahut_domain::office::OfficeCode;
use sahut_routing::{Alike, Setting, Sketch};
use sahut_store::incidents::{Candidate, Kept, Member};
use sahut_store::{StoreError, Tx};

/// As many of the newest inquiries of an office are compared with.
const COMPARED: usize = 300;

/// What began longer apart is another happening.
const WITHIN: SignedDuration = SignedDuration::from_hours(48);

/// An incident is known by as many of its inquiries, and by each that names what these do not; the others are like them.
const FACES: usize = 12;

/// Incidents that are tried for one inquiry.
const TRIES: usize = 3;

/// The sizes at which the office is told again.
const TOLD_AT: [i64; 5] = [10, 50, 200, 1000, 5000];

/// An inquiry as it is compared.
pub(crate) struct Face {
    pub(crate) inquiry: InquiryId,
    pub(crate) office: OfficeCode,
    pub(crate) priority: Priority,
    pub(crate) triage: bool,
    pub(crate) opened_at: Timestamp,
    pub(crate) channel: ChannelId,
    pub(crate) surface: Surface,
    pub(crate) post: Option<String>,
    pub(crate) sketch: Sketch,
}

/// What became of the inquiries that begin.
#[derive(Default)]
pub(crate) struct Gathered {
    /// Those that joined an incident, without emergencies: nobody is told of them one by one.
    pub(crate) joined: HashSet<InquiryId>,
    /// Incidents to tell of, each with an inquiry of it.
    pub(crate) told: Vec<Told>,
}

/// An incident to tell an office of.
pub(crate) struct Told {
    pub(crate) event: EventId,
    pub(crate) inquiry: InquiryId,
    pub(crate) office: OfficeCode,
    pub(crate) urgent: bool,
}

/// Lets inquiries that have just begun join the incidents that they tell of.
pub(crate) async fn gather(tx: &mut Tx, new: Vec<Face>, now: Timestamp) -> Result<Gathered, StoreError> {
    let moments = || new.iter().map(|face| face.opened_at);
    let (Some(first), Some(last)) = (moments().min(), moments().max()) else {
        return Ok(Gathered::default());
    };
    let offices: BTreeSet<&OfficeCode> = new.iter().map(|face| &face.office).collect();
    let between =
        (first.saturating_sub(WITHIN).unwrap_or(first), last.saturating_add(WITHIN).unwrap_or(last));
    let mut gathering = Gathering { now, ..Gathering::default() };
    for office in offices {
        let known = tx.candidates(office, between, COMPARED).await?;
        let known = known.into_iter().rev().filter_map(Known::of).collect();
        gathering.known.insert(office.clone(), known);
    }
    for face in new {
        gathering.take(tx, face).await?;
    }
    gathering.settle(tx).await
}

/// What a new inquiry can join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Target {
    Incident(IncidentId),
    /// Another inquiry, to begin an incident with.
    Alone(InquiryId),
}

/// An inquiry that new ones are compared with.
struct Known {
    face: Face,
    incident: Option<IncidentId>,
    /// It began in this transaction: nobody else knows it.
    fresh: bool,
}

/// What the known inquiries have to do with a new one.
#[derive(Default)]
struct Found {
    /// What it can join, the most alike first: how alike, and to which inquiry.
    same: Vec<(f64, InquiryId, Target)>,
    /// What it may belong together with.
    perhaps: Option<(f64, InquiryId)>,
}

/// An incident that inquiries join now.
struct Growing {
    number: IncidentNumber,
    /// An open inquiry of it.
    inquiry: InquiryId,
    office: OfficeCode,
    urgent: bool,
    began: bool,
    joined: i64,
}

/// A transaction's work on incidents.
#[derive(Default)]
struct Gathering {
    now: Timestamp,
    /// By office, the newest last.
    known: HashMap<OfficeCode, Vec<Known>>,
    /// What was tried to be joined: the incident, or nothing where it cannot be.
    held: HashMap<Target, Option<IncidentId>>,
    growing: BTreeMap<IncidentId, Growing>,
    members: Vec<Member>,
    kept: Vec<Kept>,
}

impl Known {
    /// Nothing where another version of the program has sketched it.
    fn of(known: Candidate) -> Option<Self> {
        let face = Face {
            inquiry: known.inquiry,
            office: known.office,
            priority: known.priority,
            triage: known.triage,
            opened_at: known.opened_at,
            channel: known.channel,
            surface: known.surface,
            post: known.post,
            sketch: Sketch::from_bytes(&known.sketch)?,
        };
        Some(Self { face, incident: known.incident, fresh: false })
    }

    fn target(&self) -> Target {
        self.incident.map_or(Target::Alone(self.face.inquiry), Target::Incident)
    }
}

impl Face {
    /// What this and another inquiry have to do with each other. What people have to sort, and what is an emergency,
    /// stays with its like: nobody would hear of it in time among the others.
    fn compare(&self, other: &Self) -> Alike {
        let apart = self.opened_at.duration_since(other.opened_at).abs() > WITHIN;
        if apart || self.priority != other.priority || self.triage != other.triage {
            return Alike::No;
        }
        let one_post = self.post.is_some() && self.post == other.post && self.channel == other.channel;
        let public = |face: &Self| !matches!(face.surface, Surface::Direct | Surface::Mail);
        self.sketch.compare(&other.sketch, Setting { one_post, public: public(self) && public(other) })
    }
}

impl Gathering {
    async fn take(&mut self, tx: &mut Tx, face: Face) -> Result<(), StoreError> {
        let found = self.find(&face);
        for (share, _, target) in found.same.iter().take(TRIES) {
            if let Some(incident) = self.hold(tx, &face, *target).await? {
                self.join(face, incident, *share);
                return Ok(());
            }
        }
        let same = found.same.first().map(|(share, inquiry, _)| (*share, *inquiry));
        self.keep(face, None, same.or(found.perhaps));
        Ok(())
    }

    fn find(&self, face: &Face) -> Found {
        let mut found = Found::default();
        let mut elsewhere = HashSet::new();
        for known in self.known.get(&face.office).into_iter().flatten().rev().take(COMPARED) {
            match face.compare(&known.face) {
                Alike::Same(share) => found.same.push((share, known.face.inquiry, known.target())),
                Alike::Perhaps(share) if found.perhaps.is_none_or(|(best, _)| share > best) => {
                    found.perhaps = Some((share, known.face.inquiry));
                }
                Alike::Apart => drop(elsewhere.insert(known.target())),
                Alike::Perhaps(_) | Alike::No => {}
            }
        }
        // An incident that tells of one place takes none that tells of another.
        found.same.retain(|(_, _, target)| !elsewhere.contains(target));
        found.same.sort_by(|(a, ..), (b, ..)| b.total_cmp(a));
        let mut seen = HashSet::new();
        found.same.retain(|(_, _, target)| seen.insert(*target));
        found
    }

    /// Holds what can be joined; answers the incident, which begins where there is none yet.
    async fn hold(
        &mut self,
        tx: &mut Tx,
        face: &Face,
        target: Target,
    ) -> Result<Option<IncidentId>, StoreError> {
        if let Some(held) = self.held.get(&target) {
            return Ok(*held);
        }
        let held = match target {
            Target::Incident(incident) => tx.hold_incident(incident).await?.map(|(number, inquiry)| {
                self.grow(incident, number, inquiry, face, false);
                incident
            }),
            Target::Alone(inquiry) => self.begin(tx, face, inquiry).await?,
        };
        self.held.insert(target, held);
        Ok(held)
    }

    async fn begin(
        &mut self,
        tx: &mut Tx,
        face: &Face,
        with: InquiryId,
    ) -> Result<Option<IncidentId>, StoreError> {
        let mut known = self.known.get_mut(&face.office).into_iter().flatten();
        let Some(known) = known.find(|known| known.face.inquiry == with) else { return Ok(None) };
        if !known.fresh && !tx.hold_alone(with).await? {
            return Ok(None);
        }
        let (incident, number, _) = tx.begin_incident(with, face.opened_at, "sahut", self.now).await?;
        known.incident = Some(incident);
        self.held.insert(Target::Incident(incident), Some(incident));
        self.grow(incident, number, with, face, true);
        Ok(Some(incident))
    }

    fn grow(
        &mut self,
        incident: IncidentId,
        number: IncidentNumber,
        inquiry: InquiryId,
        face: &Face,
        began: bool,
    ) {
        let (office, urgent) = (face.office.clone(), face.priority == Priority::Emergency);
        self.growing.insert(incident, Growing { number, inquiry, office, urgent, began, joined: 0 });
    }

    fn join(&mut self, face: Face, incident: IncidentId, share: f64) {
        let Some(growing) = self.growing.get_mut(&incident) else { return };
        growing.joined += 1;
        self.members.push(Member {
            inquiry: face.inquiry,
            office: face.office.clone(),
            incident,
            at: face.opened_at,
            facts: serde_json::json!({ "incident": growing.number.to_string(), "share": percent(share) }),
        });
        let known = self.known.get(&face.office).into_iter().flatten();
        let faces = known.filter(|known| known.incident == Some(incident)).map(|known| &known.face.sketch);
        let faces: Vec<_> = faces.collect();
        if faces.len() < FACES || face.sketch.names_more_than(&faces) {
            self.keep(face, Some(incident), None);
        }
    }

    fn keep(&mut self, face: Face, incident: Option<IncidentId>, offered: Option<(f64, InquiryId)>) {
        let offered = offered.map(|(share, inquiry)| (inquiry, percent(share)));
        self.kept.push(Kept { inquiry: face.inquiry, sketch: face.sketch.to_bytes(), offered });
        self.known.entry(face.office.clone()).or_default().push(Known { face, incident, fresh: true });
    }

    async fn settle(self, tx: &mut Tx) -> Result<Gathered, StoreError> {
        let joined: Vec<(InquiryId, IncidentId)> =
            self.members.iter().map(|member| (member.inquiry, member.incident)).collect();
        let is_urgent = |incident| self.growing.get(incident).is_some_and(|growing| growing.urgent);
        let untold = joined.iter().filter(|(_, incident)| !is_urgent(incident));
        let untold = untold.map(|(inquiry, _)| *inquiry).collect();
        metrics::counter!("sahut_incidents_joined_total").increment(joined.len() as u64);
        let events = tx.join_incidents(self.members, "sahut", self.now).await?;
        tx.keep_likenesses(self.kept).await?;
        let mut told = Vec::new();
        for (incident, growing) in self.growing.into_iter().filter(|(_, growing)| growing.joined > 0) {
            let members = tx.count_members(incident).await?;
            let before = members - growing.joined;
            tracing::info!(incident = %growing.number, members, began = growing.began, "incident.joined");
            let last = joined.iter().zip(&events).rfind(|((_, joined), _)| *joined == incident);
            if let Some((_, event)) = last
                && (growing.began || TOLD_AT.iter().any(|size| (before + 1..=members).contains(size)))
            {
                let Growing { inquiry, office, urgent, .. } = growing;
                told.push(Told { event: *event, inquiry, office, urgent });
            }
        }
        Ok(Gathered { joined: untold, told })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "from 0 to 100")]
fn percent(share: f64) -> i64 {
    (share * 100.0).round() as i64
}
