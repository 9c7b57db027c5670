use super::flags::Flags;
use super::float::format_float;
use super::quote::{can_backquote, quote_with, truncate_runes};
use crate::lexer::decode_rune;
use crate::value::{Kind, List, Map, MapElem, Object, Str, Value};

/// Widths and precisions beyond this are refused, as in Go.
const MAX_NUMBER: usize = 1_000_000;
/// A value nested deeper than this is cut.
const MAX_DEPTH: u32 = 200;

/// Prints values into a buffer by the rules of Go's `fmt`.
pub(super) struct Printer<'o> {
    out: &'o mut Vec<u8>,
    limit: usize,
    flags: Flags,
    /// A mismatch is being reported, so methods are not asked.
    erroring: bool,
}

impl<'o> Printer<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>, limit: usize) -> Self {
        Self { out, limit, flags: Flags::default(), erroring: false }
    }

    pub(super) fn write(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    fn write_char(&mut self, r: char) {
        self.out.extend_from_slice(r.encode_utf8(&mut [0; 4]).as_bytes());
    }

    pub(super) fn printf(&mut self, format: &[u8], args: &[Value]) {
        let mut state =
            Format { format, args, at: 0, arg: 0, reordered: false, good: true, after_index: false };
        while state.at < format.len() {
            state.good = true;
            let rest = &format[state.at..];
            let text = rest.iter().position(|byte| *byte == b'%').unwrap_or(rest.len());
            self.write(&rest[..text]);
            state.at += text;
            if state.at >= format.len() {
                break;
            }
            state.at += 1;
            self.flags = Flags::default();
            if !self.verb(&mut state) {
                break;
            }
            if self.out.len() > self.limit {
                return;
            }
        }
        if !state.reordered && state.arg < args.len() {
            self.flags = Flags::default();
            self.write(b"%!(EXTRA ");
            for (index, arg) in args[state.arg..].iter().enumerate() {
                if index > 0 {
                    self.write(b", ");
                }
                if arg.is_nil() {
                    self.write(b"<nil>");
                } else {
                    self.write(arg.type_name().as_bytes());
                    self.write(b"=");
                    self.print_arg(arg, 'v');
                }
            }
            self.write(b")");
        }
    }

    /// Takes one verb with its flags, and prints its argument. False at the end of the format.
    fn verb(&mut self, state: &mut Format<'_>) -> bool {
        let (format, args) = (state.format, state.args);
        while let Some(byte) = format.get(state.at) {
            match byte {
                b'#' => self.flags.sharp = true,
                b'0' => self.flags.zero = true,
                b'+' => self.flags.plus = true,
                b'-' => self.flags.minus = true,
                b' ' => self.flags.space = true,
                _ => break,
            }
            state.at += 1;
        }
        state.take_index();
        if state.eat(b'*') {
            match state.int_arg() {
                Some(width) => {
                    self.flags.width = Some(width.unsigned_abs());
                    if width < 0 {
                        self.flags.minus = true;
                        self.flags.zero = false;
                    }
                }
                None => self.write(b"%!(BADWIDTH)"),
            }
            state.after_index = false;
        } else {
            self.flags.width = state.number();
            if state.after_index && self.flags.width.is_some() {
                state.good = false;
            }
        }
        if state.at + 1 < format.len() && format[state.at] == b'.' {
            state.at += 1;
            if state.after_index {
                state.good = false;
            }
            state.take_index();
            if state.eat(b'*') {
                match state.int_arg().and_then(|precision| usize::try_from(precision).ok()) {
                    Some(precision) => self.flags.precision = Some(precision),
                    None => self.write(b"%!(BADPREC)"),
                }
                state.after_index = false;
            } else {
                self.flags.precision = Some(state.number().unwrap_or(0));
            }
        }
        if !state.after_index {
            state.take_index();
        }
        let Some((verb, width)) = decode_rune(&format[state.at..]) else {
            self.write(b"%!(NOVERB)");
            return false;
        };
        state.at += width;
        if verb == '%' {
            self.write(b"%");
        } else if !state.good {
            self.bang(verb, b"(BADINDEX)");
        } else if let Some(arg) = args.get(state.arg) {
            if matches!(verb, 'v' | 'w') {
                self.flags.sharp_v = std::mem::take(&mut self.flags.sharp);
                self.flags.plus_v = std::mem::take(&mut self.flags.plus);
            }
            self.print_arg(arg, verb);
            state.arg += 1;
        } else {
            self.bang(verb, b"(MISSING)");
        }
        state.after_index = false;
        true
    }

    fn bang(&mut self, verb: char, text: &[u8]) {
        self.write(b"%!");
        self.write_char(verb);
        self.write(text);
    }

    pub(super) fn print_arg(&mut self, arg: &Value, verb: char) {
        match (arg, verb) {
            (Value::Invalid | Value::Nil, 'T' | 'v') => self.flags.pad(self.out, b"<nil>"),
            (Value::Invalid | Value::Nil, _) => self.bad_verb(verb, None),
            (_, 'T') => self.text(arg.type_name().as_bytes()),
            (Value::Bytes(bytes), _) => self.bytes(bytes, verb),
            (_, 'p') | (Value::List(_) | Value::Map(_) | Value::Object(_), 'w') => {
                self.bad_verb(verb, Some(arg))
            }
            _ => self.value(arg, verb, 0),
        }
    }

    /// Prints a value inside another one; a nil is `<nil>` whatever the verb.
    fn nested(&mut self, value: &Value, verb: char, depth: u32) {
        if self.out.len() > self.limit {
            return;
        }
        if depth > MAX_DEPTH {
            self.write(b"...");
            return;
        }
        if value.is_nil() {
            self.write(if self.flags.sharp_v { b"interface {}(nil)" } else { b"<nil>" });
            return;
        }
        self.value(value, verb, depth);
    }

    fn value(&mut self, value: &Value, verb: char, depth: u32) {
        match value {
            Value::Invalid | Value::Nil => self.write(b"<nil>"),
            Value::Bool(flag) => match verb {
                't' | 'v' => self.flags.pad(self.out, if *flag { b"true" } else { b"false" }),
                _ => self.bad_verb(verb, Some(value)),
            },
            Value::Int(_, number) => self.integer(number.unsigned_abs(), *number < 0, true, verb, value),
            Value::Uint(_, number) => self.integer(*number, false, false, verb, value),
            Value::Float(number) => self.float(*number, verb, value),
            Value::Str(text) => self.string(text, verb, value),
            Value::Bytes(bytes) => self.bytes(bytes, verb),
            Value::List(list) => self.list(list, verb, depth),
            Value::Map(map) => self.map(map, verb, depth),
            Value::Object(object) => self.object(&**object, value, verb, depth),
        }
    }

    fn bad_verb(&mut self, verb: char, value: Option<&Value>) {
        self.erroring = true;
        self.write(b"%!");
        self.write_char(verb);
        self.write(b"(");
        match value {
            Some(value) => {
                self.write(value.type_name().as_bytes());
                self.write(b"=");
                self.print_arg(value, 'v');
            }
            None => self.write(b"<nil>"),
        }
        self.write(b")");
        self.erroring = false;
    }

    fn text(&mut self, text: &[u8]) {
        let text = self.truncated(text);
        self.flags.pad(self.out, text);
    }

    fn truncated<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        self.flags.precision.map_or(text, |precision| truncate_runes(text, precision))
    }

    fn string(&mut self, text: &[u8], verb: char, value: &Value) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' => self.text(text),
            'x' | 'X' => self.hex(text, verb == 'X'),
            'q' => self.quoted(text),
            _ => self.bad_verb(verb, Some(value)),
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        let text = self.truncated(text);
        if self.flags.sharp && can_backquote(text) {
            let quoted = [b"`", text, b"`"].concat();
            self.flags.pad(self.out, &quoted);
            return;
        }
        let quoted = quote_with(text, '"', self.flags.plus);
        self.flags.pad(self.out, quoted.as_bytes());
    }

    fn hex(&mut self, text: &[u8], upper: bool) {
        let length = self.flags.precision.map_or(text.len(), |precision| precision.min(text.len()));
        if length == 0 {
            let width = self.flags.width.unwrap_or(0);
            self.flags.padding(self.out, width);
            return;
        }
        let prefix: &[u8] = match (self.flags.sharp, upper) {
            (false, _) => b"",
            (true, false) => b"0x",
            (true, true) => b"0X",
        };
        let mut body = prefix.to_vec();
        for (index, byte) in text[..length].iter().enumerate() {
            if self.flags.space && index > 0 {
                body.push(b' ');
                body.extend_from_slice(prefix);
            }
            let digits = if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
            body.extend_from_slice(digits.as_bytes());
        }
        self.flags.pad(self.out, &body);
    }

    fn bytes(&mut self, bytes: &Str, verb: char) {
        match verb {
            's' => self.text(bytes),
            'x' | 'X' => self.hex(bytes, verb == 'X'),
            'q' => self.quoted(bytes),
            'v' if self.flags.sharp_v => {
                let items: Vec<String> = bytes.iter().map(|byte| format!("0x{byte:x}")).collect();
                let text = format!("[]byte{{{}}}", items.join(", "));
                self.write(text.as_bytes());
            }
            _ => {
                self.write(b"[");
                for (index, byte) in bytes.iter().enumerate() {
                    if index > 0 {
                        self.write(b" ");
                    }
                    let item = Value::Uint(crate::value::UintType::Uint8, u64::from(*byte));
                    self.value(&item, verb, 1);
                }
                self.write(b"]");
            }
        }
    }

    fn integer(&mut self, magnitude: u64, negative: bool, signed: bool, verb: char, value: &Value) {
        match verb {
            'v' if self.flags.sharp_v && !signed => {
                let sharp = std::mem::replace(&mut self.flags.sharp, true);
                self.digits(magnitude, negative, 16, 'v');
                self.flags.sharp = sharp;
            }
            'v' | 'd' => self.digits(magnitude, negative, 10, verb),
            'b' => self.digits(magnitude, negative, 2, verb),
            'o' | 'O' => self.digits(magnitude, negative, 8, verb),
            'x' | 'X' => self.digits(magnitude, negative, 16, verb),
            'c' | 'q' | 'U' => {
                let code = if negative { magnitude.wrapping_neg() } else { magnitude };
                let r =
                    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
                match verb {
                    'c' => self.flags.pad(self.out, r.encode_utf8(&mut [0; 4]).as_bytes()),
                    'q' => {
                        let quoted = quote_with(r.encode_utf8(&mut [0; 4]).as_bytes(), '\'', self.flags.plus);
                        self.flags.pad(self.out, quoted.as_bytes());
                    }
                    _ => self.unicode(code),
                }
            }
            _ => self.bad_verb(verb, Some(value)),
        }
    }

    /// `U+0041`, with `'A'` after it if the flag `#` asks for it.
    fn unicode(&mut self, code: u64) {
        let digits = self.flags.precision.unwrap_or(0).max(4);
        let mut text = format!("U+{code:0digits$X}");
        if self.flags.sharp
            && let Some(r) = u32::try_from(code).ok().and_then(char::from_u32)
            && super::is_print(r)
        {
            text.push_str(&format!(" '{r}'"));
        }
        self.flags.without_zero().pad(self.out, text.as_bytes());
    }

    fn digits(&mut self, magnitude: u64, negative: bool, base: u32, verb: char) {
        let flags = self.flags;
        let mut precision = 0;
        if let Some(wanted) = flags.precision {
            precision = wanted;
            if wanted == 0 && magnitude == 0 {
                flags.without_zero().padding(self.out, flags.width.unwrap_or(0));
                return;
            }
        } else if flags.zero
            && !flags.minus
            && let Some(width) = flags.width
        {
            precision = width.saturating_sub(usize::from(negative || flags.plus || flags.space));
        }
        let mut digits = match (base, verb) {
            (2, _) => format!("{magnitude:b}"),
            (8, _) => format!("{magnitude:o}"),
            (16, 'X') => format!("{magnitude:X}"),
            (16, _) => format!("{magnitude:x}"),
            _ => magnitude.to_string(),
        };
        if digits.len() < precision {
            digits.insert_str(0, &"0".repeat(precision - digits.len()));
        }
        let prefix = match (base, verb) {
            (_, 'O') if flags.sharp && !digits.starts_with('0') => "0o0",
            (_, 'O') => "0o",
            (2, _) if flags.sharp => "0b",
            (8, _) if flags.sharp && !digits.starts_with('0') => "0",
            (16, 'X') if flags.sharp => "0X",
            (16, _) if flags.sharp => "0x",
            _ => "",
        };
        let sign = match (negative, flags.plus, flags.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (.., true) => " ",
            _ => "",
        };
        flags.without_zero().pad(self.out, format!("{sign}{prefix}{digits}").as_bytes());
    }

    fn float(&mut self, number: f64, verb: char, value: &Value) {
        let (format, precision) = match verb {
            'v' => ('g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb, None),
            'f' | 'e' | 'E' => (verb, Some(6)),
            'F' => ('f', Some(6)),
            _ => return self.bad_verb(verb, Some(value)),
        };
        let flags = self.flags;
        let precision = flags.precision.or(precision);
        let text = format_float(number, format, precision);
        let (mut sign, mut body) = match text.strip_prefix('-') {
            Some(body) => ('-', body.to_owned()),
            None => ('+', text.strip_prefix('+').unwrap_or(&text).to_owned()),
        };
        if flags.space && sign == '+' && !flags.plus {
            sign = ' ';
        }
        if body.starts_with(['I', 'N']) {
            if !(body.starts_with('N') && !flags.space && !flags.plus)
                && (flags.plus || sign != '+' || body == "Inf")
            {
                // Infinity always shows its sign.
                body.insert(0, sign);
            }
            flags.without_zero().pad(self.out, body.as_bytes());
            return;
        }
        if flags.sharp && verb != 'b' {
            body = with_decimal_point(&body, format, precision);
        }
        if !flags.plus && sign == '+' {
            self.flags.pad(self.out, body.as_bytes());
            return;
        }
        let length = body.len() + 1;
        if flags.zero
            && !flags.minus
            && let Some(width) = flags.width.filter(|width| *width > length)
        {
            self.write_char(sign);
            flags.padding(self.out, width - length);
            self.write(body.as_bytes());
            return;
        }
        self.flags.pad(self.out, format!("{sign}{body}").as_bytes());
    }

    fn list(&mut self, list: &List, verb: char, depth: u32) {
        let sharp = self.flags.sharp_v;
        if sharp {
            self.write(list.ty().name.as_bytes());
        }
        self.write(if sharp { b"{" } else { b"[" });
        for (index, item) in list.items().iter().enumerate() {
            if index > 0 {
                self.write(if sharp { b", " } else { b" " });
            }
            self.nested(item, verb, depth + 1);
        }
        self.write(if sharp { b"}" } else { b"]" });
    }

    fn map(&mut self, map: &Map, verb: char, depth: u32) {
        let sharp = self.flags.sharp_v;
        if sharp {
            self.write(map.ty().name.as_bytes());
        }
        self.write(if sharp { b"{" } else { b"map[" });
        for (index, (key, item)) in map.borrow().iter().enumerate() {
            if index > 0 {
                self.write(if sharp { b", " } else { b" " });
            }
            self.string(key, verb, &Value::Str(key.clone()));
            self.write(b":");
            match (item, map.ty().elem) {
                (Value::Bytes(bytes), MapElem::Bytes) => self.bytes(bytes, verb),
                _ => self.nested(item, verb, depth + 1),
            }
        }
        self.write(if sharp { b"}" } else { b"]" });
    }

    fn object(&mut self, object: &dyn Object, value: &Value, verb: char, depth: u32) {
        if !self.erroring
            && !self.flags.sharp_v
            && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
            && let Some(text) = object.text()
        {
            self.string(text.as_bytes(), verb, value);
            return;
        }
        if object.kind() == Kind::Ptr {
            if depth > 0 {
                // An address, which no two runs share.
                self.write(b"0xc000000000");
                return;
            }
            self.write(b"&");
        }
        if self.flags.sharp_v {
            self.write(object.type_name().trim_start_matches('*').as_bytes());
        }
        self.write(b"{");
        for (index, (name, field)) in object.fields().iter().enumerate() {
            if index > 0 {
                self.write(if self.flags.sharp_v { b", " } else { b" " });
            }
            if self.flags.plus_v || self.flags.sharp_v {
                self.write(name.as_bytes());
                self.write(b":");
            }
            self.nested(field, verb, depth + 1);
        }
        self.write(b"}");
    }
}

