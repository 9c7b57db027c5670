use wharf_template::Value;

/// How deep two values are compared; deeper parts count as different.
const MAX_DEPTH: u32 = 500;

/// Compares as Go's `reflect.DeepEqual`: types count, so the `int` 1 is not the `int64` 1.
pub(crate) fn deep_equal(first: &Value, second: &Value) -> bool {
    equal(first, second, 0)
}

fn equal(first: &Value, second: &Value, depth: u32) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    match (first, second) {
        (Value::Invalid | Value::Nil, Value::Invalid | Value::Nil) => true,
        (Value::Bool(first), Value::Bool(second)) => first == second,
        (Value::Int(first_type, first), Value::Int(second_type, second)) => {
            first_type == second_type && first == second
        }
        (Value::Uint(first_type, first), Value::Uint(second_type, second)) => {
            first_type == second_type && first == second
        }
        (Value::Float(first), Value::Float(second)) => first == second,
        (Value::Str(first), Value::Str(second)) | (Value::Bytes(first), Value::Bytes(second)) => {
            first == second
        }
        (Value::List(first), Value::List(second)) => {
            first.ty().name == second.ty().name
                && first.items().len() == second.items().len()
                && first
                    .items()
                    .iter()
                    .zip(second.items())
                    .all(|(first, second)| equal(first, second, depth + 1))
        }
        (Value::Map(first), Value::Map(second)) => {
            first.ty().name == second.ty().name
                && (first.is_same(second)
                    || first.len() == second.len()
                        && first.borrow().iter().all(|(key, value)| {
                            second.borrow().get(key).is_some_and(|other| equal(value, other, depth + 1))
                        }))
        }
        (Value::Object(first), Value::Object(second)) => {
            std::rc::Rc::ptr_eq(first, second)
                || first.type_name() == second.type_name()
                    && first.text().is_some()
                    && first.text() == second.text()
        }
        _ => false,
    }
}
