//! Starts that are refused: exit code 2, the file, the key, the reason and the remedy, and no backtrace.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{TcpListener, UdpSocket},
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use patchcord_lab::{Server, Setup};

use crate::binary::Folder;

/// Everything on ports of the system's choice, so that nothing of the machine is in the way.
const ANY_PORT: &str = "[sip]\nlisten = [\"udp:127.0.0.1:0\"]\n[web]\nlisten = [\"127.0.0.1:0\"]\n";

/// The last lines of a start that was refused, after the log.
fn refused(folder: &Folder) -> String {
    let told = folder.run("run").bad(2);
    assert!(!told.contains("panicked") && !told.contains("backtrace"), "{told}");
    let at = told.find("error: ").unwrap_or_else(|| panic!("no error in {told}"));
    told[at..].to_owned()
}

#[test]
fn a_port_that_is_taken_is_told_with_its_key() {
    let phone = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let taken = phone.local_addr().expect("its address");
    let folder = Folder::with(&format!("[sip]\nlisten = [\"udp:{taken}\"]\n[web]\nlisten = [\"127.0.0.1:0\"]\n"));
    let told = refused(&folder);
    let expected =
        format!("error: patchcord.toml: sip.listen: udp:{taken} is in use: another server is running there; ");
    assert!(told.starts_with(&expected), "{told}");

    let page = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = page.local_addr().expect("its address");
    let folder = Folder::with(&format!("[sip]\nlisten = [\"udp:127.0.0.1:0\"]\n[web]\nlisten = [\"{taken}\"]\n"));
    assert_eq!(
        refused(&folder),
        format!(
            "error: patchcord.toml: web.listen: http:{taken} cannot be listened on: Address already in use (os error \
             98)\n    stop who listens there, or choose another address in [web] listen\n"
        )
    );
}

#[test]
fn a_start_that_is_refused_leaves_no_socket_and_no_lock() {
    let phone = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let taken = phone.local_addr().expect("its address");
    let folder = Folder::with(&format!("[sip]\nlisten = [\"udp:{taken}\"]\n[web]\nlisten = [\"127.0.0.1:0\"]\n"));
    refused(&folder);
    for left in ["control.sock", "control.token"] {
        assert!(!folder.file("data").join(left).exists(), "{left} is left");
    }
    assert!(folder.run("status").bad(3).starts_with("error: no server runs"));
    folder.run("endpoint add alice").good();
}

#[test]
fn a_certificate_that_is_none_is_told_with_its_file() {
    let folder = Folder::with(&format!("{ANY_PORT}[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n"));
    folder.write("cert.pem", "not a certificate");
    folder.write("key.pem", "not a key");
    let told = refused(&folder);
    assert!(told.starts_with("error: patchcord.toml: tls.certificate: "), "{told}");
    assert!(told.contains("cert.pem"), "{told}");
}

#[test]
fn a_place_where_there_can_be_no_sound_is_told_with_its_key() {
    let folder = Folder::with(&format!("{ANY_PORT}[scripts]\npath = \"services\"\n"));
    let told = refused(&folder);
    let remedy = "name the folder that services and sounds lie in, or leave it away";
    assert_eq!(told, format!("error: patchcord.toml: scripts.path: services is no folder\n    {remedy}\n"));

    let folder = Folder::with(&format!("{ANY_PORT}[media]\naddress = \"192.0.2.7\"\n"));
    let told = refused(&folder);
    let reason =
        "192.0.2.7 is no address that sound can be taken at here: Cannot assign requested address (os error 99)";
    let remedy = "name an address of this machine, or leave it away for all of them";
    assert_eq!(told, format!("error: patchcord.toml: media.address: {reason}\n    {remedy}\n"));
}

#[test]
fn a_database_that_is_none_is_told_without_its_password() {
    let folder = Folder::with(&format!("{ANY_PORT}[database]\nurl = \"sqlite:letter.txt\"\n"));
    folder.write("letter.txt", &"Dear Mr Watson\n".repeat(100));
    let told = refused(&folder);
    assert!(
        told.starts_with("error: patchcord.toml: database.url: database sqlite:letter.txt cannot be opened: "),
        "{told}"
    );

    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let folder =
        Folder::with(&format!("{ANY_PORT}[database]\nurl = \"postgres://pbx:s3cret@{free}/pbx\"\nwait = \"0s\"\n"));
    let told = refused(&folder);
    assert!(told.contains(&format!("database.url: database postgres://pbx:***@{free}/pbx does not answer")), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
}

#[test]
fn a_database_that_another_program_has_locked_is_told_with_who_it_is() {
    const HOLD: &str = "import sqlite3, sys\n\
                        there = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                        there.execute('BEGIN IMMEDIATE')\n\
                        print('held', flush=True)\n\
                        sys.stdin.read()\n";
    let folder = Folder::with(ANY_PORT);
    folder.run("endpoint add alice").good();
    let mut python = Command::new("python3");
    let holder = python.args(["-c", HOLD]).arg(folder.file("data/patchcord.db"));
    let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 is there");
    let mut said = String::new();
    BufReader::new(holder.stdout.take().expect("piped")).read_line(&mut said).expect("it says so");
    let told = refused(&folder);
    let process = holder.id();
    drop(holder.stdin.take());
    holder.wait().expect("it ends");
    let expected = "error: patchcord.toml: database.url: database sqlite:data/patchcord.db is locked by python3";
    assert!(told.starts_with(expected) && told.contains(&format!("(process {process})")), "{told}");
    assert!(told.contains("let that program finish or end it"), "{told}");
    folder.run("endpoint list").good();
}

#[tokio::test]
async fn two_servers_with_one_file_and_folders_of_their_own_are_refused_in_words() {
    let first: Server = Setup::new(env!("CARGO_BIN_EXE_patchcord")).start().await;
    let database = first.data().join("patchcord.db");
    let folder = Folder::with(&format!("{ANY_PORT}[database]\nurl = \"sqlite:{}\"\n", database.display()));
    let told = tokio::task::spawn_blocking(move || refused(&folder)).await.expect("it is run");
    let data = first.data().canonicalize().expect("it is there");
    assert!(told.contains("is held by another server, with data folder "), "{told}");
    assert!(told.contains(&data.display().to_string()) && told.contains("stop that server first"), "{told}");
    assert_eq!(first.get("/readyz").await.0, 200, "the first serves on");
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let folder = Folder::with(ANY_PORT);
    folder.run("endpoint add alice").good();
    let key = folder.file("data/secret.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("the mode is set");
    let told = refused(&folder);
    assert!(told.ends_with("may be read by others (mode 0640)\n    chmod 600 data/secret.key\n"), "{told}");
}
