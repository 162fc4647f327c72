//! Sahut in its surroundings: simulated platforms, a mail server, and the files of a regency.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use sahut_domain::Clock;
use sahut_simulator::{Keys, Ledger, Letter, Postbox, Simulator, SimulatorSettings, World};
use sahut_testing::{Database, Trouble, daemon, free_port};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{Finished, Sahut};

const TOWN: &str = "the town";

/// How often something is looked at while waiting for it.
const GLANCE: Duration = Duration::from_millis(100);

/// An installation of Sahut as `sahut init` makes it, with channels on simulated platforms.
pub struct Town {
    /// The program. Stops first.
    pub sahut: Sahut,
    postbox: Postbox,
    simulator: Simulator,
    channels: String,
    secrets: Vec<(String, &'static str, String)>,
    door: u16,
    mail_port: u16,
    database: Option<Database>,
    /// Where the simulated platforms and the mail server run. Goes last.
    _runtime: Runtime,
}

impl Town {
    /// A town whose Sahut keeps everything in one file.
    pub fn on_sqlite() -> Result<Self, Trouble> {
        Self::build(None)
    }

    /// A town whose Sahut keeps everything in a PostgreSQL of the machine.
    pub fn on_postgres() -> Result<Self, Trouble> {
        Self::build(Some(Database::fresh()?))
    }

    fn build(database: Option<Database>) -> Result<Self, Trouble> {
        let runtime = Runtime::new().map_err(failed)?;
        let sahut = Sahut::new()?;
        let simulator = runtime.block_on(Simulator::start(SimulatorSettings::default())).map_err(failed)?;
        let nearby = (Ipv4Addr::LOCALHOST, 0).into();
        let postbox = runtime.block_on(Postbox::start(nearby, Clock::system())).map_err(failed)?;
        let mail_port = postbox.address().port();
        let door = free_port().map_err(failed)?;
        let (channels, secrets) = (String::new(), Vec::new());
        Ok(Self {
            sahut,
            postbox,
            simulator,
            channels,
            secrets,
            door,
            mail_port,
            database,
            _runtime: runtime,
        })
    }

    /// Whether other processes might work on the same database.
    pub fn is_shared(&self) -> bool {
        self.database.is_some()
    }

    /// What citizens do.
    pub fn world(&self) -> &World {
        self.simulator.world()
    }

    /// Where the platforms are.
    pub fn platforms(&self) -> &str {
        self.simulator.url()
    }

    /// What the platforms know.
    pub fn ledger(&self) -> Ledger {
        self.simulator.ledger()
    }

    /// The mails that were taken so far.
    pub fn letters(&self) -> Vec<std::sync::Arc<Letter>> {
        self.postbox.letters()
    }

    /// The port that platforms deliver to.
    pub fn door(&self) -> u16 {
        self.door
    }

    /// Notices leave through another mail server than the town's own.
    pub fn mail_through(&mut self, port: u16) {
        self.mail_port = port;
    }

    /// A Facebook page of an office, on the channel `fb-OFFICE`.
    pub fn facebook(&mut self, office: &str) -> Keys {
        let keys = self.world().create_page(&format!("Facebook {office}"));
        self.account("fb", office, "facebook", &format!("page_id = \"{}\", ", keys.id), &keys);
        keys
    }

    /// An Instagram account of an office, on the channel `ig-OFFICE`.
    pub fn instagram(&mut self, office: &str) -> Result<Keys, Trouble> {
        let keys = self.world().create_instagram(&format!("{office}.lebong"), None).map_err(failed)?;
        self.account("ig", office, "instagram", &format!("ig_user_id = \"{}\", ", keys.id), &keys);
        Ok(keys)
    }

    /// A Telegram bot of an office, on the channel `tg-OFFICE`.
    pub fn telegram(&mut self, office: &str) -> Keys {
        let keys = self.world().create_bot(&format!("Telegram {office}"), &format!("{office}_lebong_bot"));
        self.account("tg", office, "telegram", "", &keys);
        keys
    }

    fn account(&mut self, short: &str, office: &str, platform: &str, settings: &str, keys: &Keys) {
        let code = format!("{short}-{office}");
        let settings = format!("{settings}base_url = \"{}\"", self.simulator.url());
        self.channel(&code, office, platform, &settings);
        self.secret(&code, "token", &keys.token);
    }

    /// Any channel; `settings` is the inside of a TOML table.
    pub fn channel(&mut self, code: &str, office: &str, platform: &str, settings: &str) {
        let _ = writeln!(
            self.channels,
            "[[channel]]\ncode = \"{code}\"\noffice = \"{office}\"\nplatform = \"{platform}\"\nname = \"{code}\"\n\
             settings = {{ {settings} }}\n"
        );
    }

    /// A secret that is stored when the town is settled.
    pub fn secret(&mut self, channel: &str, name: &'static str, secret: &str) {
        self.secrets.push((channel.to_owned(), name, secret.to_owned()));
    }

    /// Writes the files, makes the database, applies the configuration and stores the secrets, as an operator would.
    pub fn settle(&self) -> Result<(), Trouble> {
        self.ask(&["init", "."])?;
        self.sahut.write("sahut.toml", &self.settings())?;
        self.sahut.write("regency/channels.toml", &self.channels)?;
        // Citizens here write more in a minute than elsewhere in a week, and every mail is counted.
        let ladder = self.sahut.read("regency/ladder.toml")?;
        let ladder = ladder.replace("digest_above = 5\n", "digest_above = 100000\n");
        let ladder = ladder.replace("most_an_hour = 12\n", "most_an_hour = 100000\n");
        self.sahut.write("regency/ladder.toml", &ladder)?;
        self.ask(&["migrate"])?;
        self.ask(&["apply", "regency"])?;
        for (channel, name, secret) in &self.secrets {
            self.store_secret(channel, name, secret)?;
        }
        Ok(())
    }

