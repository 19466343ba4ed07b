//! An index of a pack: which objects it holds, and where each begins.
//!
//! libgit2 takes the places as they stand, and reads beyond the pack's end where one lies there; so each is looked at
//! once, before libgit2 opens the pack.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

use git2::Oid;

use super::malformed;

/// The beginning of an index of the second form.
const SECOND: [u8; 8] = *b"\xfftOc\0\0\0\x02";
/// Bytes of an object's id.
pub(super) const ID: u64 = 20;
/// Bytes of a pack before its first object.
const HEADER: u64 = 12;
/// The bit of a place that says: it stands among the long ones.
const LONG: u32 = 1 << 31;
/// How many bytes are read at once.
const BLOCK: usize = 64 * 1024;

/// An index whose every place lies inside its pack.
pub(super) struct Index {
    file: File,
    /// How many ids begin with a byte of at most that value.
    fan: Vec<u32>,
    table: Table,
}

/// Where the parts of an index stand in its file, in bytes, and how far apart their items are.
#[derive(Clone, Copy)]
struct Table {
    ids: u64,
    id_stride: u64,
    places: u64,
    place_stride: u64,
    long: u64,
    long_count: u64,
}

impl Index {
    /// Opens an index, and looks at each of its places; `end` is where the pack's objects end, in bytes.
    pub(super) fn open(path: &Path, end: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let length = file.metadata().and_then(|data| if data.is_file() { Ok(data.len()) } else { Err(malformed()) })?;
        let mut start = [0; 8];
        file.read_exact(&mut start)?;
        let second = start == SECOND;
        // The first form has no beginning: it begins with the numbers.
        let before = if second { 8 } else { 0 };
        let mut numbers = [0; 4 * 256];
        file.read_exact_at(&mut numbers, before)?;
        let fan: Vec<u32> = numbers.chunks_exact(4).map(number).collect();
        if !fan.is_sorted() {
            return Err(malformed());
        }
        let count = fan.last().copied().map_or(0, u64::from);
        let ids = before + 4 * 256;
        let table = if second {
            let places = ids + count * (ID + 4);
            let long = places + count * 4;
            let rest = length.checked_sub(long + 2 * ID).ok_or_else(malformed)?;
            let long_count = rest / 8;
            if rest % 8 != 0 || long_count > count {
                return Err(malformed());
            }
            Table { ids, id_stride: ID, places, place_stride: 4, long, long_count }
        } else {
            if length != ids + count * (ID + 4) + 2 * ID {
                return Err(malformed());
            }
            Table { ids: ids + 4, id_stride: ID + 4, places: ids, place_stride: ID + 4, long: 0, long_count: 0 }
        };
        let index = Self { file, fan, table };
        index.check_places(count, second, end)?;
        Ok(index)
    }

    /// Returns where in the pack an object begins, in bytes.
    pub(super) fn find(&self, id: Oid) -> io::Result<Option<u64>> {
        let first = usize::from(id.as_bytes().first().copied().unwrap_or_default());
        let mut low = first.checked_sub(1).map_or(0, |before| u64::from(self.fan[before]));
        let mut high = u64::from(self.fan[first]);
        while low < high {
            let middle = low + (high - low) / 2;
            let mut there = [0; ID as usize];
            self.file.read_exact_at(&mut there, self.table.ids + middle * self.table.id_stride)?;
            match there.as_slice().cmp(id.as_bytes()) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return self.place(middle).map(Some),
            }
        }
        Ok(None)
    }

    fn place(&self, at: u64) -> io::Result<u64> {
        let mut place = [0; 4];
        self.file.read_exact_at(&mut place, self.table.places + at * self.table.place_stride)?;
        let place = number(&place);
        if place & LONG == 0 || self.table.long == 0 { Ok(place.into()) } else { self.long(place ^ LONG) }
    }

    fn long(&self, at: u32) -> io::Result<u64> {
        if u64::from(at) >= self.table.long_count {
            return Err(malformed());
        }
        let mut place = [0; 8];
        self.file.read_exact_at(&mut place, self.table.long + u64::from(at) * 8)?;
        Ok(u64::from_be_bytes(place))
    }

    /// Refuses an index of which a place lies outside the pack.
    fn check_places(&self, count: u64, second: bool, end: u64) -> io::Result<()> {
        let stride = if second { 4 } else { ID as usize + 4 };
        let mut at = self.table.places;
        let until = at + count * stride as u64;
        let mut block = vec![0; BLOCK / stride * stride];
        while at < until {
            let size = usize::try_from(until - at).unwrap_or(usize::MAX).min(block.len());
            self.file.read_exact_at(&mut block[..size], at)?;
            for place in block[..size].chunks_exact(stride).map(|item| number(&item[..4])) {
                let place = if second && place & LONG != 0 { self.long(place ^ LONG)? } else { place.into() };
                if !(HEADER..end).contains(&place) {
                    return Err(malformed());
                }
            }
            at += size as u64;
        }
        Ok(())
    }
}

/// Reads four bytes as a number, the greatest first.
pub(super) fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
