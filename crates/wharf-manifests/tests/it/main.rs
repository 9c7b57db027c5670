//! What a chart refers to, and what changes between two renders.

#![expect(clippy::unwrap_used, reason = "tests")]

mod changes;
mod images;

use std::rc::Rc;

use wharf_chart::{Chart, File, load_folder};
use wharf_engine::{RenderOptions, Rendered, Surroundings, render};

struct Still;

impl Surroundings for Still {
    fn now_nanoseconds(&self) -> i128 {
        0
    }
    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(4);
    }
}

fn chart(files: &[(&str, &str)]) -> Chart {
    load_folder(files.iter().map(|(name, text)| File::new(*name, text.as_bytes()))).unwrap()
}

fn rendered(chart: &Chart, values: &str) -> Rendered {
    let values = wharf_yaml::from_yaml(values.as_bytes()).unwrap();
    render(chart, &values, &RenderOptions::default(), &|| Rc::new(Still)).unwrap()
}