/// The flag `#`: a decimal point always, and the zeros that `%g` drops.
fn with_decimal_point(body: &str, format: char, precision: Option<usize>) -> String {
    let is_hex = matches!(format, 'x' | 'X');
    let tail_at = body.find(if is_hex { ['p', 'P'] } else { ['e', 'E'] }).unwrap_or(body.len());
    let (mantissa, tail) = body.split_at(tail_at);
    let mut missing = match format {
        'g' | 'G' | 'x' => precision.map_or(6, |precision| i64::try_from(precision).unwrap_or(i64::MAX)),
        _ => 0,
    };
    let mut seen_nonzero = false;
    for c in mantissa.chars().filter(|c| *c != '.') {
        seen_nonzero |= c != '0';
        missing -= i64::from(seen_nonzero);
    }
    let mut text = mantissa.to_owned();
    if !text.contains('.') {
        if text == "0" {
            missing -= 1;
        }
        text.push('.');
    }
    text.push_str(&"0".repeat(usize::try_from(missing).unwrap_or(0)));
    text + tail
}

/// How far a format has been read.
struct Format<'f> {
    format: &'f [u8],
    args: &'f [Value],
    at: usize,
    arg: usize,
    reordered: bool,
    good: bool,
    after_index: bool,
}

impl Format<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.format.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn number(&mut self) -> Option<usize> {
        let digits = self.format[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let text = std::str::from_utf8(&self.format[self.at..self.at + digits]).ok()?;
        self.at += digits;
        text.parse().ok().filter(|number| *number <= MAX_NUMBER)
    }

