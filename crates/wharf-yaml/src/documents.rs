use crate::{Error, ErrorKind};

/// Splits a text of several documents as `k8s.io/apimachinery`'s YAML reader does.
///
/// A line that begins with `---` ends a document, wherever it stands (also inside a literal block); one that has no
/// document before it stays at the head of the next. Every line of the result ends with `\n`.
///
/// # Errors
/// Text other than a comment behind `---` on the same line.
pub fn split_documents(text: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let mut documents = Vec::new();
    let mut current: Vec<u8> = Vec::new();
    for (number, line) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let line = match line.strip_suffix(b"\n") {
            Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
            None => line,
        };
        if let Some(behind) = line.strip_prefix(b"---") {
            let behind = behind.trim_ascii();
            if behind.first().is_some_and(|&byte| byte != b'#') {
                let text = format!("invalid Yaml document separator: {}", String::from_utf8_lossy(behind));
                return Err(Error::new(ErrorKind::Syntax, text, Some((number, 3))));
            }
            if !current.is_empty() {
                documents.push(std::mem::take(&mut current));
                continue;
            }
        }
        current.extend_from_slice(line);
        current.push(b'\n');
    }
    if !current.is_empty() {
        documents.push(current);
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::split_documents;

    fn split(text: &str) -> Vec<String> {
        let documents = split_documents(text.as_bytes()).expect("only well-formed separators in these cases");
        documents.into_iter().map(|d| String::from_utf8_lossy(&d).into_owned()).collect()
    }

    #[test]
    fn documents_end_at_separator_lines() {
        assert_eq!(split(""), [""; 0]);
        assert_eq!(split("a: 1"), ["a: 1\n"]);
        assert_eq!(split("---\na: 1\r\n--- # next\nb: 2\n"), ["---\na: 1\n", "b: 2\n"]);
        assert_eq!(split("---\n---\n---\n"), ["---\n", "---\n"]);
        assert!(split_documents(b"a: 1\n---b: 2\n").is_err());
    }
}
