//! One inquiry's life as the journal tells it, put into the order in which it happened.

use jiff::Timestamp;

use crate::inquiry::Kind;
use crate::office::OfficeCode;

/// What happened to an inquiry, as far as the report counts it.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    Opened { due_at: Timestamp },
    Reopened { due_at: Timestamp },
    Moved { due_at: Timestamp },
    Answered,
    Closed,
    Restored,
    HandedOver { from: OfficeCode, to: OfficeCode, corrected: bool },
    Joined { incident: String },
    Left,
}

/// An answer that was owed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) at: Timestamp,
    pub(super) due_at: Timestamp,
    pub(super) answered_at: Option<Timestamp>,
}

impl Ask {
    /// Whether its promise was broken by a moment.
    pub(super) fn is_late(&self, as_of: Timestamp) -> bool {
        self.answered_at.unwrap_or(as_of) > self.due_at
    }
}

/// An inquiry while its lines are gathered.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    pub(super) begun: Option<Begun>,
    pub(super) happened: Vec<(Timestamp, i64, Happening)>,
}

/// How an inquiry began.
#[derive(Debug, Clone)]
pub(super) struct Begun {
    pub(super) number: String,
    pub(super) kind: Kind,
    pub(super) topic: Option<String>,
    pub(super) office: OfficeCode,
}

/// An inquiry as it stood at a moment.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) begun: Begun,
    /// What was owed: first at its beginning, again each time it came back. Never empty.
    pub(super) first: Ask,
    pub(super) again: Vec<Ask>,
    pub(super) is_closed: bool,
    /// Moments of its handovers, each with the office that it left, the one it came to, and whether that one had had it
    /// before.
    pub(super) hops: Vec<Hop>,
    pub(super) office: OfficeCode,
    pub(super) incident: Option<String>,
}

/// A handover.
#[derive(Debug)]
pub(super) struct Hop {
    pub(super) at: Timestamp,
    pub(super) from: OfficeCode,
    pub(super) to: OfficeCode,
    /// It was there before.
    pub(super) back: bool,
}

impl Case {
    /// Lives an inquiry's life again. `None`: its beginning is not told.
    pub(super) fn of(lines: Lines) -> Option<Self> {
        let Lines { begun, mut happened } = lines;
        let begun = begun?;
        happened.sort_by_key(|(at, id, _)| (*at, *id));
        let opened = happened.iter().find_map(|(at, _, what)| match what {
            Happening::Opened { due_at } => Some(Ask { at: *at, due_at: *due_at, answered_at: None }),
            _ => None,
        })?;
        let office = begun.office.clone();
        let mut case = Self {
            begun,
            first: opened,
            again: Vec::new(),
            is_closed: false,
            hops: Vec::new(),
            office,
            incident: None,
        };
        for (at, _, what) in happened {
            case.live(at, what);
        }
        Some(case)
    }

    /// The last answer that was owed.
    pub(super) fn last(&self) -> &Ask {
        self.again.last().unwrap_or(&self.first)
    }

    /// Whether it owes an answer.
    pub(super) fn owes(&self) -> bool {
        !self.is_closed && self.last().answered_at.is_none()
    }

    fn live(&mut self, at: Timestamp, what: Happening) {
        let last = self.again.last_mut().unwrap_or(&mut self.first);
        match what {
            Happening::Opened { .. } => {}
            Happening::Reopened { due_at } => self.again.push(Ask { at, due_at, answered_at: None }),
            Happening::Moved { due_at } => {
                if last.answered_at.is_none() {
                    last.due_at = due_at;
                }
            }
            Happening::Answered => {
                last.answered_at.get_or_insert(at);
            }
            Happening::Closed => self.is_closed = true,
            Happening::Restored => self.is_closed = false,
            Happening::HandedOver { from, to, corrected } => {
                self.office.clone_from(&to);
                // What people gave to its first office had not been anywhere yet.
                if corrected {
                    let back = self.begun.office == to || self.hops.iter().any(|hop| hop.from == to);
                    self.hops.push(Hop { at, from, to, back });
                } else {
                    self.begun.office = to;
                }
            }
            Happening::Joined { incident } => self.incident = Some(incident),
            Happening::Left => self.incident = None,
        }
    }
}
