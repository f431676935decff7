//! A department's system behind folders, in the style of the customs client: a file for
//! each order in one, a file for each reply in another. In go orders as whole files, out
//! come replies, from files that nobody writes to any more.
//!
//! Promised: a file appears in the folder for orders once, complete, whatever dies when.
//! The steps, with what a death after each means (all in `work`, beside the orders):
//! 1. `ID.part` written and synced: it is written again
//! 2. `ID.sent`, an empty mark, made and synced: step 3 follows if the part is still there,
//!    else step 3 was done
//! 3. `ID.part` renamed into the folder for orders, both folders synced
//! 4. the fate is recorded; the mark goes when the next orders come
//!
//! A reply is named `DELIVERY-N.xml`. It is removed after it became an answer, or moved to
//! `refused` with the reason beside it.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::{Backend, BackendError, Given, Order, OrderFate, Reply, ReplyFate};
use crate::inbox::ANSWER_BYTES;
use crate::runner::{BATCH, HandlerError};

/// Folder for what is being written.
const WORK: &str = "work";
/// Folder for replies that cannot be answers.
const REFUSED: &str = "refused";
/// Files of a folder that are looked at in one go.
const LOOK_AT: usize = 10_000;
/// Bytes of a file's name (NAME_MAX of Linux), with room for our endings.
const NAME_BYTES: usize = 240;

/// Writes into one folder and reads another.
#[derive(Clone, Debug)]
pub struct FolderBackend {
    orders: PathBuf,
    replies: Option<PathBuf>,
    /// A file is complete when it was not changed for so long.
    still: Duration,
    /// Files of replies, as they were since when.
    seen: BTreeMap<PathBuf, (Look, Instant)>,
}

/// What changes while somebody writes: length and time of the last change.
type Look = (u64, Option<SystemTime>);

impl FolderBackend {
    /// A back end; the folders must be there and on one file system each with its
    /// subfolders.
    #[must_use]
    pub fn new(orders: &Path, replies: Option<&Path>, still: Duration) -> FolderBackend {
        let (orders, replies) = (orders.to_owned(), replies.map(Path::to_owned));
        FolderBackend { orders, replies, still, seen: BTreeMap::new() }
    }

    /// The files that did not change for long enough, by their names.
    fn resting(&mut self, files: BTreeMap<PathBuf, Look>, now: Instant) -> Vec<PathBuf> {
        self.seen.retain(|file, _| files.contains_key(file));
        for (file, look) in files {
            let seen = self.seen.entry(file).or_insert((look, now));
            if seen.0 != look {
                *seen = (look, now);
            }
        }
        let rests = |since: &Instant| now.duration_since(*since) >= self.still;
        let resting = self.seen.iter().filter(|(_, (_, since))| rests(since));
        resting.map(|(file, _)| file.clone()).collect()
    }
}

impl Backend for FolderBackend {
    /// The file.
    type Ticket = PathBuf;
    const BATCH: usize = BATCH;

    async fn hand_over(&mut self, orders: &[Order]) -> Given {
        let (folder, orders) = (self.orders.clone(), orders.to_vec());
        let written = spawn_blocking(move || put_all(&folder, &orders));
        written.await.unwrap_or_else(|_| Given::nothing(ended()))
    }

    async fn collect(&mut self, max: usize) -> Result<Vec<(Reply, PathBuf)>, BackendError> {
        let Some(folder) = self.replies.clone() else { return Ok(Vec::new()) };
        let listed = spawn_blocking(move || listed(&folder).map_err(failed(&folder)));
        let files = listed.await.map_err(|_| ended())??;
        let mut resting = self.resting(files, Instant::now());
        resting.truncate(max);
        spawn_blocking(move || read_all(resting)).await.map_err(|_| ended())?
    }

    async fn settle(&mut self, settled: Vec<(PathBuf, ReplyFate)>) -> Result<(), BackendError> {
        let task = spawn_blocking(move || {
            settled.iter().try_for_each(|(file, fate)| clear(file, fate).map_err(failed(file)))
        });
        task.await.map_err(|_| ended())?
    }

    async fn close(&mut self) {}
}

