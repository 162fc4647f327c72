//! The example regency that is built into the program: what `sahut init` starts from and `sahut demo` shows.

use std::collections::BTreeMap;

use crate::regency::Files;

/// Every file under `config/`, by its path there.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/example.rs"));

/// The folder of the example regency.
const LEBONG: &str = "lebong/";

/// The files of the example regency, by their path within it.
pub(crate) fn lebong() -> Files {
    let files = FILES
        .iter()
        .filter_map(|(path, text)| Some((path.strip_prefix(LEBONG)?.to_owned(), (*text).to_owned())));
    Files(files.collect::<BTreeMap<_, _>>())
}
