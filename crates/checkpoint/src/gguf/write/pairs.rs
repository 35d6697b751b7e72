//! Metadata as bytes.

/// Pairs of a key and a value, as a file has them.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    bytes: Vec<u8>,
    count: u64,
}

/// Types of values, by ggml's numbers.
const U32: u32 = 4;
const I32: u32 = 5;
const F32: u32 = 6;
const BOOL: u32 = 7;
const TEXT: u32 = 8;
const LIST: u32 = 9;

impl Pairs {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// A pair as another file has it.
    pub fn carried(&mut self, stored: &[u8]) {
        self.bytes.extend(stored);
        self.count += 1;
    }

    pub fn natural(&mut self, key: &str, value: u32) {
        self.begin(key, U32);
        self.bytes.extend(value.to_le_bytes());
    }

    pub fn number(&mut self, key: &str, value: f64) {
        self.begin(key, F32);
        self.bytes.extend((value as f32).to_le_bytes());
    }

    pub fn flag(&mut self, key: &str, value: bool) {
        self.begin(key, BOOL);
        self.bytes.push(value.into());
    }

    pub fn text(&mut self, key: &str, value: &str) {
        self.begin(key, TEXT);
        append_text(&mut self.bytes, value);
    }

    pub fn texts<'a>(&mut self, key: &str, values: impl ExactSizeIterator<Item = &'a str>) {
        self.begin_list(key, TEXT, values.len());
        for value in values {
            append_text(&mut self.bytes, value);
        }
    }

    pub fn kinds(&mut self, key: &str, values: &[i32]) {
        self.begin_list(key, I32, values.len());
        for value in values {
            self.bytes.extend(value.to_le_bytes());
        }
    }

    fn begin(&mut self, key: &str, kind: u32) {
        append_text(&mut self.bytes, key);
        self.bytes.extend(kind.to_le_bytes());
        self.count += 1;
    }

    fn begin_list(&mut self, key: &str, kind: u32, length: usize) {
        self.begin(key, LIST);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend((length as u64).to_le_bytes());
    }
}

pub(super) fn append_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}
