//! Random texts and numbers, from the surroundings.

use std::rc::Rc;

use wharf_template::{FuncError, FunctionTable, Value};

use crate::args::{Add, Result, T, int, text};
use crate::surroundings::Surroundings;

/// How long random texts may be.
const MAX_LENGTH: i64 = 1 << 24;

pub(crate) fn add(table: &mut FunctionTable, surroundings: &Rc<dyn Surroundings>) {
    const DIGITS: &str = "0123456789";
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let ascii: String = (' '..='~').collect();
    let alphabets = [
        ("randNumeric", DIGITS.to_owned()),
        ("randAlpha", LETTERS.to_owned()),
        ("randAlphaNum", format!("{LETTERS}{DIGITS}")),
        ("randAscii", ascii),
    ];
    for (name, alphabet) in alphabets {
        let surroundings = Rc::clone(surroundings);
        table.with(name, &[T::Int], move |_, args| {
            let alphabet = alphabet.as_bytes();
            let length = length(int(&args[0]))?;
            let pick = |_| char::from(alphabet[below(&*surroundings, alphabet.len() as u64) as usize]);
            Ok((0..length).map(pick).collect::<String>().into())
        });
    }
    let source = Rc::clone(surroundings);
    table.with("shuffle", &[T::String], move |_, args| {
        let mut chars: Vec<char> = text(&args[0]).chars().collect();
        for at in (1..chars.len()).rev() {
            chars.swap(at, below(&*source, at as u64 + 1) as usize);
        }
        Ok(chars.into_iter().collect::<String>().into())
    });
    let source = Rc::clone(surroundings);
    table.with("randInt", &[T::Int, T::Int], move |_, args| {
        let (least, end) = (int(&args[0]), int(&args[1]));
        let range = end.wrapping_sub(least);
        if range <= 0 {
            return Err("invalid argument to Intn".into());
        }
        Ok(Value::int(least.wrapping_add(below(&*source, range.unsigned_abs()) as i64)))
    });
    let source = Rc::clone(surroundings);
    table.with("randBytes", &[T::Int], move |_, args| {
        let mut buffer = vec![0; length(int(&args[0]))?];
        source.fill_random(&mut buffer);
        Ok(data_encoding::BASE64.encode(&buffer).into())
    });
    let source = Rc::clone(surroundings);
    table.with("uuidv4", &[], move |_, _| {
        let mut bytes = [0; 16];
        source.fill_random(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = data_encoding::HEXLOWER.encode(&bytes);
        Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]).into())
    });
}

fn length(count: i64) -> Result<usize> {
    usize::try_from(count.clamp(0, MAX_LENGTH + 1))
        .ok()
        .filter(|_| count <= MAX_LENGTH)
        .ok_or_else(|| FuncError::Message(format!("length {count} is over the limit of {MAX_LENGTH}")))
}

/// Returns a random number below `end`, every one as likely as the others.
fn below(surroundings: &dyn Surroundings, end: u64) -> u64 {
    let zone = u64::MAX - u64::MAX % end;
    loop {
        let mut bytes = [0; 8];
        surroundings.fill_random(&mut bytes);
        let number = u64::from_le_bytes(bytes);
        if number < zone {
            return number % end;
        }
    }
}
