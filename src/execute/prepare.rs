//! Makes a run action ready: its program, arguments, environment and sandbox, all checked.

use std::{
    collections::BTreeMap,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Timespec, Timestamps};

use super::{
    inputs::Inputs,
    links::Look,
    process::{meter::Meter, program::Program},
    reasons::{PATH_CREDENTIALS, SECRET_MISSING},
    sandbox::{Grant, Jail, Network, Profile, Right, system_path},
    scratch::Scratch,
    setting::RunSetting,
    slots::{Outputs, Places, fill},
};
use crate::{
    base::{
        digest::Digest,
        launch,
        path::RepoPath,
        reason::{IO, Refusal, Result},
    },
    plan::model::{Action, CaptureFrom, Host, Plan, Read, Run, Step},
    step::{
        committed::{self, Readable},
        kind_of,
        reasons::{PATH_KIND, PATH_MISSING, PATH_SYMLINK},
        workspace::Workspace,
    },
};

/// What an action is prepared from.
pub(super) struct Materials<'a> {
    pub(super) plan: &'a Plan,
    pub(super) step: &'a Step,
    pub(super) setting: &'a RunSetting,
    pub(super) workspace: &'a Workspace,
    pub(super) scratch: &'a Scratch<'a>,
    pub(super) outputs: &'a Outputs,
    pub(super) inputs: &'a Inputs,
    pub(super) key: Digest,
}

/// A run action, ready to start.
pub(super) struct Prepared {
    pub(super) program: Program,
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<String>,
    pub(super) folder: OwnedFd,
    pub(super) jail: Option<Jail>,
    /// What its processes may use together.
    pub(super) meter: Arc<Meter>,
    /// Files that were made so that they could be allowed; where nobody wrote to them, they go with this.
    _placeholders: Vec<Placeholder>,
}

impl Prepared {
    /// Makes an action ready.
    ///
    /// # Errors
    /// Every check just before a start: programs, inputs, paths, secrets, slots, the sandbox.
    pub(super) fn new(run: &Run, materials: &Materials<'_>) -> Result<Self> {
        let Materials { setting, workspace, scratch, .. } = materials;
        let program = Program::open(&run.program, workspace.path())?;
        let scripts = scratch.scripts();
        let files = scratch.files();
        let places = Places { scripts: &scripts, scratch: &files };
        let argv = run.argv.iter().map(|arg| fill(arg, materials.outputs, &places)).collect::<Result<Vec<_>>>()?;
        let env = environment(run, materials, &places)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = workspace.open_beneath(&run.cwd, flags, Mode::empty())?;
        for read in run.reads.iter().filter(|read| read.digest.is_some()) {
            workspace.check_digest(read)?;
        }
        let (mut grants, placeholders) = grants(run, materials)?;
        grants.push(Grant { place: program.place()?, right: Right::Execute });
        if let Some(own) = own_prefix(program.real()) {
            grants.push(open_place(&own, Right::Execute)?);
        }
        grants.push(open_place(&files, Right::Write)?);
        grants.push(open_place(&scratch.home(), Right::Write)?);
        grants.push(open_place(&scripts, Right::Read)?);
        let profile = Profile { grants, network: network(&run.network), ports: ports(&run.network) };
        let jail = if confined(setting) { Some(Jail::new(&profile)?) } else { None };
        let meter = Meter::new(&run.limits, profile.grants);
        Ok(Self { program, argv, env, folder, jail, meter, _placeholders: placeholders })
    }
}

#[cfg(test)]
fn confined(setting: &RunSetting) -> bool {
    !setting.without_sandbox
}

#[cfg(not(test))]
fn confined(_: &RunSetting) -> bool {
    true
}

