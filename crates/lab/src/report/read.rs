//! Reads `results.json` back, and says in one sentence what is wrong when it cannot.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::Value;
use serde_json::error::Category;

use crate::results::{Results, SCHEMA};

/// Reads a results file.
///
/// # Errors
/// When there is no such file, it is no JSON, was cut short, or is of another version: one sentence that
/// says which, and what to do.
pub fn read(path: &Path) -> anyhow::Result<Results> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| {
        format!("cannot read {shown}; give the directory that a run wrote, such as target/lab/latest")
    })?;
    let value: Value = match serde_json::from_str(&text) {
        Ok(value) => value,
        Err(error) if error.classify() == Category::Eof => bail!(
            "{shown} is cut short (it ends at line {}, column {}): its run was killed while it wrote; \
             measure again with `cargo lab`",
            error.line(),
            error.column()
        ),
        Err(error) => bail!("{shown} is not JSON ({error}); give a results.json that `cargo lab` wrote"),
    };
    match value.get("schema").and_then(Value::as_str) {
        Some(SCHEMA) => {}
        Some(other) => bail!(
            "{shown} has schema \"{other}\", and this program reads \"{SCHEMA}\"; report on it with the version of Parkbench that \
             wrote it ({}), or measure again",
            value.get("version").and_then(Value::as_str).unwrap_or("it does not say which")
        ),
        None => bail!(
            "{shown} is JSON without a \"schema\": not a results file; give a results.json that `cargo lab` wrote"
        ),
    }
    serde_json::from_value(value).with_context(|| {
        format!("{shown} says that it has schema \"{SCHEMA}\" and does not keep to it; was it edited? Measure again with \
             `cargo lab`")
    })
}
