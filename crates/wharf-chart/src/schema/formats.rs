//! What `format` means, as Helm's library has it.

use super::place::Address;
use crate::quote::Quoted;

/// Says what is wrong with a text.
pub(super) type Format = fn(&str) -> Result<(), String>;

/// Returns the check of that name; unknown names check nothing.
pub(super) fn named(name: &str) -> Option<Format> {
    Some(match name {
        "regex" => regex,
        "json-pointer" => json_pointer,
        "relative-json-pointer" => relative_json_pointer,
        "uuid" => uuid,
        "duration" => duration,
        "period" => period,
        "ipv4" => ipv4,
        "ipv6" => ipv6,
        "hostname" => hostname,
        "email" => email,
        "date" => date,
        "time" => time,
        "date-time" => date_time,
        "uri" | "iri" => uri,
        "uri-reference" | "iri-reference" => uri_reference,
        "uri-template" => uri_template,
        "semver" => semver,
        _ => return None,
    })
}

type Verdict = Result<(), String>;

fn refuse(words: &str) -> Verdict {
    Err(words.to_owned())
}

/// Shows a character as Go's `%q`.
fn character(c: char) -> String {
    match c {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        c => {
            let text = Quoted(&c.to_string()).to_string();
            format!("'{}'", &text[1..text.len() - 1])
        }
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn regex(text: &str) -> Verdict {
    wharf_regexp::compile(text).map(drop).map_err(|error| error.to_string())
}

fn json_pointer(text: &str) -> Verdict {
    if text.is_empty() {
        return Ok(());
    }
    let Some(body) = text.strip_prefix('/') else { return refuse("not starting with /") };
    let is_wrong = |token: &str| token.split('~').skip(1).any(|after| !after.starts_with(['0', '1']));
    if body.split('/').any(is_wrong) {
        return refuse("~ must be followed by 0 or 1");
    }
    Ok(())
}

fn relative_json_pointer(text: &str) -> Verdict {
    let count = digits(text);
    if count == 0 {
        return refuse("must start with non-negative integer");
    }
    if count > 1 && text.starts_with('0') {
        return refuse("starts with zero");
    }
    match &text[count..] {
        "#" => Ok(()),
        pointer => json_pointer(pointer),
    }
}

fn uuid(text: &str) -> Verdict {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = text.split('-').collect();
    if groups.len() != GROUPS.len() {
        return refuse("must have 5 elements");
    }
    for (at, (group, length)) in groups.iter().zip(GROUPS).enumerate() {
        if group.len() != length {
            return Err(format!("element {} must be {length} characters long", at + 1));
        }
        if let Some(c) = group.chars().find(|c| !c.is_ascii_hexdigit()) {
            return Err(format!("non-hex character {}", character(c)));
        }
    }
    Ok(())
}

fn duration(text: &str) -> Verdict {
    let Some(body) = text.strip_prefix('P') else { return refuse("must start with P") };
    if body.is_empty() {
        return refuse("nothing after P");
    }
    if let Some(weeks) = body.strip_suffix('W') {
        return match weeks {
            "" => refuse("no number in week"),
            weeks if digits(weeks) < weeks.len() => refuse("invalid week"),
            _ => Ok(()),
        };
    }
    const UNITS: [&str; 2] = ["YMD", "HMS"];
    for (at, mut part) in body.split('T').enumerate() {
        if at > 0 && part.is_empty() {
            return refuse("no time elements");
        }
        let Some(all) = UNITS.get(at) else { return refuse("more than one T") };
        let mut units = *all;
        while !part.is_empty() {
            let count = digits(part);
            if count == 0 {
                return refuse("missing number");
            }
            let Some(unit) = part.as_bytes().get(count).copied() else { return refuse("missing unit") };
            let shown = || character(char::from(unit));
            match units.bytes().position(|known| known == unit) {
                Some(place) => units = &units[place + 1..],
                None if all.bytes().any(|known| known == unit) => {
                    return Err(format!("unit {} out of order", shown()));
                }
                None => return Err(format!("invalid unit {}", shown())),
            }
            part = &part[count + 1..];
        }
    }
    Ok(())
}

fn period(text: &str) -> Verdict {
    let Some((start, end)) = text.split_once('/') else { return refuse("missing slash") };
    if start.starts_with('P') {
        duration(start).map_err(|problem| format!("invalid start duration: {problem}"))?;
        return date_time(end).map_err(|problem| format!("invalid end date-time: {problem}"));
    }
    date_time(start).map_err(|problem| format!("invalid start date-time: {problem}"))?;
    if end.starts_with('P') {
        return duration(end).map_err(|problem| format!("invalid end duration: {problem}"));
    }
    date_time(end).map_err(|problem| format!("invalid end date-time: {problem}"))
}

/// Reads a decimal number as Go's `strconv.Atoi`.
fn atoi(text: &str) -> Result<i64, String> {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let failed = |words: &str| Err(format!("strconv.Atoi: parsing {}: {words}", Quoted(text)));
    if body.is_empty() || digits(body) < body.len() {
        return failed("invalid syntax");
    }
    text.parse().or_else(|_| failed("value out of range"))
}

fn ipv4(text: &str) -> Verdict {
    let groups: Vec<&str> = text.split('.').collect();
    if groups.len() != 4 {
        return refuse("expected four decimals");
    }
    for group in groups {
        if group.len() > 1 && group.starts_with('0') {
            return refuse("leading zeros");
        }
        if !(0..=255).contains(&atoi(group)?) {
            return refuse("decimal must be between 0 and 255");
        }
    }
    Ok(())
}

fn ipv6(text: &str) -> Verdict {
    if !text.contains(':') {
        return refuse("missing colon");
    }
    ip_address(text)?;
    if text.contains('%') {
        return refuse("zone id is not a part of ipv6 address");
    }
    Ok(())
}

/// Reads an address with colons as Go's `netip.ParseAddr`.
pub(super) fn ip_address(text: &str) -> Verdict {
    // What an address is, is told by the first dot, colon or percent sign.
    match text.chars().find(|c| matches!(c, '.' | ':' | '%')) {
        Some('.') => {
            refuse_address(text, "unexpected character", text.find(':').map_or("", |at| &text[at..]))
        }
        Some('%') => refuse_address(text, "missing IPv6 address", ""),
        _ => ipv6_address(text),
    }
}

fn refuse_address(text: &str, words: &str, at: &str) -> Verdict {
    let place = if at.is_empty() { String::new() } else { format!(" (at {})", Quoted(at)) };
    Err(format!("ParseAddr({}): {words}{place}", Quoted(text)))
}

fn ipv6_address(text: &str) -> Verdict {
    let mut rest = text;
    if let Some((address, zone)) = text.split_once('%') {
        if zone.is_empty() {
            return refuse_address(text, "zone must be a non-empty string", "");
        }
        rest = address;
    }
    let mut has_gap = false;
    if let Some(after) = rest.strip_prefix("::") {
        has_gap = true;
        rest = after;
    }
    let mut bytes = 0;
    while bytes < 16 && !(has_gap && bytes == 0 && rest.is_empty()) {
        let count = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        if count > 4 {
            return refuse_address(text, "each group must have 4 or less digits", rest);
        }
        if count == 0 {
            return refuse_address(text, "each colon-separated field must have at least one digit", rest);
        }
        if rest[count..].starts_with('.') {
            if !has_gap && bytes != 12 {
                return refuse_address(
                    text,
                    "embedded IPv4 address must replace the final 2 fields of the address",
                    rest,
                );
            }
            if bytes + 4 > 16 {
                return refuse_address(
                    text,
                    "too many hex fields to fit an embedded IPv4 at the end of the address",
                    rest,
                );
            }
            embedded_ipv4(text, rest)?;
            bytes += 4;
            rest = "";
            break;
        }
        bytes += 2;
        rest = &rest[count..];
        if rest.is_empty() {
            break;
        }
        let Some(after) = rest.strip_prefix(':') else {
            return refuse_address(text, "unexpected character, want colon", rest);
        };
        if after.is_empty() {
            return refuse_address(text, "colon must be followed by more characters", rest);
        }
        rest = after;
        if let Some(after) = rest.strip_prefix(':') {
            if has_gap {
                return refuse_address(text, "multiple :: in address", rest);
            }
            has_gap = true;
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
    }
    if !rest.is_empty() {
        return refuse_address(text, "trailing garbage after address", rest);
    }
    if bytes < 16 && !has_gap {
        return refuse_address(text, "address string too short", "");
    }
    if bytes == 16 && has_gap {
        return refuse_address(text, "the :: must expand to at least one field of zeros", "");
    }
    Ok(())
}

/// The IPv4 address at the end of an IPv6 address.
fn embedded_ipv4(text: &str, part: &str) -> Verdict {
    let (mut value, mut length, mut fields) = (0u32, 0, 0);
    for (at, c) in part.char_indices() {
        match c {
            '0'..='9' => {
                if length == 1 && value == 0 {
                    return refuse_address(text, "IPv4 field has octet with leading zero", "");
                }
                value = value * 10 + (u32::from(c) - u32::from('0'));
                length += 1;
                if value > 255 {
                    return refuse_address(text, "IPv4 field has value >255", "");
                }
            }
            '.' => {
                if at == 0 || length == 0 || at == part.len() - 1 {
                    return refuse_address(text, "IPv4 field must have at least one digit", &part[at..]);
                }
                if fields == 3 {
                    return refuse_address(text, "IPv4 address too long", "");
                }
                (value, length, fields) = (0, 0, fields + 1);
            }
            _ => return refuse_address(text, "unexpected character", &part[at..]),
        }
    }
    if fields < 3 {
        return refuse_address(text, "IPv4 address too short", "");
    }
    Ok(())
}

fn hostname(text: &str) -> Verdict {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.len() > 253 {
        return refuse("more than 253 characters long");
    }
    for label in text.split('.') {
        if label.is_empty() || label.len() > 63 {
            return refuse("label must be 1 to 63 characters long");
        }
        if label.starts_with('-') {
            return refuse("label starts with hyphen");
        }
        if label.ends_with('-') {
            return refuse("label ends with hyphen");
        }
        if let Some(c) = label.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
            return Err(format!("invalid character {}", character(c)));
        }
    }
    Ok(())
}

fn email(text: &str) -> Verdict {
    if text.len() > 254 {
        return refuse("more than 255 characters long");
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return refuse("missing @") };
    if local.len() > 64 {
        return refuse("local part more than 64 characters long");
    }
    if local.len() > 1 && local.starts_with('"') {
        // The library takes the last character for a quote, whatever it is.
        if local.bytes().skip(1).take(local.len() - 2).any(|byte| matches!(byte, b'\\' | b'"')) {
            return refuse("backslash and quote are not allowed within quoted local part");
        }
    } else {
        if local.starts_with('.') {
            return refuse("starts with dot");
        }
        if local.ends_with('.') {
            return refuse("ends with dot");
        }
        if local.contains("..") {
            return refuse("consecutive dots");
        }
        let fits = |c: &char| c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(*c);
        if let Some(c) = local.chars().find(|c| !fits(c)) {
            return Err(format!("invalid character {}", character(c)));
        }
    }
    if let Some(inside) = domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']')) {
        if let Some(address) = inside.strip_prefix("IPv6:") {
            return ipv6(address).map_err(|problem| format!("invalid ipv6 address: {problem}"));
        }
        return ipv4(inside).map_err(|problem| format!("invalid ipv4 address: {problem}"));
    }
    hostname(domain).map_err(|problem| format!("invalid domain: {problem}"))
}

