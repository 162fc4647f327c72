//! A certificate for the loopback address, and the authority that signed it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Trouble, daemon, trouble};

/// The files of one server's certificate, in PEM.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    /// The authority that a client must be told to trust.
    pub(crate) authority: PathBuf,
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificate {
    /// Makes an authority and a certificate for `localhost` and `127.0.0.1` in `folder`, good for a month.
    pub(crate) fn make(server: &'static str, folder: &Path) -> Result<Self, Trouble> {
        trouble::require(server, &[("/usr/bin/openssl", "openssl")])?;
        let file = |name: &str| folder.join(name);
        let made = Self { authority: file("ca.pem"), chain: file("server.pem"), key: file("server.key") };
        let authority_key = file("ca.key");
        let mut authority = request("/CN=Sahut test authority", &authority_key, &made.authority);
        authority.args(["-addext", "basicConstraints=critical,CA:TRUE"]);
        daemon::run(server, &mut authority)?;

        let mut leaf = request("/CN=localhost", &made.key, &made.chain);
        leaf.arg("-CA").arg(&made.authority).arg("-CAkey").arg(&authority_key);
        leaf.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        leaf.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
        daemon::run(server, &mut leaf)?;
        Ok(made)
    }
}

/// A request for a fresh key's certificate, free of what the machine's own settings would add.
fn request(subject: &str, key: &Path, certificate: &Path) -> Command {
    let mut openssl = Command::new("/usr/bin/openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    openssl.args(["-config", "/dev/null", "-days", "30", "-subj", subject]);
    openssl.arg("-keyout").arg(key).arg("-out").arg(certificate);
    openssl
}
