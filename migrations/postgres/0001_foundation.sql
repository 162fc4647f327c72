-- The whole first schema. Moments are microseconds since 1970 in UTC; flags are 0 or 1; JSON is text.
-- Truths that must hold are constraints here, not code elsewhere.
-- An older binary meets a newer schema with a refusal, before it reads a row.

-- Facts about this installation: its name for Message-IDs, whether mail and replies are held.
CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- One applied set of configuration files. Decisions and deadlines name the set that they were made with.
CREATE TABLE revision (
    id BIGINT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL,
    files TEXT NOT NULL,
    applied_at BIGINT NOT NULL
);

CREATE TABLE office (
    code TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    short_name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('technical', 'district', 'company')),
    calendar TEXT NOT NULL,
    position BIGINT NOT NULL,
    -- Answers by mail leave only when somebody has approved them.
    approval BIGINT NOT NULL DEFAULT 0 CHECK (approval IN (0, 1)),
    retired BIGINT NOT NULL DEFAULT 0 CHECK (retired IN (0, 1))
);

CREATE TABLE person (
    id BIGINT NOT NULL PRIMARY KEY,
    office TEXT NOT NULL REFERENCES office (code),
    name TEXT NOT NULL,
    mail TEXT NOT NULL CHECK (mail <> ''),
    position BIGINT NOT NULL,
    -- The mail server refused the address for good: nobody is mailed there until a person says otherwise.
    refused_at BIGINT,
    refused_detail TEXT,
    -- When this person last did something about an inquiry, and last opened one: by a link in a mail, or by replying.
    acted_at BIGINT,
    seen_at BIGINT,
    -- What this person is to the office: only those on duty get its mails by themselves.
    role TEXT NOT NULL DEFAULT 'duty' CHECK (role IN ('duty', 'head', 'deputy', 'secretary', 'regent')),
    -- Since when mail arrives there and nobody acts.
    silent_at BIGINT,
    UNIQUE (office, mail)
);

CREATE TABLE channel (
    id BIGINT NOT NULL PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    office TEXT NOT NULL REFERENCES office (code),
    platform TEXT NOT NULL,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,
    secrets TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'parked')),
    retired BIGINT NOT NULL DEFAULT 0 CHECK (retired IN (0, 1)),
    -- What was written before this moment is history: kept as context, never an inquiry.
    since BIGINT NOT NULL,
    -- Everything that the platform showed up to this moment has been stored. It never goes back.
    watermark BIGINT,
    -- When the last read ended well; when something new was last written there, and by the office itself.
    read_at BIGINT,
    item_at BIGINT,
    own_at BIGINT,
    -- The channel's own rhythm: the smoothed gap between items, in seconds.
    rhythm BIGINT,
    silence_told_at BIGINT,
    ailment TEXT CHECK (ailment IN ('credential', 'permission', 'rate', 'network', 'platform', 'parser')),
    ailment_detail TEXT,
    ailment_since BIGINT,
    ailment_told_at BIGINT,
    -- The work of reading it.
    not_before BIGINT NOT NULL,
    attempt BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_until BIGINT,
    CHECK ((ailment IS NULL) = (ailment_since IS NULL))
);
CREATE INDEX channel_due ON channel (not_before, id) WHERE state = 'active' AND retired = 0;

-- What a channel is read through: its update queue, the comments of one post, one conversation.
CREATE TABLE feed (
    id BIGINT NOT NULL PRIMARY KEY,
    channel_id BIGINT NOT NULL REFERENCES channel (id),
    key TEXT NOT NULL CHECK (key <> ''),
    kind TEXT NOT NULL CHECK (kind IN ('queue', 'growing', 'newest_first')),
    -- Found while reading another feed, not one that every channel of the platform has.
    found BIGINT NOT NULL CHECK (found IN (0, 1)),
    cursor TEXT,
    -- The platform's own counter as last seen, and as it stood when the feed was last walked to the end of the new.
    counter TEXT,
    walked_counter TEXT,
    -- How many messages the platform says are in it, now and at the last complete walk.
    count BIGINT,
    walked_count BIGINT,
    watermark BIGINT,
    walked_at BIGINT,
    walked_deep_at BIGINT,
    -- A wake-up came for it and it has not been walked since.
    urgent_at BIGINT,
    gone BIGINT NOT NULL DEFAULT 0 CHECK (gone IN (0, 1)),
    seen_at BIGINT NOT NULL,
    UNIQUE (channel_id, key)
);
-- Feeds that a wake-up came for.
CREATE INDEX feed_urgent ON feed (channel_id) WHERE urgent_at IS NOT NULL;