/// Reads `2006-01-02` as Go's `time.Parse`.
fn date(text: &str) -> Verdict {
    let failed = |rest: &str, element: &str| {
        Err(format!(
            "parsing time {} as \"2006-01-02\": cannot parse {} as {}",
            Quoted(text),
            Quoted(rest),
            Quoted(element)
        ))
    };
    let range = |what: &str| Err(format!("parsing time {}: {what} out of range", Quoted(text)));
    let year = text.as_bytes().get(..4).filter(|year| year.iter().all(u8::is_ascii_digit));
    let Some(year) = year.and_then(|_| text[..4].parse::<u32>().ok()) else { return failed(text, "2006") };
    let mut rest = &text[4..];
    let (mut month, mut day) = (0, 0);
    for (element, target) in [("01", &mut month), ("02", &mut day)] {
        let Some(after) = rest.strip_prefix('-') else { return failed(rest, "-") };
        if digits(after) < 2 {
            return failed(after, element);
        }
        *target = after[..2].parse::<u32>().unwrap_or_default();
        rest = &after[2..];
        if element == "01" && !(1..=12).contains(target) {
            return range("month");
        }
    }
    if !rest.is_empty() {
        return Err(format!("parsing time {}: extra text: {}", Quoted(text), Quoted(rest)));
    }
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=last).contains(&day) {
        return range("day");
    }
    Ok(())
}

