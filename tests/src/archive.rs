//! The example regency with a channel for files, as `sahut init` makes it: what imports are tried with.

use sahut_testing::Trouble;
use serde_json::Value;

use crate::Sahut;

/// A channel that takes everything since 2020 for work.
const CHANNEL: &str = "\n[[channel]]\ncode = \"berkas\"\noffice = \"kominfo\"\nplatform = \"import\"\nname = \"Berkas\"\n\
    since = \"2020-01-01\"\n";

impl Sahut {
    /// Makes the example regency with the channel `berkas` and applies it; nobody is behind its mail server.
    pub fn with_archive() -> Result<Self, Trouble> {
        let sahut = Self::new()?;
        sahut.done(&["init", "."])?;
        let port = sahut.web_port().to_string();
        let settings = sahut.read("sahut.toml")?.replace(":8080", ":0").replace(":9090", &format!(":{port}"));
        let settings = settings.replace("host = \"localhost\"", "host = \"127.0.0.1\"\nport = 1");
        sahut.write("sahut.toml", &settings)?;
        sahut.write("regency/channels.toml", &(sahut.read("regency/channels.toml")? + CHANNEL))?;
        sahut.done(&["migrate"])?;
        sahut.done(&["apply", "regency"])?;
        Ok(sahut)
    }

    /// A file of its folder.
    pub fn read(&self, name: &str) -> Result<String, Trouble> {
        std::fs::read_to_string(self.folder().join(name)).map_err(|error| failed(format!("{name}: {error}")))
    }

    /// Runs a command that has to succeed; what it printed.
    pub fn done(&self, arguments: &[&str]) -> Result<String, Trouble> {
        let finished = self.run(arguments)?;
        if finished.code == Some(0) {
            Ok(finished.stdout)
        } else {
            Err(failed(format!("{arguments:?}: {}", finished.stderr)))
        }
    }

    /// Runs a command that has to succeed with `--json`; what it printed, read.
    pub fn json(&self, arguments: &[&str]) -> Result<Value, Trouble> {
        let printed = self.done(&[arguments, &["--json"]].concat())?;
        serde_json::from_str(&printed).map_err(|error| failed(format!("{arguments:?}: {error}")))
    }

    /// Brings texts in as complaints of one day, numbered `T-0`, `T-1`, …
    pub fn import_texts<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Result<(), Trouble> {
        let row = |(at, text): (usize, &str)| format!("T-{at},2026-11-02,\"{text}\"\n");
        let rows: String = texts.into_iter().enumerate().map(row).collect();
        let file = self.write("berkas.csv", &format!("nomor,tanggal,isi\n{rows}"))?;
        self.done(&["import", &file.display().to_string(), "--channel", "berkas"])?;
        Ok(())
    }
}

fn failed(reason: String) -> Trouble {
    Trouble::failed("sahut", reason)
}