-- Budgets that channels share: nobody calls in this scope before that moment.
CREATE TABLE budget (
    scope TEXT NOT NULL PRIMARY KEY,
    blocked_until BIGINT NOT NULL,
    detail TEXT NOT NULL
);

CREATE TABLE post (
    id BIGINT NOT NULL PRIMARY KEY,
    channel_id BIGINT NOT NULL REFERENCES channel (id),
    external_id TEXT NOT NULL CHECK (external_id <> ''),
    text TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    permalink TEXT,
    recorded_at BIGINT NOT NULL,
    UNIQUE (channel_id, external_id)
);

CREATE TABLE citizen (
    id BIGINT NOT NULL PRIMARY KEY,
    channel_id BIGINT NOT NULL REFERENCES channel (id),
    -- What tells authors apart within the channel; for an author that the platform withholds, the message itself.
    key TEXT NOT NULL CHECK (key <> ''),
    external_id TEXT,
    name TEXT,
    handle TEXT,
    UNIQUE (channel_id, key)
);

CREATE TABLE thread (
    id BIGINT NOT NULL PRIMARY KEY,
    channel_id BIGINT NOT NULL REFERENCES channel (id),
    surface TEXT NOT NULL CHECK (surface IN ('comment', 'direct', 'mail', 'mention', 'review')),
    external_id TEXT NOT NULL CHECK (external_id <> ''),
    post TEXT,
    UNIQUE (channel_id, surface, external_id)
);
CREATE INDEX thread_post ON thread (channel_id, post) WHERE post IS NOT NULL;

-- Raw payloads of one page, compressed together; messages name their place in it. Kept for a while.
CREATE TABLE payload (
    id BIGINT NOT NULL PRIMARY KEY,
    channel_id BIGINT NOT NULL REFERENCES channel (id),
    received_at BIGINT NOT NULL,
    body BYTEA NOT NULL
);
CREATE INDEX payload_age ON payload (received_at);

CREATE TABLE message (
    id BIGINT NOT NULL PRIMARY KEY,
    channel_id BIGINT NOT NULL REFERENCES channel (id),
    external_id TEXT NOT NULL CHECK (external_id <> ''),
    thread_id BIGINT NOT NULL REFERENCES thread (id),
    -- The author; absent only for what the office itself wrote.
    citizen_id BIGINT REFERENCES citizen (id),
    parent TEXT,
    text TEXT NOT NULL,
    subject TEXT,
    written_at BIGINT NOT NULL,
    edited_at BIGINT,
    recorded_at BIGINT NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('shown', 'held', 'hidden', 'deleted')),
    permalink TEXT,
    attachments TEXT,
    -- Hash of what can be edited: tells an edit from a repetition.
    digest BIGINT NOT NULL,
    payload_id BIGINT,
    payload_index BIGINT,
    -- Written by the channel's own account: an answer given on the platform itself, or ours read back.
    own BIGINT NOT NULL CHECK (own IN (0, 1)),
    -- What became of it. What machines wrote is never routed; what nothing could decide on waits for a person.
    disposition TEXT NOT NULL CHECK (
        disposition IN ('waiting', 'inquiry', 'aside', 'own', 'automatic', 'quarantined')),
    inquiry_id BIGINT,
    -- The office that an import already knew, where it did.
    given_office TEXT REFERENCES office (code),
    -- It was set aside, and a person brought it back: it needs somebody.
    brought_back BIGINT NOT NULL DEFAULT 0 CHECK (brought_back IN (0, 1)),
    UNIQUE (channel_id, external_id),
    -- Every routed message belongs to exactly one inquiry, or to none when it needs nobody.
    CHECK ((disposition = 'inquiry' AND inquiry_id IS NOT NULL) OR (disposition = 'own')
           OR (disposition <> 'inquiry' AND inquiry_id IS NULL)),
    CHECK ((disposition = 'own' AND own = 1) OR (disposition IN ('waiting', 'quarantined'))
           OR (disposition <> 'own' AND own = 0)),
    CHECK (own = 1 OR citizen_id IS NOT NULL)
);
CREATE INDEX message_waiting ON message (id) WHERE disposition = 'waiting';
-- What needs nobody, the newest first: people look through it for what does.
CREATE INDEX message_aside ON message (id) WHERE disposition = 'aside';
CREATE INDEX message_thread ON message (thread_id);
-- What the office wrote in a thread: an answer that was read before its question is found.
CREATE INDEX message_own ON message (thread_id, written_at) WHERE own = 1;
CREATE INDEX message_inquiry ON message (inquiry_id) WHERE inquiry_id IS NOT NULL;

