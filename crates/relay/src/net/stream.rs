//! One stream: frames in, frames out.
//!
//! Spec: docs/spec/relay.md, "Frames" (D5, D7, D9). Invariant: the core is told that a stream is gone however its task
//! ends, and that its output has room before the bytes go to the socket.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use quinn::{RecvStream, SendStream};
use subrosa_relay_core::{ConnId, Input, Stream};
use subrosa_wire::{Decoder, Frame, Refusal, Request, Response};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use crate::desk::{Message, Outlet};
use crate::net::accept::Door;
use crate::net::gate::Guest;

/// Bytes taken from the socket at once.
const BURST: usize = 64 << 10;
/// Frames given to the socket at once.
const FRAMES: usize = 16;
/// How long a stream that was hung up may take to hear why.
const LINGER: Duration = Duration::from_millis(500);

/// How a stream ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Closing {
    /// By the peer, or by the network.
    Left,
    /// By the core.
    Hung(Refusal),
}

/// Tells the core that a stream is gone, whatever becomes of the task.
struct Member {
    id: ConnId,
    inbox: mpsc::Sender<Message>,
}

impl Drop for Member {
    fn drop(&mut self) {
        let left = Message::Input(Input::Left(self.id));
        if let Err(mpsc::error::TrySendError::Full(left)) = self.inbox.try_send(left) {
            let inbox = self.inbox.clone();
            tokio::spawn(async move { inbox.send(left).await });
        }
    }
}

/// Whose stream it is, and what for.
#[derive(Clone, Copy)]
pub(crate) struct Talk<'a> {
    pub(crate) door: &'a Door,
    pub(crate) guest: &'a Guest,
    pub(crate) id: ConnId,
    pub(crate) stream: Stream,
}

/// Carries frames between a stream and the core until either ends it.
pub(crate) async fn talk(of: Talk<'_>, send: SendStream, recv: RecvStream) -> Closing {
    let Talk { door, guest, id, stream } = of;
    let member = Member { id, inbox: door.inbox.clone() };
    let (frames, inlet) = mpsc::unbounded_channel();
    let (hang, hung) = oneshot::channel();
    let joined = Message::Joined(member.id, stream, Outlet { frames, hang });
    if member.inbox.send(joined).await.is_err() {
        return Closing::Left;
    }
    tokio::select! {
        end = tell(&member, send, inlet, hung) => end,
        () = hear(&member, recv, (door.patience(), guest)) => Closing::Left,
    }
}

/// Frames of the peer to the core. Ends when the peer does.
async fn hear(member: &Member, mut recv: RecvStream, (patience, guest): (Duration, &Guest)) {
    let mut decoder = Decoder::<Request>::new();
    let mut heard = false;
    let until = Instant::now() + patience;
    loop {
        let chunk = if heard {
            recv.read_chunk(BURST, true).await
        } else {
            // A stream that says nothing, or its first frame byte by byte, is a place taken from another.
            match timeout_at(until, recv.read_chunk(BURST, true)).await {
                Ok(chunk) => chunk,
                Err(_) => return,
            }
        };
        let Ok(Some(chunk)) = chunk else { return };
        let mut bytes = &chunk.bytes[..];
        loop {
            let input = match decoder.decode(&mut bytes) {
                Ok(Some(frame)) => Input::Frame(member.id, frame),
                Ok(None) => break,
                Err(_) => Input::Garbled(member.id),
            };
            heard = true;
            wait_for_turn(&input, guest).await;
            let garbled = matches!(input, Input::Garbled(_));
            if member.inbox.send(Message::Input(input)).await.is_err() || garbled {
                // The core has ended or will hang up: there is nothing more to hear, only last words to say.
                return pending().await;
            }
        }
    }
}

/// Whoever's neighbours make things too fast waits: the stream is read no further, and nothing is refused.
async fn wait_for_turn(input: &Input, guest: &Guest) {
    let Input::Frame(_, frame) = input else { return };
    if matches!(frame.message, Request::Open(_) | Request::InvitePut(_)) {
        let turn = guest.make(std::time::Instant::now());
        if !turn.is_zero() {
            tokio::time::sleep(turn).await;
        }
    }
}

/// Frames of the core to the peer, until the core hangs up.
async fn tell(
    member: &Member,
    send: SendStream,
    inlet: mpsc::UnboundedReceiver<Frame<Response>>,
    mut hung: oneshot::Receiver<Refusal>,
) -> Closing {
    let mut pump = pin!(pump(member, send, inlet));
    tokio::select! {
        biased;
        written = &mut pump => match written {
            Ok(()) => hung.await.map_or(Closing::Left, Closing::Hung),
            Err(Broken) => Closing::Left,
        },
        reason = &mut hung => {
            // The core has let go of the channel: the pump ends when all is written, or we don't wait.
            let _ = timeout(LINGER, &mut pump).await;
            reason.map_or(Closing::Left, Closing::Hung)
        }
    }
}

/// The peer or the network ended the stream.
struct Broken;

/// Writes until the core lets go of the channel, and then until the peer has it all.
async fn pump(
    member: &Member,
    mut send: SendStream,
    mut inlet: mpsc::UnboundedReceiver<Frame<Response>>,
) -> Result<(), Broken> {
    let mut frames = Vec::new();
    while inlet.recv_many(&mut frames, FRAMES).await > 0 {
        let len = frames.iter().map(Frame::encoded_len).sum();
        let mut bytes = Vec::with_capacity(len);
        for frame in frames.drain(..) {
            bytes.extend_from_slice(&frame.encode());
        }
        let room = Message::Input(Input::Writable(member.id, len));
        // A core that has ended needs no room, and its last words are to be heard all the same.
        let _ = member.inbox.send(room).await;
        send.write_all(&bytes).await.map_err(|_| Broken)?;
    }
    send.finish().map_err(|_| Broken)?;
    send.stopped().await.map(|_| ()).map_err(|_| Broken)
}
