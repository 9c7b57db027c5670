//! A small HTTP server for the tests of chart repositories: it serves what it is given and remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct State {
    answers: BTreeMap<String, Answer>,
    requests: Vec<Request>,
}

#[derive(Clone)]
enum Answer {
    Bytes(Vec<u8>),
    Redirect(String),
}

/// What came in.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

pub(crate) struct Site {
    state: Arc<Mutex<State>>,
    port: u16,
}

impl Site {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let state = Arc::clone(&shared);
                // A client that goes away is no failure.
                std::thread::spawn(move || client.map(|client| answer(client, &state)));
            }
        });
        Self { state, port }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn serve(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.state.lock().unwrap().answers.insert(path.to_owned(), Answer::Bytes(bytes.into()));
    }

    pub(crate) fn redirect(&self, path: &str, to: &str) {
        self.state.lock().unwrap().answers.insert(path.to_owned(), Answer::Redirect(to.to_owned()));
    }

    /// Returns the requests so far, and forgets them.
    pub(crate) fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }
}

fn answer(mut client: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut authorization = None;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("authorization")
        {
            authorization = Some(value.to_owned());
        }
    }
    let found = {
        let mut state = state.lock().unwrap();
        state.requests.push(Request { path: path.clone(), authorization });
        state.answers.get(&path).cloned()
    };
    let (head, body) = match found {
        Some(Answer::Bytes(bytes)) => ("200 OK\r\n".to_owned(), bytes),
        Some(Answer::Redirect(to)) => (format!("302 Found\r\nlocation: {to}\r\n"), Vec::new()),
        None => ("404 Not Found\r\n".to_owned(), b"nothing here".to_vec()),
    };
    write!(client, "HTTP/1.1 {head}content-length: {}\r\nconnection: close\r\n\r\n", body.len())?;
    client.write_all(&body)
}