/// Writes orders until one cannot be written.
fn put_all(folder: &Path, orders: &[Order]) -> Given {
    let mut given = Given::default();
    let work = folder.join(WORK);
    if let Err(error) = prepare(&work, orders) {
        return Given::nothing(failed(&work)(error));
    }
    for order in orders {
        let fate = match file_name(order) {
            Ok(name) => put(folder, &work, &name, &order.content).map(|()| OrderFate::Done),
            Err(error) => Ok(OrderFate::Refused(error)),
        };
        match fate {
            Ok(fate) => given.fates.push((order.number, fate)),
            Err(error) => {
                given.error = Some(failed(folder)(error));
                break;
            }
        }
    }
    given
}

/// Makes the work folder and removes the marks of orders whose fate is recorded.
fn prepare(work: &Path, orders: &[Order]) -> io::Result<()> {
    match fs::create_dir(work) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let names = orders.iter().filter_map(|order| file_name(order).ok());
    let marks: HashSet<String> = names.map(|name| format!("{name}.sent")).collect();
    for entry in fs::read_dir(work)?.take(LOOK_AT) {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".sent") && !marks.contains(&name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn put(folder: &Path, work: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let (part, mark) = (work.join(format!("{name}.part")), work.join(format!("{name}.sent")));
    if !mark.try_exists()? {
        let mut file = File::create(&part)?;
        file.write_all(content)?;
        file.sync_all()?;
        OpenOptions::new().write(true).create_new(true).open(&mark)?.sync_all()?;
        sync(work)?;
    }
    match rename(&part, &folder.join(name)) {
        // An earlier life came as far as this.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        renamed => renamed?,
    }
    sync(folder)?;
    sync(work)
}

/// `DELIVERY.xml`, or another ending for what is no XML.
fn file_name(order: &Order) -> Result<String, HandlerError> {
    let ending = if order.content_type.contains("json") { "json" } else { "xml" };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let id = &order.delivery;
    if id.is_empty() || id.len() > NAME_BYTES || id.starts_with('.') || !id.chars().all(plain) {
        let text = format!("{id:?} cannot be the name of a file");
        return Err(HandlerError::new("backend-refused", text));
    }
    Ok(format!("{id}.{ending}"))
}

/// The files of a folder that may be replies.
fn listed(folder: &Path) -> io::Result<BTreeMap<PathBuf, Look>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)?.take(LOOK_AT) {
        let file = entry?.path();
        match fs::metadata(&file) {
            Ok(facts) if facts.is_file() && is_reply(&file) => {
                files.insert(file, (facts.len(), facts.modified().ok()));
            }
            Ok(_) => {}
            // Whoever put it there took it back.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}

/// Whether a name is that of a reply, and not of something on its way to be one.
fn is_reply(file: &Path) -> bool {
    let hidden = file.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
    let ending = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    !hidden && ending == "xml"
}

fn read_all(files: Vec<PathBuf>) -> Result<Vec<(Reply, PathBuf)>, BackendError> {
    let mut replies = Vec::new();
    for file in files {
        if let Some(content) = read(&file).map_err(failed(&file))? {
            let id = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let delivery = id.rsplit_once('-').map_or("", |(delivery, _)| delivery).to_owned();
            replies.push((Reply { id, delivery, content }, file));
        }
    }
    Ok(replies)
}

/// The content of a file; one byte more than allowed at most.
fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        open => open?.take(ANSWER_BYTES as u64 + 1).read_to_end(&mut content)?,
    };
    Ok(Some(content))
}

fn clear(file: &Path, fate: &ReplyFate) -> io::Result<()> {
    let gone = |done: io::Result<()>| match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    };
    let ReplyFate::Refused(HandlerError { code, text }) = fate else {
        return gone(fs::remove_file(file));
    };
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Ok(()) };
    let refused = folder.join(REFUSED);
    match fs::create_dir(&refused) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let to = refused.join(name);
    fs::write(to.with_extension("reason.txt"), format!("{code}\n{text}\n"))?;
    gone(rename(file, &to))?;
    sync(&refused)?;
    sync(folder)
}

#[expect(clippy::disallowed_methods, reason = "this file owns the durability of these folders")]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Makes what happened in a folder durable.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn failed(at: &Path) -> impl Fn(io::Error) -> BackendError {
    let at = at.display().to_string();
    move |error| BackendError::away("backend-folder", format!("{at}: {error}"))
}

fn ended() -> BackendError {
    BackendError::away("backend-folder", "the task that writes files ended")
}

#[cfg(test)]
mod tests;