fn time(text: &str) -> Verdict {
    if text.len() < 9 {
        return refuse("less than 9 characters long");
    }
    let bytes = text.as_bytes();
    if bytes[2] != b':' || bytes[5] != b':' {
        return refuse("missing colon in correct place");
    }
    let Some(clock) = text.get(..8) else { return refuse("invalid hour/min/sec") };
    let mut parts = [0; 3];
    for (part, token) in parts.iter_mut().zip(clock.splitn(3, ':')) {
        let Ok(number) = atoi(token) else { return refuse("invalid hour/min/sec") };
        if number < 0 {
            return refuse("non-positive hour/min/sec");
        }
        *part = number;
    }
    let [mut hour, mut minute, second] = parts;
    if hour > 23 || minute > 59 || second > 60 {
        return refuse("hour/min/sec out of range");
    }
    let mut rest = &text[8..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = digits(fraction);
        if count == 0 {
            return refuse("no digits in second fraction");
        }
        rest = &fraction[count..];
    }
    if rest != "z" && rest != "Z" {
        if rest.len() != 6 {
            return refuse("offset must be 6 characters long");
        }
        let sign = match rest.as_bytes()[0] {
            b'+' => -1,
            b'-' => 1,
            _ => return refuse("offset must begin with plus/minus"),
        };
        if rest.as_bytes()[3] != b':' {
            return refuse("missing colon in offset in correct place");
        }
        let mut offset = [0; 2];
        for (part, token) in offset.iter_mut().zip(rest[1..].splitn(2, ':')) {
            let Ok(number) = atoi(token) else { return refuse("invalid hour/min in offset") };
            if number < 0 {
                return refuse("non-positive hour/min in offset");
            }
            *part = number;
        }
        if offset[0] > 23 || offset[1] > 59 {
            return refuse("hour/min in offset out of range");
        }
        let mut minutes = hour * 60 + minute + sign * (offset[0] * 60 + offset[1]);
        if minutes < 0 {
            minutes += 24 * 60;
        }
        (hour, minute) = (minutes / 60, minutes % 60);
    }
    if second >= 60 && (hour != 23 || minute != 59) {
        return refuse("invalid leap second");
    }
    Ok(())
}

