use crate::numbers::{parse_float, parse_int, parse_uint};
use crate::parser::quoted;

/// A numeric constant, which may be several kinds of number at once until its use decides.
#[derive(Debug)]
pub(crate) struct Number {
    pub(crate) text: Box<str>,
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    /// An imaginary part was written; such constants are recognised but cannot be used.
    pub(crate) is_complex: bool,
}

impl Number {
    /// Parses the text of a character constant.
    pub(crate) fn from_char(text: &str) -> Result<Self, String> {
        let (code, rest) = quoted::unquote_char(&text.as_bytes()[1..], b'\'').ok_or("invalid syntax")?;
        if rest != b"'" {
            return Err(format!("malformed character constant: {text}"));
        }
        let int = i64::from(code);
        Ok(Self {
            text: text.into(),
            int: Some(int),
            uint: Some(u64::from(code)),
            float: Some(f64::from(code)),
            is_complex: false,
        })
    }

    /// Parses the text of a number.
    pub(crate) fn parse(text: &str, is_complex: bool) -> Result<Self, String> {
        let mut number = Self { text: text.into(), int: None, uint: None, float: None, is_complex: false };
        if is_complex || text.strip_suffix('i').is_some_and(|real| parse_float(real).is_ok()) {
            number.is_complex = true;
            return Ok(number);
        }
        number.uint = parse_uint(text, 0).ok();
        number.int = parse_int(text, 0).ok();
        if number.int == Some(0) {
            number.uint = Some(0);
        }
        if let Some(int) = number.int {
            #[expect(clippy::cast_precision_loss, reason = "Go converts the same way")]
            let float = int as f64;
            number.float = Some(float);
        } else if let Some(uint) = number.uint {
            #[expect(clippy::cast_precision_loss, reason = "Go converts the same way")]
            let float = uint as f64;
            number.float = Some(float);
        } else if let Ok(float) = parse_float(text) {
            if !text.contains(['.', 'e', 'E', 'p', 'P']) {
                return Err(format!("integer overflow: {}", crate::printf::quote(text.as_bytes())));
            }
            number.float = Some(float);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked by converting back"
            )]
            #[expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "checked by converting back")]
            {
                number.int = Some(float as i64).filter(|int| *int as f64 == float && float < 9.3e18);
                number.uint = Some(float as u64).filter(|uint| *uint as f64 == float && float < 1.9e19);
            }
        }
        if number.float.is_none() {
            return Err(format!("illegal number syntax: {}", crate::printf::quote(text.as_bytes())));
        }
        Ok(number)
    }

    /// Returns the float if the constant is written as one.
    pub(crate) fn written_as_float(&self) -> Option<f64> {
        let text = self.text.as_bytes();
        let is_hex_int = text.len() > 2
            && text[0] == b'0'
            && matches!(text[1], b'x' | b'X')
            && !text.iter().any(|byte| matches!(byte, b'p' | b'P'));
        let is_rune = text.first() == Some(&b'\'');
        let looks_like_float = text.iter().any(|byte| b".eEpP".contains(byte));
        self.float.filter(|_| !is_hex_int && !is_rune && looks_like_float)
    }
}
