//! The "natural" order of map keys in go-yaml v2.

use crate::Value;

/// Which go-yaml writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V2,
    V3,
}

/// Sorts by natural order.
///
/// A merge sort of our own: the order is not always transitive, and the standard sort may panic on such orders.
pub(super) fn sort(entries: &mut Vec<(&str, &Value)>, version: Version) {
    if entries.len() < 2 {
        return;
    }
    let mut right = entries.split_off(entries.len() / 2);
    sort(entries, version);
    sort(&mut right, version);
    let left = std::mem::take(entries);
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let from = if less(b.0, a.0, version) { &mut right } else { &mut left };
        entries.extend(from.next());
    }
    entries.extend(left);
    entries.extend(right);
}

/// Whether `a` comes before `b`: letters after other characters, runs of digits by their number.
fn less(a: &str, b: &str, version: Version) -> bool {
    // One is the beginning of the other, or letters decide: nearly always.
    let Some((x, y)) = a.chars().zip(b.chars()).find(|(x, y)| x != y) else { return a.len() < b.len() };
    match (is_letter(x), is_letter(y)) {
        (true, true) => return x < y,
        (x_is_letter, y_is_letter) if x_is_letter != y_is_letter => {
            // Behind a digit, version 3 has letters first.
            let is_behind_digit = || {
                a.chars().zip(b.chars()).take_while(|(x, y)| x == y).last().is_some_and(|(x, _)| is_digit(x))
            };
            return if version == Version::V3 && is_behind_digit() { x_is_letter } else { y_is_letter };
        }
        _ => {}
    }
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let Some(at) = (0..a.len().min(b.len())).find(|&i| a[i] != b[i]) else { return a.len() < b.len() };
    // Zeros count as part of a number that has begun with another digit.
    let inside_number = (a[at] == '0' || b[at] == '0')
        && a[..at].iter().rev().take_while(|c| is_digit(**c)).any(|c| *c != '0');
    let (number_a, end_a) = number(&a, at, inside_number);
    let (number_b, end_b) = number(&b, at, inside_number);
    if number_a != number_b {
        return number_a < number_b;
    }
    if end_a != end_b {
        return end_a < end_b;
    }
    a[at] < b[at]
}

/// The number in the run of digits at `from`, and where the run ends; overflow wraps as in Go.
fn number(text: &[char], from: usize, inside: bool) -> (i64, usize) {
    let mut value = i64::from(inside);
    let mut at = from;
    while let Some(&digit) = text.get(at).filter(|c| is_digit(**c)) {
        value = value.wrapping_mul(10).wrapping_add(i64::from(u32::from(digit)) - i64::from(u32::from('0')));
        at += 1;
    }
    (value, at)
}

/// Go asks for category L; Rust's property also has letter-like marks and numbers, which are told apart here.
fn is_letter(c: char) -> bool {
    c.is_alphabetic() && !c.is_numeric()
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_compare_as_numbers_and_letters_come_last() {
        let keys = ["a10", "a2", "a", "b", "A", "a.b", "1", "10", "9", "_x", "a01", "a1", "ab"];
        let mut entries: Vec<(&str, &Value)> = keys.iter().map(|k| (*k, &Value::Null)).collect();
        sort(&mut entries, Version::V2);
        let sorted: Vec<&str> = entries.iter().map(|e| e.0).collect();
        assert_eq!(sorted, ["_x", "1", "9", "10", "A", "a", "a.b", "a1", "a01", "a2", "a10", "ab", "b"]);
    }
}
