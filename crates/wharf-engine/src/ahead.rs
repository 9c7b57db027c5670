//! Templates that are parsed before it is known what they are called.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use wharf_sprig::Surroundings;
use wharf_template::{Draft, FunctionNames, FunctionTable, ParseError, Parsed};

use crate::later::{Helper, Later};
use crate::templates;

/// Templates that another thread parses while the rest of the chart is still read.
///
/// A chart of little text gets no thread; its templates are parsed when they are rendered.
#[derive(Default)]
pub struct Ahead {
    pub(crate) helper: Helper,
    /// By the address of the text, which its task holds.
    drafts: HashMap<usize, Later<Option<Draft>>>,
}

impl Ahead {
    /// Has a template parsed, unless it is already.
    pub fn parse(&mut self, text: &Arc<[u8]>) {
        let Self { helper, drafts } = self;
        drafts.entry(address(text)).or_insert_with(|| {
            let text = Arc::clone(text);
            // What does not parse is parsed once more, for an error with the right name.
            helper.give(text.len(), move || Draft::new("", text, &NAMES).ok())
        });
    }

    /// Forgets what was parsed for other functions than these.
    pub(crate) fn hold_against(&mut self, functions: &FunctionNames) {
        if *functions != *NAMES {
            self.drafts.clear();
        }
    }

    /// Returns a template, parsed here if the other thread has not begun with it.
    pub(crate) fn take(
        &mut self,
        name: &str,
        text: &Arc<[u8]>,
        functions: &FunctionNames,
    ) -> Result<Parsed, ParseError> {
        match self.drafts.remove(&address(text)).and_then(Later::get) {
            Some(draft) => Parsed::of(name, draft),
            None => Parsed::new(name, Arc::clone(text), functions),
        }
    }
}

fn address(text: &Arc<[u8]>) -> usize {
    text.as_ptr().addr()
}

/// The functions of every render, as far as parsing is concerned.
static NAMES: LazyLock<FunctionNames> = LazyLock::new(|| {
    struct Nothing;

    impl Surroundings for Nothing {
        fn now_nanoseconds(&self) -> i128 {
            0
        }

        fn fill_random(&self, _: &mut [u8]) {}
    }

    let mut functions = FunctionTable::default();
    templates::add_functions(&mut functions, &(std::rc::Rc::new(Nothing) as _));
    functions.function_names()
});
