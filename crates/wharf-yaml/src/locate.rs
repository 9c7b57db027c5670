//! Where in a text a value stands. Read only when something is wrong with it.

use crate::node::{self, Document, NodeId, NodeKind};
use crate::{Limits, documents::split_documents};

/// Where a value stands in a text. Lines and columns count from one, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// The line.
    pub line: usize,
    /// The column: of the value if it is a scalar or an item of a list, else of its key.
    pub column: usize,
}

/// Finds the value that keys and indices lead to; in the last document that has it, as later documents win.
///
/// `None` where there is none, where the way to it leads through an alias, or the text is no YAML.
#[must_use]
pub fn locate<S: AsRef<str>>(text: &[u8], path: &[S]) -> Option<Located> {
    let mut first_line = 0;
    let mut found = None;
    for part in split_documents(text).ok()? {
        let lines = part.iter().filter(|&&byte| byte == b'\n').count();
        let text = std::str::from_utf8(&part).ok()?;
        if let Some(document) = node::read(text, &Limits::default()).ok()?
            && let Some(Located { line, column }) = in_document(&document, path)
        {
            found = Some(Located { line: first_line + line, column });
        }
        // The line that ends a document belongs to none.
        first_line += lines + 1;
    }
    found
}

fn in_document<S: AsRef<str>>(document: &Document<'_>, path: &[S]) -> Option<Located> {
    let mut at: NodeId = document.root;
    let mut shown = at;
    for step in path {
        let step = step.as_ref();
        match document.node(at).kind {
            NodeKind::Map(children) => {
                let is_it = |key: NodeId| matches!(&document.node(key).kind, NodeKind::Scalar { text, .. } if text == step);
                let [key, value] = *document.entries(children).iter().rfind(|[key, _]| is_it(*key))?;
                at = value;
                shown = match document.node(value).kind {
                    NodeKind::Scalar { ref text, .. } if !text.is_empty() => value,
                    _ => key,
                };
            }
            NodeKind::List(children) => {
                at = *document.items(children).get(step.parse::<usize>().ok()?)?;
                shown = at;
            }
            _ => return None,
        }
    }
    let (line, column) = document.node(shown).place();
    Some(Located { line: line + 1, column: column + 1 })
}

#[cfg(test)]
mod tests {
    use super::{Located, locate};

    #[test]
    fn values_are_found_by_keys_and_indices() {
        let text = b"# top\nimage:\n  tag: 5\n  list:\n  - a\n  - b: [1, two]\n---\nimage: {tag: six}\n";
        let at = |path: &[&str]| locate(text, path).map(|Located { line, column }| (line, column));
        assert_eq!(at(&["image", "tag"]), Some((8, 14)));
        assert_eq!(at(&["image", "list"]), Some((4, 3)));
        assert_eq!(at(&["image", "list", "1", "b", "1"]), Some((6, 12)));
        assert_eq!(at(&["image", "nosuch"]), None);
    }
}