-- What a message said before its author changed it.
CREATE TABLE message_revision (
    id BIGINT NOT NULL PRIMARY KEY,
    message_id BIGINT NOT NULL REFERENCES message (id),
    text TEXT NOT NULL,
    visibility TEXT NOT NULL,
    edited_at BIGINT,
    replaced_at BIGINT NOT NULL
);
CREATE INDEX message_revision_of ON message_revision (message_id);

-- Items that could not be read, with their payload; their neighbours flowed on.
CREATE TABLE quarantine (
    id BIGINT NOT NULL PRIMARY KEY,
    channel_id BIGINT NOT NULL REFERENCES channel (id),
    -- Where it failed: reading a page, a delivery or a row of an imported file, routing a message.
    stage TEXT NOT NULL CHECK (stage IN ('page', 'delivery', 'import', 'route')),
    -- Its external id or a hash of the payload; the number of the delivery or of the message.
    key TEXT NOT NULL CHECK (key <> ''),
    error TEXT NOT NULL,
    raw BYTEA NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'recovered', 'dropped')),
    -- A person wants it to be read again, and it has not been since.
    asked_at BIGINT,
    UNIQUE (channel_id, stage, key),
    CHECK (asked_at IS NULL OR state = 'held')
);
CREATE INDEX quarantine_held ON quarantine (channel_id) WHERE state = 'held';
CREATE INDEX quarantine_asked ON quarantine (id) WHERE asked_at IS NOT NULL;

-- Deliveries of platforms that push: committed before they are answered, read later.
CREATE TABLE delivery (
    id BIGINT NOT NULL PRIMARY KEY,
    channel_id BIGINT NOT NULL REFERENCES channel (id),
    key TEXT NOT NULL CHECK (key <> ''),
    body BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('due', 'done', 'dead')),
    not_before BIGINT NOT NULL,
    attempt BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_until BIGINT,
    last_error TEXT,
    UNIQUE (channel_id, key)
);
CREATE INDEX delivery_due ON delivery (not_before, id) WHERE state = 'due';
CREATE INDEX delivery_age ON delivery (received_at) WHERE state = 'done';

-- How many inquiries each year has had: numbers without gaps.
CREATE TABLE inquiry_count (
    year BIGINT NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);

-- One happening behind many inquiries: they are answered together.
CREATE TABLE incident (
    id BIGINT NOT NULL PRIMARY KEY,
    year BIGINT NOT NULL,
    sequence BIGINT NOT NULL CHECK (sequence > 0),
    -- The office that has it; its open inquiries are that office's too.
    office TEXT NOT NULL REFERENCES office (code),
    title TEXT NOT NULL,
    -- When the first of its inquiries began, by the platform's clock.
    opened_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    UNIQUE (year, sequence)
);

