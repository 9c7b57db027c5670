//! Calls: arguments are evaluated against the types of the parameters, as Go does by reflection.

use super::Call;
use super::walk::{Dot, Frame, Result};
use crate::error::FuncError;
use crate::function::{Body, FuncId, Type};
use crate::parser::ast::{NodeRef, Operand, OperandKind};
use crate::value::{MapType, Method, Value};

/// What is called, apart from its code.
#[derive(Clone, Copy)]
struct Callee<'c> {
    name: &'c str,
    params: &'static [Type],
    variadic: bool,
}

impl<'t> Frame<'_, 't> {
    pub(super) fn call_function(
        &mut self,
        dot: Dot<'_>,
        id: FuncId,
        node: NodeRef<'t>,
        args: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value> {
        let set = self.set;
        let function = set.functions().function(id);
        let name = function.name;
        let callee = Callee { name, params: function.params, variadic: function.variadic };
        let code = match &function.body {
            Body::Code(code) => code,
            Body::And => return self.and_or(dot, callee, args, last, false),
            Body::Or => return self.and_or(dot, callee, args, last, true),
        };
        let values = self.arguments(dot, callee, args, last)?;
        if name == "call" {
            // No value in these templates is a function, so calling one can only fail.
            let target =
                args.first().map_or_else(|| values[0].to_string().into_bytes(), |operand| self.text(operand));
            let message = match &values[0] {
                value if value.is_nil() => "call of nil".to_owned(),
                value => {
                    format!("non-function {} of type {}", String::from_utf8_lossy(&target), value.type_name())
                }
            };
            self.node = Some(node);
            return Err(self.error(format!("error calling call: {message}")));
        }
        let file = &*self.file.name;
        self.check_stack()?;
        let result = code(&mut Call { runtime: self.runtime, set, file }, &values);
        self.finish(result, name, node)
    }

    pub(super) fn call_method(
        &mut self,
        dot: Dot<'_>,
        method: &'static Method,
        receiver: &Value,
        node: NodeRef<'t>,
        args: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Value> {
        let callee = Callee { name: method.name, params: method.params, variadic: method.variadic };
        let values = self.arguments(dot, callee, args, last)?;
        let file = &*self.file.name;
        let result =
            (method.call)(&mut Call { runtime: self.runtime, set: self.set, file }, receiver, &values);
        self.finish(result, method.name, node)
    }

    fn finish(&mut self, result: Result<Value, FuncError>, name: &str, node: NodeRef<'t>) -> Result<Value> {
        let error = match result {
            Ok(Value::Str(text)) if text.len() > self.runtime.limits.max_bytes => {
                FuncError::Message(format!(
                    "result of {} bytes is over the limit of {} bytes",
                    text.len(),
                    self.runtime.limits.max_bytes
                ))
            }
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        self.node = Some(node);
        Err(self.error_with(format!("error calling {name}: "), Some(error)))
    }

    fn arguments(
        &mut self,
        dot: Dot<'_>,
        callee: Callee<'_>,
        args: &'t [Operand],
        last: Option<Value>,
    ) -> Result<Vec<Value>> {
        self.check_count(callee, args, last.as_ref())?;
        let Callee { params, variadic, .. } = callee;
        let type_at = |index: usize| {
            // The check of the count leaves only variadic functions with more arguments than parameters.
            params.get(index).or_else(|| params.last().filter(|_| variadic)).copied().unwrap_or(Type::Any)
        };
        let mut values = Vec::with_capacity(args.len() + 1);
        for (index, operand) in args.iter().enumerate() {
            let value = self.argument(dot, Some(type_at(index)), operand)?;
            values.push(value);
        }
        if let Some(last) = last {
            let value = self.validate(last, type_at(values.len()))?;
            values.push(value);
        }
        Ok(values)
    }

    fn check_count(&self, callee: Callee<'_>, args: &[Operand], last: Option<&Value>) -> Result<()> {
        let Callee { name, params, variadic } = callee;
        let count = args.len() + usize::from(last.is_some());
        if variadic {
            let fixed = params.len() - 1;
            if count < fixed {
                let got = args.len();
                return Err(
                    self.error(format!("wrong number of args for {name}: want at least {fixed} got {got}"))
                );
            }
        } else if count != params.len() {
            let want = params.len();
            return Err(self.error(format!("wrong number of args for {name}: want {want} got {count}")));
        }
        Ok(())
    }

    /// `and` and `or` return the operand that decides and do not evaluate those after it.
    fn and_or(
        &mut self,
        dot: Dot<'_>,
        callee: Callee<'_>,
        args: &'t [Operand],
        last: Option<Value>,
        decides: bool,
    ) -> Result<Value> {
        self.check_count(callee, args, last.as_ref())?;
        let mut value = Value::Invalid;
        for operand in args {
            value = self.argument(dot, Some(Type::Reflect), operand)?;
            if value.is_true() == decides {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    /// Evaluates one argument for a parameter of the given type; without a type, as the start of a chain.
    pub(super) fn argument(&mut self, dot: Dot<'_>, ty: Option<Type>, operand: &'t Operand) -> Result<Value> {
        self.node = Some(NodeRef::Operand(operand));
        let value = match &operand.kind {
            OperandKind::Dot => dot.value.clone(),
            OperandKind::Nil => {
                let ty = ty.unwrap_or(Type::Any);
                if ty.can_be_nil() {
                    return Ok(ty.zero());
                }
                return Err(self.error(format!("cannot assign nil to {}", ty.name())));
            }
            OperandKind::Field(names) => {
                self.field_chain(dot, dot.value.clone(), dot.is_interface, operand, *names, &[], None)?
            }
            OperandKind::Variable(variable, names) => {
                self.variable(dot, operand, variable, *names, &[], None)?
            }
            OperandKind::Pipe(pipe) => self.pipeline(dot, pipe)?,
            OperandKind::Function(_, id) => {
                self.call_function(dot, *id, NodeRef::Operand(operand), &[], None)?
            }
            OperandKind::Chain(inner, names) => {
                self.chain(dot, operand, self.file.operand(*inner), *names, &[], None)?
            }
            OperandKind::Bool(_) | OperandKind::Number(_) | OperandKind::String { .. } => {
                return self.typed_constant(ty.unwrap_or(Type::Any), operand);
            }
        };
        match ty {
            Some(ty) => self.validate(value, ty),
            None => Ok(value),
        }
    }

    fn typed_constant(&mut self, ty: Type, operand: &'t Operand) -> Result<Value> {
        let (value, wanted) = match (ty, &operand.kind) {
            (Type::Any | Type::Reflect, _) => return self.constant(operand),
            (Type::Bool, OperandKind::Bool(value)) => (Some(Value::Bool(*value)), "bool"),
            (Type::String, OperandKind::String { text, .. }) => (Some(Value::Str(text.clone())), "string"),
            (Type::Int, OperandKind::Number(number)) => (number.int.map(Value::int), "integer"),
            (Type::Int64, OperandKind::Number(number)) => (number.int.map(Value::int64), "integer"),
            (Type::Float64, OperandKind::Number(number)) => (number.float.map(Value::Float), "float"),
            (Type::Bool, _) => (None, "bool"),
            (Type::String, _) => (None, "string"),
            (Type::Int | Type::Int64, _) => (None, "integer"),
            (Type::Float64, _) => (None, "float"),
            _ => {
                let text = String::from_utf8_lossy(&self.text(operand)).into_owned();
                return Err(self.error(format!("can't handle {text} for arg of type {}", ty.name())));
            }
        };
        value.ok_or_else(|| {
            self.error(format!("expected {wanted}; found {}", String::from_utf8_lossy(&self.text(operand))))
        })
    }

    /// Checks that a value can be passed for a parameter.
    fn validate(&self, value: Value, ty: Type) -> Result<Value> {
        match value {
            Value::Invalid if ty.can_be_nil() => Ok(ty.zero()),
            Value::Invalid => Err(self.error(format!("invalid value; expected {}", ty.name()))),
            Value::Nil if matches!(ty, Type::Any | Type::Reflect) => Ok(Value::Nil),
            Value::Nil => {
                Err(self.error(format!("wrong type for value; expected {}; got interface {{}}", ty.name())))
            }
            // A named map type becomes the plain one on the way in.
            Value::Map(map) if ty == Type::AnyMap && ty.accepts(&Value::Map(map.clone())) => {
                Ok(Value::Map(map.with_type(MapType::ANY)))
            }
            value if ty.accepts(&value) => Ok(value),
            value => {
                let got = value.type_name();
                Err(self.error(format!("wrong type for value; expected {}; got {got}", ty.name())))
            }
        }
    }
}
