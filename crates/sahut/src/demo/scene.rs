//! The scene: simulated platforms with an account for every office that has one, a mail server, and the files of an
//! installation.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use sahut_domain::channel::Platform;
use sahut_domain::{Chance, Clock};
use sahut_simulator::{Keys, Moods, Postbox, Simulator, SimulatorSettings, Unknown};
use sahut_store::Db;
use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::app::App;
use crate::commands::apply;
use crate::example;
use crate::failure::Failure;
use crate::vault::Vault;

/// What citizens write: platform, surface, channel, post, citizen, office, kind, text.
const CITIZENS: &str = include_str!("../../demo/citizens.tsv");

/// What offices publish: post, platform, office, text.
const POSTS: &str = include_str!("../../demo/posts.tsv");

/// One line of what citizens write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) platform: Platform,
    pub(crate) direct: bool,
    pub(crate) channel: String,
    pub(crate) post: String,
    pub(crate) citizen: String,
    pub(crate) text: String,
}

/// Everything around the program.
pub(crate) struct Scene {
    pub(crate) simulator: Simulator,
    pub(crate) postbox: Postbox,
    /// Accounts by platform and office.
    pub(crate) accounts: BTreeMap<(Platform, String), Keys>,
    /// Posts on the simulator by their name in the file.
    pub(crate) posts: BTreeMap<String, String>,
    pub(crate) lines: Vec<Line>,
    folder: PathBuf,
    /// Where the pages behind the links in mails are; taken by whoever serves them.
    pub(crate) pages: Option<TcpListener>,
    url: String,
}

impl Scene {
    /// Starts platforms and mail server, and writes the files.
    pub(crate) async fn build(
        folder: Option<PathBuf>,
        seed: u64,
        moody: bool,
        clock: &Clock,
    ) -> Result<Self, Failure> {
        let folder =
            folder.unwrap_or_else(|| std::env::temp_dir().join(format!("sahut-demo-{}", std::process::id())));
        refuse_used(&folder)?;
        let settings = SimulatorSettings {
            seed,
            moods: if moody { Moods::moody() } else { Moods::calm() },
            clock: clock.clone(),
            ..SimulatorSettings::default()
        };
        let unstarted =
            |error: std::io::Error| Failure::failed(format!("cannot start the demo's servers: {error}"));
        let simulator = Simulator::start(settings).await.map_err(unstarted)?;
        let postbox =
            Postbox::start((Ipv4Addr::LOCALHOST, 0).into(), clock.clone()).await.map_err(unstarted)?;
        let lines = read_lines();
        let accounts = open_accounts(&simulator, &lines).map_err(|error| unknown(&error))?;
        let posts = publish(&simulator, &accounts, clock).map_err(|error| unknown(&error))?;
        let pages = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(unstarted)?;
        let url = format!("http://{}", pages.local_addr().map_err(unstarted)?);
        let scene = Self { simulator, postbox, accounts, posts, lines, folder, pages: Some(pages), url };
        scene.write_files()?;
        Ok(scene)
    }

    /// The settings file, for this program and for commands beside it.
    pub(crate) fn settings_file(&self) -> PathBuf {
        self.folder.join("sahut.toml")
    }

    /// Applies the configuration and stores the tokens, as an operator would.
    pub(crate) async fn fill_database(&self, app: &App) -> Result<(), Failure> {
        let (db, _) = Db::open_and_migrate(&app.location(), "sahut demo").await?;
        apply::apply_folder(app, &db, &app.settings.regency.files).await?;
        let vault = app.vault()?;
        let mut tx = db.begin().await?;
        for ((platform, office), keys) in &self.accounts {
            let name = format!("{}/token", channel_code(*platform, office));
            let sealed = vault.seal(&name, &SecretString::from(keys.token.clone()), &app.chance)?;
            tx.store_secret(&name, sealed, app.clock.now()).await?;
        }
        tx.commit().await?;
        db.close().await;
        Ok(())
    }

    /// What the terminal says first.
    pub(crate) fn banner(&self) -> String {
        let settings = self.settings_file();
        format!(
            "DEMO. A regency modelled on Lebong: {} accounts on simulated platforms, {} texts that citizens will write.\n\
             Nothing leaves this machine. Stop with Ctrl-C. Under some mails stands the link that their reader would tap:\n\
             open it in a browser, on a narrow window, and answer. In another terminal, look around with\n  \
             sahut --config {path} inquiry list\n  sahut --config {path} reply K-… \"…\"\n",
            self.accounts.len(),
            self.lines.len(),
            path = settings.display(),
        )
    }

