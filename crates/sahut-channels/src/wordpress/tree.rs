//! Which top-level comment a comment hangs under.
//!
//! A comment names only the one that it answers. The rest of the way up is mostly on the same page; what is missing is
//! asked for, one call for each level.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::comment::Comment;
use super::site::{Failure, Site};

/// How many levels are asked for above a page; WordPress lets people nest ten at most. A tree that is deeper still is
/// named by the highest comment that was found.
const MOST_LEVELS: usize = 10;

/// The parents of the comments of a page, and of theirs.
pub(super) struct Tree(HashMap<u64, u64>);

#[derive(Deserialize)]
struct Node {
    id: u64,
    parent: u64,
}

impl Tree {
    /// Learns the way up from all comments of a page.
    pub(super) async fn complete<'a>(
        site: &Site,
        page: impl Iterator<Item = &'a Comment>,
    ) -> Result<Self, Failure> {
        let mut tree = Self(page.map(|comment| (comment.id, comment.parent)).collect());
        for _ in 0..MOST_LEVELS {
            let missing = tree.missing();
            if missing.is_empty() {
                break;
            }
            let include = missing.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
            let list = site.parents(&include).await?;
            tree.0.extend(list.rows.iter().filter_map(|row| node(row)));
            for gone in missing {
                // Deleted for good: what hung under it now begins there.
                tree.0.entry(gone).or_insert(0);
            }
        }
        Ok(tree)
    }

    /// The top of the tree that a comment is in.
    pub(super) fn root(&self, comment: u64) -> u64 {
        let mut at = comment;
        // Each step goes up one comment; a circle, which only a broken database has, ends after all of them.
        for _ in 0..=self.0.len() {
            match self.0.get(&at) {
                Some(&parent) if parent != 0 => at = parent,
                _ => break,
            }
        }
        at
    }

    /// Parents that are named but not known; no more than there are comments on a page.
    fn missing(&self) -> BTreeSet<u64> {
        self.0.values().copied().filter(|parent| *parent != 0 && !self.0.contains_key(parent)).collect()
    }
}

fn node(row: &RawValue) -> Option<(u64, u64)> {
    let Node { id, parent } = serde_json::from_str(row.get()).ok()?;
    Some((id, parent))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn replies_of_replies_hang_under_the_top() {
        let tree = Tree(HashMap::from([(9, 7), (7, 2), (2, 0), (5, 0)]));
        assert_eq!((tree.root(9), tree.root(7), tree.root(2), tree.root(5)), (2, 2, 2, 5));
    }

    proptest! {
        #[test]
        fn circles_end(links in proptest::collection::hash_map(0_u64..20, 0_u64..20, 0..20), from in 0_u64..20) {
            let _ = Tree(links).root(from);
        }
    }
}
