//! Letter case: Go maps each character to one character, and Sprig's word functions follow xstrings.

pub(crate) fn upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(upper), None) => upper,
        _ => c,
    }
}

pub(crate) fn lower(c: char) -> char {
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(lower), None) => lower,
        // The only letter whose lower case is longer: a capital I with a dot.
        (Some(lower), _) => lower,
        _ => c,
    }
}

/// Makes the first letter of each word a capital. Words end at anything but letters, digits and underscores.
pub(crate) fn title(text: &str) -> String {
    let mut previous = ' ';
    text.chars()
        .map(|c| {
            let starts_word = is_separator(previous);
            previous = c;
            if starts_word { upper(c) } else { c }
        })
        .collect()
}

fn is_separator(c: char) -> bool {
    if c.is_ascii() {
        return !(c.is_ascii_alphanumeric() || c == '_');
    }
    !c.is_alphanumeric() && c.is_whitespace()
}

/// Makes the first letter of each word small.
pub(crate) fn untitle(text: &str) -> String {
    let mut at_start = true;
    text.chars()
        .map(|c| {
            if c.is_whitespace() {
                at_start = true;
                c
            } else if std::mem::take(&mut at_start) {
                lower(c)
            } else {
                c
            }
        })
        .collect()
}

/// Swaps the case of letters.
pub(crate) fn swap(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_uppercase() {
                lower(c)
            } else if c.is_lowercase() {
                upper(c)
            } else {
                c
            }
        })
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Nothing,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || c.is_whitespace()
}

/// Letters, but not Chinese characters, which make words of their own.
fn is_alphabet(c: char) -> bool {
    c.is_alphabetic()
        && !matches!(c, '\u{4e00}'..='\u{9fcc}' | '\u{3400}'..='\u{4d85}' | '\u{20000}'..='\u{2b81d}')
}

fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~');
    }
    matches!(c, '\u{a1}' | '\u{a7}' | '\u{ab}' | '\u{b6}' | '\u{b7}' | '\u{bb}' | '\u{bf}')
        || ('\u{2010}'..='\u{2027}').contains(&c)
        || ('\u{2030}'..='\u{205e}').contains(&c) && !matches!(c, '\u{2044}' | '\u{2052}')
        || ('\u{3001}'..='\u{3003}').contains(&c)
        || ('\u{3008}'..='\u{3011}').contains(&c)
}

/// Takes the first run of characters of one kind.
fn next_word(text: &str) -> (Word, &str, &str) {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return (Word::Nothing, "", "");
    };
    let run = |accept: &dyn Fn(char) -> bool| {
        let width = first.len_utf8();
        width + text[width..].find(|c| !accept(c)).unwrap_or(text.len() - width)
    };
    let (word, end) = if is_connector(first) {
        (Word::Connector, run(&is_connector))
    } else if is_punctuation(first) {
        (Word::Punctuation, run(&is_punctuation))
    } else if first.is_uppercase() {
        let end = match chars.next() {
            Some(second) if second.is_uppercase() => {
                let mut end = run(&char::is_uppercase);
                // The last capital begins the next word, as in HTTPServer.
                if text[end..].starts_with(is_alphabet) {
                    end -= text[..end].chars().next_back().map_or(0, char::len_utf8);
                }
                end
            }
            Some(second) if is_alphabet(second) => run(&|c| is_alphabet(c) && !c.is_uppercase()),
            _ => first.len_utf8(),
        };
        (Word::Upper, end)
    } else if is_alphabet(first) {
        (Word::Alphabet, run(&|c| is_alphabet(c) && !c.is_uppercase()))
    } else if first.is_numeric() {
        (Word::Number, run(&char::is_numeric))
    } else {
        let end = run(&|c| !(is_connector(c) || is_alphabet(c) || c.is_numeric() || is_punctuation(c)));
        (Word::Other, end)
    };
    (word, &text[..end], &text[end..])
}

fn push_lower(out: &mut String, word: Word, text: &str, connector: char) {
    if word != Word::Upper && word != Word::Connector {
        out.push_str(text);
        return;
    }
    out.extend(text.chars().map(|c| if is_connector(c) { connector } else { lower(c) }));
}

/// Splits camel case into small words with a connector between them: `HTTPServer2` is `http_server2`.
pub(crate) fn connect(text: &str, connector: char) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    let (mut kind, mut word, mut rest) = next_word(text);
    while !rest.is_empty() {
        if kind != Word::Connector {
            push_lower(&mut out, kind, word, connector);
        }
        let (previous, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match previous {
            Word::Number => {
                while matches!(kind, Word::Alphabet | Word::Number) {
                    push_lower(&mut out, kind, word, connector);
                    (kind, word, rest) = next_word(rest);
                }
                if !matches!(kind, Word::Nothing | Word::Punctuation | Word::Connector) {
                    out.push(connector);
                }
            }
            Word::Connector => push_lower(&mut out, previous, last, connector),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punctuation) {
                    out.push(connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                if kind != Word::Alphabet {
                    push_lower(&mut out, Word::Number, number, connector);
                    if !matches!(kind, Word::Connector | Word::Punctuation) {
                        out.push(connector);
                    }
                } else {
                    out.push(connector);
                    push_lower(&mut out, Word::Number, number, connector);
                    while matches!(kind, Word::Alphabet | Word::Number) {
                        push_lower(&mut out, kind, word, connector);
                        (kind, word, rest) = next_word(rest);
                    }
                    if !matches!(kind, Word::Nothing | Word::Connector | Word::Punctuation) {
                        out.push(connector);
                    }
                }
            }
        }
    }
    push_lower(&mut out, kind, word, connector);
    out
}

/// Joins words at connectors, each with a capital: `http_server` is `HttpServer`.
pub(crate) fn pascal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    // Connectors in front stay.
    while let Some(c) = chars.next_if(|c| is_connector(*c)) {
        out.push(c);
    }
    let Some(first) = chars.next() else {
        // A text of connectors alone has its last one twice.
        out.extend(text.chars().next_back());
        return out;
    };
    let mut after_capital = first.is_uppercase();
    let mut held = upper(first);
    for next in chars {
        let previous = held;
        held = next;
        if is_connector(next) && is_connector(previous) {
            out.push(previous);
        } else if is_connector(previous) {
            after_capital = next.is_uppercase();
            held = upper(next);
        } else {
            if after_capital {
                if next.is_uppercase() {
                    held = lower(next);
                } else {
                    after_capital = false;
                }
            }
            out.push(previous);
        }
    }
    out.push(held);
    out
}
