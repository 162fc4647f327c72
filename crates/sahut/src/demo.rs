//! What the demo is made of: the scene (platforms, mail server, files), the town that lives in it, and the screen that
//! shows what happens as it happens.

mod scene;
mod screen;
mod tally;
mod town;

pub(crate) use scene::Scene;
pub(crate) use screen::Screen;
pub(crate) use tally::Tally;
pub(crate) use town::Town;
