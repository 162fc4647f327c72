//! The program dies at every moment that matters, and nothing is lost, doubled or said twice.
//!
//! Needs a program with fault points: `cargo build -p sahut --features fault-points`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use sahut_domain::Chance;
use sahut_simulator::{Moods, World};
use sahut_tests::{Town, Trouble, header, or_skip, webhook};

/// A slow machine is no fault.
const PATIENCE: Duration = Duration::from_secs(90);

/// A point of the program at which it dies, each on both databases.
macro_rules! dies {
    ($($name:ident at $point:literal while $scene:ident;)*) => {
        mod on_sqlite {
            $(#[test] fn $name() { super::dies_at($point, super::Scene::$scene, super::Town::on_sqlite()); })*
        }
        mod on_postgres {
            $(#[test] fn $name() { super::dies_at($point, super::Scene::$scene, super::Town::on_postgres()); })*
        }
    };
}

dies! {
    before_a_page_is_stored at "collect.before_commit" while Reading;
    after_a_page_is_stored at "collect.after_commit" while Reading;
    before_a_decision_is_stored at "route.before_commit" while Reading;
    after_a_decision_is_stored at "route.after_commit" while Reading;
    before_mails_are_claimed at "notify.before_claim_commit" while Reading;
    after_a_mail_is_accepted at "notify.after_accepted" while Reading;
    after_all_mails_are_accepted at "notify.after_sending" while Reading;
    before_mails_are_settled at "notify.before_commit" while Reading;
    before_an_answer_is_begun at "deliver.before_sending" while Answering;
    before_an_answer_is_called at "deliver.before_call" while Answering;
    after_an_answer_is_called at "deliver.after_call" while Answering;
    before_an_answer_is_settled at "deliver.before_commit" while Answering;
    before_a_missed_promise_is_told at "watch.before_commit" while TimePassing;
    before_a_delivery_is_acknowledged at "door.before_answer" while Pushing;
}

/// What happens while it dies: what makes it pass the point.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scene {
    Reading,
    Answering,
    TimePassing,
    Pushing,
}

impl Scene {
    fn happen(self, town: &mut Town) {
        match self {
            Self::Reading => {}
            Self::Answering => answer_all(town),
            Self::TimePassing => pass_time(town),
            Self::Pushing => assert!(matches!(push(town), 0 | 200)),
        }
    }

    /// After the restart people and platforms do it again, as they would: what was done by then changes nothing.
    fn happen_again(self, town: &mut Town) {
        match self {
            Self::Reading => {}
            Self::Answering => answer_all(town),
            Self::TimePassing => each_promise_is_reminded_of_once(town),
            Self::Pushing => {
                assert_eq!(push(town), 200, "it is acknowledged at last");
                what_was_delivered_is_known_once(town);
            }
        }
    }
}

/// What there is to answer for.
struct Accounts {
    page: String,
    bot: String,
}

fn dies_at(point: &str, scene: Scene, town: Result<Town, Trouble>) {
    let Some(mut town) = or_skip(town) else { return };
    let accounts = open(&mut town);
    write(town.world(), &accounts, &post(town.world(), &accounts), 0..6);
    if scene != Scene::Reading {
        town.start().unwrap();
        wait_until_all_is_known(&mut town, &accounts);
        town.sahut.stop();
    }
    town.sahut.set("SAHUT_CRASH_AT", point);
    town.sahut.launch(&["run"]).unwrap();
    town.sahut.unset("SAHUT_CRASH_AT");
    scene.happen(&mut town);
    let ended = town.sahut.daemon().unwrap().wait(PATIENCE);
    assert_eq!(ended.unwrap(), None, "the program did not die at {point}: is it built with `fault-points`?");

    pass_leases(&mut town);
    town.start().unwrap();
    scene.happen_again(&mut town);
    wait_until_all_is_known(&mut town, &accounts);
    nothing_is_lost_or_doubled(&mut town, &accounts);
    let twice = mails_sent_twice(&town);
    println!("{point}: {twice} mails came twice");
    // Between the mail server's "accepted" and our commit nobody can know: only there a mail may come again.
    assert!(
        twice == 0
            || ["notify.after_accepted", "notify.after_sending", "notify.before_commit"].contains(&point)
    );
}

/// Every inquiry is answered once; the same operation again changes nothing.
fn answer_all(town: &mut Town) {
    for line in town.inquiries().unwrap() {
        let number = line["number"].as_str().unwrap();
        town.ask(&["reply", number, &format!("Jawaban untuk {number}"), "--key", number]).unwrap();
    }
}

/// All promises have run for so long that much of their time is gone: 400 days.
fn pass_time(town: &mut Town) {
    let begun = "UPDATE deadline SET next_at = 1, started_at = started_at - 34560000000000 WHERE live = 1";
    town.query(begun).unwrap();
}

/// The look that died is done again: nothing was told twice, nothing was forgotten.
fn each_promise_is_reminded_of_once(town: &mut Town) {
    let promises = town.query("SELECT inquiry_id FROM deadline WHERE live = 1 ORDER BY inquiry_id").unwrap();
    assert!(!promises.is_empty());
    // Of the steps that fell due meanwhile each is in the journal, and people are told of the last one.
    let reminded = "SELECT inquiry_id FROM event WHERE kind = 'reminder.due' AND data LIKE '%\"told\":true%'
        ORDER BY inquiry_id";
    let look = |town: &mut Town| Ok((town.query(reminded)?.len() >= promises.len()).then_some(()));
    town.wait_for("reminders", PATIENCE, look).unwrap();
    assert_eq!(town.query(reminded).unwrap(), promises);
    // They would leave when the offices open; only what is urgent leaves at any hour.
    town.query("UPDATE notice SET urgent = 1, not_before = created_at WHERE state = 'due'").unwrap();
}

fn what_was_delivered_is_known_once(town: &mut Town) {
    let held = "SELECT m.id FROM message m JOIN channel c ON c.id = m.channel_id WHERE c.code = 'lapor'";
    let look = |town: &mut Town| Ok((!town.query(held)?.is_empty()).then_some(()));
    town.wait_for("what was delivered", PATIENCE, look).unwrap();
    town.wait_until_quiet(PATIENCE).unwrap();
    assert_eq!(town.query(held).unwrap().len(), 1, "how often the delivery is held");
}

/// A source delivers until it is acknowledged, as it is told to. The status of the answer; 0 when none came.
fn push(town: &mut Town) -> u16 {
    let body = r#"{"id":"LAPOR-17","text":"Jalan menuju Topos rusak parah, tolong diaspal","author":{"id":"u-204"}}"#;
    let now = town.world().clock().now();
    let port = town.door();
    let pushed = |_: &mut Town| match webhook::deliver(port, "lapor", SECRET, "msg_1", now, body) {
        // Nobody listens yet: try again, as a source does.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(None),
        // It died with the connection open.
        Err(_) => Ok(Some(0)),
        Ok(answer) => Ok(Some(answer.status)),
    };
    town.wait_for("answer at the door", PATIENCE, pushed).unwrap()
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn open(town: &mut Town) -> Accounts {
    let accounts = Accounts { page: town.facebook("puprhub").id, bot: town.telegram("kominfo").id };
    town.channel("lapor", "kominfo", "webhook", "");
    town.secret("lapor", "secret", SECRET);
    town.settle().unwrap();
    accounts
}

/// What the office writes on its page.
fn post(world: &World, accounts: &Accounts) -> String {
    world.post(&accounts.page, "Perbaikan jalan", world.clock().now()).unwrap()
}

/// Each of these citizens has one thing to say, in a thread of their own.
fn write(world: &World, accounts: &Accounts, post: &str, citizens: std::ops::Range<usize>) {
    let now = world.clock().now();
    for citizen in citizens {
        let (handle, words) =
            (format!("warga_{citizen}"), format!("Jalan Topos titik {citizen} rusak parah, tolong diaspal"));
        match citizen % 3 {
            0 => world.comment(post, &handle, &words, now),
            1 => world.direct(&accounts.page, &handle, &words, now),
            _ => world.telegram(&accounts.bot, &handle, &words, now),
        }
        .unwrap();
    }
}

/// Where others might be at work, what a dead process had claimed is free when its lease has run out. Alone on a file,
/// the next process frees it itself, except an answer that the platform may still be at work on.
fn pass_leases(town: &mut Town) {
    if !town.is_shared() {
        town.query("UPDATE reply SET lease_until = 1 WHERE lease_until IS NOT NULL").unwrap();
        return;
    }
    // The server may still be committing what the dead process asked for.
    let gone =
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'sahut' AND datname = current_database()";
    town.wait_for("end of the sessions", PATIENCE, |town| Ok(town.query(gone)?.is_empty().then_some(())))
        .unwrap();
    for table in ["channel", "delivery", "notice", "reply"] {
        town.query(&format!("UPDATE {table} SET lease_until = 1 WHERE lease_until IS NOT NULL")).unwrap();
    }
}

/// What the platforms showed and the database does not hold, and what it holds twice.
fn differences(town: &Town, accounts: &Accounts) -> Result<Vec<String>, Trouble> {
    let ledger = town.ledger();
    let mut differences = Vec::new();
    for (channel, account) in [("fb-puprhub", &accounts.page), ("tg-kominfo", &accounts.bot)] {
        let held = town.query(&format!(
            "SELECT m.external_id FROM message m JOIN channel c ON c.id = m.channel_id WHERE c.code = '{channel}'"
        ))?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for id in &held {
            *counts.entry(id).or_default() += 1;
        }
        let missing = ledger.must_be_known(account).into_iter().filter(|id| !counts.contains_key(id));
        differences.extend(missing.map(|id| format!("{channel} misses {id}")));
        let doubled = counts.iter().filter(|(_, count)| **count > 1);
        differences.extend(doubled.map(|(id, count)| format!("{channel} holds {id} {count} times")));
    }
    Ok(differences)
}

/// Waits as long as it gets on.
fn wait_until_all_is_known(town: &mut Town, accounts: &Accounts) {
    let mut left = usize::MAX;
    while left > 0 {
        let look = |town: &mut Town| Ok(Some(differences(town, accounts)?.len()).filter(|now| *now < left));
        match town.wait_for("progress of collecting", PATIENCE, look) {
            Ok(now) => left = now,
            Err(trouble) => {
                let channels = "SELECT code, state, lease_owner, failures, ailment_detail FROM channel";
                panic!("{:#?}\n{:#?}\n{trouble}", differences(town, accounts), town.query(channels));
            }
        }
    }
    town.wait_until_quiet(PATIENCE).unwrap();
}

fn nothing_is_lost_or_doubled(town: &mut Town, accounts: &Accounts) {
    answers_on_the_page_arrive(town);
    assert_eq!(differences(town, accounts).unwrap(), Vec::<String>::new());
    let citizens = town
        .query("SELECT COUNT(*) FROM (SELECT DISTINCT thread_id, citizen_id FROM message WHERE own = 0) m");
    let inquiries = town.query("SELECT COUNT(*) FROM inquiry").unwrap();
    assert_eq!(inquiries, citizens.unwrap(), "one inquiry for each citizen in each thread");
    let ledger = town.ledger();
    assert!(ledger.double_posts().is_empty(), "{:#?}", ledger.double_posts());
    for text in town.query("SELECT text FROM reply WHERE delivery = 'sent'").unwrap() {
        let shown = ledger.accepted.iter().filter(|accepted| accepted.text == text).count();
        assert_eq!(shown, 1, "how often {text:?} is shown");
    }
    town.ask(&["selfcheck"]).unwrap();
}

/// A page can be searched, so that an answer with an unknown outcome is found or sent. A bot cannot read what it has
/// sent: its answers may stay uncertain, and a person is asked.
fn answers_on_the_page_arrive(town: &mut Town) {
    const MISSING: &str = "SELECT r.id FROM reply r JOIN channel c ON c.id = r.channel_id
        WHERE r.delivery <> 'sent' AND (c.platform <> 'telegram' OR r.delivery <> 'uncertain')";
    let look = |town: &mut Town| Ok(town.query(MISSING)?.is_empty().then_some(()));
    town.wait_for("certainty about the answers", Duration::from_secs(90), look).unwrap();
}

fn mails_sent_twice(town: &Town) -> usize {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for letter in town.letters() {
        *counts.entry(header(&letter.raw, "Message-ID")).or_default() += 1;
    }
    counts.values().map(|count| count - 1).sum()
}

#[test]
fn killed_at_random_instants() {
    killed_again_and_again(Town::on_sqlite());
}

#[test]
fn killed_at_random_instants_on_postgres() {
    killed_again_and_again(Town::on_postgres());
}

/// `SAHUT_KILLS` says how often (12).
fn killed_again_and_again(town: Result<Town, Trouble>) {
    let Some(mut town) = or_skip(town) else { return };
    let kills = std::env::var("SAHUT_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(12);
    let accounts = Arc::new(open(&mut town));
    town.world().set_moods(moods());
    let citizens = Citizens::begin(town.world().clone(), Arc::clone(&accounts));
    let chance = Chance::seeded(u64::from(std::process::id()));
    for _ in 0..kills {
        town.sahut.launch(&["run"]).unwrap();
        thread::sleep(Duration::from_millis(100 + chance.below(2500)));
        town.sahut.kill();
        pass_leases(&mut town);
        answer_some(&town);
    }
    let written = citizens.end();
    town.world().set_moods(Moods::calm());
    town.start().unwrap();
    // Rounds that went wrong in a row wait longer and longer: an operator who knows that all is well again says so.
    for channel in ["fb-puprhub", "tg-kominfo"] {
        town.ask(&["channel", "resume", channel]).unwrap();
    }
    wait_until_all_is_known(&mut town, &accounts);
    nothing_is_lost_or_doubled(&mut town, &accounts);
    let uncertain = town.query("SELECT COUNT(*) FROM reply WHERE delivery = 'uncertain'").unwrap();
    println!(
        "{written} messages, {kills} kills: nothing lost, nothing doubled; {} answers, {uncertain:?} of a bot \
         uncertain; {} of {} mails came twice",
        town.ledger().accepted.len(),
        mails_sent_twice(&town),
        town.letters().len(),
    );
}

/// Platforms in a bad mood, as far as a message is not malformed for ever.
fn moods() -> Moods {
    Moods {
        server_error: 0.02,
        slow: 0.02,
        drop_before: 0.02,
        drop_after: 0.02,
        truncate: 0.02,
        reorder: 0.02,
        repeat: 0.02,
        skip: 0.01,
        ..Moods::calm()
    }
}

/// Two inquiries of those that have no answer yet.
fn answer_some(town: &Town) {
    const UNANSWERED: &str = "SELECT i.year || '-' || i.sequence FROM inquiry i
        WHERE NOT EXISTS (SELECT 1 FROM reply r WHERE r.inquiry_id = i.id) ORDER BY i.id LIMIT 2";
    for found in town.query(UNANSWERED).unwrap() {
        let (year, sequence) = found.split_once('-').unwrap();
        let number = format!("K-{year}-{sequence:0>5}");
        town.ask(&["reply", &number, &format!("Jawaban untuk {number}")]).unwrap();
    }
}

/// Citizens who write until they are stopped: no faster than the platform lets conversations be read, two calls a second.
struct Citizens {
    stop: Arc<AtomicBool>,
    writing: thread::JoinHandle<usize>,
}

impl Citizens {
    fn begin(world: World, accounts: Arc<Accounts>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let writing = thread::spawn(move || {
            let mut written = 0;
            let mut newest = post(&world, &accounts);
            while !stopped.load(Ordering::Relaxed) {
                // More than fifty posts that were never read are found by the next deep walk, in six hours.
                if written % 60 == 0 {
                    newest = post(&world, &accounts);
                }
                write(&world, &accounts, &newest, written..written + 3);
                written += 3;
                thread::sleep(Duration::from_secs(1));
            }
            written
        });
        Self { stop, writing }
    }

    fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.writing.join().unwrap()
    }
}
