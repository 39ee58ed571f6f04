//! Bytes on the wire and at rest.
//!
//! Spec: docs/spec/cell.md. Invariant: counted off the values themselves, not off constants.

use subrosa_crypto::{MAX_CLOSED, Session};

use crate::chat::{Chat, IDA, JON, Meeting};
use crate::olm::{OlmChat, OlmMeeting};

fn row(name: &str, ours: usize, theirs: usize) {
    println!("{name:<62} |{ours:>9} |{theirs:>10}");
}

pub(crate) fn print() {
    println!("\n{:<62} |  subrosa | vodozemac\n{:-<63}|---------:|----------:", "bytes", "");
    let mut meeting = Meeting::new();
    let created = meeting.invite();
    let joined = meeting.join(&created);
    let mut olm = OlmMeeting::new();
    let key = olm.invite();
    let (_, first) = olm.join(key);
    row("published by the inviter (Olm: identity key, one-time key)", created.bundle.as_bytes().len(), 64);
    row("sent by the joiner (Olm: with a text of 100 bytes)", joined.cell.as_bytes().len(), first.len());
    let (mut ours, mut theirs) = (Chat::new(), OlmChat::new());
    row("a text of 100 bytes, every message", ours.seal(JON).as_bytes().len(), theirs.seal(JON).1.len());
    states(&mut ours, &mut theirs);
}

/// What a session takes at rest, by what was said in it.
fn states(ours: &mut Chat, theirs: &mut OlmChat) {
    let pickled = |chat: &OlmChat| chat.0[IDA].pickle().encrypt(&[1; 32]).len();
    let written = |session: &Session| session.write().len();
    ours.say(JON);
    row("state: one message (Olm: its own encrypted form)", written(&ours.sessions[IDA]), pickled(theirs));
    ours.alternate(MAX_CLOSED + 2);
    row("state: 64 closed epochs of a cell each", written(&ours.sessions[IDA]), pickled(theirs));
    (0..(MAX_CLOSED + 2)).for_each(|_| {
        (0..60).for_each(|_| ours.say(JON));
        ours.say(IDA);
    });
    row("state: 64 closed epochs of 60 cells each", written(&ours.sessions[IDA]), pickled(theirs));
    let cells = ours.seal_many(JON, 1_000);
    ours.open(IDA, &cells[999]);
    row("state: and 999 keys of missing cells", written(&ours.sessions[IDA]), pickled(theirs));
}
