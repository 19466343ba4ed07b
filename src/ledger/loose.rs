//! Git's loose objects: a file each, named by its id, in zlib's format: a kind, a size, and the content.
//!
//! Git's own reader verifies each by SHA-1, and libgit2's inflates at half the speed. The chain's SHA-256 decides what
//! entries are, and an object's own what it is; who reads by this one must verify what was read.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};

use flate2::read::ZlibDecoder;
use git2::Oid;

use super::reasons::LEDGER_CORRUPT;
use crate::base::reason::{Refusal, Result};

/// The longest beginning of an object, in bytes: a kind, a size of 20 digits, and a zero.
const MAX_HEADER: usize = 32;

/// The content of a loose blob, nothing verified, and its size in bytes.
pub(super) struct LooseBlob {
    pub(super) content: ZlibDecoder<File>,
    pub(super) size: usize,
}

impl LooseBlob {
    /// Opens a blob of at most `max` bytes in a folder of objects; `None` where it does not lie loose there.
    ///
    /// # Errors
    /// `ledger.corrupt` for another kind, a larger one, or what is no object.
    pub(super) fn open(objects: &Path, id: Oid, max: usize) -> Result<Option<Self>> {
        let hex = id.to_string();
        let (folder, name) = hex.split_at(2);
        let file = match File::open(objects.join(folder).join(name)) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(corrupt(id, &e)),
        };
        let mut content = ZlibDecoder::new(file);
        let header = header(&mut content).map_err(|e| corrupt(id, &e))?;
        let size = std::str::from_utf8(&header).ok().and_then(|text| text.strip_prefix("blob ")?.parse().ok());
        match size.filter(|size| *size <= max) {
            Some(size) => Ok(Some(Self { content, size })),
            None => Err(corrupt(id, &"it is no file, or too large")),
        }
    }

    /// Reads the whole content.
    ///
    /// # Errors
    /// `ledger.corrupt` where it is shorter than the object says, or not what zlib writes.
    pub(super) fn read(mut self, id: Oid) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.size];
        self.content.read_exact(&mut bytes).map_err(|e| corrupt(id, &e))?;
        Ok(bytes)
    }
}

/// Reads up to the zero that ends the beginning of an object.
fn header(content: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let (mut header, mut byte) = (Vec::new(), [0]);
    while header.len() < MAX_HEADER {
        content.read_exact(&mut byte)?;
        if byte == [0] {
            return Ok(header);
        }
        header.extend(byte);
    }
    Err(ErrorKind::InvalidData.into())
}

fn corrupt(id: Oid, what: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(LEDGER_CORRUPT, format!("object {id}: {what}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn put(objects: &Path, bytes: &[u8]) -> Oid {
        let id = Oid::hash_object(git2::ObjectType::Blob, bytes).unwrap();
        let hex = id.to_string();
        std::fs::create_dir_all(objects.join(&hex[..2])).unwrap();
        std::fs::write(objects.join(&hex[..2]).join(&hex[2..]), bytes).unwrap();
        id
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(objects: &Path, id: Oid, max: usize) -> Result<Option<Vec<u8>>> {
        LooseBlob::open(objects, id, max)?.map(|blob| blob.read(id)).transpose()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_git_wrote_is_read(content in prop::collection::vec(any::<u8>(), 0..100_000)) {
            let folder = tempfile::tempdir().unwrap();
            let repo = git2::Repository::init_bare(folder.path()).unwrap();
            let id = repo.blob(&content).unwrap();
            let objects = folder.path().join("objects");
            prop_assert_eq!(read(&objects, id, content.len()).unwrap(), Some(content.clone()));
            if let Some(less) = content.len().checked_sub(1) {
                prop_assert_eq!(read(&objects, id, less).unwrap_err().code(), "ledger.corrupt");
            }
        }

        #[test]
        fn e08_whatever_lies_there_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let folder = tempfile::tempdir().unwrap();
            for bytes in [zlib(&[b"blob 9\0", bytes.as_slice()].concat()), zlib(&bytes), bytes] {
                let id = put(folder.path(), &bytes);
                if let Err(refusal) = read(folder.path(), id, 100) {
                    prop_assert_eq!(refusal.code(), "ledger.corrupt");
                }
            }
        }
    }

    #[test]
    fn e08_what_is_no_blob_of_its_size_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let long = [b"blob 1".as_slice(), &[b'0'; 64], b"\0"].concat();
        for object in [
            b"tree 1\0a".as_slice(),
            b"blob 2\0a",
            b"blob -1\0a",
            b"blob 18446744073709551616\0a",
            b"blob 101\0",
            b"blob",
            b"",
            &long,
        ] {
            let id = put(folder.path(), &zlib(object));
            assert_eq!(read(folder.path(), id, 100).unwrap_err().code(), "ledger.corrupt", "{object:?}");
        }
        let whole = zlib(b"blob 1\0a");
        let id = put(folder.path(), &whole);
        assert_eq!(read(folder.path(), id, 100).unwrap(), Some(b"a".to_vec()));
        let id = put(folder.path(), &whole[..8]);
        assert_eq!(read(folder.path(), id, 100).unwrap_err().code(), "ledger.corrupt");
        assert_eq!(read(folder.path(), Oid::ZERO_SHA1, 100).unwrap(), None);
    }
}
