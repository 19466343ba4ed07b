//! The Landlock ruleset: what of the file system and of TCP a program may use.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::{Component, Path},
    sync::OnceLock,
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreatedAttr, Scope,
};
use rustix::{
    fs::{FileType, Mode, OFlags},
    io::Errno,
};

use super::{Network, Profile};
use crate::{
    base::reason::{Refusal, Result},
    execute::reasons::{SANDBOX_UNAVAILABLE, SYSTEM_READ},
};

/// What may be done with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Read files and list folders.
    Read,
    /// List this folder and those below, and read no file.
    List,
    /// Read, write, make and remove plain files, folders and links.
    Write,
    /// Read and execute.
    Execute,
    /// Read and write a device.
    Device,
}

/// A place, opened, and what may be done with it.
#[derive(Debug)]
pub struct Grant {
    /// The place, opened with `O_PATH`.
    pub place: OwnedFd,
    /// What may be done with it.
    pub right: Right,
}

/// What every program needs: libraries, the loader's files, name resolution, harmless devices.
///
/// There is no `/proc`, no `/sys`, no home, no shared temporary folder.
const SYSTEM: &[(&str, Right)] = &[
    ("/usr", Right::Execute),
    ("/lib", Right::Execute),
    ("/lib32", Right::Execute),
    ("/lib64", Right::Execute),
    ("/bin", Right::Execute),
    ("/sbin", Right::Execute),
    ("/nix/store", Right::Execute),
    ("/etc/ld.so.cache", Right::Read),
    ("/etc/ld.so.conf", Right::Read),
    ("/etc/ld.so.conf.d", Right::Read),
    ("/etc/ld-musl-x86_64.path", Right::Read),
    ("/etc/alternatives", Right::Read),
    ("/etc/localtime", Right::Read),
    ("/etc/ssl/certs", Right::Read),
    ("/etc/ssl/openssl.cnf", Right::Read),
    ("/etc/pki/tls/certs", Right::Read),
    ("/etc/pki/ca-trust/extracted", Right::Read),
    ("/etc/ca-certificates", Right::Read),
    ("/etc/nsswitch.conf", Right::Read),
    ("/etc/host.conf", Right::Read),
    ("/etc/hosts", Right::Read),
    ("/etc/resolv.conf", Right::Read),
    ("/etc/services", Right::Read),
    ("/etc/protocols", Right::Read),
    ("/etc/passwd", Right::Read),
    ("/etc/group", Right::Read),
    ("/etc/mime.types", Right::Read),
    ("/dev/null", Right::Device),
    ("/dev/zero", Right::Device),
    ("/dev/full", Right::Device),
    ("/dev/random", Right::Read),
    ("/dev/urandom", Right::Read),
];

/// Places outside the repository that no plan may have read, nor anything above or, for the first four, below them.
const NEVER: [&str; 4] = ["/proc", "/sys", "/dev", "/run"];

/// Builds the ruleset and returns its descriptor.
pub(super) fn build(profile: &Profile, abi: i32) -> Result<OwnedFd> {
    let level = level(abi);
    let unavailable = |e: &dyn std::fmt::Display| Refusal::new(SANDBOX_UNAVAILABLE, format!("Landlock: {e}"));
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(level))
        .and_then(|r| r.handle_access(AccessNet::from_all(ABI::V4)))
        .map_err(|e| unavailable(&e))?;
    if level >= ABI::V6 {
        ruleset = ruleset.scope(Scope::from_all(ABI::V6)).map_err(|e| unavailable(&e))?;
    }
    let mut made = ruleset.create().map_err(|e| unavailable(&e))?;
    let own = profile.grants.iter().map(|grant| Ok((grant, is_folder(grant)?)));
    for known in system_grants().iter().map(|(grant, folder)| Ok((grant, *folder))).chain(own) {
        let (grant, folder) = known.map_err(|e: Errno| unavailable(&e))?;
        let rights = rights(grant.right, folder) & AccessFs::from_all(level);
        made = made.add_rule(PathBeneath::new(grant.place.as_fd(), rights)).map_err(|e| unavailable(&e))?;
    }
    let names = matches!(profile.network, Network::Names).then_some(53);
    for port in profile.ports.iter().copied().chain(names) {
        made = made.add_rule(NetPort::new(port, AccessNet::ConnectTcp)).map_err(|e| unavailable(&e))?;
    }
    let fd: Option<OwnedFd> = made.into();
    fd.ok_or_else(|| Refusal::new(SANDBOX_UNAVAILABLE, "Landlock: the kernel gave no ruleset"))
}