    /// Takes an argument index such as `[2]`.
    fn take_index(&mut self) {
        self.after_index = false;
        let rest = &self.format[self.at..];
        if rest.first() != Some(&b'[') {
            return;
        }
        self.reordered = true;
        let Some(end) = rest.iter().position(|byte| *byte == b']').filter(|_| rest.len() >= 3) else {
            self.good = false;
            self.at += 1;
            return;
        };
        self.at += end + 1;
        let index = std::str::from_utf8(&rest[1..end]).ok().and_then(|text| text.parse::<usize>().ok());
        match index {
            Some(index) if (1..=self.args.len()).contains(&index) => {
                self.arg = index - 1;
                self.after_index = true;
            }
            Some(_) => {
                self.good = false;
                self.after_index = true;
            }
            None => self.good = false,
        }
    }

    /// Takes an argument that a `*` asks for.
    fn int_arg(&mut self) -> Option<isize> {
        let arg = self.args.get(self.arg)?;
        self.arg += 1;
        let number = match arg {
            Value::Int(_, number) => isize::try_from(*number).ok()?,
            Value::Uint(_, number) => isize::try_from(*number).ok()?,
            _ => return None,
        };
        Some(number).filter(|number| number.unsigned_abs() <= MAX_NUMBER)
    }
}
