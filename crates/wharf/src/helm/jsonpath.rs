//! `--jsonpath`: the templates in which kubectl and Helm name parts of a document.
//!
//! Text stands for itself; `{…}` holds paths (`.a.b`, `['a']`, `[0]`, `[1:3]`, `[0,2]`, `[*]`, `..name`, `[?(@.a=="x")]`), texts
//! in quotes, and `range PATH` … `end`. What is not there gives nothing.

use anyhow::bail;
use wharf_yaml::{Value, format_float_g, to_json};

/// How deep ranges may nest.
const MAX_RANGES: usize = 100;

/// A part of a template.
#[derive(Debug)]
enum Part {
    Text(String),
    /// Where the path begins: at the current value, or at the whole document.
    Path(bool, Vec<Step>),
    Range(bool, Vec<Step>, Vec<Self>),
}

/// One step of a path.
#[derive(Debug)]
enum Step {
    Names(Vec<String>),
    Indices(Vec<i64>),
    Slice(Option<i64>, Option<i64>, i64),
    All,
    /// Everything below, at any depth, itself first.
    Deep,
    Filter {
        left: Operand,
        test: Option<(String, Operand)>,
    },
}

#[derive(Debug)]
enum Operand {
    Path(bool, Vec<Step>),
    Constant(Value),
}

/// Expands a template for a document.
pub(super) fn expand(template: &str, document: &Value) -> anyhow::Result<String> {
    let failed = |problem: String| anyhow::anyhow!("error parsing jsonpath {template}: {problem}");
    let mut actions = actions(template).map_err(|error| failed(error.to_string()))?.into_iter();
    let parts = parts(&mut actions, 0).map_err(|error| failed(error.to_string()))?;
    let mut out = String::new();
    for part in &parts {
        write(part, document, document, &mut out);
    }
    Ok(out)
}

/// Text, or what stands between braces.
enum Action {
    Text(String),
    Braces(String),
}

fn actions(template: &str) -> anyhow::Result<Vec<Action>> {
    let mut actions = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        actions.push(Action::Text(text.to_owned()));
        let mut quote = None;
        let end = after.char_indices().find(|&(_, c)| match quote {
            Some(open) => {
                if c == open {
                    quote = None;
                }
                false
            }
            None => {
                if matches!(c, '"' | '\'') {
                    quote = Some(c);
                }
                c == '}'
            }
        });
        let Some((end, _)) = end else { bail!("unclosed action") };
        actions.push(Action::Braces(after[..end].to_owned()));
        rest = &after[end + 1..];
    }
    actions.push(Action::Text(rest.to_owned()));
    Ok(actions)
}

/// Reads up to the end, or to that of the range.
fn parts(actions: &mut std::vec::IntoIter<Action>, depth: usize) -> anyhow::Result<Vec<Part>> {
    if depth > MAX_RANGES {
        bail!("ranges nest deeper than {MAX_RANGES}");
    }
    let mut parts = Vec::new();
    while let Some(action) = actions.next() {
        match action {
            Action::Text(text) => parts.push(Part::Text(text)),
            Action::Braces(inner) if inner.trim() == "end" => return Ok(parts),
            Action::Braces(inner) => match inner.trim().strip_prefix("range ") {
                Some(path) => {
                    let mut parser = Parser { rest: path.trim() };
                    let (is_whole, steps) = parser.path()?;
                    parser.finish()?;
                    parts.push(Part::Range(is_whole, steps, self::parts(actions, depth + 1)?));
                }
                None => {
                    let mut parser = Parser { rest: inner.trim() };
                    while !parser.rest.is_empty() {
                        parts.push(parser.part()?);
                        parser.rest = parser.rest.trim_start();
                    }
                }
            },
        }
    }
    Ok(parts)
}

struct Parser<'t> {
    rest: &'t str,
}

