use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::error::ParseError;
use crate::function::{FunctionNames, FunctionTable};
use crate::parser::Draft;
use crate::parser::ast::Tree;
use crate::value::Str;

/// Templates that can call each other, and the functions that they can call.
///
/// A child set sees the templates of its parent and hides them with its own; the parent does not see
/// the child's. That is what `tpl` needs, and costs nothing for the templates already there.
#[derive(Clone, Debug)]
pub struct TemplateSet(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    functions: Rc<FunctionTable>,
    parent: Option<TemplateSet>,
    trees: RefCell<HashMap<Str, Arc<Tree>>>,
}

impl TemplateSet {
    /// Makes an empty set.
    pub fn new(functions: Rc<FunctionTable>) -> Self {
        Self(Rc::new(Inner { functions, parent: None, trees: RefCell::default() }))
    }

    /// Makes an empty set that also sees the templates of this one.
    #[must_use]
    pub fn child(&self) -> Self {
        let functions = Rc::clone(&self.0.functions);
        Self(Rc::new(Inner { functions, parent: Some(self.clone()), trees: RefCell::default() }))
    }

    /// Parses a file and adds all templates that it defines. A definition with nothing but white
    /// space does not replace one that is there.
    ///
    /// # Errors
    /// Fails with Go's message when the text does not parse; then nothing is added.
    pub fn parse(&self, name: &str, text: &[u8]) -> Result<(), ParseError> {
        self.add(&Parsed::new(name, text, &self.0.functions.function_names())?);
        Ok(())
    }

    /// Adds the templates of a file parsed before with the same table of functions.
    pub fn add(&self, parsed: &Parsed) {
        let mut trees = self.0.trees.borrow_mut();
        for (name, tree) in parsed.trees.iter() {
            let replaces = !tree.is_empty || !(trees.contains_key(name) || self.inherited(name).is_some());
            if replaces {
                trees.insert(name.clone(), Arc::clone(tree));
            }
        }
    }

    /// Reports whether there is a template of this name.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.find(name).is_some()
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<Arc<Tree>> {
        let own = self.0.trees.borrow().get(name).cloned();
        own.or_else(|| self.inherited(name))
    }

    /// Returns the functions that templates of this set can call.
    pub fn functions(&self) -> &Rc<FunctionTable> {
        &self.0.functions
    }

    fn inherited(&self, name: &[u8]) -> Option<Arc<Tree>> {
        self.0.parent.as_ref()?.find(name)
    }
}

/// The templates of one file, parsed, to be added to any number of sets.
#[derive(Clone, Debug)]
pub struct Parsed {
    trees: Arc<HashMap<Str, Arc<Tree>>>,
    main: Arc<Tree>,
}

impl Parsed {
    /// Parses a file.
    ///
    /// # Errors
    /// Fails with Go's message when the text does not parse.
    pub fn new(
        name: &str,
        text: impl Into<Arc<[u8]>>,
        functions: &FunctionNames,
    ) -> Result<Self, ParseError> {
        Self::of(name, Draft::new(name, text, functions)?)
    }

    /// Gives a draft its name.
    ///
    /// # Errors
    /// Fails with Go's message when the draft defines a template of that name besides itself.
    pub fn of(name: &str, draft: Draft) -> Result<Self, ParseError> {
        let trees = draft.trees(name)?;
        let main = trees.get(name.as_bytes()).cloned().expect("the parser adds a tree for the file itself");
        Ok(Self { trees: Arc::new(trees), main })
    }

    /// Returns the file's own template, whether or not it replaced one in a set.
    pub(crate) fn main(&self) -> &Arc<Tree> {
        &self.main
    }
}
