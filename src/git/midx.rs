//! An index over many packs at once, `multi-pack-index`: libgit2 asks it first.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

use super::{
    index::{ID, number},
    malformed,
};

/// The most bytes of names of packs.
const MAX_NAMES: u64 = 16 << 20;
/// Bytes of one item of the table of parts: a name of four letters, and a place.
const ITEM: usize = 12;

/// Refuses an index of which a place lies outside its pack.
///
/// # Errors
/// What is no such index of the first form, and of ids of SHA-1; a pack that is not there.
pub(super) fn check(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let length = file.metadata().and_then(|data| if data.is_file() { Ok(data.len()) } else { Err(malformed()) })?;
    let mut start = [0; 12];
    file.read_exact(&mut start)?;
    let (b"MIDX\x01\x01", &[parts, 0]) = (&start[..6], &start[6..8]) else { return Err(malformed()) };
    let packs = number(&start[8..]);
    let mut table = vec![0; (usize::from(parts) + 1) * ITEM];
    file.read_exact(&mut table)?;
    let part = |name: &[u8; 4]| {
        let mut items = table.chunks_exact(ITEM);
        let at = items.position(|item| item.starts_with(name)).filter(|at| *at < usize::from(parts))?;
        let place = |item: usize| {
            let place = &table[item * ITEM + 4..(item + 1) * ITEM];
            u64::from(number(&place[..4])) << 32 | u64::from(number(&place[4..]))
        };
        let (from, to) = (place(at), place(at + 1));
        (from <= to && to <= length.saturating_sub(ID)).then(|| (from, to - from))
    };
    let (names_at, names_size) = part(b"PNAM").filter(|(_, size)| *size <= MAX_NAMES).ok_or_else(malformed)?;
    let mut names = vec![0; usize::try_from(names_size).map_err(|_| malformed())?];
    file.read_exact_at(&mut names, names_at)?;
    let folder = path.parent().ok_or_else(malformed)?;
    let names = names.split(|b| *b == 0).filter(|name| !name.is_empty());
    let ends: Vec<u64> = names.map(|name| end(folder, name)).collect::<io::Result<_>>()?;
    if ends.len() != packs as usize {
        return Err(malformed());
    }
    let (fan_at, fan_size) = part(b"OIDF").ok_or_else(malformed)?;
    let mut fan = [0; 4 * 256];
    if fan_size != fan.len() as u64 {
        return Err(malformed());
    }
    file.read_exact_at(&mut fan, fan_at)?;
    let fan: Vec<u32> = fan.chunks_exact(4).map(number).collect();
    let count = fan.last().copied().map_or(0, u64::from);
    let (at, size) = part(b"OOFF").ok_or_else(malformed)?;
    let ids = part(b"OIDL").ok_or_else(malformed)?;
    if !fan.is_sorted() || ids.1 != count * ID || size != count * 8 {
        return Err(malformed());
    }
    let long = part(b"LOFF");
    let mut block = vec![0; 64 * 1024];
    let (mut at, until) = (at, at + size);
    while at < until {
        let size = usize::try_from(until - at).unwrap_or(usize::MAX).min(block.len());
        file.read_exact_at(&mut block[..size], at)?;
        for item in block[..size].chunks_exact(8) {
            let end = ends.get(number(&item[..4]) as usize).ok_or_else(malformed)?;
            let mut place = u64::from(number(&item[4..]));
            if let (Some((long, size)), true) = (long, place >> 31 == 1) {
                let item = (place & 0x7fff_ffff) * 8;
                let mut bytes = [0; 8];
                if item + 8 > size {
                    return Err(malformed());
                }
                file.read_exact_at(&mut bytes, long + item)?;
                place = u64::from_be_bytes(bytes);
            }
            if place < 12 || place >= *end {
                return Err(malformed());
            }
        }
        at += size as u64;
    }
    Ok(())
}

/// Returns where the objects of a pack end, by the name of its index.
fn end(folder: &Path, name: &[u8]) -> io::Result<u64> {
    let name = std::str::from_utf8(name).ok().and_then(|name| name.strip_suffix(".idx"));
    let name = name.filter(|name| !name.contains('/')).ok_or_else(malformed)?;
    let data = folder.join(format!("{name}.pack")).metadata()?;
    data.len().checked_sub(ID).ok_or_else(malformed)
}
