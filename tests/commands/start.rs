//! Starts that are refused: exit code 2, the file, the key, the reason and the remedy, and no backtrace.

use std::{
    fs,
    net::{TcpListener, UdpSocket},
    os::unix::fs::PermissionsExt,
};

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
    let folder = Folder::with(&format!("{ANY_PORT}[database]\nurl = \"postgres://pbx:s3cret@{free}/pbx\"\n"));
    let told = refused(&folder);
    assert!(told.contains(&format!("database.url: database postgres://pbx:***@{free}/pbx cannot be opened")), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
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