/// The rules that this kernel has and we know; asking for exactly those lets a missing one be an error.
fn level(abi: i32) -> ABI {
    match abi {
        ..=4 => ABI::V4,
        5 => ABI::V5,
        _ => ABI::V6,
    }
}

fn rights(right: Right, folder: bool) -> BitFlags<AccessFs> {
    let of_file: BitFlags<AccessFs> =
        AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::Execute | AccessFs::IoctlDev;
    let all: BitFlags<AccessFs> = match right {
        Right::Read => AccessFs::ReadFile | AccessFs::ReadDir,
        Right::List => AccessFs::ReadDir.into(),
        Right::Execute => AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute,
        Right::Device => AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate,
        Right::Write => {
            AccessFs::ReadFile
                | AccessFs::ReadDir
                | AccessFs::WriteFile
                | AccessFs::Truncate
                | AccessFs::MakeReg
                | AccessFs::MakeDir
                | AccessFs::MakeSym
                | AccessFs::RemoveFile
                | AccessFs::RemoveDir
                | AccessFs::Refer
        }
    };
    if folder { all } else { all & of_file }
}

fn is_folder(grant: &Grant) -> std::result::Result<bool, Errno> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(&grant.place)?.st_mode) == FileType::Directory)
}

/// Opens the system's own places once for the process, and sees which are folders; a path that is not there is left out.
fn system_grants() -> &'static [(Grant, bool)] {
    static OPENED: OnceLock<Vec<(Grant, bool)>> = OnceLock::new();
    OPENED.get_or_init(|| {
        SYSTEM
            .iter()
            .filter_map(|(path, right)| {
                let place = rustix::fs::open(*path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
                let grant = Grant { place, right: *right };
                let folder = is_folder(&grant).ok()?;
                Some((grant, folder))
            })
            .collect()
    })
}

/// Tells whether a place lies in what every program may read.
#[must_use]
pub fn is_open_to_all(path: &Path) -> bool {
    SYSTEM.iter().any(|(place, _)| path.starts_with(place))
}

/// Opens a place outside the repository that a step declares to read; the `private` places stay out of it.
///
/// # Errors
/// `path.system` where it is not a plain absolute path, is not there, or would open too much.
pub fn system_path(path: &str, private: &[&Path]) -> Result<Grant> {
    let refuse = |why: &str| Refusal::new(SYSTEM_READ, format!("`{path}` {why}")).subject(path);
    let given = Path::new(path);
    let plain = given.is_absolute()
        && given.components().skip(1).all(|part| matches!(part, Component::Normal(_)))
        && given.components().count() > 1
        && !path.ends_with('/')
        && !path.contains("//")
        && !path.contains("/./");
    if !plain {
        return Err(refuse("is not a plain absolute path"));
    }
    let real = given.canonicalize().map_err(|_| refuse("is not there"))?;
    // Where a link leads can change after the plan was approved; the system's own are root's.
    if real != given && !(is_open_to_all(given) && is_open_to_all(&real)) {
        return Err(refuse("leads elsewhere by a link").hint(format!("name `{}` itself", real.display())));
    }
    let never =
        NEVER.iter().any(|place| real.starts_with(place)) || NEVER.iter().any(|p| Path::new(p).starts_with(&real));
    let holds = private.iter().any(|place| place.starts_with(&real) || real.starts_with(place));
    if never || holds {
        return Err(refuse("would let the program read what it must not"));
    }
    let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let place = rustix::fs::open(&real, flags, Mode::empty()).map_err(|_| refuse("cannot be opened"))?;
    let stat = rustix::fs::fstat(&place).map_err(|_| refuse("cannot be opened"))?;
    if !matches!(FileType::from_raw_mode(stat.st_mode), FileType::RegularFile | FileType::Directory) {
        return Err(refuse("is neither a plain file nor a folder"));
    }
    Ok(Grant { place, right: Right::Read })
}
