//! Hostile documents are refused in good time.

use wharf_yaml::{ErrorKind, Limits, Reader, from_json, from_yaml};

#[test]
fn alias_bombs_are_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let items = vec![format!("*a{}", level - 1); 9].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    let error = from_yaml(text.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.to_string(), "yaml: document contains excessive aliasing");
}

#[test]
fn an_anchor_inside_itself_is_refused() {
    let error = from_yaml(b"a: &x [1, *x]\n").unwrap_err();
    assert_eq!(error.to_string(), "yaml: anchor 'x' value contains itself");
    assert_eq!((error.line(), error.column()), (Some(1), Some(11)));
}

#[test]
fn deep_nesting_is_refused_in_every_style() {
    for text in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(50_000), "? ".repeat(50_000)] {
        assert_eq!(from_yaml(text.as_bytes()).unwrap_err().kind(), ErrorKind::Limit, "{}", &text[..8]);
    }
    let deep: String = (0..3000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_eq!(from_yaml(deep.as_bytes()).unwrap_err().kind(), ErrorKind::Limit);
    assert!(from_json("[".repeat(100_000).as_bytes()).is_err());
}

#[test]
fn size_and_node_count_are_bounded() {
    let limits = Limits { max_bytes: 10, max_nodes: 3, ..Limits::default() };
    let reader = Reader::new().limits(limits);
    assert_eq!(reader.read(b"aaaaaaaaaaa").unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(reader.read(b"[1,2,3,4]").unwrap_err().kind(), ErrorKind::Limit);
    assert!(reader.read(b"[1,2]").is_ok());
}

#[test]
fn long_keys_and_long_lines_take_linear_time() {
    let text = format!("{}: {}\n", "k".repeat(1000), "[".repeat(400) + &"]".repeat(400));
    assert!(from_yaml(text.as_bytes()).is_ok());
    let text = format!("a: {}\n", "word ".repeat(200_000));
    assert!(from_yaml(text.as_bytes()).is_ok());
}
