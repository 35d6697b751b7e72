//! The language of chat templates as `transformers` 5 sets it up (`_cached_compile_jinja_template`).

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior,
    syntax::SyntaxConfig,
    value::{Kwargs, Value},
};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::{clock, error::Raised, python};

/// What a template calls for the date.
pub(super) const DATE: &str = "strftime_now";
/// Steps that a template may take over messages of so many bytes; a step holds 64 bytes at most. Real templates take some hundred,
/// and one for each 64 bytes as often as they copy a message. Values within values lie no deeper than there are steps to put
/// them there, which keeps them from filling the stack (2,000 levels fit one of 1 MiB).
pub(super) fn most_steps(bytes: usize) -> u64 {
    12_000 + bytes as u64 / 16
}

/// The language, with its functions.
///
/// # Errors
/// When its delimiters are no syntax, which would be a defect.
pub(super) fn new() -> Result<Environment<'static>, Error> {
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()?;
    let mut environment = Environment::new();
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_unknown_method_callback(unknown_method_callback);
    environment.add_function("raise_exception", raise_exception);
    environment.add_function(DATE, strftime_now);
    environment.add_filter("tojson", to_json);
    environment.add_filter("indent", indent);
    Ok(environment)
}

fn raise_exception(message: &Value) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, "").with_source(Raised(message.to_string())))
}

fn strftime_now(format: &str) -> Result<String, Error> {
    clock::now(format).ok_or_else(|| {
        let problem = format!("`{format}` is no format of a date");
        Error::new(ErrorKind::InvalidOperation, problem)
    })
}

/// `tojson` of `transformers`, which escapes nothing for HTML.
fn to_json(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let style = python::JsonStyle {
        indent: options.get("indent")?,
        ascii: options
            .get::<Option<bool>>("ensure_ascii")?
            .unwrap_or(false),
        sorted: options.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
    };
    options.assert_all_used()?;
    python::json(value, style).map(Value::from_safe_string)
}

fn indent(
    text: &str,
    width: Option<usize>,
    first: Option<bool>,
    blank: Option<bool>,
    options: Kwargs,
) -> Result<String, Error> {
    let flag = |place: Option<bool>, name: &str| {
        let named: Option<bool> = options.get(name)?;
        Ok::<_, Error>(place.or(named).unwrap_or(false))
    };
    let named: Option<usize> = options.get("width")?;
    let (first, blank) = (flag(first, "first")?, flag(blank, "blank")?);
    options.assert_all_used()?;
    Ok(python::indent(
        text,
        width.or(named).unwrap_or(4),
        first,
        blank,
    ))
}
