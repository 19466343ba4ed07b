//! `ledger verify|log|show|export|checkpoint`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{
    app::{
        files,
        keys::{reasons::SSH_NO_SIGNATURE, ssh_export},
        ledger::{checkpoint, unread},
        output::Outcome,
        outputs,
        session::Session,
        signer,
        world::World,
    },
    base::{
        json,
        reason::{INTERNAL, IO, Refusal, Result},
        text::{count, counted, visible},
        time::Timestamp,
    },
    cli::{
        args::{LedgerCommand, SignerArgs},
        outputs::is_stdout,
    },
    ledger::{Keep, format::MAX_ENTRY, log::LogItem},
    sign::{Duty, Envelope, Verified, predicate::Checkpoint},
};

pub(super) fn run(command: &LedgerCommand, world: &mut World) -> Result<Outcome> {
    let session = Session::open(world)?;
    match command {
        LedgerCommand::Verify { against } => verify(against, &session, world),
        LedgerCommand::Log { limit } => log(limit.get(), &session, world),
        LedgerCommand::Show { seq, openssh } => show(*seq, openssh.as_deref(), &session, world),
        LedgerCommand::Export { out } => export(out.as_deref(), &session, world),
        LedgerCommand::Checkpoint { out, signer } => sign(out.as_deref(), signer, &session, world),
    }
}

fn verify(against: &[PathBuf], session: &Session, world: &World) -> Result<Outcome> {
    let kept = against.iter().map(|path| kept(path, session, world)).collect::<Result<Vec<_>>>()?;
    let mut ledger = unread(session)?.with_keep(Keep::Nothing);
    let (entries, objects) = ledger.verify_all(world.now())?;
    let head = ledger.head();
    let hash = head.as_ref().map(|head| head.hash.to_string()).unwrap_or_default();
    let chain = ledger.read(world.now())?;
    let mut agreed = String::new();
    for (path, checkpoint) in against.iter().zip(&kept) {
        chain.must_agree(checkpoint, &session.root).map_err(|refusal| refusal.subject(shown(path)))?;
        agreed.push_str(&format!("  agrees with {}, of entry {}\n", shown(path), checkpoint.ledger.seq));
    }
    let result = json!({
        "entries": entries,
        "agreesWith": kept.iter().map(|checkpoint| checkpoint.ledger.seq).collect::<Vec<_>>(),
        "objects": objects,
        "head": hash,
        "genesis": session.root.document().ledger.genesis,
    });
    let objects = count(objects, "object");
    let text = format!("{} and {objects} hold\n  head {hash}\n{agreed}", counted(entries, "entry", "entries"));
    Ok(Outcome::done(result, text).decision("verified").about(hash))
}

/// Reads a checkpoint that was kept elsewhere; its key must stand now.
fn kept(path: &Path, session: &Session, world: &World) -> Result<Checkpoint> {
    let bytes = files::read(&world.cwd.join(path), MAX_ENTRY)?;
    let open = || {
        let envelope = Envelope::parse(&bytes)?;
        let duties = [Duty::Executor, Duty::Witness];
        let checkpoint: Verified<Checkpoint> = Verified::open(&envelope, &session.root, &duties, world.now())?;
        Ok(checkpoint.predicate().clone())
    };
    open().map_err(|refusal: Refusal| refusal.subject(shown(path)))
}

fn shown(path: &Path) -> String {
    visible(&path.display().to_string())
}

/// One entry as `log` and `history` show it; frozen.
pub(super) fn row(item: &LogItem) -> Value {
    json!({
        "seq": item.seq,
        "at": item.at,
        "kind": item.kind,
        "plan": item.plan,
        "subject": item.subject,
        "actor": item.actor,
        "signedBy": item.signed_by,
        "hash": item.hash,
        "payload": item.payload,
    })
}

/// One entry as a line.
pub(super) fn line(item: &LogItem) -> String {
    let plan = item.plan.map(|plan| plan.short()).unwrap_or_else(|| "-".to_owned());
    let who = item.actor.clone().or_else(|| item.signed_by.first().cloned()).unwrap_or_default();
    let subject = item.subject.as_deref().map(visible).unwrap_or_default();
    format!("{:>6} {} {:<13} {plan:<8} {:<16} {subject}\n", item.seq, item.at, item.kind, visible(&who))
}

fn log(limit: usize, session: &Session, world: &World) -> Result<Outcome> {
    let mut ledger = session.entries(world.now())?;
    let mut items = ledger.log(world.now(), limit, |_| true)?;
    items.reverse();
    let text: String = items.iter().map(line).collect();
    Ok(Outcome::done(json!(items.iter().map(row).collect::<Vec<_>>()), text))
}

