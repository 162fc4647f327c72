//! Letters: mails that people of the offices send in answer to a notice, and what becomes of them.

use crate::words::{row_id, words};

row_id! {
    /// A stored letter.
    LetterId
}

row_id! {
    /// A stored proposal: an answer that somebody else has to approve first.
    ProposalId
}

words! {
    /// Where a letter stands.
    LetterState as "letter state" {
        /// Nobody has looked at it yet.
        Waiting = "waiting",
        /// A person has to say what becomes of it.
        Held = "held",
        /// Nothing more is done about it.
        Settled = "settled",
    }
}

words! {
    /// Where a proposed answer stands.
    ProposalState as "proposal state" {
        /// Its approver has not decided.
        Waiting = "waiting",
        /// It goes to the citizen.
        Approved = "approved",
        /// It does not.
        Returned = "returned",
    }
}

words! {
    /// What became of a letter.
    Outcome as "letter outcome" {
        /// Its words go to the citizen as an answer.
        Answered = "answered",
        /// They go to the citizen as a question.
        Asked = "asked",
        /// They go to the citizen as news of the work.
        Told = "told",
        /// They wait for somebody's approval.
        Proposed = "proposed",
        /// The inquiry went to another office.
        HandedOver = "handed_over",
        /// They are kept as a note.
        Noted = "noted",
        /// The inquiry is closed.
        Settled = "settled",
        /// The office has it in hand until a day.
        InHand = "in_hand",
        /// More time is asked for.
        TimeAsked = "time_asked",
        /// A proposed answer goes to the citizen.
        Approved = "approved",
        /// A proposed answer goes back to its writer.
        Returned = "returned",

        /// The answer that this person proposed was not approved.
        NotApproved = "not_approved",
        /// Nothing is left of it without quotes and signature.
        Empty = "empty",
        /// It begins with a command that there is not.
        UnknownCommand = "unknown_command",
        /// Its command lacks something.
        Incomplete = "incomplete",
        /// A command stands in a later line than the first.
        Misplaced = "misplaced",
        /// It names an office that there is not.
        UnknownOffice = "unknown_office",
        /// It gives the inquiry to the office that has it.
        SameOffice = "same_office",
        /// It passes on what those who decide have given to its office.
        Bound = "bound",
        /// The words do not fit on the platform.
        TooLong = "too_long",
        /// The platform takes no answer there, or not any more.
        Unanswerable = "unanswerable",
        /// The same answer was queued before.
        SentBefore = "sent_before",
        /// The citizen was never answered, so the matter cannot be settled.
        NotAnswered = "not_answered",
        /// The inquiry is closed.
        Closed = "closed",
        /// The inquiry owes no answer now.
        OwesNothing = "owes_nothing",
        /// The moment is not later than the deadline that is there.
        NotLater = "not_later",
        /// Somebody has asked for more time before, and nobody has decided yet.
        AskedBefore = "asked_before",
        /// The inquiry is at another office meanwhile.
        NotYours = "not_yours",
        /// Somebody else has answered since the mail that is answered here was written.
        AnsweredMeanwhile = "answered_meanwhile",
        /// Plain words that are no answer to the citizen.
        NotMeant = "not_meant",
        /// A mail of ours that was made for one person is quoted in the words.
        Quoted = "quoted",
        /// There is no answer that this person could approve.
        NothingProposed = "nothing_proposed",

        /// It came to no address that was given to anybody.
        Untied = "untied",
        /// The mail that it answers is too old.
        Outdated = "outdated",
        /// It does not come from whom the address was given to, nor from somebody of the same office.
        OtherSender = "other_sender",
        /// Nobody vouches for its sender.
        Unproven = "unproven",
        /// It cannot be read, or something failed while it was carried out.
        Unreadable = "unreadable",

        /// A mail to this person did not arrive.
        Bounced = "bounced",
        /// A mail to this person is late.
        Delayed = "delayed",
        /// A machine wrote it.
        Automatic = "automatic",
        /// Somebody wrote it whom nobody here knows.
        Stranger = "stranger",
        /// A person said that it is not needed.
        Dropped = "dropped",
    }
}

impl Outcome {
    /// Whether a person has to decide.
    pub const fn is_held(self) -> bool {
        matches!(self, Self::Untied | Self::Outdated | Self::OtherSender | Self::Unproven | Self::Unreadable)
    }

    /// Whether what it says was carried out.
    pub const fn is_done(self) -> bool {
        matches!(
            self,
            Self::Answered
                | Self::Asked
                | Self::Told
                | Self::Proposed
                | Self::HandedOver
                | Self::Noted
                | Self::Settled
                | Self::InHand
                | Self::TimeAsked
                | Self::Approved
                | Self::Returned
        )
    }

    /// Whether its writer made a mistake that the list of commands helps against.
    pub const fn wants_help(self) -> bool {
        matches!(
            self,
            Self::Empty
                | Self::UnknownCommand
                | Self::Incomplete
                | Self::Misplaced
                | Self::UnknownOffice
                | Self::NotMeant
                | Self::NothingProposed
        )
    }
}
