//! Reads a file of entries in blocks of whole lines, so that a long one is never in memory together.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
};

use super::{
    reasons::LEDGER_CORRUPT,
    store::{EntryFile, Store},
};
use crate::base::reason::{Refusal, Result};

/// The size from which on a block is handed over, in bytes: some fifty entries.
const BLOCK: usize = 64 * 1024;
/// How much is read at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// A block of a file of entries.
pub(super) struct Block<'f> {
    /// Whole lines, each with its line feed.
    pub(super) bytes: Vec<u8>,
    /// The file.
    pub(super) file: &'f EntryFile,
    /// Whether the file begins with it.
    pub(super) first: bool,
    /// Whether the file ends with it.
    pub(super) last: bool,
}

/// Files of entries that were read before, by the number of their first entry.
pub(super) type ReadFiles = BTreeMap<u64, Vec<u8>>;

/// The blocks of files of entries, one file after the other.
pub(super) struct Files<'a, 'f> {
    store: &'a Store,
    left: std::slice::Iter<'f, EntryFile>,
    read: ReadFiles,
    open: Option<(&'f EntryFile, Blocks)>,
}

impl<'a, 'f> Files<'a, 'f> {
    /// Begins to read some files, of which some may have been read before.
    pub(super) fn new(store: &'a Store, files: &'f [EntryFile], read: ReadFiles) -> Self {
        Self { store, left: files.iter(), read, open: None }
    }

    /// Returns the next block; `None` after the last of the last file.
    ///
    /// # Errors
    /// As [`Blocks::next`].
    pub(super) fn next(&mut self) -> Result<Option<Block<'f>>> {
        let first = self.open.is_none();
        if first {
            let Some(file) = self.left.next() else { return Ok(None) };
            let blocks = match self.read.remove(&file.first) {
                Some(bytes) => Blocks::whole(bytes)?,
                None => self.store.blocks(file)?,
            };
            self.open = Some((file, blocks));
        }
        let Some((file, blocks)) = &mut self.open else { return Ok(None) };
        let file = *file;
        let Some(bytes) = blocks.next()? else { return Err(corrupt("a file of entries ends before its end")) };
        let last = blocks.is_over();
        if last {
            self.open = None;
        }
        Ok(Some(Block { bytes, file, first, last }))
    }
}

/// The blocks of one file.
pub(super) struct Blocks {
    source: Box<dyn Read>,
    /// Bytes that the file still has.
    left: usize,
    /// What was read beyond the last block: the beginning of a line.
    beyond: Vec<u8>,
}

impl Blocks {
    /// Begins to read a file of a size in bytes.
    ///
    /// # Errors
    /// `ledger.corrupt` for an empty file.
    pub(super) fn new(source: impl Read + 'static, size: usize) -> Result<Self> {
        if size == 0 {
            return Err(corrupt("a file of entries is empty"));
        }
        Ok(Self { source: Box::new(source), left: size, beyond: Vec::new() })
    }

    /// Begins with a file that is in memory.
    ///
    /// # Errors
    /// As [`Blocks::new`].
    pub(super) fn whole(file: Vec<u8>) -> Result<Self> {
        let size = file.len();
        Self::new(Cursor::new(file), size)
    }

    /// Tells whether the last block was given.
    pub(super) fn is_over(&self) -> bool {
        self.left == 0 && self.beyond.is_empty()
    }

    /// Returns the next block: lines, each with its line feed; `None` after the last.
    ///
    /// # Errors
    /// `ledger.corrupt` for a last line without its end, or where the source ends early.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut block = std::mem::take(&mut self.beyond);
        // It may grow further, for a long line.
        block.reserve(self.left.min(BLOCK + CHUNK));
        let mut feed = None;
        while self.left > 0 && (block.len() < BLOCK || feed.is_none()) {
            let begin = block.len();
            let more = self.left.min(CHUNK);
            block.resize(begin + more, 0);
            self.source.read_exact(&mut block[begin..]).map_err(|e| corrupt(&e.to_string()))?;
            self.left -= more;
            feed = memchr::memrchr(b'\n', &block[begin..]).map(|at| begin + at).or(feed);
        }
        match feed {
            Some(feed) => {
                self.beyond = block.split_off(feed + 1);
                if self.left == 0 && !self.beyond.is_empty() {
                    return Err(unended());
                }
                Ok(Some(block))
            }
            None if block.is_empty() => Ok(None),
            None => Err(unended()),
        }
    }
}

fn unended() -> Refusal {
    corrupt("a file of entries does not end in a line feed")
}

fn corrupt(what: &str) -> Refusal {
    Refusal::new(LEDGER_CORRUPT, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blocks(file: &[u8]) -> Result<Vec<Vec<u8>>> {
        let mut blocks = Blocks::new(Cursor::new(file.to_vec()), file.len())?;
        std::iter::from_fn(|| blocks.next().transpose()).collect()
    }

    proptest! {
        #[test]
        fn blocks_are_the_file_in_whole_lines(lengths in prop::collection::vec(0_usize..40_000, 1..12)) {
            let file: Vec<u8> =
                lengths.iter().flat_map(|&length| [vec![b'x'; length], vec![b'\n']].concat()).collect();
            let read = blocks(&file).unwrap();
            prop_assert!(read.iter().all(|block| block.ends_with(b"\n")));
            prop_assert!(read.iter().all(|block| block.len() <= BLOCK + CHUNK + 40_001));
            prop_assert_eq!(read.concat(), file);
        }
    }

    #[test]
    fn e08_a_file_without_its_last_line_feed_has_no_last_block() {
        let long = vec![b'a'; 3 * BLOCK];
        for file in [b"".as_slice(), b"a", b"a\nb", &long, &[long.as_slice(), b"\nb"].concat()] {
            assert_eq!(blocks(file).unwrap_err().code(), "ledger.corrupt");
        }
        assert_eq!(blocks(b"a\nb\n").unwrap(), [b"a\nb\n"]);
    }

    #[test]
    fn a_source_that_ends_early_is_refused() {
        assert_eq!(Blocks::new(b"a\n".as_slice(), 3).unwrap().next().unwrap_err().code(), "ledger.corrupt");
    }
}