    /// What the terminal says when the citizens fall silent.
    pub(crate) fn silence() -> &'static str {
        "\nThe citizens are silent now. What they wrote is finished first, within half a minute; Ctrl-C once more stops at once."
    }

    /// What the terminal says last.
    pub(crate) fn farewell(&self) -> String {
        let (folder, settings) = (self.folder.display(), self.settings_file());
        format!(
            "Database and files: {folder}\nWhat was set aside, and why: sahut --config {} aside list",
            settings.display()
        )
    }

    /// Takes the scene down.
    pub(crate) async fn leave(self) {
        self.simulator.stop().await;
    }

    fn write_files(&self) -> Result<(), Failure> {
        let regency = self.folder.join("regency");
        let mut files = example::lebong();
        files.0.insert("channels.toml".to_owned(), self.channels());
        for (path, text) in &files.0 {
            write(&regency.join(path), text)?;
        }
        Vault::create(&self.folder.join("sahut.key"), &Chance::system())?;
        write(&self.settings_file(), &self.settings())?;
        Ok(())
    }

    fn settings(&self) -> String {
        format!(
            "[database]\nlocation = \"sahut.db\"\n\n[listen]\nurl = \"{}\"\n\n[network]\nprivate_hosts = [\"127.0.0.1\"]\n\n\
             [mail]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"sahut@lebong.example\"\n\n\
             [collect]\nshortest_seconds = 1.0\nlongest_seconds = 3.0\npatience_seconds = 2\n",
            self.url,
            self.postbox.address().port()
        )
    }

    fn channels(&self) -> String {
        let mut text = String::new();
        for ((platform, office), keys) in &self.accounts {
            let settings = match platform {
                Platform::Facebook => format!("page_id = \"{}\", ", keys.id),
                Platform::Instagram => format!("ig_user_id = \"{}\", ", keys.id),
                _ => String::new(),
            };
            let _ = writeln!(
                text,
                "[[channel]]\ncode = \"{}\"\noffice = \"{office}\"\nplatform = \"{platform}\"\nname = \"{}\"\n\
                 settings = {{ {settings}base_url = \"{}\" }}\n",
                channel_code(*platform, office),
                account_name(*platform, office),
                self.simulator.url(),
            );
        }
        text
    }
}

/// A demo begins anew, in a folder of its own: never over the files of an installation.
fn refuse_used(folder: &Path) -> Result<(), Failure> {
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::file(folder, "cannot read the folder", &error)),
    };
    if entries.next().is_some() {
        let what = "is not empty; the demo writes only into a folder of its own: name another one";
        return Err(Failure::failed(format!("{} {what}", folder.display())));
    }
    Ok(())
}

pub(super) fn channel_code(platform: Platform, office: &str) -> String {
    let short = match platform {
        Platform::Facebook => "fb",
        Platform::Instagram => "ig",
        _ => "tg",
    };
    format!("{short}-{office}")
}

fn account_name(platform: Platform, office: &str) -> String {
    let name = match platform {
        Platform::Facebook => "Facebook",
        Platform::Instagram => "Instagram",
        _ => "Telegram",
    };
    format!("{name} {office}")
}

fn read_lines() -> Vec<Line> {
    CITIZENS.lines().skip(1).filter_map(read_line).collect()
}

fn read_line(line: &str) -> Option<Line> {
    let cells: Vec<&str> = line.split('\t').collect();
    let [platform, surface, channel, post, citizen, _office, _kind, text] = cells.as_slice() else {
        return None;
    };
    let platform: Platform = platform.parse().ok()?;
    // Mailboxes and web sites need servers of their own: the demo has none.
    matches!(platform, Platform::Facebook | Platform::Instagram | Platform::Telegram).then(|| Line {
        platform,
        direct: *surface == "direct",
        channel: (*channel).to_owned(),
        post: (*post).to_owned(),
        citizen: (*citizen).to_owned(),
        text: (*text).to_owned(),
    })
}

fn posts() -> impl Iterator<Item = (&'static str, Platform, &'static str, &'static str)> {
    POSTS.lines().skip(1).filter_map(|line| {
        let mut cells = line.split('\t');
        Some((cells.next()?, cells.next()?.parse().ok()?, cells.next()?, cells.next()?))
    })
}

fn open_accounts(
    simulator: &Simulator,
    lines: &[Line],
) -> Result<BTreeMap<(Platform, String), Keys>, Unknown> {
    let world = simulator.world();
    let mut wanted: Vec<(Platform, String)> =
        lines.iter().map(|line| (line.platform, line.channel.clone())).collect();
    wanted.extend(posts().map(|(_, platform, office, _)| (platform, office.to_owned())));
    wanted.sort();
    wanted.dedup();
    let mut accounts = BTreeMap::new();
    for (platform, office) in wanted {
        let name = account_name(platform, &office);
        let keys = match platform {
            Platform::Facebook => world.create_page(&name),
            Platform::Instagram => world.create_instagram(&format!("{office}.lebong"), None)?,
            _ => world.create_bot(&name, &format!("{office}_lebong_bot")),
        };
        accounts.insert((platform, office), keys);
    }
    Ok(accounts)
}

/// The offices posted in the last hours.
fn publish(
    simulator: &Simulator,
    accounts: &BTreeMap<(Platform, String), Keys>,
    clock: &Clock,
) -> Result<BTreeMap<String, String>, Unknown> {
    let mut published = BTreeMap::new();
    for (hours, (name, platform, office, text)) in posts().enumerate() {
        let Some(keys) = accounts.get(&(platform, office.to_owned())) else { continue };
        let ago = jiff::SignedDuration::from_mins(20 * i64::try_from(hours + 1).unwrap_or(1));
        let at = clock.now() - ago;
        published.insert(name.to_owned(), simulator.world().post(&keys.id, text, at)?);
    }
    Ok(published)
}

fn unknown(error: &Unknown) -> Failure {
    Failure::failed(format!("the demo's texts do not fit its accounts: {error}"))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .map_err(|error| Failure::file(folder, "cannot make the folder", &error))?;
    }
    fs::write(path, text).map_err(|error| Failure::file(path, "cannot write", &error))
}
