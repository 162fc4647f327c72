//! What foreign clients may rely on, by plain HTTP, one module a platform.

#[cfg(test)]
mod control;
#[cfg(test)]
mod facebook;
#[cfg(test)]
mod instagram;
#[cfg(test)]
mod life;
#[cfg(test)]
mod moods;
#[cfg(test)]
mod push;
#[cfg(test)]
mod support;
#[cfg(test)]
mod telegram;