impl Parser<'_> {
    fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn finish(&self) -> anyhow::Result<()> {
        match self.rest.chars().next() {
            None => Ok(()),
            Some(c) => bail!("unrecognized character in action: U+{:04X} {c:?}", u32::from(c)),
        }
    }

    fn part(&mut self) -> anyhow::Result<Part> {
        match self.rest.chars().next() {
            Some('"' | '\'') => Ok(Part::Text(self.quoted()?)),
            Some('.' | '[' | '$' | '@') => {
                let (is_whole, steps) = self.path()?;
                Ok(Part::Path(is_whole, steps))
            }
            Some(c) if c.is_ascii_alphanumeric() || c == '-' => {
                let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-.".contains(c));
                let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                self.rest = rest;
                if word.parse::<f64>().is_err() && !matches!(word, "true" | "false") {
                    bail!("unrecognized identifier {word}");
                }
                Ok(Part::Text(word.to_owned()))
            }
            Some(_) => self.finish().map(|()| Part::Text(String::new())),
            None => bail!("unclosed action"),
        }
    }

    fn quoted(&mut self) -> anyhow::Result<String> {
        let Some(quote) = self.rest.chars().next() else { bail!("unterminated quoted string") };
        let mut out = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(out);
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some('r') => out.push('\r'),
                    Some(c) => out.push(c),
                    None => {}
                },
                c => out.push(c),
            }
        }
        bail!("unterminated quoted string")
    }

    /// Reads a path; whether it begins at the whole document, and its steps.
    fn path(&mut self) -> anyhow::Result<(bool, Vec<Step>)> {
        let is_whole = self.take("$");
        if !is_whole {
            self.take("@");
        }
        let mut steps = Vec::new();
        loop {
            if self.take("..") {
                steps.push(Step::Deep);
                if !self.rest.starts_with('[') {
                    steps.extend(self.name());
                }
            } else if self.take(".") {
                if !self.rest.starts_with('[') {
                    steps.extend(self.name());
                }
            } else if self.take("[") {
                steps.push(self.brackets()?);
            } else {
                return Ok((is_whole, steps));
            }
        }
    }

    fn name(&mut self) -> Option<Step> {
        if self.take("*") {
            return Some(Step::All);
        }
        let mut name = String::new();
        let mut chars = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => name.extend(chars.next().map(|(_, c)| c)),
                c if c.is_alphanumeric() || "_-/".contains(c) => name.push(c),
                _ => {
                    end = at;
                    break;
                }
            }
        }
        self.rest = &self.rest[end..];
        (!name.is_empty()).then_some(Step::Names(vec![name]))
    }

    /// Reads what stands in brackets, with the closing one.
    fn brackets(&mut self) -> anyhow::Result<Step> {
        if self.take("?(") {
            let left = self.operand()?;
            self.rest = self.rest.trim_start();
            let operators = ["==", "!=", "<=", ">=", "<", ">"];
            let operator = operators.iter().find(|operator| self.take(operator));
            let test = match operator {
                Some(operator) => {
                    self.rest = self.rest.trim_start();
                    Some(((*operator).to_owned(), self.operand()?))
                }
                None => None,
            };
            self.rest = self.rest.trim_start();
            if !self.take(")]") {
                bail!("unterminated filter");
            }
            return Ok(Step::Filter { left, test });
        }
        if self.rest.starts_with(['\'', '"']) {
            let mut names = vec![self.quoted()?];
            while self.take(",") {
                self.rest = self.rest.trim_start();
                names.push(self.quoted()?);
            }
            if !self.take("]") {
                bail!("unterminated array");
            }
            return Ok(Step::Names(names));
        }
        let Some((inside, rest)) = self.rest.split_once(']') else { bail!("unterminated array") };
        self.rest = rest;
        let number = |text: &str| match text.trim().parse::<i64>() {
            Ok(number) => Ok(number),
            Err(_) => bail!("invalid array index {inside}"),
        };
        let bound = |text: &str| if text.trim().is_empty() { Ok(None) } else { number(text).map(Some) };
        match inside.split(':').collect::<Vec<_>>()[..] {
            ["*"] => Ok(Step::All),
            [list] => Ok(Step::Indices(list.split(',').map(number).collect::<anyhow::Result<_>>()?)),
            [from, to] => Ok(Step::Slice(bound(from)?, bound(to)?, 1)),
            [from, to, step] => match bound(step)?.unwrap_or(1) {
                step @ 1.. => Ok(Step::Slice(bound(from)?, bound(to)?, step)),
                _ => bail!("step must be > 0"),
            },
            _ => bail!("invalid array index {inside}"),
        }
    }

    fn operand(&mut self) -> anyhow::Result<Operand> {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with(['@', '$', '.']) {
            let (is_whole, steps) = self.path()?;
            return Ok(Operand::Path(is_whole, steps));
        }
        if self.rest.starts_with(['\'', '"']) {
            return Ok(Operand::Constant(Value::from(self.quoted()?.as_str())));
        }
        let end = self.rest.find([' ', ')', '=', '!', '<', '>']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(Operand::Constant(match word {
            "true" | "false" => Value::Bool(word == "true"),
            _ => match word.parse() {
                Ok(number) => Value::Float(number),
                Err(_) => bail!("unrecognized identifier {word}"),
            },
        }))
    }
}