CREATE TABLE inquiry (
    id BIGINT NOT NULL PRIMARY KEY,
    year BIGINT NOT NULL,
    sequence BIGINT NOT NULL CHECK (sequence > 0),
    public_code TEXT NOT NULL UNIQUE,
    channel_id BIGINT NOT NULL REFERENCES channel (id),
    thread_id BIGINT NOT NULL REFERENCES thread (id),
    citizen_id BIGINT NOT NULL REFERENCES citizen (id),
    office TEXT NOT NULL REFERENCES office (code),
    kind TEXT NOT NULL CHECK (kind IN ('complaint', 'information', 'aspiration', 'thanks', 'emergency', 'noise', 'spam')),
    priority TEXT NOT NULL CHECK (priority IN ('emergency', 'normal')),
    state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'waiting', 'closed')),
    -- People still have to say which office it is for; `office` is then the one that decides.
    triage BIGINT NOT NULL CHECK (triage IN (0, 1)),
    title TEXT NOT NULL,
    -- By the platform's clock.
    opened_at BIGINT NOT NULL,
    answered_at BIGINT,
    closed_at BIGINT,
    recorded_at BIGINT NOT NULL,
    -- Grows with every change: two people at once are told about each other.
    version BIGINT NOT NULL DEFAULT 1,
    -- Counts the promises of a first response: 1, and one more each time the citizen comes back after an answer.
    round BIGINT NOT NULL DEFAULT 1,
    -- When the promise that is open, or the last one, falls due.
    due_at BIGINT NOT NULL,
    -- The promise that is open: a row cannot be open without a live one, nor keep a dead one, nor another due moment
    -- than that one's (see deadline.live).
    deadline_id BIGINT,
    deadline_live BIGINT CHECK (deadline_live = 1),
    -- Until when the office said that it has it in hand, who said so, and their words: until then nobody is reminded.
    acknowledged_until BIGINT,
    acknowledged_by TEXT,
    acknowledged_note TEXT,
    -- How often it went from an office to another.
    hops BIGINT NOT NULL DEFAULT 0,
    -- How often it came back to an office that had it before.
    returns BIGINT NOT NULL DEFAULT 0,
    -- Those who decide settled who has it after it was passed on too often: no office passes it on again.
    bound BIGINT NOT NULL DEFAULT 0 CHECK (bound IN (0, 1)),
    -- Why it is closed.
    closing TEXT CHECK (closing IN ('talk', 'settled', 'silent')),
    -- The happening that it tells of together with others.
    incident_id BIGINT REFERENCES incident (id),
    UNIQUE (year, sequence),
    CHECK (state <> 'open' OR (deadline_id IS NOT NULL AND deadline_live IS NOT NULL)),
    CHECK ((deadline_id IS NULL) = (deadline_live IS NULL)),
    CHECK ((state = 'closed') = (closing IS NOT NULL)),
    CHECK ((acknowledged_until IS NULL) = (acknowledged_by IS NULL)),
    CHECK ((state = 'closed') = (closed_at IS NOT NULL))
);
-- One citizen has one inquiry at a time in one thread.
CREATE UNIQUE INDEX inquiry_one_open ON inquiry (thread_id, citizen_id) WHERE state <> 'closed';
-- An office's inbox in the order of its lists.
CREATE INDEX inquiry_inbox ON inquiry (office, priority, due_at, id) WHERE state = 'open';
-- An office's newest, which new ones are compared with.
CREATE INDEX inquiry_newest ON inquiry (office, opened_at) WHERE state <> 'closed';
CREATE INDEX inquiry_triage ON inquiry (id) WHERE triage = 1 AND state <> 'closed';

-- Who speaks for an incident: the open one that falls due first.
CREATE INDEX inquiry_incident ON inquiry (incident_id, state, due_at, id) WHERE incident_id IS NOT NULL;

-- What an inquiry is compared by, to find those that tell of the same happening. Dropped when it is old.
CREATE TABLE likeness (
    inquiry_id BIGINT NOT NULL PRIMARY KEY REFERENCES inquiry (id),
    sketch BYTEA NOT NULL,
    -- The inquiry that it may belong together with, and how alike they are in percent: a person decides.
    offered_id BIGINT REFERENCES inquiry (id),
    share BIGINT,
    CHECK ((offered_id IS NULL) = (share IS NULL))
);

-- Why a message went where it went, as decided then.
CREATE TABLE decision (
    message_id BIGINT NOT NULL PRIMARY KEY REFERENCES message (id),
    revision BIGINT NOT NULL REFERENCES revision (id),
    office TEXT REFERENCES office (code),
    kind TEXT NOT NULL,
    basis TEXT NOT NULL,
    body TEXT NOT NULL,
    made_at BIGINT NOT NULL
);

-- What people decided on a message, where that is to be learned from: whose it is, or whether it needs anybody.
CREATE TABLE lesson (
    id BIGINT NOT NULL PRIMARY KEY,
    message_id BIGINT NOT NULL UNIQUE REFERENCES message (id),
    -- Code of an office, or the name of somebody outside.
    seat TEXT,
    needed BIGINT NOT NULL CHECK (needed IN (0, 1)),
    origin TEXT NOT NULL CHECK (origin IN ('handover', 'triage', 'brought_back', 'talk')),
    actor TEXT NOT NULL,
    at BIGINT NOT NULL,
    CHECK (needed = 1 OR seat IS NULL)
);

