//! The life of one relay's task: away, dialling, speaking, and round again.
//!
//! Spec: docs/spec/relay.md, "GOAWAY". Invariant: a relay with a queue of ours, or with work, is tried until it answers, after
//! waits that grow to a minute; any other is left alone until there is work.
//!
//! ```text
//! Away ──work──▶ dial ──▶ HELLO ──▶ resume ──▶ steps ──idle, no queue of ours here──▶ Away (not wanted)
//!   ▲             ╰────────┴──────────┴──────────┴─────────failure───────────────────▶ Away (wanted: backs off)
//! ```

use std::sync::Arc;
use std::time::Duration;

use subrosa_engine::Event;
use subrosa_engine::api::RelayState;
use subrosa_wire::{GoAway, RelayAddress, Welcome};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use super::backoff::{Backoff, within};
use super::dial::DialError;
use super::session::{Ended, Session};
use super::tls::Pinned;
use super::{Around, Order};
use crate::runtime::activity::Busy;
use crate::runtime::board::name;
use crate::runtime::os_rng;
use crate::runtime::work::Work;

/// Events of one relay that may wait for their commit: two batches.
const UNCOMMITTED: usize = 128;
/// How long a connection to a relay without a queue of ours is kept with nothing to do.
const LINGER: Duration = Duration::from_secs(60);
/// The least time between two attempts, however much work comes.
const GAP: Duration = Duration::from_millis(300);
/// How long a relay that shows a wrong key is left alone.
const WRONG_KEY_REST: Duration = Duration::from_secs(300);
/// How long a relay that does not keep to the protocol is left alone.
const BREACH_REST: Duration = Duration::from_secs(60);
/// How long a connection must last before the waits begin anew.
const STEADY: Duration = Duration::from_secs(10);
/// How long a relay waits after this machine could not store something.
const DISK_REST: Duration = Duration::from_secs(5);
/// The longest wait that a relay can ask for.
const RETRY_MAX: Duration = Duration::from_secs(3600);
/// How far the relay's day may lie from ours around midnight, in milliseconds.
const MIDNIGHT: u64 = 3_600_000;

/// Speaks to `relay` until the client closes.
pub(super) async fn serve(around: Around, relay: RelayAddress, orders: UnboundedReceiver<Order>) {
    let Ok(pinned) = Pinned::new(relay.key()) else {
        return around.board.trouble("this system's TLS can't do what relays need: reinstall subrosa");
    };
    let mut closing = around.closing.clone();
    let link = Link {
        around,
        relay,
        pinned,
        orders,
        backoff: Backoff::default(),
        room: Arc::new(Semaphore::new(UNCOMMITTED)),
        wanted: None,
        waits: false,
        reads: false,
        clock_told: false,
    };
    tokio::select! {
        () = link.live() => {}
        _ = closing.wait_for(|closing| *closing) => {}
    }
}

struct Link {
    around: Around,
    relay: RelayAddress,
    pinned: Pinned,
    orders: UnboundedReceiver<Order>,
    backoff: Backoff,
    /// Events of this relay that may wait for their commit.
    room: Arc<Semaphore>,
    /// Held while there is work for a relay that is not connected.
    wanted: Option<Busy>,
    /// Whether there is work for a relay that is not connected, even if it is hopeless to wait for it.
    waits: bool,
    /// Whether a queue of ours lies there.
    reads: bool,
    clock_told: bool,
}

/// When to try again.
struct Rest {
    until: Instant,
    /// Whether new work ends it at once.
    work_wakes: bool,
    /// Whether anyone should wait for what comes of it.
    hope: bool,
}

impl Rest {
    /// Until `until`; new work ends it at once.
    const fn light(until: Instant) -> Self {
        Self { until, work_wakes: true, hope: true }
    }

    /// Until `until`, whatever comes.
    const fn strict(until: Instant) -> Self {
        Self { until, work_wakes: false, hope: true }
    }
}

impl Link {
    async fn live(mut self) {
        let mut rest = None;
        while self.away(rest.take()).await.is_some() {
            rest = Some(self.visit().await);
        }
    }

    /// Waits until it is time to dial; `None` when no order can come any more.
    async fn away(&mut self, rest: Option<Rest>) -> Option<()> {
        let now = Instant::now();
        let earliest = now + GAP;
        let rest = rest.unwrap_or(Rest::light(now));
        loop {
            let needed = self.reads || self.waits || self.wanted.is_some();
            tokio::select! {
                order = self.orders.recv() => {
                    // It comes again with the resume; here it only says that there is work.
                    if let Order::Do(_) = order? {
                        self.waits = true;
                        if rest.hope {
                            self.want();
                        }
                        if rest.work_wakes {
                            sleep_until(earliest.min(rest.until)).await;
                            return Some(());
                        }
                    }
                }
                () = sleep_until(rest.until), if needed => return Some(()),
            }
        }
    }

    /// Keeps [`Client::idle`](crate::Client::idle) waiting until the work is done.
    fn want(&mut self) {
        if self.wanted.is_none() {
            self.wanted = Some(self.around.activity.start());
        }
    }

    /// One connection, from dialling to its end.
    async fn visit(&mut self) -> Rest {
        self.note(RelayState::Connecting);
        let connection = match self.around.dialler.connect(&self.relay, &self.pinned).await {
            Ok(connection) => connection,
            Err(DialError::WrongKey) => return self.wrong_key(),
            Err(why) => return self.offline(&why.to_string()),
        };
        let (session, welcome) = match Session::begin(connection, self.relay.admit()).await {
            Ok(begun) => begun,
            Err(why) => return self.ended(&why),
        };
        self.note(RelayState::Online);
        if self.clocks_agree(&welcome) {
            self.hear(Event::Online, None).await;
        }
        match self.speak(session).await {
            Ok(()) => self.dismissed(),
            Err(why) => self.ended(&why),
        }
    }

