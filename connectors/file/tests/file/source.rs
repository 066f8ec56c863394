//! Which files are read, and what is refused.
use crate::common::{all, read, says, splits, text, values};
use millstream_file::{FileSource, Files};
use millstream_runtime::codec;
use millstream_runtime::source::{Source, Splits};
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn a_folder_gives_its_files_by_name_without_hidden_ones_and_folders() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("b.log", "b\n"), ("a.log", "a1\na2"), (".hidden", "h\n"), ("empty", "")] {
        fs::write(folder.path().join(name), content).unwrap();
    }
    fs::create_dir(folder.path().join("below")).unwrap();
    fs::write(folder.path().join("below/c.log"), "c\n").unwrap();
    symlink(folder.path().join("a.log"), folder.path().join("link")).unwrap();
    let lines = all(&mut Files::lines([text(folder.path())]));
    assert_eq!(values(&lines), ["a1", "a2", "b"]);
    assert_eq!(lines[1].meta.offset, 3);
    assert_eq!(&*lines[1].meta.source, text(folder.path().join("a.log")));
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a");
    fs::write(&file, "1\n").unwrap();
    let mut source = Files::lines([text(&file), text(folder.path()), text(&file)]);
    assert_eq!(values(&all(&mut source)), ["1"]);
    assert!(matches!(source.splits().unwrap(), Splits::Fixed(_)));
    assert!(source.replayable());
}

#[test]
fn what_is_not_there_is_named() {
    let mut source = Files::lines(["/no/such/file.log"]);
    assert!(says(source.splits()).contains("/no/such/file.log"));
    assert!(says(source.follow(true).splits()).contains("/no/such/file.log"));
    assert!(says(Files::lines(["/dev/null"]).splits()).contains("/dev/null"));
    assert!(says(Files::lines::<&str>([]).splits()).contains("no input"));
    assert!(says(Files::lines(["/"]).max_line(0).splits()).contains("limit"));
}

#[test]
fn standard_input_cannot_be_read_again() {
    let mut source = Files::stdin();
    assert!(!source.replayable());
    assert_eq!(splits(&mut source).len(), 1);
}

#[test]
fn the_split_is_the_same_whatever_the_name_and_the_length() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("a"), folder.path().join("z"));
    fs::write(&old, "first line\n").unwrap();
    let mut source = Files::lines([text(folder.path())]).follow(true);
    let before = splits(&mut source);
    fs::rename(&old, &new).unwrap();
    let content = format!("first line\n{}", "more\n".repeat(10_000));
    fs::OpenOptions::new()
        .append(true)
        .open(&new)
        .and_then(|mut f| std::io::Write::write_all(&mut f, &content.as_bytes()[11..]))
        .unwrap();
    let fresh = splits(&mut Files::lines([text(folder.path())]));
    assert_eq!(before, fresh);
    assert_eq!(before, splits(&mut source));
    assert_eq!(codec::encode(&before).unwrap(), codec::encode(&fresh).unwrap(), "the runtime compares encodings");
    fs::write(&old, "another\n").unwrap();
    assert_eq!(splits(&mut source).len(), 2);
}

#[test]
fn a_file_removed_while_it_is_read_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a");
    fs::write(&file, "1\n2\n3").unwrap();
    let mut source = Files::lines([text(&file)]);
    let split = splits(&mut source)[0];
    let mut reader = source.open(&split, None).unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!(values(&read(&mut reader).0), ["1", "2", "3"]);
    assert!(says(source.open(&split, None)).contains(&text(&file)));
}

#[test]
fn flags_and_files_of_options_say_the_same() {
    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        files: FileSource,
    }
    let parse = |flags: &[&str]| <Flags as clap::Parser>::try_parse_from([&["job"], flags].concat());
    let files = parse(&["--input", "a", "--input", "-", "--follow", "--max-line", "10"]).unwrap().files;
    assert_eq!((files.paths, files.follow, files.max_line), (vec!["a".into(), "-".into()], true, 10));
    let files = parse(&[]).unwrap().files;
    assert_eq!((files.paths.len(), files.follow, files.max_line), (0, false, 1 << 20));
    assert!(parse(&["--max-line", "long"]).is_err());
}
