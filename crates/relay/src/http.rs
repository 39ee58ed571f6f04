//! `/healthz`, `/readyz` and `/metrics`, by HTTP/1.1 on a loopback address.
//!
//! Spec: docs/guide/relay.md, "Looking at it". Invariant: who asks is not looked at, remembered or logged, and gets no more of
//! the relay than a bounded number of connections for a bounded time.

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::relay::StartError;
use crate::watch::Watch;

/// Connections at once; whoever comes next waits.
const CONNECTIONS: usize = 8;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the peer may take to hear the answer out.
const FAREWELL: Duration = Duration::from_secs(1);
/// Longest head of a request.
const HEAD: usize = 4_096;
/// Most header lines.
const LINES: usize = 32;

/// Takes the address, before the relay starts.
///
/// # Errors
/// [`StartError::Http`].
pub(crate) fn bind(listen: SocketAddr) -> Result<StdListener, StartError> {
    let taken = || {
        if !listen.ip().is_loopback() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no loopback address"));
        }
        let listener = StdListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    taken().map_err(|error| StartError::Http { listen, error })
}

/// Answers as long as the runtime lives.
pub(crate) async fn serve(listener: StdListener, watch: Watch) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let watch = watch.clone();
                tokio::spawn(async move {
                    // A peer that breaks off has its own reasons.
                    let _ = timeout(PATIENCE, converse(stream, &watch)).await;
                    drop(place);
                });
            }
            // Out of descriptors: they come back.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// One request, one answer, the end.
async fn converse(stream: TcpStream, watch: &Watch) -> io::Result<()> {
    let mut head = Vec::with_capacity(HEAD);
    let asked = loop {
        if let Some(asked) = parse(&head) {
            break asked;
        }
        let room = HEAD - head.len();
        if room == 0 {
            break Err(Answer::plain(431, "Request Header Fields Too Large", "the request is too long"));
        }
        if read(&stream, &mut head, room).await? == 0 {
            return Ok(());
        }
    };
    let (answer, only_head) = match asked {
        Ok(Asked { path, only_head }) => (respond(&path, watch).await, only_head),
        Err(answer) => (answer, false),
    };
    write(&stream, &answer.bytes(only_head)).await?;
    SockRef::from(&stream).shutdown(Shutdown::Write)?;
    // What is still to come is read and dropped: bytes left unread would break off the answer on its way.
    let rest = async {
        for _ in 0..16 {
            head.clear();
            if read(&stream, &mut head, HEAD).await? == 0 {
                break;
            }
        }
        io::Result::Ok(())
    };
    timeout(FAREWELL, rest).await.unwrap_or(Ok(()))
}

/// Up to `room` bytes more; none at the end.
async fn read(stream: &TcpStream, head: &mut Vec<u8>, room: usize) -> io::Result<usize> {
    let mut bytes = [0; HEAD];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut bytes[..room]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => {
                let len = read?;
                head.extend_from_slice(&bytes[..len]);
                return Ok(len);
            }
        }
    }
}

async fn write(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => bytes = &bytes[written?..],
        }
    }
    Ok(())
}

/// What was asked for.
struct Asked {
    path: String,
    only_head: bool,
}

/// The request, or why it is refused; `None` when more of it is to come.
fn parse(head: &[u8]) -> Option<Result<Asked, Answer>> {
    let mut lines = [httparse::EMPTY_HEADER; LINES];
    let mut request = httparse::Request::new(&mut lines);
    match request.parse(head) {
        Ok(httparse::Status::Partial) => None,
        Ok(httparse::Status::Complete(_)) => Some(admit(&request)),
        Err(_) => Some(Err(Answer::plain(400, "Bad Request", "this is not HTTP/1.1"))),
    }
}

fn admit(request: &httparse::Request<'_, '_>) -> Result<Asked, Answer> {
    let named = |name: &str| request.headers.iter().find(|line| line.name.eq_ignore_ascii_case(name));
    // A page in a browser of this machine may neither ask, nor pretend by a name of its own to be asked from here.
    let host = named("host").and_then(|line| str::from_utf8(line.value).ok()).unwrap_or_default();
    if !is_here(host) || named("origin").is_some() {
        return Err(Answer::plain(
            403,
            "Forbidden",
            "ask for it by a loopback address, and not from a web page",
        ));
    }
    let only_head = match request.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return Err(Answer::plain(405, "Method Not Allowed", "only GET and HEAD")),
    };
    let path = request.path.unwrap_or_default();
    Ok(Asked { path: path.split('?').next().unwrap_or_default().to_owned(), only_head })
}

/// Whether a `Host` line names this machine: a loopback address or `localhost`, with a port or without.
fn is_here(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

async fn respond(path: &str, watch: &Watch) -> Answer {
    match path {
        "/metrics" => Answer {
            code: 200,
            reason: "OK",
            kind: "text/plain; version=0.0.4; charset=utf-8",
            body: watch.figures(),
        },
        "/healthz" if watch.is_durable().await => Answer::plain(200, "OK", "durable"),
        "/healthz" => {
            Answer::plain(503, "Service Unavailable", "the store did not make a write durable in time")
        }
        "/readyz" if watch.is_ready().await => Answer::plain(200, "OK", "ready"),
        "/readyz" => Answer::plain(503, "Service Unavailable", "draining, or the core does not answer"),
        _ => Answer::plain(404, "Not Found", "there are /healthz, /readyz and /metrics"),
    }
}

struct Answer {
    code: u16,
    reason: &'static str,
    kind: &'static str,
    body: String,
}

impl Answer {
    fn plain(code: u16, reason: &'static str, words: &str) -> Self {
        Self { code, reason, kind: "text/plain; charset=utf-8", body: format!("{words}\n") }
    }

    fn bytes(&self, only_head: bool) -> Vec<u8> {
        let Self { code, reason, kind, body } = self;
        let len = body.len();
        let head = format!(
            "HTTP/1.1 {code} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\nCache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
        );
        let body = if only_head { "" } else { body };
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_by_its_own_name_is_answered() {
        for host in ["127.0.0.1", "127.0.0.1:9672", "localhost:1", "[::1]:9672", "[::1]", "LocalHost"] {
            assert!(is_here(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9672",
            "192.168.1.2:80",
            "127.0.0.1.evil.example",
            "[fe80::1]:1",
        ] {
            assert!(!is_here(host), "{host}");
        }
        let refused =
            |request: &str| parse(request.as_bytes()).expect("is whole").err().map(|answer| answer.code);
        assert_eq!(refused("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"), None);
        assert_eq!(refused("GET /metrics HTTP/1.1\r\n\r\n"), Some(403));
        assert_eq!(
            refused("GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a.example\r\n\r\n"),
            Some(403)
        );
        assert_eq!(refused("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n"), Some(405));
        assert_eq!(refused("\u{1} nonsense\r\n\r\n"), Some(400));
        assert!(parse(b"GET / HTTP/1.1\r\nHost: loc").is_none());
        assert!(bind(([0, 0, 0, 0], 0).into()).is_err(), "not even for a program that embeds the relay");
    }
}
