//! A mail server of our own on loopback: it takes letters, or refuses them as it is told.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// What the server says to a line that begins so, instead of yes.
pub type Reply = (&'static str, &'static str);

/// A letter that was taken: who it was for, and all of its lines.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    pub lines: Vec<String>,
    pub text: String,
}

/// Takes letters; gone with the test.
pub struct MailRoom {
    pub port: u16,
    replies: Arc<Mutex<Vec<Reply>>>,
    taken: watch::Receiver<Vec<Taken>>,
    task: JoinHandle<()>,
}

impl MailRoom {
    pub async fn open(replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let replies = Arc::new(Mutex::new(replies.to_vec()));
        let (note, taken) = watch::channel(Vec::new());
        let said = Arc::clone(&replies);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let replies = said.lock().expect("the replies").clone();
                if let Ok(letter) = serve(stream, &replies).await {
                    note.send_modify(|taken| taken.push(letter));
                }
            }
        });
        Self { port, replies, taken, task }
    }

    /// From now on it answers otherwise.
    pub fn change(&self, replies: &[Reply]) {
        *self.replies.lock().expect("the replies") = replies.to_vec();
    }

    /// The first guest who has gone again.
    pub async fn guest(&mut self) -> Taken {
        self.taken.wait_for(|seen| !seen.is_empty()).await.expect("the mail room is open")[0].clone()
    }

    /// The first letter that came whole.
    pub async fn letter(&mut self) -> Taken {
        let came = |seen: &Vec<Taken>| seen.iter().any(|taken| !taken.text.is_empty());
        let seen = self.taken.wait_for(came).await.expect("the mail room is open");
        seen.iter().find(|taken| !taken.text.is_empty()).cloned().expect("it came")
    }
}

impl Drop for MailRoom {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, replies: &[Reply]) -> std::io::Result<Taken> {
    let (read, mut write) = stream.split();
    let mut read = BufReader::new(read);
    let mut taken = Taken::default();
    let reply = |line: &str| replies.iter().find(|(begin, _)| line.starts_with(begin)).map(|(_, reply)| *reply);
    write.write_all(format!("{}\r\n", reply("CONNECT").unwrap_or("220 mail room")).as_bytes()).await?;
    loop {
        let mut line = String::new();
        if read.read_line(&mut line).await? == 0 {
            return Ok(taken);
        }
        let line = line.trim_end().to_owned();
        taken.lines.push(line.clone());
        let usual = match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => "250-mail room\r\n250 AUTH PLAIN",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            "AUTH" => "235 welcome",
            _ => "250 yes",
        };
        let said = reply(&line).unwrap_or(usual);
        write.write_all(format!("{said}\r\n").as_bytes()).await?;
        if said.starts_with("354") {
            let mut text = String::new();
            while !text.ends_with("\r\n.\r\n") && read.read_line(&mut text).await? > 0 {}
            let said = reply("END").unwrap_or("250 taken");
            if said.starts_with("250") {
                taken.text = text;
            }
            write.write_all(format!("{said}\r\n").as_bytes()).await?;
        }
    }
}