-- What was learned, version by version.
CREATE TABLE model (
    id BIGINT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL REFERENCES revision (id),
    made_at BIGINT NOT NULL,
    -- Corrections that there were.
    corrections BIGINT NOT NULL,
    -- The lessons that it was held back from in turn, and how often it and the rules alone were right about them.
    lessons BIGINT NOT NULL,
    model_right BIGINT NOT NULL,
    rules_right BIGINT NOT NULL,
    in_use BIGINT NOT NULL CHECK (in_use IN (0, 1)),
    -- Why it is not, or no longer, in use.
    reason TEXT,
    -- Absent once it is old.
    body BYTEA,
    CHECK (in_use = 0 OR body IS NOT NULL)
);
CREATE UNIQUE INDEX model_in_use ON model (in_use) WHERE in_use = 1;

CREATE TABLE deadline (
    id BIGINT NOT NULL PRIMARY KEY,
    inquiry_id BIGINT NOT NULL REFERENCES inquiry (id) DEFERRABLE INITIALLY DEFERRED,
    kind TEXT NOT NULL CHECK (kind IN ('first_response', 'resolution')),
    round BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'met', 'void')),
    live BIGINT NOT NULL CHECK (live IN (0, 1)),
    office TEXT NOT NULL REFERENCES office (code),
    started_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    met_at BIGINT,
    missed_at BIGINT,
    -- Policy, calendar, configuration set and counting, as they were.
    explanation TEXT NOT NULL,
    -- Running and paused stretches at the offices that had it.
    segments TEXT NOT NULL,
    -- What it was before it was moved, the oldest first: nothing is rewritten silently.
    history TEXT NOT NULL DEFAULT '[]',
    -- Steps of the ladder that were taken, by their keys.
    steps TEXT NOT NULL DEFAULT '[]',
    -- When somebody has to look at it again.
    next_at BIGINT,
    UNIQUE (inquiry_id, kind, round),
    UNIQUE (id, inquiry_id, live, due_at),
    CHECK ((state IN ('running', 'paused')) = (live = 1)),
    CHECK ((state = 'met') = (met_at IS NOT NULL)),
    CHECK (due_at >= started_at)
);
CREATE UNIQUE INDEX deadline_one_live ON deadline (inquiry_id, kind) WHERE live = 1;
CREATE INDEX deadline_next ON deadline (next_at) WHERE live = 1;

-- More time that an office asked for, and what was decided on that.
CREATE TABLE extension (
    id BIGINT NOT NULL PRIMARY KEY,
    deadline_id BIGINT NOT NULL REFERENCES deadline (id),
    reason TEXT NOT NULL CHECK (reason <> ''),
    asked_by TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    -- Until when.
    until BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('asked', 'granted', 'refused')),
    decided_by TEXT,
    decided_at BIGINT,
    decided_note TEXT,
    CHECK ((state = 'asked') = (decided_at IS NULL)),
    CHECK ((decided_at IS NULL) = (decided_by IS NULL))
);
-- One at a time.
CREATE UNIQUE INDEX extension_asked ON extension (deadline_id) WHERE state = 'asked';
CREATE INDEX extension_of ON extension (deadline_id);

-- What was done through a form, by the key that the form carried: done once, however often it is sent.
CREATE TABLE operation (
    key TEXT NOT NULL PRIMARY KEY CHECK (key <> ''),
    inquiry_id BIGINT NOT NULL REFERENCES inquiry (id),
    act TEXT NOT NULL,
    done_at BIGINT NOT NULL
);

-- The journal. Lines are added and never changed.
CREATE TABLE event (
    id BIGINT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    -- When it happened, and when we learned of it.
    at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    office TEXT,
    channel_id BIGINT,
    inquiry_id BIGINT,
    message_id BIGINT,
    data TEXT NOT NULL
);
CREATE INDEX event_inquiry ON event (inquiry_id) WHERE inquiry_id IS NOT NULL;
CREATE INDEX event_at ON event (kind, at);

CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$;
CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE ON event
FOR EACH ROW EXECUTE FUNCTION journal_is_append_only();
CREATE TRIGGER event_is_not_emptied BEFORE TRUNCATE ON event
FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();

-- Seals over stretches of the journal, each over the one before: a changed line is found.
CREATE TABLE seal (
    id BIGINT NOT NULL PRIMARY KEY,
    first_event BIGINT NOT NULL UNIQUE,
    last_event BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    digest TEXT NOT NULL,
    sealed_at BIGINT NOT NULL
);

