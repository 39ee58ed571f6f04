//! The operator's door to a running relay: a unix socket in the data folder, one JSON object a line.
//!
//! Spec: docs/guide/relay.md, "Asking a running relay". Invariant: the socket is its owner's only (mode 0600); there is no
//! password and no TCP, and a line that is too long or no question changes nothing.
//!
//! ```text
//! question = {"ask": "status" | "tokens" | "token-new" | "token-revoke" | "backup" | "disclose" | "reload", ...} \n
//! answer   = {"ok": ...} \n | {"error": {"code": exit code, "say": "a sentence"}} \n
//! ```

mod office;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::exit::{self, Failure};

pub(crate) use office::Office;

/// Its name in the data folder.
const SOCKET: &str = "admin.sock";
/// Longest question, in bytes.
const QUESTION: u64 = 64 << 10;
/// How long one may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes the socket in `folder`. Whoever has the store's lock may: what lies there is of a relay that has ended.
pub(crate) fn listen(folder: &Path) -> io::Result<UnixListener> {
    let path = folder.join(SOCKET);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Takes the socket away.
pub(crate) fn leave(folder: &Path) {
    // Left behind, it is refused by the system and replaced by the next start.
    let _ = std::fs::remove_file(folder.join(SOCKET));
}

/// Answers on `listener` as long as the process lives. One at a time: operators wait for each other.
pub(crate) fn serve(listener: UnixListener, office: Arc<Office>) -> io::Result<()> {
    thread::Builder::new().name("admin".into()).spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever went away gets no answer.
            let _ = answer(&stream, &office);
        }
    })?;
    Ok(())
}

fn answer(stream: &UnixStream, office: &Office) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = Vec::new();
    BufReader::new(stream.take(QUESTION)).read_until(b'\n', &mut line)?;
    let question = serde_json::from_slice::<Value>(&line).ok().filter(|_| line.ends_with(b"\n"));
    let result = match question {
        Some(question) => office.answer(&question),
        None => Err(Failure::Usage("this is not a question: one JSON object on one line".to_owned())),
    };
    let answer = match result {
        Ok(answer) => json!({ "ok": answer }),
        Err(failure) => json!({ "error": { "code": failure.code(), "say": failure.to_string() } }),
    };
    let mut stream = stream;
    stream.write_all(format!("{answer}\n").as_bytes())
}

/// Asks the relay that runs on `folder`; `None` when none does.
pub(crate) fn ask(folder: &Path, question: &Value) -> Option<Result<Value, Failure>> {
    let stream = match UnixStream::connect(folder.join(SOCKET)) {
        Ok(stream) => stream,
        Err(error) => {
            use io::ErrorKind::{ConnectionRefused, InvalidInput, NotFound};
            let gone = matches!(error.kind(), NotFound | ConnectionRefused | InvalidInput);
            return if gone { None } else { Some(Err(Failure::Admin(error))) };
        }
    };
    Some(exchange(stream, question))
}

fn exchange(mut stream: UnixStream, question: &Value) -> Result<Value, Failure> {
    stream.write_all(format!("{question}\n").as_bytes()).map_err(Failure::Admin)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).map_err(Failure::Admin)?;
    let mut answer: Value = serde_json::from_str(&line)
        .map_err(|_| Failure::Admin(io::Error::from(io::ErrorKind::UnexpectedEof)))?;
    if let Some(error) = answer.get("error") {
        let code =
            error["code"].as_u64().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::UNAVAILABLE);
        let say = error["say"].as_str().unwrap_or("the relay refused").to_owned();
        return Err(Failure::Told { code, say });
    }
    Ok(answer["ok"].take())
}