/// The whole environment: the fixed part cannot be overridden, and nothing is inherited.
fn environment(run: &Run, materials: &Materials<'_>, places: &Places<'_>) -> Result<Vec<String>> {
    let Materials { plan, step, setting, scratch, .. } = materials;
    let files = scratch.files().display().to_string();
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, arg) in &run.env {
        all.insert(name.clone(), fill(arg, materials.outputs, places)?);
    }
    for name in &run.secrets {
        let secret = setting.secrets.get(name);
        let secret = secret.ok_or_else(|| Refusal::new(SECRET_MISSING, format!("`{name}`")).subject(name))?;
        all.insert(name.clone(), secret.expose().to_owned());
    }
    let fixed = [
        ("HOME", scratch.home().display().to_string()),
        ("TMPDIR", files.clone()),
        ("SOURCE_DATE_EPOCH", plan.created_at.unix().to_string()),
        ("COUNTERSIGN_RUN", setting.run.to_string()),
        ("COUNTERSIGN_STEP", step.id.to_string()),
        ("COUNTERSIGN_IDEMPOTENCY_KEY", materials.key.hex()),
        ("COUNTERSIGN_FENCING", setting.fencing.clone()),
        ("COUNTERSIGN_SCRATCH", files),
    ];
    all.extend(launch::FIXED.map(|(name, value)| (name.to_owned(), value.to_owned())));
    all.extend(fixed.map(|(name, value)| (name.to_owned(), value)));
    Ok(all.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
}

fn grants(run: &Run, materials: &Materials<'_>) -> Result<(Vec<Grant>, Vec<Placeholder>)> {
    let Materials { setting, workspace, .. } = materials;
    let mut all = Vec::new();
    for read in &run.reads {
        read_grants(read, run, materials, &mut all)?;
    }
    let mut placeholders = Vec::new();
    let mut look = Look::default();
    for path in &run.writes {
        path.check_writable()?;
        let place = match workspace.locate(path)? {
            Some((place, stat)) => {
                match FileType::from_raw_mode(stat.st_mode) {
                    FileType::RegularFile => Look::file(path, stat.st_nlink)?,
                    FileType::Directory => look.folder(path, &place)?,
                    _ => {}
                }
                place
            }
            None if is_folder(path, materials.step) => workspace.make_folder(path)?,
            None => {
                let (placeholder, place) = Placeholder::make(path, workspace)?;
                placeholders.push(placeholder);
                place
            }
        };
        all.push(Grant { place, right: Right::Write });
    }
    look.finish()?;
    let scratch_root = setting.scratch.canonicalize().unwrap_or_else(|_| setting.scratch.clone());
    let private = [workspace.path(), &scratch_root];
    let private: Vec<&Path> = private.into_iter().chain(setting.private.iter().map(PathBuf::as_path)).collect();
    for path in &run.system_reads {
        all.push(system_path(path, &private)?);
    }
    Ok((all, placeholders))
}