-- One mail owed to one recipient for one event.
CREATE TABLE notice (
    id BIGINT NOT NULL PRIMARY KEY,
    event_id BIGINT NOT NULL REFERENCES event (id),
    template TEXT NOT NULL,
    recipient TEXT NOT NULL CHECK (recipient <> ''),
    recipient_name TEXT NOT NULL,
    office TEXT,
    inquiry_id BIGINT REFERENCES inquiry (id),
    channel_id BIGINT REFERENCES channel (id),
    urgent BIGINT NOT NULL CHECK (urgent IN (0, 1)),
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    state TEXT NOT NULL CHECK (state IN ('due', 'done', 'dead')),
    not_before BIGINT NOT NULL,
    attempt BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_until BIGINT,
    last_error TEXT,
    -- The journal's line of the digest that tells of it instead.
    digest_id BIGINT REFERENCES event (id),
    UNIQUE (event_id, recipient, template),
    -- Done and never sent: what it urged was done before it could leave, or a digest tells of it.
    CHECK (sent_at IS NULL OR state = 'done'),
    CHECK (digest_id IS NULL OR (state = 'done' AND sent_at IS NULL))
);
CREATE INDEX notice_due ON notice (urgent DESC, not_before, id) WHERE state = 'due';
CREATE INDEX notice_dead ON notice (id) WHERE state = 'dead';
CREATE INDEX notice_digest ON notice (digest_id) WHERE digest_id IS NOT NULL;
-- How many mails somebody got lately.
CREATE INDEX notice_sent ON notice (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX notice_inquiry ON notice (inquiry_id) WHERE inquiry_id IS NOT NULL;

-- An answer on its way to the citizen. It leaves at most once.
CREATE TABLE reply (
    id BIGINT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL UNIQUE CHECK (key <> ''),
    inquiry_id BIGINT NOT NULL REFERENCES inquiry (id),
    channel_id BIGINT NOT NULL REFERENCES channel (id),
    -- The message that is answered.
    message_id BIGINT NOT NULL REFERENCES message (id),
    text TEXT NOT NULL,
    author TEXT NOT NULL,
    -- What it does to the inquiry: only an answer, a question and news of the work count as a first response.
    intent TEXT NOT NULL CHECK (intent IN ('answer', 'question', 'progress', 'receipt')),
    created_at BIGINT NOT NULL,
    first_attempt_at BIGINT,
    external_id TEXT,
    permalink TEXT,
    sent_at BIGINT,
    -- Who saw on the platform that it arrived; the outcome was unknown.
    said_by TEXT,
    delivery TEXT NOT NULL CHECK (delivery IN ('queued', 'sending', 'uncertain', 'sent', 'elsewhere', 'failed')),
    state TEXT NOT NULL CHECK (state IN ('due', 'done', 'dead')),
    not_before BIGINT NOT NULL,
    attempt BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_until BIGINT,
    last_error TEXT,
    CHECK ((delivery IN ('sent', 'elsewhere')) = (sent_at IS NOT NULL)),
    CHECK (said_by IS NULL OR delivery IN ('uncertain', 'sent')),
    CHECK (delivery NOT IN ('sending', 'uncertain', 'sent') OR first_attempt_at IS NOT NULL),
    CHECK ((delivery IN ('sent', 'elsewhere')) = (state = 'done')),
    CHECK ((delivery = 'failed') = (state = 'dead'))
);
CREATE INDEX reply_due ON reply (not_before, id) WHERE state = 'due';
-- One answer at a time leaves a channel.
CREATE INDEX reply_turn ON reply (channel_id) WHERE state = 'due';
CREATE INDEX reply_dead ON reply (id) WHERE state = 'dead';
CREATE INDEX reply_inquiry ON reply (inquiry_id);
-- Receipts of a channel, the newest last: nobody is given too many.
CREATE INDEX reply_receipt ON reply (channel_id, created_at) WHERE intent = 'receipt';
-- A reply that is read back on its channel is recognised: by its identifier, or by its words until that is known.
CREATE INDEX reply_unseen ON reply (channel_id)
    WHERE external_id IS NULL AND delivery IN ('sending', 'uncertain', 'sent');
CREATE UNIQUE INDEX reply_external ON reply (channel_id, external_id) WHERE external_id IS NOT NULL;

-- Mails that came in answer to a notice, and reports on notices that did not arrive. What one is, is decided after it is
-- stored; who it is from and what it is about is known only then.
CREATE TABLE letter (
    id BIGINT NOT NULL PRIMARY KEY,
    -- The same for every copy of a mail.
    key TEXT NOT NULL UNIQUE CHECK (key <> ''),
    received_at BIGINT NOT NULL,
    -- The mail, packed. Dropped when it is old.
    raw BYTEA,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'held', 'settled')),
    -- What became of it, and since when.
    outcome TEXT,
    detail TEXT,
    settled_at BIGINT,
    -- Who says to have written it, and the notice that it answers or reports on.
    sender TEXT,
    notice_id BIGINT REFERENCES notice (id),
    -- Who says that it is to be trusted.
    accepted_by TEXT,
    CHECK ((state = 'waiting') = (outcome IS NULL)),
    CHECK ((outcome IS NULL) = (settled_at IS NULL)),
    CHECK (raw IS NOT NULL OR state = 'settled'),
    CHECK (accepted_by IS NULL OR notice_id IS NOT NULL)
);
CREATE INDEX letter_waiting ON letter (id) WHERE state = 'waiting';
CREATE INDEX letter_held ON letter (id) WHERE state = 'held';
CREATE INDEX letter_age ON letter (received_at) WHERE state = 'settled' AND raw IS NOT NULL;

