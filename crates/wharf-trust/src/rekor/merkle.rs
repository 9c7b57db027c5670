//! Inclusion proofs, RFC 9162 section 2.1.3.2.

use super::entry::log;
use crate::error::Result;
use crate::hash::sha256;

/// Returns the root that a path from a leaf leads to.
///
/// # Errors
/// The index is not in a tree of that size, or the path has not the length that it needs.
pub(super) fn root(leaf: &[u8], index: u64, size: u64, path: &[&[u8]]) -> Result<[u8; 32]> {
    if index >= size {
        return Err(log(format!("index {index} in a tree of {size}")));
    }
    let wrong =
        || log(format!("a path of {} hashes does not fit index {index} in a tree of {size}", path.len()));
    let mut hash = sha256(&[&[0], leaf].concat());
    let (mut at, mut last) = (index, size - 1);
    for beside in path {
        if last == 0 || beside.len() != 32 {
            return Err(wrong());
        }
        if at % 2 == 1 || at == last {
            hash = sha256(&[&[1], *beside, &hash].concat());
            while at % 2 == 0 && at != 0 {
                at /= 2;
                last /= 2;
            }
        } else {
            hash = sha256(&[&[1], &hash[..], *beside].concat());
        }
        at /= 2;
        last /= 2;
    }
    if last == 0 { Ok(hash) } else { Err(wrong()) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// The tree as RFC 9162 section 2.1.1 defines it, written down once more in its own words.
    fn tree(leaves: &[Vec<u8>]) -> [u8; 32] {
        match leaves {
            [] => sha256(&[]),
            [one] => sha256(&[&[0], one.as_slice()].concat()),
            many => {
                let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
                sha256(&[&[1], &tree(left)[..], &tree(right)[..]].concat())
            }
        }
    }

    fn path(index: usize, leaves: &[Vec<u8>]) -> Vec<[u8; 32]> {
        if leaves.len() < 2 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut inner, beside) = if index < left.len() {
            (path(index, left), tree(right))
        } else {
            (path(index - left.len(), right), tree(left))
        };
        inner.push(beside);
        inner
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proved_and_nothing_else_is() {
        for size in 1..=20_usize {
            let leaves: Vec<Vec<u8>> = (0..size).map(|n| vec![u8::try_from(n).unwrap(); 3]).collect();
            let expected = tree(&leaves);
            for (index, leaf) in leaves.iter().enumerate() {
                let hashes = path(index, &leaves);
                let slices: Vec<&[u8]> = hashes.iter().map(|hash| &hash[..]).collect();
                let (index, size) = (u64::try_from(index).unwrap(), u64::try_from(size).unwrap());
                assert_eq!(root(leaf, index, size, &slices).unwrap(), expected);
                assert_ne!(root(b"other", index, size, &slices).unwrap(), expected);
                if !slices.is_empty() {
                    assert!(root(leaf, index, size, &slices[1..]).is_err());
                }
                let longer = [slices.as_slice(), &[&[0; 32]]].concat();
                assert!(root(leaf, index, size, &longer).is_err());
            }
        }
        assert!(root(b"leaf", 1, 1, &[]).is_err());
    }
}
