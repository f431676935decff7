//! The folder back end: files appear once and whole, whatever died when; replies are read
//! when nobody writes to them any more.

use tempfile::TempDir;

use super::*;

struct Folders {
    folder: TempDir,
    backend: FolderBackend,
}

fn folders() -> Folders {
    let folder = tempfile::tempdir().unwrap();
    let (out, replies) = (folder.path().join("out"), folder.path().join("in"));
    fs::create_dir(&out).unwrap();
    fs::create_dir(&replies).unwrap();
    let backend = FolderBackend::new(&out, Some(&replies), Duration::from_secs(2));
    Folders { folder, backend }
}

impl Folders {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn order(number: u64, id: &str) -> Order {
    let content = format!("content of {id}").into_bytes();
    let content_type = "application/xml".to_owned();
    Order { number, delivery: id.to_owned(), content, content_type, ..Order::default() }
}

#[tokio::test]
async fn orders_are_whole_files_and_the_marks_go_with_the_next_ones() {
    let mut f = folders();
    let json = Order { content_type: "application/json".to_owned(), ..order(2, "d.2") };
    let given = f.backend.hand_over(&[order(1, "d.1"), json]).await;
    assert_eq!(given.fates, [(1, OrderFate::Done), (2, OrderFate::Done)]);
    assert_eq!(f.files("out"), ["d.1.xml", "d.2.json", "work"]);
    assert_eq!(fs::read(f.path("out/d.1.xml")).unwrap(), b"content of d.1");
    assert_eq!(f.files("out/work"), ["d.1.xml.sent", "d.2.json.sent"]);
    f.backend.hand_over(&[order(3, "d.3")]).await;
    assert_eq!(f.files("out/work"), ["d.3.xml.sent"]);
}

#[tokio::test]
async fn after_a_death_at_each_step_a_file_appears_once() {
    // Before the mark: half a part is written again.
    let mut f = folders();
    fs::create_dir(f.path("out/work")).unwrap();
    fs::write(f.path("out/work/d.xml.part"), "half").unwrap();
    f.backend.hand_over(&[order(1, "d")]).await;
    assert_eq!(fs::read(f.path("out/d.xml")).unwrap(), b"content of d");
    // After the mark, before the rename: the part that is there goes on.
    let mut f = folders();
    fs::create_dir(f.path("out/work")).unwrap();
    fs::write(f.path("out/work/d.xml.part"), "whole").unwrap();
    fs::write(f.path("out/work/d.xml.sent"), "").unwrap();
    let given = f.backend.hand_over(&[order(1, "d")]).await;
    assert_eq!(given.fates, [(1, OrderFate::Done)]);
    assert_eq!(fs::read(f.path("out/d.xml")).unwrap(), b"whole");
    // After the rename, and the department has taken the file already: it does not come back.
    fs::remove_file(f.path("out/d.xml")).unwrap();
    let given = f.backend.hand_over(&[order(1, "d")]).await;
    assert_eq!((given.fates, given.error), (vec![(1, OrderFate::Done)], None));
    assert_eq!(f.files("out"), ["work"], "no second file");
}

#[tokio::test]
async fn what_cannot_be_a_file_is_refused_and_a_folder_that_is_away_is_no_order_s_fault() {
    let mut f = folders();
    for id in ["", "../d", "a/b", ".d", "d\0", &"x".repeat(NAME_BYTES + 1)] {
        let given = f.backend.hand_over(&[order(1, id), order(2, "good")]).await;
        let [(1, OrderFate::Refused(error)), (2, OrderFate::Done)] = &given.fates[..] else {
            panic!("{id:?}: {given:?}")
        };
        assert_eq!(error.code, "backend-refused");
        fs::remove_file(f.path("out/good.xml")).unwrap();
        f.backend.hand_over(&[]).await;
    }
    fs::remove_dir_all(f.path("out")).unwrap();
    let given = f.backend.hand_over(&[order(1, "d")]).await;
    let error = given.error.unwrap();
    assert_eq!((error.code, error.about), ("backend-folder", None));
    fs::remove_dir_all(f.path("in")).unwrap();
    assert_eq!(f.backend.collect(9).await.unwrap_err().code, "backend-folder");
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_read_when_nobody_has_written_to_it_for_a_while() {
    let mut f = folders();
    fs::write(f.path("in/d.1-1.xml"), "<a").unwrap();
    for other in ["d.1-2.tmp", ".d.1-3.xml", "README"] {
        fs::write(f.path(&format!("in/{other}")), "x").unwrap();
    }
    fs::create_dir(f.path("in/d.1-4.xml")).unwrap();
    assert!(f.backend.collect(9).await.unwrap().is_empty(), "it was just seen");
    tokio::time::advance(Duration::from_millis(1500)).await;
    fs::write(f.path("in/d.1-1.xml"), "<a/>").unwrap();
    assert!(f.backend.collect(9).await.unwrap().is_empty(), "it has changed");
    tokio::time::advance(Duration::from_millis(1500)).await;
    assert!(f.backend.collect(9).await.unwrap().is_empty(), "not long enough ago");
    tokio::time::advance(Duration::from_millis(500)).await;
    let replies = f.backend.collect(9).await.unwrap();
    let (id, delivery) = ("d.1-1".to_owned(), "d.1".to_owned());
    let wanted = Reply { id, delivery, content: b"<a/>".to_vec() };
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].0, wanted);
}

#[tokio::test]
async fn taken_replies_go_and_refused_ones_are_put_aside_with_the_reason() {
    let mut f = folders();
    f.backend.still = Duration::ZERO;
    for name in ["a-1.xml", "b-1.xml", "noname.XML"] {
        fs::write(f.path(&format!("in/{name}")), name).unwrap();
    }
    let replies = f.backend.collect(2).await.unwrap();
    assert_eq!(replies.len(), 2, "no more than asked for");
    let replies = f.backend.collect(9).await.unwrap();
    assert_eq!(replies[2].0.delivery, "", "no delivery in its name");
    let refused = || ReplyFate::Refused(HandlerError::new("reply-invalid", "why"));
    let fates = [ReplyFate::Taken, refused(), refused()];
    let settled = replies.into_iter().map(|(_, file)| file).zip(fates);
    f.backend.settle(settled.collect()).await.unwrap();
    assert_eq!(f.files("in"), ["refused"]);
    let refused = f.files("in/refused");
    assert_eq!(refused, ["b-1.reason.txt", "b-1.xml", "noname.XML", "noname.reason.txt"]);
    let reason = fs::read_to_string(f.path("in/refused/b-1.reason.txt")).unwrap();
    assert_eq!(reason, "reply-invalid\nwhy\n");
    // Settled once more, after a death: nothing is left to do.
    let gone = vec![(f.path("in/a-1.xml"), ReplyFate::Known)];
    f.backend.settle(gone).await.unwrap();
}
