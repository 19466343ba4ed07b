//! Loose objects: a file each, named by its id, in zlib's format: a kind, a size, and the content.
//!
//! Git's own reader verifies each by SHA-1, and libgit2's inflates at half the speed; one that was cut short it reads
//! for ever. Who reads the content by this reader must verify what was read.

use std::{
    cell::RefCell,
    fs::{File, OpenOptions},
    io::{self, BufReader, Cursor, ErrorKind, Read, Seek as _, Take},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use flate2::{Decompress, FlushDecompress, Status, bufread::ZlibDecoder};
use git2::{Error, ObjectType, Oid};

use super::{damaged, malformed};

/// The longest beginning of an object, in bytes: a kind, a size of 20 digits, and a zero.
const MAX_HEADER: usize = 32;
/// The most memory that is asked for on an object's word alone, in bytes.
const MAX_AT_ONCE: usize = 1 << 20;
/// The most of a file that is read at once, in bytes.
const CHUNK: u64 = 1 << 15;
/// The largest object that is inflated at once where its file is small, in bytes, its beginning included.
const MAX_SMALL: usize = 1 << 16;

/// The content of a loose object, nothing verified but that it is of its size and that its file holds nothing else.
pub struct LooseObject {
    kind: Vec<u8>,
    size: usize,
    /// Bytes of the content that were not read yet.
    left: usize,
    /// Bytes of the content that came with the header.
    ahead: Vec<u8>,
    content: Content,
}

/// Where the rest of the content comes from.
enum Content {
    /// Inflated already, with nothing after it in the file.
    Whole(Cursor<Vec<u8>>),
    /// Inflated as it is read.
    Streamed {
        decoder: Box<ZlibDecoder<BufReader<Take<File>>>>,
        /// Bytes of the file.
        length: u64,
    },
}

impl LooseObject {
    /// Opens an object in a folder of objects; `None` where it does not lie loose there.
    ///
    /// # Errors
    /// What is no object.
    pub fn open(objects: &Path, id: Oid) -> Result<Option<Self>, Error> {
        match Self::at(objects, id) {
            Ok(object) => Ok(Some(object)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(damaged(id, &e)),
        }
    }

    /// Refuses an object that is cut short, or longer than it says; tells whether it lies loose at all.
    ///
    /// # Errors
    /// What is no object, or not whole.
    pub fn check(objects: &Path, id: Oid) -> Result<bool, Error> {
        let Some(mut object) = Self::open(objects, id)? else { return Ok(false) };
        io::copy(&mut object, &mut io::sink()).map(|_| true).map_err(|e| damaged(id, &e))
    }

    /// Returns of what kind it is, where there is such a kind.
    #[must_use]
    pub fn kind(&self) -> Option<ObjectType> {
        std::str::from_utf8(&self.kind).ok().and_then(ObjectType::from_str)
    }

    /// Tells whether it is a file's content.
    #[must_use]
    pub fn is_blob(&self) -> bool {
        self.kind() == Some(ObjectType::Blob)
    }

    /// Returns how many bytes the content has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Reads the whole content.
    ///
    /// # Errors
    /// Content of another size than the object says, or not what zlib writes.
    pub fn read(mut self, id: Oid) -> Result<Vec<u8>, Error> {
        // What it says of its size is believed as its bytes come.
        let mut bytes = Vec::with_capacity(self.size.min(MAX_AT_ONCE));
        self.read_to_end(&mut bytes).map_err(|e| damaged(id, &e))?;
        Ok(bytes)
    }

    fn at(objects: &Path, id: Oid) -> io::Result<Self> {
        let hex = id.to_string();
        let (folder, name) = hex.split_at(2);
        // A named pipe would be waited for.
        let file =
            OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(objects.join(folder).join(name))?;
        let length = file.metadata().and_then(|data| if data.is_file() { Ok(data.len()) } else { Err(malformed()) })?;
        let mut content = Content::of(file, length)?;
        let (header, ahead) = header(&mut content)?;
        let space = header.iter().position(|b| *b == b' ').ok_or_else(malformed)?;
        let (kind, digits) = (header[..space].to_vec(), &header[space + 1..]);
        let plain = digits.iter().all(u8::is_ascii_digit) && (digits == b"0" || !digits.starts_with(b"0"));
        let size = std::str::from_utf8(digits).ok().filter(|_| plain).and_then(|digits| digits.parse().ok());
        let size = size.filter(|size| ahead.len() <= *size).ok_or_else(malformed)?;
        let mut object = Self { kind, size, left: size, ahead, content };
        if size == 0 {
            object.end()?;
        }
        Ok(object)
    }

    /// Checks that nothing comes after the content.
    fn end(&mut self) -> io::Result<()> {
        let nothing = self.content.read(&mut [0])? == 0;
        let ended = match &self.content {
            Content::Whole(_) => true,
            Content::Streamed { decoder, length } => decoder.total_in() == *length,
        };
        if nothing && ended { Ok(()) } else { Err(malformed()) }
    }
}

impl Content {
    fn of(mut file: File, length: u64) -> io::Result<Self> {
        if length <= CHUNK {
            let mut bytes = Vec::with_capacity(length as usize);
            (&mut file).take(length).read_to_end(&mut bytes)?;
            if let Some(whole) = inflated(&bytes)? {
                return Ok(Self::Whole(Cursor::new(whole)));
            }
            file.rewind()?;
        }
        // Where the file ends is known: it is not asked for more, and a small one needs a small buffer.
        let buffer = usize::try_from(length.clamp(1, CHUNK)).unwrap_or(1);
        let decoder = Box::new(ZlibDecoder::new(BufReader::with_capacity(buffer, file.take(length))));
        Ok(Self::Streamed { decoder, length })
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Whole(whole) => whole.read(buffer),
            Self::Streamed { decoder, .. } => decoder.read(buffer),
        }
    }
}

/// Inflates a small object at once; `None` where it is none.
///
/// Nearly all that git stores is small, and there a decoder of its own takes longer to make than to use.
fn inflated(bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
    thread_local! {
        static ROOM: RefCell<(Decompress, Vec<u8>)> = RefCell::new((Decompress::new(true), vec![0; MAX_SMALL]));
    }
    ROOM.with_borrow_mut(|(decoder, room)| {
        decoder.reset(true);
        match decoder.decompress(bytes, room, FlushDecompress::Finish) {
            Ok(Status::StreamEnd) if decoder.total_in() == bytes.len() as u64 => {
                Ok(Some(room[..decoder.total_out() as usize].to_vec()))
            }
            // It does not fit, or ends too early: which of the two is found out as it is read.
            Ok(Status::BufError) => Ok(None),
            Ok(_) | Err(_) => Err(malformed()),
        }
    })
}

impl Read for LooseObject {
    /// Reads some of the content; with its last byte it is known that nothing comes after it.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.left.min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = if self.ahead.is_empty() {
            self.content.read(&mut buffer[..most])?
        } else {
            let read = most.min(self.ahead.len());
            buffer[..read].copy_from_slice(&self.ahead[..read]);
            self.ahead.drain(..read);
            read
        };
        self.left -= read;
        match (read, self.left) {
            (0, _) => Err(ErrorKind::UnexpectedEof.into()),
            (_, 0) => self.end().map(|()| read),
            _ => Ok(read),
        }
    }
}