/// A folder is all that is committed there, and what steps wrote; names can be listed, the content of others cannot be read.
///
/// `.` is every entry of the root but `.git`.
fn read_grants(read: &Read, run: &Run, materials: &Materials<'_>, all: &mut Vec<Grant>) -> Result<()> {
    let (path, workspace) = (&read.path, materials.workspace);
    if Path::new(path.as_str()).starts_with(".git") {
        check_credentials(workspace)?;
    }
    let readable = materials.inputs.readable(read, workspace)?;
    if let Readable::Parts(parts) = readable {
        for part in &parts {
            match workspace.locate_any(part) {
                Ok(Some((place, _))) => all.push(Grant { place, right: Right::Read }),
                Ok(None) => {}
                // A link is its own name and no more: what it leads to is granted, or is not.
                Err(why) if [PATH_SYMLINK, PATH_KIND].contains(&why.reason()) => {}
                Err(why) => return Err(why),
            }
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        all.push(Grant { place: workspace.open_beneath(path, flags, Mode::empty())?, right: Right::List });
        return Ok(());
    }
    let made = |write: &RepoPath| path.is_within(write);
    match workspace.locate(path)? {
        Some((place, _)) => all.push(Grant { place, right: Right::Read }),
        // What the program itself makes is granted as a write.
        None if run.writes.iter().any(made) => {}
        // What neither a commit holds nor a step makes is there or is not; the program will see.
        None if !read.is_pinned() && !materials.plan.steps.iter().flat_map(Step::writes).any(made) => {}
        None => return Err(Refusal::new(PATH_MISSING, format!("`{path}` is not there")).subject(path.as_str())),
    }
    Ok(())
}

/// Refuses a repository whose configuration holds a credential, as checkout actions leave there.
fn check_credentials(workspace: &Workspace) -> Result<()> {
    match committed::credentials(workspace)?.first() {
        Some(first) => Err(Refusal::new(PATH_CREDENTIALS, format!("`{first}` holds a credential")).subject(first)),
        None => Ok(()),
    }
}

/// Tells whether a path that is not there yet is meant as a folder.
///
/// It is one where something the step names lies below it, or where its last part has no `.` and no
/// capture or other action of the step takes it for a file.
fn is_folder(path: &RepoPath, step: &Step) -> bool {
    let mut named: Vec<RepoPath> = Vec::new();
    let mut files: Vec<&RepoPath> = Vec::new();
    for action in step.every_action() {
        let touch = kind_of(action).touch(action);
        named.extend(touch.writes.iter().cloned().chain(touch.reads.iter().map(|read| read.path.clone())));
        match action {
            Action::Run(run) => files.extend(run.captures.iter().filter_map(|capture| match &capture.from {
                CaptureFrom::File(path) | CaptureFrom::FileDigest(path) => Some(path),
                _ => None,
            })),
            Action::Copy(copy) => files.extend([&copy.from.path, &copy.to]),
            Action::Patch(patch) => files.push(&patch.path),
            Action::Commit(commit) => files.extend(&commit.paths),
            Action::Write(_) | Action::Tag(_) => {}
        }
    }
    if files.contains(&path) {
        return false;
    }
    let below = |other: &RepoPath| other != path && other.is_within(path);
    let last = path.as_str().rsplit('/').next().unwrap_or_default();
    named.iter().any(below) || files.iter().any(|file| below(file)) || !last.contains('.')
}

/// An empty file made so that the sandbox can allow it by itself: the kernel's rules are for what is there.
struct Placeholder {
    folder: OwnedFd,
    name: String,
}

impl Placeholder {
    fn make(path: &RepoPath, workspace: &Workspace) -> Result<(Self, OwnedFd)> {
        let (folder, name) = workspace.parent(path)?;
        let failed = |e: rustix::io::Errno| Refusal::new(IO, format!("cannot make `{path}`: {e}"));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let made = rustix::fs::openat(&folder, name, flags, Mode::from_raw_mode(0o644)).map_err(failed)?;
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        // A time that no write leaves tells later whether anybody wrote.
        let times = Timestamps { last_access: never, last_modification: never };
        rustix::fs::futimens(&made, &times).map_err(failed)?;
        Ok((Self { folder, name: name.to_owned() }, made))
    }
}

impl Drop for Placeholder {
    /// Takes it away where nobody wrote to it, also where its step was refused before it began.
    fn drop(&mut self) {
        if let Ok(stat) = rustix::fs::statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW)
            && stat.st_size == 0
            && stat.st_mtime == 0
            && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
        {
            // An empty file that stays is no danger; a capture of it is refused as empty.
            let _ = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
        }
    }
}

/// Returns the product's own folder where a program lies in `/opt/PRODUCT`; elsewhere the file alone is granted.
pub(super) fn own_prefix(program: &Path) -> Option<PathBuf> {
    let rest = program.strip_prefix("/opt").ok()?;
    let mut parts = rest.components();
    let product = parts.next()?;
    parts.next()?;
    Some(Path::new("/opt").join(product))
}

pub(super) fn open_place(path: &Path, right: Right) -> Result<Grant> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let place = rustix::fs::open(path, flags, Mode::empty())
        .map_err(|e| Refusal::new(IO, format!("cannot open `{}`: {e}", path.display())))?;
    Ok(Grant { place, right })
}

fn network(hosts: &[Host]) -> Network {
    if hosts.is_empty() {
        Network::None
    } else if hosts.iter().all(|host| host.name.parse::<std::net::IpAddr>().is_ok()) {
        Network::Addresses
    } else {
        Network::Names
    }
}

fn ports(hosts: &[Host]) -> Vec<u16> {
    let mut ports: Vec<u16> = hosts.iter().map(|host| host.port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_products_own_folder_is_opened_with_a_program() {
        assert_eq!(own_prefix(Path::new("/opt/tool/bin/tool")), Some(PathBuf::from("/opt/tool")));
        for alone in ["/opt/tool", "/home/someone/tool", "/usr/bin/git", "/tool"] {
            assert_eq!(own_prefix(Path::new(alone)), None, "{alone}");
        }
    }
}
