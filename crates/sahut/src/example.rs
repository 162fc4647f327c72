//! What is built into the program: the example regency that `sahut init` starts from and `sahut demo` shows, and the set
//! for regencies in general that routing is measured with.

use std::collections::BTreeMap;

use crate::regency::Files;

/// Every file under `config/`, by its path there.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/example.rs"));

/// The files of the example regency, by their path within it.
pub(crate) fn lebong() -> Files {
    within("lebong/")
}

/// The files of the set for regencies in general, by their path within it.
pub(crate) fn kabupaten() -> Files {
    within("kabupaten/")
}

fn within(folder: &str) -> Files {
    let files = FILES
        .iter()
        .filter_map(|(path, text)| Some((path.strip_prefix(folder)?.to_owned(), (*text).to_owned())));
    Files(files.collect::<BTreeMap<_, _>>())
}
