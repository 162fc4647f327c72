//! Certificates for `localhost`, made by the openssl command in a folder that vanishes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub(crate) struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    /// An authority, and a certificate for `localhost` that it signed; valid for ten years, or ended long ago.
    pub(crate) fn make(expired: bool) -> Option<Self> {
        let made = Self { folder: tempfile::tempdir().ok()? };
        let folder = made.folder.path();
        std::fs::write(folder.join("ca.conf"), CA_CONF).ok()?;
        std::fs::write(folder.join("index.txt"), "").ok()?;
        std::fs::write(folder.join("serial"), "01").ok()?;
        let span = if expired {
            ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"]
        } else {
            ["-startdate", "20200101000000Z", "-enddate", "20490101000000Z"]
        };
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let authority =
            ["req", "-x509", "-days", "36500", "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem"];
        let request = ["req", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"];
        let sign =
            ["ca", "-batch", "-config", "ca.conf", "-in", "server.csr", "-out", "server.pem", "-notext"];
        let ran = openssl(folder, &[&authority[..], &key].concat())
            && openssl(folder, &[&request[..], &key].concat())
            && openssl(folder, &[&sign[..], &span].concat());
        if !ran {
            println!("skipped: openssl is not installed");
            return None;
        }
        Some(made)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        let chain = vec![CertificateDer::from_pem_file(self.path("server.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(self.path("server.key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap();
        Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap())
    }
}

fn openssl(folder: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new("openssl");
    command.args(arguments).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

const CA_CONF: &str = "[ca]\ndefault_ca = own\n[own]\ndir = .\ndatabase = index.txt\nserial = serial\n\
    new_certs_dir = .\ncertificate = ca.pem\nprivate_key = ca.key\ndefault_md = sha256\npolicy = any\n\
    x509_extensions = leaf\n[any]\ncommonName = supplied\n[leaf]\nsubjectAltName = DNS:localhost,IP:127.0.0.1\n";