    /// Stores a secret as an operator would.
    pub fn store_secret(&self, channel: &str, name: &str, secret: &str) -> Result<(), Trouble> {
        succeeded(&["secret", "set"], self.sahut.run_with(&["secret", "set", channel, name], secret)?)
            .map(drop)
    }

    /// Starts `sahut run` and waits until it is ready.
    pub fn start(&mut self) -> Result<(), Trouble> {
        self.sahut.start(&["run"])
    }

    /// Runs a command that has to succeed; what it printed.
    pub fn ask(&self, arguments: &[&str]) -> Result<String, Trouble> {
        succeeded(arguments, self.sahut.run(arguments)?)
    }

    /// Runs a command that has to succeed and print JSON.
    pub fn json(&self, arguments: &[&str]) -> Result<Value, Trouble> {
        let text = self.ask(&[arguments, &["--json"]].concat())?;
        serde_json::from_str(&text)
            .map_err(|error| Trouble::failed(TOWN, format!("{arguments:?}: {error}: {text}")))
    }

    /// The inquiries, at most a thousand.
    pub fn inquiries(&self) -> Result<Vec<Value>, Trouble> {
        let list = self.json(&["inquiry", "list", "--limit", "1000"])?;
        list.as_array().cloned().ok_or_else(|| Trouble::failed(TOWN, format!("not a list: {list}")))
    }

    /// Runs a statement on the database by its own program, past Sahut; the first columns of the rows.
    pub fn query(&self, statement: &str) -> Result<Vec<String>, Trouble> {
        let said = match &self.database {
            None => {
                let mut sqlite = Command::new("sqlite3");
                sqlite.args(["-batch", "-cmd", ".timeout 10000"]).arg(self.sahut.folder().join("sahut.db"));
                daemon::run("sqlite3", sqlite.arg(statement))?
            }
            Some(database) => {
                let mut psql = Command::new("psql");
                psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", statement]);
                daemon::run("psql", psql.arg(database.url()))?
            }
        };
        Ok(said.lines().map(str::to_owned).collect())
    }

    /// Looks until there is something to see.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        patience: Duration,
        mut look: impl FnMut(&mut Self) -> Result<Option<T>, Trouble>,
    ) -> Result<T, Trouble> {
        let deadline = Instant::now() + patience;
        loop {
            let last = look(self);
            if let Ok(Some(seen)) = last {
                return Ok(seen);
            }
            if Instant::now() >= deadline {
                let last = last.err().map_or_else(String::new, |trouble| format!(" (at last: {trouble})"));
                let said = self.sahut.daemon().map(|daemon| tail(&daemon.output())).unwrap_or_default();
                return Err(Trouble::failed(
                    TOWN,
                    format!("no {what} after {patience:?}{last}; Sahut said:\n{said}"),
                ));
            }
            thread::sleep(GLANCE);
        }
    }

    /// Waits until nothing is owed any more: no message to decide on, no mail, no answer, no delivery.
    pub fn wait_until_quiet(&mut self, patience: Duration) -> Result<Value, Trouble> {
        self.wait_for("rest", patience, |town| {
            let status = town.json(&["status"])?;
            let owed = ["messages_waiting", "deliveries_due", "notices_due", "replies_due"];
            Ok(owed.iter().all(|name| status[name] == 0).then_some(status))
        })
    }

    fn settings(&self) -> String {
        let database = self.database.as_ref().map_or("sahut.db", Database::url);
        format!(
            "[database]\nlocation = \"{database}\"\n\n[regency]\nfiles = \"regency\"\n\n\
             [network]\nprivate_hosts = [\"127.0.0.1\", \"localhost\"]\n\n\
             [listen]\npublic = \"127.0.0.1:{door}\"\noperator = \"127.0.0.1:{}\"\n\
             url = \"http://127.0.0.1:{door}\"\n\n\
             [mail]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"sahut@lebong.example\"\n\n\
             [collect]\nshortest_seconds = 0.5\nlongest_seconds = 1.0\npatience_seconds = 1\n",
            self.sahut.web_port(),
            self.mail_port,
            door = self.door,
        )
    }
}

/// A header of a mail, folded lines put together; empty when there is none.
pub fn header(mail: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(mail).replace("\r\n", "\n");
    let head = text.split("\n\n").next().unwrap_or_default().replace("\n ", " ").replace("\n\t", " ");
    let prefix = format!("{}:", name.to_lowercase());
    let line = head.lines().find(|line| line.to_lowercase().starts_with(&prefix));
    line.and_then(|line| line.split_once(':')).map_or_else(String::new, |(_, value)| value.trim().to_owned())
}

fn succeeded(arguments: &[&str], finished: Finished) -> Result<String, Trouble> {
    match finished.code {
        Some(0) => Ok(finished.stdout),
        code => {
            let said = format!("{}{}", finished.stdout, finished.stderr);
            Err(Trouble::failed(TOWN, format!("sahut {arguments:?} ended with {code:?}: {said}")))
        }
    }
}

/// The last lines of a log.
fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

fn failed(error: impl std::fmt::Display) -> Trouble {
    Trouble::failed(TOWN, error)
}