fn show(seq: u64, openssh: Option<&Path>, session: &Session, world: &World) -> Result<Outcome> {
    let mut ledger = session.entries(world.now())?;
    let (entry, bytes) = ledger.show(world.now(), seq)?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|e| Refusal::new(INTERNAL, e.to_string()))?;
    let raw = value["envelope"]["payload"].as_str().unwrap_or_default().to_owned();
    let payload = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, raw).unwrap_or_default();
    let statement: Value = serde_json::from_slice(&payload).map_err(|e| Refusal::new(INTERNAL, e.to_string()))?;
    let item = LogItem::new(&entry, &bytes, &session.root)?;
    let mut result = row(&item);
    result["statement"] = statement.clone();
    result["entry"] = value;
    let pretty = serde_json::to_string_pretty(&statement).unwrap_or_default();
    let mut text = format!("{}hash {}\n{}\n", line(&item), entry.hash, crate::base::text::visible_lines(&pretty));
    if let Some(folder) = openssh {
        let strict = json::parse(&bytes, bytes.len())?;
        let envelope = Envelope::from_value(&strict["envelope"])?;
        let (written, how) = to_openssh(&envelope, item.at, folder, session, world)?;
        result["openssh"] = json!(written);
        text.push_str(&how);
    }
    Ok(Outcome::done(result, text).about(entry.hash.to_string()))
}

/// Writes the OpenSSH signatures of an envelope where stock OpenSSH can check them; returns the paths, and how.
fn to_openssh(
    envelope: &Envelope,
    at: Timestamp,
    folder: &Path,
    session: &Session,
    world: &World,
) -> Result<(Vec<String>, String)> {
    let export = ssh_export::export(envelope, &session.root);
    if export.signatures.is_empty() {
        return Err(Refusal::new(SSH_NO_SIGNATURE, "no key of it is one of OpenSSH"));
    }
    let written = export.write(&world.cwd.join(folder), &ssh_export::allowed_signers(&session.root, at)?)?;
    let shown = folder.display();
    let how = export.signatures.iter().map(|signature| {
        let (identity, key) = (visible(&signature.identity), signature.key.hex());
        format!(
            "check it: ssh-keygen -Y verify -f {shown}/allowed_signers -I {identity} -n countersign -s {shown}/{key}.sig < {shown}/message\n"
        )
    });
    Ok((written.iter().map(|path| path.display().to_string()).collect(), how.collect()))
}

fn export(out: Option<&Path>, session: &Session, world: &mut World) -> Result<Outcome> {
    let now = world.now();
    let mut ledger = session.entries(now)?;
    let entries = ledger.read(now)?.length();
    match out {
        Some(out) if is_stdout(out) => {
            let mut bytes = Vec::new();
            ledger.export(now, &mut bytes)?;
            outputs::write(out, &bytes, world)?;
            Ok(Outcome::done(json!({ "entries": entries }), format!("{}\n", counted(entries, "entry", "entries"))))
        }
        Some(out) => {
            let path = world.cwd.join(out);
            let file =
                std::fs::File::create(&path).map_err(|e| Refusal::new(IO, format!("{}: {e}", path.display())))?;
            ledger.export(now, std::io::BufWriter::new(file))?;
            let shown = out.display().to_string();
            Ok(Outcome::done(
                json!({ "entries": entries, "path": shown }),
                format!("{shown}: {}\n", counted(entries, "entry", "entries")),
            ))
        }
        None => {
            let mut bytes = Vec::new();
            ledger.export(now, &mut bytes)?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            Ok(Outcome::done(json!({ "entries": entries, "lines": lines }), text.clone()))
        }
    }
}

fn sign(out: Option<&Path>, args: &SignerArgs, session: &Session, world: &World) -> Result<Outcome> {
    let hand = signer::find(args, &[Duty::Executor, Duty::Witness], session, world)?;
    let mut ledger = unread(session)?.with_keep(Keep::Nothing);
    let seq = checkpoint(&mut ledger, session, hand.signer(), world)?;
    let mut text = format!("everything up to entry {} holds; recorded as ledger entry {seq}\n", seq.saturating_sub(1));
    if let Some(out) = out {
        let (_, bytes) = ledger.show(world.now(), seq)?;
        let strict = json::parse(&bytes, bytes.len())?;
        outputs::write(out, &Envelope::from_value(&strict["envelope"])?.to_bytes()?, world)?;
        let kept = if is_stdout(out) { "FILE".to_owned() } else { shown(out) };
        text.push_str(&format!("later: countersign ledger verify --against {kept}\n"));
    }
    Ok(Outcome::done(json!({ "ledgerSeq": seq }), text))
}
