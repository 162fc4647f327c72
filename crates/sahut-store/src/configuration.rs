//! Configuration sets: files that were checked, stored whole and numbered, with the rows that the database needs of
//! them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sahut_domain::channel::{ChannelConfig, Platform};
use sahut_domain::event::EventKind;
use sahut_domain::office::{Office, OfficeCode, Person, Role};

use crate::journal::NewEvent;
use crate::value::args;
use crate::work::Stage;
use crate::{StoreError, Tx};

/// A set that was checked and is to become the running one.
#[derive(Debug, Clone)]
pub struct NewRevision {
    /// Hash of the files: the same files are the same set.
    pub digest: String,
    /// Contents by path within the set.
    pub files: BTreeMap<String, String>,
    /// Offices, in their order.
    pub offices: Vec<Office>,
    /// Who belongs to an office besides the people on duty.
    pub standing: Vec<Standing>,
    /// Channels.
    pub channels: Vec<ChannelConfig>,
    /// Before which moment messages of a channel are history, by its code; else [`HISTORY`] before it is first applied,
    /// and for files nothing.
    pub since: BTreeMap<OfficeCode, Timestamp>,
}

/// Somebody who belongs to an office, and is not on duty there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The office.
    pub office: OfficeCode,
    /// Who it is.
    pub person: Person,
    /// What this person is there.
    pub role: Role,
}

/// How far back messages of a channel that is new become inquiries: who wrote within three days still waits.
pub const HISTORY: SignedDuration = SignedDuration::from_hours(72);

/// How soon every running process has taken up a set that was applied, at the latest.
const TAKEN_UP: SignedDuration = SignedDuration::from_secs(15);

/// The running set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Its number, named by decisions and deadlines.
    pub id: i64,
    /// Hash of the files.
    pub digest: String,
    /// Contents by path within the set.
    pub files: BTreeMap<String, String>,
    /// When it became the running one.
    pub applied_at: Timestamp,
}

impl Tx {
    /// The running set; none on an empty database.
    pub async fn revision(&mut self) -> Result<Option<Revision>, StoreError> {
        const LAST: &str = "SELECT id, digest, files, applied_at FROM revision ORDER BY id DESC LIMIT 1";
        self.opt(LAST, args![], |row| {
            Ok(Revision {
                id: row.get(0)?,
                digest: row.get(1)?,
                files: row.json(2)?,
                applied_at: row.get(3)?,
            })
        })
        .await
    }

    /// The number of the running set, without its files; none on an empty database.
    pub async fn revision_number(&mut self) -> Result<Option<i64>, StoreError> {
        self.opt("SELECT id FROM revision ORDER BY id DESC LIMIT 1", args![], |row| row.get(0)).await
    }

    /// Makes a set the running one, and answers its number; the set that runs already stays as it is. What a set no
    /// longer names is retired, never deleted: inquiries still point there.
    pub async fn apply(&mut self, new: NewRevision, actor: &str, now: Timestamp) -> Result<i64, StoreError> {
        const RUNNING: &str = "SELECT id, digest FROM revision ORDER BY id DESC LIMIT 1";
        let running = self.opt(RUNNING, args![], |row| Ok((row.get(0)?, row.get::<String>(1)?))).await?;
        if let Some((id, digest)) = running
            && digest == new.digest
        {
            return Ok(id);
        }
        let id = self.id("revision").await?;
        let files =
            serde_json::to_string(&new.files).map_err(|error| StoreError::Refused(error.to_string()))?;
        const ADD: &str = "INSERT INTO revision (id, digest, files, applied_at) VALUES ($1, $2, $3, $4)";
        self.exec(ADD, args![id, &new.digest, files, now]).await?;
        self.apply_offices(&new).await?;
        // The ladder may be another one: every promise is looked at again.
        const LOOK: &str =
            "UPDATE deadline SET next_at = $1 WHERE live = 1 AND (next_at IS NULL OR next_at > $1)";
        self.exec(LOOK, args![now + TAKEN_UP]).await?;
        self.apply_channels(&new, now).await?;
        let data = serde_json::json!({ "revision": id, "digest": new.digest });
        self.record_one(NewEvent::new(EventKind::ConfigurationApplied, now).by(actor).with(data), now)
            .await?;
        self.wake(Stage::Collect);
        Ok(id)
    }

    /// The offices that are not retired, in their order, with the people who can be mailed.
    pub async fn offices(&mut self) -> Result<Vec<Office>, StoreError> {
        const OFFICES: &str = "SELECT code, name, short_name, kind, calendar, approval FROM office WHERE retired = 0 ORDER BY position";
        let mut offices = self
            .rows(OFFICES, args![], |row| {
                Ok(Office {
                    code: row.get(0)?,
                    name: row.get(1)?,
                    short_name: row.get(2)?,
                    kind: row.word(3)?,
                    calendar: row.get(4)?,
                    people: Vec::new(),
                    approval: row.get(5)?,
                })
            })
            .await?;
        const PEOPLE: &str =
            "SELECT office, name, mail FROM person WHERE refused_at IS NULL AND role = 'duty'
            ORDER BY office, position";
        let people: Vec<(OfficeCode, Person)> = self
            .rows(PEOPLE, args![], |row| Ok((row.get(0)?, Person { name: row.get(1)?, mail: row.get(2)? })))
            .await?;
        for (code, person) in people {
            if let Some(office) = offices.iter_mut().find(|office| office.code == code) {
                office.people.push(person);
            }
        }
        Ok(offices)
    }

