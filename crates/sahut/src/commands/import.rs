//! `sahut import`: exports and history come in through the same path as everything else.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}
pub(crate) async fn run(_app: &crate::app::App, _args: &Args) -> Result<(), crate::failure::Failure> {
    Ok(())
}
