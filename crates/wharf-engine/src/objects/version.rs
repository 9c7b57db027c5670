//! `semver` and `semverCompare`, and the version objects that the first one makes.

use std::any::Any;
use std::rc::Rc;

use wharf_chart::semver::{Constraint, Version};
use wharf_template::{Call, FuncError, Function, FunctionTable, Kind, Method, Object, Type, UintType, Value};

const TYPE_NAME: &str = "*semver.Version";

/// Adds the functions to a table.
pub(crate) fn add_functions(table: &mut FunctionTable) {
    table.add(Function::new("semverCompare", &[Type::String, Type::String], false, |_, args| {
        let constraint = Constraint::parse(&args[0].to_string()).map_err(|error| error.to_string())?;
        let version = Version::parse(&args[1].to_string()).map_err(|error| error.to_string())?;
        Ok(constraint.matches(&version).into())
    }));
    table.add(Function::new("semver", &[Type::String], false, |_, args| {
        let version = Version::parse(&args[0].to_string()).map_err(|error| error.to_string())?;
        Ok(Value::Object(Rc::new(Parsed(version))))
    }));
}

#[derive(Debug)]
struct Parsed(Version);

impl Object for Parsed {
    fn type_name(&self) -> &'static str {
        TYPE_NAME
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn methods(&self) -> &'static [Method] {
        METHODS
    }

    fn text(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

type Code = fn(&mut Call<'_>, &Value, &[Value]) -> Result<Value, FuncError>;

const fn method(name: &'static str, params: &'static [Type], call: Code) -> Method {
    Method { name, params, variadic: false, call }
}

fn version(value: &Value) -> Result<&Version, FuncError> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref::<Parsed>().map(|parsed| &parsed.0),
        _ => None,
    }
    .ok_or_else(|| "not a version".into())
}

fn changed(major: u64, minor: u64, patch: u64) -> Result<Value, FuncError> {
    let version = Version::parse(&format!("{major}.{minor}.{patch}")).map_err(|error| error.to_string())?;
    Ok(Value::Object(Rc::new(Parsed(version))))
}

const OTHER: &[Type] = &[Type::Object(TYPE_NAME)];

static METHODS: &[Method] = &[
    method("Major", &[], |_, value, _| Ok(Value::Uint(UintType::Uint64, version(value)?.major))),
    method("Minor", &[], |_, value, _| Ok(Value::Uint(UintType::Uint64, version(value)?.minor))),
    method("Patch", &[], |_, value, _| Ok(Value::Uint(UintType::Uint64, version(value)?.patch))),
    method("Prerelease", &[], |_, value, _| Ok(version(value)?.prerelease().into())),
    method("Metadata", &[], |_, value, _| Ok(version(value)?.metadata().into())),
    method("Original", &[], |_, value, _| Ok(version(value)?.original().into())),
    method("String", &[], |_, value, _| Ok(version(value)?.to_string().into())),
    method("Compare", OTHER, |_, value, args| Ok(Value::int(version(value)?.cmp(version(&args[0])?) as i64))),
    method("Equal", OTHER, |_, value, args| Ok(version(value)?.cmp(version(&args[0])?).is_eq().into())),
    method("LessThan", OTHER, |_, value, args| Ok(version(value)?.cmp(version(&args[0])?).is_lt().into())),
    method("GreaterThan", OTHER, |_, value, args| Ok(version(value)?.cmp(version(&args[0])?).is_gt().into())),
    method("LessThanEqual", OTHER, |_, value, args| {
        Ok(version(value)?.cmp(version(&args[0])?).is_le().into())
    }),
    method("GreaterThanEqual", OTHER, |_, value, args| {
        Ok(version(value)?.cmp(version(&args[0])?).is_ge().into())
    }),
    method("IncMajor", &[], |_, value, _| changed(version(value)?.major + 1, 0, 0)),
    method("IncMinor", &[], |_, value, _| changed(version(value)?.major, version(value)?.minor + 1, 0)),
    method("IncPatch", &[], |_, value, _| {
        let version = version(value)?;
        let step = u64::from(version.prerelease().is_empty());
        changed(version.major, version.minor, version.patch + step)
    }),
];