    /// The name of this installation, made once: part of every Message-ID.
    pub async fn instance(&mut self, fresh: &str) -> Result<String, StoreError> {
        const NAME: &str = "INSERT INTO meta (key, value) VALUES ('instance', $1)
            ON CONFLICT (key) DO UPDATE SET value = meta.value RETURNING value";
        self.one(NAME, args![fresh], |row| row.get(0)).await
    }

    async fn apply_offices(&mut self, new: &NewRevision) -> Result<(), StoreError> {
        self.exec("UPDATE office SET retired = 1", args![]).await?;
        for (position, office) in new.offices.iter().enumerate() {
            const UPSERT: &str =
                "INSERT INTO office (code, name, short_name, kind, calendar, position, approval)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
                ON CONFLICT (code) DO UPDATE SET name = excluded.name, short_name = excluded.short_name,
                    kind = excluded.kind, calendar = excluded.calendar, position = excluded.position,
                    approval = excluded.approval, retired = 0";
            let position = i64::try_from(position).unwrap_or(i64::MAX);
            let values = args![
                &office.code,
                &office.name,
                &office.short_name,
                office.kind.as_str(),
                &office.calendar,
                position,
                office.approval
            ];
            self.exec(UPSERT, values).await?;
            self.apply_people(office, &new.standing).await?;
        }
        Ok(())
    }

    async fn apply_people(&mut self, office: &Office, standing: &[Standing]) -> Result<(), StoreError> {
        let on_duty = office.people.iter().map(|person| (person, Role::Duty));
        let mut people: Vec<(&Person, Role)> = on_duty.collect();
        for other in standing.iter().filter(|other| other.office == office.code) {
            if !people.iter().any(|(person, _)| person.mail == other.person.mail) {
                people.push((&other.person, other.role));
            }
        }
        // People are not pointed at by other rows: a notice keeps the address that it went to.
        let known: Vec<(i64, String)> = self
            .rows("SELECT id, mail FROM person WHERE office = $1", args![&office.code], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .await?;
        for (id, mail) in known {
            if !people.iter().any(|(person, _)| person.mail == mail) {
                self.exec("DELETE FROM person WHERE id = $1", args![id]).await?;
            }
        }
        for (position, (person, role)) in people.into_iter().enumerate() {
            const UPSERT: &str =
                "INSERT INTO person (id, office, name, mail, position, role) VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT (office, mail) DO UPDATE SET name = excluded.name, position = excluded.position,
                    role = excluded.role";
            let id = self.id("person").await?;
            let position = i64::try_from(position).unwrap_or(i64::MAX);
            let values = args![id, &office.code, &person.name, &person.mail, position, role.as_str()];
            self.exec(UPSERT, values).await?;
        }
        Ok(())
    }

    async fn apply_channels(&mut self, new: &NewRevision, now: Timestamp) -> Result<(), StoreError> {
        self.exec("UPDATE channel SET retired = 1", args![]).await?;
        for channel in &new.channels {
            // A channel that a person paused stays so. One that waited for a person was given one, if it is another now;
            // it is read when every running process has taken up this set: with the old one it would be parked again.
            const UPSERT: &str = "INSERT INTO channel (id, code, office, platform, name, settings, secrets, state, not_before, since)
                VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8, $9)
                ON CONFLICT (code) DO UPDATE SET office = excluded.office, platform = excluded.platform,
                    name = excluded.name, settings = excluded.settings, secrets = excluded.secrets, retired = 0,
                    state = CASE WHEN channel.state = 'parked' AND (channel.platform <> excluded.platform
                        OR channel.settings <> excluded.settings OR channel.secrets <> excluded.secrets)
                        THEN 'active' ELSE channel.state END,
                    not_before = CASE WHEN channel.state = 'parked' THEN $10 ELSE channel.not_before END";
            let id = self.id("channel").await?;
            let since = new.since.get(&channel.code).copied().unwrap_or(match channel.platform {
                // Who brings in a file means what is in it.
                Platform::Import => Timestamp::MIN,
                _ => now - HISTORY,
            });
            let secrets = serde_json::to_string(&channel.secrets)
                .map_err(|error| StoreError::bad_row("channel", &channel.code, error))?;
            let values = args![
                id,
                &channel.code,
                &channel.office,
                channel.platform.as_str(),
                &channel.name,
                channel.settings.to_string(),
                secrets,
                now,
                since,
                now + TAKEN_UP
            ];
            self.exec(UPSERT, values).await?;
        }
        Ok(())
    }
}
