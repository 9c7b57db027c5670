//! Where errors are: the places in templates and in what they rendered. Looked up only when something failed.

use wharf_chart::Spot;
use wharf_sprig::{FAILURE_END, FAILURE_START};
use wharf_template::{ExecError, FuncError, Origin, ParseError};

/// Places of a long chain of calls that are shown: of its inner end, and of its outer.
const INNER: usize = 5;
const OUTER: usize = 3;

/// Returns where a template does not parse.
pub(crate) fn of_parse(error: &ParseError) -> Spot {
    let text = error.text();
    let rest = text.get(error.offset()..).unwrap_or_default();
    // From where the word begins that should not be there.
    let word = rest.iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
    let spot = Spot::of(source(error.name()), text, error.offset()..error.offset() + word.max(1));
    spot.noted(error.message())
}

/// Returns where a template failed, then where that was called, and so on outwards.
pub(crate) fn of_execution(error: &ExecError) -> Vec<Spot> {
    let mut spots: Vec<Spot> = Vec::new();
    let mut current = Some(error);
    while let Some(error) = current {
        let mut cause = error.cause();
        while let Some(FuncError::Wrapped { inner, .. }) = cause {
            cause = Some(inner);
        }
        if let Some(place) = error.place() {
            let spot = Spot::of(source(&place.file), &place.text, place.span.clone());
            let note = match cause {
                Some(FuncError::Exec(_) | FuncError::Parse(_)) => format!("called in {:?}", place.template),
                _ => message(error),
            };
            spots.push(spot.noted(note));
        }
        if let Some(FuncError::Parse(error)) = cause {
            spots.push(of_parse(error));
        }
        current = match cause {
            Some(FuncError::Exec(inner)) => Some(inner),
            _ => None,
        };
    }
    spots.reverse();
    if spots.len() > INNER + OUTER {
        let left_out = spots.len() - INNER - OUTER;
        spots.drain(INNER..INNER + left_out);
        let next = &mut spots[INNER];
        next.note = format!("{} ({left_out} calls between this and the one above are left out)", next.note);
    }
    spots
}

/// Templates given to `tpl` bear the name of no file.
fn source(name: &str) -> String {
    if name == "gotpl" { "(text given to tpl)".to_owned() } else { name.to_owned() }
}

/// Returns the message of an error without the marks that `fail` and `required` set.
fn message(error: &ExecError) -> String {
    let text = match error.cause() {
        Some(cause) => format!("{}{cause}", error.message()),
        None => error.message().to_owned(),
    };
    match text.split_once(FAILURE_START).and_then(|(_, rest)| rest.rsplit_once(FAILURE_END)) {
        Some((message, _)) => message.to_owned(),
        None => text,
    }
}

/// Returns the place in a template that made a byte of its output.
pub(crate) fn of_output(origins: &[Origin], at: usize) -> Option<Spot> {
    let after = origins.partition_point(|origin| origin.at <= at);
    let origin = origins.get(after.checked_sub(1)?)?;
    let rest = origin.text.get(origin.offset..)?;
    let (offset, width) = if origin.is_text {
        let offset = origin.offset + (at - origin.at);
        let line = origin.text.get(offset..)?.split(|&byte| byte == b'\n').next()?;
        (offset, line.trim_ascii_end().len())
    } else {
        let end = rest.windows(2).position(|pair| pair == b"}}").unwrap_or(1);
        (origin.offset, rest[..end].trim_ascii_end().len())
    };
    Some(Spot::of(source(&origin.file), &origin.text, offset..offset + width))
}