-- Answers that somebody has to approve before they leave.
CREATE TABLE proposal (
    id BIGINT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL UNIQUE CHECK (key <> ''),
    inquiry_id BIGINT NOT NULL REFERENCES inquiry (id),
    office TEXT NOT NULL REFERENCES office (code),
    text TEXT NOT NULL,
    intent TEXT NOT NULL CHECK (intent IN ('answer', 'question', 'progress')),
    author TEXT NOT NULL,
    author_mail TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'returned')),
    decided_by TEXT,
    decided_at BIGINT,
    reason TEXT,
    CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CHECK ((decided_at IS NULL) = (decided_by IS NULL))
);
CREATE INDEX proposal_waiting ON proposal (id) WHERE state = 'waiting';
CREATE INDEX proposal_of ON proposal (inquiry_id);

-- Tokens and passwords, sealed with a key that is not in this database.
CREATE TABLE secret (
    name TEXT NOT NULL PRIMARY KEY,
    key_id TEXT NOT NULL,
    nonce BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    stored_at BIGINT NOT NULL
);

-- Bells that rang: a job of a day is done once, whoever rings.
CREATE TABLE bell (
    name TEXT NOT NULL,
    day TEXT NOT NULL,
    rung_at BIGINT NOT NULL,
    done_at BIGINT,
    PRIMARY KEY (name, day)
);
CREATE INDEX bell_day ON bell (day);

-- Where imports of files stand, so that they can be resumed.
CREATE TABLE import (
    id BIGINT NOT NULL PRIMARY KEY,
    channel_id BIGINT NOT NULL REFERENCES channel (id),
    digest TEXT NOT NULL,
    name TEXT NOT NULL,
    position BIGINT NOT NULL,
    imported BIGINT NOT NULL,
    known BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    UNIQUE (channel_id, digest)
);

-- The next identifier of each table: SQLite has a table for this.
CREATE SEQUENCE revision_id;
CREATE SEQUENCE person_id;
CREATE SEQUENCE channel_id;
CREATE SEQUENCE feed_id;
CREATE SEQUENCE post_id;
CREATE SEQUENCE citizen_id;
CREATE SEQUENCE thread_id;
CREATE SEQUENCE payload_id;
CREATE SEQUENCE message_id;
CREATE SEQUENCE message_revision_id;
CREATE SEQUENCE quarantine_id;
CREATE SEQUENCE delivery_id;
CREATE SEQUENCE inquiry_id;
CREATE SEQUENCE deadline_id;
CREATE SEQUENCE event_id;
CREATE SEQUENCE seal_id;
CREATE SEQUENCE notice_id;
CREATE SEQUENCE reply_id;
CREATE SEQUENCE import_id;
CREATE SEQUENCE lesson_id;
CREATE SEQUENCE model_id;
CREATE SEQUENCE incident_id;
CREATE SEQUENCE extension_id;
CREATE SEQUENCE letter_id;
CREATE SEQUENCE proposal_id;

-- References to tables that come later in this file.
ALTER TABLE message ADD FOREIGN KEY (inquiry_id) REFERENCES inquiry (id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE inquiry ADD FOREIGN KEY (deadline_id, id, deadline_live, due_at) REFERENCES deadline (id, inquiry_id, live, due_at)
    DEFERRABLE INITIALLY DEFERRED;
