//! The files of a set, wherever they come from.

use std::collections::BTreeMap;
use std::path::Path;

use sahut_routing::{Problem, Source};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::app::hex;
use crate::failure::Failure;
use crate::settings::toml_problem;

/// The largest file that is taken, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Files by path within the set, with `/` between folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files(pub(crate) BTreeMap<String, String>);

impl Files {
    /// Reads every `.toml` of a folder and of the folders below it. What is not UTF-8 is told by [`Files::illegible`].
    pub(crate) fn read(folder: &Path) -> Result<Self, Failure> {
        let mut files = BTreeMap::new();
        read_into(folder, folder, &mut files)?;
        if files.is_empty() {
            return Err(Failure::config(format!(
                "there are no .toml files in {}: a regency has at least regency.toml, offices.toml and calendars.toml; \
                 `sahut init` writes an example",
                folder.display()
            )));
        }
        Ok(Self(files))
    }

    /// Hash of names and contents: the same files are the same set.
    pub(crate) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (path, text) in &self.0 {
            for part in [path, text] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        hex(&hash.finalize()[..8])
    }

    /// A file by its path.
    pub(crate) fn source(&self, path: &str) -> Option<Source> {
        self.0.get(path).map(|text| Source { path: path.to_owned(), text: text.clone() })
    }

    /// Files with bytes that are no letters, each with the place of the first: they were saved in another encoding.
    pub(crate) fn illegible(&self) -> impl Iterator<Item = Problem> {
        self.0.iter().filter_map(|(path, text)| {
            let at = text.find(char::REPLACEMENT_CHARACTER)?;
            let source = Source { path: path.clone(), text: text.clone() };
            let span = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
            let help = "save the file as UTF-8 and write this letter again";
            Some(Problem::at(&source, span, "the file is not UTF-8", "no letter can be read here", help))
        })
    }

    /// Reads a file into what it declares; an absent one is as good as an empty one. Nothing when it cannot be read: what
    /// it lacks then is not told as well.
    pub(crate) fn parse<T: DeserializeOwned + Default>(
        &self,
        path: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        let Some(source) = self.source(path) else { return Some(T::default()) };
        toml::from_str(&source.text).map_err(|error| problems.push(toml_problem(&source, &error))).ok()
    }
}

fn read_into(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) -> Result<(), Failure> {
    let unreadable = |error: &std::io::Error| Failure::file(folder, "cannot read the folder", error);
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .map_err(|error| unreadable(&error))?
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(&error))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let metadata =
            std::fs::metadata(&path).map_err(|error| Failure::file(&path, "cannot read", &error))?;
        if metadata.is_dir() {
            read_into(root, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            if metadata.len() > LARGEST {
                return Err(Failure::config(format!(
                    "{} is larger than 4 MiB: no such file is expected",
                    path.display()
                )));
            }
            let bytes = std::fs::read(&path).map_err(|error| Failure::file(&path, "cannot read", &error))?;
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.insert(name, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(())
}
