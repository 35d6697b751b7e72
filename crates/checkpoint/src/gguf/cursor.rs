//! The beginning of a file, read from its start on: nothing is taken on the word of a number.

/// Why reading stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// More of the file must be had: so many bytes from its start.
    More(u64),
    /// The file ends before `what` does, which would take so many bytes in all.
    End { what: &'static str, needed: u64 },
    /// The format is broken.
    Bad(String),
}

/// What of a file is there, and where in it one is.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    place: usize,
    /// Size of the file.
    size: u64,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], size: u64) -> Self {
        Self {
            bytes,
            place: 0,
            size,
        }
    }

    /// Where the next byte lies.
    pub fn place(&self) -> usize {
        self.place
    }

    /// Bytes of the file that are still to come.
    pub fn left(&self) -> u64 {
        self.size.saturating_sub(self.place as u64)
    }

    /// So many bytes, of which each is a byte of `what`.
    pub fn take(&mut self, length: u64, what: &'static str) -> Result<&'a [u8], Stop> {
        let end = (self.place as u64).saturating_add(length);
        if end > self.size {
            return Err(Stop::End { what, needed: end });
        }
        let Some(bytes) = self.bytes.get(self.place..end as usize) else {
            return Err(Stop::More(end));
        };
        self.place = end as usize;
        Ok(bytes)
    }

    /// A number of `N` bytes, as they are.
    pub fn number<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Stop> {
        let mut number = [0; N];
        number.copy_from_slice(self.take(N as u64, what)?);
        Ok(number)
    }

    pub fn u32(&mut self, what: &'static str) -> Result<u32, Stop> {
        self.number(what).map(u32::from_le_bytes)
    }

    pub fn u64(&mut self, what: &'static str) -> Result<u64, Stop> {
        self.number(what).map(u64::from_le_bytes)
    }

    /// A count of things that take `least` bytes each or more, once the rest of the file has been found to have room for
    /// them.
    pub fn count(&mut self, least: u64, what: &'static str) -> Result<u64, Stop> {
        let count = self.u64(what)?;
        match count <= self.left() / least {
            true => Ok(count),
            false => Err(Stop::Bad(format!(
                "it claims {count} {what}; the {} bytes that are left have no room for them",
                self.left()
            ))),
        }
    }

    /// The bytes of a text.
    pub fn text(&mut self, what: &'static str) -> Result<&'a [u8], Stop> {
        let length = self.u64(what)?;
        if length > self.left() {
            return Err(Stop::Bad(format!(
                "{what} claims {length} bytes, and the file has {} left",
                self.left()
            )));
        }
        self.take(length, what)
    }

    /// A text that is UTF-8.
    pub fn string(&mut self, what: &'static str) -> Result<&'a str, Stop> {
        let place = self.place;
        str::from_utf8(self.text(what)?)
            .map_err(|_| Stop::Bad(format!("{what} at byte {place} is not UTF-8")))
    }
}
