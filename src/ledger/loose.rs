//! Git's loose objects: a file each, named by its id, in zlib's format: a kind, a size, and the content.
//!
//! Git's own reader verifies each by SHA-1, and libgit2's inflates at half the speed; one that was cut short it reads
//! for ever. The chain's SHA-256 decides what entries are, and an object's own what it is; who reads the content by
//! this reader must verify what was read.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use flate2::read::ZlibDecoder;
use git2::Oid;

use super::reasons::LEDGER_CORRUPT;
use crate::base::reason::{Refusal, Result};

/// The longest beginning of an object, in bytes: a kind, a size of 20 digits, and a zero.
const MAX_HEADER: usize = 32;

/// The content of a loose object, nothing verified but that it is of its size and that its file holds nothing else.
pub(super) struct LooseObject {
    kind: Vec<u8>,
    size: usize,
    /// Bytes of the content that were not read yet.
    left: usize,
    /// Bytes of the file.
    length: u64,
    content: ZlibDecoder<File>,
}

impl LooseObject {
    /// Opens an object in a folder of objects; `None` where it does not lie loose there.
    ///
    /// # Errors
    /// `ledger.corrupt` for what is no object.
    pub(super) fn open(objects: &Path, id: Oid) -> Result<Option<Self>> {
        match Self::at(objects, id) {
            Ok(object) => Ok(Some(object)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(corrupt(id, &e)),
        }
    }

    /// Opens a blob of at most `max` bytes, as [`LooseObject::open`] does.
    ///
    /// # Errors
    /// `ledger.corrupt` for another kind, a larger one, or what is no object.
    pub(super) fn blob(objects: &Path, id: Oid, max: usize) -> Result<Option<Self>> {
        match Self::open(objects, id)? {
            Some(object) if object.kind != b"blob" || object.size > max => {
                Err(corrupt(id, &"it is no file, or too large"))
            }
            other => Ok(other),
        }
    }

    /// Refuses an object that lies loose and is cut short, or longer than it says. What does not lie loose holds.
    ///
    /// # Errors
    /// `ledger.corrupt`.
    pub(super) fn check(objects: &Path, id: Oid) -> Result<()> {
        let Some(mut object) = Self::open(objects, id)? else { return Ok(()) };
        io::copy(&mut object, &mut io::sink()).map(drop).map_err(|e| corrupt(id, &e))
    }

    /// Returns how many bytes the content has.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Reads the whole content.
    ///
    /// # Errors
    /// `ledger.corrupt` where it is of another size than the object says, or not what zlib writes.
    pub(super) fn read(mut self, id: Oid) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.size];
        self.read_exact(&mut bytes).map_err(|e| corrupt(id, &e))?;
        Ok(bytes)
    }

    fn at(objects: &Path, id: Oid) -> io::Result<Self> {
        let hex = id.to_string();
        let (folder, name) = hex.split_at(2);
        // A named pipe would be waited for.
        let file =
            OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(objects.join(folder).join(name))?;
        let length = file.metadata().and_then(|data| if data.is_file() { Ok(data.len()) } else { Err(malformed()) })?;
        let mut content = ZlibDecoder::new(file);
        let header = header(&mut content)?;
        let space = header.iter().position(|b| *b == b' ').ok_or_else(malformed)?;
        let (kind, digits) = (header[..space].to_vec(), &header[space + 1..]);
        let plain = digits.iter().all(u8::is_ascii_digit) && (digits == b"0" || !digits.starts_with(b"0"));
        let size = std::str::from_utf8(digits).ok().filter(|_| plain).and_then(|digits| digits.parse().ok());
        let size = size.ok_or_else(malformed)?;
        let mut object = Self { kind, size, left: size, length, content };
        if size == 0 {
            object.end()?;
        }
        Ok(object)
    }

    /// Checks that nothing comes after the content.
    fn end(&mut self) -> io::Result<()> {
        if self.content.read(&mut [0])? != 0 || self.content.total_in() != self.length {
            return Err(malformed());
        }
        Ok(())
    }
}

impl Read for LooseObject {
    /// Reads some of the content; with its last byte it is known that nothing comes after it.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.left.min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.content.read(&mut buffer[..most])?;
        self.left -= read;
        match (read, self.left) {
            (0, _) => Err(ErrorKind::UnexpectedEof.into()),
            (_, 0) => self.end().map(|()| read),
            _ => Ok(read),
        }
    }
}

/// Reads up to the zero that ends the beginning of an object.
fn header(content: &mut impl Read) -> io::Result<Vec<u8>> {
    let (mut header, mut byte) = (Vec::new(), [0]);
    while header.len() < MAX_HEADER {
        content.read_exact(&mut byte)?;
        if byte == [0] {
            return Ok(header);
        }
        header.extend(byte);
    }
    Err(malformed())
}

fn malformed() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "it is not what git writes")
}

fn corrupt(id: Oid, what: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(LEDGER_CORRUPT, format!("object {id}: {what}"))
        .hint("git fsck names every object that is damaged; another clone may have it whole")
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
        LooseObject::blob(objects, id, max)?.map(|blob| blob.read(id)).transpose()
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
            b"blob 01\0a",
            b"blob +1\0a",
            b"blob 1\0ab",
            b"blob 0\0a",
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
        for cut in [&whole[..8], &whole[..whole.len() - 1], &whole[..whole.len() - 4], &[&whole[..], b"x"].concat()] {
            let id = put(folder.path(), cut);
            assert_eq!(read(folder.path(), id, 100).unwrap_err().code(), "ledger.corrupt");
            assert_eq!(LooseObject::check(folder.path(), id).unwrap_err().code(), "ledger.corrupt");
        }
        assert_eq!(read(folder.path(), Oid::ZERO_SHA1, 100).unwrap(), None);
        let pipe = folder.path().join("00");
        std::fs::create_dir(&pipe).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, pipe.join("0".repeat(38)), rustix::fs::Mode::RUSR).unwrap();
        assert_eq!(read(folder.path(), Oid::ZERO_SHA1, 100).unwrap_err().code(), "ledger.corrupt");
    }
}
