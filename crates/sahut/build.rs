//! Embeds the example regency, so that `sahut init` and `sahut demo` need no files beside the binary.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config").canonicalize()?;
    println!("cargo:rerun-if-changed={}", config.display());
    let mut files = Vec::new();
    find(&config, &mut files)?;
    files.sort();
    let mut code = "&[\n".to_owned();
    for file in files {
        let name = file.strip_prefix(&config).unwrap_or(&file);
        let _ = writeln!(code, "({:?}, include_str!({:?})),", name.display(), file.display());
    }
    code.push(']');
    let target = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("example.rs");
    fs::write(target, code)
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    Ok(())
}
