//! One kept-alive HTTP/1.1 connection over a plain socket (RFC 9112), with as little work of its own as possible:
//! the generator shares the machine with what it measures.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// Longer than any answer should take; a registry that hangs ends the workload.
const PATIENCE: Duration = Duration::from_secs(300);

pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    /// The value of `Authorization`, if the registry wants one.
    credentials: Option<String>,
    sink: Vec<u8>,
}

/// What is sent after the head.
pub(super) enum Body<'a> {
    Empty,
    Bytes(&'a [u8]),
    Blob(&'a Blob),
}

/// A large body that is made while it is sent.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    pub(super) bytes: u64,
    pub(super) seed: u64,
}

/// An answer; its body has been read.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) body_bytes: u64,
    closes: bool,
}

impl Connection {
    pub(super) fn open(address: SocketAddr, credentials: Option<&str>) -> Result<Self> {
        let stream = connect(address)?;
        let sink = vec![0; 1 << 18];
        Ok(Self { stream, host: address.to_string(), credentials: credentials.map(str::to_owned), sink })
    }

    /// Sends one request and reads the whole answer. `headers` are whole lines, each with its line end.
    pub(super) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &Body<'_>,
    ) -> Result<Answer> {
        let length = match body {
            Body::Empty => 0,
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Blob(blob) => blob.bytes,
        };
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}", self.host);
        if let Some(credentials) = &self.credentials {
            head.push_str(&format!("Authorization: {credentials}\r\n"));
        }
        if method != "GET" && method != "HEAD" {
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        head.push_str("\r\n");
        let mut head = head.into_bytes();
        if let Body::Bytes(bytes) = body {
            head.extend_from_slice(bytes);
        }
        self.stream.get_mut().write_all(&head).context("sending a request")?;
        if let Body::Blob(blob) = body {
            blob.write_to(self.stream.get_mut()).context("sending a blob")?;
        }
        let answer = self.read(method == "HEAD")?;
        if answer.closes {
            let address = self.stream.get_ref().peer_addr()?;
            self.stream = connect(address)?;
        }
        Ok(answer)
    }

    /// Like [`Connection::send`], and the answer must have this status.
    pub(super) fn expect(
        &mut self,
        status: u16,
        method: &str,
        path: &str,
        headers: &str,
        body: &Body<'_>,
    ) -> Result<Answer> {
        let answer = self.send(method, path, headers, body)?;
        ensure!(
            answer.status == status,
            "{method} {path} on {}: {} instead of {status}",
            self.host,
            answer.status
        );
        Ok(answer)
    }

    /// Uploads a blob with one `POST` and one `PUT` (distribution-spec v1.1, "POST then PUT").
    pub(super) fn push_blob(&mut self, repository: &str, digest: &str, body: &Body<'_>) -> Result<()> {
        let start =
            self.expect(202, "POST", &format!("/v2/{repository}/blobs/uploads/"), "", &Body::Empty)?;
        let location = start.location.context("an upload has no Location")?;
        let path = match location.find("://") {
            Some(at) => location[at + 3..].find('/').map_or("/", |slash| &location[at + 3 + slash..]),
            None => &location,
        };
        let mark = if path.contains('?') { '&' } else { '?' };
        let kind = "Content-Type: application/octet-stream\r\n";
        self.expect(201, "PUT", &format!("{path}{mark}digest={digest}"), kind, body).map(|_| ())
    }

    pub(super) fn push_manifest(&mut self, repository: &str, reference: &str, manifest: &str) -> Result<()> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let kind = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
        self.expect(201, "PUT", &path, kind, &Body::Bytes(manifest.as_bytes())).map(|_| ())
    }

    fn read(&mut self, is_head: bool) -> Result<Answer> {
        let mut line = String::new();
        self.line(&mut line)?;
        let status =
            line.split(' ').nth(1).and_then(|code| code.parse().ok()).context("the answer is not HTTP")?;
        let mut answer = Answer { status, location: None, body_bytes: 0, closes: false };
        let (mut length, mut chunked) = (0, false);
        loop {
            self.line(&mut line)?;
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { bail!("not a header: {line}") };
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().context("Content-Length")?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("location") {
                answer.location = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("connection") {
                answer.closes = value.eq_ignore_ascii_case("close");
            }
        }
        if is_head || status == 204 {
            return Ok(answer);
        }
        if !chunked {
            self.discard(length)?;
            answer.body_bytes = length;
            return Ok(answer);
        }
        loop {
            self.line(&mut line)?;
            let chunk = u64::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
                .context("a chunk")?;
            self.discard(chunk)?;
            answer.body_bytes += chunk;
            // The line end after the chunk; after the last one it also ends the (absent) trailers.
            self.line(&mut line)?;
            if chunk == 0 {
                return Ok(answer);
            }
        }
    }

    fn line(&mut self, line: &mut String) -> Result<()> {
        line.clear();
        ensure!(
            self.stream.read_line(line).context("reading an answer")? > 0,
            "the registry closed the connection"
        );
        line.truncate(line.trim_end().len());
        Ok(())
    }

    fn discard(&mut self, mut bytes: u64) -> Result<()> {
        while bytes > 0 {
            let most = usize::try_from(bytes).unwrap_or(usize::MAX).min(self.sink.len());
            let read = self.stream.read(&mut self.sink[..most]).context("reading a body")?;
            ensure!(read > 0, "a body ended {bytes} bytes early");
            bytes -= read as u64;
        }
        Ok(())
    }
}

impl Blob {
    const BLOCK: usize = 1 << 20;

    /// Returns the digest; this reads the whole blob once, so it is done before the clock starts.
    pub(super) fn digest(&self) -> String {
        let mut digester = wharf_oci::Digester::new(wharf_oci::Algorithm::Sha256);
        self.each_block(|block| {
            digester.update(block);
            Ok(())
        })
        .map(|()| digester.finish().to_string())
        .unwrap_or_default()
    }

    fn write_to(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        self.each_block(|block| stream.write_all(block))
    }

    /// Random blocks, each different in its first bytes only: no registry can store or compress them better for it.
    fn each_block(&self, mut take: impl FnMut(&[u8]) -> std::io::Result<()>) -> std::io::Result<()> {
        let mut state = self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut block = Vec::with_capacity(Self::BLOCK);
        while block.len() < Self::BLOCK {
            // xorshift64 (Marsaglia, 2003).
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block.extend_from_slice(&state.to_le_bytes());
        }
        let mut left = self.bytes;
        while left > 0 {
            block[..8].copy_from_slice(&left.to_le_bytes());
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            take(&block[..most])?;
            left -= most as u64;
        }
        Ok(())
    }
}

fn connect(address: SocketAddr) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(BufReader::with_capacity(1 << 14, stream))
}
