//! `sahut init`: the files of an installation, never over existing ones.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sahut_domain::Chance;

use crate::example;
use crate::failure::Failure;
use crate::output;
use crate::vault::Vault;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder to write into; made where it does not exist.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where the database is to be: a file, or postgres://…. When not given: sahut.db in the folder; for /etc/sahut/NAME,
    /// where the service cannot write, /var/lib/sahut/NAME/sahut.db.
    #[arg(long)]
    database: Option<String>,
    /// The mail server that notices leave through.
    #[arg(long, default_value = "localhost")]
    mail_host: String,
    /// The address that notices come from.
    #[arg(long, default_value = "sahut@localhost")]
    mail_from: String,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let folder = &args.folder;
    fs::create_dir_all(folder).map_err(|error| Failure::file(folder, "cannot make the folder", &error))?;
    let settings = folder.join("sahut.toml");
    let key = folder.join("sahut.key");
    let regency = folder.join("regency");
    if let Some(there) = [&settings, &key, &regency].into_iter().find(|path| path.exists()) {
        return Err(Failure::failed(format!("{} is there already; nothing was written", there.display())));
    }
    for (path, text) in &example::lebong().0 {
        write(&regency.join(path), text)?;
    }
    Vault::create(&key, &Chance::system())?;
    write(&settings, &settings_text(args))?;
    output::line(&format!(
        "Wrote {}, {} and the example regency in {}.\n\n\
         Next:\n  1. edit the files in {}: offices, people, and your accounts in channels.toml\n  \
         2. sahut --config {} check\n  3. sahut --config {} run\n  \
         4. sahut --config {} secret set CHANNEL token < token.txt",
        settings.display(),
        key.display(),
        regency.display(),
        regency.display(),
        settings.display(),
        settings.display(),
        settings.display(),
    ))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let doing = |error: &std::io::Error| Failure::file(path, "cannot write", error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| doing(&error))?;
    }
    let mut file = fs::File::create_new(path).map_err(|error| doing(&error))?;
    file.write_all(text.as_bytes()).map_err(|error| doing(&error))
}

fn database(args: &Args) -> String {
    let usual = || match args.folder.strip_prefix("/etc/sahut") {
        Ok(name) if name.components().count() == 1 => format!("/var/lib/sahut/{}/sahut.db", name.display()),
        _ => "sahut.db".to_owned(),
    };
    args.database.clone().unwrap_or_else(usual)
}

fn settings_text(args: &Args) -> String {
    // Values go through the TOML writer: whatever stands in them, the file stays readable.
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    format!(
        "# Where this process finds its database, its mail server and its files. docs/configuration.md tells all of it.\n\
         # What the regency is (offices, channels, rules, calendars) stands in the folder below.\n\n\
         [database]\nlocation = {}\n\n\
         [regency]\nfiles = \"regency\"\n\n\
         [secrets]\nkey_file = \"sahut.key\"\n\n\
         [listen]\n# Behind a reverse proxy: where platforms deliver.\npublic = \"127.0.0.1:8080\"\n\
         # For this machine only: probes and metrics.\noperator = \"127.0.0.1:9090\"\n\n\
         [mail]\nhost = {}\n# starttls (587), implicit (465), or none: only for a server on this machine (25)\n\
         tls = {}\nfrom = {}\nfrom_name = \"Sahut\"\n# user = \"…\"\n# password_file = \"mail.password\"\n\n\
         # Offices answer by replying to a notice; the address has to take name+anything@ as well.\n\
         # [mail.replies]\n# address = {}\n# authserv_id = \"mail.example.go.id\"\n# host = \"mail.example.go.id\"\n\
         # password_file = \"mailbox.password\"\n",
        quoted(&database(args)),
        quoted(&args.mail_host),
        quoted(if args.mail_host == "localhost" { "none" } else { "starttls" }),
        quoted(&args.mail_from),
        quoted(&args.mail_from),
    )
}
