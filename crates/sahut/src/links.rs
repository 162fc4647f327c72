//! The keys that links in mails are signed with: made once, sealed in the database, changed on somebody's order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sahut_domain::link::{LinkKey, LinkKeys};
use sahut_pipeline::Links;
use sahut_store::Tx;
use sahut_store::secrets::Sealed;
use secrecy::{ExposeSecret as _, SecretString};

use crate::app::App;
use crate::failure::Failure;
use crate::vault::Vault;

/// Names that the keys are stored under. No channel's secret can have one: codes hold no dot.
const PRESENT: &str = "sahut.links";
const BEFORE: &str = "sahut.links.before";

/// How links are made; none where the settings name no address, or where no key can be opened: mails without links are
/// better than no mails.
pub(crate) async fn links(app: &App, tx: &mut Tx) -> Option<Links> {
    let url = app.settings.listen.url.clone()?;
    match keys(app, tx).await {
        Ok(keys) => Some(Links { url, keys }),
        Err(failure) => {
            tracing::error!(error = failure.message, "links.none");
            None
        }
    }
}

/// Signs with a new key from now on. Links that are out hold on until their time, or end at once.
pub(crate) async fn rotate(app: &App, tx: &mut Tx, at_once: bool) -> Result<(), Failure> {
    let vault = app.vault()?;
    let present = read(tx, &vault, PRESENT).await?;
    match present.filter(|_| !at_once) {
        Some(present) => store(app, tx, &vault, BEFORE, &present).await?,
        None => drop(tx.forget_secret(BEFORE).await?),
    }
    store(app, tx, &vault, PRESENT, &fresh(app)).await
}

async fn keys(app: &App, tx: &mut Tx) -> Result<LinkKeys, Failure> {
    let vault = app.vault()?;
    let before = read(tx, &vault, BEFORE).await?;
    if let Some(present) = read(tx, &vault, PRESENT).await? {
        return Ok(LinkKeys::new(present, before));
    }
    let present = fresh(app);
    store(app, tx, &vault, PRESENT, &present).await?;
    Ok(LinkKeys::new(present, before))
}

fn fresh(app: &App) -> LinkKey {
    let mut bytes = [0; 32];
    app.chance.fill(&mut bytes);
    LinkKey::new(bytes)
}

async fn store(app: &App, tx: &mut Tx, vault: &Vault, name: &str, key: &LinkKey) -> Result<(), Failure> {
    let secret = SecretString::from(STANDARD.encode(key.bytes()));
    let sealed = vault.seal(name, &secret, &app.chance)?;
    Ok(tx.store_secret(name, sealed, app.clock.now()).await?)
}

async fn read(tx: &mut Tx, vault: &Vault, name: &str) -> Result<Option<LinkKey>, Failure> {
    let sealed: Option<Sealed> =
        tx.secrets().await?.into_iter().find(|(known, _)| known == name).map(|(_, sealed)| sealed);
    let Some(sealed) = sealed else { return Ok(None) };
    let opened = vault.unseal(name, &sealed)?;
    let bytes = STANDARD.decode(opened.expose_secret()).ok().and_then(|bytes| bytes.try_into().ok());
    let bytes = bytes.ok_or_else(|| {
        Failure::config(format!(
            "the secret {name:?} is damaged: make another with `sahut secret new-link-key`"
        ))
    })?;
    Ok(Some(LinkKey::new(bytes)))
}
