//! Template errors in the words of Helm's command line.

use wharf_sprig::{FAILURE_END, FAILURE_START};
use wharf_template::{ExecError, FuncError, ParseError};

use crate::error::Error;

/// `parse error at (FILE:LINE): MESSAGE`, with the last part of the message only.
pub(crate) fn parse_failure(file: &str, error: ParseError) -> Error {
    let text = error.to_string();
    let tokens: Vec<&str> = text.split(": ").collect();
    let text = match tokens[..] {
        [_, location, .., last] => format!("parse error at ({location}): {last}"),
        [_, location] => format!("parse error at ({location}): {location}"),
        _ => format!("parse error in ({file}): {text}"),
    };
    Error::parse(text, error)
}

/// The stack of templates over several lines, or the one message of `fail` and `required`.
pub(crate) fn execution_failure(file: &str, error: ExecError) -> Error {
    let text = error.to_string();
    let text = reformat(file, &error, &text).unwrap_or(text);
    Error::execution(text, error)
}

fn reformat(file: &str, error: &ExecError, text: &str) -> Option<String> {
    error.place()?;
    let tokens: Vec<&str> = text.splitn(3, ": ").collect();
    let [_, location, rest] = tokens[..] else {
        return Some(format!("execution error in ({file}): {text}"));
    };
    if let Some((_, after)) = rest.split_once(FAILURE_START)
        && let Some((message, _)) = after.rsplit_once(FAILURE_END)
    {
        return Some(format!("execution error at ({location}): {message}"));
    }
    let mut frames: Vec<Frame> = Vec::new();
    let mut current = error;
    loop {
        let frame = Frame::parse(&current.to_string())?;
        if frames.last() != Some(&frame) {
            frames.push(frame);
        }
        current = match current.cause() {
            None => break,
            Some(FuncError::Exec(inner)) => inner,
            // What is no template error has no frame, and then Helm shows the text as it is.
            Some(_) => return None,
        };
    }
    let all: String = frames.iter().map(Frame::text).collect();
    Some(all.trim().to_owned())
}

#[derive(Debug, PartialEq, Eq)]
struct Frame {
    location: String,
    executing: String,
    message: String,
}

impl Frame {
    /// Takes the text of a template error apart; what follows ` template:` belongs to the next frame.
    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("template: ")?;
        if rest.starts_with("no template ") {
            return Some(Self {
                location: String::new(),
                executing: String::new(),
                message: text.to_owned(),
            });
        }
        let cut = |message: &str| message.split(" template:").next().unwrap_or_default().to_owned();
        if let Some((location, after)) = rest.split_once(": executing ")
            && let Some(after) = after.strip_prefix('"')
            && let Some((name, after)) = after.split_once('"')
            && let Some(after) = after.strip_prefix(" at <")
            && let Some((expression, message)) = after.split_once(">: ")
        {
            return Some(Self {
                location: location.to_owned(),
                executing: format!("executing \"{name}\" at <{expression}>:"),
                message: cut(message),
            });
        }
        let (location, message) = rest.rsplit_once(": ")?;
        Some(Self { location: location.to_owned(), executing: String::new(), message: cut(message) })
    }

    fn text(&self) -> String {
        let mut out = String::new();
        if !self.location.is_empty() {
            out.push_str(&self.location);
            out.push_str("\n  ");
        }
        if !self.executing.is_empty() {
            out.push_str(&self.executing);
            out.push_str("\n    ");
        }
        if !self.message.is_empty() {
            out.push_str(&self.message);
            out.push('\n');
        }
        out
    }
}