    /// Orders in, events out, until the connection ends or nobody needs it.
    async fn speak(&mut self, mut session: Session) -> Result<(), Ended> {
        // Orders from before this connection: the listing has them.
        while self.orders.try_recv().is_ok() {}
        self.waits = false;
        let listing = self.wanted.take().unwrap_or_else(|| self.around.activity.start());
        let _ = self.around.inbox.send(Work::Resume(self.relay.clone(), listing));
        let mut started = false;
        let mut listed = false;
        let begun = Instant::now();
        let mut active = begun;
        let result = loop {
            self.reads |= session.reads();
            let lingers = listed && session.is_idle() && !session.reads();
            tokio::select! {
                order = self.orders.recv() => match order {
                    None => break Ok(()),
                    Some(Order::Start) => started = true,
                    Some(Order::Interrupt) => break Err(Ended::Unstored),
                    Some(Order::Listed) => listed = true,
                    Some(Order::Do(task)) if started => session.give(task),
                    // Older than the listing, which has it.
                    Some(Order::Do(_)) => {}
                },
                heard = session.step() => match heard {
                    Ok((event, busy)) => self.hear(event, busy).await,
                    Err(why) => break Err(why),
                },
                () = sleep_until(active + LINGER), if lingers => {
                    self.reads = false;
                    break Ok(());
                }
            }
            active = Instant::now();
        };
        if !session.is_idle() || !listed || matches!(result, Err(Ended::Unstored)) {
            self.want();
        }
        if begun.elapsed() > STEADY {
            self.backoff.reset();
        }
        session.end();
        result
    }

    /// Hands `event` to the vault. Waits while too much of this relay's is not committed: a relay that sends more
    /// than it may is not read meanwhile.
    async fn hear(&self, event: Event, busy: Option<Busy>) {
        let Ok(permit) = Arc::clone(&self.room).acquire_owned().await else { return };
        let busy = busy.unwrap_or_else(|| self.around.activity.start()).holding(permit);
        // The keeper is gone only while everything ends.
        let _ = self.around.inbox.send(Work::Event(event, busy));
    }

    fn note(&self, state: RelayState) {
        self.around.board.note(&self.relay, Some(state));
    }

    /// Nobody needs it now.
    fn dismissed(&mut self) -> Rest {
        self.around.board.note(&self.relay, None);
        Rest::light(Instant::now())
    }

    fn wrong_key(&mut self) -> Rest {
        self.note(RelayState::WrongKey);
        self.around.board.trouble(format!(
            "the relay {} has another key than the one you were given, and is not spoken to: someone stands in between, \
             or it was set up anew; ask its operator for its address",
            name(&self.relay)
        ));
        // Nothing will come of waiting for it.
        self.wanted = None;
        Rest { until: Instant::now() + WRONG_KEY_REST, work_wakes: false, hope: false }
    }

    fn offline(&mut self, why: &str) -> Rest {
        self.note(RelayState::Offline(why.to_owned()));
        Rest::light(Instant::now() + self.backoff.next(&mut os_rng()))
    }

    fn ended(&mut self, why: &Ended) -> Rest {
        let mut rest = self.offline(&why.to_string());
        match why {
            Ended::GoAway(bye) => rest = goodbye(bye, &rest),
            Ended::Frame(_) | Ended::Breach(_) => {
                self.around.board.trouble(format!(
                    "the relay {} does not keep to the protocol ({why}), and was disconnected: nothing was lost; \
                     if it happens again, use another relay",
                    name(&self.relay)
                ));
                rest = Rest::strict(Instant::now() + BREACH_REST);
            }
            // The keeper told the person already.
            Ended::Unstored => rest = Rest::strict(Instant::now() + DISK_REST),
            Ended::Broken | Ended::Silent => {}
        }
        rest
    }

    /// Expiry counts in days: a clock that is a day off loses invites and keys, so the person must know.
    fn clocks_agree(&mut self, welcome: &Welcome) -> bool {
        let now = self.around.now();
        let (from, to) = (welcome.day.start().0, welcome.day.plus(1).start().0);
        let off = now.0 < from.saturating_sub(MIDNIGHT) || now.0 >= to.saturating_add(MIDNIGHT);
        if off && !self.clock_told {
            let ours = i64::from(now.day().0) - i64::from(welcome.day.0);
            let side = if ours > 0 { "ahead of" } else { "behind" };
            self.around.board.trouble(format!(
                "this machine's clock is {} day(s) {side} the one of the relay {}: set the date, or invites and \
                 messages may expire too early or too late",
                ours.unsigned_abs(),
                name(&self.relay)
            ));
        }
        self.clock_told = off;
        !off
    }
}

/// As long as the relay asked for, and not before: neither by our own patience nor by new work.
fn goodbye(bye: &GoAway, rest: &Rest) -> Rest {
    let jitter = within(Duration::from_secs(u64::from(bye.jitter)), &mut os_rng());
    // REL-52.
    let wait = (Duration::from_secs(u64::from(bye.retry)) + jitter).min(RETRY_MAX);
    let until = (Instant::now() + wait).max(rest.until);
    if wait.is_zero() { Rest::light(until) } else { Rest::strict(until) }
}
