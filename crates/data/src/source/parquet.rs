//! Parquet files.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use parquet::{
    basic::Compression,
    errors::ParquetError,
    file::reader::{FileReader, SerializedFileReader},
    record::{Field, Row, reader::RowIter},
    schema::types::Type,
};
use serde_json::{Map, Number, Value};

use super::{
    super::text::{NotText, text_of},
    DatasetError, Line, Record, is_page,
};

/// Bytes that tell what a file is.
const BEGINNING: u64 = 4096;

/// Name of the thread that reads. Broken files make the reader panic, which ends that thread alone; a program may want to
/// keep quiet about it.
pub const READER: &str = "parquet";

/// The rows of files that belong together, numbered from 1. Columns that are not `wanted` are named but not read.
pub(crate) fn rows(
    name: &str,
    paths: &[PathBuf],
    wanted: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Vec<Line>, DatasetError> {
    let mut lines = Vec::new();
    for path in paths {
        let before = lines.len();
        let read = thread::scope(|scope| {
            let reader = thread::Builder::new().name(READER.into());
            let reader = reader.spawn_scoped(scope, || file(path, wanted, before))?;
            let corrupt = |_| ParquetError::General("it is corrupt".into());
            reader.join().map_err(corrupt)?
        });
        lines.extend(read.map_err(|error| DatasetError::Form {
            name: name.to_owned(),
            form: "a whole Parquet file",
            problem: match beginning(path) {
                Some(other) => other,
                None => error.to_string(),
            },
        })?);
    }
    Ok(lines)
}

/// What a file is instead, if its beginning tells.
fn beginning(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(BEGINNING).read_to_end(&mut bytes).ok()?;
    let other = match text_of(&bytes) {
        Ok(text) if is_page(&text) => "is an HTML page, as servers send in place of a file".into(),
        Ok(_) | Err(NotText::Known("Parquet")) => return None,
        Err(other) => other.to_string(),
    };
    Some(format!("it {other}"))
}

fn file(
    path: &Path,
    wanted: &dyn Fn(&str) -> bool,
    before: usize,
) -> Result<Vec<Line>, ParquetError> {
    let reader = SerializedFileReader::new(File::open(path)?)?;
    for column in reader
        .metadata()
        .row_groups()
        .iter()
        .flat_map(|group| group.columns())
    {
        let codec = column.compression();
        if matches!(codec, Compression::LZO) {
            let name = column.column_path();
            let problem = format!("its column {name} is packed by {codec}, which is not read");
            return Err(ParquetError::General(problem));
        }
    }
    let schema = reader.metadata().file_metadata().schema();
    let (read, named): (Vec<Arc<Type>>, Vec<Arc<Type>>) = schema
        .get_fields()
        .iter()
        .cloned()
        .partition(|column| wanted(column.name()));
    if read.is_empty() {
        // Nothing is known of it: one record with all names says so.
        let fields = named
            .iter()
            .map(|column| (column.name().to_owned(), Value::Null));
        return Ok(vec![Ok(record(before + 1, fields.collect()))]);
    }
    let projection = Type::group_type_builder(schema.name())
        .with_fields(read)
        .build()?;
    // The first row is looked at whole: what a form has no use for may tell that it is another.
    let mut first = match before {
        0 => first_row(&reader),
        _ => Map::new(),
    };
    let mut lines = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        for row in RowIter::from_row_group(Some(projection.clone()), &*group)? {
            let mut fields = object(row?)?;
            fields.extend(named.iter().map(|column| {
                let value = first.remove(column.name()).unwrap_or(Value::Null);
                (column.name().to_owned(), value)
            }));
            first.clear();
            lines.push(Ok(record(before + lines.len() + 1, fields)));
        }
    }
    Ok(lines)
}

/// All columns of the first row that can be read; nobody has asked for them.
fn first_row(reader: &SerializedFileReader<File>) -> Map<String, Value> {
    let row = reader
        .get_row_iter(None)
        .ok()
        .and_then(|mut rows| rows.next());
    let columns = row
        .and_then(Result::ok)
        .into_iter()
        .flat_map(Row::into_columns);
    columns
        .filter_map(|(name, field)| Some((name, value(&field).ok()?)))
        .collect()
}

fn record(line: usize, fields: Map<String, Value>) -> Record {
    Record {
        line,
        fields,
        is_row: false,
    }
}

fn object(row: Row) -> Result<Map<String, Value>, ParquetError> {
    let columns = row.into_columns().into_iter();
    columns
        .map(|(name, field)| Ok((name, value(&field)?)))
        .collect()
}

fn value(field: &Field) -> Result<Value, ParquetError> {
    let float = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
    Ok(match field {
        Field::Null => Value::Null,
        Field::Bool(value) => (*value).into(),
        Field::Byte(number) => (*number).into(),
        Field::Short(number) => (*number).into(),
        Field::Int(number) => (*number).into(),
        Field::Long(number) => (*number).into(),
        Field::UByte(number) => (*number).into(),
        Field::UShort(number) => (*number).into(),
        Field::UInt(number) => (*number).into(),
        Field::ULong(number) => (*number).into(),
        Field::Float(number) => float((*number).into()),
        Field::Double(number) => float(*number),
        Field::Str(text) => text.as_str().into(),
        Field::Bytes(bytes) => bytes.as_utf8()?.into(),
        Field::Group(row) => object(row.clone())?.into(),
        Field::ListInternal(list) => {
            let entries = list.elements().iter().map(value);
            Value::Array(entries.collect::<Result<_, _>>()?)
        }
        // Times, decimals and maps are no part of a question.
        other => other.to_string().into(),
    })
}