fn write(part: &Part, current: &Value, document: &Value, out: &mut String) {
    match part {
        Part::Text(text) => out.push_str(text),
        Part::Path(is_whole, steps) => {
            let found = follow(steps, if *is_whole { document } else { current }, document);
            let texts: Vec<String> = found.into_iter().map(shown).collect();
            out.push_str(&texts.join(" "));
        }
        Part::Range(is_whole, steps, inside) => {
            for item in follow(steps, if *is_whole { document } else { current }, document) {
                for part in inside {
                    write(part, item, document, out);
                }
            }
        }
    }
}

fn follow<'v>(steps: &[Step], start: &'v Value, document: &'v Value) -> Vec<&'v Value> {
    let mut current = vec![start];
    for step in steps {
        current = current.into_iter().flat_map(|value| one(step, value, document)).collect();
    }
    current
}

fn one<'v>(step: &Step, value: &'v Value, document: &'v Value) -> Vec<&'v Value> {
    match step {
        Step::Names(names) => names.iter().filter_map(|name| value.at(name)).collect(),
        Step::All => children(value),
        Step::Deep => {
            let mut found = vec![value];
            found.extend(children(value).into_iter().flat_map(|child| one(step, child, document)));
            found
        }
        Step::Indices(indices) => {
            let items = items(value);
            let at = |index: &i64| items.get(position(*index, items.len())?);
            indices.iter().filter_map(at).collect()
        }
        Step::Slice(from, to, step) => {
            let items = items(value);
            let bound = |bound: &Option<i64>, default: usize| match bound {
                None => default,
                Some(bound) => position(*bound, items.len()).unwrap_or(0).min(items.len()),
            };
            let (from, to) = (bound(from, 0), bound(to, items.len()));
            let step = usize::try_from(*step).unwrap_or(1);
            items.get(from..to.max(from)).unwrap_or_default().iter().step_by(step).collect()
        }
        Step::Filter { left, test } => {
            let holds = |item: &&Value| {
                let of = |operand: &Operand| match operand {
                    Operand::Constant(value) => Some(value.clone()),
                    Operand::Path(is_whole, steps) => {
                        let start = if *is_whole { document } else { item };
                        follow(steps, start, document).first().map(|value| (*value).clone())
                    }
                };
                match test {
                    None => of(left).is_some(),
                    Some((operator, right)) => {
                        of(left).zip(of(right)).is_some_and(|(a, b)| compare(&a, operator, &b))
                    }
                }
            };
            items(value).iter().filter(holds).collect()
        }
    }
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::List(items) => items,
        _ => &[],
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::List(items) => items.iter().collect(),
        Value::Map(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

/// Counts from the end where the index is negative.
fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { index + length } else { index }).ok()
}

