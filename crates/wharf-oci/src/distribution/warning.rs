//! The `Warning` header, by which a registry tells people something.

/// Returns the text of a `Warning` header value of the form `299 - "text"` (distribution-spec v1.1, "Warnings"); other
/// forms are not to be shown.
pub fn warning_text(header: &str) -> Option<String> {
    let quoted = header.trim().strip_prefix("299 - \"")?.strip_suffix('"')?;
    let mut text = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => characters.next()?,
            // The text would have ended here.
            '"' => return None,
            other => other,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::warning_text;

    #[test]
    fn only_the_form_of_the_specification_is_shown() {
        assert_eq!(warning_text(r#"299 - "moves on \"Friday\"""#).as_deref(), Some(r#"moves on "Friday""#));
        for other in
            [r#"199 - "x""#, r#"299 host "x""#, "299 - x", r#"299 - "x" "date""#, r#"299 - "x\""#, ""]
        {
            assert_eq!(warning_text(other), None, "{other}");
        }
    }
}