/// Reads up to the zero that ends the beginning of an object; returns what came with it too.
fn header(content: &mut impl Read) -> io::Result<(Vec<u8>, Vec<u8>)> {
    // At once: byte by byte, it took as long as all the rest of a small object.
    let mut header = Vec::with_capacity(MAX_HEADER);
    content.take(MAX_HEADER as u64).read_to_end(&mut header)?;
    let zero = header.iter().position(|b| *b == 0).ok_or_else(malformed)?;
    let ahead = header.split_off(zero + 1);
    header.pop();
    Ok((header, ahead))
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

    fn read(objects: &Path, id: Oid) -> Result<Option<Vec<u8>>, Error> {
        LooseObject::open(objects, id)?.map(|object| object.read(id)).transpose()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_git_wrote_is_read(content in prop::collection::vec(any::<u8>(), 0..100_000)) {
            let folder = tempfile::tempdir().unwrap();
            let repo = git2::Repository::init_bare(folder.path()).unwrap();
            let id = repo.blob(&content).unwrap();
            let objects = folder.path().join("objects");
            let blob = LooseObject::open(&objects, id).unwrap().unwrap();
            prop_assert!(blob.is_blob());
            prop_assert_eq!(blob.size(), content.len());
            prop_assert_eq!(blob.read(id).unwrap(), content);
        }

        #[test]
        fn e08_whatever_lies_there_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let folder = tempfile::tempdir().unwrap();
            for bytes in [zlib(&[b"blob 9\0", bytes.as_slice()].concat()), zlib(&bytes), bytes] {
                let id = put(folder.path(), &bytes);
                prop_assert_eq!(read(folder.path(), id).is_ok(), LooseObject::check(folder.path(), id).is_ok());
            }
        }
    }

    #[test]
    fn what_is_small_in_its_file_and_large_outside_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let header = b"blob 65536\0".len();
        for size in [0, 1, 24, 32, 65_536 - header - 1, 65_536 - header, 65_536 - header + 1, 1 << 20] {
            let content = vec![7; size];
            let whole = zlib(&[format!("blob {size}\0").as_bytes(), &content].concat());
            let id = put(folder.path(), &whole);
            assert_eq!(read(folder.path(), id).unwrap(), Some(content), "{size}");
            for altered in [&whole[..whole.len() - 1], &[&whole[..], b"x"].concat()] {
                let id = put(folder.path(), altered);
                assert!(read(folder.path(), id).is_err(), "{size}");
            }
        }
    }

    #[test]
    fn e08_what_is_no_object_of_its_size_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let long = [b"blob 1".as_slice(), &[b'0'; 64], b"\0"].concat();
        for object in [
            b"blob 2\0a".as_slice(),
            b"blob -1\0a",
            b"blob 18446744073709551616\0a",
            b"blob 99999999999999999999\0a",
            b"blob 01\0a",
            b"blob +1\0a",
            b"blob 1\0ab",
            b"blob 0\0a",
            b"blob",
            b"",
            &long,
        ] {
            let id = put(folder.path(), &zlib(object));
            assert!(read(folder.path(), id).is_err(), "{object:?}");
        }
        let whole = zlib(b"blob 1\0a");
        let id = put(folder.path(), &whole);
        assert_eq!(read(folder.path(), id).unwrap(), Some(b"a".to_vec()));
        for cut in [&whole[..8], &whole[..whole.len() - 1], &whole[..whole.len() - 4], &[&whole[..], b"x"].concat()] {
            let id = put(folder.path(), cut);
            assert!(read(folder.path(), id).is_err());
            assert!(LooseObject::check(folder.path(), id).is_err());
        }
        assert_eq!(read(folder.path(), Oid::ZERO_SHA1).unwrap(), None);
        let pipe = folder.path().join("00");
        std::fs::create_dir(&pipe).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, pipe.join("0".repeat(38)), rustix::fs::Mode::RUSR).unwrap();
        assert!(read(folder.path(), Oid::ZERO_SHA1).is_err());
    }
}