fn compare(a: &Value, operator: &str, b: &Value) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = match (a, b) {
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    };
    match operator {
        "==" => order == Some(Equal),
        "!=" => order.is_some_and(|order| order != Equal),
        "<" => order == Some(Less),
        "<=" => matches!(order, Some(Less | Equal)),
        ">" => order == Some(Greater),
        _ => matches!(order, Some(Greater | Equal)),
    }
}

/// Lists and maps are shown as JSON, everything else as Go prints it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Float(number) => format_float_g(*number),
        other => to_json(other).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::expand;

    /// The results are those of `helm show values CHART --jsonpath TEMPLATE`, Helm v4.2.4.
    #[test]
    fn templates_give_what_helm_gives() {
        let document =
            b"a: 1\nbig: 1e9\nf: 1.5\ns: a<b\nnul: null\nl: [1, two, {x: q}]\nm: {k: v, we.ird: 5, z: {}}\n";
        let document = wharf_yaml::from_yaml(document).unwrap();
        let cases = [
            (".a", ".a"),
            ("{.a}", "1"),
            ("{.big}", "1e+09"),
            ("{.f}", "1.5"),
            ("{.s}", "a<b"),
            ("{.nul}", "null"),
            ("{.l}", r#"[1,"two",{"x":"q"}]"#),
            ("{.l[0]}", "1"),
            ("{.l[*]}", r#"1 two {"x":"q"}"#),
            ("{.l[-1].x}", "q"),
            ("{.l[0:2]}", "1 two"),
            ("{.l[::2]}", r#"1 {"x":"q"}"#),
            ("{.l[0,1]}", "1 two"),
            ("{.l[5]}", ""),
            ("{.l[-4]}", ""),
            ("{.m}", r#"{"k":"v","we.ird":5,"z":{}}"#),
            ("{.m.*}", "v 5 {}"),
            ("{.m.nosuch}", ""),
            (r"{.m.we\.ird}", "5"),
            (r"{.m['we\.ird']}", "5"),
            ("{..k}", "v"),
            ("{['a','s']}", "1 a<b"),
            ("x{.a}y{.s}", "x1ya<b"),
            (r#"{range .l[*]}{@}{"\n"}{end}"#, "1\ntwo\n{\"x\":\"q\"}\n"),
            (r#"{"lit"}"#, "lit"),
            ("{1}{true}", "1true"),
            ("plain", "plain"),
            ("{.a.b}{.s.x}", ""),
        ];
        for (template, expected) in cases {
            assert_eq!(expand(template, &document).unwrap(), expected, "{template}");
        }
        for (template, problem) in [
            ("{.a", "unclosed action"),
            ("{", "unclosed action"),
            ("{.l[a]}", "invalid array index a"),
            ("{.m.k,.s}", "unrecognized character in action: U+002C ','"),
        ] {
            let error = expand(template, &document).unwrap_err().to_string();
            assert_eq!(error, format!("error parsing jsonpath {template}: {problem}"));
        }
    }

    /// Helm gives nothing here: it passes over its own errors about numbers and about keys that some items lack.
    #[test]
    fn filters_choose_items() {
        let document = wharf_yaml::from_yaml(b"l: [{x: q, v: 1}, {x: p, v: 2}, {v: 3}]\n").unwrap();
        for (template, expected) in [
            (r#"{.l[?(@.x=="q")].v}"#, "1"),
            ("{.l[?(@.v>1)].v}", "2 3"),
            ("{.l[?(@.x)].v}", "1 2"),
            ("{range .l[*]}[{.x},{.v}]{end}", "[q,1][p,2][,3]"),
        ] {
            assert_eq!(expand(template, &document).unwrap(), expected, "{template}");
        }
    }
}