fn date_time(text: &str) -> Verdict {
    if text.len() < 20 {
        return refuse("less than 20 characters long");
    }
    if !matches!(text.as_bytes()[10], b't' | b'T') {
        return refuse("11th character must be t or T");
    }
    date(&text[..10]).map_err(|problem| format!("invalid date element: {problem}"))?;
    time(&text[11..]).map_err(|problem| format!("invalid time element: {problem}"))
}

fn uri(text: &str) -> Verdict {
    if Address::parse(text)?.scheme.is_empty() { refuse("relative url") } else { Ok(()) }
}

fn uri_reference(text: &str) -> Verdict {
    if text.contains('\\') {
        return refuse("contains \\");
    }
    Address::parse(text).map(drop)
}

fn uri_template(text: &str) -> Verdict {
    let path = Address::parse(text)?.path;
    for part in path.split('/') {
        let mut is_open = false;
        for c in part.chars().filter(|c| matches!(c, '{' | '}')) {
            if (c == '{') == is_open {
                return refuse("nested curly braces");
            }
            is_open = !is_open;
        }
        if is_open {
            return refuse("no matching closing brace");
        }
    }
    Ok(())
}

fn semver(text: &str) -> Verdict {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut rest = text;
    if let Some((before, build)) = rest.split_once('+') {
        if build.is_empty() {
            return refuse("build is empty");
        }
        for part in build.split('.') {
            if part.is_empty() {
                return refuse("build identifier is empty");
            }
            if let Some(c) = part.chars().find(|c| !is_word(*c)) {
                return Err(format!("invalid character {} in build identifier", character(c)));
            }
        }
        rest = before;
    }
    if let Some((before, early)) = rest.split_once('-') {
        for part in early.split('.') {
            if part.is_empty() {
                return refuse("pre-release identifier is empty");
            }
            if let Some(c) = part.chars().find(|c| !is_word(*c)) {
                return Err(format!("invalid character {} in pre-release identifier", character(c)));
            }
            if part.len() > 1 && part.starts_with('0') && digits(part) == part.len() {
                return refuse("pre-release numeric identifier starts with zero");
            }
        }
        rest = before;
    }
    let parts: Vec<&str> = rest.split('.').collect();
    if parts.len() != 3 {
        return refuse("versionCore must have 3 numbers separated by dot");
    }
    for (part, name) in parts.iter().zip(["major", "minor", "patch"]) {
        if part.is_empty() {
            return Err(format!("{name} is empty"));
        }
        if part.len() > 1 && part.starts_with('0') {
            return Err(format!("{name} starts with zero"));
        }
        if digits(part) < part.len() {
            return Err(format!("{name} contains non-digit"));
        }
    }
    Ok(())
}
