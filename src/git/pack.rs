//! A pack: many objects in one file, some of them as what differs from another.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt as _,
    path::Path,
};

use flate2::read::ZlibDecoder;
use git2::Oid;

use super::{
    index::{ID, Index},
    malformed,
};

/// The longest way from an object to what it is made from in the end; git itself writes at most 4,095.
const MAX_CHAIN: usize = 10_000;
/// What is read of an object to know what it is, in bytes.
const BEGINNING: usize = 64;

/// What an object is, before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whether it is a file's content.
    pub is_blob: bool,
    /// Bytes of its content.
    pub size: u64,
    /// Bytes of the largest object that is made on the way to it; at least `size`.
    pub largest: u64,
}

/// A pack and its index.
pub(super) struct Pack {
    file: File,
    index: Index,
}

/// How an object lies in a pack.
enum Stored {
    /// Whole, as of this kind and so many bytes.
    Whole(u8, u64),
    /// As what differs from the one at this place; the difference begins at the other.
    Difference { base: u64, at: u64 },
}

impl Pack {
    /// Opens a pack by the path of its index, all places of which lie in it.
    pub(super) fn open(index: &Path) -> io::Result<Self> {
        let file = File::open(index.with_extension("pack"))?;
        let data = file.metadata()?;
        let end = data.len().checked_sub(ID).filter(|_| data.is_file()).ok_or_else(malformed)?;
        Ok(Self { file, index: Index::open(index, end)? })
    }

    /// Returns what an object is, where the pack holds it.
    ///
    /// # Errors
    /// An object of no kind, or made from itself.
    pub(super) fn header(&self, id: Oid) -> io::Result<Option<Header>> {
        let Some(mut place) = self.index.find(id)? else { return Ok(None) };
        let (mut size, mut largest) = (None, 0);
        for _ in 0..MAX_CHAIN {
            match self.stored(place)? {
                Stored::Whole(kind @ 1..=4, whole) => {
                    let size = size.unwrap_or(whole);
                    return Ok(Some(Header { is_blob: kind == 3, size, largest: whole.max(largest) }));
                }
                Stored::Whole(..) => return Err(malformed()),
                Stored::Difference { base, at } => {
                    let [from, to] = self.sizes(at)?;
                    size.get_or_insert(to);
                    largest = largest.max(from).max(to);
                    place = base;
                }
            }
        }
        Err(malformed())
    }

    fn stored(&self, place: u64) -> io::Result<Stored> {
        let mut bytes = [0; BEGINNING];
        let read = self.file.read_at(&mut bytes, place)?;
        let mut rest = &bytes[..read];
        let first = byte(&mut rest)?;
        let mut size = u64::from(first & 0x0f);
        if first & 0x80 != 0 {
            size |= varint(&mut rest, 4)?;
        }
        let kind = first >> 4 & 7;
        let base = match kind {
            6 => {
                let mut next = byte(&mut rest)?;
                let mut back = u64::from(next & 0x7f);
                while next & 0x80 != 0 {
                    next = byte(&mut rest)?;
                    back = (back + 1).checked_mul(128).ok_or_else(malformed)? | u64::from(next & 0x7f);
                }
                place.checked_sub(back).filter(|base| *base < place).ok_or_else(malformed)?
            }
            7 => {
                let (id, after) = rest.split_at_checked(ID as usize).ok_or_else(malformed)?;
                rest = after;
                let id = Oid::from_bytes(id).map_err(|_| malformed())?;
                self.index.find(id)?.ok_or_else(malformed)?
            }
            _ => return Ok(Stored::Whole(kind, size)),
        };
        Ok(Stored::Difference { base, at: place + (read - rest.len()) as u64 })
    }

    /// Returns of how many bytes a difference is taken, and to how many it leads.
    fn sizes(&self, at: u64) -> io::Result<[u64; 2]> {
        let mut bytes = [0; 20];
        let mut read = 0;
        let mut content = ZlibDecoder::new(At { file: &self.file, at });
        while read < bytes.len() {
            match content.read(&mut bytes[read..])? {
                0 => break,
                some => read += some,
            }
        }
        let mut rest = &bytes[..read];
        Ok([varint(&mut rest, 0)?, varint(&mut rest, 0)?])
    }
}

/// A file, read from a place on.
struct At<'a> {
    file: &'a File,
    at: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The decoder asks for much; what is needed stands at the beginning.
        let most = buffer.len().min(256);
        let read = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn byte(rest: &mut &[u8]) -> io::Result<u8> {
    let (first, after) = rest.split_first().ok_or_else(malformed)?;
    *rest = after;
    Ok(*first)
}

/// Reads a number of which each byte holds seven bits, the lowest first.
fn varint(rest: &mut &[u8], mut shift: u32) -> io::Result<u64> {
    let mut number = 0;
    loop {
        let next = byte(rest)?;
        let bits = u64::from(next & 0x7f);
        if shift >= u64::BITS || (bits << shift) >> shift != bits {
            return Err(malformed());
        }
        number |= bits << shift;
        if next & 0x80 == 0 {
            return Ok(number);
        }
        shift += 7;
    }
}
